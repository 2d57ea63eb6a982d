# test_tap_program - tools/tap.py as a program: real ports, signals, files, the lines of a port.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import setup
import tool
from patience import LIMIT_S, once, until
from qdemo.certificates import Certificates
from qdevice.peer import Peer
from qtap import wire
from qtap.frames import Frames
from ugsim.trace import Reader
from ugsim_client import AtClient, Ugsim

MIB = int(os.environ.get("TAP_MIB", "0"))


class Tap:
    # tools/tap.py between a pty that it makes (self.board) and a port.
    limits = None

    def __init__(self, tmp_path, modem, *words, board=None, env=None):
        self.board = tmp_path / "board"
        self.out = tmp_path / "out.jsonl"
        argv = [sys.executable, str(setup.ROOT / "tools/tap.py"), board or "pty:%s" % self.board]
        argv += [str(modem), "--out", str(self.out), *[str(word) for word in words]]
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
            env=dict(os.environ, **(env or {})),
            preexec_fn=self.limits,  # noqa: PLW1509  no threads here
        )
        line = self.process.stdout.readline()
        assert "<->" in line, line + self.process.stderr.read()
        self.process.stdout.readline()

    def end(self, number=signal.SIGINT):
        # (exit status, output, errors)
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=5 * LIMIT_S)
        assert "Traceback" not in err, err
        return self.process.returncode, out, err

    def events(self):
        return [(e.kind, e.text) for e in Reader(str(self.out))]


def tap(tmp_path, *words):
    # One that does not begin: (exit status, output, errors)
    return tool.call("tap.py", *words, cwd=tmp_path)


def test_a_conversation(tmp_path):
    with Ugsim("--baud", "0", "--switch", "checksum_case=upper") as sim:
        this = Tap(tmp_path, sim.at, "--keep", "4")
        with AtClient(str(this.board)) as at:
            assert at.command("AT+CSQ") == "+CSQ: 21,0\nOK"
            at.command('AT+CPIN="4711"')
            at.command("AT+CIMI")
            at.upload("RAM:x", b"\xab\xcdef")
        code, out, err = this.end()
    assert (code, err) == (1, "")
    kinds = this.events()
    assert ("at", "AT+CPIN=***") in kinds and "4711" not in out + this.out.read_text()
    assert ("info", "***") in kinds and "26201" not in out + this.out.read_text()
    assert ("up", "4 bytes") in kinds
    assert [e.data for e in Reader(str(this.out)) if e.kind == "up"] == [b"\xab\xcdef"]
    assert next(text for kind, text in kinds if kind == "differs").startswith("the simulation: ")
    assert "      the real modem  CONNECT / +QFUPL: 4," in out
    assert "compared with the simulation: 4 alike, 1 in another form" in out, out
    assert re.search(r"delay: bytes were handed on within \d+\.\d\d ms \(median\)", out), out
    assert not this.board.exists()
    # Others read it.
    for words, status in (
        (["tools/ugsim", "trace", this.out], 0),
        (["tools/ugsim", "trace", this.out, "--html", tmp_path / "x.html"], 0),
        (["tools/replay.py", "--only", "ugsim", this.out], 0),
    ):
        argv = [sys.executable, setup.ROOT / words[0], *words[1:]]
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
    assert "ugsim: 5 same" in done.stdout, done.stdout


