# test_time - the time without a battery: network, NTP, the program, and what is believed of them.
# SPDX-License-Identifier: MIT

import errno
import time as host_time

from driver_kit import CA, HOST, Log, arm, raised, tls
from qssl import clock, ntp, uplink
from qssl.errors import Refused
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.timekeeper import Timekeeper, at
from qssl.uplink import Uplink
from time_kit import DAY, NTP_S, THREE, TRUE, Flash, looked, made, near, noted, true

INSIDE = ("test_forms_of_a_time_on_the_wire",)

uplink.urandom = lambda n: b"\x80" * n


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
    assert clock.unix(*modem.clock()[:6]) - clock.unix(*want) in (0, 1)


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
