# test_time - the time without a battery: network, NTP, the program, and what is believed of them.
# SPDX-License-Identifier: MIT

import errno
import time as host_time

from driver_kit import CA, HOST, MODEL, Log, Watch, arm, bare, raised, tls
from qssl import clock, ntp, timekeeper, uplink
from qssl.errors import Refused
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper, at, opened
from qssl.uplink import Uplink
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer

uplink.urandom = lambda n: b"\x80" * n

TRUE = 1786111200  # 2026-08-07 14:00:00 UTC, at virtual ms 0
DAY = 86400
THREE = ("a.example", "b.example", "c.example")
DEAD = dict.fromkeys(THREE, ("error", 61))


class Flash:
    # Stands for `open` of qssl.timekeeper: files that survive the board's power.
    def __init__(self):
        self.files = {}
        self.writes = 0
        self.full = False
        timekeeper.open = self.open

    def open(self, path, mode):
        return _File(self, path, mode)


class _File:
    def __init__(self, flash, path, mode):
        self.flash, self.path = flash, path
        if mode == "rb" and path not in flash.files:
            raise OSError(errno.ENOENT, "flash")
        if mode == "wb":
            if flash.full:
                raise OSError(28, "flash")
            flash.writes += 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def read(self, n):
        return self.flash.files[self.path][:n]

    def write(self, data):
        self.flash.files[self.path] = bytes(data)
        return len(data)


NTP_S = 6 if MODEL in ("ec200u", "eg915u") else 0  # what AT+QNTP takes, as was seen


def made(zone="0", now=TRUE, start=True, **switches):
    # (rig, modem): board and modem had no power; the network's true time is `now`.
    rig, modem = bare(FakeNet(HttpServer()), idle=Watch(50), switches=switches)
    rig.model.command("network-time %d %s" % (now, zone))
    rig.model.command("restart")
    if start:
        modem.start(apn="internet")
    return rig, modem


def true(rig):
    return rig.model.network.unix()


def near(a, b, by=3):
    return a is not None and abs(a - b) <= by


def noted(keeper):
    # (source, why) of what was rejected.
    return [(source, why) for source, _, why in keeper.rejected]


def looked(modem, keeper):
    # One look, as a Recovery has once a minute.
    return modem.link.drive(keeper.steps())


# --- start() lets the network's time in ---


def test_start_takes_the_networks_time():
    for zone in ("0", "32", "-20 1"):
        for switches in (
            {},
            {"rtc_digits": "utc"},
            {"qlts_year": "4", "rtc_digits": "utc"},
            {"qlts_summer": "no"},
        ):
            rig, modem = made(zone, **switches)
            assert near(clock.unix(*modem.clock()[:6]), true(rig)), (zone, switches)
            assert modem.clock()[6] == 0 and near(rig.model.clock.unix(), true(rig))
            modem.connect(HOST, 443, modem.tls(ca=CA)).close()
            assert near(rig.net.conns[-1].tls.clock, true(rig), 20)


def test_the_time_that_came_before_start():
    # The board has started anew, the modem has been on all the time, with AT+CTZU=0.
    rig, modem = made(start=False)
    rig.sleep(8000)
    assert rig.model.clock.told
    modem.start(apn="internet")
    assert near(clock.unix(*modem.clock()[:6]), true(rig))


def test_a_network_that_tells_nothing_or_nonsense():
    for switches in (
        {"nitz": "no"},
        {"nitz": "no", "qlts_empty": "bare"},
        {"nitz": "no", "qlts_empty": "nothing"},
        {"nitz": "no", "qlts_empty": "error"},
        {"nitz_time": "1980"},
        {"nitz_time": "2070"},
        {"nitz_time": "1980", "qlts_year": "4"},
        {"nitz_time": "2070", "qlts_year": "4"},
    ):
        rig, modem = made(**switches)
        assert modem.up and modem.clock() is None, switches
        e = raised(modem.connect, HOST, 443, modem.tls(ca=CA))
        assert "clock was never set" in str(e) and "the network tells no usable time" in str(e), e
        assert "NTP" in str(e) and "check_time" in str(e) and e.errno == errno.EACCES, e


def test_a_time_that_comes_minutes_late():
    # start() has long come back; the next connection finds it, also where the clock doesn't take
    # it by itself.
    rig, modem = made(nitz_ms=240000)
    context = modem.tls(ca=CA)
    assert "never set" in str(raised(modem.connect, HOST, 443, context))
    rig.sleep(250000)
    modem.connect(HOST, 443, context).close()
    rig, modem = made(nitz_ms=240000)
    modem.command("AT+CTZU=0")
    context = modem.tls(ca=CA)
    rig.sleep(250000)
    modem.connect(HOST, 443, context).close()
    assert near(rig.net.conns[-1].tls.clock, true(rig), 5)


def test_lost_and_refused_answers_do_not_end_start():
    for fault in (
        "cme cmd=+CTZU code=4",
        "cme cmd=+QLTS n=0",
        "cme cmd=+CCLK n=0",
        "error cmd=+CTZU",
    ):
        rig, modem = made(start=False)
        rig.sleep(2500)
        arm(rig, fault)
        modem.start(apn="internet")
        assert modem.up, fault


# --- what clock() takes ---


def test_which_tuples_are_a_time():
    rig, modem = made()
    want = (2026, 11, 22, 15, 16, 17)
    for t in (
        want,
        list(want),
        want + (0,),  # modem.clock()
        (2026, 11, 22, 17, 16, 17, 8),
        (2026, 11, 22, 9, 46, 17, -22),
        want + (6, 326),  # time.gmtime() of MicroPython
        want + (6, 326, 0),  # and of CPython
        want + (0, None),  # RTC().now() of some ports
        want + (0, 0),  # no weekday is 15
    ):
        assert clock.unix(*modem.clock(t)[:6]) - clock.unix(*want) in (0, 1), t
    for t in (
        (2026, 11, 22, 6, 15, 16, 17, 0),  # machine.RTC().datetime()
        (2026, 11, 22, 6, 15, 16, 6, 999),
        (2026, 11, 22, 7, 15, 16, 17, 123456),
        (2026, 11, 22, 0, 15, 16, 17, 0),
        (2000, 1, 1, 5, 0, 0, 1, 0),
    ):
        e = raised(modem.clock, t)
        assert isinstance(e, Refused) and "RTC().datetime()" in str(e), (t, e)
        assert "weekday" in str(e) and "board.utc()" in str(e), e
    for t in (
        (2026, 2, 29, 0, 0, 0),
        (2026, 4, 31, 1, 1, 1),
        (2100, 1, 1, 0, 0, 0),
        want + (400,),  # no zone, but milliseconds
        want + (-57,),
        want + ("+8",),
        (float("inf"),) + want[1:],
        (float("nan"),) + want[1:],
        "2026-11-22 15:16:17",
        1795360577,
        want[:5],
    ):
        assert "a date from 2024 on, in UTC" in str(raised(modem.clock, t)), t
    assert modem.clock()[:6] == want


