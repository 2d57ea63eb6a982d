# driver_kit - what the driver's cases share: a modem that is up, connections, expected errors.
# SPDX-License-Identifier: MIT

import os

import qssl
import rig as _rig  # before the driver's modules: it brings the virtual time
from certificate_kit import certificate, key, modulus
from qssl import Modem
from qssl.errors import Error
from ugsim.fakenet import EchoPeer, FakeNet, Peer
from ugsim.model import family as _family

# Small: what goes over the UART takes time. The key is the certificate's.
_N = modulus(16)
CA = certificate("20200101000000Z", "20491231235959Z", issuer=1, n=_N, ca=True, sign=16)
KEY = key(_N)
HOST = "server.example"
MODEL = getattr(os, "getenv", lambda name: None)("CASE_MODEL")  # tools/test.py --family
LTE = bool(MODEL) and not MODEL.startswith("ug")
SUITE = 0xC02F if LTE else 0x3D  # of a context that names none
RAM = "RAM" in _family.load(MODEL or _family.DEFAULT).stores  # it has such a storage
STORE = "RAM:" if RAM else "UFS:"  # where files go that name none

# What may stand in a payload and looks like the protocol.
LOOKALIKES = (
    b"\r\nOK\r\n",
    b"\r\n\r\nOK\r\n",
    b"\r\nERROR\r\n",
    b"\r\n+CME ERROR: 100\r\n",
    b"\r\nSEND OK\r\n",
    b"\r\nSEND FAIL\r\n",
    b'\r\n+QSSLURC: "closed",0\r\n',
    b'\r\n+QSSLURC: "recv",0\r\n',
    b"\r\n+QSSLRECV: 5\r\n",
    b"\r\n+QSSLOPEN: 0,566\r\n",
    b'\r\n+QIURC: "pdpdeact",1\r\n',
    b"\r\nRDY\r\n",
    b"\r\nPOWERED DOWN\r\n",
    b"\r\nNO CARRIER\r\n",
    b"\r\nCONNECT\r\n",
    b"\r\n> ",
    b">",
    b"+++",
    b"AT\r",
    b"\x1a",
    b"\x1b",
    b"\0",
    b"\r",
    b"\n",
)

# Compiling a module anew for each start() costs more than most cases. `unload` is the real one.
unload = qssl.unload
qssl.unload = lambda names, often=False: None

POLL_RD, POLL_WR, POLL_ERR, POLL_HUP = 1, 4, 8, 16  # MicroPython's py/stream.h


class Watch:
    # An idle hook that notes the longest time between two calls of it (virtual ms). nap_ms: it
    # takes so long each time, which makes long waits cheap to test.
    def __init__(self, nap_ms=0):
        self.rig = None
        self.nap_ms = nap_ms
        self.calls = 0
        self.worst = 0
        self._last = 0

    def start(self):
        # A call that may wait begins.
        self.calls = 0
        self.worst = 0
        self._last = self.rig.now

    def __call__(self):
        self.calls += 1
        rig = self.rig
        now = rig.now
        self.worst = max(self.worst, now - self._last)
        self._last = now
        if self.nap_ms:
            rig.sleep(self.nap_ms)

    def _look(self):
        now = self.rig.now
        self.worst = max(self.worst, now - self._last)
        self._last = now

    def stop(self):
        # The call has ended: the longest pause in it.
        self._look()
        return self.worst


class Log:
    # What the model sees and does: log.at are the command lines that reached it.
    def __init__(self, rig):
        self.at = []
        self.events = []
        rig.model.on_event = self

    def __call__(self, kind, text):
        if kind == "at":
            self.at.append(text)
        else:
            self.events.append((kind, text))

    def count(self, start):
        # How many command lines began so.
        return len([text for text in self.at if text.startswith(start)])


_SEVENS = bytes([i * 7 & 255 for i in range(512)])


def pattern(n, seed=0):
    # n bytes in which every 256 bytes hold every value and no two blocks are alike:
    # (i * 7 + (i >> 8) * 13 + seed) & 255. A block is the sevens from somewhere on: 7 * 183 is 1.
    starts = [(block * 13 + seed) * 183 & 255 for block in range((n + 255) // 256)]
    return b"".join([_SEVENS[at : at + 256] for at in starts])[:n]


def bare(net=None, sockets=2, idle=None, flow=False, dialect=None, **keywords):
    # (rig, modem); nothing was sent yet.
    if MODEL and "model" not in keywords:
        keywords["model"] = MODEL
    rig = _rig.Rig(net, flow=flow, **keywords)
    if idle is not None:
        idle.rig = rig
    modem = Modem(rig.uart, sockets=sockets, idle=idle, flow=flow, dialect=dialect)
    modem.link._poll = _rig.RigPoll(rig)
    if rig.chunk is None:  # as start() finds it in str(uart)
        modem.link.rate = rig.baud // 10000 + 1 if rig.baud else 1000
    return rig, modem


def up(net=None, **keywords):
    # (rig, modem), started.
    rig, modem = bare(net, **keywords)
    modem.start(apn="internet")
    return rig, modem


def tls(modem, ctx=0, **settings):
    if not settings:
        settings = {"ca": CA, "check_time": False}
    return modem.tls(ctx, **settings)


def connected(peer=None, timeout_s=30, **keywords):
    # (rig, modem, sock): connected to `peer`, an echo if None.
    net = FakeNet(peer or EchoPeer())
    rig, modem = up(net, **keywords)
    sock = modem.connect(HOST, 8883, tls(modem))
    sock.settimeout(timeout_s)
    return rig, modem, sock


def raised(function, *args, **keywords):
    # The error of the family that the call raises; anything else is a failure of the test.
    try:
        value = function(*args, **keywords)
    except Error as e:
        assert isinstance(e, OSError)
        assert isinstance(e.errno, int) and e.errno > 0, e
        assert e.phase and e.hint and e.hint in str(e) and e.phase in str(e), e
        assert isinstance(e.code, int), e
        return e
    raise AssertionError("no error, but %r" % (value,))


def arm(rig, fault):
    answer = rig.model.command("fault " + fault)
    assert answer == "ok", answer


def bits(sock, mask=POLL_RD | POLL_WR):
    # The socket's answer to a poller.
    return sock.ioctl(3, mask)


def reads(sock, n):
    # n bytes in pieces as they come; fewer at EOF.
    parts = []
    while n:
        part = sock.recv(min(n, 1500))
        if not part:
            break
        n -= len(part)
        parts.append(part)
    return b"".join(parts)


def works(modem, count=300, cid=None):
    # The next connection works: an echo of `count` bytes.
    net = modem.link.uart._rig.net
    net.add("after.example", EchoPeer())
    sock = modem.connect("after.example", 443, tls(modem))
    sock.settimeout(30)
    data = pattern(count, 3)
    sock.write(data)
    sock.flush()
    got = reads(sock, count)
    assert got == data, (len(got), got[:40])
    sock.close()


class Recorder(Peer):
    # Keeps what arrives and sends `say` once the connection is open.
    def __init__(self, say=b"", close=False):
        self.received = bytearray()
        self.conn = None
        self._say = say
        self._close = close

    def on_open(self, conn):
        self.conn = conn
        if self._say:
            conn.push(self._say)
        if self._close:
            conn.peer_close()

    def on_data(self, conn, data):
        self.received.extend(data)
