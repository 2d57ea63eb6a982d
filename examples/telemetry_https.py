# telemetry_https - sends a measurement every few seconds: SenML in an HTTPS POST, for ever.
# SPDX-License-Identifier: MIT
#
# On a board, which has lib/qssl, its file of boards/ as board.py, and the CA certificate:
#     mpremote run examples/telemetry_https.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/telemetry_https.py
#
# One connection is kept for all records. Whatever goes wrong (no coverage, a server or modem that
# restarts) is an OSError here; then the record stays and is sent again. So every record arrives,
# at least once and in order. When only the answer was lost, it arrives twice: the server tells by
# its number ("seq") and drops the second one.

import errno
import json
import time

import board

host = board.setting("host")
port = board.setting("port", 443)
path = board.setting("path", "/telemetry")
apn = board.setting("apn", "internet")
device = board.setting("device", "urn:dev:ser:example-1:")
interval_ms = board.setting("interval_ms", 5000)
timeout_s = board.setting("timeout_s", 30)
count = board.setting("count", 0)  # records to send; 0: no end

modem = board.modem(sockets=1)
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))


def temperature(n):
    # Your sensor comes here.
    return 20 + (n * 7 % 30) / 10


def senml(n, celsius):
    # One record as SenML (RFC 8428), ready to send.
    first = {"bn": device, "n": "seq", "u": "count", "v": n}
    if board.now():
        first["bt"] = board.now()
    return json.dumps([first, {"n": "temperature", "u": "Cel", "v": celsius}])


def connect(failures):
    # A connection, whatever state the modem is in. The first thing to try after a failure is a new
    # connection; if that fails too, start() looks after the modem and its network.
    if failures > 1 or not modem.up:
        modem.start(apn=apn)
    if modem.clock() is None:  # certificates are checked against it
        modem.clock(board.utc())
    sock = modem.connect(host, port, ctx)
    sock.settimeout(timeout_s)
    return sock


def post(sock, body):
    # Sends one record and waits for the answer. Returns if the server has it, else raises OSError.
    # True: the connection may be used again.
    sock.write(
        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/senml+json\r\n"
        "Content-Length: %d\r\n\r\n" % (path, host, len(body))
    )
    sock.write(body)  # both go out as one, when the answer is read
    line = sock.readline()  # b"HTTP/1.1 204 No Content\r\n"
    if not line:
        raise OSError(errno.ECONNRESET, "the server closed without an answer")
    status = line.decode().split(None, 2)[1]
    keep = True
    length = 0 if status == "204" else None
    while line.strip():  # headers end at an empty line
        line = sock.readline()
        name, value = (line.lower().split(b":", 1) + [b""])[:2]
        if name == b"content-length":
            length = int(value)
        elif name == b"connection" and b"close" in value:
            keep = False
    if status[0] != "2":
        raise OSError(errno.EIO, "the server refused it with status " + status)
    if length:
        sock.read(length)  # what it says does not matter, but the next answer comes behind it
    return keep and length is not None  # without a length only the end of the connection ends it


def close(sock):
    try:
        if sock:
            sock.close()
    except OSError:
        pass  # it is of no use any more


sock = None
n = failures = 0
while not count or n < count:
    n += 1
    celsius = temperature(n)
    record = senml(n, celsius)
    while record:
        print("record %d: %s Cel" % (n, celsius))
        try:
            sock = sock or connect(failures)
            if not post(sock, record):
                close(sock)
                sock = None
            record = None
            failures = 0
            print("record %d: confirmed" % n)
        except (OSError, ValueError, IndexError) as e:  # the last two: not an answer of HTTP
            close(sock)
            sock = None
            pause_s = min(1 << failures, 60)
            failures += 1
            print("record %d: not confirmed, again in %d s: %s" % (n, pause_s, e))
            time.sleep(pause_s)
    if n != count:
        time.sleep_ms(interval_ms)
close(sock)