def test_arithmetic_of_dates():
    for s in (0, 951782399, 951782400, 1786111217, 2524607999, 2524608000, 3155759999, 4107542399):
        t = clock.civil(s)
        assert clock.unix(*t[:6]) == s, s
        if host_time.gmtime(0)[0] == 1970 and s < 1 << 31:  # a 32-bit port's own clock ends there
            assert tuple(host_time.gmtime(s))[:8] == t, (s, t)
    for y in range(1970, 2071):
        for m in range(1, 13):
            t = clock.civil(clock.unix(y, m, 1) - 1)
            assert t[:2] == ((y, m - 1) if m > 1 else (y - 1, 12)), (y, m)


def test_forms_of_a_time_on_the_wire():
    for text, want in (
        (b' "26/08/07,14:00:10+32"', (2026, 8, 7, 14, 0, 10, 32)),
        (b'"2026/08/07,14:00:10-08,1"', (2026, 8, 7, 14, 0, 10, -8)),
        (b'"26/08/07,14:00:10"', (2026, 8, 7, 14, 0, 10, 0)),
        (b'"26/08/07, 14:00:10+04"', (2026, 8, 7, 14, 0, 10, 4)),
        (b"26/08/07,14:00:10+00,0", (2026, 8, 7, 14, 0, 10, 0)),
        (b'"70/01/01,00:00:00+00"', (1970, 1, 1, 0, 0, 0, 0)),
        (b'"69/01/01,00:00:00+00"', (2069, 1, 1, 0, 0, 0, 0)),
        (b'"2070/01/01,00:00:00+00"', (2070, 1, 1, 0, 0, 0, 0)),
        (b'""', None),
        (b"", None),
        (b'"26/13/07,14:00:10+32"', None),
        (b'"26/02/30,14:00:10+32"', None),
        (b'"26/08/07,24:00:10+32"', None),
        (b'"26/08/07,14:00"', None),
        (b'"26/08/07,14:00:10+x"', None),
        (b"garbage", None),
        (b'"///,::+"', None),
        (b'"\xff\xfe/08/07,14:00:10"', None),
    ):
        assert clock.parse(text) == want, text


# --- sources in order ---


def test_the_programs_time_comes_first():
    rig, modem = made()
    keeper = Timekeeper(modem, utc=lambda: (2026, 9, 1, 0, 0, 0), ntp=THREE)
    assert near(keeper.sync(), clock.unix(2026, 9, 1), 3 + 3 * NTP_S)
    assert keeper.source == "program" and not keeper.sure
    assert modem.clock()[:5] == (2026, 9, 1, 0, 0) and keeper.utc()[:3] == (2026, 9, 1)
    assert [n[0] for n in keeper.rejected] == ["network", "ntp"]
    assert "not the time known from program" in keeper.rejected[-1][2]


def test_the_network_then_ntp_then_the_modem():
    rig, modem = made("32", rtc_digits="utc")
    keeper = Timekeeper(modem)
    assert near(keeper.sync(), true(rig)) and keeper.source == "network" and not keeper.sure
    for digits in ("utc", "bare", "local"):
        for year in ("2", "4"):
            rig, modem = made("32", nitz="no", qntp_digits=digits, qntp_year=year)
            log = Log(rig)
            keeper = Timekeeper(modem, ntp=("a.example:1123", "b.example"))
            assert keeper.now() is None and keeper.utc() is None
            assert near(keeper.sync(), true(rig)), (digits, year, keeper.rejected)
            assert keeper.source == "ntp" and keeper.sure
            assert near(rig.model.clock.unix(), true(rig)) and modem.clock()[6] == 0
            assert [t for t in log.at if "QNTP" in t] == [
                'AT+QNTP=1,"a.example",1123',
                'AT+QNTP=1,"b.example"',
            ]
    # Nobody but the modem's clock, which runs on.
    rig, modem = made(nitz="no")
    rig.model.command("clock set %d" % (TRUE + 99))
    keeper = Timekeeper(modem)
    assert near(keeper.sync(), TRUE + 99 + 1) and keeper.source == "modem" and not keeper.sure
    # Nobody at all.
    rig, modem = made(nitz="no")
    keeper = Timekeeper(modem)
    assert keeper.sync() is None and keeper.source is None and modem.clock() is None


def test_ntp_servers_that_lie_are_silent_late_or_sick():
    for clocks, good in (
        ({"a.example": 600}, True),
        ({"a.example": -600}, True),
        ({"b.example": 315964800 - TRUE}, True),
        ({"a.example": 3155760000 - TRUE}, True),
        ({"a.example": "silent"}, True),
        ({"a.example": ("late", 70000)}, True),
        ({"a.example": ("late", 7000), "b.example": ("late", 3000)}, True),
        ({"c.example": ("error", 565), "a.example": ("error", 61)}, False),
        ({"a.example": 600, "b.example": -600}, False),
        ({"a.example": 600, "b.example": "silent"}, False),
        ({"a.example": "silent", "b.example": "silent", "c.example": "silent"}, False),
        ({"a.example": ("late", 130000), "b.example": ("late", 110000)}, False),
    ):
        rig, modem = made(nitz="no")
        rig.net.clocks = clocks
        keeper = Timekeeper(modem, ntp=THREE)
        now = keeper.sync(600000)
        if good:
            assert near(now, true(rig), 8) and keeper.source == "ntp", (clocks, keeper.rejected)
        else:
            assert now is None and modem.clock() is None, (clocks, now)
            assert [n for n in keeper.rejected if n[0].startswith("ntp")], clocks


