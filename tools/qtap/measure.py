# qtap.measure - `tap.py measure`: bytes both ways at once through a wire between two ptys.
# SPDX-License-Identifier: MIT

import collections
import json
import os
import select
import sys
import time
import tty

from qshared.problem import Problem
from qtap import ends, wire
from qtap.frames import Frames
from ugsim.port.pace import BITS_PER_BYTE

_PIECE = 64  # bytes that are typed at once
_STALL_S = 30  # without a byte
_ROUND = 1 << 16


def _pattern(seed):
    # No two blocks of 256 are alike for long, and each holds every value.
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 255 for i in range(_ROUND + 4096))


class _Way:
    # Pieces go in at one pty, and are looked at where they come out.
    def __init__(self, source, target, size, seed, rate):
        self.source = source
        self.target = target
        self.size = size
        self.rate = rate  # bytes a second
        self.sent = self.got = 0
        self.times = wire.Times()
        self.wrong = -1  # where the first changed byte was
        self._pattern = _pattern(seed)
        self._stamps = collections.deque()  # (position behind the piece, ns when it went in)

    def due(self, passed):
        # Bytes that may go in now.
        ahead = int(passed * self.rate) + _PIECE - self.sent
        n = min(_PIECE, self.size - self.sent)
        return n if ahead >= n else 0

    def write(self, n):
        at = self.sent % _ROUND
        try:
            done = os.write(self.source, self._pattern[at : at + n])
        except BlockingIOError:
            return
        self.sent += done
        self._stamps.append((self.sent, time.monotonic_ns()))

    def read(self):
        try:
            data = os.read(self.target, 4096)
        except BlockingIOError:
            return 0
        now = time.monotonic_ns()
        at = self.got % _ROUND
        if self.wrong < 0 and data != self._pattern[at : at + len(data)]:
            self.wrong = self.got
        self.got += len(data)
        while self._stamps and self._stamps[0][0] <= self.got:
            self.times.add(now - self._stamps.popleft()[1])
        return len(data)


def _raw(path, stack):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    stack.callback(os.close, fd)
    tty.setraw(fd)
    return fd


def run(chosen, stack, delays):
    # Exit status: 0 all bytes arrived as they were, 1 not so.
    size = chosen.mib << 20
    two = [ends.Pty(), ends.Pty()]
    for end in two:
        stack.callback(end.close)
    fds = [_raw(end.address, stack) for end in two]
    rate = chosen.baud / BITS_PER_BYTE
    ways = [_Way(fds[i], fds[1 - i], size, 90 * i, rate) for i in range(2)]
    print(
        "%d MiB each way at %d baud: %.0f s" % (chosen.mib, chosen.baud, size / rate), flush=True
    )
    pid, told, orders = wire.start(*two)
    frames = Frames(told)
    try:
        _move(ways, fds, frames)
    finally:
        os.close(orders)
        numbers = None
        while not frames.ended:
            for which, _, data in frames.take():
                if which == wire.STATS:
                    numbers = json.loads(data)
        os.waitpid(pid, 0)
    if numbers is None:
        raise Problem("The process that passes the bytes has died.")
    status = 0
    for way, words in zip(ways, ("board to modem", "modem to board")):
        if way.wrong >= 0 or way.got != way.size:
            status = 1
            print("%s: other bytes from %d on" % (words, max(way.wrong, 0)))
        else:
            print("%s: %d bytes, none changed" % (words, way.got))
        n, half, most, longest, over = way.times.summary()
        print("    from pty to pty %.2f ms (median), %.2f ms (99.9 %%)" % (half, most))
    delays(numbers, print)
    return status


def _move(ways, fds, frames):
    begin = last = time.monotonic()
    while any(way.got < way.size and way.wrong < 0 for way in ways):
        now = time.monotonic()
        for way in ways:
            n = way.due(now - begin)
            if n:
                way.write(n)
        ready = select.select([*fds, frames.sock], [], [], 0.0002)[0]
        for way in ways:
            if way.target in ready and way.read():
                last = time.monotonic()
        if frames.sock in ready:
            for _ in frames.take():
                pass
        if now - last > _STALL_S:
            print("%d s without a byte" % _STALL_S, file=sys.stderr)
            return
