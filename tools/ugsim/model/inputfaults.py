# ugsim.model.inputfaults - faults that strike at a byte on its way from the host to the modem.
# SPDX-License-Identifier: MIT

from ugsim.model.bytefaults import stray

# "echo_cut" is one of them, as its place is a byte of what the host types.
NAMES = ("lose_in", "corrupt_in", "insert_in", "dup_in", "echo_cut")

_LINE_KEPT = 600  # bytes of a command line that line= is compared with


class Input:
    # A byte is of the kind "payload" when a data mode waits for it (AT+QSSLSEND, AT+QFUPL, ...),
    # else "command", or none if it belongs to no line. at= counts bytes from 1:
    #   with line= within a command line whose text begins so, its CR included; with in=payload
    #   within the payload that belongs to such a command;
    #   else over all bytes of the kind since the fault was armed or has struck.
    # bytes= ends with the line or the payload. How the host's bytes are cut into pieces changes
    # nothing: what a place depends on and has not come yet is waited for.

    def __init__(self, model):
        self._m = model
        self.active = False
        self.reset()

    def reset(self):
        # The modem starts anew.
        self._line = b""  # what the host typed of a command line, without control characters ahead
        self._column = 0  # its length
        self._mode = None  # the data mode that the last byte of payload went to
        self._at = 0  # bytes of its payload
        self._held = b""  # came, but which line it belongs to is still open
        self._running = []  # faults in the middle of their bytes=
        self.active = self._m.faults.input

    def update(self):
        # Faults were armed or disarmed.
        armed = self._m.faults.input
        if armed and not self.active:
            self._line = self._m.line_in.typed()
            self._column = len(self._line)
            self._mode = None
        self.active = armed or bool(self._running)
        if not armed and self._held:
            data = self._held
            self._held = b""
            self._m.line_in.feed(data)

    def feed(self, data):
        # Takes the place of Line.feed().
        m = self._m
        data = self._held + data
        self._held = b""
        while data and not m.muted and m.power.alive():
            kind, span = self._unit(data)
            part = data[:span]
            faults = [f for f in m.faults.armed() if f.name in NAMES]
            count = span
            hold = False
            for fault in faults:
                index, open_ = self._distance(fault, kind, part)
                if index < count or (index == count and index < span):
                    count = index
                    hold = open_
            if self._running:
                count = 0
            if hold:
                self._pass(kind, faults, data[:count])
                self._held = data[count:]
                break
            if count:
                self._pass(kind, faults, data[:count])
                data = data[count:]
            else:
                self._strike(kind, faults, part)
                data = data[1:]
        self.active = m.faults.input or bool(self._running)

    def _unit(self, data):
        # (kind, bytes of data that are of this kind and end with the line at the latest). Kind ""
        # for what belongs to no line: an LF behind a CR, control characters ahead of a command.
        line_in = self._m.line_in
        mode = line_in.mode
        if mode is not None and not line_in.ends_line(data):
            if mode is not self._mode:
                self._mode = mode
                self._at = 0
            return "payload", max(1, mode.span(data))
        self._mode = None
        if not self._column:
            n = 0
            while n < len(data) and data[n] <= 32 and data[n] != 13:
                n += 1
            if n:
                return "", n if mode is None else 1
        end = data.find(b"\r")
        return "command", len(data) if end < 0 else end + 1

    def _distance(self, fault, kind, part):
        # (index in part of the byte at which it strikes, False), or (index, True) when it is open
        # whether it strikes there, or (length of part, False).
        size = len(part)
        nowhere = (size, False)
        wanted = fault.place
        if wanted != "any" and wanted != kind:
            return nowhere
        line = fault.text("line").encode()
        first = fault.number("at") - (fault.name != "echo_cut")
        rate = fault.has("rate") and fault.number("rate")
        if rate:
            if fault.next is None:
                fault.next = self._m.rng.below(2 * rate - 1)
            index = fault.next
        elif not line and fault.name != "echo_cut":
            index = first - fault.seen
        elif wanted == "payload":
            if not self._m.runner.typed.startswith(line):
                return nowhere
            index = first - self._at
        else:
            if kind != "command":
                return nowhere
            index = first - self._column
            if 0 <= index < size:
                known = self._line + part
                if not known.startswith(line):
                    is_open = part[-1] != 13 and line.startswith(known)
                    return (index, True) if is_open else nowhere
        return (index, False) if 0 <= index < size else nowhere

    def _pass(self, kind, faults, part):
        # These bytes get through.
        if part:
            self._count(kind, faults, part)
            self._m.line_in.feed(part)
            self._ended(kind, part)

    def _count(self, kind, faults, part):
        for fault in faults:
            wanted = fault.place
            if wanted == "any" or wanted == kind:
                if fault.next is not None:
                    fault.next -= len(part)
                else:
                    fault.seen += len(part)
        if kind == "payload":
            self._at += len(part)
        elif kind:
            self._line = (self._line + part)[:_LINE_KEPT]
            self._column += len(part)

    def _ended(self, kind, part):
        # part has been fed: a line or a payload may have ended with it.
        m = self._m
        end = False
        if kind == "command" and part[-1] == 13:
            self._line = b""
            self._column = 0
            end = True
        elif kind == "payload" and m.line_in.mode is not self._mode:
            self._mode = None
            end = True
        if end:
            for fault in self._running:
                self._again(fault)
            self._running = []

    def _strike(self, kind, faults, part):
        # The first byte of part is hit.
        m = self._m
        byte = part[:1]
        hit = list(self._running)
        for fault in faults:
            if fault not in hit and self._distance(fault, kind, part) == (0, False):
                hit.append(fault)
        self._count(kind, faults, byte)
        data = byte
        for fault in hit:
            if fault not in self._running:
                m.faults.strike(fault)
                fault.seen = 0
                fault.next = None
                fault.run = fault.number("bytes") if fault.has("bytes") else 1
                fault.kept = b""
                if fault.name == "insert_in":
                    data = bytes([fault.hexa("byte")]) * fault.run + data
                    continue
                if fault.name == "echo_cut":
                    if m.echoes():
                        m.out.emit(stray(fault), "urc")
                    continue
                self._running.append(fault)
            fault.run -= 1
            if fault.name == "lose_in":
                data = b""
            elif fault.name == "dup_in":
                fault.kept += byte
            else:
                mask = fault.hexa("xor")
                data = bytes([c ^ (mask or 1 + m.rng.below(255)) for c in data])
        m.line_in.feed(data)
        for fault in hit:
            if fault in self._running and not fault.run:
                self._running.remove(fault)
                self._again(fault)
        self._ended(kind, byte)

    def _again(self, fault):
        # The bytes that come twice.
        if fault.name == "dup_in":
            self._m.line_in.feed(fault.kept)