def test_a_liars_answer_does_not_stay_in_the_modems_clock():
    # AT+QNTP sets it before anybody can judge.
    rig, modem = made()
    keeper = Timekeeper(modem, ntp=("a.example", "b.example"), every_s=60)
    assert near(keeper.sync(), true(rig))
    rig.model.command("switch nitz no")
    rig.model.clock.told = None
    rig.net.clocks = {"a.example": 86400 * 500, "b.example": 86400 * 500}
    rig.sleep(120000)
    mended, wrong = looked(modem, keeper)
    assert mended and near(wrong, 86400 * 500, 130)
    assert near(keeper.now(), true(rig)) and near(rig.model.clock.unix(), true(rig))
    assert keeper.rejected[-1][0] == "ntp" and "not the time known" in keeper.rejected[-1][2]


def test_one_ntp_server_alone_is_asked_twice():
    rig, modem = made(nitz="no")
    log = Log(rig)
    keeper = Timekeeper(modem, ntp="only.example")
    assert near(keeper.sync(), true(rig))
    assert log.count('AT+QNTP=1,"only.example"') == 2


def test_servers_without_a_time_of_their_own():
    # Their zero is 1900, or the begin of the next era; all of them agree on it.
    for zero in (2085978496, -2208988800, 0):
        for servers in (THREE, "a.example"):
            rig, modem = made(nitz="no")
            rig.net.clocks = dict.fromkeys(THREE, zero - TRUE)
            keeper = Timekeeper(modem, ntp=servers)
            assert keeper.sync(600000) is None and modem.clock() is None, (zero, servers)
            assert keeper.last == 0 and noted(keeper)[0][0] == "ntp a.example"
            rig.net.clocks = {}
            assert near(keeper.sync(600000), true(rig), 8)


def test_one_server_alone_is_no_second_witness():
    # A lie of the only one does not outlive the power; a certificate makes it sure.
    flash = Flash()
    rig, modem = made(nitz="no")
    rig.net.clocks = {"only.example": 400 * DAY}
    keeper = Timekeeper(modem, ntp=("only.example", "only.example:124"), path="t")
    keeper.sync()
    assert keeper.source == "ntp" and not keeper.sure and not keeper.last and not flash.files
    rig, modem = made(nitz="no")
    keeper = Timekeeper(modem, ntp="only.example", path="t")
    assert near(keeper.sync(), true(rig)) and not keeper.sure
    keeper.confirm()
    assert keeper.sure and near(keeper.last, true(rig)) and flash.files


def doubled(rig, by):
    # Each answer of a server comes again `by` ms later.
    out = rig.model.out
    told = out.urc

    def urc(text, *more):
        told(text, *more)
        if text.startswith("+QNTP: 0"):
            rig.model.timers.at(rig.model.now + by, lambda: told(text, *more))

    out.urc = urc


def test_an_answer_that_comes_twice_is_one():
    for by in (0, 100, 400, 900, 1500, 2500, 5000):
        for others in ({}, {"b.example": "silent", "c.example": "silent"}):
            rig, modem = made(nitz="no")
            rig.net.clocks = dict(others)
            rig.net.clocks["a.example"] = 400 * DAY
            doubled(rig, by)
            keeper = Timekeeper(modem, ntp=THREE)
            now = keeper.sync(600000)
            if others:
                assert now is None and modem.clock() is None, (by, keeper.rejected)
            else:
                assert near(now, true(rig), 8) and keeper.sure, (by, keeper.rejected)


def test_leap_days_and_zones_that_change_the_date():
    for when in ((2028, 2, 29, 23, 59, 40), (2028, 2, 28, 23, 59, 40), (2027, 12, 31, 23, 59, 40)):
        for zone in ("-48", "56", "-14 1", "23"):
            for switches in ({}, {"rtc_digits": "utc"}, {"nitz": "no", "qntp_digits": "local"}):
                rig, modem = made(zone, now=clock.unix(*when), **switches)
                keeper = Timekeeper(modem, ntp=THREE)
                what = when, zone, switches
                assert near(keeper.sync(600000), true(rig), 8), what
                assert near(rig.model.clock.unix(), true(rig), 8), what


def test_a_boards_clock_that_was_never_set():
    for year in (1970, 2000, 2021, 2070):
        rig, modem = made()
        keeper = Timekeeper(modem, utc=lambda y=year: (y, 1, 1, 0, 0, 7))
        assert near(keeper.sync(), true(rig)) and keeper.source == "network", year
        assert noted(keeper)[0][0] == "program"


def test_a_modems_clock_that_jumps():
    for text in ("24/01/01,00:00:00+00", "80/01/06,00:00:00+00", "26/08/07,16:00:00+04", ""):
        rig, modem = made()
        keeper = Timekeeper(modem)
        keeper.sync()
        if text:
            modem.command('AT+CCLK="%s"' % text)
        else:
            rig.model.command("restart")
        rig.sleep(6000)
        modem.sleep_ms(200)
        if not modem.up:
            modem.start(apn="internet")
        looked(modem, keeper)
        assert near(keeper.now(), true(rig)) and near(rig.model.clock.unix(), true(rig)), text


def test_ntp_is_not_asked_for_ever():
    # With dead servers the attempts become rare.
    rig, modem = made(nitz="no")
    rig.net.clocks = dict.fromkeys(THREE, ("error", 61))
    log = Log(rig)
    keeper = Timekeeper(modem, ntp=THREE)
    for _ in range(60):
        looked(modem, keeper)
        rig.sleep(60000)
    assert 3 <= log.count("AT+QNTP") // 3 <= 6, log.count("AT+QNTP")
    rig.net.clocks = {}
    for _ in range(70):
        looked(modem, keeper)
        rig.sleep(60000)
    assert near(keeper.now(), true(rig)) and keeper.source == "ntp"


