# test_bill_air - what the bill reckons against what goes through real sockets: a receiver, or a
# broker, behind a proxy that counts, and ugsim.
# SPDX-License-Identifier: MIT

import ast
import json
import re
import socket
import struct
import subprocess
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import servers
import setup
from compact_kit import telemetry
from patience import LIMIT_S, until
from receiver_kit import Broker

_PROGRAM = """
import json
import board
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from qssl.uplink.batch import batched
from qssl.uplink.bill import Bill

modem = board.modem(sockets=1)
host, token, name = board.setting("host"), board.setting("token"), board.setting("device")
carrier = board.setting("carrier", "https")
if carrier == "mqtt":
    carrier = Mqtt(name, "qssl/%s/up" % name, name, token)
else:
    carrier = Https(host, "/in/" + token)
if board.setting("form", "lines") == "batch":
    carrier = batched(carrier)
ctx = modem.tls(ca=board.setting("ca"), suite=board.setting("suite"))
recovery = Recovery(modem, utc=board.utc, **board.access())
up = Uplink(modem, host, board.setting("port", 443), ctx, carrier, RamQueue(65536), recovery,
            batch=board.setting("batch", 16), size=4096, pause_s=1)
bill = Bill(up, chain=board.setting("chain", 1))
with open(board.setting("records")) as f:
    lines = f.read().split()
n = len(lines) // 4
for i in range(4):
    for line in lines[n * i : n * i + n]:
        up.put(line)
    left = up.run(60)
    up.close()
    modem.sleep_ms(300)
print(json.dumps({"left": left, "tls": bill.tls, "report": bill.report(), "error": str(up.error)}))
"""


class Counter:
    # Passes what comes to a port on to another; counts bytes and packets.
    def __init__(self, port):
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.bytes = self.packets = self.connections = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._server.close()

    def _accept(self):
        while True:
            try:
                one, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            other = socket.create_connection(("127.0.0.1", self._to))
            for pair in ((one, other, one), (other, one, one)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, a, b, device):
        try:
            while data := a.recv(65536):
                with self._lock:
                    self.bytes += len(data)
                b.sendall(data)
            if a is device:
                with self._lock:
                    self.packets += _segments(device) + 3  # the other FIN, and two ACKs
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def _segments(sock):
    # tcpi_segs_out and tcpi_segs_in of TCP_INFO.
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return sum(struct.unpack_from("=II", info, 136))


@pytest.fixture(scope="module")
def receiver(receiver):
    r = receiver
    r.one = r.device("n1")
    return r


def chain(certs):
    pem = certs.server.cert.read_bytes()
    found = x509.load_pem_x509_certificates(pem)
    return sum(len(c.public_bytes(Encoding.DER)) for c in found)


def program(text, folder, words):
    # What it prints.
    script = folder / "program.py"
    script.write_text(text)
    argv = [sys.executable, setup.ROOT / "tools/run.py", "--baud", "0", script, "--"]
    argv += ["%s=%s" % pair for pair in words.items()]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(receiver, port, folder, count, **settings):
    # (what the program has reckoned, what was counted)
    (folder / "records").write_text("\n".join(r.decode() for r in telemetry(count)))
    device = receiver.one
    counter = Counter(port)
    words = {"host": "127.0.0.1", "port": counter.port, "ca": receiver.certs.ca}
    words.update(token=device.token, device=device.name, chain=chain(receiver.certs))
    words.update({"records": folder / "records", "suite": "AES128-SHA", "batch": 100}, **settings)
    found = json.loads(program(_PROGRAM, folder, words).splitlines()[-1])
    assert found["left"] == 0, found
    counter.close()
    return found, counter


@pytest.fixture(scope="module")
def broker(receiver):
    try:
        with Broker(receiver) as b:
            yield b
    except servers.MissingServer as e:
        pytest.skip(str(e))


def near(found, counter, share):
    # What was reckoned lies within so many hundredths of what was counted.
    assert counter.connections == found["report"]["connects"] == 4
    assert found["report"]["failed"] == 0
    packets = (found["report"]["air"] - found["tls"]) / 40
    print(found, counter.bytes, counter.packets, packets)
    assert abs(found["tls"] - counter.bytes) <= counter.bytes * share / 100
    # Of packets, loopback acknowledges more quickly than a network.
    assert abs(packets - counter.packets) <= counter.packets * 0.25


def test_a_day_over_https(receiver, tmp_path):
    # The aim of docs/bill.md; the receiver's own certificate has 770 bytes, this one 961.
    found, counter = run(receiver, receiver.port, tmp_path, 288, form="batch")
    near(found, counter, 1)
    assert found["report"]["air"] <= 12000
    assert found["report"]["payload"] / 288 <= 16
    until(lambda: len(receiver.ids()) == 288)


