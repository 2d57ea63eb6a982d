# test_examples - each example through the simulated modem to nginx, mosquitto and our own servers.
# SPDX-License-Identifier: MIT

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest

import setup
import tool
from patience import LIMIT_S
from servers import Listener, Mosquitto, Nginx

EXAMPLES = setup.ROOT / "examples"


def run(folder, name, *args):
    status, out, err = tool.run(folder, "run.py", *args[:-1], EXAMPLES / name, "--", *args[-1])
    assert status == 0, out + err
    return out, err


def records(messages):
    # [(number, measurement)] of SenML messages.
    found = []
    for data in messages:
        first, second = json.loads(data)
        assert first["bn"].startswith("urn:dev:") and first["bt"] > 1700000000
        assert (first["n"], first["u"]) == ("seq", "count")
        assert (second["n"], second["u"]) == ("temperature", "Cel")
        found.append((first["v"], second["v"]))
    return found


def test_https_get_from_nginx(tmp_path, certs, start):
    page = "".join("line %d of the page\n" % n for n in range(200))
    nginx = start(Nginx(certs, files={"page.txt": page.encode()}))
    server = ["host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca]
    out, _ = run(tmp_path, "https_get.py", "--baud", "0", [*server, "path=/page.txt"])
    assert "HTTP/1.1 200 OK\n" in out
    assert out.endswith("\n\n%s\n%d bytes\n" % (page, len(page)))


def test_telemetry_https_to_nginx(tmp_path, certs, start):
    nginx = start(Nginx(certs))
    server = ["host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca, "path=/post"]
    out, _ = run(
        tmp_path, "telemetry_https.py", "--baud", "0", [*server, "count=5", "interval_ms=10"]
    )
    assert records(nginx.posts()) == [(n, 20 + (n * 7 % 30) / 10) for n in range(1, 6)]
    assert out.count(": confirmed\n") == 5 and "not confirmed" not in out


def test_telemetry_https_repeats_what_was_not_confirmed(tmp_path, certs, start):
    # The server closes the connection after each answer; the first connection fails to open.
    nginx = start(Nginx(certs, keepalive_s=0))
    server = ["host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca, "path=/post"]
    out, _ = run(
        tmp_path,
        "telemetry_https.py",
        "--baud",
        "0",
        "--fault",
        "open_code code=566",
        [*server, "count=3", "interval_ms=200"],
    )
    assert [n for n, _ in records(nginx.posts())] == [1, 2, 3]
    assert "record 1: not confirmed" in out and out.count("not confirmed") == 1


@pytest.mark.parametrize(
    ("status", "answer", "connections", "failures"),
    [
        (200, b"Content-Length: 2\r\n\r\nok", 1, 0),
        (204, b"\r\n", 1, 0),
        (201, b"Connection: Close\r\nContent-Length: 0\r\n\r\n", 3, 0),
        (200, b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1, 0),
        (503, b"Content-Length: 4\r\n\r\nbusy", 2, 1),  # only the first time
    ],
)
def test_telemetry_https_takes_each_form_of_answer(
    tmp_path, certs, status, answer, connections, failures
):
    with PostServer(certs, status, answer) as server:
        settings = ["host=127.0.0.1", "port=%d" % server.port, "ca=%s" % certs.ca]
        out, _ = run(
            tmp_path, "telemetry_https.py", "--baud", "0", [*settings, "count=3", "interval_ms=10"]
        )
    assert out.count("not confirmed") == failures and out.count(": confirmed") == 3
    assert [n for n, _ in records(server.bodies)] == [1, 1, 2, 3][1 - failures :]
    assert server.connections == connections


class PostServer:
    # HTTPS that answers each POST alike; a failure only the first time, then with 200.
    def __init__(self, certs, status, answer):
        self.bodies = []
        self.connections = 0
        self._answers = [(status, answer)]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.set_ciphers("AES256-SHA256")
        self._context.load_cert_chain(certs.server.cert, certs.server.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT_S)
        self._listener.close()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self.connections += 1
                plain.settimeout(LIMIT_S)
                with self._context.wrap_socket(plain, server_side=True) as sock:
                    while self._serve(sock):
                        pass

    def _serve(self, sock):
        # One request; False when the client has gone.
        data = b""
        while b"\r\n\r\n" not in data:
            part = sock.recv(4096)
            if not part:
                return False
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(re.search(rb"Content-Length: (\d+)", head).group(1))
        while len(body) < size:
            body += sock.recv(4096)
        self.bodies.append(body)
        status, answer = self._answers[0]
        if status >= 300:
            self._answers = [(200, b"Content-Length: 0\r\n\r\n")]
        sock.sendall(b"HTTP/1.1 %d Reason\r\nServer: x\r\n%s" % (status, answer))
        return True


def test_telemetry_mqtt_to_mosquitto(tmp_path, certs, start):
    broker = start(Mosquitto(certs, passwords={"board": "secret", "reader": "r"}))
    with Listener(broker.plain_port, user="reader", password="r") as listener:
        server = ["host=127.0.0.1", "port=%d" % broker.port, "ca=%s" % certs.ca]
        login = ["user=board", "password=secret", "topic=telemetry/x"]
        out, _ = run(
            tmp_path,
            "telemetry_mqtt.py",
            "--baud",
            "0",
            [*server, *login, "count=5", "interval_ms=10"],
        )
        messages = listener.wait(5)
    assert {(topic, qos) for topic, _, qos in messages} == {("telemetry/x", 1)}
    assert [n for n, _ in records(m[1] for m in messages)] == [1, 2, 3, 4, 5]
    assert out.count(": confirmed\n") == 5 and "not confirmed" not in out


def test_a_library_that_is_missing_is_named(tmp_path):
    status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", EXAMPLES / "async_mqtt.py")
    assert status == 1 and "mqtt_as is missing: mpremote mip install" in out, out + err


# These have the receiver: test_demo.py, test_example_both_ways.py.
WITH_RECEIVER = {"telemetry_receiver.py", "telemetry_both_ways.py"}
ALONE = sorted({path.name for path in EXAMPLES.glob("*.py")} - WITH_RECEIVER)


@pytest.mark.parametrize("name", ALONE)
def test_each_with_a_server_of_its_own(tmp_path, tmp_path_factory, name):
    if "mqtt" in name and setup.find_server("mosquitto") is None:
        pytest.skip("no mosquitto here: run `python3 tools/test.py` once")
    script = name
    if name == "async_mqtt.py":  # its client is in no package index
        script = tmp_path_factory.mktemp("script") / name
        shutil.copy(EXAMPLES / name, script)
        shutil.copytree(setup.ROOT / "tests/host/clients/mqtt_as", script.parent / "mqtt_as")
    out, err = run(tmp_path, script, "--at", "--baud", "0", ["count=2", "interval_ms=10"])
    assert "> AT+QSSLOPEN=1,0,0," in err
    if name == "https_get.py":
        assert "Hello from a TLS server.\nYou came by TLSv1.2, AES256-SHA256.\n" in out
    elif name.startswith("telemetry"):
        assert re.findall(r"server: (record \d)", err) == ["record 1", "record 2"]
        assert out.endswith("record 2: confirmed\n")


def test_over_tcp_instead_of_a_pty(tmp_path, certs, start):
    # A modem that was there before: a simulated one behind a TCP port.
    nginx = start(Nginx(certs, files={"a.txt": b"hello\n"}))
    argv = [sys.executable, "-m", "ugsim", "--tcp", "127.0.0.1:0", "--quiet", "--ready-json"]
    env = {"PYTHONPATH": str(setup.ROOT / "tools")}
    ugsim = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env)
    try:
        address = json.loads(ugsim.stdout.readline())["at"]
        server = ["host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca, "path=/a.txt"]
        out, _ = run(tmp_path, "https_get.py", "--modem", "tcp:" + address, server)
        assert out.endswith("\nhello\n\n6 bytes\n")
    finally:
        ugsim.terminate()
        ugsim.wait(LIMIT_S)
        ugsim.stdout.close()


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        ([], 2, "required: SCRIPT"),
        (["/nowhere/x.py"], 2, "can't read the script /nowhere/x.py"),
        ([EXAMPLES / "https_get.py", "--", "host"], 2, "'host' is not NAME=VALUE"),
        ([EXAMPLES / "https_get.py", "--", "hots=x"], 2, "no setting hots; host is the nearest."),
        ([EXAMPLES / "https_get.py", "--", "zz=1"], 2, "https_get.py asks for no setting zz."),
        (["--baud", "7", EXAMPLES / "https_get.py"], 2, "7 is no baud rate"),
        (["--fault", "x", EXAMPLES / "https_get.py"], 2, "unknown fault 'x'"),
        (["--modem", "tcp:x", "--at", EXAMPLES / "https_get.py"], 2, "don't go with --modem"),
        ([EXAMPLES / "https_get.py", "--", "ca=/nowhere"], 2, "There is no file /nowhere"),
        (["--modem", "/dev/nowhere", EXAMPLES / "https_get.py", "--", "host=x"], 2, "ENOENT"),
        (["--modem", "tcp:7", EXAMPLES / "https_get.py", "--", "host=x"], 2, "tcp:HOST:PORT"),
        (["--switch", "sim", EXAMPLES / "https_get.py"], 2, "sim is not NAME=VALUE"),
        (["--switch", "sim=lost", EXAMPLES / "https_get.py"], 2, "sim can be ready, pin, puk"),
        (["--switch", "sin=none", EXAMPLES / "https_get.py"], 2, "unknown switch 'sin'"),
        (["--switch", "sim=none", EXAMPLES / "https_get.py"], 1, "start: no SIM card; check"),
        (["--server", "none", EXAMPLES / "https_get.py"], 2, "the setting host is missing"),
        (
            ["--server", "none", EXAMPLES / "https_get.py", "--", "host=x", "port=y"],
            2,
            "the setting port must be a number, not y",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, args, status, said):
    found, out, err = tool.run(tmp_path, "run.py", *args)
    lines = [line for line in err.splitlines() if not line.startswith("server: ")]
    assert found == status and len(lines) == 1
    assert said.lower() in lines[0].lower()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the kernel does not tell")
def test_another_program_at_the_modems_port_is_named(tmp_path):
    master, slave = os.openpty()
    path = os.ttyname(slave)
    code = "import os, sys; os.open(sys.argv[1], 2); print(1, flush=True); input()"
    pipe = subprocess.PIPE
    folder = tmp_path / "tmp"
    folder.mkdir()
    args = ["--modem", path, EXAMPLES / "https_get.py", "--", "host=x"]
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=pipe, stdout=pipe) as other:
        other.stdout.readline()
        try:
            status, out, err = tool.run(folder, "run.py", *args)
        finally:
            other.kill()
    os.close(slave)
    os.close(master)
    assert status == 2 and err.count("\n") == 1
    assert err.startswith("run.py: %s is in use by python" % path)
    assert "(process %d): end that first" % other.pid in err


def test_a_locked_port_is_told(tmp_path):
    # As mpremote and ugsim lock theirs.
    master, slave = os.openpty()
    fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
    args = ["--modem", os.ttyname(slave), EXAMPLES / "https_get.py", "--", "host=x"]
    status, out, err = tool.run(tmp_path, "run.py", *args)
    os.close(slave)
    os.close(master)
    assert status == 2 and "is in use by another program: end that first" in err


def test_an_error_of_the_driver_is_one_sentence(tmp_path, certs):
    # Nothing listens there.
    args = ["--baud", "0", EXAMPLES / "https_get.py", "--", "host=127.0.0.1", "port=1"]
    status, out, err = tool.run(tmp_path, "run.py", *args, "ca=%s" % certs.ca)
    assert status == 1
    assert err.startswith("The script ends with an error: open: 127.0.0.1:1: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["telemetry_https.py", "telemetry_mqtt.py"])
def test_without_count_it_goes_on_until_ctrl_c(tmp_path, name):
    process = tool.start(tmp_path, "run.py", EXAMPLES / name, "interval_ms=50")
    for line in process.stdout:
        if "record 2: confirmed" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "run.py: Interrupted."
    assert tool.left(tmp_path) == []