def test_answers_that_were_damaged_on_the_uart():
    # A byte that is no ASCII, in every place of the answer; the modem's clock that can't be read.
    for text in ("+QNTP: 56\xa4", "+QNTP: \xe4", '+QNTP: 0,"2\xb6/08/07,14:00:00+00"', "+QNTP: "):
        rig, modem = made(nitz="no")
        keeper = Timekeeper(modem, ntp=THREE)

        def answer(server, port, context, rig=rig, text=text):
            rig.model.timers.at(rig.model.now + 500, lambda: rig.model.out.urc(text))

        rig.model.clock.ntp.start = answer
        assert keeper.sync() is None
        assert noted(keeper)[-1][1].startswith("error "), noted(keeper)
        assert all(32 <= ord(c) < 127 for c in keeper.why())


def test_the_modems_clock_can_not_be_read():
    # Other sources know the time all the same, and mend it. No zone is 32 hours.
    for shown in ('""', '"26/08/0\xb7,14:00:00+00"', '"26/08/07,14:00:60+00"', "", '"26/08/07,1"'):
        for switches in ({}, {"nitz": "no"}):
            rig, modem = made(start=False, **switches)
            clock_ = rig.model.clock
            right = clock_.text
            clock_.text = lambda shown=shown: shown
            modem.start(apn="internet")
            e = raised(modem.clock)
            assert "modem.clock(" in str(e), e
            keeper = Timekeeper(modem, ntp=THREE)
            assert near(keeper.sync(), true(rig)), (shown, keeper.why())
            clock_.text = right
            looked(modem, keeper)
            assert near(clock.unix(*modem.clock()[:6]), true(rig))
    rig, modem = made(start=False, nitz="no")
    rig.model.clock.text = lambda: '"26/08/07,14:00:00+128"'
    modem.start(apn="internet")
    assert modem.clock() is None and Timekeeper(modem).sync() is None


def test_an_ntp_answer_when_nobody_waits():
    rig, modem = made()
    keeper = Timekeeper(modem, ntp=THREE)
    keeper.sync()
    unknown = modem.stats.unknown
    modem.command('AT+QNTP=1,"a.example"')
    ntp._listener(modem)
    rig.sleep(1000)
    modem.pump()
    assert modem.stats.unknown == unknown and near(keeper.now(), true(rig))


def test_wrong_settings():
    rig, modem = made()
    for names in (('a"b',), ("",), ("a:0",), ("a:b",), ("a:99999",), ("\n",), "a,b", "a b", "a/"):
        e = raised(Timekeeper, modem, ntp=names)
        assert isinstance(e, Refused) and "ntp" in str(e), (names, e)
    for names in (5, (None,), (b"a.example",), ("a", 5), "https://a", "fe80::1", "a:1:2", "*"):
        e = raised(Timekeeper, modem, ntp=names)
        assert isinstance(e, Refused) and "host or host:port" in str(e), (names, e)
    for years in ((2023, 2050), (2030, 2030), (2024, 2071), (2026,), 2026, ("2026", "2030")):
        assert "years" in str(raised(Timekeeper, modem, years=years))
    for name, bad in (
        ("every_s", 0),
        ("every_s", "60"),
        ("every_s", None),
        ("path", b"/time"),
        ("path", 5),
        ("utc", (2026, 1, 1, 0, 0, 0)),
        ("set", 5),
    ):
        assert name in str(raised(Timekeeper, modem, **{name: bad})), (name, bad)
    for pdp in (0, 21, "1"):
        assert "pdp must be" in str(raised(Timekeeper, modem, ntp=THREE, pdp=pdp))
    e = raised(Uplink, modem, HOST, 443, tls(modem), Https(HOST), RamQueue(), stamp=at)
    assert isinstance(e, Refused) and "stamp needs a clock" in str(e)


# --- what is believed ---


def test_years_that_can_be():
    for lie in ("1980", "2070"):
        rig, modem = made(nitz_time=lie, qlts_year="4")
        keeper = Timekeeper(modem, ntp=THREE)
        assert near(keeper.sync(), true(rig)) and keeper.source == "ntp"
        assert noted(keeper)[0] == ("network", "no year that can be"), keeper.rejected
    rig, modem = made(nitz_time="year")
    keeper = Timekeeper(modem, ntp=THREE, years=(2026, 2027))
    assert near(keeper.sync(), true(rig)) and keeper.source == "ntp"


def test_it_runs_on_and_is_not_moved_by_one_voice():
    rig, modem = made()
    keeper = Timekeeper(modem, every_s=3600)
    keeper.sync()
    for lie in ("fast", "slow", "year", "1980", "2070"):
        rig.model.command("switch nitz_time " + lie)
        rig.model.clock.registered()  # told again
        rig.sleep(3700000)
        looked(modem, keeper)
        assert near(keeper.now(), true(rig)), (lie, keeper.rejected)
        assert near(rig.model.clock.unix(), true(rig)), lie
        assert keeper.rejected[-1][0] == "network", (lie, keeper.rejected)
    # Its drift is corrected by it.
    rig.model.command("switch nitz_time true")
    rig.model.network.set_time(true(rig) + 60, 0)
    rig.model.clock.registered()
    rig.sleep(3700000)
    looked(modem, keeper)
    assert near(keeper.now(), true(rig))


def test_two_that_agree_correct_one():
    # The network lied first, and says now what NTP says.
    rig, modem = made(nitz_time="year")
    rig.net.clocks = DEAD
    keeper = Timekeeper(modem, ntp=THREE, every_s=3600)
    assert near(keeper.sync(), true(rig) + 365 * DAY)
    rig.net.clocks = {}
    rig.model.command("switch nitz_time true")
    rig.model.clock.registered()
    rig.sleep(3700000)
    looked(modem, keeper)
    assert near(keeper.now(), true(rig)) and keeper.sure, keeper.rejected
    assert ("corrected by" in keeper.rejected[-1][2]) and keeper.rejected[-1][0] == "network"


def dated(rig):
    # FakeNet.connect with certificates that are good for 90 days.
    net = rig.net
    honest = net.default
    connect = net.connect

    def choose(tls, host, port, now_ms):
        good = abs(tls.clock - true(rig)) < 90 * DAY
        net.default = honest if good else RefusingPeer(566, "handshake", "expired")
        return connect(tls, host, port, now_ms)

    return choose


