# ugsim.port.slave - the client's end of a pty: its raw mode, and whether anybody has it open.
# SPDX-License-Identifier: MIT

import ctypes
import os
import select
import struct
import termios
import tty

# <sys/inotify.h>
_IN_CLOSE_WRITE = 0x08
_IN_CLOSE_NOWRITE = 0x10
_IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")


class Slave:
    # Our own hold on the client's end of a pty. Without it the kernel would forget the raw mode
    # each time that a client goes away. inotify tells when somebody else opens or closes it; where
    # there is no inotify, somebody is taken to be there all the time.

    def __init__(self, master, slave):
        self.fd = slave
        self.path = os.ttyname(slave)
        tty.setraw(slave)
        self._fresh = termios.tcgetattr(slave)
        self._master = master
        self._notify = _watch(self.path)
        self._attached = self._notify is None

    def watch(self):
        return [] if self._notify is None else [self._notify]

    def attached(self):
        events = self._events()
        if events & (_IN_CLOSE_WRITE | _IN_CLOSE_NOWRITE):
            self._attached = self._probe()
        elif events & _IN_OPEN:
            self._attached = True
        return self._attached

    def heard(self):
        # Bytes came: somebody is there.
        self._attached = True

    def close(self):
        os.close(self.fd)
        if self._notify is not None:
            os.close(self._notify)

    def _probe(self):
        # inotify merges equal events, so counting them would not do. The kernel knows whether
        # anybody is left once we let go ourselves.
        os.close(self.fd)
        poll = select.poll()
        poll.register(self._master, select.POLLHUP)
        alone = any(events & select.POLLHUP for _, events in poll.poll(0))
        self.fd = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        if alone:
            # The next one finds the terminal as new: no baud rate set, nothing left unread.
            termios.tcsetattr(self.fd, termios.TCSANOW, self._fresh)
            termios.tcflush(self.fd, termios.TCIFLUSH)
        self._events()  # those are our own
        return not alone

    def _events(self):
        # All that has happened since the last call, as one mask.
        if self._notify is None:
            return 0
        try:
            data = os.read(self._notify, 4096)
        except BlockingIOError:
            return 0
        found = 0
        at = 0
        while at < len(data):
            _, mask, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size + size
            found |= mask
        return found


def _watch(path):
    try:
        libc = ctypes.CDLL(None)
        fd = libc.inotify_init()
        if fd < 0:
            return None
        os.set_inheritable(fd, False)
        os.set_blocking(fd, False)
        mask = _IN_OPEN | _IN_CLOSE_WRITE | _IN_CLOSE_NOWRITE
        if libc.inotify_add_watch(fd, os.fsencode(path), mask) < 0:
            os.close(fd)
            return None
        return fd
    except (OSError, AttributeError):
        return None
