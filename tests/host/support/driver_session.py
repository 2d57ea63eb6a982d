# driver_session - a little life of two connections, and what may come of it under any fault.
# SPDX-License-Identifier: MIT
#
# Each step ends with the right result, or with an error of the family within its deadline. What
# was read is what the peer sent, what the peer got is what was written.

import driver_kit
from driver_kit import HOST, LOOKALIKES, Watch, pattern, tls
from qssl.errors import Error
from ugsim.fakenet import FakeNet, Peer

NAP_MS = 39
SLACK_MS = 100

REQUEST = 20
REPLY = 40
LIMIT_S = 20


def request(i):
    return b"request %04d \r\nOK\r\n>" % i


def reply(i):
    return b"\r\n\r\nOK\r\n" + pattern(REPLY - 10, i + 128) + b"\r\n"


class Answerer(Peer):
    # Answers each whole request; keeps all it got, by connection.
    def __init__(self):
        self.got = {}

    def on_data(self, conn, data):
        before = self.got.get(conn.number, b"")
        after = before + data
        self.got[conn.number] = after
        for i in range(len(before) // REQUEST, len(after) // REQUEST):
            conn.push(reply(i))


class Session:
    def __init__(self, **keywords):
        self.watch = Watch(NAP_MS)
        self.peer = Answerer()
        self.errors = []
        self.powered = True  # False: the modem may forget what it had not sent yet
        self.rig, self.modem = driver_kit.bare(FakeNet(self.peer), idle=self.watch, **keywords)
        self.modem.start(apn="internet")
        self.context = tls(self.modem)

    def step(self, limit_ms, function, *args):
        # (value, None) or (None, error); checks deadline, idle hook and the error's family.
        rig = self.rig
        start = rig.now
        self.watch.start()
        value = error = None
        try:
            value = function(*args)
        except Error as e:
            error = e
            self.errors.append(e)
            assert e.errno > 0 and e.phase and e.hint, e
        spent = rig.now - start
        worst = self.watch.stop()
        assert spent <= limit_ms + SLACK_MS, "%s took %d ms" % (function, spent)
        assert worst <= 100, "%s: no idle for %d ms" % (function, worst)
        return value, error

    def connect(self):
        value, error = self.step(30000, self.modem.connect, HOST, 443, self.context, 30000)
        if value is not None:
            value.settimeout(LIMIT_S)
        return value

    def exchange(self, sock, number, i, lossless):
        # A request and its reply. False when the socket has failed.
        conn = self.rig.net.conns[number].number
        want = b"".join([request(k) for k in range(i + 1)])
        _, error = self.step(100, sock.write, request(i))
        if error is None:
            _, error = self.step(LIMIT_S * 1000, sock.flush)
        got = self.peer.got.get(conn, b"")
        if lossless:
            assert got == want[: len(got)], ("sent twice or wrong", got, want)
            if error is None and self.powered:
                self.rig.sleep(5)
                assert self.peer.got.get(conn, b"") == want, "SEND OK, but not all was sent"
        if error is not None:
            return False
        data, error = self.step(LIMIT_S * 1000, sock.read, REPLY)
        if error is not None:
            return False
        if lossless:
            assert data == reply(i), ("wrong data", data, reply(i))
        return True

    def run(self, lossless=True):
        # Two connections, one after the other with the first kept open. True: nothing failed.
        first = self.connect()
        number = len(self.rig.net.conns) - 1
        fine = first is not None and self.exchange(first, number, 0, lossless)
        fine = fine and self.exchange(first, number, 1, lossless)
        second = self.connect()
        if second is not None:
            number2 = len(self.rig.net.conns) - 1
            fine = self.exchange(second, number2, 0, lossless) and fine
            _, error = self.step(14000, second.close)
            fine = fine and error is None
        if fine:
            fine = self.exchange(first, number, 2, lossless)
        _, error = self.step(5000, self.modem.signal)
        if first is not None:
            fine = self.step(14000, first.close)[1] is None and fine
        return fine and second is not None and error is None

    def recovers(self):
        # Without the fault all is as before.
        rig = self.rig
        rig.model.command("clear")
        if not self.modem.up:
            _, error = self.step(60000, lambda: self.modem.start("internet", timeout_ms=60000))
            assert error is None, error
        try:
            driver_kit.works(self.modem)
        except Error as e:
            # RDY may have been taken for payload: then the first attempt to connect shows it.
            assert not self.powered and not self.modem.up and "start()" in str(e), e
            self.modem.start("internet", timeout_ms=60000)
            driver_kit.works(self.modem)


__all__ = ("LIMIT_S", "LOOKALIKES", "REPLY", "REQUEST", "Answerer", "Session", "reply", "request")