def test_a_time_that_leads_to_failures_is_doubted():
    # The network lies by a year, so that certificates seem expired. NTP is asked then.
    for servers in (THREE, ()):
        rig, modem = made(start=False, nitz_time="year")
        rig.net.connect = dated(rig)
        rig.net.clocks = dict.fromkeys(servers, ("error", 61))
        words = []
        keeper = Timekeeper(modem, ntp=servers)
        ladder = Recovery(
            modem, 60, tell=lambda w, v, words=words: words.append(w), clock=keeper, apn="internet"
        )
        link = Uplink(
            modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), ladder, pause_max_s=8
        )
        link.put(b"1")
        assert link.run(300) == 1 and keeper.source == "network"
        rig.net.clocks = {}
        if not servers:
            rig.model.command("switch nitz_time true")
        assert link.run(900) == 0, (str(link.error), keeper.rejected, words)
        assert near(keeper.now(), true(rig)) and keeper.sure
        assert "pdp" in words


# --- the network against NTP ---


LIES = ("hour", "day", "local", "sign", "slow", "year")


def test_a_network_that_is_wrong_by_an_hour_or_a_day():
    # NTP is asked once after each power-up, and wins: before any record gets its stamp.
    for lie in LIES:
        for zone in ("4", "-20", "22 1"):
            for switches in ({"rtc_digits": "utc"}, {"qntp_digits": "local"}):
                rig, modem = made(zone, nitz_time=lie, **switches)
                log = Log(rig)
                keeper = Timekeeper(modem, ntp=THREE)
                what = lie, zone, switches
                assert near(keeper.sync(), true(rig)), (what, keeper.rejected)
                assert near(rig.model.clock.unix(), true(rig)), what
                assert keeper.source == "ntp" and not keeper.sure and not keeper.last
                assert noted(keeper) == [("network", "corrected by ntp")]
                assert near(keeper.rejected[0][1], rig.model.network.told()[0])
                assert keeper.why() == "known from ntp, not sure yet"
                keeper.confirm()
                for _ in range(8):  # two days; the network goes on with it
                    rig.sleep(6 * 3600000 + 5000)
                    looked(modem, keeper)
                    assert near(keeper.now(), true(rig)) and keeper.source == "ntp", what
                    assert near(rig.model.clock.unix(), true(rig)), what
                assert keeper.rejected[-1][0] == "network", (what, keeper.rejected)
                assert log.count("AT+QNTP") == 2 * 9  # with each round in which they differ


def test_a_network_that_is_behind_by_just_its_zone():
    # Digits of +QNTP that are UTC would be the network's time, if they were local; the clock that
    # AT+QNTP has set says which. In winter that is the hour of half Europe.
    for zone in ("4", "8", "-20", "22", "-14"):
        for switches in ({}, {"qntp_year": "4"}, {"qntp_digits": "local"}):
            rig, modem = made(zone, nitz_time="zone", rtc_digits="local", **switches)
            for servers in (THREE, "a.example"):
                keeper = Timekeeper(modem, ntp=servers)
                what = zone, switches, servers
                assert near(keeper.sync(), true(rig)), (what, keeper.rejected)
                assert near(rig.model.clock.unix(), true(rig)), what
                assert noted(keeper) == [("network", "corrected by ntp")], what
    # And where they are local, the network is right.
    for sets in ("yes", "no"):
        rig, modem = made("4", qntp_digits="network", qntp_sets=sets)
        keeper = Timekeeper(modem, ntp=THREE)
        assert near(keeper.sync(), true(rig)) and keeper.sure and not noted(keeper), sets


def test_a_network_that_is_right_costs_two_questions_a_power_up():
    rig, modem = made("32")
    log = Log(rig)
    keeper = Timekeeper(modem, ntp=THREE)
    assert near(keeper.sync(), true(rig)) and keeper.sure and not keeper.rejected
    for _ in range(40):
        rig.sleep(3600000)
        looked(modem, keeper)
    assert log.count("AT+QNTP") == 2 and keeper.source == "network"
    # Firmware that writes local time before the network's zone is understood.
    for zone in ("32", "-20", "22 1"):
        rig, modem = made(zone, qntp_digits="network")
        keeper = Timekeeper(modem, ntp=THREE)
        assert near(keeper.sync(), true(rig)) and keeper.sure and not keeper.rejected, zone
    # And nothing where no server is named, or where the program's clock says the same.
    for settings in ({}, {"ntp": THREE}):
        rig, modem = made("32")
        log = Log(rig)
        own = (lambda rig=rig: clock.civil(true(rig))[:6]) if settings else None
        keeper = Timekeeper(modem, own, **settings)
        assert near(keeper.sync(), true(rig)) and not log.count("AT+QNTP")


def test_dead_servers_do_not_hold_up_the_networks_time():
    for clocks, most, day in ((dict.fromkeys(THREE, "silent"), 40, 400), (DEAD, 12, 150)):
        rig, modem = made(nitz_time="hour")
        rig.net.clocks = clocks
        log = Log(rig)
        keeper = Timekeeper(modem, ntp=THREE)
        start = true(rig)
        assert near(keeper.sync(), true(rig) + 3600) and keeper.source == "network"
        assert true(rig) - start < most + 3 * NTP_S, true(rig) - start
        busy = 0
        for _ in range(24 * 60):
            start = true(rig)
            looked(modem, keeper)
            busy += true(rig) - start
            rig.sleep(60000)
        n = log.count('AT+QNTP=1,"b.example"')
        assert busy < day + 36 * NTP_S and 3 <= n <= 12, (busy, n)
        # They are back. Certificates were checked by now; an hour is nothing to them.
        keeper.confirm()
        assert near(keeper.last, true(rig) + 3600)
        rig.net.clocks = {}
        for _ in range(7 * 60):
            looked(modem, keeper)
            rig.sleep(60000)
        assert near(keeper.now(), true(rig)) and not keeper.sure and keeper.source == "ntp"
        assert near(keeper.last, true(rig) + 3600 - 7 * 3600, 7 * 3600)


