# ugsim.ports - what the modem's UART is connected to: a pty, a TCP socket, the terminal.
# SPDX-License-Identifier: MIT
#
# A port has
#   address          what a person or a test connects to
#   watch()          [file objects] that are readable when there is something to do
#   fileno_out()     the file object to watch for writing, or None
#   read(n) -> bytes     never waits; b"" when there is nothing
#   write(data) -> int   never waits; bytes taken. With nobody connected they vanish, as on a line.
#   speed() -> int   the host's baud rate, or 0 if it has none or never said
#   lines(model)     exchanges the modem lines, where there are any
#   next_s(now)      when it wants lines() called, or None
#   ended            the host has gone for good
#   close()

import os
import socket
import sys
import termios
import tty

from ugsim.attach import Slave


class PortError(Exception):
    # Why a port cannot be opened, as one sentence.
    pass


class Port:
    address = ""
    ended = False

    def speed(self):
        return 0

    def lines(self, model):
        pass

    def next_s(self, now):
        return None


class PtyPort(Port):
    # A pseudo terminal in raw mode.

    def __init__(self, link=None):
        self._master, slave = os.openpty()
        self._slave = Slave(self._master, slave)
        os.set_blocking(self._master, False)
        self.address = self._slave.path
        self._untouched = termios.tcgetattr(self._master)[4:6]
        self._link = None
        if link:
            self._make_link(link)

    def watch(self):
        return [self._master] + self._slave.watch()

    def fileno_out(self):
        return self._master

    def read(self, n):
        self._slave.attached()
        data = read_fd(self._master, n)
        if data:
            self._slave.heard()
        return data

    def write(self, data):
        if not self._slave.attached():
            return len(data)
        return write_fd(self._master, data)

    def speed(self):
        # What the client has set; a client that sets nothing goes along with any rate.
        speeds = termios.tcgetattr(self._master)[4:6]
        if speeds == self._untouched:
            return 0
        return _BAUD.get(speeds[1], 0)

    def close(self):
        if self._link and os.path.islink(self._link):
            os.unlink(self._link)
        self._slave.close()
        os.close(self._master)

    def _make_link(self, link):
        # A name that stays the same from run to run.
        try:
            if os.path.islink(link):
                os.unlink(link)
            os.symlink(self.address, link)
        except OSError as error:
            raise PortError("cannot make the link %s: %s." % (link, error.strerror)) from None
        self._link = link
        self.address = link


class TcpPort(Port):
    # One client at a time; a second one is turned away.

    def __init__(self, host, port):
        try:
            self._listener = socket.create_server((host, port), backlog=4)
        except (OSError, OverflowError) as error:
            raise PortError(
                "cannot listen on %s:%d: %s. Choose another port, or 0 for a free one."
                % (host, port, getattr(error, "strerror", None) or error)
            ) from None
        self._listener.setblocking(False)
        self.address = "%s:%d" % self._listener.getsockname()[:2]
        self._client = None

    def watch(self):
        return [self._listener] + ([self._client] if self._client else [])

    def fileno_out(self):
        return self._client

    def read(self, n):
        self._accept()
        if not self._client:
            return b""
        try:
            data = self._client.recv(n)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, data):
        if not self._client:
            return len(data)
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._hang_up()
            return len(data)

    def close(self):
        self._hang_up()
        self._listener.close()

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if self._client:
            # The old client may have gone a moment ago, unnoticed.
            try:
                if self._client.recv(1, socket.MSG_PEEK):
                    client.close()
                    return
                self._hang_up()
            except BlockingIOError:
                client.close()
                return
            except OSError:
                self._hang_up()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client

    def _hang_up(self):
        if self._client:
            self._client.close()
            self._client = None


class StdioPort(Port):
    # For typing by hand. On a terminal each key goes to the modem at once, which echoes it; Ctrl-Z
    # and ESC reach it too, Ctrl-C ends the program.

    address = "stdio"

    def __init__(self):
        self._in = sys.stdin.fileno()
        self._out = sys.stdout.fileno()
        self._saved = None
        if os.isatty(self._in):
            self._saved = termios.tcgetattr(self._in)
            tty.setcbreak(self._in)
            mode = termios.tcgetattr(self._in)
            mode[0] &= ~(termios.ICRNL | termios.IXON)
            for key in (termios.VSUSP, termios.VQUIT, termios.VLNEXT):
                mode[6][key] = b"\0"
            termios.tcsetattr(self._in, termios.TCSANOW, mode)
        os.set_blocking(self._in, False)

    def watch(self):
        return [] if self.ended else [self._in]

    def fileno_out(self):
        return self._out

    def read(self, n):
        if self.ended:
            return b""
        try:
            data = os.read(self._in, n)
        except BlockingIOError:
            return b""
        if not data:
            self.ended = True
        if self._saved:
            data = data.replace(b"\x7f", b"\x08")  # the terminal's backspace key
        return data

    def write(self, data):
        return write_fd(self._out, data)

    def close(self):
        os.set_blocking(self._in, True)
        if self._saved:
            termios.tcsetattr(self._in, termios.TCSANOW, self._saved)


_BAUD = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


def read_fd(fd, n):
    try:
        return os.read(fd, n)
    except BlockingIOError:
        return b""


def write_fd(fd, data):
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
