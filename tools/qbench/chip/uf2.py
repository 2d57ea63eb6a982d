# qbench.chip.uf2 - what a .uf2 file holds: the flash of an RP2040 with MicroPython in it.
# SPDX-License-Identifier: MIT

import re
import struct

from qshared.problem import Problem

_BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC = 0x0A324655, 0x9E5D5157
_MAGIC_END = 0x0AB16F30
_NOT_FLASH = 1
_HAS_FAMILY = 0x2000
RP2040 = 0xE48BFF56
_OTHERS = {0xE48BFF59: "RP2350", 0xE48BFF5A: "RP2350", 0xE48BFF5B: "RP2350"}
_FLASH = 0x10000000
_FLASH_SIZE = 16 << 20
_NEEDED = (1, 24)  # of MicroPython
_ADVICE = "take the RPI_PICO image of MicroPython %d.%d or newer" % _NEEDED
_VERSION = re.compile(rb"MicroPython v(\d+)\.(\d+)\.(\d+)")


def load(path):
    # (the flash from its beginning as bytes, MicroPython's version as text)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise Problem("Can't read %s: %s." % (path, e.strerror)) from None
    flash = _flash(data, path)
    found = _VERSION.search(flash)
    if not found:
        raise Problem("%s holds no MicroPython: %s." % (path, _ADVICE))
    version = ".".join(part.decode() for part in found.groups())
    if tuple(int(part) for part in found.groups()[:2]) < _NEEDED:
        raise Problem(
            "%s is MicroPython %s, too old for the driver: %s." % (path, version, _ADVICE)
        )
    return flash, version


def _flash(data, path):
    if not data or len(data) % _BLOCK or _HEAD.unpack_from(data)[:2] != _MAGIC:
        raise Problem("%s is no UF2 file: %s." % (path, _ADVICE))
    flash = bytearray()
    seen = set()
    count = 0
    for at in range(0, len(data), _BLOCK):
        *magic, flags, address, size, number, blocks, family = _HEAD.unpack_from(data, at)
        (end,) = struct.unpack_from("<I", data, at + _BLOCK - 4)
        if tuple(magic) != _MAGIC or end != _MAGIC_END or size > _BLOCK - 36:
            raise Problem("%s is damaged at block %d: fetch it again." % (path, at // _BLOCK))
        if flags & _HAS_FAMILY and family != RP2040:
            if flags & _NOT_FLASH or family not in _OTHERS:
                continue
            chip = _OTHERS[family]
            raise Problem("%s is for an %s, not for an RP2040: %s." % (path, chip, _ADVICE))
        offset = address - _FLASH
        if flags & _NOT_FLASH:
            continue
        if not 0 <= offset <= _FLASH_SIZE - size:
            raise Problem("%s is not for the flash of an RP2040: %s." % (path, _ADVICE))
        flash.extend(b"\xff" * (offset + size - len(flash)))
        flash[offset : offset + size] = data[at + 32 : at + 32 + size]
        seen.add(number)
        count = blocks
    if not seen:
        raise Problem("%s has nothing for an RP2040 in it: %s." % (path, _ADVICE))
    if len(seen) < count:
        raise Problem(
            "%s is not complete, %d of %d blocks: fetch it again." % (path, len(seen), count)
        )
    return bytes(flash)


def make(flash, family=RP2040):
    # The UF2 file of a flash image.
    pages = [flash[at : at + 256].ljust(256, b"\xff") for at in range(0, len(flash), 256)]
    return b"".join(
        _HEAD.pack(*_MAGIC, _HAS_FAMILY, _FLASH + 256 * i, 256, i, len(pages), family)
        + page.ljust(_BLOCK - 36, b"\0")
        + struct.pack("<I", _MAGIC_END)
        for i, page in enumerate(pages)
    )
