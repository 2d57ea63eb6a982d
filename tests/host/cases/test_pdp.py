# test_pdp - several PDP contexts, their addresses, losing one, and the way out (manual 1.2, 3.1).
# SPDX-License-Identifier: MIT

from driver_kit import HOST, Log, arm, bare, pattern, raised, tls, up, works
from qssl.start import pdp as _pdp
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer

INSIDE = (
    "test_activating_again_changes_nothing",
    "test_losing_one_context_leaves_the_other",
    "test_losing_the_first_context_leaves_the_other",
    "test_stop_closes_and_deactivates",
    "test_stop_goes_on_after_an_error",
    "test_a_restart_forgets_all_contexts",
)


def two():
    # (rig, modem, a socket on context 1, one on context 2)
    rig, modem = up(FakeNet(EchoPeer()), sockets=4)
    assert modem.activate(2, "second") == "10.7.157.2"
    ctx = tls(modem)
    a = modem.connect(HOST, 443, ctx)
    b = modem.connect(HOST, 443, ctx, pdp=2)
    for sock in (a, b):
        sock.settimeout(10)
    return rig, modem, a, b


def echo(sock, n=100):
    data = pattern(n, sock.id)
    sock.write(data)
    assert sock.read(n) == data


def test_three_contexts_at_once():
    rig, modem, a, b = two()
    assert modem.activate(20, "third", "user", "secret", 2) == "10.7.157.20"
    c = modem.connect(HOST, 443, a.ctx, pdp=20)
    c.settimeout(10)
    assert [s.pdp for s in modem.state()] == [1, 2, 20]
    for sock in (a, b, c):
        echo(sock)
    assert modem.command("AT+QICSGP=20", b"+QICSGP:") == [b' 1,"third","user","secret",2']
    assert _pdp.active(modem) == {1: "10.7.157.1", 2: "10.7.157.2", 20: "10.7.157.20"}
    # A fourth one the firmware refuses: the others don't notice.
    error = raised(modem.activate, 3, "fourth", timeout_ms=4000)
    assert error.code == 561
    for sock in (a, b, c):
        echo(sock)


def test_activating_again_changes_nothing():
    rig, modem, a, b = two()
    log = Log(rig)
    assert modem.activate(2, "second") == "10.7.157.2"
    assert modem.activate(1, "internet") == "10.7.157.1"
    assert log.count("AT+QIACT=") == log.count("AT+QIDEACT") == 0
    assert modem.pdps == [2]
    echo(a)
    echo(b)


def test_other_settings_restart_a_context_and_its_connections():
    rig, modem, a, b = two()
    assert modem.activate(2, "other") == "10.7.157.2"
    assert raised(b.write, b"x").phase == "network"
    b.close()
    echo(a)
    c = modem.connect(HOST, 443, a.ctx, pdp=2)
    c.settimeout(10)
    echo(c)


def test_losing_one_context_leaves_the_other():
    for also_closed in ("yes", "no"):
        rig, modem = up(FakeNet(EchoPeer()), switches={"pdpdeact_also_closed": also_closed})
        modem.activate(2, "second")
        ctx = tls(modem)
        a = modem.connect(HOST, 443, ctx)
        b = modem.connect(HOST, 443, ctx, pdp=2)
        a.settimeout(10)
        b.settimeout(10)
        rig.model.command("pdp drop 2")
        modem.sleep_ms(50)
        assert modem.up and modem.pdps == []
        error = raised(b.read, 1)
        assert error.phase == "network" and "start()" in error.hint
        raised(b.write, b"x")
        b.close()
        assert raised(modem.connect, HOST, 443, ctx, pdp=2).phase == "open"
        echo(a)
        modem.activate(2, "second")
        b = modem.connect(HOST, 443, ctx, pdp=2)
        b.settimeout(10)
        echo(b)


def test_losing_the_first_context_leaves_the_other():
    rig, modem, a, b = two()
    rig.model.command("pdp drop 1")
    modem.sleep_ms(50)
    assert not modem.up and modem.pdps == [2]
    raised(a.write, b"x")
    a.close()
    echo(b)
    log = Log(rig)
    assert "start()" in raised(modem.connect, HOST, 443, b.ctx).hint
    assert log.at == []
    assert modem.activate(1, "internet") == "10.7.157.1"
    works(modem)
    echo(b)


def test_a_lost_context_without_a_word():
    # No URC at all was seen on real modems: the next send says so.
    rig, modem, a, b = two()
    rig.model.command("pdp drop 2 quiet")
    b.write(b"x")
    raised(b.flush)
    try:
        b.close()
    except OSError:
        pass
    echo(a)
    modem.activate(2, "second")
    works(modem)


