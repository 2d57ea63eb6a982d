# ugsim.model.commands.datamode - QSSLSEND's data entry, uploads, transparent mode.
# SPDX-License-Identifier: MIT

from binascii import unhexlify

from ugsim.model.at.escape import Escape
from ugsim.model.commands import qicfg, sslsocket
from ugsim.model.errors import ERROR, OK

_CTRL_Z = b"\x1a"
_ESC = b"\x1b"
_ENTRY_MAX = 1460  # manual 2.2.3


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
        m.line_in.mode = self
        self._wait()
        if fault is not None:
            return
        wait = m.faults.delay("prompt", ">")
        if wait:
            m.timers.at(m.now + wait, self._prompt)
        else:
            self._prompt()

    def _wait(self):
        # Without a byte for some time it gives up.
        m = self._m
        m.timers.cancel(self._timer)
        limit = qicfg.prompt_timeout_ms(m)
        self._timer = m.timers.at(m.now + limit, self._too_late) if limit else None

    def _prompt(self):
        m = self._m
        if m.line_in.mode is not self:
            return
        text = "> " if m.sw["prompt_space"] == "yes" else ">"
        if m.qicfg["formatcfg"]:
            text = ">\r\n"
        m.out.prompt(text)
        if m.faults.hit("prompt_twice") is not None:
            m.out.prompt(text)

    def span(self, data):
        # How many of these bytes are data, or what ends them.
        if self._length:
            return min(len(data), self._length - self._size)
        for i in range(len(data)):
            if data[i] == 26 or data[i] == 27:
                return i + 1
        return len(data)

    def feed(self, data):
        if self._timer is not None and self._m.family.lte:
            self._wait()
        if self._length:
            need = self._length - self._size
            self._add(data[:need])
            if self._m.muted:  # a fault struck in the echo
                return b""
            if self._size == self._length:
                self._send()
            return data[need:]
        end = data.find(_CTRL_Z)
        escape = data.find(_ESC)
        if escape >= 0 and (end < 0 or escape < end):
            self._add(data[:escape])
            if self._m.muted:
                return b""
            self._cancel()
            return data[escape + 1 :]
        if end < 0:
            self._add(data)
            return b""
        self._add(data[:end])
        if self._m.muted:
            return b""
        self._send()
        return data[end + 1 :]

    def _add(self, data):
        m = self._m
        if not data:
            return
        self._size += len(data)
        if self._size <= _ENTRY_MAX:
            self._parts.append(data)
        how = m.sw["payload_echo"]
        if how == "always" or (how != "never" and m.payload_echo):
            if how == "qisde" or m.echoes():
                m.out.emit(data, "echo")
        again = m.sw["prompt_again"]
        if again == "both" or (again == "variable" and not self._length):
            for _ in range(data.count(b"\r")):
                m.out.prompt("> " if m.sw["prompt_space"] == "yes" else ">")

    def _send(self):
        m = self._m
        s = self._s
        m.runner.open_gap()
        data = self._data()
        if m.sockets.slots[s.number] is not s or s.state != sslsocket.CONNECTED:
            m.last_error = 567
            self._end(ERROR)
        elif m.faults.hit("send_error") is not None:
            m.last_error = 558
            self._end(ERROR)
        elif not 0 < self._size <= _ENTRY_MAX or data is None:
            m.last_error = 552
            self._end(ERROR)
        elif m.faults.hit("send_fail") is not None:
            self._end("SEND FAIL")
        elif len(s.tx) + self._size > m.sw["tx_size"]:
            self._end("SEND FAIL")
        else:
            if m.faults.hit("send_lost") is None:
                s.tx.append(data)
            if m.faults.hit("send_mute") is not None:
                self._end("")
            elif m.qicfg["sendinfo"]:
                self._tell_room()
            else:
                self._end("SEND OK")

    def _data(self):
        # What was typed; None: it should be hexadecimal (AT+QICFG="dataformat") and is not.
        data = b"".join(self._parts)
        if not self._m.qicfg.of("dataformat", 0):
            return data
        try:
            return unhexlify(data)
        except ValueError:
            return None

    def _tell_room(self):
        # In place of SEND OK (AT+QICFG="sendinfo",1): <id>,<0 as it went well>,<free bytes>
        m = self._m
        s = self._s
        name = "QISEND" if m.sw["sendinfo_name"] == "tcp" else "QSSLSEND"
        m.out.info("+%s: %d,0,%d" % (name, s.number, m.sw["tx_size"] - len(s.tx)))
        self._end(OK)

    def _cancel(self):
        m = self._m
        m.last_error = 571
        answer = m.sw["esc_answer"]
        self._end(OK if answer == "ok" else "SEND FAIL" if answer == "fail" else "")

    def _too_late(self):
        if self._m.line_in.mode is self:
            self._m.last_error = 569
            late = self._m.sw["prompt_late"]
            self._end(ERROR if late == "error" else "SEND FAIL" if late == "fail" else "")

    def _end(self, result):
        m = self._m
        m.timers.cancel(self._timer)
        m.line_in.mode = None
        m.finish(result, m.out.release if m.out.hold else None)


