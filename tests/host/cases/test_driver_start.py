# test_driver_start - start() from any state that a modem can be in.
# SPDX-License-Identifier: MIT

import errno
import sys

import driver_kit
import qssl
from driver_kit import HOST, Log, Watch, bare, raised, tls, up
from qssl import Modem
from qssl.errors import Refused
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places

TIMEOUT_S = 600


def types(rig, text):
    # What somebody typed before the program came.
    rig.uart.write(text)
    rig.sleep(300)
    rig.rx.clear()


def starts(rig, modem, **settings):
    # start() succeeds, leaves the modem as it should be, and a connection works.
    if "apn" not in settings:
        settings["apn"] = "internet"
    modem.start(**settings)
    model = rig.model
    assert modem.up and model.cmee == 1 and modem.link.echo == model.echo
    assert model.pdp.all[1].active and modem.address == "10.7.157.1"
    assert model.sockets.slots == [None] * 12
    driver_kit.works(modem)


class Line:
    # A pin: value() and value(level), wired to one of the model's lines.
    def __init__(self, rig, name, read=None):
        self._rig = rig
        self._name = name

    def value(self, level=None):
        model = self._rig.model
        if level is None:
            return int(model.line(self._name))
        model.set_line(self._name, level)


def test_fresh_modem():
    rig, modem = bare()
    assert not modem.up
    starts(rig, modem)
    assert rig.now < 2000


def test_start_again_and_again():
    rig, modem = bare()
    for _ in range(5):
        starts(rig, modem)
    log = Log(rig)
    modem.start("internet")
    assert not log.count("AT+QIACT=") and not log.count("AT+QIDEACT"), log.at


def test_switched_off():
    # PWRKEY starts it, with and without the STATUS line.
    for status in (True, False):
        rig, _ = bare(powered=False)
        modem = Modem(
            rig.uart,
            pwrkey=Line(rig, "pwrkey"),
            status=Line(rig, "status") if status else None,
        )
        starts(rig, modem)
        assert not rig.model.lines["pwrkey"]
        assert rig.model.power.starts == 1
        assert rig.now < (12000 if status else 60000), rig.now


def test_running_modem_is_not_switched_off_by_its_key():
    for status in (True, False):
        rig, _ = bare()
        modem = Modem(
            rig.uart,
            pwrkey=Line(rig, "pwrkey"),
            status=Line(rig, "status") if status else None,
        )
        starts(rig, modem)
        assert rig.model.power.starts == 0


def test_booting():
    for wait in (0, 500, 2900, 3000, 3200, 4000):
        rig, modem = bare()
        rig.model.command("restart")
        rig.sleep(wait)
        starts(rig, modem)


def test_powered_down_while_in_use():
    rig, _ = bare()
    modem = Modem(rig.uart, pwrkey=Line(rig, "pwrkey"), status=Line(rig, "status"))
    starts(rig, modem)
    rig.model.power.shut_down()
    rig.sleep(3000)
    modem.pump()
    assert not modem.up
    starts(rig, modem)


def connection(rig, mode=0):
    # What another program left: an open connection.
    types(rig, b'AT+QICSGP=1,1,"internet"\r')
    types(rig, b"AT+QIACT=1\r")
    types(rig, b'AT+QSSLOPEN=1,0,0,"%s",443,%d\r' % (HOST.encode(), mode))


def test_data_mode():
    for peer in (EchoPeer(), SinkPeer()):
        rig, modem = bare(FakeNet(peer))
        connection(rig, 2)
        assert rig.model.line("dcd")
        starts(rig, modem)
        assert not rig.model.line("dcd")


def test_open_prompt_of_fixed_length():
    for switches in ({}, {"prompt_again": "both"}, {"prompt_space": "no"}):
        for left in (1, 2, 3, 50, 1459, 1460):
            rig, modem = bare(FakeNet(SinkPeer()), switches=switches)
            connection(rig)
            types(rig, b"AT+QSSLSEND=0,1460\r")
            if left < 1460:
                types(rig, b"x" * (1460 - left))
            starts(rig, modem)


