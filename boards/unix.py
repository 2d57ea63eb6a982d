# unix - a PC as the board: MicroPython's unix port, the modem on a serial port, a pty or TCP.
# SPDX-License-Identifier: MIT
"""What a script may ask of a board; every file in boards/ has the same names. On a real board the
file is copied as board.py; `python3 tools/run.py SCRIPT` does what is needed here.

    import board

    modem = board.modem(sockets=1)           # a qssl.Modem on this board's pins
    host = board.setting("host", "192.0.2.1")
    modem.start(**board.access())            # APN, its user and password, PIN: settings as well
    power = board.power()                    # sleep, watchdog: see docs/power.md
    board.utc(), board.now()                 # the time: a tuple, and seconds since 1970; or None
    board.set_utc((y, m, d, h, mi, s))       # nothing: the PC looks after its clock

Here settings are environment variables: setting("host") is $QSSL_HOST. Those of the board itself:
    QSSL_MODEM   its port: /dev/ttyUSB0, /dev/pts/5, tcp:127.0.0.1:5521
    QSSL_BAUD    rate of a serial port; without it the port stays as it is
    QSSL_FLOW    1: RTS and CTS are wired
"""

import errno
import io
import os
import select
import sys
import time

from micropython import RingIO, const

_FILENO = const(10)  # a stream ioctl: MicroPython's py/stream.h
_RXBUF = const(2048)
_CRTSCTS = const(0x80000000)  # <asm/termbits.h>
_FIRST_YEAR = const(2024)  # a clock before this was never set


def setting(name, default=None):
    # The text of a setting, or a number if the default is one, as the port is in any case: in a
    # board's settings.json it is. Without default it must be there.
    text = os.getenv("QSSL_" + name.upper())
    if text is None:
        if default is None:
            text = (
                "the setting %s is missing; set QSSL_%s, or %s=... behind the -- of tools/run.py"
            )
            _stop(text % (name, name.upper(), name))
        return default
    if isinstance(default, int) or name == "port":
        try:
            return int(text)
        except ValueError:
            _stop("the setting %s must be a number, not %s" % (name, text))
    return text


def access():
    # The settings apn, apn_user, apn_password, apn_auth and pin, for modem.start().
    return {
        "apn": setting("apn", "internet"),
        "user": setting("apn_user", ""),
        "password": setting("apn_password", ""),
        "auth": setting("apn_auth", 0),
        "pin": setting("pin", ""),
    }


def modem(**options):
    # The modem of this board. options: those of qssl.Modem.
    from qssl import Modem

    options.setdefault("flow", setting("flow", 0) == 1)
    options.setdefault("baud", setting("baud", 0))
    return Modem(UART(setting("modem"), options["baud"], options["flow"]), **options)


def power():
    # As on a board: sleep waits, deep sleep waits and ends the program, no watchdog.
    from qssl.sitepower import Power

    return Power(None, path=setting("kept", "kept"))


def utc():
    # (year, month, day, hour, minute, second) in UTC; None if this board does not know.
    t = time.gmtime()[:6]
    return t if t[0] >= _FIRST_YEAR else None


def set_utc(t):
    pass


def now():
    # Seconds since 1970-01-01, UTC; None if this board does not know.
    return int(time.time()) if utc() else None


class UART(io.IOBase):
    # The part of machine.UART that qssl uses. Nothing here waits, nothing allocates after the
    # constructor. A port that goes away raises OSError from then on.

    def __init__(self, port, baud=0, flow=False):
        self.port = port
        self._flow = flow
        self._serial = False
        try:
            self._stream = self._connect() if port.startswith("tcp:") else self._open()
        except OSError as e:
            text = (
                "the modem's port QSSL_MODEM=%s can't be opened (%s); is it there, may you use it?"
            )
            _stop(text % (port, errno.errorcode.get(e.errno, e.errno)))
        self._ring = RingIO(_RXBUF)
        self._chunk = bytearray(_RXBUF)
        self._room = select.poll()
        self._room.register(self._stream, select.POLLOUT)
        if baud:
            self.init(baud)

    def init(self, baudrate):
        # Sets the rate of a serial port. There is none on TCP.
        if not self._serial:
            return
        import termios

        code = getattr(termios, "B%d" % baudrate, None)
        if code is None:
            raise OSError(errno.EINVAL, "this PC's serial ports don't know %d baud" % baudrate)
        mode = termios.tcgetattr(self._stream.fileno())
        mode[4] = mode[5] = code
        termios.tcsetattr(self._stream.fileno(), termios.TCSANOW, mode)

    def any(self):
        # Bytes that readinto() can give at once.
        n = self._ring.any()
        return n if n else self._fetch()

    def readinto(self, buf, n=-1):
        # Bytes put at the start of buf, at most n; None: none there.
        if not self._ring.any() and not self._fetch():
            return None
        return self._ring.readinto(buf, n if n >= 0 else len(buf))

    def write(self, buf, off=None, n=None):
        # write(buf), write(buf, n), write(buf, off, n), as machine.UART. None: no room.
        if n is None:
            n = len(buf) if off is None else off
            off = 0
        # A terminal's write() waits for room, so ask first.
        for _ in self._room.ipoll(0):
            return self._stream.write(buf, off, n)
        return None

    def ioctl(self, op, arg):
        # To poll this is to poll the port: qssl only waits when any() was 0.
        return self._stream.fileno() if op == _FILENO else -1

    def _fetch(self):
        # Takes what the port has into the ring: bytes there now.
        try:
            n = self._stream.readinto(self._chunk)
        except OSError:
            n = 0
        if n:
            return self._ring.write(self._chunk, n)
        # 0 is the end of a TCP connection. Of a serial port it says that nothing came, or that the
        # other end of a pty was closed: poll knows.
        gone = n == 0 and not self._serial
        for event in self._room.ipoll(0):
            gone = gone or event[1] & (select.POLLHUP | select.POLLERR)
        if gone:
            raise OSError(errno.ENODEV, "the port %s has gone" % self.port)
        return 0

    def _open(self):
        import termios

        stream = open(self.port, "r+b", 0)
        fd = stream.fileno()
        termios.setraw(fd)
        mode = termios.tcgetattr(fd)
        vmin, vtime = (16, 17) if sys.platform == "darwin" else (6, 5)
        mode[6][vmin] = mode[6][vtime] = 0  # a read takes what is there
        if self._flow:
            mode[2] |= _CRTSCTS
        termios.tcsetattr(fd, termios.TCSANOW, mode)
        self._serial = True
        return stream

    def _connect(self):
        import socket

        host, _, port = self.port[4:].rpartition(":")
        if not host or not port.isdigit():
            _stop("QSSL_MODEM=%s is not tcp:HOST:PORT" % self.port)
        stream = socket.socket()
        stream.connect(socket.getaddrinfo(host, int(port))[0][-1])
        stream.setsockopt(6, 1, b"\1\0\0\0")  # TCP_NODELAY
        stream.setblocking(False)
        return stream


def _stop(text):
    print(text, file=sys.stderr)
    sys.exit(2)
