# ugsim.port.base - what every port can do.
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
#   lf_is_enter      an LF ends a command line, too
#   piped            what it reads is a pipe or a file, and comes without waiting for answers
#   close()

import os


class PortError(Exception):
    # Why a port can't be opened, as one sentence.
    pass


def reason(error):
    # What an OSError says, without the address that some Pythons repeat in it.
    return (error.strerror or str(error)).partition(" (while")[0]


class Port:
    address = ""
    ended = False
    lf_is_enter = False
    piped = False

    def speed(self):
        return 0

    def lines(self, model):
        pass

    def next_s(self, now):
        return None


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
