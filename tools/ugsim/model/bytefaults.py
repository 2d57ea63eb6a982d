# ugsim.model.bytefaults - faults that strike at a byte or in front of a line of the stream.
# SPDX-License-Identifier: MIT

from ugsim.model import foreign

# What in=reply means.
_REPLY = ("info", "payload", "trailer", "final")
# Places where before=any puts a line: never inside counted data.
_LEGAL = ("info", "final", "prompt", "echo")

_BYTES = ("lose", "corrupt", "insert", "dup", "cut")


class Places:
    # at= counts bytes from 1: with line= from the first byte of a unit whose text begins so (the
    # CR of its leading CR LF is byte 1), else over all bytes of the kind in= since the fault was
    # armed or has struck. With rate= one byte in so many is hit, at random from the seed.

    def __init__(self, model):
        self._m = model

    def output(self, data, kind):
        # The bytes that really leave.
        for fault in self._m.faults.armed():
            if fault.name in _BYTES:
                data = self._apply(fault, data, kind)
        return data

    def _apply(self, fault, data, kind):
        wanted = fault.text("in")
        if wanted != "any" and wanted != kind and not (wanted == "reply" and kind in _REPLY):
            return data
        line = fault.text("line")
        if kind == "echo" and not line and not fault.number("rate"):
            return self._in_echo(fault, data)
        return self._at_places(fault, data, line.encode() if line else None)

    def _at_places(self, fault, data, line):
        if fault.number("rate"):
            return self._at_random(fault, data)
        if line is not None:
            if not data.lstrip(b"\r\n").startswith(line):
                return data
            index = fault.number("at") - 1
            if not 0 <= index < len(data):
                return data
        else:
            index = fault.number("at") - 1 - fault.seen
            if index >= len(data):
                fault.seen += len(data)
                return data
            fault.seen = 0
        return self._strike(fault, data, index)

    def _in_echo(self, fault, data):
        # An echo comes in the pieces in which the host types: they change nothing.
        out = b""
        while True:
            index = fault.number("at") - 1 - fault.seen
            if index >= len(data):
                fault.seen += len(data)
                return out + data
            fault.seen = 0
            end = index + fault.number("bytes")
            out += self._strike(fault, data[:end], index)
            data = data[end:]
            if self._m.muted:
                return out
            if fault.number("n") and not fault.left:
                return out + data

    def _at_random(self, fault, data):
        rate = fault.number("rate")
        index = self._m.rng.below(2 * rate - 1)
        while index < len(data):
            before = len(data)
            data = self._strike(fault, data, index)
            if fault.number("n") and not fault.left:
                break
            index += 1 + max(0, len(data) - before) + self._m.rng.below(2 * rate - 1)
        return data

    def _strike(self, fault, data, index):
        # Changes data at index.
        m = self._m
        m.faults.strike(fault)
        name = fault.name
        end = index + fault.number("bytes")
        part = data[index:end]
        if name == "lose":
            part = b""
        elif name == "dup":
            part = part + part
        elif name == "insert":
            part = bytes([fault.hexa("byte") & 255]) * fault.number("bytes") + part
        elif name == "cut":
            m.cut(fault.text("do"))
            return data[: index + 1]
        else:
            mask = fault.hexa("xor") & 255
            part = bytes([c ^ (mask or 1 + m.rng.below(255)) for c in part])
        return data[:index] + part + data[end:]

    def before(self, kind):
        # Something comes ahead of a unit of this kind.
        m = self._m
        for fault in m.faults.armed("before") + m.faults.armed("foreign"):
            wanted = fault.text("before")
            if wanted != kind and (wanted != "any" or kind not in _LEGAL):
                continue
            if fault.name == "before":
                m.faults.strike(fault)
                m.out.emit(stray(fault), "urc")
            elif not fault.number("rate") or not m.rng.below(fault.number("rate")):
                lines = foreign.SETS[fault.text("lines")]
                text = lines[(fault.number("first") + fault.seen) % len(lines)]
                fault.seen += 1
                m.faults.strike(fault)
                m.event("urc", text)
                m.out.emit(foreign.framed(text), "urc")


def line_ends(text):
    # "a\\nb", as it is typed in a command to the simulation, with a line end in it.
    return text.replace("\\r\\n", "\n").replace("\\n", "\n")


def stray(fault):
    # The bytes of a stray line.
    what = fault.text("what") if fault.has("what") else "urc"
    text = line_ends(fault.text("text"))
    if what == "urc":
        return foreign.framed(text or "+CUSD: 2")
    text = text.encode().replace(b"\n", b"\r\n")
    if what == "garbage":
        return b"\r\n" + (text or b"#\x7f]qZ+~") + b"\r\n"
    if what == "long":
        text = text or b"x"
        return b"\r\n" + text * (fault.number("size") // len(text)) + b"\r\n"
    if what == "open":
        return b"\r\n" + (text or b"+QSS")
    return text or b"\0"
