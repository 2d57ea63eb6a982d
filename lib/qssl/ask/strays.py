# qssl.ask.strays - lines of the modem that belong to nobody, kept for who wants to see them.
# SPDX-License-Identifier: MIT
#
# Such as the results of AT+QNTP and AT+QPING, or what firmware says on its own. They end no
# connection; without this they are only counted, in Modem.stats.unknown.

from micropython import RingIO


class Strays:
    """The last lines that nobody knew, from Modem.strays(). Keeping them allocates nothing.

    size: bytes that are kept, 64 or more; when they are full, all older lines go.

    Raises: nothing.
    Blocks: no.
    Allocates: the buffer.
    Since: 0.1.
    """

    def __init__(self, size: int) -> None:
        self._ring = RingIO(size)
        self._size = size
        self._line = bytearray(32)
        self.dropped = 0  # times that the older lines went

    def write(self, buf, off, n):
        # Called by the link for each such line.
        ring = self._ring
        n = min(n, self._size - 1)
        if ring.any() + n + 1 > self._size:
            self.dropped += 1
            while ring.any():
                ring.readinto(self._line)
        ring.write(buf, off, n)
        ring.write(b"\n", 0, 1)

    def lines(self) -> list:
        """Takes the lines that are kept, the oldest first.

        Returns: list of bytes, without line ends.
        Raises: nothing.
        Blocks: no.
        Allocates: the list.
        Since: 0.1.
        """
        found = []
        while self._ring.any():
            found.append(self._ring.readline().rstrip(b"\n"))
        return found
