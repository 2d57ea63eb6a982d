# test_power_docs - the programs of docs/power.md, on a board of the virtual clock.
# SPDX-License-Identifier: MIT

import re
import subprocess

import setup
from qshared.interpreters import cpython

PAGE = (setup.ROOT / "docs" / "power.md").read_text()
WINDOWS, MODEM = re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M)

# A board with all lines, a server that takes everything, time that jumps.
HEAD = """
import sys
import upy
upy.install()
import disk, driver_kit, rig as r
from qssl import Modem, sitepower
from receivers import HttpServer
from ugsim.fakenet import FakeNet

server = HttpServer()
at = []

def answer(queue, first, records, conn):
    at.append((rig.now // 1000, len(records)))
    return 200

server.answer = answer
rig, _ = driver_kit.bare(FakeNet(server))
rig.model.command("power off")
disk.Disk().mount()
sitepower.sleep_ms = r.clock.sleep_ms


class Pin:
    def __init__(self, name):
        self.name = name

    def value(self, on=None):
        if on is None:
            return rig.model.line(self.name)
        rig.model.set_line(self.name, bool(on))


class Board:
    known = False

    def setting(self, name, default=None):
        return {"host": "server.example", "ca": driver_kit.CA}.get(name, default)

    def access(self):
        return {"apn": "internet"}

    def power(self):
        return sitepower.Power(None)

    def utc(self):
        return (2026, 11, 28, 9 + rig.now // 3600000, 0, 0)

    def set_utc(self, t):
        pass

    def modem(self, **options):
        idle = options.pop("idle", lambda: None)
        pins = {n: Pin(n) for n in ("pwrkey", "status", "dtr")}
        modem = Modem(rig.uart, idle=lambda: (idle(), rig.sleep(20)), **options, **pins)
        modem.link._poll = r.RigPoll(rig)
        return modem


board = sys.modules["board"] = Board()
"""


def run(text):
    _, argv, env = cpython()
    done = subprocess.run(
        [*argv, "-c", HEAD + text], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_windows():
    out = run(WINDOWS + "print(at, rig.model.power.state, rig.model.power.starts)")
    assert out[0] == "2 windows, 9 records wait"
    found = re.findall(r"\((\d+), (\d+)\)", out[1])
    # After 4 h, with the first record behind that; then what is urgent, with all before it.
    times = [int(s) for s, _ in found]
    assert sum(int(n) for _, n in found) == 51 and 4 * 3600 <= times[0] <= 4 * 3600 + 360
    assert 50 * 300 <= times[-1] <= 50 * 300 + 60
    assert out[1].endswith("off 2")


def test_the_modem():
    begin = "modem = board.modem()\nmodem.start(**board.access())\npower = board.power()\n"
    text = MODEM.replace("modem.wake()", "print(rig.model.port.asleep())\nmodem.wake()")
    text = text.replace("modem.start(", "print(rig.model.power.state)\nmodem.start(", 1)
    out = run(begin + text)
    assert out[0] == "off" and out[1] == "True" and re.fullmatch(r"-\d+ dBm", out[2])
