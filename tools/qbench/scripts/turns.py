# turns - the exchanges of a stream at a modem in memory whose line has a rate: how long the wire
# is still, and how long the processor waits. Prints one JSON object.
# SPDX-License-Identifier: MIT
#
# The board counts time by instructions (QEMU's -icount). What the modem in memory and the clock
# take of it, calls included, is taken off; what is left is the driver's, told as the time of an
# RP2040: PERMILLE, and what its UART takes for each call. See docs/numbers.md, Turns.
#
# Where in a turn of the driver a byte comes decides some of it: so the modem takes a little more
# or less each time, and in one more run much more, for a mean over many such places. And the heap
# is the same in each turn, as a function with more than 11 words of variables searches it.

import gc
import json
import sys
import time as real

from micropython import RingIO

BAUDS = (115200, 460800, 921600)
PIECES = (1, 100, 500, 512, 1024, 1460, 1500, 4096)
ROUNDS = 22
TOTAL = 65536
FEW = 8192  # in pieces of one byte

PERMILLE = 1200  # us of the RP2040 for 1000 us of the emulated board, 62500 instructions
CLOCK_US = 3  # time.ticks_ms
ANY_US = 7  # machine.UART.any
READ_US, READ_BYTE = 30, 2  # machine.UART.readinto: a call, and each byte
WRITE_US, WRITE_BYTE = 30, 1
POLL_US = 100  # a poll that finds bytes
LATENCY_US = 300  # the modem's, to prompt and to answer: so much in the mean of each 11 ...
STEP_US = 20  # ... which differ by this
SLOW_US = 12000  # at most, of a slow modem, each of SLOW_ROUNDS another time
SLOW_ROUNDS = 37
CALLS = 64

PAYLOAD = bytes(range(256)) * 6


class Clock:
    # Virtual time of the driver, in us.
    def __init__(self):
        self.own = 0  # us of the emulated board, not the driver's
        self.waited = 0  # us that the driver slept
        self.chip = 0  # us that the RP2040's UART takes

    def now(self, t):
        # t: ticks_us() of the emulated board.
        return (t - self.own) * PERMILLE // 1000 + self.waited + self.chip

    def ran(self, t):
        # us of the emulated board that the driver ran.
        return t - self.own


clock = Clock()
start_us = real.ticks_us()


def ticks():
    return real.ticks_diff(real.ticks_us(), start_us)


class Time:
    def __getattr__(self, name):
        return getattr(real, name)


def ticks_ms():
    t = ticks()
    clock.chip += CLOCK_US
    n = clock.now(t) // 1000
    clock.own += ticks() - t + call_us
    return n


def sleep_ms(ms):
    t = ticks()
    clock.waited += ms * 1000
    clock.own += ticks() - t + call_us


call_us = any_us = read_us = write_us = 0  # what else a call of those takes: see calibrate()
virtual = Time()
virtual.ticks_ms = ticks_ms
virtual.sleep_ms = sleep_ms
for name in ("ticks_diff", "ticks_add", "ticks_us"):
    setattr(virtual, name, getattr(real, name))
sys.modules["time"] = virtual

from qssl import Modem  # noqa: E402


