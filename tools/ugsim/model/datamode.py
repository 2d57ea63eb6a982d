# ugsim.model.datamode - the port as a data channel: QSSLSEND's entry and transparent mode.
# SPDX-License-Identifier: MIT

from ugsim.model import sockets
from ugsim.model.errors import ERROR, OK

_CTRL_Z = b"\x1a"
_ESC = b"\x1b"
_ENTRY_MAX = 1460
_GUARD_MS = 1000  # silence before and after "+++", and the time in which it is typed (manual 1.3)


class Entry:
    # Data of one AT+QSSLSEND (manual 2.2.3): `length` bytes, or with 0 up to Ctrl-Z or ESC.

    def __init__(self, model, socket, length):
        self._m = model
        self._s = socket
        self._length = length
        self._parts = []
        self._size = 0
        self._timer = None

    def begin(self):
        m = self._m
        fault = m.faults.hit("no_prompt")
        if fault is not None and fault.text("state") == "idle":
            m.runner.done()
            return
        if m.sw["urc_at_prompt"] == "later":
            m.out.hold = "prompt"
        m.line.mode = self
        limit = m.sw["prompt_timeout_ms"]
        if limit:
            self._timer = m.timers.at(m.now + limit, self._too_late)
        if fault is not None:
            return
        wait = m.faults.delay("prompt", ">")
        if wait:
            m.timers.at(m.now + wait, self._prompt)
        else:
            self._prompt()

    def _prompt(self):
        m = self._m
        if m.line.mode is not self:
            return
        text = "> " if m.sw["prompt_space"] == "yes" else ">"
        m.out.prompt(text)
        if m.faults.hit("prompt_twice") is not None:
            m.out.prompt(text)

    def feed(self, data):
        if self._length:
            need = self._length - self._size
            self._add(data[:need])
            if self._size == self._length:
                self._send()
            return data[need:]
        end = data.find(_CTRL_Z)
        escape = data.find(_ESC)
        if escape >= 0 and (end < 0 or escape < end):
            self._add(data[:escape])
            self._cancel()
            return data[escape + 1 :]
        if end < 0:
            self._add(data)
            return b""
        self._add(data[:end])
        self._send()
        return data[end + 1 :]

    def _add(self, data):
        m = self._m
        if not data:
            return
        self._parts.append(data)
        self._size += len(data)
        if m.sw["payload_echo"] != "never" and m.payload_echo:
            if m.echo or m.sw["payload_echo"] == "qisde":
                m.out.emit(data, "echo")
        again = m.sw["prompt_again"]
        if again == "both" or (again == "variable" and not self._length):
            for _ in range(data.count(b"\r")):
                m.out.prompt("> " if m.sw["prompt_space"] == "yes" else ">")

    def _send(self):
        m = self._m
        s = self._s
        if m.sockets.slots[s.number] is not s or s.state != sockets.CONNECTED:
            m.last_error = 567
            self._end(ERROR)
        elif m.faults.hit("send_error") is not None:
            m.last_error = 558
            self._end(ERROR)
        elif not 0 < self._size <= _ENTRY_MAX:
            m.last_error = 552
            self._end(ERROR)
        elif m.faults.hit("send_fail") is not None:
            self._end("SEND FAIL")
        elif len(s.tx) + self._size > m.sw["tx_size"]:
            self._end("SEND FAIL")
        else:
            s.tx.append(b"".join(self._parts))
            self._end("SEND OK")

    def _cancel(self):
        m = self._m
        m.last_error = 571
        answer = m.sw["esc_answer"]
        self._end(OK if answer == "ok" else "SEND FAIL" if answer == "fail" else "")

    def _too_late(self):
        if self._m.line.mode is self:
            self._m.last_error = 569
            self._end(ERROR)

    def _end(self, result):
        m = self._m
        m.timers.cancel(self._timer)
        m.line.mode = None
        m.finish(result, m.out.release if m.out.hold else None)


def connect(m, s):
    # The running command ends with CONNECT and socket s gets the port.
    m.finish(m.sw["connect_text"], lambda: Transparent(m, s).begin())


class Transparent:
    # Transparent access mode (manual 1.3): every byte belongs to the connection, until "+++" with
    # its guard times, DTR, or the end of the connection.

    def __init__(self, model, socket):
        self._m = model
        self._s = socket
        self._plus = b""  # plus signs that may become the escape
        self._plus_ms = 0  # when the first of them came
        self._last_ms = model.now  # when the last byte came
        self._timer = None

    def begin(self):
        m = self._m
        s = self._s
        if m.sockets.slots[s.number] is not s:
            m.out.final("NO CARRIER")
            return
        s.mode = sockets.TRANSPARENT
        s.armed = True
        m.line.mode = self
        m.out.hold = "data"
        m.sockets.owner = s
        m.sockets.leave = self.leave
        m.event("mode", "socket %d: transparent" % s.number)
        if s.state != sockets.CONNECTED:
            self.leave("NO CARRIER")

    def feed(self, data):
        m = self._m
        now = m.now
        if self._plus:
            tried = self._plus + data
            if tried == b"+++"[: len(tried)] and now - self._plus_ms < _GUARD_MS:
                self._wait(tried)
            else:
                self._flush()
                self._accept(data)
        elif now - self._last_ms >= _GUARD_MS and data == b"+++"[: len(data)]:
            self._plus_ms = now
            self._wait(data)
        else:
            self._accept(data)
        self._last_ms = now
        return b""

    def _wait(self, plus):
        m = self._m
        self._plus = plus
        m.timers.cancel(self._timer)
        due = (m.now if len(plus) == 3 else self._plus_ms) + _GUARD_MS
        self._timer = m.timers.at(due, self._silence)

    def _silence(self):
        if self._m.line.mode is not self:
            return
        if self._plus == b"+++":
            self._plus = b""
            self.leave(OK)
        else:
            self._flush()

    def _flush(self):
        # It was no escape: the plus signs are payload.
        self._m.timers.cancel(self._timer)
        plus = self._plus
        self._plus = b""
        self._accept(plus)

    def _accept(self, data):
        m = self._m
        s = self._s
        room = m.sw["tx_size"] - len(s.tx)
        if len(data) > room and m.ifc[1] != 2:
            m.count("overrun", len(data) - max(room, 0))
            data = data[: max(room, 0)]
        s.tx.append(data)

    def leave(self, result):
        # Back to command mode; the connection, if it lives, is in buffer mode then.
        m = self._m
        s = self._s
        m.timers.cancel(self._timer)
        if self._plus and result != OK:
            self._plus = b""
        m.line.mode = None
        m.sockets.owner = None
        m.sockets.leave = None
        if s.mode == sockets.TRANSPARENT:
            s.mode = sockets.BUFFER
        if result == OK and s.state == sockets.CONNECTED:
            m.sockets.resumable = s
        m.event("mode", "command mode")
        m.out.final(result)
        m.out.release()
