# qbench.device - measurements on the emulated board: a 32-bit heap and a real machine.UART.
# SPDX-License-Identifier: MIT

import json
import shutil
import sys
import time
from binascii import crc32
from pathlib import Path

import setup
from qbench.unix import SCRIPTS, compile_example
from qdemo.certificates import Certificates
from qdevice.host import Host
from qpackage.mpy import compile_mpy
from qpackage.rom import image as make_rom
from qshared.problem import Problem

_SUPPORT = setup.ROOT / "tests/host/support"
_SITE = """\
CA = "/ca.pem"
HOST, PORT, BAUD, utc = %r, %d, %d, %r
HTTP = HOST, PORT
NAMES = %r

def make_uart(board):
    import machine
    return machine.UART(1, 115200, rxbuf=2048, txbuf=2048, timeout=0)
"""


def certificates(folder):
    # Some whose CRC-32 takes 32 bytes of heap, as three in four; the others' is a small integer.
    while True:
        certs = Certificates(folder)
        if crc32(certs.ca.read_bytes()) >> 30:
            return certs


class Device:
    # A started emulated board. frozen: the driver is in its firmware; else .mpy files from the
    # folder mpy are put on it, or with rom=True an image of them into its ROM partition.
    def __init__(self, stack, folder, names, frozen=True, mpy=None, rom=False, **options):
        host = Host(frozen=frozen, certs=certificates(folder), **options)
        self._host = stack.enter_context(host)
        self._folder = folder
        self._example = None
        settings = self._host.settings
        utc = tuple(time.gmtime()[:6])
        site = _SITE % (settings["host"], settings["port"], settings["baud"], utc, " ".join(names))
        self._host.write({"/ca.pem": settings["ca"], "/lib/bench_site.py": site})
        if rom:
            self._deploy(Path(mpy), folder / "bench.romfs")
        elif not frozen:
            self._host.write({"/lib/board.py": (setup.ROOT / "boards/emulated.py").read_text()})
            words = ["cp", "-r", Path(mpy) / "qssl", ":/lib/"]
            self._host.must("The driver can't be put on the board", *words)

    def _deploy(self, mpy, image):
        def compile_into(lib):
            shutil.copytree(mpy / "qssl", lib / "qssl")

        python = Path(sys.executable)
        make_rom(image, compile_into, python, board=setup.ROOT / "boards/emulated.py")
        words = ["romfs", "deploy", image, "+", "soft-reset"]
        self._host.must("The board does not take the ROM image", *words)

    def heap(self):
        # What heap.py finds. The collector also keeps what some number on the stack points at by
        # chance, 32 bytes in one run of 16: of five runs the one in the middle.
        return sorted((self.run("heap.py") for _ in range(5)), key=lambda f: f["socket"])[2]

    def run(self, script):
        result = self._host.execute((SCRIPTS / script).read_text(), script)
        try:
            return json.loads(result.last)
        except ValueError:
            raise Problem("%s fails on the emulated board: %s" % (script, result.last)) from None

    def passes(self, free):
        # See qbench.need.
        return self._tight("need.py", "FREE, SOCKETS = %d, 1\n" % free)["passed"]

    def telemetry(self, free=0):
        # As Unix.telemetry().
        return self._tight("telemetry.py", "FREE = %d\n" % free)

    def _tight(self, name, head):
        if not self._example and name == "telemetry.py":
            self._example = compile_example(self._folder)
            self._host.must("The board does not take the example", "cp", self._example, ":/lib/")
        result = self._host.execute(head + (SCRIPTS / name).read_text(), name)
        try:
            return json.loads(result.last)
        except ValueError:
            if "MemoryError" in result.output:
                return {"passed": False}
            raise Problem("%s fails on the emulated board: %s" % (name, result.last)) from None

    def throughput(self):
        # {"received": B/s, "sent": B/s}
        path = setup.ROOT / "tests/device/throughput.py"
        result = self._host.run(path, {"check": 0, "size": 98304})
        if not result.passed:
            raise Problem("throughput fails on the emulated board: %s" % result.last)
        found = {}
        for line in result.output.splitlines():
            words = line.replace(",", "").split()
            if words[:1] in (["received"], ["sent"]):
                found[words[0]] = int(words[words.index("B/s") - 1])
        return found

    def work(self, folder):
        # Microseconds of QEMU's instruction clock for each KiB, both ways.
        path = folder / "driver_canned.mpy"
        compile_mpy(_SUPPORT / "driver_canned.py", "driver_canned.py", path)
        self._host.must("driver_canned can't be put on the board", "cp", path, ":/lib/")
        return self.run("work.py")
