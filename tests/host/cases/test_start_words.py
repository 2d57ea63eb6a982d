# test_start_words - what start() says in each situation is true and names the next step.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import LTE, arm, bare, raised
from qssl import tried
from qssl.errors import Error, Refused

TIMEOUT_S = 300


def control(*texts):
    # A situation that commands to the simulated modem make.
    def make(rig):
        for text in texts:
            answer = rig.model.command(text)
            assert not answer.startswith("error"), (text, answer)

    return make


def halves(creg, cgreg):
    # The network takes the modem for calls (AT+CREG?) and says otherwise for data (AT+CGREG?).
    def make(rig):
        stats = {"CREG": creg, "CGREG": cgreg}
        rig.model.radio.status = lambda name: "+%s: 0,%d" % (name, stats.get(name, cgreg))
        arm(rig, "act_error code=561 n=0")

    return make


def typed(*texts):
    # One that another program left.
    def make(rig):
        for text in texts:
            rig.uart.write(text)
            rig.sleep(3000)
            rig.rx.clear()

    return make


# situation, what makes it, settings of start(), class, errno, code (None: any), words that must
# and that must not stand in the error
# Not so with LTE, where the attach activates a PDP context by itself, with any APN.
ATTACHED = ("no APN",)
NONE = ("antenna", "APN", "contract", "supply", "pin=")
TABLE = (
    # --- the AT port ---
    ("dead", control("power off"), {}, Error, "ETIMEDOUT", 0)
    + (("not a byte", "power", "RX", "TX", "GND"), ("APN", "antenna", "garbled")),
    ("hangs", control("fault mute"), {}, Error, "ETIMEDOUT", 0)
    + (("not a byte", "power"), ("APN", "antenna")),
    ("restarts always", control("fault crash cmd=+QIACT n=0"), {}, Error, "EIO", 0)
    + (("restarts whenever it transmits", "supply", "2 A", "VBAT"), ("APN", "antenna", "SIM")),
    ("the same unseen", control("fault crash cmd=+QIACT n=0 do=quiet"), {}, Error, "EIO", 0)
    + (("restarts whenever it transmits", "supply", "2 A"), ("APN", "antenna", "SIM")),
    ("while it registers", control("coverage off", "fault crash cmd=+CGREG n=0"), {}, Error)
    + ("EIO", 0, ("restarts", "supply"), ("APN", "antenna")),
    ("busy for ever", control("fault cme cmd=+QICSGP code=14 n=0"), {}, Error, "EIO", 14)
    + (("stays busy", "AT+QICSGP", "SIM"), ("password", "antenna", "another program")),
    ("no answer to CPIN", control("fault lose_answer cmd=+CPIN n=0"), {"pin": "1234"}, Error)
    + ("ETIMEDOUT", 0, ("no answer to AT+CPIN?", "UART"), NONE + ("password",)),
    ("no answer to QICSGP", control("fault lose_answer cmd=+QICSGP n=0"), {}, Error, "ETIMEDOUT")
    + (0, ("no answer to AT+QICSGP",), NONE + ("user", "password")),
    ("no answer to QIACT", control("fault lose_answer cmd=+QIACT n=0"), {}, Error, "ETIMEDOUT")
    + (0, ("no answer to AT+QIACT",), ("APN", "user", "password", "antenna")),
    ("echoes wrongly", control("fault corrupt in=echo n=0"), {}, Error, "EIO", 0)
    + (("echoes is not what was typed", "TX", "baud"), ("APN", "antenna", "SIM", "RTS")),
    # --- the SIM ---
    ("no card", control("sim none"), {}, Error, "ENODEV", 10)
    + (("no SIM card", "holder"), ("pin=", "APN", "antenna")),
    ("PIN wanted", control("sim pin"), {}, Error, "EACCES", None)
    + (("asks for its PIN", "pin="), ("PUK", "antenna", "holder")),
    ("PIN wrong", control("sim pin"), {"pin": "9999"}, Refused, "EACCES", 16)
    + (("refused this PIN", "tries left: 2"), ("PUK", "pass pin=", "antenna")),
    ("one try left", control("sim pin 1"), {"pin": "1234"}, Error, "EACCES", None)
    + (("one more wrong PIN", "not typed", "phone"), ("PUK", "antenna", "refused")),
    ("PUK", control("sim puk"), {"pin": "1234"}, Error, "EACCES", None)
    + (("PUK", "phone", "too often"), ("pass pin=", "antenna")),
    ("locked to a SIM", control("sim ph-sim"), {"pin": "1234"}, Error, "EACCES", None)
    + (("locked to another SIM", "not typed"), ("pass pin=", "antenna")),
    ("locked to a network", control("sim ph-net"), {}, Error, "EACCES", None)
    + (("locked to another network", "seller"), ("pass pin=", "antenna")),
    ("card fails", control("sim failed"), {}, Error, "ENODEV", 13)
    + (("SIM fails", "another card"), ("pin=", "antenna", "APN")),
    ("card busy", control("sim busy"), {}, Error, "ENODEV", 14)
    + (("busy",), ("pin=", "antenna", "holder")),
    # --- the network ---
    ("denied", control("registration 3"), {}, Error, "EHOSTUNREACH", 0)
    + (("refuses this SIM", "-71 dBm", "contract", "roaming", "IMEI"), ("antenna", "APN", "ause")),
    ("denied with a cause", control("registration 3 Illegal ME"), {}, Error, "EHOSTUNREACH", 0)
    + (("refuses this SIM", "Illegal ME"), ("antenna", "No cause")),
    ("no coverage", control("coverage off"), {}, Error, "EHOSTUNREACH", 0)
    + (("no network", "unknown", "antenna", "coverage"), ("APN", "refuses")),
    ("weak", control("registration 2", "signal 2"), {}, Error, "EHOSTUNREACH", 0)
    + (("no network", "-109 dBm", "antenna"), ("APN", "refuses")),
    ("good signal", control("registration 2", "signal 25"), {}, Error, "EHOSTUNREACH", 0)
    + (("no network takes the modem", "searching", "-63 dBm", "contract"), ("antenna", "APN")),
    ("not searching", control("registration 0"), {}, Error, "EHOSTUNREACH", 0)
    + (("no network takes the modem", "not registered"), ("antenna", "APN")),
    ("by hand", typed(b'AT+COPS=1,2,"00105"\r'), {}, Error, "EHOSTUNREACH", 0)
    + (("by hand", "AT+COPS=0"), ("antenna", "APN", "contract")),
    ("emergency calls only", control("registration 0", "fault cme cmd=+CREG code=32 n=0"), {})
    + (Error, "EHOSTUNREACH", 32, ("refuses this SIM", "contract"), ("antenna", "APN")),
    ("SMS only", control("registration 6"), {}, Error, "EHOSTUNREACH", 0)
    + (("SMS only", "says 6", "-71 dBm", "contract"), ("antenna", "APN", "no network")),
    ("SMS only, roaming", control("registration 7"), {}, Error, "EHOSTUNREACH", 0)
    + (("SMS only", "roaming"), ("antenna", "APN", "no network")),
    ("emergency calls", control("registration 8"), {}, Error, "EHOSTUNREACH", 0)
    + (("emergency calls only", "says 8", "contract"), ("antenna", "APN", "no network")),
    ("attached for emergency", control("registration 11"), {}, Error, "EHOSTUNREACH", 0)
    + (("emergency calls only", "says 11"), ("antenna", "APN", "no network")),
    # --- the PDP context ---
    ("activation, 561", control("fault act_error code=561 n=0"), {}, Error, "EHOSTUNREACH", 561)
    + (("561 open PDP context failed", "APN", "coverage"), ("without a reason", "antenna")),
    ("activation, 579", control("fault act_error code=579 n=0"), {}, Error, "EHOSTUNREACH", 579)
    + (("579", "no document", "APN", "contract"), ("without a reason",)),
    ("activation, 9999", control("fault act_error code=9999 n=0"), {}, Error, "EHOSTUNREACH")
    + (9999, ("9999", "no document", "APN"), ("without a reason",)),
    ("activation, no number", control("fault act_error code=0 n=0"), {}, Error, "EHOSTUNREACH", 0)
    + (("the modem gave no number", "APN", "contract", "coverage"), ("refused without", "denied")),
    ("calls taken, data denied", halves(1, 3), {}, Error, "EHOSTUNREACH", 561)
    + (("561", "packet data is denied", "contract"), ("antenna",)),
    ("no APN", control("sim ready"), {"apn": ""}, Error, "EHOSTUNREACH", 573)
    + (("573", "APN not configured", "apn="), ("antenna",)),
    ("QICSGP refused", control("fault error cmd=+QICSGP n=0 code=552"), {}, Error, "EIO", None)
    + (("refused APN, user or password",), ("antenna", "supply")),
    # --- settings that can't be ---
    ("APN with a blank", control(), {"apn": "inter net"}, Refused, "EINVAL", 0)
    + (("apn", "blank"), ("antenna",)),
    ("APN of a dialler", control(), {"apn": "*99#"}, Refused, "EINVAL", 0)
    + (("apn holds a *",), ("antenna",)),
    ("APN as a URL", control(), {"apn": "http://internet"}, Refused, "EINVAL", 0)
    + (("apn holds a :",), ("antenna",)),
    ("user without auth", control(), {"user": "u", "password": "p"}, Refused, "EINVAL", 0)
    + (("auth=1", "PAP", "CHAP"), ("antenna",)),
    ("password without user", control(), {"password": "p", "auth": 1}, Refused, "EINVAL", 0)
    + (("password", "user"), ("antenna",)),
    ("PIN of letters", control(), {"pin": "abcd"}, Refused, "EINVAL", 0)
    + (("pin", "4 to 8 digits"), ("SIM", "antenna")),
)
# +CME ERROR of AT+QIACT: number, words.
NETWORK = (
    (4, ("APN", "auth")),
    (10, ("SIM not inserted", "holder")),
    (14, ("SIM busy", "again")),
    (30, ("no network service",)),
    (31, ("time-out",)),
    (32, ("not allowed", "contract")),
    (33, ("not subscribed", "APN")),
    (103, ("illegal SIM",)),
    (106, ("illegal modem", "IMEI")),
    (107, ("GPRS not allowed", "contract")),
    (111, ("roaming",)),
    (132, ("APN",)),
    (100, ("APN", "contract")),
    (148, ("unspecified", "APN")),
    (149, ("authentication failed", "password")),
    (777, ("no document", "APN")),
)


