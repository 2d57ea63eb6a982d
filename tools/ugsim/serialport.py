# ugsim.serialport - the modem on a real serial port of the PC.
# SPDX-License-Identifier: MIT
#
# Wiring, board -> PC adapter (a null modem: outputs to inputs):
#     TX -> RX, RX <- TX, GND - GND
#     RTS -> CTS    the board's RTS holds the modem back      (AT+IFC=2,2)
#     CTS <- RTS    the modem's CTS holds the board back      (AT+IFC=2,2)
#     DTR -> DSR    the board's DTR leaves transparent mode   (AT&D1)
#     DCD <- DTR    the modem's DCD shows a connection
# Lines that are not wired read as off at most adapters; `wired` names those that are.

import os

import serial

from ugsim.ports import Port, PortError, read_fd, write_fd

_LINES_EVERY_S = 0.002


class SerialPort(Port):
    def __init__(self, device, baud, wired=("rts",)):
        try:
            self._serial = serial.Serial(device, baud, timeout=0, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            reason = os.strerror(error.errno) if getattr(error, "errno", None) else str(error)
            raise PortError("cannot open the serial port %s: %s." % (device, reason)) from None
        os.set_blocking(self._serial.fileno(), False)
        self.address = device
        self._wired = wired
        self._next = 0.0
        self._cts = self._dcd = None

    def watch(self):
        return [] if self.ended else [self._serial.fileno()]

    def fileno_out(self):
        return None if self.ended else self._serial.fileno()

    def read(self, n):
        return self._guard(read_fd, n, b"")

    def write(self, data):
        return self._guard(write_fd, data, len(data))

    def lines(self, model):
        # Our outputs are the modem's outputs, our inputs its inputs. The rate follows AT+IPR once
        # the answer has left.
        if self.ended:
            return
        try:
            if model.baud not in (0, self._serial.baudrate) and not model.pending():
                self._serial.flush()
                self._serial.baudrate = model.baud
            cts, dcd = model.line("cts"), model.line("dcd")
            if cts != self._cts:
                self._cts = self._serial.rts = cts
            if dcd != self._dcd:
                self._dcd = self._serial.dtr = dcd
            if "rts" in self._wired:
                model.set_line("rts", self._serial.cts)
            if "dtr" in self._wired:
                model.set_line("dtr", self._serial.dsr)
        except (OSError, serial.SerialException):
            self.ended = True  # the adapter was pulled out

    def next_s(self, now):
        return now + _LINES_EVERY_S

    def close(self):
        self._serial.close()

    def _guard(self, function, argument, otherwise):
        if self.ended:
            return otherwise
        try:
            return function(self._serial.fileno(), argument)
        except OSError:
            self.ended = True
            return otherwise
