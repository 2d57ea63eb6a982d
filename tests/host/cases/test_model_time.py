# test_model_time - network time, NTP and the modem's clock in all forms that modules were seen in.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, lines

CME50 = b"\r\n+CME ERROR: 50\r\n"
TRUE = 1786111200  # 2026-08-07 14:00:00 UTC


def booted(zone="32", setup=("AT+CTZU=1",), **switches):
    # Switched on; the network's time was told at 4.8 s, it is 10 s now.
    t = Terminal(powered=False, **switches)
    t.control("network-time %d %s" % (TRUE, zone))
    t.control("power on")
    t.wait(3000)
    t.at("ATE0")
    for line in setup:
        assert t.at(line) == OK, line
    t.wait(10000 - t.now)
    return t


def ready(**switches):
    # With an active context.
    t = booted(**switches)
    t.activate()
    t.wait(500)
    return t


def ntp(t, line='AT+QNTP=1,"ntp.example"', wait_ms=1000):
    # The URC, without what is around it.
    assert t.at(line) == OK
    return t.wait(wait_ms).decode().strip()


def test_years_and_summer_time_of_qlts():
    for switches, said in (
        ({}, "26/08/07,14:00:10+32,0"),
        ({"qlts_year": "4"}, "2026/08/07,14:00:10+32,0"),
        ({"qlts_summer": "no"}, "26/08/07,14:00:10+32"),
    ):
        t = booted(**switches)
        assert t.at("AT+QLTS=1") == lines('+QLTS: "%s"' % said), switches
    t = booted(zone="-16 1")
    assert t.at("AT+QLTS=1") == lines('+QLTS: "26/08/07,14:00:10-16,1"')
    assert t.at("AT+QLTS=2") == lines('+QLTS: "26/08/07,10:00:10-16,1"')
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/07,10:00:10-16"')


def test_qlts_when_nothing_was_told():
    for form, said in (
        ("quotes", lines('+QLTS: ""')),
        ("bare", lines("+QLTS:")),
        ("nothing", OK),
        ("error", CME50),
    ):
        t = booted(nitz="no", qlts_empty=form)
        for mode in ("", "=1", "=2"):
            assert t.at("AT+QLTS" + mode) == said, form


def test_the_network_tells_late_or_lies():
    t = booted(nitz_ms=120000)
    assert t.at("AT+QLTS=1") == lines('+QLTS: ""')
    assert t.at("AT+CCLK?") == lines('+CCLK: "80/01/06,00:00:10+00"')
    t.wait(120000)
    assert t.at("AT+QLTS=1") == lines('+QLTS: "26/08/07,14:02:10+32,0"')
    for lie, said in (
        ("1980", "80/01/06,00:00:05+00,0"),
        ("2070", "70/01/01,00:00:05+00,0"),
        ("fast", "26/08/07,14:10:10+00,0"),
        ("slow", "26/08/07,13:50:10+00,0"),
        ("year", "27/08/07,14:00:10+00,0"),
        ("day", "26/08/08,14:00:10+00,0"),
        ("hour", "26/08/07,15:00:10+00,0"),
    ):
        t = booted(zone="0", nitz_time=lie)
        told = t.at("AT+QLTS=1").decode()
        assert said[:11] in told, (lie, told)


def test_the_network_is_wrong_about_its_zone():
    for lie, said in (
        ("local", "26/08/07,16:00:10+08,0"),  # local digits where UTC's belong
        ("sign", "26/08/07,18:00:10-08,0"),  # worked out with the wrong sign
    ):
        t = booted(zone="8", nitz_time=lie)
        assert t.at("AT+QLTS=1") == lines('+QLTS: "%s"' % said), lie
        assert t.model.network.unix() == TRUE + 10


def test_the_clock_takes_it_only_with_ctzu():
    t = booted(setup=())
    assert t.at("AT+CTZU?") == lines("+CTZU: 0")
    assert t.at("AT+CCLK?") == lines('+CCLK: "80/01/06,00:00:10+00"')
    assert t.at("AT+QLTS=1") == lines('+QLTS: "26/08/07,14:00:10+32,0"')


def test_digits_in_utc_before_a_local_zone():
    t = booted(rtc_digits="utc")
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/07,14:00:10+32"')
    assert t.model.clock.unix() == TRUE + 10
    t = booted()
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/07,22:00:10+32"')
    assert t.model.clock.unix() == TRUE + 10
    assert t.at('AT+CCLK="26/08/07,22:00:10+32"') == OK
    assert t.model.clock.unix() == TRUE + 10