def test_driver_through_the_tap(tmp_path):
    micropython = setup.find_micropython()
    if micropython is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    kib = MIB * 1024 or 48
    names = tmp_path / "names"
    names.mkdir()
    (names / "board.py").symlink_to(setup.ROOT / "boards" / "unix.py")
    peer = Peer(Certificates(tmp_path))
    try:
        with Ugsim("--baud", "921600") as sim:
            this = Tap(tmp_path, sim.at, "--baud", "921600", "--quiet")
            path = [".frozen", str(names), str(setup.ROOT / "lib")]
            done = subprocess.run(
                [micropython, "-X", "heapsize=1m", setup.ROOT / "tests/host/tap_driver.py"],
                env=dict(
                    os.environ,
                    MICROPYPATH=os.pathsep.join(path),
                    QSSL_MODEM=str(this.board),
                    QSSL_BAUD="921600",
                    QSSL_HOST=peer.host,
                    QSSL_PORT=str(peer.port),
                    QSSL_KIB=str(kib),
                ),
                capture_output=True,
                text=True,
                timeout=300 + 120 * MIB,
            )
            code, out, err = this.end()
    finally:
        peer.close()
    print(out)
    assert done.stdout == "%d bytes each way\n" % (kib << 10), done.stdout + done.stderr
    assert (code, err) == (0, ""), out
    assert re.search(r"0 in another form, 0 with another result", out), out
    found = re.search(r"payload (\d+) bytes up and (\d+) down", out)
    assert int(found[1]) > kib << 10 and int(found[2]) >= kib << 10, out


def test_measure(tmp_path):
    # All bytes arrive as they are, both ways at once; the delay is told.
    def run_it():
        code, out, err = tap(tmp_path, "measure", "--mib", "1", "--baud", "4000000")
        assert (code, err) == (0, ""), out + err
        assert out.count("1048576 bytes, none changed") == 2, out
        return float(re.search(r"handed on within (\d+\.\d+) ms \(median\)", out)[1])

    assert once(run_it, lambda ms: ms < 1.0) < 1.0


def test_measure_notices_a_changed_byte():
    from qtap.measure import _pattern

    assert len({_pattern(0)[i : i + 256] for i in range(0, 65536, 256)}) == 256
    first, last = os.pipe(), os.pipe()
    from qtap.measure import _Way

    way = _Way(first[1], last[0], 64, 0, 1e9)
    way.write(64)
    data = bytearray(os.read(first[0], 100))
    data[10] ^= 1
    os.write(last[1], data)
    assert way.read() == 64 and way.wrong == 0
    for fd in (*first, *last):
        os.close(fd)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: board"),
        (["pty"], "MODEM is missing"),
        (["pty", "/dev/nothing"], "There is no port /dev/nothing"),
        (["pty", "/dev/null"], "Can't open /dev/null"),
        (["/dev/null", "socket://127.0.0.1:1"], "Can't open /dev/null"),
        (["pty", "socket://127.0.0.1:1"], "Nothing answers at socket://127.0.0.1:1"),
        (["pty", "warp://x"], "warp://x is no port"),
        (["pty", "socket://x"], "socket://x is no port"),
        (["x", "x"], "can't be at the same port"),
        (["/dev/x", "pty"], "MODEM can't be a pty"),
        (["pty", "/dev/x", "--rtscts"], "--rtscts wants two serial ports"),
        (["pty", "/dev/x", "--baud", "7"], "7 is not a number from 1200"),
        (["pty", "/dev/x", "--plain", "--switch", "a=b"], "--plain is without a simulation"),
        (["pty", "/dev/x", "--switch", "a"], "'a' is not NAME=VALUE"),
        (["pty", "/dev/x", "--switch", "a=b"], "Unknown switch 'a'"),
        (["pty", "/dev/x", "--profile", "/nothing"], "Can't read /nothing"),
        (["pty:/no/such/folder/x", "/dev/null"], "Can't make the link /no/such/folder/x"),
        (["measure", "/dev/x"], "measure takes no /dev/x"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, said):
    code, out, err = tap(tmp_path, *words)
    assert code == 2 and out == "", out
    assert err.startswith("tap.py: ") and err.count("\n") == 1, err
    assert said.lower() in err.lower()
    assert list(tmp_path.iterdir()) == []


def test_the_simulation_is_that_of_the_profile(tmp_path):
    # As learn.py writes it; --switch changes one of them.
    from qtap import main, options

    path = tmp_path / "p.json"
    found = {"format": "qssl-profile", "version": 1}
    found["switches"] = {"close_free_id": "error", "checksum_case": "upper"}
    path.write_text(json.dumps(found))
    words = ["pty", "x", "--profile", str(path), "--switch", "checksum_case=lower"]
    shadow = main._shadow(options.parse(words))
    assert shadow.model.sw["close_free_id"] == "error"
    assert shadow.model.sw["checksum_case"] == "lower"
    assert main._shadow(options.parse(["pty", "x", "--plain"])) is None


