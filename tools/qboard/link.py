# qboard.link - a board at a serial port, by mpremote: runs code there, copies files.
# SPDX-License-Identifier: MIT

import ast
import contextlib
import io
import os
import struct

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from qshared.problem import Problem
from ugsim.port import owner

_SILENT_S = 60  # a board that compiles sources is silent for long
_CHUNK = 1024  # bytes: a fraction of any board's heap, also as source text
_PATHS = 12  # files that a board is asked for at once
_HASH = """
import hashlib
b = memoryview(bytearray(512))
r = []
for p in %r:
    h = hashlib.sha256()
    with open(p, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(b[:n])
    r.append((p, h.digest()))
print(repr(r))
"""
_GONE = (TransportError, serial.SerialException, struct.error, OSError)


def ports():
    # [(port, what it says it is)] of the USB serial ports.
    found = []
    for port in sorted(list_ports.comports()):
        if port.vid is not None:
            found.append((port.device, port.description or "?"))
    return found


def choose(wanted):
    # The port: the one that was asked for, or the only one there is.
    if wanted:
        if "://" not in wanted and not os.path.exists(wanted):
            there = ", ".join(name for name, _ in ports()) or "none"
            raise Problem(
                "There is no port %s: is the board plugged in? Serial ports here: %s."
                % (wanted, there)
            )
        return wanted
    found = ports()
    if not found:
        raise Problem(
            "No board found at a USB port: plug it in with a cable that has data lines, "
            "or name its port with --port."
        )
    if len(found) > 1:
        raise Problem(
            "Several serial ports: %s. Say which one is the board with --port."
            % ", ".join("%s (%s)" % port for port in found)
        )
    return found[0][0]


class Board:
    # A board with its program stopped, ready to run code. After it the board's own program is not
    # started again: that takes a reset.
    def __init__(self, port):
        self.port = port
        taken = owner.taken(port)
        if taken:
            raise Problem(taken + ".")
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._board = SerialTransport(port, exclusive=True, timeout=10)
        except _GONE:
            raise Problem(self._why()) from None
        try:
            self.reset()
        except BaseException:
            self.close()
            raise

    def reset(self):
        # A soft reset: an empty heap, nothing imported.
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._board.enter_raw_repl(soft_reset=True)
        except _GONE:
            raise Problem(
                "What is at %s does not answer as MicroPython does: is it the board's port, and "
                "is MicroPython on it? Press its reset button and try again." % self.port
            ) from None

    def run(self, code):
        # What the code prints, as the Python value that it is.
        try:
            output, error = self._board.exec_raw(code, timeout=_SILENT_S)
        except _GONE:
            raise self.gone() from None
        if error:
            raise BoardError(error.decode(errors="replace").strip().splitlines())
        return ast.literal_eval(output.decode())

    def write(self, path, data, told=None):
        # told(bytes so far). BoardError: the board could not, such as with ENOSPC.
        for at in range(0, len(data) or 1, _CHUNK):
            chunk = data[at : at + _CHUNK]
            code = "f = open(%r, 'wb')\n" % path if not at else ""
            code += "f.write(%r)\n" % chunk
            if at + len(chunk) == len(data):
                code += "f.close()\n"
            self.run(code + "print(0)")
            if told:
                told(at + len(chunk))

    def hashes(self, paths):
        # {path: SHA-256} of files there.
        paths = list(paths)
        try:
            found = {}
            for at in range(0, len(paths), _PATHS):
                found.update(self.run(_HASH % (paths[at : at + _PATHS],)))
            return found
        except BoardError as e:
            if "ImportError" not in e.last:
                raise
        try:  # a MicroPython without hashlib: the files come here
            return {path: self._board.fs_hashfile(path, "sha256") for path in paths}
        except _GONE:
            raise self.gone() from None

    def gone(self):
        return Problem(
            "The board at %s stopped answering in the middle: check the cable, and run it again."
            % self.port
        )

    def close(self):
        with contextlib.suppress(*_GONE):
            if self._board.in_raw_repl:
                self._board.exit_raw_repl()
        with contextlib.suppress(*_GONE):
            self._board.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _why(self):
        # Why the port can't be opened.
        if "://" in self.port:
            return "Nothing answers at %s." % self.port
        if not os.access(self.port, os.R_OK | os.W_OK):
            return (
                "You may not use %s: `sudo usermod -a -G dialout $USER`, then log in again."
                % self.port
            )
        try:
            fd = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as e:
            return "%s can't be opened: %s." % (self.port, e.strerror)
        port = os.isatty(fd)
        os.close(fd)
        if not port:
            return "%s is no serial port." % self.port
        there = owner.taken(self.port)
        return (there or "%s is in use by another program: end that first" % self.port) + "."


class BoardError(Exception):
    # An exception on the board. .last: its last line.
    def __init__(self, lines):
        self.lines = lines
        self.last = lines[-1] if lines else "it printed nothing"
        super().__init__(self.last)