def test_every_situation():
    names = []
    for name, make, settings, kind, number, code, must, must_not in TABLE:
        names.append(name)
        if LTE and name in ATTACHED:
            continue
        tried.PINS.clear()
        rig, modem = bare()
        make(rig)
        settings = dict(settings)
        settings.setdefault("apn", "internet")
        settings.setdefault("timeout_ms", 60000)
        start = rig.now
        e = raised(modem.start, **settings)
        assert type(e) is kind, (name, type(e), e)
        assert e.errno == getattr(errno, number), (name, e)
        assert e.phase == "start" and (code is None or e.code == code), (name, e.code, e)
        for word in must:
            assert word in str(e), (name, word, e)
        for word in must_not:
            assert word not in str(e), (name, word, e)
        assert rig.now - start <= 60100, (name, rig.now - start)
        assert not modem.up
    assert len(set(names)) == len(names) > 30


def test_a_time_that_is_too_short():
    # It may be long enough; else that is what is said first, and nothing is said to have stopped.
    for switches in ({}, {"boot_ms": 15000}, {"register_ms": 15000}):
        for late in (0, 300, 1000):
            for given in (1, 300, 1000, 2000, 3000, 6000, 10000):
                rig, modem = bare(switches=switches)
                rig.model.command("restart")
                rig.sleep(0 if switches else 8000)
                arm(rig, "delay what=final by=%d n=0" % late)
                try:
                    modem.start("internet", timeout_ms=given)
                except Error as e:
                    short = "start: give it more than %d.%d s, " % (
                        given // 1000,
                        given // 100 % 10,
                    )
                    slow = "takes %d.%d s for each answer: give it more time" % (late // 1000, 0)
                    assert short in str(e) or (late >= 1000 and slow in str(e)), (given, late, e)
                    assert "stopped" not in str(e) and "gave no number" not in str(e), e
    for late, given in ((0, 1), (300, 300), (300, 1000), (1000, 2000), (3000, 3000)):
        rig, modem = bare()
        modem.start("internet")
        arm(rig, "delay what=final by=%d n=0" % late)
        e = raised(modem.activate, 2, "internet", timeout_ms=given)
        assert "give it more" in str(e), e
        assert "stopped" not in str(e) and "gave no number" not in str(e), e


def test_words_of_the_network_are_no_format():
    # On a modem that is slow as well.
    rig, modem = bare()
    rig.model.command("registration 3 100% of 5s: refused")
    arm(rig, "delay what=final by=1000 n=0")
    e = raised(modem.start, "internet", timeout_ms=60000)
    assert "100% of 5s: refused" in str(e) and "takes 1.0 s for each answer" in str(e), e


def test_numbers_of_a_refused_activation():
    for number, words in NETWORK:
        rig, modem = bare()
        modem.start("internet")
        modem.command("AT+QIDEACT=1")
        arm(rig, "cme cmd=+QIACT code=%d n=0" % number)

        def question(kind, text, rig=rig, number=number):
            # AT+QIACT? itself is answered.
            if kind == "at" and text.startswith("AT+QIACT"):
                rig.model.command("clear cme")
                if text.startswith("AT+QIACT="):
                    arm(rig, "cme cmd=+QIACT code=%d" % number)

        rig.model.on_event = question
        e = raised(modem.start, "internet", timeout_ms=20000)
        assert e.code == number and str(number) in str(e), (number, e)
        for word in words:
            assert word in str(e), (number, word, e)


def test_a_line_that_is_too_long():
    rig, modem = bare(switches={"operators": 12})
    modem.start("internet")
    e = raised(modem.command, "AT+COPS=?", b"+COPS:", timeout_ms=20000)
    assert "longer than 256 bytes" in str(e) and e.errno == errno.EIO, e
    raised(modem.command, "AT+COPS=?", timeout_ms=20000)
    rig.model.sw.set("operators", 2)
    assert len(modem.command("AT+COPS=?", b"+COPS:", timeout_ms=20000)) == 1
    # One that is none of its own business may be as long as it likes.
    rig.model.command("say +CUSD: " + 300 * "x")
    assert modem.signal() == -71
