# test_field_reports - what others have met with cellular modems and have written down in public.
# SPDX-License-Identifier: MIT
#
# Each case names where. Most reports are about other makers' modems, or other drivers: what they
# met can be met here, too.

import errno

from driver_kit import HOST, Recorder, arm, connected, pattern, raised, reads, tls, up, works
from mode_kit import pushing
from ugsim.fakenet import EchoPeer, FakeNet

TIMEOUT_S = 300


def exchanged(rig, modem, count=3):
    # Some data each way on a connection that the server ends; the driver has noticed nothing odd.
    for i in range(count):
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(15)
        for n in (1, 80, 1460, 3000):
            data = pattern(n, i)
            sock.write(data)
            sock.flush()
            assert reads(sock, n) == data, n
        rig.net.conns[-1].peer_close()
        assert sock.read(1) == b""
        sock.close()
    assert not modem.stats.garbled and not modem.stats.timeouts and not modem.stats.misheard


def test_a_urc_glued_to_what_is_before_it():
    # "SEND OK" and "closed" with one line end between them were taken for one line, or the second
    # for white space: FactbirdHQ/atat issue 184, atlas-aero/rt-esp-at-nal issue 15, u-blox/ubxlib
    # issue 172.
    rig, modem = up(FakeNet(EchoPeer(), 20))
    rig.model.out.filter = lambda data, kind: data[2:] if kind == "urc" else data
    exchanged(rig, modem)


def test_several_urcs_with_empty_lines_between():
    # Only the first of them was seen: ARMmbed/mbed-os issue 10658.
    rig, modem = up(FakeNet(EchoPeer(), 20))

    def more(data, kind):
        if kind == "urc":
            data = b"\r\n+CREG: 0\r\n\r\n\r\n+CGREG: 0\r\n\r\n" + data
        return data

    rig.model.out.filter = more
    exchanged(rig, modem)


def test_urcs_that_begin_with_no_plus():
    # The time from the network came as "DST: 0" and "*PSUTTZ: ...", within answers to commands:
    # vshymanskyy/TinyGSM issue 717.
    for before in ("info", "final", "prompt", "echo"):
        for text in ("DST: 0", '*PSUTTZ: 23/03/12,22:09:23","+04",0', "SMS Ready", "Call Ready"):
            rig, modem = up(FakeNet(EchoPeer(), 20))
            arm(rig, "before before=%s what=urc n=9 text=%s" % (before, text))
            exchanged(rig, modem, 1)


def test_a_break_on_the_line_where_it_restarts():
    # Two NULs came with each brown-out, in front of the first line or in the place of its line
    # end: u-blox/ubxlib issue 200, FreeRTOS-Cellular-Interface pull request 75.
    for noise in (b"\0\0", b"\0\0RDY\r\n", b"\r\n\0\0\r\nRDY\r\n", b"\0RDY\r\n\0", b"\xff\0\xfe"):
        rig, modem, sock = connected(EchoPeer())
        sock.settimeout(30)
        sock.write(b"before")
        assert reads(sock, 6) == b"before"
        rig.model.out.emit(noise, "urc")
        rig.model.command("restart quiet")
        e = raised(sock.recv, 1)
        assert "restarted" in str(e), (noise, e)
        assert not modem.up
        modem.start("internet")
        works(modem, 50)


def test_a_restart_that_says_it_in_pieces():
    # After AT+CFUN=1,1 came POWERED DOWN, seconds later "pdpdeact", and after some more RDY:
    # vshymanskyy/TinyGSM issue 157.
    rig, modem, sock = connected(EchoPeer())
    sock.settimeout(30)
    rig.model.out.urc("POWERED DOWN")
    rig.sleep(3000)
    rig.model.out.urc('+QIURC: "pdpdeact",1')
    rig.model.command("restart")
    e = raised(sock.recv, 1)
    assert e.errno == errno.ECONNRESET, e
    modem.start("internet")
    works(modem, 50)


def test_commands_are_dead_while_data_go_on():
    # The firmware no longer served the AT channel, but moved data, so nothing noticed:
    # particle-iot/device-os pull request 2940.
    rig, modem, sock, peer = pushing(timeout_s=5)
    arm(rig, "lose_in rate=1 n=0")
    peer.conn.push(b"tick")
    assert reads(sock, 4) == b"tick"
    start = rig.now
    sock.write(b"anybody there?")
    e = raised(sock.flush)
    assert e.errno == errno.ETIMEDOUT and rig.now - start < 5500, e
    start = rig.now
    e = raised(modem.connect, HOST, 443, tls(modem), 20000)
    assert e.errno == errno.ETIMEDOUT and rig.now - start < 20500, e
    start = rig.now
    raised(modem.start, "internet", timeout_ms=60000)
    assert rig.now - start < 60500 and not modem.up
    rig.model.command("clear")
    modem.start("internet")
    works(modem, 50)


def test_data_that_arrive_just_as_others_are_read():
    # No URC tells of them, and drivers that waited for one stood still for 78 s:
    # particle-iot/device-os pull request 1530.
    for by in (20, 60, 300):
        peer = Recorder()
        rig, modem, sock = connected(peer)
        sock.settimeout(30)
        arm(rig, "gap cmd=+QSSLRECV by=%d" % by)
        arm(rig, "lose_urc what=recv n=1")
        conn = rig.net.conns[-1]
        conn.push(b"first")
        rig.model.timers.at(rig.now + by // 2, lambda c=conn: c.push(b"second"))
        start = rig.now
        assert reads(sock, 11) == b"firstsecond"
        assert rig.now - start < 12000, rig.now - start
