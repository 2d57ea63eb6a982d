# setup.emulator - what the emulated board is built and run with: ARM compiler, QEMU, source.
# SPDX-License-Identifier: MIT

import os
import shutil
from pathlib import Path

from .common import CACHE, SetupError, cached, run, say
from .debs import have_apt, unpack, unpack_source

_TOOLS = "arm-programs"
_SOURCE = "micropython-source"
_SUITE = "trixie"  # MicroPython 1.25
_PACKAGES = ["gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm", "make"]
_PROGRAMS = ("arm-none-eabi-gcc", "arm-none-eabi-ld", "qemu-system-arm", "make")


def arm_tools():
    # The environment in which arm-none-eabi-gcc with newlib, make and qemu-system-arm are on PATH.
    # What the system has is taken if it has all of it; else Debian's packages, under .cache.
    if all(shutil.which(name) for name in _PROGRAMS) and _has_newlib("arm-none-eabi-gcc"):
        return dict(os.environ)
    if not have_apt():
        raise SetupError(
            "The emulated board needs %s: install them with the system's package manager."
            % ", ".join(_PROGRAMS)
        )
    if not (CACHE / _TOOLS).is_dir():
        say("fetching the ARM compiler and QEMU (this system's packages, under .cache, 110 MB)")
    folder = cached(_TOOLS, _fill_tools)
    return dict(os.environ, PATH="%s/bin%s%s" % (folder, os.pathsep, os.environ["PATH"]))


def have_emulator():
    # Whether arm_tools() and micropython_source() have nothing to fetch.
    have = all(shutil.which(name) for name in _PROGRAMS) or (CACHE / _TOOLS).is_dir()
    return have and (CACHE / _SOURCE).is_dir()


def find_micropython_source():
    # The folder of MicroPython's source if it is here already, else None.
    folder = CACHE / _SOURCE / "source"
    return folder if folder.is_dir() else None


def micropython_source():
    # The folder of MicroPython's source.
    if not (CACHE / _SOURCE).is_dir():
        say("fetching MicroPython's source (Debian %s, under .cache)" % _SUITE)

    def fill(temp):
        unpack_source(temp, "micropython", _SUITE).rename(temp / "source")

    return cached(_SOURCE, fill) / "source"


def _has_newlib(gcc):
    return Path(run([gcc, "-print-file-name=libm.a"], "look for newlib").strip()).is_absolute()


def _fill_tools(temp):
    unpack(temp, _missing())
    root = temp / "root"
    # Two links that Debian's packages leave to their installation.
    lib = root / "usr/lib/arm-none-eabi"
    if (lib / "newlib").is_dir():
        (lib / "lib").symlink_to("newlib")
        (lib / "include").symlink_to("../../include/newlib")
    bin = temp / "bin"
    bin.mkdir()
    for program in sorted((root / "usr/bin").iterdir()):
        name = program.name
        if name in _PROGRAMS or name.startswith("arm-none-eabi-"):
            options = _OPTIONS.get(name, "")
            (bin / name).write_text(_STARTER.format(name=name, options=options))
            (bin / name).chmod(0o755)


def _missing():
    # The packages whose programs the system lacks. The compiler is taken whole or not at all.
    have = [name for name in ("make", "qemu-system-arm") if shutil.which(name)]
    return [name for name in _PACKAGES if name not in have]


_OPTIONS = {"qemu-system-arm": ' -L "$root/usr/share/qemu"'}
_STARTER = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../root
lib=$(echo "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu* | tr ' ' ':')
LD_LIBRARY_PATH=$lib exec "$root/usr/bin/{name}"{options} "$@"
"""
