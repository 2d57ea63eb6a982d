# test_power - the modem off, asleep and awake again.
# SPDX-License-Identifier: MIT

import errno

import rig as rig_module
from driver_kit import HOST, Log, Recorder, Watch, arm, raised, reads, tls, works
from qssl import Modem
from qssl.errors import Refused
from ugsim.fakenet import EchoPeer, FakeNet

INSIDE = (
    "test_off_by_itself_is_seen",
    "test_it_sleeps_only_when_all_has_gone",
)


class Pin:
    def __init__(self, rig, name, wired=True):
        self._rig = rig
        self._name = name
        self.wired = wired
        self.pulses = 0

    def value(self, on=None):
        if on is None:
            return self._rig.model.line(self._name)
        self.pulses += bool(on)
        if self.wired:
            self._rig.model.set_line(self._name, bool(on))


def up(pins="dtr pwrkey", wired=True, peer=None, **keywords):
    rig = rig_module.Rig(FakeNet(peer or EchoPeer()), **keywords)
    watch = Watch(20)
    watch.rig = rig
    lines = {name: Pin(rig, name, wired) for name in pins.split()}
    modem = Modem(rig.uart, idle=watch, **lines)
    modem.link._poll = rig_module.RigPoll(rig)
    modem.start(apn="internet")
    return rig, modem


def asleep(rig):
    return rig.model.port.asleep()


# --- off ---


def test_off_and_on_again():
    for pins in ("pwrkey status", "pwrkey"):
        for ms in (500, 39000):
            rig, modem = up(pins, switches={"down_ms": ms})
            before = (modem.stats.restarts, modem.stats.timeouts)
            log = Log(rig)
            modem.off()
            assert rig.model.power.state == "off" and not modem.up and modem.address is None
            assert log.count("AT+QPOWD") == 1
            assert (modem.stats.restarts, modem.stats.timeouts) == before
            modem.off()
            assert log.count("AT+QPOWD") == 1
            e = raised(modem.connect, HOST, 443, tls(modem))
            assert "modem.start()" in e.hint
            rig.sleep(3600000)
            at = rig.now
            modem.start(apn="internet")
            assert rig.now - at < 9000, (pins, rig.now - at)
            works(modem)


def test_off_closes_what_is_open_and_tells():
    peer = Recorder()
    rig, modem = up("pwrkey", peer=peer)
    told = []
    modem.on_event = lambda kind, id, value: told.append((kind, id))
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(0)
    sock.write(b"the last words")
    modem.off()
    assert peer.received == b"the last words" and rig.net.conns[-1].state == "closed"
    assert ("closed", sock.id) in told and ("restart", -1) not in told
    e = raised(sock.write, b"more")
    assert e.errno == errno.ENOTCONN and "switched off" in e.hint
    assert not any(modem.sockets)
    sock.close()
    modem.start(apn="internet")
    works(modem)


def test_power_down_that_is_not_confirmed():
    # The words get lost; STATUS tells, else PWRDWN_N makes sure, else it is said.
    for pins in ("pwrkey status", "pwrkey off", "pwrkey"):
        rig, modem = up(pins)
        arm(rig, "lose_urc what=down")
        if pins == "pwrkey":
            e = raised(modem.off)
            assert "POWERED DOWN" in e.hint and e.phase == "off"
        else:
            modem.off()
        assert rig.model.power.state == "off"
        modem.start(apn="internet")
        works(modem)


def test_a_modem_that_does_not_go():
    for pins in ("pwrkey status off", "pwrkey off", "pwrkey status", "pwrkey"):
        for fault in ("down_never", "cme cmd=+QPOWD code=3"):
            rig, modem = up(pins)
            arm(rig, fault)
            if "off" in pins:
                modem.off()
                assert rig.model.power.state == "off"
            else:
                e = raised(modem.off)
                assert e.phase == "off" and rig.model.power.state == "on"
                assert ("refused" in e.hint) == ("cme" in fault)
            modem.start(apn="internet")
            works(modem)


