# test_status - QSSLSTATE for one and for all, in every form seen; closing with a time-out.
# SPDX-License-Identifier: MIT

from driver_kit import HOST, MODEL, Log, connected, pattern, raised, tls, up, works
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer, StallingPeer

TIMED = MODEL != "bg770a"  # AT+QSSLCLOSE takes a time-out
WORDS = ("initial", "opening", "handshake", "connected", "listening", "closing")


def test_nothing_open():
    rig, modem = up()
    assert modem.state() == []
    for cid in range(12):
        assert modem.state(cid) is None


def test_every_field_has_its_name():
    rig, modem, sock = connected()
    one = modem.state(0)
    assert modem.state() == [one]
    assert one.id == 0 and one.type == rig.model.family.state_word
    assert one.ip == rig.net.address(HOST) and one.port == 8883
    assert one.local_port == (0 if MODEL == "eg800k" else 4100)
    assert one.state == "connected" and one.mode == "buffer"
    assert one.pdp == 1 and one.ctx == 0 and one.at_port == rig.model.sw["at_port"]
    sock.close()
    assert modem.state(0) is None and modem.state() == []


def test_all_and_each():
    rig, modem = up(sockets=12)
    ctxs = [tls(modem, n) for n in range(6)]
    for i in range(12):
        modem.connect("host%d.example" % i, 1000 + i, ctxs[i % 6])
    states = modem.state()
    assert [s.id for s in states] == list(range(12))
    for i in range(12):
        assert states[i].port == 1000 + i and states[i].ctx == i % 6
        assert modem.state(i) == states[i]


def test_both_prefixes_and_styles():
    # reference: firmware of a UG96 was seen to answer AT+QSSLSTATE with +QISTATE:.
    for switches in (
        {"state_prefix": "qi"},
        {"state_server_id": "zero"},
        {"at_port": "aux" if MODEL == "bg770a" else "uart1"},
        {"state_style": "no"},
    ):
        rig, modem, sock = connected(switches=switches)
        assert modem.state(0).state == "connected", switches
        assert len(modem.state()) == 1
        if "at_port" in switches:
            assert modem.state(0).at_port == switches["at_port"]
        works(modem)


def test_firmware_that_wants_another_form_for_one():
    rig, modem, sock = connected(sockets=3)
    modem.connect(HOST, 9999, sock.ctx)
    rig.model.command("fault error cmd=+QSSLSTATE")
    assert modem.state(1).port == 9999
    log = Log(rig)
    rig.model.command("fault error cmd=+QSSLSTATE")
    assert modem.state(0).id == 0
    assert log.at == ["AT+QSSLSTATE=0", "AT+QSSLSTATE"]
    rig.model.command("fault error cmd=+QSSLSTATE n=2")
    assert raised(modem.state, 0).phase == "state"
    rig.model.command("fault error cmd=+QSSLSTATE")
    raised(modem.state)
    works(modem)


def test_the_words_of_states():
    rig, modem, sock = connected()
    for number in range(8):
        rig.model.sockets.slots[0].state = number
        assert modem.state(0).state == (WORDS[number] if number < 6 else str(number))
    rig.model.sockets.slots[0].state = 3
    for number in range(4):
        rig.model.sockets.slots[0].mode = number
        word = ("buffer", "push", "transparent", "3")[number]
        assert modem.state(0).mode == word


def test_opening_handshake_and_closing_as_they_are():
    net = FakeNet()
    net.latency_ms = 500
    net.add("stalls.example", StallingPeer("handshake"))
    rig, modem = up(net, sockets=3)
    ctx = tls(modem)
    ctx.apply()
    modem.open("a.example", 443, ctx)
    modem.open("stalls.example", 443, ctx)
    modem.pump()
    assert modem.state(0).state == "opening"
    rig.sleep(700)
    assert modem.state(1).state == "handshake"
    rig.sleep(2000)
    modem.pump()
    rig.model.command("close 0")
    assert modem.state(0).state == "closing"


