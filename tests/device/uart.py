# uart - what the driver takes for granted of machine.UART, on this board and this MicroPython.
# SPDX-License-Identifier: MIT
#
# The modem's echo is what comes back; no driver is involved, but the UART that board.modem() made.

import select
import time

import board

from kit import done

uart = board.modem(sockets=1).link.uart
print(uart)


def settle(ms=300):
    # Silence, and what came before it.
    got = b""
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        if uart.any():
            got += uart.read(uart.any())
            end = time.ticks_add(time.ticks_ms(), ms)
    return got


def expect(text):
    # Everything up to `text`, which must come; then silence.
    got = b""
    end = time.ticks_add(time.ticks_ms(), 10000)
    while text not in got:
        assert time.ticks_diff(end, time.ticks_ms()) > 0, got
        got += uart.read(uart.any()) if uart.any() else b""
    return got + settle()


def came(n):
    # Waits for n bytes in the ring, and looks whether they stay as many.
    end = time.ticks_add(time.ticks_ms(), 10000)
    while uart.any() < n and time.ticks_diff(end, time.ticks_ms()) > 0:
        pass
    time.sleep_ms(50)
    return uart.any()


def took(function, *args, before=None):
    # (value, ms): the most and the quickest of five tries, as board and modem stand still now and
    # then where they are emulated.
    most = least = None
    for _ in range(5):
        if before:
            before()
        start = time.ticks_ms()
        value = function(*args)
        ms = time.ticks_diff(time.ticks_ms(), start)
        least = ms if least is None or ms < least else least
        most = value if most is None or (value is not None and value > most) else most
    return most, least


def at():
    settle(50)
    uart.write(b"AT\r")


def at_came():
    at()
    assert came(9) == 9


settle()
uart.write(b"\x1b\rAT\r")
settle()
uart.write(b"ATE1\r")
expect(b"OK\r\n")
buf = bytearray(64)

# any(), readinto(buf, n): gives what is there, never waits long, None when there is nothing.
assert uart.any() == 0
value, ms = took(uart.readinto, buf)
assert value is None and ms <= 20, (value, ms)
assert uart.write(b"xAT\r", 1, 3) == 3  # write(buf, off, n)
n = came(9)
assert n == 9, n  # AT CR, CR LF OK CR LF
assert uart.readinto(buf, 3) == 3 and bytes(buf[:4]) == b"AT\r\0"
assert uart.any() == 6 and uart.readinto(buf, 6) == 6 and bytes(buf[:6]) == b"\r\nOK\r\n"
assert uart.write(b"ATzzz", 2) == 2 and uart.write(b"\r") == 1  # write(buf, n)
assert expect(b"OK\r\n") == b"AT\r\r\nOK\r\n"

# Poll: readable once a byte is there, writable when the ring has room.
poll = select.poll()
poll.register(uart, select.POLLIN | select.POLLOUT)
assert [e for _, e in poll.ipoll(0)] == [select.POLLOUT]
uart.write(b"AT\r")
poll.modify(uart, select.POLLIN)
assert [e for _, e in poll.ipoll(10000)] == [select.POLLIN]
settle()

# A write longer than the transmit ring comes back short, or takes all: never more, never None.
SPAM = b"x" * 8000
start = time.ticks_ms()
n = uart.write(SPAM)
ms = time.ticks_diff(time.ticks_ms(), start)
print("write of 8000 bytes with timeout=0: %r in %d ms" % (n, ms))
assert n and 1000 <= n <= 8000
time.sleep_ms(n // 10 + 300)
settle()
uart.write(b"\r")
settle(500)

# Without reading, the receive ring fills and what comes then is lost: 100 times AT is 900 bytes.
small = {"rxbuf": 256, "txbuf": 2048, "timeout": 0}
try:
    uart.init(**small)
except (TypeError, ValueError):
    small = None  # this port fixes the size in the constructor
if small:
    uart.write(b"AT\r" * 100)
    time.sleep_ms(1500)
    n = uart.any()
    print("of 900 bytes a ring of 256 kept %d; %s" % (n, uart))
    assert 250 <= n <= 700
    settle(500)
    uart.init(rxbuf=2048, txbuf=2048, timeout=0)

# Both time-outs: the first byte within timeout, the next ones within timeout_char of each other.
# Before MicroPython 1.27 what ended a short read was waited for twice.
once = getattr(uart, "once", None)
for mode in (False, True) if once else (None,):
    if once:
        once(mode)
    uart.init(timeout=200, timeout_char=20)
    settle()
    value, ms = took(uart.readinto, buf)
    print("once=%s: empty read of 64 bytes with timeout=200: %r after %d ms" % (mode, value, ms))
    assert value is None and 190 <= ms <= 500
    value, ms = took(uart.readinto, buf, before=at)
    print("once=%s: read of 64 where 9 come: %r after %d ms" % (mode, value, ms))
    assert value == 9, value
    if mode is not None:
        assert ms < 150 if mode else 200 <= ms <= 500, ms
    # What the driver does is the same either way.
    uart.init(timeout=0)
    value, ms = took(uart.readinto, buf, 9, before=at_came)
    assert value == 9 and ms <= 20, (value, ms)
uart.write(b"ATE0\r")
settle()
done()