def test_off_when_the_answer_is_lost():
    for fault in ("lose in=final", "lose_answer cmd=+QPOWD", "corrupt in=urc", "mute"):
        for pins in ("pwrkey status off", "pwrkey off"):
            rig, modem = up(pins)
            arm(rig, fault)
            at = rig.now
            modem.off()
            assert rig.model.power.state == "off", (fault, pins)
            assert rig.now - at <= 175000
            tx = modem.stats.tx
            for _ in range(60):
                modem.pump()
                rig.sleep(1000)
            assert modem.stats.tx == tx  # nobody looks for it
            modem.start(apn="internet")
            works(modem)


def test_off_by_itself_is_seen():
    rig, modem = up("pwrkey status")
    rig.model.command("power off")
    modem.off()
    assert modem.gone == "off"
    modem.start(apn="internet")
    works(modem)


# --- asleep ---


def test_sleep_and_wake():
    for sleep_wake_ms in (0, 100, 900, 4000):
        rig, modem = up(switches={"sleep_wake_ms": sleep_wake_ms})
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(20)
        before = (modem.stats.timeouts, modem.stats.resyncs)
        modem.sleep()
        modem.sleep()
        tx = modem.stats.tx
        for _ in range(600):
            modem.pump()
            rig.sleep(1000)
        assert asleep(rig) and modem.stats.tx == tx
        for call in ((modem.command, "AT"), (sock.write, b"x" * 2000), (modem.signal,)):
            e = raised(*call)
            assert e.errno == errno.EALREADY and "wake()" in e.hint, e
        assert asleep(rig)
        at = rig.now
        modem.wake()
        modem.wake()
        assert rig.now - at < sleep_wake_ms + 2500, (sleep_wake_ms, rig.now - at)
        sock.write(b"hello")
        sock.flush()
        assert reads(sock, 5) == b"hello"
        assert modem.up and modem.signal() is not None
        rig.sleep(60000)
        assert not asleep(rig)
        if sleep_wake_ms <= 100:
            assert (modem.stats.timeouts, modem.stats.resyncs) == before


def test_a_byte_lost_or_added_does_not_keep_it_awake_or_on():
    for call, cmd in (("sleep", "AT+QSCLK"), ("off", "AT+QPOWD")):
        for fault in (
            "lose at=%d",
            "insert at=%d",
            "lose_in line=CMD at=%d",
            "dup_in line=CMD at=%d",
        ):
            for at in (2, 8, 11):
                rig, modem = up("dtr pwrkey off")
                arm(rig, fault.replace("CMD", cmd) % at)
                getattr(modem, call)()
                rig.sleep(10000)
                if call == "sleep":
                    assert asleep(rig), (fault, at)
                    modem.wake()
                else:
                    assert rig.model.power.state == "off", (fault, at)
                    modem.start(apn="internet")
                works(modem)


def test_a_connection_that_has_failed_does_not_keep_it_awake():
    rig, modem = up()
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(5)
    arm(rig, "recv_error n=0")
    rig.net.conns[-1].push(b"x")
    raised(sock.recv, 1)
    modem.sleep()
    rig.sleep(10000)
    assert asleep(rig)


def test_push_and_transparent_mode():
    rig, modem = up()
    sock = modem.connect(HOST, 443, tls(modem), push=True)
    sock.settimeout(5)
    modem.sleep()
    rig.sleep(20000)
    assert asleep(rig)
    modem.wake()
    assert "pushed" in raised(sock.recv, 1).hint  # some may have been lost
    sock.close()
    pipe = modem.transparent(HOST, 443, tls(modem))
    for call in (modem.sleep, modem.off):
        assert "transparent mode" in raised(call).hint
    pipe.write(b"hello")
    assert reads(pipe, 5) == b"hello"
    pipe.close()
    modem.off()
    assert rig.model.power.state == "off"


