# test_compat_memory - a socket of qssl.compat allocates nothing in the steady state.
# SPDX-License-Identifier: MIT

import select

import driver_kit  # before qssl: it brings the virtual time
from driver_canned import Canned, Clock, Context, allocated
from qssl import Modem, compat

ONLY = "micropython"
WHY = "heap_lock() and mem_alloc() tell nothing on CPython"

DATA = driver_kit.pattern(1460)
BUF = bytearray(1460)
MORE = b'\r\n+QSSLURC: "recv",0\r\n'
CLOCK = Clock()  # whose time it is


def opened():
    # (uart, modem, socket), everything used once.
    uart = Canned(DATA)
    modem = Modem(uart)
    modem.up = True
    ctx = Context(modem)
    ctx._seclevel = 1
    shim = compat.socket_for(modem, ctx)
    sock = shim.socket()
    sock.setblocking(False)
    sock.connect(("server.example", 443))
    sock = shim.wrap_socket(sock)
    for _ in range(100):
        modem.pump()
    uart.reply(b"\r\n+QSSLOPEN: 0,0\r\n")
    for _ in range(100):
        modem.pump()
    sock.settimeout(10)
    return uart, modem, sock


def test_request_and_answer():
    uart, modem, sock = opened()
    request = b"GET / HTTP/1.0\r\n"

    def exchange():
        sock.write(request)
        sock.write(DATA, 5)
        sock.write(DATA, 5, 100)
        uart.give = 900
        uart.reply(MORE)
        n = 0
        while n < 900:
            n += sock.readinto(BUF, 900 - n)

    sends = uart.sends
    assert allocated(exchange, 2) == 0
    assert uart.sends - sends == 4 and uart.sent == 4 * 121 and BUF[:900] == DATA[:900]


def test_poll_and_not_blocking():
    uart, modem, sock = opened()
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    sock.setblocking(False)

    def turns():
        for _ in range(20):
            for _ in poll.ipoll(0):
                pass
            if sock.readinto(BUF, 10) is not None:
                raise ValueError
            sock.write(DATA, 3)

    assert allocated(turns, 2) == 0


def test_switching_between_blocking_and_not():
    # umqtt's check_msg() does it each time.
    uart, modem, sock = opened()

    def switch():
        for _ in range(20):
            sock.setblocking(False)
            if sock.readinto(BUF, 1) is not None:
                raise ValueError
            sock.setblocking(True)

    assert allocated(switch, 2) == 0