class Gap:
    # Between the modem's last byte and the driver's first one.
    def __init__(self):
        self.us = self.run = self.n = 0
        self.first = self.last = 0  # when

    def add(self, now, us, run):
        self.last = now
        if not self.n:
            self.first = now
        self.us += us
        self.run += run
        self.n += 1

    def told(self):
        n = max(self.n, 1)
        found = {"us": self.us // n, "run": self.run // n, "n": self.n}
        found["round"] = (self.last - self.first) // max(self.n - 1, 1)
        return found


ring = RingIO(4096)


class Uart:
    # machine.UART of an RP2040 with the modem at its far end: bytes show four at a time, the last
    # ones when the line was still for 32 bits.
    def __init__(self, baud):
        self.baud = baud
        self.ring = ring
        self.bursts = []  # [from when on, bytes, moved]
        self.free = 0  # when all that was written is out
        self.line = b""
        self.payload = 0  # bytes that still fill a prompt
        self.give = 0  # bytes of payload that the modem has
        self.kind = None  # what the modem's last words were
        self.ended = 0  # when they were all on the line ...
        self.found = -1  # ... and when the driver found them: us that it had run
        self.gaps = {"recv": Gap(), "send": Gap(), "prompt": Gap()}
        self.sends = 0
        self.turn = 0  # answers given
        self.slow = 0

    def __str__(self):
        return "UART(1, baudrate=%d, rxbuf=2048, txbuf=2048)" % self.baud

    def us(self, n):
        return n * 10000000 // self.baud

    def say(self, at, data, kind=None):
        self.bursts.append([at, data, 0, kind])

    def late(self):
        # us that the modem takes this time.
        self.turn += 1
        us = LATENCY_US + (self.turn * 7 % 11 - 5) * STEP_US
        return us + self.slow * (self.turn * 13 % SLOW_ROUNDS) // (SLOW_ROUNDS - 1)

    def sync(self, t):
        # What has come until now goes into the ring.
        now = clock.now(t)
        while self.bursts:
            b = self.bursts[0]
            n = len(b[1])
            come = (now - b[0]) * (self.baud // 100) // 100000
            if come >= n and now >= b[0] + self.us(n) + self.us(32) // 10:
                come = n
            else:
                come = min(come, n - 1) & ~3
            if come > b[2]:
                self.ring.write(b[1], b[2], come - b[2])
                b[2] = come
            if come < n:
                return
            self.bursts.pop(0)
            if b[3]:
                self.kind = b[3]
                self.ended = b[0] + self.us(n)
                self.found = -1

    def any(self):
        t = ticks()
        clock.chip += ANY_US
        self.sync(t)
        n = self.ring.any()
        if self.kind and self.found < 0:
            self.found = clock.ran(t)
        clock.own += ticks() - t + any_us
        return n

    def readinto(self, buf, n):
        t = ticks()
        n = self.ring.readinto(buf, n)
        clock.chip += READ_US + READ_BYTE * n
        clock.own += ticks() - t + read_us
        return n

    def ipoll(self, ms):
        # Until bytes are there.
        t = ticks()
        self.sync(t)
        left = ms * 1000
        while not self.ring.any() and left > 0:
            step = 20
            if self.bursts:
                b = self.bursts[0]
                step = max(min(b[0] + self.us(4) - clock.now(t), left), 20)
            elif not self.bursts:
                step = left
            clock.waited += step
            left -= step
            self.sync(t)
        if self.ring.any():
            clock.chip += POLL_US
        if self.kind and self.found < 0:
            self.found = clock.ran(t)
        clock.own += ticks() - t
        return ()

    def write(self, buf, off, n):
        t = ticks()
        self.written(t, buf, off, n)
        clock.own += ticks() - t + write_us
        return n

    def written(self, t, buf, off, n):
        clock.chip += WRITE_US + WRITE_BYTE * n
        now = clock.now(t)
        at = max(now, self.free)
        kind = self.kind
        if kind:
            gap = self.gaps.get(kind)
            if gap:
                gap.add(at, at - self.ended, clock.ran(t) - self.found)
            self.kind = None
        self.free = at + self.us(n)
        if self.payload:
            k = min(n, self.payload)
            self.payload -= k
            if not self.payload:
                self.say(self.free + self.late(), b"\r\nSEND OK\r\n", "send")
        else:
            data = bytes(memoryview(buf)[off : off + n])
            if m.link.echo:
                self.say(at + self.us(1), data)
            self.line += data
            if data.endswith(b"\r"):
                self.command(self.line[:-1])
                self.line = b""

    def command(self, line):
        gc.collect()
        at = self.free + self.late()
        if line.startswith(b"AT+QSSLRECV="):
            n = min(int(line.split(b",")[1]), self.give)
            self.give -= n
            data = b"\r\n+QSSLRECV: %d\r\n" % n
            if n:
                data += PAYLOAD[:n] + b"\r\n"
            # Only within a stream: what comes next is the next command.
            self.say(at, data + b"\r\nOK\r\n", "recv" if self.give else "end")
        elif line.startswith(b"AT+QSSLSEND="):
            self.sends += 1
            self.payload = int(line.split(b",")[1])
            self.say(at, b"\r\n> ", "prompt")
        elif line.startswith(b"AT+QSSLOPEN"):
            self.say(at, b"\r\nOK\r\n\r\n+QSSLOPEN: 0,0\r\n")
        elif line.startswith(b"AT+QSSLSTATE"):
            state = b'\r\n+QSSLSTATE: 0,"SSL CLIENT","192.0.2.1",443,4100,3,1,0,0,"uart1",0\r\n'
            self.say(at, state + b"\r\nOK\r\n")
        else:
            self.say(at, b"\r\nOK\r\n")


class Context:
    id = 0

    def __init__(self, modem):
        self._modem = modem

    def applying(self, host, now):
        return
        yield


def calibrate():
    # What a call takes before and after `clock.own` looks.
    global call_us, any_us, read_us, write_us
    uart = Uart(BAUDS[0])
    buf = bytearray(1)
    found = []
    for do in (none, looks, reads, writes, times):
        gc.collect()
        t = ticks()
        own = clock.own
        do(uart, buf)
        found.append(ticks() - t - (clock.own - own))
    any_us, read_us, write_us, call_us = [(us - found[0]) // CALLS for us in found[1:]]


def none(uart, buf):
    for _ in range(CALLS):
        pass


def looks(uart, buf):
    for _ in range(CALLS):
        uart.any()


def reads(uart, buf):
    for _ in range(CALLS):
        uart.readinto(buf, 0)


def writes(uart, buf):
    uart.payload = 1 << 20
    for _ in range(CALLS):
        uart.write(buf, 0, 0)


def times(uart, buf):
    for _ in range(CALLS):
        ticks_ms()


def connect(baud):
    global m
    m = None
    gc.collect()
    while ring.any():
        ring.read()
    uart = Uart(baud)
    m = Modem(uart, sockets=1)
    m.up = True
    m.link._poll = uart
    m.link.echo = 1
    m.link.rate = baud // 10000 + 1
    sock = m.open("server.example", 443, Context(m))
    while sock.state() < 1:
        m.sleep_ms(5)
    sock.settimeout(10)
    return uart, sock


def begin(uart):
    uart.kind = None
    for gap in uart.gaps.values():
        gap.__init__()
    return clock.now(ticks()), clock.waited, uart.sends


def spent(uart, before):
    found = {"us": clock.now(ticks()) - before[0], "waited": clock.waited - before[1]}
    found["sends"] = uart.sends - before[2]
    for name, gap in uart.gaps.items():
        found[name] = gap.told()
    return found


def receive(baud, n, slow=0):
    uart, sock = connect(baud)
    uart.slow = slow
    buf = bytearray(n)
    rounds = SLOW_ROUNDS if slow else ROUNDS
    uart.give = 1500 * (rounds + 4)
    uart.say(clock.now(ticks()), b'\r\n+QSSLURC: "recv",0\r\n')
    for _ in range(3072 // n):
        sock.readinto(buf)
    before = begin(uart)
    for _ in range(rounds * 1500 // n):
        sock.readinto(buf)
    return spent(uart, before)


def send(baud, n, total, slow=0):
    uart, sock = connect(baud)
    uart.slow = slow
    buf = bytearray(n)
    for _ in range(3):
        sock.write(PAYLOAD, 0, 1460)
    before = begin(uart)
    for _ in range(total // n):
        sock.write(buf)
    sock.write(buf, total % n)
    found = spent(uart, before)  # without the proof at the end
    sock.flush()
    found["sends"] = uart.sends - before[2]
    return found


calibrate()
found = {"recv": {}, "send": {}, "pieces": {}}
found["calls"] = call_us, any_us, read_us, write_us
for baud in BAUDS:
    found["recv"][baud] = receive(baud, 1500)
    found["send"][baud] = send(baud, 1460, ROUNDS * 1460)
for n in PIECES:
    found["pieces"][n] = send(BAUDS[-1], n, FEW if n == 1 else TOTAL)
found["recv 512"] = receive(BAUDS[-1], 512)
found["recv slow"] = receive(BAUDS[-1], 1500, SLOW_US)
found["send slow"] = send(BAUDS[-1], 1460, SLOW_ROUNDS * 1460, SLOW_US)
print(json.dumps(found))