def test_what_comes_while_it_sleeps():
    for way in ("now", "held", "lost"):
        rig, modem = up(switches={"sleep_urc": way})
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(20)
        told = []
        modem.on_event = lambda kind, id, value, told=told: told.append(kind)
        modem.pump()
        del told[:]
        modem.sleep()
        rig.sleep(20000)
        conn = rig.net.conns[-1]
        conn.push(b"news")
        rig.sleep(100)
        assert rig.model.line("ri"), way
        for _ in range(20):
            modem.pump()
            rig.sleep(100)
        assert told == (["recv"] if way == "now" else []), way
        assert raised(sock.recv, 4).errno == errno.EALREADY
        modem.wake()
        assert reads(sock, 4) == b"news"
        conn.peer_close()
        assert sock.recv(1) == b""


def test_it_sleeps_only_when_all_has_gone():
    peer = Recorder()
    rig, modem = up(baud=9600, peer=peer)
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(0)
    sock.write(b"x" * 1400)
    modem.sleep()
    rig.sleep(10000)
    assert len(peer.received) == 1400 and asleep(rig)
    modem.wake()
    arm(rig, "send_fail n=0")
    sock.write(b"y" * 1400)
    e = raised(modem.sleep)
    assert "busy" in e.hint
    assert modem.link.pipe is None


def test_sleep_that_is_refused():
    rig, modem = up()
    arm(rig, "cme cmd=+QSCLK= code=3 n=3")
    e = raised(modem.sleep)
    assert "AT+QSCLK=1" in e.hint and e.code == 3
    works(modem)
    modem.sleep()
    modem.wake()
    works(modem)
    rig, modem = up("pwrkey")
    e = raised(modem.sleep)
    assert isinstance(e, Refused) and "DTR" in e.hint
    works(modem)


def test_a_modem_that_never_wakes():
    # The fault of the modem, or a DTR that ends nowhere; start() gets it back where it can.
    for pins, wired in (("dtr reset", True), ("dtr off pwrkey", True), ("dtr", False)):
        rig, modem = up(pins, wired=wired)
        if not wired:
            rig.model.set_line("dtr", False)
        modem.sleep()
        rig.sleep(60000)
        arm(rig, "wake_never")
        at = rig.now
        e = raised(modem.wake)
        assert e.phase == "wake" and "DTR" in e.hint and rig.now - at <= 21000
        assert e.errno == errno.ETIMEDOUT
        raised(modem.signal)
        if wired:
            modem.start(apn="internet")
            works(modem)
        else:
            raised(modem.start, "internet", timeout_ms=20000)


def test_start_and_off_of_a_modem_that_sleeps():
    rig, modem = up("dtr pwrkey")
    modem.sleep()
    rig.sleep(60000)
    modem.start(apn="internet")
    works(modem)
    modem.sleep()
    rig.sleep(60000)
    modem.off()
    assert rig.model.power.state == "off"
    modem.start(apn="internet")
    works(modem)


def test_a_restart_in_its_sleep():
    for quiet in ("restart", "restart quiet"):
        rig, modem = up("dtr pwrkey")
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(20)
        modem.sleep()
        rig.sleep(60000)
        rig.model.command(quiet)
        rig.sleep(60000)
        modem.wake()
        e = raised(sock.recv, 1)
        assert e.errno == errno.ECONNRESET or e.errno == errno.ENOTCONN, e
        modem.start(apn="internet")
        works(modem)


def test_sleep_of_all_families():
    for model in ("bg96", "bg95", "bg770a", "ec25", "ec200u", "eg800k"):
        rig, modem = up("dtr pwrkey", model=model)
        modem.sleep()
        rig.sleep(60000)
        assert asleep(rig), model
        modem.wake()
        works(modem)
        modem.off()
        assert rig.model.power.state == "off", model
        modem.start(apn="internet")
        works(modem)
