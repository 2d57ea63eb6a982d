# qtap.ends - the two ends of the tap: a serial port, a pty that it makes, a TCP connection.
# SPDX-License-Identifier: MIT
#
# An end has what a port of ugsim has (ugsim.port.base), and
#   say            what it is, for a person
#   gone           why it is of no use any more, "" if it is
#   rate(baud)     sets its baud rate; "" or why it can't

import contextlib
import errno
import os
import re
import select
import socket
import termios

import serial

from qlearn.port import opening
from qshared.problem import Problem
from ugsim.port import owner
from ugsim.port.base import Port, PortError, read_fd, write_fd
from ugsim.port.pty import PtyPort
from ugsim.port.tcp import TcpPort

_WORDS = "%s is no port: a serial port, pty, pty:LINK, socket://HOST:PORT or listen://HOST:PORT."


class Pty(PtyPort):
    # A pseudo terminal; who opens it sets the rate.
    gone = ""

    def __init__(self, link=None):
        PtyPort.__init__(self, link)
        self.say = "pty %s" % self.address

    def rate(self, baud):
        return ""


class Listener(TcpPort):
    gone = ""

    def __init__(self, host, port):
        TcpPort.__init__(self, host, port)
        self.say = "listen://%s" % self.address

    def rate(self, baud):
        return ""


class Client(Port):
    # A connection to a TCP port, such as that of ugsim --tcp.
    def __init__(self, name, host, port):
        try:
            self._sock = socket.create_connection((host, port), 10)
        except OSError as error:
            why = error.strerror or error
            raise Problem("Nothing answers at %s: %s." % (name, why)) from None
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.setblocking(False)
        self.address = self.say = name
        self.gone = ""

    def watch(self):
        return [] if self.gone else [self._sock]

    def fileno_out(self):
        return None if self.gone else self._sock

    def read(self, n):
        try:
            data = self._sock.recv(n)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.gone = "%s has hung up" % self.say
        return data

    def write(self, data):
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.gone = "%s has hung up" % self.say
            return len(data)

    def rate(self, baud):
        return ""

    def close(self):
        self._sock.close()


class Serial(Port):
    # A serial port of this PC. dtr: DTR goes through, with its answer DCD. rtscts: RTS and CTS are
    # wired, and each of the two lines is held on its own.
    def __init__(self, name, baud, rtscts=False):
        taken = owner.taken(name)
        if taken:
            raise Problem(taken + ".")
        try:
            self._serial = serial.Serial(name, baud, timeout=0, exclusive=True, rtscts=rtscts)
        except (serial.SerialException, OSError, ValueError) as error:
            raise Problem(opening(name, error)) from None
        self._fd = self._serial.fileno()
        os.set_blocking(self._fd, False)
        # A USB adapter waits up to 16 ms for more bytes, unless it is told not to.
        with contextlib.suppress(OSError, ValueError, NotImplementedError):
            self._serial.set_low_latency_mode(True)
        self.address = self.say = name
        self.gone = ""
        self._empty = 0

    def watch(self):
        return [] if self.gone else [self._fd]

    def fileno_out(self):
        return None if self.gone else self._fd

    def read(self, n):
        try:
            data = read_fd(self._fd, n)
        except OSError as error:
            self._lost(error)
            return b""
        if data:
            self._empty = 0
        else:
            # Ready, and nothing there: what is unplugged looks so.
            self._empty += 1
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            if any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll(0)):
                self._lost(None)
            elif self._empty > 100:
                self._lost(None)
        return data

    def write(self, data):
        try:
            return write_fd(self._fd, data)
        except OSError as error:
            self._lost(error)
            return len(data)

    def _lost(self, error):
        self.gone = "%s has gone in the middle: was it unplugged?" % self.say

    def rate(self, baud):
        try:
            self._serial.baudrate = baud
        except (OSError, ValueError, serial.SerialException, termios.error):
            return "%s can't go to %d baud" % (self.say, baud)
        return ""

    # What goes over the lines, seen from this PC: our inputs are the other's outputs.

    def lines(self):
        # (DSR, DCD), as they are; None where there are none.
        try:
            return self._serial.dsr, self._serial.cd
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                self._lost(error)
            return None

    def assert_dtr(self, on):
        try:
            self._serial.dtr = on
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                self._lost(error)

    def close(self):
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.close()


def make(name, baud, rtscts=False):
    # The end of this name. Problem in one sentence.
    try:
        if name == "pty" or name.startswith("pty:"):
            return Pty(name[4:] or None)
        found = re.fullmatch(r"(socket|listen)://(\[?[^\s/]+?\]?):(\d{1,5})", name)
        if found and int(found[3]) < 65536:
            if found[1] == "listen":
                return Listener(found[2].strip("[]"), int(found[3]))
            return Client(name, found[2].strip("[]"), int(found[3]))
        if "://" in name or not name:
            raise Problem(_WORDS % (name or "''"))
        return Serial(name, baud, rtscts)
    except PortError as error:
        text = str(error)
        raise Problem(text[0].upper() + text[1:]) from None
    except OSError as error:
        raise Problem("Can't make %s: %s." % (name, error.strerror or error)) from None