def test_one_server_alone_against_the_network():
    # A zone's or a day's error is the network's; a year's may be anybody's.
    for lie, wins in (("hour", True), ("day", True), ("year", False)):
        rig, modem = made(nitz_time=lie)
        keeper = Timekeeper(modem, ntp="only.example")
        now = keeper.sync()
        assert near(now, true(rig)) == wins and not keeper.sure
        if not wins:
            assert noted(keeper) == [("ntp", "not the time known from network")]
    # A lying server alone does not move it far, and is not kept.
    for by, moved in ((3600, True), (40 * 3600, False), (-400 * DAY, False)):
        rig, modem = made()
        rig.net.clocks = {"only.example": by}
        keeper = Timekeeper(modem, ntp="only.example")
        assert near(keeper.sync(), true(rig) + by * moved, 8) and not keeper.last


def test_servers_that_lie_together_lose_against_a_certificate():
    # They win against the network, but no certificate is good then, and they are doubted.
    rig, modem = made(start=False)
    rig.net.connect = dated(rig)
    rig.net.clocks = dict.fromkeys(THREE, 400 * DAY)
    keeper = Timekeeper(modem, ntp=THREE)
    ladder = Recovery(modem, 60, clock=keeper, apn="internet")
    link = Uplink(
        modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), ladder, pause_max_s=8
    )
    link.put(b"1")
    assert link.run(600) == 0, (str(link.error), keeper.rejected)
    assert keeper.source == "network" and keeper.sure and near(keeper.now(), true(rig))
    assert near(keeper.last, true(rig), 600)
    assert noted(keeper)[:2] == [("network", "corrected by ntp"), ("ntp", "corrected by network")]


def test_the_last_time_known_was_a_networks_lie():
    # A day ahead, and certificates were good for it. After a power cut the network tells the
    # truth: that is behind the last time known, but servers that agree may go back by as much.
    for days, good in ((1, True), (2, False)):
        flash = Flash()
        rig, modem = made()
        keeper = Timekeeper(modem, path="/time")
        keeper.last = 0
        rig.model.network.set_time(TRUE + days * DAY, 0)
        rig.model.clock.registered()
        keeper.sync()
        keeper.confirm()
        kept = keeper.last
        assert near(kept, TRUE + days * DAY, 30) and flash.files
        rig.model.network.set_time(TRUE + 60, 0)
        modem, keeper = cut(rig, modem, keeper)
        assert keeper.last == kept and keeper.sync() is None
        modem, keeper = cut(rig, modem, keeper, "only.example")
        assert keeper.sync() is None
        modem, keeper = cut(rig, modem, keeper, THREE)
        assert near(keeper.sync(), true(rig)) == good and keeper.last == kept
        if good:
            rig.sleep(7 * 3600000)
            looked(modem, keeper)
            assert near(keeper.now(), true(rig)) and keeper.source == "network"
        else:
            assert keeper.now() is None and noted(keeper)[-1] == (
                "ntp",
                "behind the last time known",
            )


def test_whose_local_time_it_was():
    # The network worked out UTC from UTC: the board's clock is ahead of it by just the zone, as if
    # it kept local time. NTP knows better, and the board's clock is believed again.
    rig, modem = made("8", qntp_digits="local")
    rig.model.network.told = lambda: (true(rig) - 7200, 8)
    rig.model.clock.registered()
    keeper = Timekeeper(modem, ntp=THREE, utc=lambda: clock.civil(true(rig))[:6])
    assert near(keeper.sync(), true(rig)) and keeper.source == "ntp"
    looked(modem, keeper)
    assert near(keeper.now(), true(rig)) and keeper.source == "program" and keeper.sure
    # It does keep local time.
    rig, modem = made("8")
    keeper = Timekeeper(modem, ntp=THREE, utc=lambda: clock.civil(true(rig) + 7200)[:6])
    for _ in range(3):
        keeper.sync()
        assert near(keeper.now(), true(rig)) and keeper.source in ("ntp", "network")


def test_the_networks_time_when_only_the_modems_clock_was_known():
    # That clock was set by nobody knows whom, and runs wrong; the network tells the time late.
    rig, modem = made(nitz_ms=600000)
    rig.model.command("clock set %d" % (TRUE + 4000))
    keeper = Timekeeper(modem)
    assert near(keeper.sync(), true(rig) + 4000, 16) and keeper.source == "modem"
    rig.sleep(620000)
    looked(modem, keeper)
    assert near(keeper.now(), true(rig)) and keeper.source == "network"
    assert near(rig.model.clock.unix(), true(rig))


