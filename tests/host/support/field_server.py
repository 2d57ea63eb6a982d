# field_server - servers behind the modem of field_modem: what they do and when, and what the
# modem makes of it.
# SPDX-License-Identifier: MIT

from field_modem import Field

CLOSING = 5


class Served(Field):
    # plan: [(ms after the opening, what, bytes)]; what: "data"; "late": data without a URC; "fin":
    # the server has closed; "quiet": it has, without a URC.
    # shows: what AT+QSSLSTATE says after the end: 5, 3 or None: not listed. ends: what
    # AT+QSSLRECV says then, when nothing is left: b"0" or b"ERROR". most: bytes of one reply.
    # records: a reply of 0 stands between two pieces of data.
    shows = CLOSING
    ends = b"0"
    most = 1500

    def __init__(self, plan):
        super().__init__()
        self.plan = plan
        self.due = []  # (ms, function)
        self.over = set()  # ids whose server has closed
        self.sent = b""

    def later(self, ms, function, *args):
        at = len(self.due)
        while at and self.due[at - 1][0] > self.now + ms:
            at -= 1
        self.due.insert(at, (self.now + ms, function, args))

    def sleep(self, ms, wakes=False):
        end = self.now + ms
        while self.now < end:
            next = end
            if self._out:
                next = min(next, self._out[0][0])
            if self.due:
                next = min(next, self.due[0][0])
            self.now = min(end, max(next, self.now + 1))
            while self.due and self.due[0][0] <= self.now:
                _, function, args = self.due.pop(0)
                function(*args)
            if wakes and self.any():
                return

    def qsslopen(self, line):
        id = int(line.split(b",")[2])
        self.over.discard(id)
        for ms, what, data in self.plan:
            self.later(300 + ms, self.does, id, what, data)
        return super().qsslopen(line)

    def does(self, id, what, data):
        if id not in self.open:
            return
        if what == "data":
            told = self.open[id]
            self.open[id] += data
            if not told:
                self.urc(b'+QSSLURC: "recv",%d' % id, 0)
        elif what == "late":
            self.open[id] += data
        elif what == "news":
            self.urc(b'+QSSLURC: "recv",%d' % id, 0)
        else:
            self.over.add(id)
            if what == "fin":
                self.urc(b'+QSSLURC: "closed",%d' % id, 0)

    def serve(self, id, data):
        self.sent += data
        return b""

    def qsslstate(self, line):
        lines = []
        for id in sorted(self.open):
            state = 3
            if id in self.over:
                state = self.shows
            if state:
                lines.append(
                    b'+QSSLSTATE: %d,"SSL CLIENT","192.0.2.1",443,4100,%d,1,%d,0,"uart1",0'
                    % (id, state, id)
                )
        return lines + [b"OK"]

    def qsslrecv(self, line):
        id, n = [int(part) for part in line[12:].split(b",")]
        if id in self.open and not self.open[id] and id in self.over and self.ends != b"0":
            return [self.ends]
        return super().qsslrecv(b"AT+QSSLRECV=%d,%d" % (id, min(n, self.most)))


def styles():
    return (_read, _recv, _exact, _lines, _into, _polled)


def _read(sock, field):
    return sock.read()


def _recv(sock, field):
    got = b""
    while True:
        part = sock.recv(700)
        if not part:
            return got
        got += part


def _exact(sock, field):
    got = b""
    while True:
        part = sock.read(100)
        got += part
        if len(part) < 100:
            return got


def _lines(sock, field):
    got = b""
    while True:
        part = sock.readline()
        if not part:
            return got
        got += part


def _into(sock, field):
    got = b""
    buf = bytearray(900)
    while True:
        n = sock.readinto(buf)
        got += buf[:n]
        if n < 900:
            return got


def _polled(sock, field):
    sock.setblocking(False)
    got = b""
    end = field.now + 400000
    while field.now < end:
        bits = sock.ioctl(3, 1)
        if bits:
            part = sock.recv(333)
            if part is not None:
                if not part:
                    return got
                got += part
                continue
        field.sleep(20)
    raise OSError(110, "polled in vain, %d" % len(got))
