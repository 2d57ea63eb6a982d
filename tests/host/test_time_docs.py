# test_time_docs - docs/time.md and docs/uplink.md as they are; mpremote and a board's clock.
# SPDX-License-Identifier: MIT

import ast
import datetime
import json
import os
import re
import subprocess
import sys
import time

import pytest

import setup
from client_kit import Script, modem, running
from servers import Nginx

PAGE = (setup.ROOT / "docs" / "time.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M)

# mpremote's own command, with a board that shows what it is told.
RTC = """
from mpremote.commands import do_rtc

class Board:
    def exec(self, text):
        print(text)

class State:
    transport = Board()
    set = True

    def ensure_raw_repl(self):
        pass

    did_action = ensure_raw_repl

do_rtc(State(), State())
"""


@pytest.fixture(scope="module")
def nginx(certs):
    with running(Nginx(certs)) as nginx:
        yield nginx


def run(sim, certs, nginx, text, folder):
    text = text.replace('"ca.pem"', repr(str(certs.ca)))
    text = text.replace('"server.example",\n    443', '"localhost",\n    %d' % nginx.port)
    text = text.replace('"/in"', '"/post"').replace('"queue"', repr(str(folder / "queue")))
    text = text.replace('"time"', repr(str(folder / "time")))
    with Script(sim, certs, text, plain=True) as script:
        return script.end()


def test_the_recipe(certs, nginx, tmp_path):
    (text,) = BLOCKS
    with modem() as sim:
        posts = len(nginx.posts())
        (line,) = run(sim, certs, nginx, text, tmp_path)
        assert " program " in line and line.split(") ", 1)[0].startswith("(20"), line
        (body,) = nginx.posts()[posts:]
        (record,) = json.loads(body)["records"]
        assert record["t"] == 21.5 and abs(record["at"] - time.time()) < 120
        assert (tmp_path / "time1").stat().st_size == 24  # and this power-up, for the record


def test_the_uplink_page(certs, nginx, tmp_path):
    page = (setup.ROOT / "docs" / "uplink.md").read_text()
    (text,) = re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M)
    with modem() as sim:
        posts = len(nginx.posts())
        assert run(sim, certs, nginx, text, tmp_path) == []
        (body,) = nginx.posts()[posts:]
        assert json.loads(body)["records"] == [{"t": 21.5}]


def test_the_recipe_on_a_board_without_a_clock(certs, nginx, tmp_path):
    # The network's time, which NTP finds to be an hour ahead; and in a modem that was never told
    # any, NTP alone.
    text = BLOCKS[0].replace("utc=board.utc,", "")
    now = int(time.time())
    for nitz, said in (("yes", "'corrected by ntp'"), ("no", " ntp True []")):
        folder = tmp_path / nitz
        folder.mkdir()
        with modem() as sim:
            for command in (
                "switch nitz " + nitz,
                "switch nitz_time hour",
                "network-time %d 8" % now,
                "restart",
            ):
                sim.control().command(command)
            posts = len(nginx.posts())
            (line,) = run(sim, certs, nginx, text, folder)
            assert said in line and " ntp True " in line, line
            (body,) = nginx.posts()[posts:]
            assert abs(json.loads(body)["records"][0]["at"] - time.time()) < 60


def told(zone):
    # What `mpremote rtc --set` puts into the clock of a board, on a PC in this zone.
    out = subprocess.run(
        [sys.executable, "-c", RTC],
        env=dict(os.environ, TZ=zone),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    y, m, d, weekday, hh, mm, ss, _ = ast.literal_eval(re.search(r"datetime\((\(.*\))\)", out)[1])
    t = datetime.datetime(y, m, d, hh, mm, ss, tzinfo=datetime.timezone.utc)
    assert weekday == t.weekday()
    return t.timestamp()


def test_mpremote_sets_local_time_unless_told_otherwise():
    assert "TZ=UTC0 mpremote rtc --set" in PAGE
    assert "TZ=UTC0 mpremote rtc --set" in (setup.ROOT / "docs" / "boards.md").read_text()
    assert abs(told("UTC0") - time.time()) < 30
    assert abs(told("XXX-2") - 7200 - time.time()) < 30  # two hours east
    assert abs(told("XXX5") + 18000 - time.time()) < 30


def test_every_switch_and_fault_of_the_page_exists():
    from ugsim.model.faults import FAULTS
    from ugsim.model.switches import SWITCHES

    part = PAGE.split("## Try it")[1]
    for name in re.findall(r"`([a-z_*]+)`", part):
        known = [n for n in [*SWITCHES, *FAULTS] if re.fullmatch(name.replace("*", ".+"), n)]
        assert known or name == "ugsim", name