def test_reports_of_the_zone():
    for mode, said in ((1, '+CTZV: "+32"'), (2, '+CTZE: "+32",0,"2026/08/07,22:00:0')):
        t = Terminal(powered=False)
        t.control("network-time %d 32" % TRUE)
        t.control("power on")
        t.wait(3000)
        t.at("ATE0")
        assert t.at("AT+CTZR=%d" % mode) == OK
        assert t.at("AT+CTZR?") == lines("+CTZR: %d" % mode)
        assert said in t.wait(7000).decode()
    assert t.at("AT+CTZR=?") == lines("+CTZR: (0-2)")
    assert t.at("AT+CTZR=3") == CME50


def test_ntp_in_each_form():
    for switches, said in (
        ({}, "26/08/07,14:00:11+32"),
        ({"qntp_year": "4"}, "2026/08/07,14:00:11+32"),
        ({"qntp_digits": "local"}, "26/08/07,22:00:11+32"),
        ({"qntp_digits": "network"}, "26/08/07,22:00:11+32"),
        ({"qntp_digits": "bare", "qntp_year": "4"}, "2026/08/07,14:00:11"),
    ):
        t = ready(**switches)
        assert ntp(t)[:-5].startswith(('+QNTP: 0,"%s' % said)[:24]), (switches, said)
    t = ready(nitz="no")
    assert ntp(t).startswith('+QNTP: 0,"26/08/07,14:00:1') and t.model.clock.unix() >= TRUE + 11
    t = ready(nitz="no", qntp_sets="no")
    assert ntp(t) and t.model.clock.unix() < 400000000


def test_ntp_servers_by_name():
    t = ready(nitz="no")
    t.model.net.clocks = {
        "liar": 600,
        "silent": "silent",
        "late": ("late", 5000),
        "sick": ("error", 61),
    }
    t.model.net.names["nowhere"] = []
    assert "26/08/07,14:1" in ntp(t, 'AT+QNTP=1,"liar"')
    assert ntp(t, 'AT+QNTP=1,"sick",123') == "+QNTP: 61"
    assert ntp(t, 'AT+QNTP=1,"nowhere"') == "+QNTP: 565"
    assert ntp(t, 'AT+QNTP=1,"late"', 4900) == ""
    assert t.at("AT+QNTP?") == lines('+QNTP: "late",123')
    assert t.at('AT+QNTP=1,"other"') == b"\r\n+CME ERROR: 552\r\n"
    assert "+QNTP: 0," in t.wait(200).decode()
    assert t.at("AT+QNTP?") == OK
    assert ntp(t, 'AT+QNTP=1,"silent"', 124000) == ""
    assert t.wait(1100).decode().strip() == "+QNTP: 569"


def test_ntp_faults():
    t = ready(nitz="no")
    t.control("fault ntp_error code=61")
    assert ntp(t) == "+QNTP: 61"
    t.control("fault ntp_lie as=1980")
    assert '"80/01/06' in ntp(t)
    t.control("fault ntp_lie as=2070")
    assert '"70/01/01' in ntp(t)
    for lie, said in (("hour", '"26/08/07,15:0'), ("day", '"26/08/08,14:0')):
        t.control("fault ntp_lie as=" + lie)
        assert said in ntp(t), lie
    t.control("fault ntp_late by=60000")
    assert ntp(t) == "" and "14:00:1" in t.wait(60000).decode()
    t.control("fault ntp_never")
    assert ntp(t, wait_ms=200000) == ""
    assert "+QNTP: 0," in ntp(t)
    t.control("dns dead")
    assert ntp(t) == "+QNTP: 565"
    assert t.model.command("fault ntp_lie as=soon").startswith("error")


def test_ntp_arguments():
    t = ready()
    assert t.at("AT+QNTP=?") == lines("+QNTP: (1-20),<server>,(1-65535)")
    for line in ('0,"a"', '21,"a"', '1,""', "1,a", '1,"a",0', '1,"a",65536', '1,"a",1,2', "1"):
        assert t.at("AT+QNTP=" + line) == CME50, line
    assert t.at('AT+QNTP=2,"a"') == b"\r\n+CME ERROR: 572\r\n"


def test_a_switched_off_modem_forgets():
    t = ready()
    t.at('AT+QNTP=1,"a"')
    t.control("power off")
    t.control("switch nitz no")
    t.control("power on")
    t.wait(9000)
    t.at("ATE0")
    assert t.at("AT+QLTS=1") == lines('+QLTS: ""') and t.at("AT+QNTP?") == OK
