# ugsim.model.at.line - what arrives on RXD: command lines, echo, and the data modes' input.
# SPDX-License-Identifier: MIT

_LINE_MAX = 559  # characters of a command line; longer ones answer ERROR


class Line:
    # A command line ends with CR; an LF is ignored, also right behind a CR that began a data mode.
    # While `mode` is set, that data mode gets every other byte: mode.feed(data) -> the bytes that
    # come behind its end.

    def __init__(self, model):
        self._m = model
        self._line = b""
        self._overlong = False
        self._waiting = b""  # typed ahead while a command runs (switch busy_input)
        self._answered = -1  # output.total behind the answer, if the last byte was a command's CR
        self.mode = None

    def typed(self):
        # The command line as far as it has come.
        return self._line

    def ends_line(self, data):
        # data begins with an LF that belongs to the command before. Data comes only from a host
        # that has seen the ">", of which all but a blank has left.
        if self._answered < 0 or data[0] != 10:
            return False
        if self.mode is None:
            return True
        out = self._m.out
        return out.gap or out.total - out.pending() < self._answered - 1

    def feed(self, data):
        if self._answered >= 0 and data:
            if self.ends_line(data):
                data = data[1:]
            self._answered = -1
        while data:
            if self.mode is not None:
                data = self.mode.feed(data)
            elif self._m.running:
                self._m.count("busy_input", len(data))
                if self._m.sw["busy_input"] == "queue":
                    self._waiting += data
                return
            else:
                data = self._command(data)

    def resume(self):
        # The running command has ended: takes up what was typed ahead.
        if self._waiting:
            data = self._waiting
            self._waiting = b""
            self.feed(data)

    def _command(self, data):
        # Collects one command line and runs it. Returns what follows its CR.
        end = data.find(b"\r")
        if self._m.lf_is_enter:
            lf = data.find(b"\n")
            if lf >= 0 and (end < 0 or lf < end):
                end = lf
        part = data if end < 0 else data[:end]
        if self._m.echoes():
            echoed = part if end < 0 else part + b"\r"  # each character, also what is ignored
            if echoed:
                self._m.out.emit(echoed, "echo")
                if self._m.muted:  # a fault struck there: nobody runs the command
                    return b""
        if b"\n" in part:
            part = part.replace(b"\n", b"")
        room = _LINE_MAX - len(self._line)
        if len(part) > room:
            self._overlong = True
            part = part[:room]
        self._line += part
        if b"\b" in part:
            self._line = _erase(self._line)
        if end < 0:
            return b""
        line = self._line
        overlong = self._overlong
        self._line = b""
        self._overlong = False
        self._m.runner.line(line, overlong)
        rest = data[end + 1 :]
        self._answered = -1 if rest else self._m.out.total
        return rest[1:] if rest[:1] == b"\n" else rest

    def reset(self):
        self._line = b""
        self._waiting = b""
        self._overlong = False
        self._answered = -1
        self.mode = None


def _erase(line):
    # Backspace (S5) removes the character before it; people type them.
    kept = []
    for c in line:
        if c != 8:
            kept.append(c)
        elif kept:
            kept.pop()
    return bytes(kept)
