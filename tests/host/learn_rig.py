# learn_rig - qlearn at the simulated modem in this process, on a virtual clock.
# SPDX-License-Identifier: MIT

from cryptography import x509

from qlearn import script
from ugsim.fakenet import FakeNet
from ugsim.fakepeers import Peer, RefusingPeer
from ugsim.model import UGxx
from ugsim.net import chain, credentials
from ugsim.net.credentials import Refusal

HOST = "learn.example"
NOW = 1764300000  # what the network and the PC say it is at virtual 0


class LearnPeer(Peer):
    # Does what the scripts of qlearn say.
    def __init__(self, pems):
        self.pems = pems
        self._state = {}  # connection -> [typed, steps, until]

    def on_open(self, conn):
        self._state[conn.number] = [b"", [], None]

    def on_data(self, conn, data):
        state = self._state[conn.number]
        state[0] += data
        while b"\n" in state[0]:
            line, _, state[0] = state[0].partition(b"\n")
            try:
                state[1] += script.parse(line[line.find(script.HELLO) :])
            except script.Wrong:
                conn.peer_close()
        self.on_room(conn)

    def on_room(self, conn):
        state = self._state.get(conn.number)
        while state and state[1]:
            word, number = state[1][0]
            if word == "wait":
                if state[2] is None:
                    state[2] = conn.now + number
                    conn.net.wake_at(state[2])
                if conn.now < state[2]:
                    return
                state[2] = None
            elif word == "send":
                conn.push(script.payload(number))
            elif word == "certs":
                conn.push(script.certificates(b"".join(self.pems)))
            elif word == "close":
                conn.peer_close()
            elif word == "break":
                conn.security = 3
            del state[1][0]


class LearnNet(FakeNet):
    # Checks the CA as the real network of ugsim does.
    def __init__(self, pems):
        FakeNet.__init__(self, RefusingPeer(566, "opening"))
        self.sent = [x509.load_pem_x509_certificate(pem) for pem in pems[:2]]
        self.add(HOST, LearnPeer(pems))

    def connect(self, tls, host, port, now_ms):
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        if tls.seclevel:
            try:
                lenient = tls.pem == "lenient"
                anchors = credentials.load_certificates(tls.ca, "CA file", lenient)
                chain.verify(self.sent, anchors, None, tls.anchor == "root")
            except Refusal:
                conn.peer = RefusingPeer(566, "handshake")
        return conn


class SimPort:
    # What qlearn.talk wants of a port.
    def __init__(self, model):
        self.model = model
        self._now = 0
        self.fails_at = None  # ms: KeyboardInterrupt

    def now(self):
        return self._now

    def write(self, data):
        self.model.run(self._now)
        self.model.feed(data)
        self.model.run(self._now)

    def read(self, ms):
        end = self._now + max(0, int(ms))
        model = self.model
        while True:
            model.run(self._now)
            if model.pending():
                return model.take(1 << 20)
            if self._now >= end:
                return b""
            due = model.next_ms()
            step = end if due is None else min(end, max(due, self._now + 1))
            self._now = min(step, self._now + 1000)
            if self.fails_at is not None and self._now >= self.fails_at:
                self.fails_at = None
                raise KeyboardInterrupt


def modem(pems, switches, seed=1):
    # A modem that is on and registered. (model, port)
    model = UGxx(LearnNet(pems), switches, seed)
    model.network.set_time(NOW, 8)
    model.run(0)
    return model, SimPort(model)
