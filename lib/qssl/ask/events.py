# qssl.ask.events - what the modem reports on its own, told to the program: modem.on_event = fn.
# SPDX-License-Identifier: MIT
#
#     def told(kind, id, value): ...
#     modem.on_event = told
#
# kind       id        value
# "open"     socket    what AT+QSSLOPEN came to: 0 or an error number (manual 2.2.2)
# "recv"     socket    bytes in direct push mode, -1 in buffer mode (2.3.1)
# "closed"   socket    -1 (2.3.2)
# "security" socket    1 encrypt, 2 decrypt, 3 verify error (2.3.3)
# "pdpdeact" context   -1
# "restart"  -1        -1: sockets, contexts and files in RAM are gone
#
# The parser only records. fn is called where a call waits and from modem.pump(), never from
# inside the parser, and not again while it runs. It may call the driver, blocking calls too; what
# it raises comes out of the call that was waiting.

from micropython import const

KINDS = "open recv closed security pdpdeact restart"
_SIZE = const(16)  # events that wait; when there are more, stats.dropped counts them


class Events:
    def __init__(self, fn, stats):
        self.fn = fn
        self._stats = stats
        self._queue = bytearray(_SIZE * 4)  # kind, id, value in two bytes; 255 and 65535: -1
        self._at = self._n = 0
        self._busy = False
        self._kinds = KINDS.split()

    def put(self, kind, id, value):
        # Called by the parser's handlers. Allocates nothing.
        if self._n == _SIZE:
            self._stats.dropped += 1
            return
        q = self._queue
        i = (self._at + self._n) % _SIZE * 4
        q[i] = kind
        q[i + 1] = id & 255
        q[i + 2] = value & 255
        q[i + 3] = value >> 8 & 255
        self._n += 1

    def deliver(self):
        # Calls fn for what waits. From fn it does nothing.
        if self._busy:
            return
        self._busy = True
        try:
            n = self._n
            while n:
                n -= 1
                q = self._queue
                i = self._at * 4
                self._at = (self._at + 1) % _SIZE
                self._n -= 1
                id = q[i + 1]
                value = q[i + 2] | q[i + 3] << 8
                self.fn(
                    self._kinds[q[i]],
                    -1 if id == 255 else id,
                    -1 if value == 65535 else value,
                )
        finally:
            self._busy = False
