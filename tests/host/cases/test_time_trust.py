# test_time_trust - whose time is believed: sources that disagree, lie, or are right by turns.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, Log, raised, tls
from qssl import clock, uplink
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper
from qssl.uplink import Uplink
from time_kit import DAY, NTP_S, THREE, TRUE, Flash, cut, looked, made, near, noted, true
from ugsim.fakenet import RefusingPeer

uplink.urandom = lambda n: b"\x80" * n

DEAD = dict.fromkeys(THREE, ("error", 61))


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
