# test_listed - AT+QSSLSTATE goes on to list a connection that is closed.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig  # noqa: F401  (first: it brings the virtual time)
from driver_kit import CA, raised
from field_modem import Field


class Listed(Field):
    # state: the one that it shows for ever of what was closed; where: its line stands "before" or
    # "behind" that of the connection that has the id now, or only "alone", while none has.
    def __init__(self, state, where, opens_ms=300):
        super().__init__()
        self.state = state
        self.where = where
        self.opens_ms = opens_ms
        self.stale = []
        self.opening = {}

    def line(self, id, state):
        shown = b'+QSSLSTATE: %d,"SSL CLIENT","192.0.2.1",443,4100,%d,1,%d,0,"uart1",0'
        return shown % (id, state, id)

    def qsslstate(self, line):
        lines = []
        for id in sorted(set(self.stale) | set(self.open)):
            own = []
            if id in self.open:
                own = [self.line(id, 2 if self.now < self.opening[id] else 3)]
            old = [self.line(id, self.state)] if id in self.stale else []
            if self.where == "alone" and own:
                old = []
            lines += old + own if self.where == "before" else own + old
        return lines + [b"OK"]

    def qsslopen(self, line):
        id = int(line.split(b",")[2])
        self.reply([b"OK"])
        self.open[id] = b""
        self.opening[id] = self.now + self.opens_ms
        self.urc(b"+QSSLOPEN: %d,0" % id, self.opens_ms)

    def qsslclose(self, line):
        id = int(line[13:].split(b",")[0])
        if id in self.open:
            self.stale.append(id)
        return super().qsslclose(line)

    def gone(self, id):
        # The server closes it.
        self.urc(b'+QSSLURC: "closed",%d' % id)
        if self.open.pop(id, None) is not None:
            self.stale.append(id)


def used(field, modem, ctx, closes):
    # One connection; closes: the server does, with a URC that AT+QSSLSTATE contradicts.
    sock = modem.connect("server.example", 8883, ctx, 60000)
    sock.settimeout(20)
    sock.write(b"hello")
    assert sock.read(5) == b"hello"
    if closes:
        field.gone(sock.id)
        begun = field.now
        try:
            assert sock.recv(5) == b""
        except OSError as e:
            assert e.errno == errno.ENOTCONN, e  # it may have been about an earlier connection
        assert raised(lambda: (sock.write(b"x"), sock.flush())).errno
        assert field.now - begun < 10000, field.now - begun
    sock.close()


def test_what_is_listed_for_ever():
    # Each new connection with the same id opens and is used, however long it takes to open.
    for opens in (300, 7000, 14000):
        for where in ("alone", "before", "behind"):
            for state in (3, 4):
                field = Listed(state, where, opens)
                modem = field.modem()
                modem.start("internet")
                ctx = modem.tls(0, ca=CA, check_time=False)
                for n in range(4):
                    used(field, modem, ctx, n & 1)
                assert not [s for s in modem.sockets if s]
                # What is listed keeps start() from nothing either.
                begun = field.now
                modem.start("internet")
                assert field.now - begun < 5000, field.now - begun
                used(field, modem, ctx, False)


def test_a_damaged_line_of_two():
    # The one that can't be read may be that of the connection.
    for where in ("before", "behind"):
        field = Listed(4, where)
        modem = field.modem()
        modem.start("internet")
        ctx = modem.tls(0, ca=CA, check_time=False)
        used(field, modem, ctx, False)
        sock = modem.connect("server.example", 8883, ctx)
        sock.settimeout(20)
        good = field.line
        left = [1]

        def line(id, state, good=good, left=left):
            shown = good(id, state)
            if state == 3 and left[0]:
                left[0] -= 1
                shown = shown.replace(b",3,1,", b",31,")
            return shown

        field.line = line
        field.urc(b'+QSSLURC: "closed",%d' % sock.id)  # of the one before
        modem.sleep_ms(2000)
        assert not left[0] and sock.state() == 1
        sock.write(b"hello")
        assert sock.read(5) == b"hello"
        sock.close()
