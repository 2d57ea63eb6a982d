# driver_canned - a UART with scripted replies whose methods allocate nothing, for tests of memory.
# SPDX-License-Identifier: MIT
#
# It answers AT+QSSLRECV and AT+QSSLSEND for two sockets from bytes that exist beforehand, so that
# all that is allocated is the driver's.

import gc

import micropython
from micropython import RingIO

TRAILER = b"\r\n\r\nOK\r\n"
RECV = b"AT+QSSLRECV="
SEND = b"AT+QSSLSEND="
STATE = b"AT+QSSLSTATE"
_STATE = b'\r\n+QSSLSTATE: %d,"SSL CLIENT","192.0.2.1",443,4100,3,1,%d,0,"uart1",0'
STATES = _STATE % (0, 0) + _STATE % (1, 1) + b"\r\n"


class Canned:
    # data: what each read gives (its first n bytes). urc: comes with each reply when it is set.
    # chunk: most bytes one read gives.
    def __init__(self, data, chunk=4096):
        self.rx = RingIO(8192)
        self.data = data
        self.chunk = chunk
        self.echo = False
        self.headers = [b"\r\n+QSSLRECV: %d\r\n" % n for n in range(1501)]
        self.give = 0  # bytes that the next reads give, 0: none there
        self.urc = None
        self.muted = False
        self.sent = 0  # bytes of payload that came in AT+QSSLSEND
        self.sends = 0
        self.recvs = 0
        self.fails = 0  # how many SEND FAIL come before the next SEND OK
        self.refuses = 0  # how many ERROR come in place of the next prompt
        self._line = bytearray(64)
        self._n = 0
        self._payload = 0  # bytes of payload still to come

    def any(self):
        n = self.rx.any()
        return n if n < self.chunk else self.chunk

    def readinto(self, buf, n):
        return self.rx.readinto(buf, n if n < self.chunk else self.chunk)

    def write(self, buf, off, n):
        i = off
        end = off + n
        while i < end:
            if self._payload:
                k = end - i
                k = min(k, self._payload)
                self._payload -= k
                self.sent += k
                i += k
                if not self._payload:
                    self.reply(b"\r\nSEND FAIL\r\n" if self.fails else b"\r\nSEND OK\r\n")
                    self.fails = max(self.fails - 1, 0)
            else:
                c = buf[i]
                if self.echo:
                    self.rx.write(buf, i, 1)
                i += 1
                if c == 13:
                    self._line[self._n] = 0
                    self._command()
                    self._n = 0
                else:
                    self._line[self._n] = c
                    self._n += 1
        return n

    def reply(self, data):
        if not self.muted:
            self.rx.write(data)

    def _number(self):
        # The number at the end of the line.
        line = self._line
        i = 0
        v = 0
        while i < self._n:
            c = line[i]
            v = v * 10 + c - 48 if 48 <= c <= 57 else 0
            i += 1
        return v

    def _command(self):
        line = self._line
        if self.urc is not None:
            self.reply(self.urc)
        if line.startswith(RECV):
            self.recvs += 1
            n = self._number()
            n = min(n, self.give)
            self.give -= n
            self.reply(self.headers[n])
            if n and not self.muted:
                self.rx.write(self.data, 0, n)
            self.reply(TRAILER if n else b"\r\nOK\r\n")
        elif line.startswith(SEND):
            self.sends += 1
            if self.refuses:
                self.refuses -= 1
                self.reply(b"\r\nERROR\r\n")
                return
            self._payload = self._number()
            self.reply(b"\r\n> ")
        else:
            if line.startswith(STATE):
                self.reply(STATES)
            self.reply(b"\r\nOK\r\n")


class Context:
    # Stands for an SSL context: opening a connection sets nothing up.
    id = 0

    def __init__(self, modem):
        self._modem = modem

    def applying(self, host, now):
        return iter(())


class Clock:
    # Virtual time without a simulated modem; stands where rig.clock expects a Rig.
    def __init__(self):
        import rig

        self.now = 0
        rig.clock.rig = self

    def sleep(self, ms):
        self.now += ms

    pass_ms = sleep


class Silent:
    # A UART on which nothing happens, and which allocates nothing.
    def any(self):
        return 0

    def readinto(self, buf, n=None):
        return None

    def write(self, buf, off=0, n=0):
        return n


def allocated(function, before=1):
    # Bytes that a call leaves allocated; MemoryError if it allocates any at all, as it runs once
    # more with the heap locked. before: as often it runs for what is made at first use.
    for _ in range(before):
        function()
    gc.collect()
    gc.disable()
    start = gc.mem_alloc()
    function()
    used = gc.mem_alloc() - start
    gc.enable()
    micropython.heap_lock()
    try:
        function()
    finally:
        micropython.heap_unlock()
    return used
