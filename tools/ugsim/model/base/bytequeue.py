# ugsim.model.base.bytequeue - first-in first-out queue of bytes made of whole chunks.
# SPDX-License-Identifier: MIT


class ByteQueue:
    # Appending and taking cost no copy of what stays in the queue, so a megabyte passes in
    # linear time on MicroPython too (where slicing a bytearray copies all of the rest).

    def __init__(self):
        self._chunks = []
        self._offset = 0  # bytes of the first chunk that are already gone
        self.size = 0  # bytes that are there, as len() has it

    def __len__(self):
        return self.size

    def append(self, data):
        if data:
            self._chunks.append(data)
            self.size += len(data)

    def peek(self):
        # The first chunk's remaining bytes; b"" when empty.
        if not self.size:
            return b""
        if self._offset:
            self._chunks[0] = self._chunks[0][self._offset :]
            self._offset = 0
        return self._chunks[0]

    def drop(self, count):
        # Forgets `count` bytes; the queue must hold them.
        self.size -= count
        count += self._offset
        chunks = self._chunks
        gone = 0
        while gone < len(chunks) and count >= len(chunks[gone]):
            count -= len(chunks[gone])
            gone += 1
        if gone:
            self._chunks = chunks[gone:]
        self._offset = count

    def take(self, limit):
        # Removes and returns at most `limit` bytes.
        if limit >= self.size:
            if self.size == 0 or limit <= 0:
                return b""
            data = self.peek()
            if len(self._chunks) > 1:
                data = b"".join(self._chunks)
            self.clear()
            return data if type(data) is bytes else bytes(data)
        if limit <= 0:
            return b""
        parts = []
        need = limit
        index = 0
        offset = self._offset
        while need:
            chunk = self._chunks[index]
            part = chunk[offset : offset + need]
            parts.append(part)
            need -= len(part)
            offset = 0
            index += 1
        self.drop(limit)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def clear(self):
        self._chunks = []
        self._offset = 0
        self.size = 0