def test_a_file_that_cannot_be_written(tmp_path):
    with Ugsim("--baud", "0") as sim:
        (tmp_path / "there").write_text("precious")
        for path, said in (
            ("/no/such/folder/x", "Can't write /no/such/folder/x"),
            (tmp_path / "there", "there already"),
            ("/dev/full", "There is a file /dev/full already"),
        ):
            code, out, err = tap(tmp_path, "pty", sim.at, "--out", path)
            assert code == 2 and said in err and err.count("\n") == 1, err
        assert (tmp_path / "there").read_text() == "precious"


def test_a_port_that_another_program_has(tmp_path):
    import serial

    with Ugsim("--pty", "--baud", "0") as sim:
        with serial.Serial(sim.at, exclusive=True):
            code, out, err = tap(tmp_path, "pty", sim.at)
        assert code == 2 and err.count("\n") == 1, err
        assert "is in use by" in err or "Another program has" in err, err


def test_unplugged_in_the_middle(tmp_path):
    sim = Ugsim("--pty", "--baud", "0")
    this = Tap(tmp_path, sim.at, "--quiet")
    with AtClient(str(this.board)) as at:
        assert at.command("AT+CSQ").endswith("OK")
        sim.process.kill()
        code, out, err = this.end(0)
    sim.stop()
    assert code == 2 and "has gone in the middle: was it unplugged?" in err, err
    assert "2 commands" in out
    assert this.events()[-1][0] == "error" and ("info", "+CSQ: 21,0") in this.events()


def test_the_other_side_hangs_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        this = Tap(tmp_path, "socket://127.0.0.1:%d" % listener.getsockname()[1], "--quiet")
        listener.accept()[0].close()
        code, out, err = this.end(0)
    assert code == 2 and "has hung up" in err and err.count("\n") == 1, err


def test_the_disk_is_full(tmp_path):
    # The bytes go on, the recording says where it ends.
    class Small(Tap):
        @staticmethod
        def limits():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    with Ugsim("--baud", "0") as sim:
        this = Small(tmp_path, sim.at, "--quiet", env={"PYTHONDONTWRITEBYTECODE": "1"})
        with AtClient(str(this.board)) as at:
            for _ in range(100):
                assert at.command("AT+CSQ").endswith("OK")
        code, out, err = this.end()
    assert code == 2 and re.search(r"The recording .* ends after [\d.]+ s: ", err), err
    assert "101 commands" in out and this.out.stat().st_size <= 8192


def test_every_signal_ends_it_with_the_list(tmp_path):
    with Ugsim("--baud", "0") as sim:
        this = Tap(tmp_path, sim.at, "--quiet")
        with AtClient(str(this.board)):
            pass
        code, out, err = this.end(signal.SIGTERM)  # the others end by SIGINT
        assert (code, err) == (0, "") and "1 commands" in out
        (tmp_path / "out.jsonl").unlink()
        this = Tap(tmp_path, sim.at, "--quiet", "--seconds", "1")
        code, out, err = this.end(0)
        assert (code, err) == (0, "") and "0 commands" in out


def test_nobody_is_left_behind(tmp_path):
    # The process that passes the bytes ends with the other one, even if that is killed.
    with Ugsim("--baud", "0") as sim:
        this = Tap(tmp_path, sim.at, "--quiet")
        with open("/proc/%d/task/%d/children" % ((this.process.pid,) * 2)) as file:
            children = file.read().split()
        assert len(children) == 1
        this.process.kill()
        this.process.communicate()
        until(lambda: not Path("/proc/%s" % children[0]).exists())