def test_a_message_between_the_lines_of_two_contexts():
    # Right behind its text the line of the second one is not seen.
    for n in (1, 2):
        rig, modem, a, b = two()
        arm(rig, "foreign before=info lines=several first=%d n=2" % n)
        modem.link.doubt |= 1
        modem.sleep_ms(500)
        echo(a)
        echo(b)


def test_addresses():
    rig, modem = up()
    assert modem.ip() == "10.7.157.1" == modem.address
    log = Log(rig)
    assert modem.ip() == "10.7.157.1"
    assert log.at == ["AT+QILOCIP"]  # manual 1.2, step 2
    assert modem.ip(1) == "10.7.157.1" and modem.ip(2) is None
    modem.activate(2, "second")
    assert modem.ip() == "10.7.157.1" and modem.ip(2) == "10.7.157.2"


def test_addresses_of_other_firmware():
    # The bare address without OK; or no such command at all.
    rig, modem = up(switches={"qilocip_ok": "no"})
    assert modem.ip() == "10.7.157.1"
    works(modem)
    rig.model.command("fault error cmd=+QILOCIP")
    assert modem.ip() == "10.7.157.1"
    works(modem)


def test_stop_closes_and_deactivates():
    # Steps 6 and 7 of manual 1.2. What was written is sent.
    net = FakeNet()
    sink = net.add(HOST, SinkPeer())
    rig, modem = up(net, sockets=3)
    modem.activate(2, "second")
    ctx = tls(modem)
    a = modem.connect(HOST, 443, ctx)
    b = modem.connect(HOST, 443, ctx, pdp=2)
    a.write(b"first")
    b.write(b"second")
    log = Log(rig)
    modem.stop()
    assert bytes(sink.received) in (b"firstsecond", b"secondfirst")
    assert log.count("AT+QSSLCLOSE") == 2
    assert log.at[-2:] == ["AT+QIDEACT=1", "AT+QIDEACT=2"]
    assert not modem.up and modem.pdps == [] and modem.sockets == [None] * 3
    assert "active" not in rig.model.command("state")
    raised(modem.connect, HOST, 443, ctx)
    modem.stop()  # twice is no error
    modem.start(apn="internet")
    works(modem)


def test_stop_goes_on_after_an_error():
    rig, modem, a, b = two()
    rig.model.command("fault deact_error")
    error = raised(modem.stop)
    assert error.code == 562 and error.phase == "stop"
    assert modem.pdps == [] and modem.up  # context 1 is still active, and it is known
    modem.stop()
    assert not modem.up
    rig.model.command("power off")
    raised(modem.stop)
    rig.model.command("power on")
    rig.sleep(6000)
    modem.start(apn="internet")
    works(modem)


def test_values_out_of_range_are_not_sent():
    rig, modem = up()
    log = Log(rig)
    for bad in (0, -1, 21, "1", None):
        assert raised(modem.activate, bad, "x").phase == "modem"
    for bad in (-1, 21, "1"):
        assert raised(_pdp.deactivate, modem, bad).phase == "modem"
    ctx = tls(modem)
    for bad, phase in ((-1, "modem"), (2, "open"), (21, "modem")):
        assert raised(modem.connect, HOST, 443, ctx, pdp=bad).phase == phase
    raised(modem.activate, 2, 'a"b')
    raised(modem.activate, 2, "x" * 100)
    raised(modem.activate, 2, "apn", "user\r", "p")
    raised(modem.activate, 2, "apn", "user", "p", 4)
    assert log.at == []
    works(modem)


def test_apn_missing_or_refused():
    rig, modem = up()
    error = raised(modem.activate, 2, "", timeout_ms=3000)
    assert error.code == 573 and "apn=" in error.hint
    rig.model.command("fault act_error n=2")  # the third try works
    assert modem.activate(3, "late", timeout_ms=30000) == "10.7.157.3"
    works(modem)


def test_a_restart_forgets_all_contexts():
    rig, modem, a, b = two()
    rig.model.command("restart")
    rig.sleep(6000)
    modem.sleep_ms(200)
    assert not modem.up and modem.pdps == []
    modem.start(apn="internet")
    raised(modem.connect, HOST, 443, a.ctx, pdp=2)
    works(modem)


def test_no_modem_at_all():
    rig, modem = bare(powered=False)
    raised(modem.ip)
    raised(modem.activate, 2, "x", timeout_ms=3000)
    raised(modem.stop)
