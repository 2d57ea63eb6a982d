# qdemo.fleet - several devices, the receiver and its page, in one command.
# SPDX-License-Identifier: MIT

import re
import secrets
import sys
import tempfile
import time
from pathlib import Path

import setup
from qdemo.board import Board
from qdemo.events import Events
from qdemo.modem import Modem
from qdemo.screen import Screen
from qshared import ending, process
from qshared.problem import Problem
from receiver import accounts, keys, login
from receiver import store as db
from receiver.devices import hashed

_START_S = 60
_PATIENCE_S = 180  # so long without a new record, and the run is given up
_LOOK_S = 0.5
_SCRIPT = setup.ROOT / "examples" / "telemetry_receiver.py"
_USER = "demo"
_ADDRESS = re.compile(r"(devices: https|page: http)://127\.0\.0\.1:(\d+)/")


class Fleet:
    def __init__(self, chosen):
        self._chosen = chosen
        self._count = chosen.fleet * chosen.records
        self._screen = Screen(self._count)
        self._events = Events()
        self._modems, self._boards = [], []

    def run(self, stack):
        # The exit status. stack: contextlib.ExitStack for what has to be closed at the end.
        chosen, screen = self._chosen, self._screen
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-demo-")))
        screen.title("qssl demo: %d devices > TLS > receiver and page" % chosen.fleet)
        port, page = self._start_receiver(stack, folder)
        password = secrets.token_urlsafe(9)
        with self._store.writing() as c:
            accounts.add(c, _USER, "person", login.hashed_password(password))
        screen.setup(
            "page", "http://127.0.0.1:%d/  user %s, password %s" % (page, _USER, password)
        )
        screen.setup("devices", "MicroPython's unix port, simulated UGxx, %s" % _SCRIPT.name)
        for n in range(1, chosen.fleet + 1):
            self._start_device(stack, folder, n, port)
        screen.begin(time.time())
        stack.callback(screen.end)
        self._watch()
        screen.end()
        return self._judge()

    def progress(self):
        return "%d of %d records had arrived" % (self._arrived()[0], self._count)

    def _start_receiver(self, stack, folder):
        # (port of devices, port of the page)
        data, log = folder / "data", folder / "receiver.log"
        argv = [sys.executable, "-m", "receiver.main", "serve", "--folder", data]
        argv += ["--listen", "127.0.0.1:0", "--page", "127.0.0.1:%d" % self._chosen.port]
        with open(log, "wb") as out:
            self._receiver = process.start(argv, stdout=out, stderr=out)
        stack.callback(process.stop, self._receiver)
        end = time.monotonic() + _START_S
        text = ""
        while " ready" not in text:
            if self._receiver.poll() is not None or time.monotonic() > end:
                last = text.strip().splitlines()[-1:] or ["it printed nothing"]
                raise Problem("The receiver did not start: %s" % last[0])
            time.sleep(0.02)
            text = log.read_text(errors="replace")
        self._ca = data / "ca.pem"
        self._store = db.Store("sqlite:///%s" % (data / "receiver.db"))
        stack.callback(self._store.close)
        return [int(port) for _, port in _ADDRESS.findall(text)]

    def _start_device(self, stack, folder, n, port):
        name, token = "device-%d" % n, keys.new_token()
        with self._store.writing() as c:
            db.add_device(c, name, hashed(token), keys.mosquitto_password(token))
        own = folder / name
        own.mkdir()
        modem = Modem(own, None, self._chosen.baud)
        stack.callback(modem.stop)
        settings = {
            "modem": modem.at,
            "host": "127.0.0.1",
            "port": port,
            "ca": self._ca,
            "token": token,
            "count": self._chosen.records,
            "interval_ms": round(self._chosen.interval * 1000),
        }
        board = Board(_SCRIPT, own, settings, output=_Named(name, self._events))
        stack.callback(board.stop)
        self._modems.append(modem)
        self._boards.append(board)

    def _watch(self):
        # Until every script has ended.
        running = self._chosen.fleet
        best, heard = -1, time.monotonic()
        shown = 0
        while running:
            event = self._events.get(_LOOK_S)
            if event and event[1] == "end":
                running -= 1
                if event[2]:
                    raise Problem("A device's script ended with status %d." % event[2])
            elif event:
                self._screen.line(event[0], "board", event[2])
            if self._receiver.poll() is not None:
                raise Problem("The receiver has ended by itself. Run the demo again.")
            if not all(modem.alive() for modem in self._modems):
                raise Problem("A simulated modem has ended by itself. Run the demo again.")
            now = time.monotonic()
            if now > shown + _LOOK_S:
                shown = now
                arrived = self._arrived()[0]
                self._screen.arrived(arrived)
                if arrived > best:
                    best, heard = arrived, now
                if now > heard + _PATIENCE_S + self._chosen.interval:
                    raise Problem("No record has arrived for %d s." % _PATIENCE_S)

    def _arrived(self):
        # (records without those about health, repeats, missing ids)
        with self._store.reading() as c:
            rows = db.all_devices(c)
            gaps = db.gaps_of(c, [row.id for row in rows])
        there = sum(row.records - (row.health is not None) for row in rows)
        return there, sum(row.repeats for row in rows), sum(gaps.values())

    def _judge(self):
        arrived, repeats, missing = self._arrived()
        good = arrived == self._count and not missing
        text = "%d of %d records of %d devices arrived" % (
            arrived,
            self._count,
            self._chosen.fleet,
        )
        if good:
            text = "All %d records of %d devices arrived, each once" % (
                arrived,
                self._chosen.fleet,
            )
        if repeats:
            text += "; %d came again and were dropped" % repeats
        self._screen.verdict(text + ".", good)
        if good and sys.stdin.isatty():
            self._screen.setup("page", "stays until Ctrl-C")
            try:
                self._receiver.wait()
            except KeyboardInterrupt:
                pass
        return 0 if good else 1


class _Named:
    # Events of one device: its lines begin with its name.
    def __init__(self, name, events):
        self._name = name
        self._events = events

    def put(self, source, item):
        self._events.put(source, "%s: %s" % (self._name, item) if source == "board" else item)


def main(chosen):
    fleet = Fleet(chosen)
    return ending.run("demo.py", fleet.run, fleet.progress)
