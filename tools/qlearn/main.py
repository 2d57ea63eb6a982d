# qlearn.main - tools/learn.py in the virtual environment.
# SPDX-License-Identifier: MIT

import sys

import setup
from qlearn import options, profile, report, run
from qlearn.port import Port
from qlearn.private import Mask
from qlearn.server import Server
from qlearn.talk import Talk
from qshared import ending
from qshared.problem import Problem
from ugsim.port import owner

_NETWORK = "AT+QICSGP and AT+QIACT of context 1 if it is not active, with --ntp the clock"
_RADIO = "leaves the network (AT+CFUN=4) and restarts once (AT+CFUN=1,1): files in RAM: are gone"


def _plan(todo, opts, out):
    # What will happen, before it does.
    stages = dict.fromkeys(stage for stage, _, _, _ in todo)
    seconds = sum(entry[3] for entry in todo)
    data = sum(stage.data for stage in stages)
    names = {name for _, _, names, _ in todo for name in names}
    out("%d switches to settle, about %d min" % (len(names), max(1, round(seconds / 60))))
    out("over the air: %s" % ("about %d kB" % (data // 1000 + 1) if data else "nothing"))
    out(
        "sets and puts back: the echo, AT+CMEE, AT+CSCS, AT+QSSLCFG of SSL context 5%s"
        % (", AT+QISDE" if opts.server else "")
    )
    out("makes and deletes: files qlearn-* in RAM: and one byte in UFS:")
    if opts.network:
        out("network: %s" % _NETWORK)
    if opts.restart:
        out("restart: %s" % _RADIO)


def _agreed(chosen):
    if chosen.yes:
        return
    if not sys.stdin.isatty():
        raise Problem("Nobody is there to agree: --yes begins without asking.")
    print("Begin? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Problem("Nothing was asked.")


def _known(path, learner):
    # Results of an earlier run with the same modem.
    if not path.exists():
        return {}
    found = profile.load(path)
    if (found["model"], found["revision"]) != (learner.model, learner.revision):
        raise Problem(
            "%s is of another modem (%s): give another file with --out."
            % (path, found["revision"])
        )
    learner.bench.measured.update(found.get("measured", {}))
    return profile.results(found)


def _tell(done, of, what):
    if sys.stderr.isatty():
        text = "%d of %d: %s ..." % (done + 1, of, what) if what else ""
        print("\r\x1b[K%s" % text, end="", file=sys.stderr, flush=True)


def _port(chosen):
    if chosen.board:
        from qlearn.throughboard import BoardPort

        return BoardPort(chosen.board, chosen.baud or 0)
    taken = owner.taken(chosen.port)
    if taken:
        raise Problem(taken + ".")
    return Port(chosen.port, chosen.baud or 115200, chosen.rtscts)


def _ask(chosen, stack):
    opts = run.Options(
        chosen.apn, chosen.user, chosen.password, chosen.server, chosen.ntp, chosen.restart
    )
    port = _port(chosen)
    stack.callback(port.close)
    mask = Mask(
        {
            chosen.apn: "APN",
            chosen.user: "USER",
            chosen.password: "PASSWORD",
            chosen.server[0] if chosen.server else "": "SERVER",
            chosen.ntp: "TIMESERVER",
        }
    )

    def saved(bench):
        profile.save(chosen.out, profile.data(learner, mask))

    talk = Talk(port)
    learner = run.Learner(talk, opts, {}, _tell, saved)
    model, revision = learner.identify()
    if not run.known(model) and not chosen.anyway:
        raise Problem(
            "It is a %s: learn.py knows UG95 and UG96; --anyway asks it all the same."
            % (model or "modem that does not say its model (ATI)")
        )
    print("%s, firmware %s, on %s" % (model, revision or "unknown", port.name))
    learner.bench.results.update(_known(chosen.out, learner))
    todo = run.pending(opts, learner.bench.results)
    if not todo:
        print("All that can be asked like this is settled in %s." % chosen.out)
        return 0
    _plan(todo, opts, print)
    _agreed(chosen)
    try:
        failed = learner.run()
    finally:
        _tell(0, 0, "")
        if learner.bench.results:
            profile.save(chosen.out, profile.data(learner, mask))
    found = profile.data(learner, mask)
    print("")
    report.show(found, print)
    print("")
    print("%d bytes typed, %d read; written: %s" % (talk.sent, talk.received, chosen.out))
    for command in failed:
        print("Not put back: %s" % mask(command))
    return 1 if failed or found["contradictory"] else 0


def _serve(chosen, stack):
    server = Server((chosen.listen, int(chosen.port)), lambda text: print(text, flush=True))
    stack.callback(server.close)
    print(
        "Listening on port %d; Ctrl-C ends it. The modem's side: --server THIS-HOST:%d"
        % (server.port, server.port),
        flush=True,
    )
    while True:
        server.thread.join(3600)


def _run(chosen, stack):
    if chosen.what == "serve":
        return _serve(chosen, stack)
    if chosen.what == "show":
        report.show(profile.load(chosen.file), print)
        return 0
    return _ask(chosen, stack)


def main(args):
    chosen = options.parse(args)
    return ending.run(
        "learn.py",
        lambda stack: _run(chosen, stack),
        None
        if chosen.what != "ask"
        else lambda: "what was set is put back; run it again to go on",
    )


if __name__ == "__main__":
    sys.exit(setup.main(main))