def test_local_time_in_the_boards_clock_is_found_out():
    # As after `mpremote rtc --set` in a zone: the network tells UTC and the zone.
    for zone, hours in (("8", 2), ("-20", -5), ("22", 5.5)):
        rig, modem = made(zone)
        board = []

        def utc(rig=rig, hours=hours, board=board):
            if board:
                return clock.civil(board[-1][0] + (rig.now - board[-1][1]) // 1000)[:6]
            return clock.civil(true(rig) + int(hours * 3600))[:6]

        def put(t, rig=rig, board=board):
            board.append((clock.unix(*t), rig.now))

        keeper = Timekeeper(modem, utc=utc, set=put)
        keeper.sync()
        assert near(keeper.now(), true(rig)) and keeper.source == "network", keeper.rejected
        assert keeper.rejected[0][0] == "program" and "local time" in keeper.rejected[0][2]
        rig.sleep(60000)
        looked(modem, keeper)
        assert near(keeper.now(), true(rig)) and near(clock.unix(*utc()), true(rig))


def test_what_utc_may_give():
    # Not set, an error of its bus, and machine.RTC().datetime in its place.
    def broken():
        raise OSError(5, "no GNSS")

    for utc, said in (
        (lambda: None, None),
        (broken, "no GNSS"),
        (lambda: (2026, 8, 7, 4, 14, 0, 0, 0), "RTC().datetime()"),
        (lambda: (1999, 1, 1, 0, 0, 0), "a date from 2024 on"),
        (lambda: 1786111200, "a date from 2024 on"),
    ):
        rig, modem = made()
        keeper = Timekeeper(modem, utc=utc)
        assert near(keeper.sync(), true(rig)) and keeper.source == "network"
        if said:
            assert keeper.rejected[0][0] == "program" and said in keeper.rejected[0][2]


def test_the_boards_clock_is_set_and_not_taken_for_a_source():
    rig, modem = made()
    board = {"at": None}

    def utc():
        if board["at"] is None:
            return None
        return clock.civil(board["at"] + rig.now // 1000)[:6]

    def put(t):
        board["at"] = clock.unix(*t) - rig.now // 1000

    keeper = Timekeeper(modem, utc=utc, set=put, every_s=3600)
    keeper.sync()
    assert near(clock.unix(*utc()), true(rig)) and keeper.source == "network"
    for _ in range(5):
        rig.sleep(600000)
        looked(modem, keeper)
    assert keeper.source == "network" and not keeper.sure
    # A clock chip that can't be written is no reason to stop.
    rig, modem = made()

    def fails(t):
        raise OSError(5, "no chip")

    keeper = Timekeeper(modem, set=fails)
    assert near(keeper.sync(), true(rig)) and keeper.rejected[-1][0] == "board"


def test_what_is_not_believed_does_not_stay_in_the_modems_clock():
    # Certificates that have expired long ago would be good again.
    rig, modem = made()
    keeper = Timekeeper(modem)
    keeper.last = true(rig) + 400 * DAY
    assert keeper.sync() is None and modem.clock() is None
    e = raised(modem.connect, HOST, 443, modem.tls(ca=CA))
    assert "never set (network: behind the last time known)" in str(e), e
    assert modem.clock() is None and keeper.why() == "network: behind the last time known"


# --- the file ---


def cut(rig, modem, keeper, ntp=(), **switches):
    # Power cut of board and modem: a new modem object, a new keeper on the same flash.
    for name, word in switches.items():
        rig.model.command("switch %s %s" % (name, word))
    rig.model.command("restart")
    rig.sleep(100)
    modem = type(modem)(rig.uart, idle=modem.link._idle if hasattr(modem.link, "_idle") else None)
    modem.start(apn="internet")
    return modem, Timekeeper(modem, ntp=ntp, path="/time")


def test_never_behind_the_last_time_known():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    assert not flash.files and keeper.last == 0  # one voice is not sure
    keeper.confirm()
    known = keeper.last
    assert near(known, true(rig)) and len(flash.files) == 1
    # The network says it is a year earlier: an attacker, or a fault.
    before = true(rig)
    rig.model.network.set_time(before - 365 * DAY, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert keeper.last == known and keeper.sync() is None and keeper.source is None
    assert noted(keeper)[:1] == [("network", "behind the last time known")]
    # Two servers say so as well: still not.
    modem, keeper = cut(rig, modem, keeper, THREE)
    assert keeper.sync() is None
    assert ("ntp", "behind the last time known") in noted(keeper)
    # A minute earlier is no lie.
    rig.model.network.set_time(known - 60, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert near(keeper.sync(), true(rig))
    rig.model.network.set_time(before + 3 * 365 * DAY, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert near(keeper.sync(), true(rig))


def test_a_lie_ahead_is_not_kept():
    # Else nobody could ever correct it.
    flash = Flash()
    rig, modem = made(nitz_time="year")
    keeper = Timekeeper(modem, path="/time")
    assert near(keeper.sync(), true(rig) + 365 * DAY) and not flash.files
    modem, keeper = cut(rig, modem, keeper, nitz_time="true")
    assert near(keeper.sync(), true(rig))


def test_a_damaged_file():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    keeper.confirm()
    whole = dict(flash.files)
    (path,) = whole
    data = whole[path]
    bad = [b"", b"x", data[:-1], data + b"\0", b"{}" * 100, b"\xff" * 64, bytes(len(data))]
    for i in range(len(data)):
        bad.append(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
    for other in bad:
        flash.files = {path: other}
        again = Timekeeper(modem, path="/time")
        assert again.last == 0 and again.rejected == [("file", None, "damaged")], other
    # It works all the same, and makes the file good again.
    assert near(again.sync(), true(rig))
    again.confirm()
    assert Timekeeper(modem, path="/time").last == again.last > 0
    # A power cut while the newer one is written leaves the older one.
    flash.files = dict(whole)
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    keeper.confirm()
    assert len(flash.files) == 2
    newer = next(p for p in flash.files if p != path)
    for n in range(len(flash.files[newer])):
        files = dict(flash.files)
        files[newer] = files[newer][:n]
        outer, flash.files = flash.files, files
        torn = Timekeeper(modem, path="/time")
        flash.files = outer
        assert torn.last == unpacked(data), n
    # A year that can't be, with a right checksum.
    for last in (5, 4107542400):
        head = data[:8] + bytes([last >> k & 255 for k in (24, 16, 8, 0)])
        sum = timekeeper.crc32(head)
        flash.files = {path: head + bytes([sum >> k & 255 for k in (24, 16, 8, 0)])}
        again = Timekeeper(modem, path="/time")
        assert again.last == 0 and again.rejected[0][2] == "no year that can be"


def unpacked(data):
    return timekeeper.unpack(">I", data[8:12])[0]


def test_the_file_is_written_rarely_and_may_fail():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time", every_s=3600)
    for _ in range(5 * 24):
        looked(modem, keeper)
        for _ in range(10):
            keeper.confirm()
        rig.sleep(3600000)
    assert 4 <= flash.writes <= 6, flash.writes
    assert len(flash.files) == 2
    flash.full = True
    rig.sleep(90000000)
    looked(modem, keeper)
    keeper.confirm()
    assert keeper.rejected[-1][0] == "file" and "can't be written" in keeper.rejected[-1][2]
    assert near(keeper.now(), true(rig))


# --- stamps ---


def stamped(rig, modem, keeper, queue, **more):
    ladder = Recovery(modem, 60, clock=keeper, apn="internet")
    return Uplink(
        modem,
        HOST,
        443,
        tls(modem, 0, ca=CA),
        Https(HOST),
        queue,
        ladder,
        pause_max_s=4,
        stamp=at,
        **more,
    )


def arrived(rig):
    # [(n, at)] of what the server has.
    return [(r["n"], r["at"]) for r in rig.net.default.ledger.records]


class Ledger:
    def __init__(self):
        self.records = []

    def add(self, queue, id, record):
        self.records.append(record)


def test_a_record_from_before_the_time_was_known_gets_its_stamp():
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()
    keeper = Timekeeper(modem, ntp=THREE)
    rig.net.clocks = dict.fromkeys(THREE, ("error", 61))
    link = stamped(rig, modem, keeper, queue)
    when = []
    for n in range(3):
        when.append(true(rig))
        link.put(b'{"n":%d}' % n)
        link.run(100)
    assert len(queue) == 3 and "never set" in str(link.error)
    rig.net.clocks = {}
    assert link.run(900) == 0, (str(link.error), keeper.rejected)
    when.append(true(rig))
    link.put('{"n":3}')
    assert link.run(60) == 0
    got = arrived(rig)
    assert [n for n, _ in got] == [0, 1, 2, 3]
    for (n, s), want in zip(got, when):
        assert near(s, want, 4), (n, s - want)


def test_across_a_power_cut_it_stays_unknown_and_says_so():
    flash = Flash()
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()  # stands for one in flash
    link = stamped(rig, modem, Timekeeper(modem, path="/time"), queue)
    link.put(b'{"n":0}')
    link.run(60)
    assert len(queue) == 1 and not flash.files
    # Power cut; now the network tells the time.
    modem, keeper = cut(rig, modem, None, nitz="yes")
    link = stamped(rig, modem, keeper, queue)
    link.put(b'{"n":1}')
    assert link.run(120) == 0, str(link.error)
    (a, b) = arrived(rig)
    assert a == (0, None) and b[0] == 1 and near(b[1], true(rig), 120)


def test_a_time_that_was_known_before_the_power_cut_is_kept_for_its_records():
    flash = Flash()
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()
    rig.net.clocks = dict.fromkeys(THREE, ("error", 61))
    keeper = Timekeeper(modem, ntp=THREE, path="/time")
    link = stamped(rig, modem, keeper, queue)
    when = true(rig)
    link.put(b'{"n":0}')
    link.run(30)
    rig.net.clocks = {}
    rig.net.default, server = RefusingPeer(), rig.net.default
    assert link.run(300) == 1 and near(keeper.now(), true(rig))
    assert flash.files
    modem, keeper = cut(rig, modem, keeper, nitz="no")
    rig.net.default = server
    rig.model.command("clock set %d" % true(rig))
    link = stamped(rig, modem, keeper, queue)
    assert link.run(120) == 0, str(link.error)
    assert arrived(rig)[0][0] == 0 and near(arrived(rig)[0][1], when, 4)


def test_stamps_by_themselves():
    rig, modem = made()
    keeper = Timekeeper(modem)
    early = keeper.stamp()
    assert len(early) == 14 and keeper.at(early) is None
    keeper.sync()
    assert near(keeper.at(early), true(rig), 5)
    late = keeper.stamp()
    other = Timekeeper(modem)
    assert other.at(early) is None and other.at(late) is None  # it was not sure
    keeper.confirm()
    late = keeper.stamp()
    assert other.at(early) is None and near(other.at(late), true(rig), 5)
    for wrong in (b"", b"\xf5\xfe", b'{"n":1234567890}', bytes(14)):
        assert keeper.at(wrong) is None
        assert opened(keeper, wrong) == (wrong, None)
    assert opened(keeper, late + b"x")[0] == b"x"
    assert at(b'{"n":1}', 5) == b'{"at":5,"n":1}' and at(b"{ }", None) == b'{"at":null}'
    assert at(b"[1]", 5) == b"[1]"
    link = stamped(rig, modem, keeper, RamQueue(100))
    for bad in (b"", "", 5, None):
        assert "a record is" in str(raised(link.put, bad))


# --- the whole of it ---


def test_a_board_without_a_clock_after_a_power_cut():
    # The uplink alone, and a network that tells the time: nothing else is needed.
    for switches in ({}, {"rtc_digits": "utc", "qlts_year": "4"}, {"nitz_ms": 200000}):
        rig, modem = made("32", start=False, **switches)
        words = []
        ladder = Recovery(modem, 60, tell=lambda w, v, words=words: words.append(w), apn="i")
        link = Uplink(modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), ladder)
        link.put(b"1")
        assert link.run(600) == 0, (switches, str(link.error))
        assert near(rig.net.conns[-1].tls.clock, true(rig), 60)
        assert ladder.clock.sure


# situation, switches, whether a Timekeeper looks after the clock, its settings, what must be said,
# what must not
NEVER_SET = "the modem's clock was never set|modem.clock((y, m, d, h, mi, s)) in UTC|check_time"
WORDS = (
    ({"nitz": "no"}, None, "(the network tells no usable time)|NTP by", "expired"),
    ({"nitz_time": "1980"}, None, "(the network tells no usable time)", "1980"),
    ({"nitz_time": "2070"}, None, "(the network tells no usable time)", "2070"),
    ({"nitz": "no"}, {}, "(no source tells the time)", "network"),
    ({"nitz_time": "1980"}, {}, "(network: no year that can be)", "tells no"),
    ({"nitz": "no"}, {"ntp": "liar"}, "(ntp liar: no year that can be)", "network"),
    ({"nitz": "no"}, {"ntp": ("x", "off")}, "(ntp: no two servers agree)", "network"),
    ({"nitz": "no"}, {"ntp": "sick"}, "(ntp sick: error 61)", "network"),
    ({"nitz": "no"}, {"ntp": "silent"}, "(ntp silent: error 569)", "network"),
    ({"nitz": "no"}, {"utc": lambda: (2026, 8, 7, 4, 14, 0, 0, 0)}, "RTC().datetime()", "network"),
)


def test_words():
    for switches, settings, must, never in WORDS:
        rig, modem = made(**switches)
        rig.net.clocks = {"liar": 1 << 31, "off": 600, "sick": ("error", 61), "silent": "silent"}
        if settings is not None:
            Timekeeper(modem, **settings).sync()
        e = raised(modem.connect, HOST, 443, modem.tls(ca=CA))
        assert type(e) is Refused and e.errno == errno.EACCES, (switches, settings, e)
        for word in (NEVER_SET + "|" + must).split("|"):
            assert word in str(e), (switches, settings, word, e)
        assert never not in str(e), (switches, settings, e)
