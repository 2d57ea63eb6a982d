# _boot - runs at each start of the emulated board: its flash, and where to import from.
# SPDX-License-Identifier: MIT

import sys

import uctypes
import vfs

_FLASH = 0x21000000  # a memory of QEMU's board that nothing else uses: 16 MB of PSRAM
_BLOCK = 4096
_COUNT = 512


class Flash:
    # A block device (vfs.AbstractBlockDev). It outlives a soft reset, as flash does.
    def __init__(self):
        self._mem = uctypes.bytearray_at(_FLASH, _BLOCK * _COUNT)

    def readblocks(self, n, buf, offset=0):
        at = n * _BLOCK + offset
        buf[:] = memoryview(self._mem)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        at = n * _BLOCK + offset
        self._mem[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        # 4: number of blocks, 5: bytes of a block; 6: erase, which nothing needs here
        return _COUNT if op == 4 else _BLOCK if op == 5 else 0


flash = Flash()
try:
    fs = vfs.VfsLfs2(flash)
except OSError:
    vfs.VfsLfs2.mkfs(flash)
    fs = vfs.VfsLfs2(flash)
vfs.mount(fs, "/")
sys.path.append("/lib")
