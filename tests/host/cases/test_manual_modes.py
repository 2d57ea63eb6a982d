# test_manual_modes - the access modes along manual 1.3 and 3.5, with the driver: into each,
# between each two, out of each.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import CA, HOST, Log, bare, connected, raised, tls, up, works
from mode_kit import Talker, takes, until
from ugsim.fakenet import FakeNet, RefusingPeer, ScriptPeer

SERVER = "220.180.239.201"  # of chapter 3
REQUEST = b"GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 4220216\r\nContent-Type: text/plain\r\n\r\n"
MODES = ("buffer", "push", "transparent")


def into(modem, sock, mode):
    # The connection in this mode: the object that goes on with it.
    if mode == "transparent":
        if hasattr(sock, "resume"):
            sock.resume()
            return sock
        return sock.transparent()
    if hasattr(sock, "escape"):
        sock.escape()
    sock.switch(mode == "push")
    return sock


def talks(rig, modem, sock, peer, number):
    # Both ways, bytes that look like anything.
    there = b"to %d \r\nOK\r\n+++" % number
    back = b"back %d \r\nNO CARRIER" % number
    peer.got = bytearray()
    sock.write(there)
    sock.flush()
    until(modem, lambda: peer.got == there)
    peer.say(back)
    takes(sock, back)


def test_3_5_transparent_access_mode():
    net = FakeNet(ScriptPeer([("expect", REQUEST), ("send", REPLY)]))
    rig, modem = bare(net, sockets=12)
    log = Log(rig)
    modem.start("UNINET", auth=1)
    context = modem.tls(
        1, ca=CA, version="TLS1.0", suite="AES256-SHA", check_time=False, allow_weak=True
    )
    pipe = modem.transparent(SERVER, 8712, context)
    assert log.at[-1] == 'AT+QSSLOPEN=1,1,0,"220.180.239.201",8712,2'
    pipe.write(REQUEST)
    takes(pipe, REPLY)
    assert log.at[-1].startswith("AT+QSSLOPEN")  # no command was needed
    pipe.close()  # after +++
    assert log.at[-1].startswith("AT+QSSLCLOSE=0") and modem.state() == []
    works(modem)


def test_from_each_mode_to_each():
    peer = Talker()
    net = FakeNet()
    net.add(HOST, peer)
    rig, modem = up(net, sockets=3)
    sock = modem.connect(HOST, 443, tls(modem))
    log = Log(rig)
    steps = [a for pair in [(a, b) for a in MODES for b in MODES] for a in pair]
    for number, mode in enumerate(steps):
        sock = into(modem, sock, mode)
        talks(rig, modem, sock, peer, number)
        assert rig.model.sockets.slots[0].mode == MODES.index(mode)
    assert log.count("AT+QISWTMD=0,0") and log.count("AT+QISWTMD=0,1")
    assert log.count("AT+QISWTMD=0,2") and log.count("ATO")
    assert len(net.conns) == 1 and not modem.stats.garbled and not modem.stats.timeouts
    sock.close()
    assert modem.state() == []
    works(modem)


def test_mode_2_that_can_not_be_opened():
    # ERROR alone; AT+QIGETERROR says why (manual 2.2.2).
    net = FakeNet()
    net.add("refuses.example", RefusingPeer(566))
    net.names["none.example"] = []
    rig, modem = up(net)
    for host, code in (("refuses.example", 566), ("none.example", 565)):
        e = raised(modem.transparent, host, 443, tls(modem))
        assert e.code == code and e.errno == errno.ECONNREFUSED, e
    works(modem)


def test_a_dead_connection_can_not_be_switched():
    for mode in MODES:
        rig, modem, sock = connected(Talker())
        rig.model.command("close 0")
        raised(into, modem, sock, mode)
        works(modem)
        sock.close()
        raised(into, modem, sock, mode)
        works(modem)


def test_no_carrier_and_its_likeness():
    # NO CARRIER at an abnormal end; the same bytes as payload are payload.
    peer = Talker()
    rig, modem = up(FakeNet(peer))
    pipe = modem.transparent(HOST, 443, tls(modem))
    pipe.settimeout(10)
    for _ in range(2):
        peer.say(b"\r\nNO CARRIER\r\n")
        takes(pipe, b"\r\nNO CARRIER\r\n")
        pipe.write(b"alive")
        until(modem, lambda: bytes(peer.got).endswith(b"alive"))
    peer.say(b"last\r\nNO CARRIER\r\n")
    peer.conn.peer_close()
    assert pipe.read() == b"last\r\nNO CARRIER\r\n"
    pipe.close()
    works(modem)


def test_a_second_stream():
    rig, modem = up(FakeNet(Talker()), sockets=3)
    pipe = modem.transparent(HOST, 443, tls(modem))
    assert "pipe.escape()" in str(raised(modem.transparent, HOST, 443, pipe.ctx))
    assert "pipe.escape()" in str(raised(modem.signal))
    pipe.escape()
    assert modem.signal() == -71
    other = modem.transparent(HOST, 443, pipe.ctx)
    raised(pipe.resume)
    other.escape()
    pipe.resume()
    pipe.close()
    other.close()
    works(modem)
