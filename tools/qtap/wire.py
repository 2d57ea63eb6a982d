# qtap.wire - the wire itself, in a process of its own: bytes pass untouched, and are told of.
# SPDX-License-Identifier: MIT
#
# Nothing else runs in this process, so nothing else makes a byte wait. What it tells goes to the
# other one as frames (which:1 ns:8 size:4 data), and waits here while that one is busy.

import collections
import contextlib
import gc
import os
import select
import signal
import socket
import struct
import time

FRAME = struct.Struct("<cqI")
BOARD, MODEM = b"b", b"m"  # bytes from there
RATE = b"r"  # the board's pty was set to this rate
GONE = b"g"  # an end has gone: which, why
NOTE = b"n"  # a sentence
STATS = b"s"  # the last frame
LOST = b"l"  # so many bytes were not recorded: the other process was too slow

_READ = 4096
_HELD = 4096  # bytes for one end that may wait: then the other is not read, so its line is held
_BACKLOG = 64 << 20  # bytes of frames that may wait
_IDLE_S = 0.02
_LINES_S = 0.002  # between two looks at DTR
_STEP_NS = 10000  # of the histogram
_STEPS = 1000


class Times:
    # How often something took how long.
    def __init__(self):
        self.counts = [0] * (_STEPS + 1)
        self.most = 0
        self.n = 0

    def add(self, ns):
        self.counts[min(ns // _STEP_NS, _STEPS)] += 1
        self.n += 1
        self.most = max(self.most, ns)

    def part(self, share):
        # ms within which this share was done.
        wanted = self.n * share
        seen = 0
        for i, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                return min((i + 1) * _STEP_NS, self.most) / 1e6
        return self.most / 1e6

    def over(self, ms):
        # How many took longer.
        return sum(self.counts[int(ms * 1e6) // _STEP_NS :])

    def summary(self):
        if not self.n:
            return None
        return [self.n, self.part(0.5), self.part(0.999), self.most / 1e6, self.over(1.0)]


class _Way:
    # One direction: from an end to the other.
    def __init__(self, name, source, target):
        self.name = name
        self.source = source
        self.target = target
        self.waiting = b""
        self.since = 0
        self.count = 0


class Wire:
    # board, modem: of qtap.ends. out: socket for the frames. orders: file descriptor; lines of it
    # are "rate N" and "stop"; its end is "stop", too. dtr: DTR and DCD go through.
    def __init__(self, board, modem, out, orders, dtr=False):
        self._board = board
        self._modem = modem
        self._out = out
        self._orders = orders
        self._dtr = dtr
        self._lines = [None, None]
        self._frames = collections.deque()
        self._size = 0
        self._dropped = 0
        self._speed = 0
        self._typed = b""
        self._stopped = False
        self.delay = Times()  # from the look that found bytes to their being handed on
        self.late = Times()  # how much later than it should this process wakes up
        self.ways = [_Way(BOARD, board, modem), _Way(MODEM, modem, board)]

    def run(self):
        look = time.monotonic()
        while not self._stopped:
            reads, writes = [self._orders], []
            for way in self.ways:
                if way.waiting:
                    out = way.target.fileno_out()
                    if out is not None:
                        writes.append(out)
                if len(way.waiting) < _HELD:
                    reads += way.source.watch()
            if self._frames:
                writes.append(self._out)
            pause = _LINES_S if self._dtr else _IDLE_S
            begin = time.monotonic_ns()
            ready, room, _ = select.select(reads, writes, [], pause)
            now = time.monotonic_ns()
            if not ready and not room:
                self.late.add(max(0, now - begin - int(pause * 1e9)))
            if ready or room:
                for way in self.ways:
                    self._carry(way, now, ready)
            if self._orders in ready:
                self._order()
            if now / 1e9 - look >= pause:
                look = now / 1e9
                self._watch(now)
            self._tell_on()
            for end in (self._board, self._modem):
                if end.gone:
                    which = BOARD if end is self._board else MODEM
                    self._note(GONE, now, which + end.gone.encode())
                    self._stopped = True

    def _carry(self, way, now, ready):
        source, target = way.source, way.target
        if way.waiting:
            way.waiting = way.waiting[target.write(way.waiting) :]
        room = _HELD - len(way.waiting)
        if room <= 0 or not any(item in ready for item in source.watch()):
            return
        data = source.read(min(_READ, room))
        if not data:
            return
        if way.waiting:
            way.waiting += data
        else:
            done = target.write(data)
            if done == len(data):
                self.delay.add(time.monotonic_ns() - now)
            else:
                way.waiting = data[done:]
        way.count += len(data)
        self._note(way.name, now, data)

    def _note(self, which, now, data):
        size = FRAME.size + len(data)
        if self._size + size > _BACKLOG and which in (BOARD, MODEM):
            self._dropped += len(data)
            return
        if self._dropped and self._size < _BACKLOG // 2:
            words = b"%d" % self._dropped
            self._dropped = 0
            self._note(LOST, now, words)
        self._frames.append(FRAME.pack(which, now, len(data)) + data)
        self._size += size

    def _tell_on(self):
        while self._frames:
            frame = self._frames[0]
            try:
                done = self._out.send(frame)
            except BlockingIOError:
                return
            except OSError:
                self._stopped = True  # the other process has ended
                return
            self._size -= done
            if done < len(frame):
                self._frames[0] = frame[done:]
                return
            self._frames.popleft()

    def _order(self):
        data = os.read(self._orders, 4096)
        if not data:
            self._stopped = True
        self._typed += data
        while b"\n" in self._typed:
            line, _, self._typed = self._typed.partition(b"\n")
            words = line.split()
            if words[:1] == [b"rate"]:
                self._rate(int(words[1]))
            else:
                self._stopped = True

    def _rate(self, baud):
        # AT+IPR has been answered by OK, which is on its way at the old rate.
        for end in (self._modem, self._board):
            way = self.ways[1] if end is self._board else self.ways[0]
            until = time.monotonic() + 1
            while way.waiting and time.monotonic() < until:
                way.waiting = way.waiting[end.write(way.waiting) :]
            fd = end.fileno_out()
            if isinstance(fd, int) and os.isatty(fd):
                import termios

                with contextlib.suppress(OSError, termios.error):
                    termios.tcdrain(fd)
            why = end.rate(baud)
            if why:
                self._note(NOTE, time.monotonic_ns(), why.encode())

    def _watch(self, now):
        # What makes no byte: the rate that the pty's client sets, DTR.
        speed = self._board.speed()
        if speed and speed != self._speed:
            self._speed = speed
            why = self._modem.rate(speed)
            self._note(RATE, now, b"%d" % speed)
            if why:
                self._note(NOTE, now, why.encode())
        if not self._dtr:
            return
        for i, (end, other) in enumerate(((self._board, self._modem), (self._modem, self._board))):
            found = end.lines()
            if found is None:
                continue
            on = found[0] if i == 0 else found[1]
            if on != self._lines[i]:
                self._lines[i] = on
                other.assert_dtr(on)
                self._note(NOTE, now, b"%s %s" % ((b"DTR", b"DCD")[i], (b"off", b"on")[on]))

    def end(self):
        # The rest of the frames, and the numbers; the other process reads them to the end.
        import json

        if self._dropped:
            self._note(LOST, time.monotonic_ns(), b"%d" % self._dropped)
        numbers = {
            "delay": self.delay.summary(),
            "late": self.late.summary(),
            "board": self.ways[0].count,
            "modem": self.ways[1].count,
        }
        self._note(STATS, time.monotonic_ns(), json.dumps(numbers).encode())
        self._out.setblocking(True)
        with contextlib.suppress(OSError):
            for frame in self._frames:
                self._out.sendall(frame)


def _first():
    # In front of other programs, where that is allowed.
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        return
    with contextlib.suppress(OSError):
        os.nice(-10)


def start(board, modem, dtr=False):
    # (process id, socket with its frames, file descriptor for orders). The process ends when that
    # is closed.
    orders, give = os.pipe()
    told, out = socket.socketpair()
    pid = os.fork()
    if pid:
        os.close(orders)
        out.close()
        return pid, told, give
    status = 1
    try:
        os.close(give)
        told.close()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it ends when it is told to
        _first()
        gc.disable()
        out.setblocking(False)
        wire = Wire(board, modem, out, orders, dtr)
        wire.run()
        wire.end()
        status = 0
    finally:
        os._exit(status)
