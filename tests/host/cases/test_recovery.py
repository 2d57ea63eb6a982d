# test_recovery - the ladder back to a working modem, and what is noticed without any URC.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, RAM, Log, Watch, arm, bare, raised, tls
from qssl import uplink
from qssl.errors import Error
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer

INSIDE = (
    "test_the_order_of_the_rungs",
    "test_restart_with_what_is_wired",
    "test_a_modem_that_hangs_is_restarted_by_its_lines",
    "test_three_strikes_while_idle",
    "test_a_context_that_needs_the_clock_works_after_a_power_cut_of_the_modem",
    "test_a_modem_that_hangs_and_its_lines",
    "test_start_uses_the_line_for_emergencies_by_itself",
)

uplink.urandom = lambda n: b"\x80" * n


class Line:
    # A pin that drives a line of the modem, or reads one.
    def __init__(self, rig, name):
        self._model = rig.model
        self._name = name

    def value(self, on=None):
        if on is None:
            return self._model.line(self._name)
        self._model.set_line(self._name, bool(on))
        return None


def made(peer=None, lines=("pwrkey", "status"), **keywords):
    # (rig, modem, log, words): not started. words: what the recovery tells.
    rig, modem = bare(FakeNet(peer or HttpServer()), idle=Watch(20), **keywords)
    log = Log(rig)
    names = ("pwrkey", "status", "dtr", "dcd", "reset", "off")
    modem.pins = tuple([Line(rig, name) if name in lines else None for name in names])
    return rig, modem, log


def recovery(modem, words=None, **keywords):
    keywords.setdefault("start_s", 60)
    tell = None if words is None else lambda word, value: words.append((word, value))
    return Recovery(modem, apn="internet", tell=tell, **keywords)


def climb(modem, ladder, failures):
    # Blocking, as a program of its own would.
    modem.link.drive(ladder.steps(failures))


def test_it_starts_the_modem_and_then_leaves_it_alone():
    rig, modem, log = made()
    words = []
    ladder = recovery(modem, words)
    climb(modem, ladder, 0)
    assert modem.up and words == [("start", 0)]
    count = len(log.at)
    for _ in range(5):
        climb(modem, ladder, 0)
    assert len(log.at) == count


def test_the_order_of_the_rungs():
    rig, modem, log = made()
    words = []
    ladder = recovery(modem, words)
    climb(modem, ladder, 0)
    del words[:]
    done = {}
    for failures in range(1, 40):
        start = len(words)
        at = len(log.at)
        climb(modem, ladder, failures)
        assert modem.up
        if len(words) > start:
            done[failures] = [w for w, _ in words[start:]]
        if failures == 3:
            assert log.at[at] == "AT+QIDEACT=1", log.at[at:]
        if failures == 6:
            assert log.at[at : at + 2] == ["AT+CFUN=0", "AT+CFUN=1"]
        if failures == 8:
            assert log.at[at] == "AT+QPOWD=1"
    assert done == {
        3: ["pdp", "start"],
        6: ["radio", "start"],
        8: ["restart", "start"],
        12: ["restart", "start"],
        20: ["restart", "start"],
        36: ["restart", "start"],
    }, done
    # A success ends it; the next failures begin below.
    climb(modem, ladder, 0)
    del words[:]
    for failures in range(1, 9):
        climb(modem, ladder, failures)
    assert [w for w, _ in words if w != "start"] == ["pdp", "radio", "restart"]
    assert modem.stats.restarts == 5 * 2  # POWERED DOWN and RDY


def test_restart_with_what_is_wired():
    for lines, mark in (
        (("pwrkey", "status"), "AT+QPOWD=1"),
        (("pwrkey",), "AT+QPOWD=1"),
        (("reset",), None),
        ((), "AT+CFUN=1,1"),
    ):
        rig, modem, log = made(lines=lines)
        ladder = recovery(modem)
        climb(modem, ladder, 0)
        starts = rig.model.power.starts
        count = len(log.at)
        climb(modem, ladder, 8)
        assert modem.up and rig.model.power.starts == starts + 1, lines
        if mark:
            assert log.at[count] == mark
        else:
            assert not [t for t in log.at[count:] if "QPOWD" in t or "CFUN=" in t]