def test_lines_over_https(receiver, tmp_path):
    found, counter = run(receiver, receiver.port, tmp_path, 64, suite="AES256-SHA256")
    near(found, counter, 1)


def test_mqtt(broker, receiver, tmp_path):
    found, counter = run(receiver, broker.port, tmp_path, 64, carrier="mqtt", form="batch")
    near(found, counter, 1)
    # How many bytes go with the one before depends on the moment.
    found, counter = run(receiver, broker.port, tmp_path, 64, carrier="mqtt")
    near(found, counter, 10)


_PAGE = (setup.ROOT / "docs/bill.md").read_text()


def test_the_program_of_the_page(receiver, tmp_path):
    (text,) = re.findall(r"^```python\n(.*?)^```$", _PAGE, re.S | re.M)
    device = receiver.device("page")
    words = {"host": "127.0.0.1", "port": receiver.port, "ca": receiver.certs.ca}
    out = program(text, tmp_path, {**words, "token": device.token})
    report = ast.literal_eval(out.splitlines()[-1])
    assert report["connects"] == 1 and 2000 < report["today"] < 4000 and not report["over"]
    sql = "SELECT record FROM records r, devices d WHERE d.id = r.device AND d.name = 'page'"
    records = [json.loads(text) for (text,) in receiver.rows(sql + " ORDER BY r.id")]
    assert [{k: v for k, v in r.items() if k != "at"} for r in records] == [
        {"t": 21.5, "h": 45.2, "p": 1013.25},
        {"door": 1},
    ]


def test_the_table_of_the_page():
    argv = [sys.executable, setup.ROOT / "tools/soak.py", "bill"]
    out = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S).stdout
    found = re.findall(r"^(.{34}) +(\d+) +([\d.]+) +([\d.]+), (\d)", out, re.M)
    rows = ["| %s |" % " | ".join(cell.strip() for cell in row) for row in found]
    assert rows == re.findall(r"^\| .* \| \d+ \| .*$", _PAGE, re.M), out
    # The aim: 12 kB a day, and 16 bytes a record beside the connections.
    ways = "batch, 4 times by HTTPS", "the same, suite=AES256-SHA", "default suite, host=192.0.2.7"
    for way in ways:
        (row,) = [row for row in found if row[0].strip() == way]
        assert int(row[1]) <= 12000 and float(row[3]) <= 16


def test_the_program_of_the_health_page(receiver, tmp_path):
    page = (setup.ROOT / "docs/health.md").read_text()
    (text,) = re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M)
    device = receiver.device("health")
    for what in ("health", "trace", "settings"):
        receiver.send(device, "ask", json.dumps({"what": what}))
    words = {"host": "127.0.0.1", "port": receiver.port, "ca": receiver.certs.ca}
    words.update(token=device.token, key=device.key.hex(), device=device.name)
    out = program(text, tmp_path, words)
    info = ast.literal_eval(out.splitlines()[-1])
    assert info["imei"] == "861107030000016" and info["operator"] == "TEST NET"
    of_it = " d WHERE d.id = %s.device AND d.name = 'health'"
    found = {}
    sql = "SELECT record FROM records r, devices" + of_it % "r"
    for (text,) in receiver.rows(sql + " ORDER BY r.id"):
        record = json.loads(text)
        found.setdefault(record["qssl"], []).append(record)
    first, second = found["health"]
    assert (first["why"], second["why"]) == ("start", "asked") and first["info"] == info
    assert first["boot"]["cause"] == "watchdog" and second["bill"]["connects"] == 1
    table = "".join(re.findall(r"^\| (`.*?`) \|", page, re.M))
    assert set(re.findall(r"`(\w+)`", table)) >= set(second) - {"qssl"}
    assert found["trace"][0]["on"] and "QSSL" in found["trace"][0]["text"]
    # This program has no settings: what can't be answered is refused.
    assert [r["refused"] for r in found["inbox"]] == ["form"]
    states = receiver.rows("SELECT m, state FROM messages m, devices" + of_it % "m")
    assert sorted(states)[2] == (3, "refused: form")
    points = receiver.rows("SELECT DISTINCT p.name FROM points p, devices" + of_it % "p")
    wanted = {"up_s", "info.signal", "heap.free", "queue.records", "bill.today"}
    assert {name for (name,) in points} == wanted
    status, out, err = receiver.run("program", "add", "prometheus")
    token = re.search(r"[\w-]{32,}", out)[0]
    status, _, text = receiver.get("/metrics", {"Authorization": "Bearer " + token})
    assert status == 200, text
    assert 'qssl_device_starts_total{cause="watchdog"} 1.0' in text
    assert 'qssl_health_total{why="asked"} 1.0' in text
    assert "qssl_signal_dbm_count 2.0" in text and "qssl_messages_refused_total 1.0" in text
