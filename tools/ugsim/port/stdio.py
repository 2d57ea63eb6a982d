# ugsim.port.stdio - the AT port in this terminal, for typing by hand.
# SPDX-License-Identifier: MIT

import os
import sys
import termios
import tty

from ugsim.port.base import Port, write_fd


class StdioPort(Port):
    # For typing by hand. On a terminal each key goes to the modem at once, which echoes it; Ctrl-Z
    # and ESC reach it too, Ctrl-C ends the program. `hint` is said when the modem is off.

    address = "stdio"
    lf_is_enter = True  # what is typed ends with LF when it comes through a pipe

    def __init__(self):
        self.hint = ""
        self.at_line_start = True  # the last byte shown was an LF: no line is being typed
        self.on_line_start = None  # function(), called when that has become true
        self._hinted = False
        self._in = sys.stdin.fileno()
        self._out = sys.stdout.fileno()
        self._saved = None
        self.piped = not os.isatty(self._in)
        if not self.piped:
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
        done = write_fd(self._out, data)
        if done:
            self.at_line_start = data[done - 1] == 10
            if self.at_line_start and self.on_line_start:
                self.on_line_start()
        return done

    def lines(self, model):
        if model.power.state != "off":
            self._hinted = False
        elif self.hint and not self._hinted and not model.pending():
            self._hinted = True
            if not self.at_line_start:  # the power went in the middle of a line
                print(file=sys.stderr)
            print(self.hint, file=sys.stderr, flush=True)

    def close(self):
        os.set_blocking(self._in, True)
        if self._saved:
            termios.tcsetattr(self._in, termios.TCSANOW, self._saved)
