# qssl.arrays - a str, or an array of items that are no bytes, such as array("H"): its bytes are
# what is written or read, as with built-in sockets.
# SPDX-License-Identifier: MIT
#
# Loaded by the first socket that gets one.

import io


def plain(buf):
    # Its bytes; TypeError if it has none.
    if isinstance(buf, str):
        return buf.encode()
    return bytes(memoryview(buf))


def into(read, buf, n):
    # read(bytearray, n) -> count, for buf.
    data = bytearray(len(plain(buf)))
    n = read(data, n)
    if n:
        io.BytesIO(memoryview(data)[:n]).readinto(buf)
    return n
