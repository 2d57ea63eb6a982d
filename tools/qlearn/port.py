# qlearn.port - the way to a modem: a serial port of the PC, or socket://HOST:PORT.
# SPDX-License-Identifier: MIT

import errno
import re
import time

import serial

from qshared.problem import Problem


class Port:
    # name: as pyserial takes it. Problem for whatever goes wrong, in one sentence.
    def __init__(self, name, baud, rtscts=False):
        self.name = name
        options = {"baudrate": baud, "timeout": 0.05, "write_timeout": 10}
        if "://" not in name:
            options.update(rtscts=rtscts, exclusive=True)
        try:
            self._serial = serial.serial_for_url(name, **options)
        except (OSError, ValueError, serial.SerialException) as error:
            raise Problem(opening(name, error)) from None

    def now(self):
        return int(time.monotonic() * 1000)

    def write(self, data):
        try:
            self._serial.write(data)
            self._serial.flush()
        except serial.SerialTimeoutException:
            raise Problem(
                "%s takes no bytes: is the modem off, or does it hold CTS?" % self.name
            ) from None
        except (OSError, serial.SerialException):
            raise Problem(self._gone()) from None

    def read(self, ms):
        # What has come, as soon as something has; b"" after ms.
        try:
            self._serial.timeout = max(0.0, ms / 1000)
            data = self._serial.read(1)
            if data:
                data += self._serial.read(min(65536, self._serial.in_waiting))
            return bytes(data)
        except (OSError, serial.SerialException, TypeError):
            raise Problem(self._gone()) from None

    def close(self):
        try:
            self._serial.close()
        except (OSError, serial.SerialException):
            pass

    def _gone(self):
        return "%s has gone in the middle: was it unplugged? Run it again to go on." % self.name


def opening(name, error):
    number = getattr(error, "errno", None)
    text = str(error)
    if number == errno.ENOENT or "No such file" in text:
        return "There is no port %s: python3 tools/board.py ports lists those of this PC." % name
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text.lower() or "busy" in text.lower():
        return "Another program has %s: end it first." % name
    if number in (errno.EACCES, errno.EPERM) or "denied" in text.lower():
        return "You may not use %s: on Linux the group dialout may." % name
    if "://" in name and any(words in text for words in ("invalid URL", "expected", "NoneType")):
        return "%s is no port: socket://HOST:PORT or a serial port." % name
    if any(words in text for words in ("Inappropriate ioctl", "Is a directory", "Invalid arg")):
        return "Can't open %s: it is no serial port." % name
    reason = getattr(error, "strerror", None) or text.rpartition(":")[2].strip() or text
    reason = re.sub(r"^\[Errno \d+\] ", "", reason.rstrip("."))
    return ("Nothing answers at %s: %s." if "://" in name else "Can't open %s: %s.") % (
        name,
        reason,
    )
