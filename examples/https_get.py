# https_get - fetches one page over TLS through the modem and prints it.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote run examples/https_get.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/https_get.py

import sys

import board

host = board.setting("host")
port = board.setting("port", 443)
path = board.setting("path", "/")


def fetch(modem):
    modem.start(**board.access())  # returns once there is a network connection
    print("registered, signal %s dBm" % modem.signal())

    # The modem compares the dates of certificates with its own clock. Many networks set it.
    if modem.clock() is None:
        modem.clock(board.utc())

    # Who may answer: a server whose certificate the CA in this file has signed.
    ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
    sock = modem.connect(host, port, ctx)
    sock.settimeout(30)  # seconds, for each call below; an OSError tells that it was too long

    # HTTP/1.0: the server closes after its answer, so the end of the body is that of the stream.
    sock.write("GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" % (path, host))

    line = sock.readline()
    while line.strip():  # status and headers end at an empty line
        print(line.decode().rstrip())
        line = sock.readline()
    print()

    buf = bytearray(512)
    size = 0
    n = sock.recv_into(buf)
    while n:  # 0: the server has closed
        sys.stdout.write(bytes(buf[:n]).decode())
        size += n
        n = sock.recv_into(buf)
    sock.close()
    print("\n%d bytes" % size)


modem = board.modem(sockets=1)
size = board.setting("trace", 0)  # bytes, such as 4096: what to look at if it does not work
trace = modem.trace(size) if size else None
try:
    fetch(modem)
except OSError as e:
    if trace:
        trace.dump(e)  # what driver and modem said last, see docs/trouble.md
    raise
