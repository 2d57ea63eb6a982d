# mode_kit - what the cases of the access modes share.
# SPDX-License-Identifier: MIT

import rig as _rig
from driver_kit import HOST, tls, up
from qssl import Modem
from ugsim.fakenet import FakeNet, Peer


class TellingUart(_rig.RigUart):
    # Tells its ring's size as the UARTs of the ports do.
    def __str__(self):
        return "UART(0, baudrate=115200, rxbuf=%d, timeout=0)" % self._rig.rxbuf


class Talker(Peer):
    # Keeps what arrives; conn is the last connection, for conn.push(...).
    def __init__(self, echo=False):
        self.conn = None
        self.got = bytearray()
        self.closed = 0
        self._echo = echo

    def on_open(self, conn):
        self.conn = conn

    def on_data(self, conn, data):
        self.got.extend(data)
        if self._echo:
            conn.push(data)

    def on_close(self, conn):
        self.closed += 1

    def has(self, data):
        # A function that tells whether just this has arrived.
        return lambda: self.got == data

    def say(self, data):
        self.conn.push(data)


def pushing(peer=None, timeout_s=30, **keywords):
    # (rig, modem, sock, peer): connected in direct push mode.
    peer = peer or Talker()
    rig, modem = up(FakeNet(peer), **keywords)
    sock = modem.connect(HOST, 8883, tls(modem), push=True)
    sock.settimeout(timeout_s)
    return rig, modem, sock, peer


def piped(peer=None, timeout_s=30, **keywords):
    # (rig, modem, pipe, peer): connected in transparent mode.
    peer = peer or Talker()
    rig, modem = up(FakeNet(peer), **keywords)
    pipe = modem.transparent(HOST, 8883, tls(modem))
    pipe.settimeout(timeout_s)
    return rig, modem, pipe, peer


class Pin:
    # A pin of the modem: asserted at 1.
    def __init__(self, rig, name):
        self._rig = rig
        self._name = name

    def value(self, on=None):
        model = self._rig.model
        if on is None:
            return int(model.line(self._name))
        model.set_line(self._name, bool(on))


def with_pins(names, **keywords):
    # The same, with these pins of the modem wired: (rig, modem, pipe, peer, pins by name).
    peer = Talker()
    rig = _rig.Rig(FakeNet(peer), **keywords)
    pins = {}
    for name in names:
        pins[name] = Pin(rig, name)
    modem = Modem(rig.uart, **pins)
    modem.start(apn="internet")
    pipe = modem.transparent(HOST, 8883, tls(modem))
    pipe.settimeout(20)
    return rig, modem, pipe, peer, pins


def until(modem, done, limit_ms=5000):
    # Lets the driver work until done() is true.
    rig = modem.link.uart._rig
    end = rig.now + limit_ms
    while not done():
        assert rig.now < end, "it did not happen in time"
        modem.sleep_ms(1)


def takes(sock, want, slow=None):
    # Reads exactly `want`; slow: (rig, ms) sleeps between the reads.
    got = bytearray()
    while len(got) < len(want):
        part = sock.recv(min(700, len(want) - len(got)))
        assert part, "EOF after %d bytes" % len(got)
        got.extend(part)
        if slow is not None:
            slow[0].sleep(slow[1])
    if got != want:
        i = 0
        while got[i] == want[i]:
            i += 1
        raise AssertionError(
            "wrong from byte %d: %r, not %r" % (i, got[i : i + 40], want[i : i + 40])
        )
