# test_boards - boards/unix.py on MicroPython's unix port, with a pty or a TCP port at its far end.
# SPDX-License-Identifier: MIT

import os
import select
import socket
import subprocess
import termios
import time
from contextlib import closing

import pytest

import setup
from patience import LIMIT_S


class Pty:
    def __init__(self):
        self._master, self._slave = os.openpty()
        self.address = os.ttyname(self._slave)

    def expect(self, data):
        got = b""
        while len(got) < len(data):
            assert select.select([self._master], [], [], LIMIT_S)[0], got
            got += os.read(self._master, 4096)
        assert got == data

    def send(self, data):
        os.write(self._master, data)

    def speed(self):
        return termios.tcgetattr(self._master)[5]

    def close(self):
        os.close(self._slave)
        os.close(self._master)


class Tcp:
    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT_S)
        self.address = "tcp:127.0.0.1:%d" % self._listener.getsockname()[1]
        self._peer = None

    def expect(self, data):
        if not self._peer:
            self._peer, _ = self._listener.accept()
            self._peer.settimeout(LIMIT_S)
        got = b""
        while len(got) < len(data):
            part = self._peer.recv(4096)
            assert part, got
            got += part
        assert got == data

    def send(self, data):
        self._peer.sendall(data)

    def close(self):
        self._listener.close()
        if self._peer:
            self._peer.close()


_started = []


@pytest.fixture(autouse=True)
def _no_process_stays():
    # One whose test failed tells why.
    yield
    for process in _started:
        if process.poll() is None:
            process.kill()
        if not process.stdout.closed:
            print(*process.communicate(timeout=LIMIT_S))
    _started.clear()


