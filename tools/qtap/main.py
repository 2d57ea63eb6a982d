# qtap.main - tools/tap.py in the virtual environment.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import re
import select
import signal
import sys
import time

import setup
from qshared import ending
from qshared.problem import Problem
from qtap import ends, measure, options, record, wire
from qtap.decode import Decoder
from qtap.frames import Frames
from ugsim.model.errors import ControlError

_IPR = re.compile(r"AT\+IPR=(\d+)$", re.I)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TOLD = 40  # of each kind of difference in the end


class Tap:
    # One conversation. shadow: of qtap.shadow or None. recorder, view: or None.
    def __init__(self, shadow, recorder, view, keep):
        self.shadow = shadow
        self.recorder = recorder
        self.view = view
        self.counts = {"commands": 0, "urcs": 0, "up": 0, "down": 0}
        self.orders = []  # for the wire
        self.at = 0.0
        self._shown = record.Shown(keep)
        self.decoder = Decoder(self._item, self._exchange)
        if shadow is not None:
            shadow.host = self.decoder

    def feed(self, which, at, data):
        self.at = at
        (self.decoder.host if which == wire.BOARD else self.decoder.modem)(at, data)

    def tell(self, at, kind, text, n=None, data=b""):
        if self.recorder is not None:
            self.recorder(at, kind, text, n, data)
        if self.view is not None:
            self.view(at, kind, text, data)

    def finish(self):
        self.decoder.finish(self.at)
        if self.shadow is not None:
            self.shadow.finish(self.at)

    def _item(self, item):
        if item.kind == "at":
            self.counts["commands"] += 1
        elif item.kind == "urc":
            self.counts["urcs"] += 1
        elif item.kind in ("up", "down"):
            self.counts[item.kind] += item.n or 0
        shown = self._shown(item)
        if shown is not None:
            self.tell(item.at, *shown)
        if self.shadow is not None:
            self.shadow.item(item)

    def _exchange(self, x):
        found = _IPR.match(x.text)
        if found and x.final == "OK" and int(found[1]):
            self.orders.append(b"rate %s\n" % found[1].encode())
            self.tell(self.at, "state", "both ports go on at %s baud" % found[1])
        elif found and x.final == "OK":
            self.tell(self.at, "state", "AT+IPR=0 has passed: this tap stays at its rate")
        if self.shadow is not None:
            self.shadow.exchange(x)

    def differs(self, difference):
        self.tell(self.at, "differs", difference.line())


def _switches(chosen):
    found = {}
    if chosen.profile:
        from qlearn import profile

        found.update(profile.switches(chosen.profile))
    for text in chosen.switch:
        name, equal, value = text.partition("=")
        if not equal:
            raise Problem("--switch: '%s' is not NAME=VALUE. See --help." % text)
        found[name] = value
    return found


def _shadow(chosen):
    if chosen.plain:
        return None
    from qtap.shadow import Shadow

    try:
        return Shadow(_switches(chosen), model=chosen.model)
    except ControlError as error:
        text = str(error).partition("; '")[0].rstrip(".")
        raise Problem("%s%s." % (text[0].upper(), text[1:])) from None


def _recorder(chosen, start):
    if str(chosen.out) == "-":
        return None
    path = chosen.out or time.strftime("tap-%Y%m%d-%H%M%S.jsonl", time.localtime(start))
    return record.Recorder(path, start, chosen.baud, "%s %s" % (chosen.board, chosen.modem))


def _view(chosen):
    if chosen.quiet:
        return None
    from ugsim.view import on_stdout

    return on_stdout()


def _run(chosen, stack):
    start = time.time()
    shadow = _shadow(chosen)
    board = ends.make(chosen.board, chosen.baud, chosen.rtscts)
    stack.callback(board.close)
    modem = ends.make(chosen.modem, chosen.baud, chosen.rtscts)
    stack.callback(modem.close)
    recorder = _recorder(chosen, start)
    if recorder:
        stack.callback(recorder.close)
    view = _view(chosen)
    tap = Tap(shadow, recorder, view, chosen.keep)
    if shadow is not None:
        shadow.differs = tap.differs
    sys.stdout.flush()
    begin = time.monotonic_ns()
    pid, told, orders = wire.start(board, modem, chosen.dtr)
    woken, wake = os.pipe()
    for number in _SIGNALS:
        signal.signal(number, lambda number, frame: os.write(wake, b"x"))
    print("%s <-> %s, recorded: %s" % (board.say, modem.say, recorder.path if recorder else "no"))
    print("Ctrl-C ends it.", flush=True)
    loop = _Loop(tap, Frames(told), orders, woken, begin)
    try:
        loop.run(chosen.seconds)
    finally:
        with contextlib.suppress(OSError):
            os.close(orders)
        loop.rest()
        os.waitpid(pid, 0)
    tap.finish()
    if recorder:
        recorder.close()
    return _summary(tap, loop, recorder)