class Upload:
    # Raw data behind CONNECT (AT+QFUPL, AT+QFWRITE): `size` bytes, or what came until no byte came
    # for timeout_ms, or until "+++". done(data) finishes the command. `ack`: one "A" after each
    # so many bytes, 0 none.

    def __init__(self, model, size, timeout_ms, ack, done):
        self._m = model
        self._size = size
        self._timeout_ms = timeout_ms
        self._ack = ack
        self._done = done
        self._parts = []
        self._got = 0
        self._timer = None
        self._escape = None

    def begin(self):
        m = self._m
        m.out.hold = "file"
        m.line_in.mode = self
        m.out.final("CONNECT")
        m.out.begin_reply()
        self._escape = Escape(m, self._take, self._finish)
        self._wait()

    def _wait(self):
        m = self._m
        m.timers.cancel(self._timer)
        self._timer = m.timers.at(m.now + self._timeout_ms, self._finish)

    def span(self, data):
        return min(len(data), self._size - self._got - self._escape.held())

    def feed(self, data):
        need = self._size - self._got - self._escape.held()
        rest = data[need:]
        self._wait()
        self._escape.feed(data[:need])
        if self._got + self._escape.held() == self._size:
            self._escape.flush()
        if self._m.line_in.mode is self and self._got == self._size:
            self._finish()
        return rest

    def _take(self, data):
        before = self._got
        self._parts.append(data)
        self._got += len(data)
        if self._ack:
            count = self._got // self._ack - before // self._ack
            if self._got == self._size and self._m.sw["qfupl_last_ack"] == "no":
                count -= self._size % self._ack == 0
            self._m.out.answer(b"A" * count, "data")

    def _finish(self):
        m = self._m
        m.timers.cancel(self._timer)
        self._escape.flush()
        self._escape.stop()
        m.line_in.mode = None
        m.runner.open_gap()
        self._done(b"".join(self._parts)[: self._size])
        m.out.release()


class Transparent:
    # Transparent access mode (manual 1.3): every byte belongs to the connection, until "+++" with
    # its guard times, DTR, or the end of the connection.

    def __init__(self, model, socket):
        self._m = model
        self._s = socket
        self._escape = None

    def begin(self):
        m = self._m
        s = self._s
        self._escape = Escape(m, self._accept, self._escaped)
        m.sockets.set_mode(s, sslsocket.TRANSPARENT)
        m.line_in.mode = self
        m.out.hold = "data"
        m.sockets.owner = s
        m.sockets.leave = self.leave
        m.event("mode", "socket %d has the port" % s.number)
        if s.state != sslsocket.CONNECTED:
            self.leave("NO CARRIER")

    def span(self, data):
        return len(data)

    def feed(self, data):
        self._escape.feed(data)
        return b""

    def _accept(self, data):
        m = self._m
        s = self._s
        room = max(0, m.sw["tx_size"] - len(s.tx))
        if len(data) > room and m.ifc[1] != 2:
            m.count("overrun", len(data) - room)
            data = data[:room]
        s.tx.append(data)

    def _escaped(self):
        if self._m.faults.hit("escape_deaf") is not None:
            self._accept(b"+++")
            return
        if self._m.sw["escape_answer"] == "no carrier":
            self._m.out.final("NO CARRIER")
        self.leave(OK)

    def leave(self, result):
        # Back to command mode; the connection, if it lives, is in buffer mode then.
        m = self._m
        s = self._s
        if s.state == sslsocket.CONNECTED:
            self._escape.flush()  # plus signs that DTR overtook
        self._escape.stop()
        m.line_in.mode = None
        m.sockets.owner = None
        m.sockets.leave = None
        m.sockets.set_mode(s, sslsocket.BUFFER)
        m.sockets.resumable = s if s.state == sslsocket.CONNECTED else None
        m.event("mode", "command mode")
        m.out.final(result)
        m.out.release()


def connect(m, s):
    # The running command ends with CONNECT, then socket s gets the port.
    m.finish(m.sw["connect_text"], lambda: Transparent(m, s).begin())
