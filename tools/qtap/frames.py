# qtap.frames - what the wire's process tells, read by the other one.
# SPDX-License-Identifier: MIT

from qtap import wire


class Frames:
    # What the wire tells.
    def __init__(self, sock):
        self.sock = sock
        self._data = b""
        self.ended = False

    def take(self):
        data = self.sock.recv(1 << 18)
        if not data:
            self.ended = True
        self._data += data
        at = 0
        size = wire.FRAME.size
        while len(self._data) - at >= size:
            which, ns, length = wire.FRAME.unpack_from(self._data, at)
            if len(self._data) - at - size < length:
                break
            yield which, ns, self._data[at + size : at + size + length]
            at += size + length
        self._data = self._data[at:]