def test_a_modem_that_hangs_in_an_open_prompt():
    # What is typed to wake it is data: nothing but what gets a modem out of a prompt.
    for ms in range(2000, 34000, 700 if FAST else 5000):
        rig, modem = up(FakeNet(SinkPeer()))
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(0)
        sock.write(b"d" * 1500)
        rig.model.command("fault mute ms=%d" % ms)
        modem.start("internet")
        got = bytes(rig.net.default.received)
        assert sock.why and not got.strip(b"AT\r\x1b+ "), (ms, got)


def test_open_prompt_of_variable_length():
    for answer in ("ok", "nothing", "fail"):
        for typed in (b"", b"some data", b"two\rlines"):
            rig, modem = bare(FakeNet(SinkPeer()), switches={"esc_answer": answer})
            connection(rig)
            types(rig, b"AT+QSSLSEND=0\r")
            if typed:
                types(rig, typed)
            starts(rig, modem)
            assert not rig.net.default.received, "the open prompt was sent"


def test_half_an_upload():
    for seconds, size in ((5, 1000), (300, 1000), (300, 100000), (300, 4)):
        for typed in (0, 1, 700):
            if typed >= size:
                continue
            rig, modem = bare()
            types(rig, b'AT+QFUPL="RAM:x.pem",%d,%d\r' % (size, seconds))
            if typed:
                types(rig, b"c" * typed)
            starts(rig, modem)


def test_half_a_command():
    for text in (b"A", b"AT+QSSLOP", b'AT+QSSLOPEN=1,0,0,"', b"\x1b", b"+++", b"garbage", b"A/"):
        rig, modem = bare()
        types(rig, text)
        starts(rig, modem)


def test_command_in_progress():
    for what in (b'AT+QSSLOPEN=1,0,0,"x.example",443,2\r', b"AT+COPS=?\r"):
        rig, modem = bare(FakeNet(EchoPeer(), latency_ms=3000))
        types(rig, b'AT+QICSGP=1,1,"internet"\rAT+QIACT=1\r')
        types(rig, what)
        starts(rig, modem)


def test_echo_and_error_reports_of_every_kind():
    for echo in (b"ATE0\r", b"ATE1\r"):
        for cmee in (0, 1, 2):
            for text in (b"", b"AT&W\r"):
                rig, modem = bare()
                types(rig, echo)
                types(rig, b"AT+CMEE=%d\r" % cmee)
                types(rig, text)
                starts(rig, modem)


def test_other_baud_rate():
    for rate in (4800, 9600, 19200, 57600, 230400, 460800, 921600):
        rig, _ = bare()
        rig.model.command("baud %d" % rate)
        rig.set_baud(115200)
        modem = Modem(rig.uart, baud=115200)
        starts(rig, modem)
        assert rig.model.baud == 115200 and rig.model.host_baud == 115200
        assert rig.now < 120000, rig.now


def test_automatic_baud_rate():
    for write_max in (None, 1):  # a UART that takes byte by byte, too
        rig, _ = bare(switches={"baud_default": 0}, powered=False, write_max=write_max)
        modem = Modem(rig.uart, pwrkey=Line(rig, "pwrkey"), status=Line(rig, "status"))
        starts(rig, modem)


def test_sockets_left_open():
    for prefix in ("qssl", "qi"):
        rig, modem = bare(switches={"state_prefix": prefix})
        connection(rig)
        for i in range(1, 12):
            types(rig, b'AT+QSSLOPEN=1,0,%d,"%s",443\r' % (i, HOST.encode()))
        assert None not in rig.model.sockets.slots
        starts(rig, modem)


def test_sockets_of_a_former_start():
    rig, modem = up(sockets=2)
    context = tls(modem)
    old = [modem.connect(HOST, 443, context) for _ in range(2)]
    starts(rig, modem)
    for sock in old:
        raised(sock.write, b"x")
        raised(sock.recv, 1)
        sock.close()
    driver_kit.works(modem)


def test_new_program_on_a_modem_in_use():
    # The board was reset: a new Modem object finds what the old one left.
    rig, first = up()
    sock = first.connect(HOST, 443, tls(first))
    sock.write(b"x" * 500)
    sock.flush()
    second = Modem(rig.uart)
    starts(rig, second)


