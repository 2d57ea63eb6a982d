# qsoak.real - the soak in real time: a real mosquitto that is killed, a modem that restarts.
# SPDX-License-Identifier: MIT
#
# Runs in the virtual environment: python -m qsoak.real SECONDS BOARD... (unix, board)

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import setup
from qdemo.broker import TOPIC, Broker
from qdemo.certificates import Certificates
from qdemo.modem import Modem
from qdevice.host import Host
from qshared import ending, process
from qshared.problem import Problem
from ugsim.control import ControlError

_SCRIPT = Path(__file__).with_name("telemetry.py")
_EVERY_MS = 100  # between two records
_REST_S = 60  # to deliver what is left
_QUICK = ("boot_ms 300", "register_ms 200", "act_ms 50")  # a modem that is soon there again
_TROUBLE = (
    "restart",
    "pdp drop 1",
    "close 0 quiet",
    "fault lose at=20",
    "fault insert at=9",
    "fault send_mute",
    "fault delay what=send_ok by=9000",
    "fault recv_miss",
    "fault stall ms=2000",
)


class Ledger:
    # What subscribers saw, through all lives of the broker.
    def __init__(self):
        self.seen = {}  # (queue, id) -> n
        self.order = []  # n, as they came first
        self.repeats = 0
        self.wrong = []

    def add(self, data):
        what = json.loads(data)
        key = what["queue"], what["id"]
        n = what["record"]["n"]
        if key not in self.seen:
            self.seen[key] = n
            self.order.append(n)
        elif self.seen[key] == n:
            self.repeats += 1
        else:
            self.wrong.append((key, self.seen[key], n))


class Server(Broker):
    # Its messages go to the ledger as they are.
    def __init__(self, certs, folder, ledger, port):
        self._ledger = ledger
        super().__init__(certs, folder, None, None, port)

    def _on_message(self, topic, data, qos):
        self._ledger.add(data)

    def kill(self):
        # Not in the midst of a message: what it has confirmed, it has passed on.
        self._process.terminate()
        self._process.wait()
        self._subscriber.drain()
        self.close()


class Storm:
    # Kills the broker and troubles the modem. command: the modem's control channel.
    def __init__(self, certs, folder, command, seed):
        self.ledger = Ledger()
        self.kills = self.troubles = 0
        self._command = command
        self._rng = random.Random(seed)
        self._new = lambda port: Server(certs, folder, self.ledger, port)
        self._server = self._new(0)
        self.port = self._server.port

    def rage(self, over):
        # Until over() says so. Then what is left must get through.
        while not over():
            time.sleep(self._rng.uniform(0.5, 2))
            if self._rng.random() < 0.5:
                self._kill(self._rng.uniform(0, 1.5))
            else:
                self.troubles += 1
                with contextlib.suppress(Problem, ControlError):  # a context that is not there
                    self._command(self._rng.choice(_TROUBLE))
        self._command("clear")

    def _kill(self, pause_s):
        # Nobody finds it again before somebody has subscribed: there nothing gets lost.
        self.kills += 1
        self._server.kill()
        time.sleep(pause_s)
        self._command("dns dead")
        time.sleep(0.2)
        self._server = self._new(self.port)
        self._command("dns ok")

    def close(self):
        self._server.close()


