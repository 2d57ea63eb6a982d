# qlearn.run - the whole course of questions: plan, stages, putting back.
# SPDX-License-Identifier: MIT

import re
import time

from qlearn import bench as _bench
from qlearn import connections, network, opening, plain, restart
from qlearn.reasons import UNASKED
from qlearn.talk import Silence
from qshared.problem import Problem


class Options:
    # server: (host, port) or None.   time: the true time in Unix seconds, by the PC.
    def __init__(self, apn=None, user="", password="", server=None, ntp=None, restart=False):
        self.apn = apn
        self.user = user
        self.password = password
        self.server = server
        self.ntp = ntp
        self.restart = restart
        self.network = apn is not None or server is not None or ntp is not None
        self.time = time.time


# Commands whose ranges are noted (AT+...=?). Not AT+COPS=?, which looks for networks.
_TESTED = (
    "QSSLCFG QSSLOPEN QSSLSEND QSSLRECV QSSLCLOSE QSSLSTATE QICSGP QIACT QIDEACT QIDNSCFG "
    "QIDNSGIP QNTP QLTS QFUPL QFDWL QFLST QFLDS QFDEL QFOPEN QFREAD QISDE CMEE CREG CGREG CFUN "
    "CSCS IPR IFC"
).split()


class Stage:
    # missing(options): why its switches are not asked here, "" if they are.
    def __init__(self, title, probes, missing, data=0, setup=None):
        self.title = title
        self.probes = probes
        self.missing = missing
        self.data = data  # bytes over the air, about
        self.setup = setup


def _no_network(options):
    return "" if options.network else "needs the network: --apn"


def _no_server(options):
    return "" if options.server else "needs a server: --server"


def _no_restart(options):
    return "" if options.restart else "needs a restart of the modem: --restart"


def _connections(bench):
    network.ensure(bench)
    opening.fresh(bench)


def _restarting(bench):
    if bench.options.server:
        network.ensure(bench)


STAGES = (
    Stage("settings, files, SIM", plain.PROBES, lambda options: ""),
    Stage("network", network.PROBES, _no_network, 2000, network.ensure),
    Stage("connections", connections.PROBES, _no_server, 150000, _connections),
    Stage("names", network.LATE, _no_network, 500, network.ensure),
    Stage("restart", restart.PROBES, _no_restart, 5000, _restarting),
)


def askable():
    # Every switch that a probe settles.
    return {name for stage in STAGES for _, names, _ in stage.probes for name in names}


def pending(options, results):
    # [(stage, probe, names, seconds)] that are still to be asked.
    found = []
    for stage in STAGES:
        if stage.missing(options):
            continue
        for probe, names, seconds in stage.probes:
            if any(n not in results or results[n].state != "settled" for n in names):
                found.append((stage, probe, names, seconds))
    return found


class Learner:
    # talk: of qlearn.talk.   tell(done, of, what): progress.   saved(bench): after each probe.
    def __init__(self, talk, options, results=None, tell=None, saved=None):
        self.bench = _bench.Bench(talk, options)
        kept = {n: r for n, r in (results or {}).items() if r.state == "settled"}
        self.bench.results.update(kept)
        self.talk = talk
        self.options = options
        self.tell = tell or (lambda done, of, what: None)
        self.saved = saved or (lambda bench: None)
        self.model = self.revision = ""
        self._echoed = False

    def identify(self):
        # Who is there. Problem if it is no modem, or answers in no known way.
        talk = self.talk
        answer = None
        for _ in range(4):
            answer = talk.ask("AT", 1000)
            if answer.ok:
                break
            if answer.raw.endswith(b"0\r"):
                talk.ask("ATV1", 1000)
                talk.undo("ATV0")
            talk.settle(300)
        else:
            if answer.raw.strip() not in (b"", b"AT"):
                raise Problem(
                    "What is on the port is no modem, or at another rate: AT is answered by %r."
                    % answer.raw[:40]
                )
            raise Problem(
                "Nothing on the port answers AT: is the modem on, TX and RX crossed, the rate "
                "right (--baud)?"
            )
        self._echoed = answer.echoed
        lines = talk.ask("ATI", 3000).lines
        found = [line[9:].strip() for line in lines if line.startswith("Revision:")]
        self.model = lines[1].strip() if len(lines) > 1 else ""
        self.revision = found[0] if found else ""
        return self.model, self.revision

    def run(self):
        # Everything that is pending; puts back whatever happens. Returns what could not be.
        talk = self.talk
        bench = self.bench
        try:
            if self._echoed:
                talk.undo("ATE1")
            old = bench.want("AT+CMEE?").field("+CMEE:") or "1"
            talk.undo("AT+CMEE=%s" % old)
            bench.want("AT+CMEE=1")
            talk.ask("ATE0")
            self._facts()
            self._stages()
        except _bench.Unasked as error:
            raise Problem("The modem does not go along: %s." % error) from None
        except Silence:
            raise Problem("The modem has fallen silent: switch it off and on, then run it again.")
        finally:
            bench.told()
            for name, why in UNASKED.items():
                bench.open(name, why)
            failed = self._restore()
        return failed

    def _restore(self):
        try:
            self.talk.settle(200)
            self.talk.recover()
            return self.talk.restore()
        except Problem:
            return ["(the port is gone)"]

    def _facts(self):
        for command in _TESTED:
            answer = self.talk.ask("AT+%s=?" % command)
            self.bench.facts["AT+%s=?" % command] = "\n".join(answer.lines) or answer.final

    def _stages(self):
        todo = pending(self.options, self.bench.results)
        ready = {}
        for stage in STAGES:
            why = stage.missing(self.options)
            for _, names, _ in stage.probes:
                for name in names if why else ():
                    self.bench.open(name, why)
        for done, (stage, probe, names, _) in enumerate(todo):
            for name in names:
                found = self.bench.results.get(name)
                if found and found.state == "open":
                    del self.bench.results[name]
            if stage not in ready:
                ready[stage] = self._set_up(stage)
            self.tell(done, len(todo), stage.title)
            if ready[stage]:
                for name in names:
                    self.bench.open(name, ready[stage])
                continue
            try:
                _bench.guarded(probe, self.bench, names)
                self.talk.alive()
            except Silence:
                # It may wait for something that this probe has begun.
                if not self.talk.recover():
                    raise
            self.saved(self.bench)
        self.tell(len(todo), len(todo), "")

    def _set_up(self, stage):
        # "" or why the stage can't be asked.
        try:
            if stage.setup:
                stage.setup(self.bench)
        except (_bench.Unasked, _bench.Odd) as error:
            return str(error)
        return ""


def known(model):
    # Whether the probes are made for it.
    return re.match(r"UG9[56]", model) is not None