def test_a_modem_that_hangs_is_restarted_by_its_lines():
    for lines in (("reset",), ("pwrkey", "status", "reset")):
        rig, modem, log = made(lines=lines)
        words = []
        link = Uplink(
            modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words)
        )
        link.put(b"1")
        assert link.run(60) == 0
        arm(rig, "mute")
        link.put(b"2")
        start = rig.now
        assert link.run(600) == 0, (lines, str(link.error), words)
        assert "restart" in [w for w, _ in words]
        assert rig.now - start < 300000, rig.now - start
        assert modem.stats.silent == 0 and modem.stats.timeouts > 0


def test_three_strikes_while_idle():
    # Nothing is sent; the AT port dies. It is noticed within minutes, not at the next record.
    rig, modem, log = made(lines=("reset",))
    words = []
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words))
    link.put(b"1")
    assert link.run(60) == 0
    del words[:]
    arm(rig, "mute")
    start = rig.now
    while ("restart", 0) not in words:
        link.run(10, 5)
        assert rig.now - start < 600000, words
    assert words[0] == ("lost", 0) and rig.now - start < 240000, (words, rig.now - start)
    link.put(b"2")
    assert link.run(300) == 0


def test_one_time_out_is_no_death():
    rig, modem, log = made()
    words = []
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words))
    link.put(b"1")
    assert link.run(60) == 0
    for _ in range(6):
        link.run(70, 65)
        arm(rig, "mute ms=4000")
        link.run(70, 65)
    assert [w for w, _ in words] == ["start"], words
    assert modem.up and link.failures == 0


def test_registration_lost_without_a_urc():
    # Coverage ends quietly, and the connection with it: within three minutes it is noticed.
    rig, modem, log = made()
    words = []
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words))
    link.put(b"1")
    assert link.run(60) == 0
    del words[:]
    rig.model.command("coverage off quiet")
    start = rig.now
    while modem.up:
        link.run(5, 4)
        assert rig.now - start < 180000
    assert words[0] == ("lost", 0)
    link.put(b"2")
    assert link.run(120) == 1 and "no network" in str(link.error), str(link.error)
    rig.model.command("coverage on")
    assert link.run(700) == 0


def test_a_short_hole_is_no_loss():
    rig, modem, log = made()
    words = []
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words))
    link.put(b"1")
    assert link.run(60) == 0
    for _ in range(5):
        link.run(60, 59)
        rig.model.command("coverage off")
        link.run(20, 19)
        rig.model.command("coverage on")
        link.run(60, 59)
    assert [w for w, _ in words] == ["start"], words


def clocked(rig, modem):
    t = modem.clock()
    return t[:5] if t else None


def test_the_clock_comes_from_the_board():
    utc = [(2026, 3, 1, 12, 0, 0)]
    rig, modem, log = made()
    words = []
    ladder = recovery(modem, words, utc=lambda: utc[0])
    climb(modem, ladder, 0)
    assert clocked(rig, modem) == (2026, 3, 1, 12, 0)
    # It jumps: ten years on, and back to 1980. A minute later it is right, and that was told.
    for jump, years in (("set 2088000000", 10), ("set 1735689600", -2), ("reset", None)):
        del words[:]
        rig.model.command("clock " + jump)
        rig.sleep(61000)
        climb(modem, ladder, 0)
        assert clocked(rig, modem) == (2026, 3, 1, 12, 0)
        assert [w for w, _ in words] == ["clock"]
        if years is None:
            assert words[0][1] is None
        else:
            assert words[0][1] // 31556952 == years, words
    # The board does not know any more: what the modem says is taken.
    utc[0] = None
    rig.sleep(61000)
    climb(modem, ladder, 0)
    assert modem.up


def test_the_clock_comes_back_after_a_restart():
    # Nobody but the modem knew the time; it forgets it in a restart.
    rig, modem, log = made()
    modem.start(apn="internet")
    modem.clock((2026, 3, 1, 12, 0, 0))
    words = []
    ladder = recovery(modem, words)
    rig.sleep(61000)
    climb(modem, ladder, 0)
    assert words == []
    rig.sleep(3600000)
    climb(modem, ladder, 0)
    rig.model.command("restart")
    rig.sleep(8000)  # it is registered again: the network has told its time before AT+CTZU=1
    modem.sleep_ms(200)
    assert not modem.up
    climb(modem, ladder, 1)
    y, m, d, h, mi = clocked(rig, modem)
    assert (y, m, d, h) == (2026, 3, 1, 13) and 0 <= mi <= 3, (h, mi)
    assert words == [("start", 0), ("clock", None)], words
    assert ladder.clock.source == "program" and not ladder.clock.sure


