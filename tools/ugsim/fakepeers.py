# ugsim.fakepeers - scripted peers for ugsim.fakenet: echo, source, sink, script, refusal, close.
# SPDX-License-Identifier: MIT

_WINDOW = 65536  # bytes on the way to the modem before the peer's writes wait


class Peer:
    # What stands at the other end of a connection. Subclass and override; one object may serve
    # several connections, `conn` tells which.

    def on_open(self, conn):
        # The handshake is done.
        pass

    def on_data(self, conn, data):
        # Bytes from the modem.
        pass

    def on_room(self, conn):
        # Called on each poll while the connection is open: a place to write more.
        pass

    def on_close(self, conn):
        # The modem closed.
        pass

    def accepts(self, conn, size):
        # How many of `size` bytes the peer takes now; fewer means back-pressure.
        return size


class EchoPeer(Peer):
    def on_data(self, conn, data):
        conn.push(data)

    def accepts(self, conn, size):
        return min(size, max(0, _WINDOW - conn.waiting()))


class SourcePeer(Peer):
    # Sends `total` bytes of a pattern, then closes if asked to.

    def __init__(self, total, pattern=bytes(range(256)), close=False, chunk=4096):
        self.total = total
        self._pattern = pattern
        self._close = close
        self._chunk = chunk
        self._sent = {}

    def byte_at(self, start, count):
        # The bytes start..start+count of the stream, to compare with.
        pattern = self._pattern
        offset = start % len(pattern)
        data = pattern[offset:] + pattern * (count // len(pattern) + 1)
        return data[:count]

    def on_room(self, conn):
        sent = self._sent.get(conn.number, 0)
        while sent < self.total and conn.waiting() < _WINDOW // 4:
            count = min(self._chunk, self.total - sent)
            conn.push(self.byte_at(sent, count))
            sent += count
            self._sent[conn.number] = sent
            if sent == self.total and self._close:
                conn.peer_close()

    def on_open(self, conn):
        self.on_room(conn)


class SinkPeer(Peer):
    # Keeps (or with keep=False only counts) what arrives; `rate` bytes a poll at most, None all.

    def __init__(self, keep=True, rate=None):
        self.received = bytearray()
        self.count = 0
        self.keep = keep
        self.rate = rate

    def accepts(self, conn, size):
        return size if self.rate is None else min(size, self.rate)

    def on_data(self, conn, data):
        self.count += len(data)
        if self.keep:
            self.received.extend(data)


class ScriptPeer(SinkPeer):
    # Plays steps in turn: ("send", data); ("expect", data) waits until exactly these bytes came
    # next, anything else sets `error`; ("wait", ms); ("close",); ("reset",); ("security", n).

    def __init__(self, steps):
        super().__init__()
        self._steps = list(steps)
        self._seen = 0  # bytes of `received` that are matched
        self._wait_until = None
        self.error = None

    def done(self):
        return not self._steps

    def on_open(self, conn):
        self.on_room(conn)

    def on_data(self, conn, data):
        super().on_data(conn, data)
        self.on_room(conn)

    def on_room(self, conn):
        while self._steps and self.error is None:
            step = self._steps[0]
            if step[0] == "expect":
                got = bytes(self.received[self._seen : self._seen + len(step[1])])
                if got != step[1][: len(got)]:
                    self.error = "expected %r, got %r" % (step[1], got)
                    return
                if len(got) < len(step[1]):
                    return
                self._seen += len(got)
            elif step[0] == "wait":
                if self._wait_until is None:
                    self._wait_until = conn.now + step[1]
                    conn.net.wake_at(self._wait_until)
                if conn.now < self._wait_until:
                    return
                self._wait_until = None
            elif step[0] == "send":
                conn.push(step[1])
            elif step[0] == "close":
                conn.peer_close()
            elif step[0] == "reset":
                conn.peer_reset()
            elif step[0] == "security":
                conn.security = step[1]
            self._steps = self._steps[1:]


class RefusingPeer(Peer):
    # The connection fails with this TCP/IP error code, in the state named (opening, handshake).

    def __init__(self, error=566, state="handshake", why="refused by the peer"):
        self.error = error
        self.state = state
        self.why = why


class StallingPeer(Peer):
    # The connection never gets beyond `state`.

    def __init__(self, state="handshake"):
        self.state = state


class ClosingPeer(Peer):
    # Closes after `after` bytes from the modem; `last` is sent just before.

    def __init__(self, after=0, last=b""):
        self._after = after
        self._last = last
        self._got = 0

    def on_open(self, conn):
        self._check(conn)

    def on_data(self, conn, data):
        self._got += len(data)
        self._check(conn)

    def _check(self, conn):
        if self._got >= self._after:
            conn.push(self._last)
            conn.peer_close()