class _Loop:
    # stop: file descriptor with something to read when it is time to end.
    def __init__(self, tap, frames, orders, stop, begin):
        self.stop = stop
        self.tap = tap
        self.frames = frames
        self.orders = orders
        self.begin = begin
        self.gone = ""
        self.lost = 0
        self.numbers = None

    def run(self, seconds):
        end = None if seconds is None else time.monotonic() + seconds
        while not self.frames.ended and not self.gone:
            left = 1.0 if end is None else end - time.monotonic()
            if left <= 0:
                return
            ready = select.select([self.frames.sock, self.stop], [], [], min(left, 1.0))[0]
            if self.frames.sock in ready:
                self.turn()
            if self.stop in ready:
                return

    def turn(self):
        for frame in self.frames.take():
            self._frame(*frame)
            for order in self.tap.orders:
                with contextlib.suppress(OSError):
                    os.write(self.orders, order)
            del self.tap.orders[:]

    def rest(self):
        # What the wire has left, up to its end.
        while not self.frames.ended:
            self.turn()

    def _frame(self, which, ns, data):
        at = max(0, ns - self.begin) / 1e9
        tap = self.tap
        if which in (wire.BOARD, wire.MODEM):
            tap.feed(which, at, data)
        elif which == wire.STATS:
            self.numbers = json.loads(data)
        elif which == wire.RATE:
            tap.tell(at, "state", "the program at the pty has set %s baud" % data.decode())
        elif which == wire.LOST:
            self.lost += int(data)
            tap.tell(at, "gap", "%d bytes were not recorded" % int(data))
        elif which == wire.GONE:
            self.gone = data[1:].decode()
            tap.tell(at, "error", self.gone)
        else:
            tap.tell(at, "state", data.decode())


def _times(what, found):
    n, half, most, longest, over = found
    text = "%s %.2f ms (median), %.2f ms (99.9 %%), %.2f ms (longest of %d)" % (
        what,
        half,
        most,
        longest,
        n,
    )
    return text + ("" if not over else "; over 1 ms: %d" % over)


def delays(numbers, out):
    if numbers["delay"]:
        out(_times("delay: bytes were handed on within", numbers["delay"]))
    if numbers["delay"] and numbers["late"]:
        out(_times("       and this PC wakes the tap up later by", numbers["late"]))


def _summary(tap, loop, recorder):
    out = print
    counts = tap.counts
    out("")
    out(
        "%d commands, %d URCs, payload %d bytes up and %d down"
        % (counts["commands"], counts["urcs"], counts["up"], counts["down"])
    )
    numbers = loop.numbers
    if numbers:
        out("%d bytes of the board, %d of the modem passed" % (numbers["board"], numbers["modem"]))
        delays(numbers, out)
    for who in sorted(tap.decoder.told):
        out("Bytes of the %s are garbled: another rate (--baud), levels, GND?" % who)
    if not counts["commands"] and numbers and not numbers["board"]:
        out("Not a byte came from the board: are TX and RX crossed?")
    status = 0
    if tap.shadow is not None:
        status = _differences(tap.shadow, out)
    sys.stdout.flush()
    problems = [loop.gone + "." if loop.gone and loop.gone[-1] not in ".?" else loop.gone]
    if numbers is None:
        problems.append("The process that passes the bytes has died.")
    if loop.lost:
        problems.append("%d bytes passed and were not recorded: too fast for this PC." % loop.lost)
    problems.append(recorder.lost if recorder else "")
    for text in problems:
        if text:
            print("tap.py: %s" % text, file=sys.stderr)
            status = 2
    if recorder and not recorder.lost:
        out("recorded: %s (python3 tools/ugsim trace %s)" % (recorder.path, recorder.path))
    return status


def _differences(shadow, out):
    from qtap import compare as _s

    c = shadow.counts
    out(
        "compared with the simulation: %d alike, %d in another form, %d with another result, "
        "%d that it does not know, %d not to be compared"
        % (c[_s.SAME], c[_s.FORM], c[_s.RESULT], c[_s.UNKNOWN], c[_s.WORLD])
    )
    differ = [d for d in shadow.found.values() if d.kind != _s.UNKNOWN]
    strange = [d for d in shadow.found.values() if d.kind == _s.UNKNOWN]
    if differ:
        out("")
        out("Where the real modem and the simulation differ:")
    for d in differ[:_TOLD]:
        out("  %s, %s, first at %.3f s" % (d.what, _times_of(d.count), d.at))
        out("      the real modem  %s" % _short(d.real))
        out("      the simulation  %s" % _short(d.sim))
    if len(differ) > _TOLD:
        out("  and %d more" % (len(differ) - _TOLD))
    if strange:
        names = sorted({d.what for d in strange})
        out("Not known to the simulation: %s" % ", ".join(names[:_TOLD]))
    return 1 if differ else 0


def _times_of(count):
    return "once" if count == 1 else "%d times" % count


def _short(text):
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= 300 else text[:297] + "..."


def _begin(chosen, stack):
    if chosen.board == "measure":
        return measure.run(chosen, stack, delays)
    return _run(chosen, stack)


def main(args):
    chosen = options.parse(args)
    return ending.run("tap.py", lambda stack: _begin(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
