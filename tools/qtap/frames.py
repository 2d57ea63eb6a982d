# qtap.frames - what the wire's process tells, read by the other one.
# SPDX-License-Identifier: MIT

from qtap import wire


class Frames:
    def __init__(self, sock):
        self.sock = sock
        self.ended = False
        self._data = b""

    def take(self):
        # [(which, ns, data)] that are there; waits if there are none.
        data = self.sock.recv(1 << 18)
        if not data:
            self.ended = True
        self._data += data
        found = []
        at = 0
        size = wire.FRAME.size
        while len(self._data) - at >= size:
            which, ns, length = wire.FRAME.unpack_from(self._data, at)
            if len(self._data) - at - size < length:
                break
            found.append((which, ns, self._data[at + size : at + size + length]))
            at += size + length
        self._data = self._data[at:]
        return found