def test_the_rate_goes_along(tmp_path):
    # AT+IPR that passes, and a rate that the program at the pty sets.
    import serial

    with Ugsim("--baud", "115200") as sim:
        this = Tap(tmp_path, sim.at, "--plain")
        with serial.Serial(str(this.board), 115200, timeout=LIMIT_S) as port:

            def ask(text):
                port.write(text + b"\r")
                return port.read_until(b"OK\r\n")

            assert ask(b"AT+IPR=921600").endswith(b"OK\r\n")
            until(lambda: any("both ports go on at 921600" in t for _, t in this.events()))
            time.sleep(0.3)  # the driver waits as well
            port.baudrate = 921600
            until(lambda: any("has set 921600 baud" in t for _, t in this.events()))
            assert b"+CSQ" in ask(b"AT+CSQ")
        assert this.end()[0] == 0


class End:
    # An end of a wire in the tests: a socket, and lines.
    gone = ""

    def __init__(self, sock):
        self.sock = sock
        self.seen = [False, False]  # DSR, DCD
        self.dtr = []
        sock.setblocking(False)

    def watch(self):
        return [self.sock]

    def fileno_out(self):
        return self.sock

    def speed(self):
        return 0

    def read(self, n):
        with contextlib.suppress(BlockingIOError):
            return self.sock.recv(n)
        return b""

    def write(self, data):
        with contextlib.suppress(BlockingIOError):
            return self.sock.send(data)
        return 0

    def lines(self):
        return self.seen

    def assert_dtr(self, on):
        self.dtr.append(on)

    def rate(self, baud):
        return ""


def test_dtr_and_dcd_go_through():
    # The board's DTR comes in at DSR, and leaves as DTR towards the modem; DCD the other way.
    (_, a), (_, b), (told_, out) = (socket.socketpair() for _ in range(3))
    board, modem = End(a), End(b)
    orders = os.pipe()
    this = wire.Wire(board, modem, out, orders[0], dtr=True)
    for step in range(3):
        board.seen = [step != 1, False]
        modem.seen = [False, step == 2]
        this._watch(0)
    assert modem.dtr == [True, False, True]
    assert board.dtr == [False, True]
    this._tell_on()
    frames = Frames(told_).take()
    assert [data for which, _, data in frames if which == wire.NOTE] == [
        b"DTR on",
        b"DCD off",
        b"DTR off",
        b"DTR on",
        b"DCD on",
    ]
    for fd in orders:
        os.close(fd)


def test_a_serial_port_with_its_lines():
    # As far as a pty is one.
    from qtap import ends

    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    port = ends.make(path, 115200, rtscts=True)
    try:
        assert port.lines() is None  # it has none
        port.assert_dtr(True)
        assert port.rate(921600) == "" and port._serial.baudrate == 921600
        assert port._serial.rtscts
        assert port.write(b"abc") == 3 and os.read(master, 9) == b"abc"
        os.write(master, b"def")
        assert port.read(9) == b"def" and port.read(9) == b""
        assert not port.gone
        os.close(master)
        assert port.read(9) == b"" and "has gone in the middle" in port.gone
        assert port.watch() == [] and port.fileno_out() is None
    finally:
        port.close()


def test_the_wire_holds_who_is_too_fast():
    # One side takes nothing: the other is not read any more, nothing is lost, the way back works.
    here = [socket.socketpair() for _ in range(2)]
    pid, told_, orders = wire.start(End(here[0][1]), End(here[1][1]))
    try:
        fast, slow = here[0][0], here[1][0]
        fast.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += fast.send(bytes(range(256)) * 64)
        assert 0 < sent < 8 << 20
        slow.sendall(b"back")
        fast.settimeout(LIMIT_S)
        assert fast.recv(10) == b"back"
        slow.settimeout(LIMIT_S)
        got = 0
        while got < sent:
            data = slow.recv(65536)
            assert data == bytes((got + i) & 255 for i in range(len(data)))
            got += len(data)
    finally:
        os.close(orders)
        while told_.recv(1 << 16):
            pass
        os.waitpid(pid, 0)