def test_pdp_context_with_another_apn():
    rig, modem = bare()
    types(rig, b'AT+QICSGP=1,1,"other.apn","me","secret",1\r')
    types(rig, b"AT+QIACT=1\r")
    assert rig.model.pdp.all[1].active
    starts(rig, modem)
    assert rig.model.pdp.all[1].apn == "internet"
    starts(rig, modem, apn="third", user="u", password="p", auth=2)
    c = rig.model.pdp.all[1]
    assert (c.apn, c.user, c.password, c.auth) == ("third", "u", "p", 2)


def test_pdp_context_that_was_lost():
    # QIDEACT has to come before QIACT.
    rig, modem = up()
    rig.model.command("pdp drop 1")
    starts(rig, modem)


def test_other_pdp_context():
    rig, _ = bare()
    modem = Modem(rig.uart, pdp=20)
    modem.start("internet")
    assert rig.model.pdp.all[20].active and not rig.model.pdp.all[1].active
    driver_kit.works(modem)


def test_activation_that_fails_at_first():
    for code in (561, 568, 569):
        rig, modem = bare()
        rig.model.command("fault act_error code=%d n=3" % code)
        starts(rig, modem)
        assert rig.now < 30000


def test_activation_that_fails():
    watch = Watch()
    rig, modem = bare(idle=watch)
    rig.model.command("fault act_error n=0 code=561")
    start = rig.now
    watch.start()
    e = raised(modem.start, "internet", timeout_ms=30000)
    assert e.code == 561 and "APN" in str(e) and e.phase == "start", e
    assert rig.now - start <= 30100 and watch.stop() <= 100, rig.now - start
    assert not modem.up
    rig.model.command("clear")
    starts(rig, modem)


def test_no_apn():
    rig, modem = bare()
    e = raised(modem.start, timeout_ms=10000)
    assert "apn" in str(e).lower() and e.code == 573, e
    rig, modem = bare(switches={"empty_apn": "ok"})
    modem.start()
    driver_kit.works(modem)


def test_activation_in_either_way():
    for switches in (
        {"qiact_when_active": "ok"},
        {"act_ms": 100000},
        {"geterror_space": "no"},
        {"pdpdeact_also_closed": "no"},
    ):
        rig, modem = bare(switches=switches)
        starts(rig, modem)


def test_locked_sim():
    rig, modem = bare(switches={"sim": "pin"}, powered=False)
    rig.model.command("power on")
    e = raised(modem.start, "internet")
    assert e.errno == errno.EACCES and "PIN" in str(e) and "pin=" in str(e), e
    log = Log(rig)
    e = raised(modem.start, "internet", pin="9999")
    assert isinstance(e, Refused) and e.errno == errno.EACCES and "PIN" in str(e), e
    assert log.count("AT+CPIN=") == 1, "a wrong PIN is tried once only"
    starts(rig, modem, pin="1234")
    starts(rig, modem, pin="1234")


def test_no_sim():
    watch = Watch()
    rig, modem = bare(switches={"sim": "none"}, powered=False, idle=watch)
    rig.model.command("power on")
    watch.start()
    e = raised(modem.start, "internet")
    assert e.errno == errno.ENODEV and "SIM" in str(e) and "holder" in str(e), e
    assert rig.now < 40000 and watch.stop() <= 100


def test_no_coverage():
    watch = Watch()
    rig, modem = bare(idle=watch)
    rig.model.command("coverage off")
    start = rig.now
    watch.start()
    e = raised(modem.start, "internet", timeout_ms=20000)
    assert e.errno == errno.EHOSTUNREACH and "antenna" in str(e), e
    assert rig.now - start <= 20100 and watch.stop() <= 100
    assert not modem.up


def test_coverage_that_comes_late():
    for ms in (1000, 15000, 100000):
        rig, modem = bare()
        rig.model.command("coverage off")
        rig.model.timers.at(rig.now + ms, lambda rig=rig: rig.model.command("coverage on"))
        starts(rig, modem)
        assert ms < rig.now < ms + 20000