def test_a_urc_in_the_answer_is_not_part_of_it():
    rig, modem, sock = connected()
    rig.model.command('fault before before=info what=urc n=0 text=+QSSLURC: "recv",0')
    rig.model.command("say +QIND: PB DONE")
    assert [s.id for s in modem.state()] == [0]
    rig.model.command("clear")
    works(modem)


def test_lines_that_are_no_answer():
    rig, modem, sock = connected()
    slot = rig.model.sockets.slots[0]
    slot.port = -5
    assert raised(modem.state).phase == "state"
    slot.port = 8883
    rig.model.command("fault before before=info what=urc text=+QSSLSTATE: 0")
    raised(modem.state)
    assert modem.state(0).port == 8883
    works(modem)


def test_ids_out_of_range_are_not_sent():
    rig, modem = up()
    log = Log(rig)
    for bad in (-1, 12, 99, "0", 1.5):
        assert raised(modem.state, bad).phase == "state"
    assert log.at == []
    works(modem)


def test_close_sends_its_time_out():
    # Manual 2.2.5: 0 to 65535 s, 10 s when left out.
    for args, text in (((), "10"), ((0,), "0"), ((1,), "1"), ((65535,), "65535")):
        rig, modem, sock = connected()
        log = Log(rig)
        sock.close(*args)
        assert log.at == ["AT+QSSLCLOSE=0" + ("," + text if TIMED else "")]
        assert modem.state() == []


def test_close_refuses_what_the_modem_would():
    rig, modem, sock = connected()
    log = Log(rig)
    for bad in (-1, 65536, 1000000):
        assert raised(sock.close, bad).phase == "close"
    assert log.at == []
    sock.write(b"still open")
    assert sock.read(10) == b"still open"
    sock.close(5)
    sock.close(5)  # twice is no error
    sock.close()
    assert log.count("AT+QSSLCLOSE") == 1
    assert raised(sock.write, b"x").phase == "socket"
    works(modem)


def test_a_close_may_take_its_time_out_and_no_longer():
    for timeout_s in (1, 10, 60, 300):
        rig, modem, sock = connected()
        rig.model.command("fault close_hang")
        start = rig.now
        sock.close(timeout_s)
        spent = rig.now - start
        assert timeout_s * 1000 <= spent <= timeout_s * 1000 + 1000, (timeout_s, spent)
        assert modem.state() == [] and modem.stats.timeouts == 0
        works(modem)


def test_close_at_once_drops_what_was_not_sent():
    net = FakeNet()
    sink = net.add(HOST, SinkPeer())
    rig, modem = up(net)
    sock = modem.connect(HOST, 443, tls(modem))
    sock.write(b"dropped")
    log = Log(rig)
    sock.close(0)
    assert log.at == ["AT+QSSLCLOSE=0" + ",0" * TIMED] and sink.received == b""
    sock = modem.connect(HOST, 443, tls(modem))
    sock.write(b"sent")
    sock.close(1)
    assert bytes(sink.received) == b"sent"
    works(modem)


def test_close_of_a_lost_connection():
    for trouble in ("close 0", "pdp drop 1", "pdp drop 1 quiet", "security 0 2"):
        rig, modem, sock = connected()
        rig.model.command(trouble)
        rig.sleep(10)
        modem.pump()
        try:
            sock.write(b"x")
            sock.flush()
            sock.read(1)
        except OSError:
            pass
        try:
            sock.close(3)
        except OSError:
            pass
        sock.close()
        assert modem.sockets[0] is None, trouble
        modem.start(apn="internet")
        works(modem)


def test_ids_are_free_again_at_once():
    rig, modem = up(FakeNet(EchoPeer()), sockets=1)
    ctx = tls(modem)
    for i in range(50):
        sock = modem.connect(HOST, 443, ctx)
        sock.settimeout(10)
        assert sock.id == 0
        data = pattern(40 + i, i)
        sock.write(data)
        assert sock.read(len(data)) == data
        sock.write(b"unread")  # comes back after the close: nothing of it may show up next time
        sock.flush()
        sock.close()
    assert len(rig.net.conns) == 50 and modem.stats.resyncs == 1  # the one of start()
