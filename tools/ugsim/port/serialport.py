# ugsim.port.serialport - the modem on a real serial port of the PC.
# SPDX-License-Identifier: MIT
#
# Wiring, board -> PC adapter (a null modem: outputs to inputs):
#     TX -> RX, RX <- TX, GND - GND
#     RTS -> CTS    the board's RTS holds the modem back      (AT+IFC=2,2)
#     CTS <- RTS    the modem's CTS holds the board back      (AT+IFC=2,2)
#     DTR -> DSR    the board's DTR leaves transparent mode   (AT&D1)
#     DCD <- DTR    the modem's DCD shows a connection
# Lines that are not wired read as off at most adapters; `wired` names those that are.

import errno
import os
import termios

import serial

from ugsim.port import owner
from ugsim.port.base import Port, PortError, read_fd, write_fd

_LINES_EVERY_S = 0.002


class SerialPort(Port):
    def __init__(self, device, baud, wired=("rts",)):
        taken = owner.taken(device)
        if taken:
            raise PortError(taken + ".")
        try:
            self._serial = serial.Serial(device, baud, timeout=0, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            number = getattr(error, "errno", None)
            if number in (errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in str(error):
                raise PortError(
                    "%s is in use by another program: end that first." % device
                ) from None
            if number is None and isinstance(error.__context__, termios.error):
                number = error.__context__.args[0]
            why = os.strerror(number) if number else str(error)
            raise PortError(
                "can't open the serial port %s: %s. Is it one, plugged in, and may you use it?"
                % (device, why)
            ) from None
        os.set_blocking(self._serial.fileno(), False)
        self.address = device
        self._wired = wired
        self._has_lines = True
        self._cts = self._dcd = None

    def watch(self):
        return [] if self.ended else [self._serial.fileno()]

    def fileno_out(self):
        return None if self.ended else self._serial.fileno()

    def read(self, n):
        return self._guard(self._read, n, b"")

    def write(self, data):
        return self._guard(self._write, data, len(data))

    def lines(self, model):
        # Our outputs are the modem's outputs, our inputs its inputs. The rate follows AT+IPR once
        # the answer has left.
        if self.ended:
            return
        if model.baud not in (0, self._serial.baudrate) and not model.pending():
            self._guard(self._change_rate, model.baud, None)
        if self._has_lines:
            self._guard(self._exchange_lines, model, None)

    def _read(self, n):
        return read_fd(self._serial.fileno(), n)

    def _write(self, data):
        return write_fd(self._serial.fileno(), data)

    def _change_rate(self, baud):
        self._serial.flush()
        self._serial.baudrate = baud

    def _exchange_lines(self, model):
        try:
            cts, dcd = model.line("cts"), model.line("dcd")
            if cts != self._cts:
                self._cts = self._serial.rts = cts
            if dcd != self._dcd:
                self._dcd = self._serial.dtr = dcd
            if "rts" in self._wired:
                model.set_line("rts", self._serial.cts)
            if "dtr" in self._wired:
                model.set_line("dtr", self._serial.dsr)
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            self._has_lines = False  # a virtual port

    def next_s(self, now):
        return now + _LINES_EVERY_S if self._has_lines else None

    def close(self):
        self._serial.close()

    def _guard(self, function, argument, otherwise):
        if self.ended:
            return otherwise
        try:
            return function(argument)
        except OSError:
            self.ended = True  # the adapter was pulled out
            return otherwise