def test_a_clock_set_backwards_by_the_network_is_told():
    rig, modem, log = made()
    modem.start(apn="internet")
    modem.clock((2026, 3, 1, 12, 0, 0))
    words = []
    link = Uplink(
        modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), recovery(modem, words)
    )
    link.put(b"1")
    link.run(70, 65)
    rig.model.command("clock set 1735689600")
    link.put(b"2")
    assert link.run(70, 65) == 0
    assert len(words) == 1 and words[0][0] == "clock" and words[0][1] < -30000000, words
    link.put(b"3")
    assert link.run(70, 65) == 0 and link.failures == 0


def test_a_context_that_needs_the_clock_works_after_a_power_cut_of_the_modem():
    rig, modem, log = made()
    link = Uplink(modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), recovery(modem))
    modem.start(apn="internet")
    modem.clock((2026, 3, 1, 12, 0, 0))
    link.put(b"1")
    assert link.run(90, 61) == 0
    uploads = log.count("AT+QFUPL")
    rig.model.command("power off")
    rig.sleep(1000)
    link.put(b"2")
    assert link.run(300) == 0, str(link.error)
    assert log.count("AT+QFUPL") == uploads + RAM


def test_health_counters():
    rig, modem, log = made()
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem))
    link.put(b"1")
    assert link.run(60) == 0
    stats = modem.stats
    assert stats.rx > 500 and stats.tx > 300
    assert stats.timeouts == stats.silent == stats.restarts == stats.reconnects == 0
    rig.model.command("restart")
    link.put(b"2")
    assert link.run(100) == 0
    assert stats.restarts == 1 and stats.reconnects == 1
    arm(rig, "mute ms=7000")
    e = raised(modem.signal)
    assert isinstance(e, Error) and stats.timeouts == 1 and stats.silent >= 1
    rig.sleep(9000)
    modem.signal()
    assert stats.silent == 0 and stats.timeouts == 1 and stats.resyncs >= 2


def test_a_failed_rung_is_a_failure_and_the_next_one_comes():
    # The modem can't activate its context for a while: start() fails, the ladder goes on.
    rig, modem, log = made(RefusingPeer())
    words = []
    link = Uplink(
        modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), recovery(modem, words, start_s=20)
    )
    arm(rig, "act_error n=0")
    link.put(b"1")
    assert link.run(700) == 1
    assert "restart" in [w for w, _ in words] and "radio" in [w for w, _ in words]
    assert isinstance(link.error, Error)
    rig.model.command("clear")
    rig.net.default = HttpServer()
    assert link.run(700) == 0


def test_a_modem_that_hangs_and_its_lines():
    # Only the lines for emergencies get a UG95 or UG96 back that hangs; PWRKEY does not.
    for lines, back in (
        (("pwrkey", "status", "off"), True),
        (("pwrkey", "off"), True),
        (("off", "pwrkey", "status", "reset"), True),
        (("pwrkey", "status"), False),
        ((), False),
    ):
        for way in ("orderly", "at once"):
            rig, modem, log = made(lines=lines, switches={"pwrdwn": way})
            words = []
            ladder = recovery(modem, words)
            climb(modem, ladder, 0)
            starts = rig.model.power.starts
            arm(rig, "mute")
            modem.up = False
            failures = 0
            start = rig.now
            while not modem.up and rig.now - start < 400000:
                try:
                    climb(modem, ladder, failures)
                except Error as e:
                    failures += 1
                    assert "not a byte" in str(e), e
                    rig.sleep(5000)
            assert modem.up == back, (lines, way)
            assert rig.model.power.starts == starts + back, (lines, way)
            assert not back or rig.now - start < 240000, (lines, rig.now - start)
            assert ("restart", 0) in words


def test_start_uses_the_line_for_emergencies_by_itself():
    for lines in (("pwrkey", "status", "off"), ("reset",)):
        rig, modem, log = made(lines=lines)
        modem.start("internet")
        arm(rig, "mute")
        modem.start("internet")
        assert modem.up and rig.now > 60000 and rig.model.power.starts == 1
