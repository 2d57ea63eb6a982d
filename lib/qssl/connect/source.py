# qssl.connect.source - bytes or a file of the board's, measured, and read in small pieces.
# SPDX-License-Identifier: MIT

from binascii import crc32

from micropython import const

_BLOCK = const(128)


class Source:
    # Bytes or a file on the board's file system, read in small pieces, as often as needed.
    def __init__(self, what, phase, measured=None):
        # what: bytes, or the path of a file (str). measured: its size, sum and crc, if they are
        # known.
        self._what = what
        self._phase = phase
        self._file = None
        self._at = 0
        self._typed = 0
        self.size = 0
        self.sum = 0  # 16-bit XOR of big-endian words, as +QFUPL reports it
        self.crc = 0  # CRC-32, for the name on the modem
        if measured:
            self.size, self.sum, self.crc = measured
        else:
            self._measure()

    def rewind(self):
        self._at = self._typed = 0
        self.close()
        if isinstance(self._what, str):
            try:
                self._file = open(self._what, "rb")
            except OSError as e:
                from .pemhints import unread

                raise unread(self._phase, self._what, e)

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None

    def fill(self, buf):
        # The next piece into buf; 0 at the end.
        if self._file is not None:
            try:
                return self._file.readinto(buf) or 0
            except OSError:  # a directory, damaged flash: too short, which is found out
                return 0
        n = min(len(buf), len(self._what) - self._at)
        buf[:n] = self._what[self._at : self._at + n]
        self._at += n
        return n

    def differs(self):
        # Whether it is no longer what was measured.
        before = self.size, self.sum, self.crc
        self.size = self.sum = self.crc = 0
        self._measure()
        now = self.size, self.sum, self.crc
        self.size, self.sum, self.crc = before
        return now != before

    def _measure(self):
        buf = bytearray(_BLOCK)
        self.rewind()
        try:
            while True:
                n = self.fill(buf)
                if not n:
                    break
                self.sum = checksum(self.sum, self.size, buf, 0, n)
                self.crc = crc32(memoryview(buf)[:n], self.crc)
                self.size += n
        finally:
            self.close()

    def typed(self, buf):
        # As fill(), but `size` bytes in all, whatever the file has become since it was measured:
        # more would be run as commands, and for less the modem would wait. The checksum tells.
        if isinstance(self._what, str) and self._file is None:
            return 0  # closed in the middle: the upload was given up
        left = self.size - self._typed
        n = min(self.fill(buf) or len(buf), left)
        self._typed += n
        return n


def checksum(total, at, buf, off, n):
    # `total`, the checksum of the `at` bytes of a file so far, with buf[off:off + n] added.
    for i in range(n):
        total ^= buf[off + i] if (at + i) & 1 else buf[off + i] << 8
    return total
