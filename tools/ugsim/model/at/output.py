# ugsim.model.at.output - what leaves on TXD: replies, prompts, URCs and payload as whole units.
# SPDX-License-Identifier: MIT

from ugsim.model.base.bytequeue import ByteQueue
from ugsim.model.commands.general import routed
from ugsim.model.foreign import framed

# Kinds of units, the words that faults use to name a place in the stream.
KINDS = ("echo", "info", "payload", "trailer", "final", "prompt", "urc", "data")


# Results with ATV0.
_DIGITS = {"OK": b"0\r", "ERROR": b"4\r", "NO CARRIER": b"3\r", "CONNECT": b"1\r"}


class Output:
    # Framing (27.007, V.250): CR LF text CR LF for each result; the lines of one reply follow each
    # other with one CR LF between. A unit is never cut by another one; `filter` (the faults) may
    # change the bytes of a unit on their way out.

    def __init__(self, model):
        self._m = model
        self.queue = ByteQueue()
        self.total = 0  # bytes ever emitted
        self.filter = None  # function(data, kind) -> data, while a byte fault is armed
        self.before = None  # function(kind), while a "URC first" fault is armed
        self.hold = ""  # URCs wait: "prompt" data entry, "file" upload, "data" transparent mode
        self.urc_ms = -1000  # when the last URC left, for RI
        self.silent = False  # the answer of the running command gets lost
        self.gap = False  # it waits, while URCs pass
        self._kept = []  # what waits of it
        self._held = []
        self._cached = []
        self._slept = []
        self._in_reply = False  # an information line has left, the next needs no leading CR LF

    def emit(self, data, kind):
        # One unit, or a further part of the unit that was begun last.
        if self._m.muted or not self._m.power.alive() or self._m.port.baud == 0:
            return
        if self.before is not None and kind != "urc":
            self.before(kind)
        if self.filter is not None:
            data = self.filter(data, kind)
        self.total += len(data)
        self.queue.append(data)

    def answer(self, data, kind, shown="", text=""):
        # A unit of the running command's answer; shown, text: the event that tells of it.
        if self.silent:
            return
        if self.gap:
            self._kept.append((data, kind, shown, text))
            return
        if shown:
            self._m.event(shown, text)
        self.emit(data, kind)

    def close_gap(self):
        # What waited of the answer leaves.
        self.gap = False
        kept = self._kept
        self._kept = []
        for data, kind, shown, text in kept:
            self.answer(data, kind, shown, text)

    def begin_reply(self):
        self._in_reply = False

    def info(self, text):
        # An information line of the running command.
        line = text.encode() + b"\r\n"
        if not self._in_reply:
            line = b"\r\n" + line
            self._in_reply = True
        self.answer(line, "info", "info", text)

    def counted(self, header, data, short):
        # A header line, raw data of the length it names, and the trailer up to OK, as one unit.
        end = b"," if self._m.qicfg["viewmode"] else b"\r\n"
        self.answer(b"\r\n" + header.encode() + end, "info", "info", header)
        self.answer(data, "payload")
        self.answer(b"\r\nOK\r\n" if short else b"\r\n\r\nOK\r\n", "trailer", "final", "OK")

    def connect(self, text, data):
        # A CONNECT line and the raw data that belong to it, as one unit.
        self.answer(b"\r\n" + text.encode() + b"\r\n", "info", "info", text)
        self.answer(data, "payload")

    def final(self, text):
        # A final result code.
        self._in_reply = False
        if self._m.quiet:
            return
        data = b"\r\n" + text.encode() + b"\r\n"
        if not self._m.verbose:
            data = _DIGITS.get(text, data)
        self.answer(data, "final", "final", text)

    def prompt(self, text):
        self.answer(b"\r\n" + text.encode(), "prompt", "prompt", text)

    def tell(self, what, text):
        # A URC of the kind that the faults lose_urc and late_urc call so.
        faults = self._m.faults
        if faults.on_urcs:
            if faults.lost(what):
                return
            wait = faults.late(what)
            if wait:
                self._m.timers.at(self._m.now + wait, lambda: self.urc(text, what=what))
                return
        self.urc(text, what=what)

    def urc(self, text, data=None, trailer=b"", what=""):
        # An unsolicited result code; with `data` a direct push. Waits while a data mode has the
        # port, or is lost there (switch urc_in_data). May go to another port (AT+QCFG="urc/port").
        if self.hold:
            if self._m.sw["urc_in_data"] == "later" or self.hold != "data":
                self._held.append((text, data, trailer, what))
            return
        if routed(self._m) and not self._passes(what):
            self._m.event("elsewhere", text)
            return
        if self._m.qcfg.get("urc/cache") == "1":
            self._cached.append((text, data, trailer, what))
            return
        if not self._m.phone.get("QINDCFG all", 1):
            return
        self.urc_ms = self._m.now
        if self._m.port.asleep():
            if self._m.sw["sleep_urc"] != "now":
                if self._m.sw["sleep_urc"] == "held":
                    self._slept.append((text, data, trailer, what))
                return
            self._m.port.stirs()
        self._m.event("urc", text)
        line = framed(text)
        if data is not None and self._m.qicfg["viewmode"]:
            line = line[:-2] + b","
        self.emit(line, "urc")
        if data is not None:
            self.emit(data, "payload")
            self.emit(trailer, "trailer")

    def _passes(self, what):
        # Though URCs go to another port.
        if what == "open":
            return self._m.sw["urc_port_open"] == "yes"
        return what == "start" and self._m.sw["start_urcs"] == "always"

    def uncache(self):
        # AT+QCFG="urc/cache",0: what was held back comes now.
        cached = self._cached
        self._cached = []
        for text, data, trailer, what in cached:
            self.urc(text, data, trailer, what)

    def awake(self):
        # The UART is awake: what was held back in its sleep comes now.
        slept = self._slept
        self._slept = []
        for text, data, trailer, what in slept:
            self.urc(text, data, trailer, what)

    def release(self):
        # The data mode is over: what waited comes now.
        self.hold = ""
        held = self._held
        self._held = []
        for text, data, trailer, what in held:
            self.urc(text, data, trailer, what)

    def pending(self):
        return len(self.queue)

    def reset(self, keep):
        # Power gone: of what waits nothing leaves, unless `keep`.
        if not keep:
            self.queue.clear()
        self._held = []
        self._cached = []
        self._slept = []
        self._kept = []
        self.hold = ""
        self.silent = False
        self.gap = False
        self._in_reply = False