def test_registration_denied_and_roaming():
    rig, modem = bare()
    rig.model.command("registration 3")
    e = raised(modem.start, "internet", timeout_ms=10000)
    assert e.errno == errno.EHOSTUNREACH, e
    rig.model.command("registration 5")
    starts(rig, modem)


class Silent:
    # A UART with nothing at its other end.
    def any(self):
        return 0

    def readinto(self, buf, n=None):
        return None

    def write(self, buf, off=None, n=None):
        return n


class Loop(Silent):
    # RX and TX connected with each other.
    def __init__(self):
        self.data = b""

    def any(self):
        return len(self.data)

    def readinto(self, buf, n=None):
        n = min(n, len(self.data))
        buf[:n] = self.data[:n]
        self.data = self.data[n:]
        return n

    def write(self, buf, off=None, n=None):
        self.data += bytes(memoryview(buf)[off : off + n])
        return n


class Noise(Silent):
    # A modem at another rate: what it answers can't be read.
    def __init__(self):
        self.owes = 0

    def any(self):
        return self.owes

    def readinto(self, buf, n=None):
        n = min(n, self.owes)
        buf[:n] = b"\xfe\x80\x00\xf8"[:n]
        self.owes -= n
        return n

    def write(self, buf, off=None, n=None):
        self.owes = 4
        return n


def test_no_modem_at_all():
    for uart, words, not_so in (
        (Silent(), ("not a byte", "power", "RX", "TX", "baud", "GND"), ("garbled", "our own")),
        (Loop(), ("our own bytes", "RX", "TX"), ("not a byte", "garbled", "baud")),
        (Noise(), ("garbled", "baud", "1.8 V", "GND"), ("not a byte", "our own", "PWRKEY")),
    ):
        watch = Watch()
        rig, _ = bare(idle=watch)
        modem = Modem(uart, idle=watch)
        for limit in (1000, 10000, 180000) if FAST else (1000, 30000):
            start = rig.now
            watch.start()
            e = raised(modem.start, "internet", timeout_ms=limit)
            assert e.errno == errno.ETIMEDOUT, e
            for word in words:
                assert word in str(e), (word, e)
            for word in not_so:
                assert word not in str(e), (word, e)
            assert limit - 1000 <= rig.now - start <= limit + 20, (limit, rig.now - start)
            assert watch.stop() <= 100
            assert modem.link.uart is uart


def test_modem_that_never_stops_talking():
    watch = Watch()
    rig, modem = bare(idle=watch)

    def talk():
        rig.model.command("say +CUSD: 2")
        rig.model.timers.at(rig.now + 50, talk)

    talk()
    starts(rig, modem)


def test_start_before_anything_else():
    rig, modem = bare()
    context = tls(modem)
    log = Log(rig)
    e = raised(modem.connect, HOST, 443, context)
    assert e.errno == errno.ENOTCONN and "start()" in str(e), e
    assert not log.at


def test_lost_bytes_while_starting():
    # Either it succeeds all the same, or it says what is wrong; the next start() succeeds.
    rig, modem = bare()
    modem.start("internet")
    total = rig.model.out.total
    for at in range(1, total, 5 if FAST else 19):
        for fault in ("lose", "insert byte=0a"):
            rig, modem = bare(idle=Watch(39))
            rig.model.command("fault %s at=%d" % (fault, at))
            try:
                modem.start("internet", timeout_ms=60000)
            except OSError as e:
                assert e.errno, e
            rig.model.command("clear")
            starts(rig, modem)


def test_restart_while_starting():
    rig, modem = bare()
    modem.start("internet")
    total = rig.model.out.total
    for at in range(1, total, 11 if FAST else 29):
        rig, modem = bare(idle=Watch(39))
        rig.model.command("fault cut at=%d" % at)
        modem.start("internet", timeout_ms=60000)
        starts(rig, modem)


def test_what_only_start_needs_is_given_back():
    keep = qssl.unload
    qssl.unload = driver_kit.unload
    try:
        for _ in range(2):
            rig, modem = up()
            for name in ("start", "connect", "clock"):
                assert name not in qssl.__dict__, name
                for path in sys.modules:
                    assert not (path + ".").startswith("qssl.%s." % name), path
            starts(rig, modem)
    finally:
        qssl.unload = keep
