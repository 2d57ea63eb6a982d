# ugsim.port.stdio - the AT port in this terminal, for typing by hand.
# SPDX-License-Identifier: MIT

import os
import sys
import termios
import tty

from ugsim.port.base import Port, write_fd


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