class Unix:
    # MicroPython's unix port as the board.
    def __init__(self, stack, folder):
        self._folder = folder
        (folder / "board.py").symlink_to(setup.ROOT / "boards" / "unix.py")
        self._modem = Modem(folder, options=("--quiet",))
        stack.callback(self._modem.stop)
        self.command = self._modem.command
        self.queue = str(folder / "queue")

    def play(self, settings, timeout_s):
        env = {"QSSL_" + name.upper(): str(value) for name, value in settings.items()}
        path = "%s:.frozen:%s" % (self._folder, setup.ROOT / "lib")
        env.update(os.environ, QSSL_MODEM=self._modem.at, MICROPYPATH=path)
        argv = [setup.micropython(), "-X", "heapsize=1m", _SCRIPT]
        run = process.start(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            return run.communicate(timeout=timeout_s)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            return "it did not end within %d s" % timeout_s
        finally:
            process.stop(run)


class Emulated:
    # The emulated microcontroller; between two runs it is reset, and its flash stays.
    def __init__(self, stack, folder):
        self._host = stack.enter_context(Host())
        self.command = self._host.control
        self.queue = "/queue"

    def play(self, settings, timeout_s):
        ca = Path(settings["ca"])
        files = {
            "/ca.pem": ca.read_text(),
            "/settings.json": json.dumps(dict(settings, ca="/ca.pem")),
        }
        self._host.write(files)
        return self._host.execute(_SCRIPT.read_text(), "telemetry", timeout_s).output


class Lives(threading.Thread):
    # Two lives of the board: the first ends without a word, the second delivers what is left.
    # Beside the storm: a program that ends with its parent ends with the thread that started it.
    def __init__(self, board, settings, seconds):
        super().__init__(daemon=True)
        self.found = []
        self.put = 0  # records
        self.failed = ""
        self._board = board
        self._settings = settings
        self._seconds = seconds
        self._calm = 0.0  # when no more trouble is wanted

    def over(self):
        return not self.is_alive() or 0 < self._calm < time.monotonic()

    def run(self):
        for rest in (0, _REST_S):
            if rest:
                self._calm = time.monotonic() + self._seconds / 2
            more = {"now": int(time.time()), "from": self.put, "rest": rest}
            try:
                said = self._board.play(dict(self._settings, **more), self._seconds + 120)
            except Problem as e:
                said = str(e)
            last = said.strip().rpartition("\n")[2]
            if not last.startswith("@@ done "):
                self.failed = said.strip()[-2000:] or "it printed nothing"
                return
            self.found.append(json.loads(last[8:]))
            self.put += self.found[-1]["put"]


def soak(name, seconds, seed):
    # True: every record arrived, in order.
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-soak-")))
        board = {"unix": Unix, "board": Emulated}[name](stack, folder)
        certs = Certificates(folder)
        for words in _QUICK:
            board.command("switch " + words)
        storm = Storm(certs, folder, board.command, seed)
        stack.callback(storm.close)
        settings = {
            "host": "localhost",
            "port": storm.port,
            "ca": str(certs.ca),
            "topic": TOPIC,
            "folder": board.queue,
            "every": _EVERY_MS,
            "ms": int(seconds * 500),
        }
        lives = Lives(board, settings, seconds)
        lives.start()
        storm.rage(lives.over)
        lives.join()
        end = time.monotonic() + 20  # for the subscriber to read what has come
        while len(storm.ledger.order) < lives.put and time.monotonic() < end:
            time.sleep(0.05)
        return judge(name, lives, storm)


def judge(name, lives, storm):
    ledger = storm.ledger
    if lives.failed:
        print("FAILED on %s: the program ended with\n%s" % (name, lives.failed))
        return False
    put = lives.put
    missing = sorted(set(range(put)) - set(ledger.order))
    print(
        "%s: %d records, %d arrived, %d repeats; broker killed %d times, other trouble %d times"
        % (name, put, len(ledger.order), ledger.repeats, storm.kills, storm.troubles)
    )
    for i, life in enumerate(lives.found):
        words = ("%s %s" % (key, life[key]) for key in sorted(life))
        print("  life %d: %s" % (i + 1, ", ".join(words)))
    left = lives.found[-1]["left"]
    if missing or ledger.wrong or ledger.order != sorted(ledger.order) or left:
        print(
            "FAILED on %s: %d missing %s, wrong %s, left %d"
            % (name, len(missing), missing[:10], ledger.wrong[:3], left)
        )
        return False
    return True


def main(args):
    seconds, seed, *names = args

    def run(stack):
        bad = [name for name in names if not soak(name, float(seconds), int(seed))]
        if not bad:
            print("every record arrived, in order")
        return 1 if bad else 0

    return ending.run("soak.py", run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
