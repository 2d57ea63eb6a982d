# ugsim.port.pty - a pseudo terminal: for terminal programs and MicroPython on this PC.
# SPDX-License-Identifier: MIT

import os
import termios

from ugsim.port.base import Port, PortError, read_fd, write_fd
from ugsim.port.slave import Slave

_BAUD = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


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
            raise PortError("can't make the link %s: %s." % (link, error.strerror)) from None
        self._link = link
        self.address = link