def board(script, **settings):
    # MicroPython, with boards/unix.py as `board`, runs the script.
    program = setup.find_micropython()
    if program is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    env = {k: v for k, v in os.environ.items() if not k.startswith("QSSL_")}
    env.update({"QSSL_" + k.upper(): str(v) for k, v in settings.items()})
    env["MICROPYPATH"] = ".frozen:%s:%s" % (setup.ROOT / "boards", setup.ROOT / "lib")
    process = subprocess.Popen(
        [program, "-c", "import unix as board\n" + script],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    return process


def finished(process):
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, out + err
    return out


@pytest.fixture(params=[Pty, Tcp])
def port(request):
    with closing(request.param()) as port:
        yield port


def test_uart_is_as_machine_uart(port):
    process = board(
        """
import select
uart = board.UART(board.setting("modem"))
buf = bytearray(b"........")
assert uart.any() == 0 and uart.readinto(buf) is None and uart.readinto(buf, 3) is None
assert uart.write(b"hello") == 5
assert uart.write(b"worlds", 5) == 5
assert uart.write(b"-end-", 1, 3) == 3
poll = select.poll()
poll.register(uart, select.POLLIN)
n = 0
for _ in poll.ipoll(10000):
    n += 1
assert n == 1
assert uart.any() == 6
assert uart.readinto(buf, 2) == 2 and buf == b"12......", buf
assert uart.any() == 4
assert uart.readinto(buf) == 4 and buf == b"34\\r\\n....", buf
assert uart.any() == 0 and uart.readinto(buf) is None
print("good")
""",
        modem=port.address,
    )
    port.expect(b"helloworldend")
    time.sleep(0.2)
    port.send(b"1234\r\n")
    assert finished(process) == "good\n"


def test_all_bytes_pass_both_ways_and_nothing_is_allocated(port):
    process = board(
        """
import micropython, select, time
uart = board.UART(board.setting("modem"))
poll = select.poll()
poll.register(uart, select.POLLIN)
SIZE = 2048
back = bytearray(100)

def wait(ms):
    for _ in poll.ipoll(ms):
        pass

def echo():
    # What comes goes back.
    n = 0
    while n < SIZE:
        if not uart.any():
            wait(100)
            continue
        k = uart.readinto(back)
        i = 0
        while i < k:
            i += uart.write(back, i, k - i) or 0
        n += k

wait(0)
uart.write(b"go")
echo()
micropython.heap_lock()
echo()
micropython.heap_unlock()
print("good")
""",
        modem=port.address,
    )
    port.expect(b"go")
    data = bytes(range(256)) * 8
    for _ in range(2):
        port.send(data)
        port.expect(data)
    assert finished(process) == "good\n"


def test_a_wait_sleeps_and_wakes_up(port):
    process = board(
        """
import select, time
uart = board.UART(board.setting("modem"))
poll = select.poll()
poll.register(uart, select.POLLIN)
uart.write(b"1")
clock = time.clock()
start = time.ticks_ms()
for _ in poll.ipoll(300):
    assert False
assert 290 <= time.ticks_diff(time.ticks_ms(), start) < 30000
assert time.clock() - clock < 0.1, "busy"
uart.write(b"2")
for _ in poll.ipoll(10000):
    start = time.ticks_ms()
assert uart.any()
print("good")
""",
        modem=port.address,
    )
    port.expect(b"1")
    port.expect(b"2")
    time.sleep(0.2)
    port.send(b"!")
    assert finished(process) == "good\n"


def test_a_port_that_goes_away_is_an_oserror(port):
    process = board(
        """
import errno, time
uart = board.UART(board.setting("modem"))
uart.write(b"1")
for _ in range(5000):
    try:
        uart.any()
    except OSError as e:
        assert e.errno == errno.ENODEV and "has gone" in str(e)
        print("good")
        break
    time.sleep_ms(2)
""",
        modem=port.address,
    )
    port.expect(b"1")
    port.close()
    port.close = lambda: None
    assert finished(process) == "good\n"


def test_baud_rate_of_a_serial_port():
    with closing(Pty()) as port:
        before = port.speed()
        process = board(
            """
modem = board.modem()
uart = modem.link.uart
uart.write(b"1")
import time
def go_on():
    while not uart.readinto(bytearray(1)):
        time.sleep_ms(1)
go_on()
uart.init(baudrate=460800)
uart.write(b"2")
go_on()
try:
    uart.init(123)
except OSError as e:
    print(e.args[1])
print(modem.baud, modem.flow)
""",
            modem=port.address,
            baud=9600,
        )
        port.expect(b"1")
        assert port.speed() == termios.B9600 != before
        port.send(b"!")
        port.expect(b"2")
        assert port.speed() == termios.B460800
        port.send(b"!")
        assert finished(process) == "this PC's serial ports don't know 123 baud\n9600 False\n"


def test_settings():
    process = board(
        """
print(board.setting("host"), board.setting("host", "x"), board.setting("none", "x"))
print(board.setting("port", 443) + 1, board.setting("other", 7), board.setting("port") + 2)
""",
        host="server.example",
        port=8443,
    )
    assert finished(process) == "server.example server.example x\n8444 7 8445\n"


@pytest.mark.parametrize(
    ("script", "settings", "said"),
    [
        ("board.setting('host')", {}, "the setting host is missing; set QSSL_HOST, or host=... "),
        ("board.setting('port')", {"port": "x"}, "the setting port must be a number, not x\n"),
        ("board.setting('port', 1)", {"port": "x"}, "the setting port must be a number, not x\n"),
        ("board.modem()", {}, "the setting modem is missing; set QSSL_MODEM, or modem=... "),
        ("board.modem()", {"modem": "/dev/nowhere"}, "can't be opened (ENOENT)"),
        ("board.modem()", {"modem": "tcp:127.0.0.1:1"}, "can't be opened (ECONNREFUSED)"),
        ("board.modem()", {"modem": "tcp:x"}, "QSSL_MODEM=tcp:x is not tcp:HOST:PORT\n"),
    ],
)
def test_a_wrong_setting_is_one_sentence(script, settings, said):
    process = board(script, **settings)
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (2, "")
    assert said in err and err.count("\n") == 1


def test_time():
    out = finished(board("print(*board.utc()[:6], board.now())"))
    words = [int(word) for word in out.split()]
    assert abs(words[6] - time.time()) < LIMIT_S
    assert tuple(words[:5]) in (time.gmtime(words[6])[:5], time.gmtime(words[6] - 1)[:5])
