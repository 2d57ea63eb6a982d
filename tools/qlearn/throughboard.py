# qlearn.throughboard - the way to a modem through a board, whose UART it is on.
# SPDX-License-Identifier: MIT

import contextlib
import time
from pathlib import Path

import serial
from mpremote.transport import TransportError

from qboard import link
from qshared.problem import Problem

_SCRIPT = Path(__file__).with_name("passing.py")
_FRAME = 64  # bytes; it fits into any board's buffer of its REPL
_READY_S = 40
_ANSWER_S = 15
_ALIVE_S = 20
_GONE = (OSError, serial.SerialException, TransportError)


class BoardPort:
    # What qlearn.talk wants of a port. The board's own program is stopped.
    def __init__(self, name, baud=0):
        self.name = name
        self._board = link.Board(link.choose(name))
        self._line = self._board._board.serial
        self._raw = b""  # of the board, not yet looked at
        self._data = b""  # of the modem
        self._acks = 0
        self._error = b""
        self._ended = True
        self._typed = 0.0
        try:
            self._start(baud)
        except BaseException:
            self.close()
            raise

    def _start(self, baud):
        text = _SCRIPT.read_text().replace("BAUD = 0 ", "BAUD = %d " % baud)
        try:
            self._board._board.exec_raw_no_follow(text + "\nmain()\n")
        except _GONE:
            raise self._board.gone() from None
        self._ended = False
        end = time.monotonic() + _READY_S
        while not self._raw.startswith(b"\x02"):
            self._pull(0.1)
            if self._raw.endswith(b"\x04>"):
                self._ended = True
                raise Problem(self._why(self._raw))
            if time.monotonic() > end:
                raise Problem(
                    "The board at %s does not begin to pass lines through: press its reset button "
                    "and try again." % self.name
                )
        self._raw = self._raw[1:]
        self._typed = time.monotonic()

    def _why(self, said):
        lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
        lines = [line for line in lines if line.strip("\x04> ")]
        last = lines[-1].strip("\x04> ") if lines else "it says nothing"
        if "ImportError" in last:
            return (
                "The board has no driver or no board.py (%s): python3 tools/board.py install."
                % last
            )
        return "The board can't pass lines through: %s." % last.rstrip(".")

    def now(self):
        return int(time.monotonic() * 1000)

    def write(self, data):
        while data:
            # No Ctrl-C among the bytes, as that would end the script.
            part, data = data[: _FRAME // 2], data[_FRAME // 2 :]
            part = part.replace(b"\xdb", b"\xdb\xfb").replace(b"\x03", b"\xdb\x23")
            self._send(bytes([len(part) + 32]) + part)
            end = time.monotonic() + _ANSWER_S
            while not self._acks:
                self._pull(0.05)
                self._take()
                if time.monotonic() > end:
                    raise Problem(
                        "%s takes no bytes: is the modem off, or does it hold CTS?" % self.name
                    )
            self._acks -= 1

    def read(self, ms):
        # What has come, as soon as something has; b"" after ms.
        end = time.monotonic() + max(0.0, ms / 1000)
        while True:
            self._take()
            if self._data:
                data, self._data = self._data, b""
                return data
            now = time.monotonic()
            if now >= end:
                return b""
            if now - self._typed > _ALIVE_S:
                self._send(b"\x1f")
            self._pull(min(end - now, 1.0))

    def close(self):
        # The board gets back to its REPL, and can be used.
        if not self._ended:
            with contextlib.suppress(*_GONE):
                self._line.write(b" ")  # length 0
                end = time.monotonic() + 3
                while time.monotonic() < end and not self._raw.endswith(b"\x04>"):
                    self._raw += self._line.read(max(1, self._line.in_waiting))
                if not self._raw.endswith(b"\x04>"):
                    self._line.write(b"\x03")
        self._ended = True
        self._board.close()

    def _send(self, data):
        try:
            self._line.write(data)
        except _GONE:
            raise Problem(self._gone()) from None
        self._typed = time.monotonic()

    def _pull(self, seconds):
        try:
            self._line.timeout = seconds
            data = self._line.read(1)
            if data:
                data += self._line.read(self._line.in_waiting)
        except (*_GONE, TypeError):
            raise Problem(self._gone()) from None
        self._raw += data

    def _take(self):
        # Looks at what the board has said.
        raw = self._raw
        at = 0
        while at < len(raw):
            what = raw[at]
            if what == 6:
                self._acks += 1
                at += 1
            elif what == 1:
                if len(raw) - at < 2 or len(raw) - at < 2 + raw[at + 1]:
                    break
                self._data += raw[at + 2 : at + 2 + raw[at + 1]]
                at += 2 + raw[at + 1]
            else:
                self._ended = True
                raise Problem(
                    "The board at %s has stopped passing lines through: was it reset? Run it "
                    "again to go on." % self.name
                )
        self._raw = raw[at:]

    def _gone(self):
        return "%s has gone in the middle: was it unplugged? Run it again to go on." % self.name
