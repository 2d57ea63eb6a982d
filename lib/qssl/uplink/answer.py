# qssl.uplink.answer - finds the messages in the server's answer, as it comes, however long it is.
# SPDX-License-Identifier: MIT
#
#     {"messages": [{...}, {...}], "more": true}
#
# Each message is one for itself, in the inbox's buffer; what does not fit there is passed over.
# Anything else is no messages and means nothing, but JSON that is cut short is told.

from micropython import const

_TOP = const(24)  # bytes kept of what stands outside of the messages
_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)


class Answer:
    # take(bytes, whole): gets each message, False if it was longer than the buffer.
    def __init__(self, buf, take):
        self._buf = buf
        self._take = take
        self._n = 0  # bytes of the message so far
        self._depth = 0
        self._text = self._escaped = False
        self._within = False  # in the list of messages
        self._top = b""
        self.more = False
        self.bad = False

    def feed(self, part):
        # b"": that was all of it.
        if not part:
            self.bad = self.bad or self._depth > 0
            return
        for c in part:
            if self._depth < 0:
                break
            self._byte(c)

    def _byte(self, c):
        depth = self._depth
        if self._within and depth > 2:
            if self._n < len(self._buf):
                self._buf[self._n] = c
            self._n += 1
        elif c <= 32:
            return
        elif not depth and c != 0x7B:
            self._depth = -1  # no object: a word like "ok"
            return
        elif depth == 1:
            self._top = (self._top + bytes((c,)))[-_TOP:]
        elif depth == 2 and self._within and c != 0x7B and c != 0x2C and c != 0x5D:
            self.bad = True  # something else in the list
        if self._text:
            if self._escaped:
                self._escaped = False
            elif c == _BACKSLASH:
                self._escaped = True
            elif c == _QUOTE:
                self._text = False
        elif c == _QUOTE:
            self._text = True
        elif c == 0x7B or c == 0x5B:
            self._depth += 1
            if depth == 1:
                self._within = self._top.endswith(b'"messages":[')
            elif depth == 2 and c == 0x7B and self._within:
                self._buf[0] = c
                self._n = 1
        elif c == 0x7D or c == 0x5D:
            self._depth -= 1
            if depth == 3 and self._within:
                n = min(self._n, len(self._buf))
                self._take(memoryview(self._buf)[:n], n == self._n)
            elif depth == 2:
                self._within = False
            elif depth == 1:
                self.more = self.more or self._top.endswith(b'"more":true}')
                self._depth = -1
        elif depth == 1 and c == 0x2C:
            self.more = self.more or self._top.endswith(b'"more":true,')
