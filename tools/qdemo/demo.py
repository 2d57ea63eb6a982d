# qdemo.demo - one run of the demo: starts everything, watches, judges, ends everything.
# SPDX-License-Identifier: MIT

import functools
import re
import sys
import tempfile
import time
from pathlib import Path

import setup
from qdemo import options, summary
from qdemo.board import Board
from qdemo.broker import Broker
from qdemo.certificates import Certificates
from qdemo.events import Events
from qdemo.https_server import HttpsServer
from qdemo.judge import AGAIN, NEW, Judge
from qdemo.modem import Modem
from qdemo.screen import Screen
from qdemo.servers import words
from qdemo.trouble import Trouble
from qshared import ending
from qshared.problem import Problem
from ugsim import picture, trace
from ugsim.model.family import load

_PATIENCE_S = 180  # so long without a new record, and the run is given up
_DRAIN_S = 3  # for what is still on its way when the script has ended ...
_SETTLE_S = 0.3  # ... and for one more than was wanted
_SHOWN = ("tls", "fault", "control", "radio", "power")  # kinds of modem events without --at

# What the examples print.
_SAID = re.compile(r"record (\d+): (confirmed|not confirmed|.*)")


class Demo:
    def __init__(self, chosen):
        self._chosen = chosen
        self._events = Events()
        self._judge = Judge(chosen.records)
        self._screen = Screen(chosen.records, bool(chosen.picture))
        self._told = []  # for the page: (Unix time, kind, text) of board and server
        self._over = []  # sentences about what stopped the run

    def run(self, stack):
        # The exit status. stack: contextlib.ExitStack for what has to be closed at the end.
        self._stack = stack
        self._trouble = Trouble(self._chosen)
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-demo-")))
        self._start()
        begin = time.time()
        self._screen.begin(begin)
        self._stack.callback(self._screen.end)
        self._watch()
        self._screen.end()
        seconds = time.time() - begin
        stats = self._modem.stats()
        self._screen.summary(summary.rows(self._judge, stats, self._board.facts(), seconds))
        faults = self._over + self._judge.faults()
        if faults:
            self._screen.verdict("Failed. " + " ".join(faults), False)
        else:
            self._screen.verdict(_praise(self._judge), True)
        if self._chosen.picture:
            Path(self._chosen.picture).write_text(
                self._screen.picture("tools/demo.py"), encoding="utf-8"
            )
        if self._chosen.html:
            self._page(self._chosen.html)
        return 1 if faults else 0

    def progress(self):
        arrived = sum(1 for n in self._judge.arrived if 1 <= n <= self._judge.count)
        return "%d of %d records had arrived" % (arrived, self._judge.count)

    def _page(self, path):
        self._modem.stop()
        try:
            events = picture.merged(trace.read(self._modem.trace), self._told)
            picture.write(path, events, "qssl demo")
        except trace.TraceError as e:
            raise Problem("--html: %s" % e) from None

    def _start(self):
        chosen, screen, folder = self._chosen, self._screen, self._folder
        kind = "MQTT" if chosen.mqtt else "HTTPS"
        family = load(chosen.model)
        what = "simulated %s" % (family.model if family.lte else "UGxx")
        screen.title("qssl demo: MicroPython > AT port > %s > TLS > %s" % (what, kind))
        screen.setup("certificates", "a CA and the server's, RSA 2048, made just now")
        certs = Certificates(folder, family.lte)
        server = self._server = self._start_server(certs)
        self._modem = Modem(folder, self._events, chosen.baud, model=chosen.model)
        self._stack.callback(self._modem.stop)
        rate = "%d baud" % chosen.baud if chosen.baud else "as fast as it goes"
        screen.setup("modem", "%s on %s, %s" % (what, self._modem.at, rate))
        script = self._script()
        settings = {
            "modem": self._modem.at,
            "host": server.host,
            "port": server.port,
            "ca": certs.ca,
            "count": chosen.records,
            "interval_ms": round(chosen.interval * 1000),
            **server.settings,
        }
        folders = [setup.umqtt()] if chosen.mqtt else []
        screen.setup("board", "MicroPython's unix port runs %s" % _short(script))
        self._board = Board(script, folder, settings, folders, self._events)
        self._stack.callback(self._board.stop)

    def _start_server(self, certs):
        on_record = functools.partial(self._events.put, "arrival")
        on_note = functools.partial(self._events.put, "note")
        if self._chosen.mqtt:
            server = Broker(certs, self._folder, on_record, on_note, self._chosen.port)
            what = "mosquitto"
        else:
            server = HttpsServer(certs, on_record, on_note, self._chosen.port)
            what = "HTTPS (Python's ssl)"
        self._stack.callback(server.close)
        text = "%s on %s:%d, %s" % (what, server.host, server.port, words(certs))
        if certs.other and not self._chosen.mqtt:
            text += ", another host beside it"
        self._screen.setup("server", text)
        return server

    def _script(self):
        if self._chosen.script:
            return Path(self._chosen.script).absolute()
        name = "telemetry_mqtt.py" if self._chosen.mqtt else "telemetry_https.py"
        return setup.ROOT / "examples" / name

    def _watch(self):
        # Until the script has ended and nothing more can come.
        patience = _PATIENCE_S + self._chosen.coverage_hole + self._chosen.interval
        self._heard = time.monotonic()
        deadline = None
        while deadline is None or time.monotonic() < deadline:
            event = self._events.get(0.1)
            now = time.monotonic()
            for command in self._trouble.due(now):
                self._modem.command(command)
            if now - self._heard > patience:
                self._over.append("No record has arrived for %d s." % patience)
                return
            if event is None:
                for part, alive in (
                    ("simulated modem", self._modem.alive()),
                    ("server", self._server.alive()),
                ):
                    if not alive:
                        raise Problem("The %s has ended by itself. Run the demo again." % part)
                continue
            at, source, item = event
            if source == "end":
                if item:
                    how = "exit status %d" % item if item > 0 else "signal %d" % -item
                    self._over.append("The script ended with %s." % how)
                deadline = now + _DRAIN_S
            else:
                getattr(self, "_on_" + source)(at, item)
            if deadline and self._judge.complete():
                deadline = min(deadline, now + _SETTLE_S)

    def _on_board(self, at, line):
        match = _SAID.match(line)
        style = None
        if match:
            n, said = int(match[1]), match[2]
            if said == "confirmed":
                self._judge.on_confirmed(n)
                style = "green"
            elif said == "not confirmed":
                self._judge.on_failed(n)
                style = "bold red"
            else:
                self._judge.on_sent(n, said)
        self._told.append((at, "program", line))
        self._screen.line(at, "board", line, style)

    def _on_arrival(self, at, record):
        result = self._judge.on_arrived(record)
        text = "record %d: %s, %d bytes" % (record.n, record.text, record.size)
        if result == AGAIN:
            text += "; it was here before: dropped by its number"
        self._told.append((at, "server", text))
        self._screen.line(at, "server", text, None if result == NEW else "bold red")
        self._screen.arrived(sum(1 for n in self._judge.arrived if 1 <= n <= self._judge.count))
        if result == NEW:
            self._heard = time.monotonic()
            self._trouble.on_record(record.n, time.monotonic())

    def _on_note(self, at, text):
        self._told.append((at, "server", text))
        self._screen.line(at, "server", text, "yellow")

    def _on_modem(self, at, item):
        kind, text = item
        if self._chosen.at or kind in _SHOWN:
            self._screen.modem(at, kind, text)


def _praise(judge):
    repeats = judge.repeats()
    if judge.count == 1 and not repeats:
        return "The record arrived once."
    if not repeats:
        return "All %d records arrived once and in order." % judge.count
    return (
        "All %d records arrived in order; %d came again, as it could not be confirmed at first, "
        "and was dropped by its number." % (judge.count, repeats)
    )


def _short(path):
    # A path as people name it.
    try:
        return str(path.relative_to(setup.ROOT))
    except ValueError:
        return str(path)


def main(args):
    chosen = options.parse(args)
    if chosen.fleet:
        from qdemo import fleet  # needs more packages

        return fleet.main(chosen)
    demo = Demo(chosen)
    return ending.run("demo.py", demo.run, demo.progress)


if __name__ == "__main__":
    sys.exit(setup.main(main))
