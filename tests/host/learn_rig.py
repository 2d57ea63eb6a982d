# learn_rig - qlearn at the simulated modem in this process, on a virtual clock.
# SPDX-License-Identifier: MIT

from cryptography import x509

from qlearn import run, script
from qlearn.talk import Talk
from ugsim.fakenet import FakeNet
from ugsim.fakepeers import Peer, RefusingPeer
from ugsim.model import UGxx
from ugsim.net import chain, credentials
from ugsim.net.credentials import Refusal

HOST = "learn.example"
NOW = 1764300000  # what the network and the PC say it is at virtual 0
# What each switch that is a number may be.
NUMBERS = {
    "prompt_timeout_ms": (0, 5000, 20000),
    "push_max": (1500, 100, 1),
    "baud_default": (9600, 115200, 0),
    "recv_max": (0, 1, 100, 700, 1600),
    "rx_size": (10240, 1500, 100),
    "tx_size": (8760, 1460),
    "reply_ms": (0, 30, 300),
    "nitz_ms": (0, 5000),
    "take_ms": (0, 3, 300),
    "act_ms": (0, 50, 200, 20000),
    "boot_ms": (100, 3000),
    "register_ms": (0, 1500, 20000),
    "sim_busy_ms": (0, 10000),
    "sleep_after_ms": (0, 3000),
    "sleep_wake_ms": (0, 100, 2000),
    "down_ms": (0, 1500),
    "sim_lag_ms": (0, 5000),
    "operators": (1, 9),
    "ram_total": (131072, 3000),
    "ufs_total": (3000, 1048576),
    "open_limit": (0,),
}
# Values of others with which a switch does not show.
NEEDS = {
    "qlts_empty": {"nitz": "no"},
    "cpin_style": {"sim": "pin"},
}


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


def options(port, **changes):
    chosen = {"apn": "internet", "ntp": "ntp.example", "restart": True}
    chosen["server"] = (HOST, 8443)
    chosen.update(changes)
    found = run.Options(**chosen)
    found.time = lambda: NOW + port.now() / 1000
    return found


def learn(pems, switches=None, seed=1, change=None, **changes):
    # (Learner behind its run, model, port)
    model, port = modem(pems, switches or {}, seed)
    if change:
        change(model, port)
    learner = run.Learner(Talk(port), options(port, **changes))
    learner.identify()
    assert learner.run() == []
    return learner, model, port


def settled(learner):
    found = learner.bench.results
    return {name: found[name].value for name in found if found[name].state == "settled"}


def least(name):
    # Options with which no more is asked than this switch takes.
    (stage,) = [s.title for s in run.STAGES if any(name in names for _, names, _ in s.probes)][:1]
    if stage == "restart":
        return (
            {} if name in ("pdpdeact_also_closed", "radio_kept") else {"server": None, "ntp": None}
        )
    if stage in ("connections", "names"):
        return {"restart": False, "ntp": None}
    if stage == "network":
        return {"restart": False, "server": None}
    return {"restart": name in NEEDS, "server": None, "ntp": None, "apn": None}
