# test_start_states - start() finds what another program, a reset or a weak supply has left.
# SPDX-License-Identifier: MIT

import errno
import sys

import driver_kit
import rig as _rig
from driver_kit import HOST, LTE, Log, arm, bare, raised, up
from qssl import Modem
from ugsim.fakenet import EchoPeer, FakeNet

TIMEOUT_S = 600
FAST = sys.implementation.name == "cpython"
ASKED = "+CEREG" if LTE else "+CPIN"  # an LTE modem that is registered has its SIM


def another(rig, **keywords):
    # The program after the one that used the modem until now.
    modem = Modem(rig.uart, **keywords)
    modem.link._poll = _rig.RigPoll(rig)
    return modem


def starts(rig, modem, **settings):
    # start() succeeds, what it sets is in force, and a connection works.
    settings.setdefault("apn", "internet")
    modem.start(**settings)
    model = rig.model
    assert modem.up and model.cmee == 1 and model.payload_echo == 0
    assert model.ifc == ((2, 2) if modem.flow else (0, 0))
    assert model.pdp.all[1].active and model.radio.up()
    driver_kit.works(modem)


def test_radio_left_off():
    for left in ("AT+CFUN=0", "AT+CFUN=4"):
        rig, modem = up(FakeNet(EchoPeer()))
        modem.command(left, timeout_ms=15000)
        starts(rig, another(rig))


def test_operator_selection_left_off():
    rig, modem = up(FakeNet(EchoPeer()))
    modem.command("AT+COPS=2")
    assert not rig.model.radio.up()
    start = rig.now
    starts(rig, another(rig))
    assert rig.now - start < 20000


def test_packet_data_left_off():
    rig, modem = up(FakeNet(EchoPeer()))
    modem.command("AT+CGATT=0")
    start = rig.now
    starts(rig, another(rig))
    assert rig.now - start < 10000 and rig.model.radio.attached


def test_boot_that_takes_long():
    for ms in (5000, 12000, 18000, 25000):
        rig, modem = bare(switches={"boot_ms": ms})
        rig.model.command("restart")
        starts(rig, modem)
        assert ms <= rig.now < ms + 15000, rig.now


def test_boot_that_takes_longer_than_the_time():
    rig, modem = bare(switches={"boot_ms": 30000})
    rig.model.command("restart")
    e = raised(modem.start, "internet", timeout_ms=20000)
    assert e.errno == errno.ETIMEDOUT and "not a byte" in str(e), e
    starts(rig, modem)


def test_busy_with_an_old_command():
    for ms in (25000, 60000):
        for busy in ("drop", "queue"):
            rig, modem = up(FakeNet(EchoPeer()), switches={"busy_input": busy})
            arm(rig, "delay by=%d what=final" % ms)
            rig.uart.write(b"AT+CSQ\r")
            start = rig.now
            starts(rig, another(rig))
            assert ms <= rig.now - start < ms + 20000, rig.now - start


def test_busy_with_its_sim_after_power_up():
    # Some modems refuse any command then.
    for cmd in ("+CMEE", "+IFC", "+QICSGP", "+CFUN", "+CPIN", "+COPS", "+CREG", "V", "E"):
        for code in (14, 515):
            rig, modem = bare()
            arm(rig, "cme cmd=%s code=%d n=20" % (cmd, code))
            starts(rig, modem)
    rig, modem = bare()
    arm(rig, "cme cmd=+CPIN code=515 ms=60000 n=0")
    starts(rig, modem)


def test_signal_that_is_refused():
    rig, modem = bare()
    rig.model.command("coverage off")
    rig.model.command("restart")
    rig.sleep(4000)
    arm(rig, "cme cmd=+CSQ code=100 n=3")
    rig.model.timers.at(rig.now + 5000, lambda: rig.model.command("coverage on"))
    starts(rig, modem)


def test_flow_control_left_on():
    # RTS is not wired: it hangs at "stop", so the modem can't even answer.
    for rts in (True, False):
        rig, modem = up(FakeNet(EchoPeer()))
        modem.command("AT+IFC=2,2")
        rig.model.set_line("rts", rts)
        starts(rig, another(rig))
        assert rig.now < 30000


def test_a_lost_answer_is_asked_for_again():
    # One answer is lost, then two: each time start() goes on within seconds.
    rig, modem = bare()
    log = Log(rig)
    modem.start("internet")
    took = rig.now
    names = []
    for line in log.at:
        name = line[2:].split("=")[0].split("?")[0]
        if name and name not in names:
            names.append(name)
    for name in ("+QICSGP", "+QIACT", ASKED):
        assert name in names, names
    for name in names:
        for n in (1, 2):
            rig, modem = bare()
            log = Log(rig)
            left = [n]

            def deaf(kind, text, rig=rig, log=log, name=name, left=left):
                log(kind, text)
                if kind == "at" and text[2:].startswith(name) and left[0]:
                    left[0] -= 1
                    arm(rig, "mute ms=400")  # it does what it is told, but is not heard

            rig.model.on_event = deaf
            starts(rig, modem)
            assert not left[0], name
            limit = 25000 if name in ("+QIACT", "+QIDEACT") else 12000
            assert rig.now < took + n * limit, (name, n, rig.now)


def test_an_answer_that_never_comes_is_named():
    for name in ("+QICSGP", "+QIACT") if LTE else ("+QICSGP", "+CPIN", "+QIACT"):
        rig, modem = bare()

        def deaf(kind, text, rig=rig, name=name):
            if kind == "at" and text[2:].startswith(name):
                arm(rig, "mute ms=400")

        rig.model.on_event = deaf
        e = raised(modem.start, "internet", user="u", password="p", auth=1)
        assert e.errno == errno.ETIMEDOUT and "no answer to AT" + name in str(e), (name, e)
        for word in ("APN", "user", "password"):
            assert word not in str(e), (name, e)


def restarting(rig, name, quiet, times=1):
    # The modem restarts when this command comes; quiet: without any URC.
    left = [times]

    def strike(kind, text):
        if kind == "at" and text[2:].startswith(name) and left[0]:
            left[0] -= 1
            rig.model.timers.at(rig.now, again)

    def again():
        rig.model.power.restart()
        if quiet:
            rig.model.power._say = lambda text: None

    rig.model.on_event = strike
    return left


def test_restart_at_every_step():
    # Seen by RDY or hidden: all is done again.
    for switches in ({}, {"cmee_default": "0"}, {"baud_default": 0}):
        for name in ("E1", "+CMEE", "+QISDE", "+IFC", "+QSSLSTATE", "+CFUN", "+CPIN") + (
            "+CREG",
            "+CGREG",
            "+QICSGP",
            "+QIACT=",
            "+QIACT?",
            "+CMEE?",
        ):
            for quiet in (False, True):
                rig, modem = bare(switches=switches)
                left = restarting(rig, name, quiet)
                starts(rig, modem)
                assert left == [0] or name == "+CREG", name


def test_a_byte_that_is_no_text_at_every_place():
    # Noise makes bytes of the answers that stand for no character. What start() raises, if it
    # does, is its own, and the next one works; so does the first connection.
    for call, step in (("start", 2), ("connect", 11), ("rest", 11)):
        for at in range(1, 9000, step if FAST else 60):
            rig, modem = bare(FakeNet(EchoPeer()), switches={"reply_ms": 0})
            if call != "start":
                modem.start(apn="internet")
            arm(rig, "corrupt xor=80 at=%d" % at)
            try:
                if call == "start":
                    modem.start(apn="internet")
                elif call == "connect":
                    modem.connect(HOST, 443, driver_kit.tls(modem)).close()
                else:
                    modem.ip(), modem.clock(), modem.info(), modem.state(), modem.diagnose()
            except OSError:
                pass
            left = rig.model.faults.armed()
            rig.model.command("clear")
            if left:
                break  # no answer is so long
            starts(rig, modem)
        assert left, "the whole of it was tried"


def test_brown_out_is_named():
    # The supply breaks down whenever the modem transmits: it restarts at each AT+QIACT.
    for quiet in (False, True):
        switches = {"boot_ms": 1000, "register_ms": 100}
        if LTE:
            switches["apn_kept"] = "no"  # else it needs no AT+QIACT once it has started again
        rig, modem = bare(switches=switches)
        left = restarting(rig, "+QIACT=", quiet, 100)
        e = raised(modem.start, "internet")
        for word in ("restarts", "transmits", "supply", "2 A"):
            assert word in str(e), e
        assert 100 - left[0] < 6 and "APN" not in str(e), e
        rig.model.on_event = None
        starts(rig, modem)


def test_a_restart_or_two_is_no_brown_out():
    rig, modem = bare()
    restarting(rig, "+QIACT=", False, 2)
    starts(rig, modem)


def test_half_a_command_and_a_connection_left():
    rig, modem = up(FakeNet(EchoPeer()))
    sock = modem.connect(HOST, 443, driver_kit.tls(modem))
    sock.write(b"x")
    sock.flush()
    rig.uart.write(b'AT+QICSGP=1,1,"oth')
    starts(rig, another(rig))


def test_urcs_sent_to_another_port():
    for left in (
        'AT+QCFG="urc/port",1,"usbat"',
        'AT+QCFG="urc/port",1,"uart1"',
        'AT+QCFG="urc/port",0,"usbmodem"',
        'AT+QINDCFG="all",0',
        "AT",
    ):
        hangs = "dnsgip" if left == "AT" else "act_ms"
        rig, modem = up(FakeNet(EchoPeer()), switches={hangs: "hangs" if left == "AT" else 10})
        modem.command(left)
        again = another(rig)
        log = Log(rig)
        again.start("internet")
        assert not log.count("AT+QSSLOPEN") and not rig.model.pdp.plain
        sock = again.connect(HOST, 443, driver_kit.tls(again), timeout_ms=5000)
        assert log.count("AT+QSSLOPEN") == 1
        sock.close()
        driver_kit.works(again)


def test_urcs_sent_to_another_port_by_a_modem_that_looks_up_no_name():
    # No URC can be asked for: the name of this port is set all the same, if it is not yet.
    for left in ('1,"uart1"', '0,"usbmodem"', '1,"usbmodem"'):
        rig, modem = up(FakeNet(EchoPeer()))
        modem.command('AT+QCFG="urc/port",' + left)
        again = another(rig)
        arm(rig, "error cmd=+QIDNSGIP n=0")
        log = Log(rig)
        again.start("internet")
        assert log.count('AT+QCFG="urc/port",') == (left != '1,"usbmodem"'), (left, log.at)
        again.connect(HOST, 443, driver_kit.tls(again), timeout_ms=5000)
        assert log.count("AT+QSSLOPEN") == 1


def test_character_set_left():
    for name in ("plain", "hex"):
        rig, modem = up(FakeNet(EchoPeer()), switches={"cscs_name": name})
        modem.command('AT+CSCS="UCS2"')
        starts(rig, another(rig), apn="other")
        assert rig.model.pdp.all[1].apn == "other"


def test_every_call_is_within_its_time():
    for make in ("coverage off", "sim busy", "registration 3", "power off", "fault act_error n=0"):
        for limit in (1000, 3000, 20000, 60000):
            rig, modem = bare()
            modem.baud = 115200
            rig.model.command(make)
            start = rig.now
            raised(modem.start, "internet", timeout_ms=limit)
            assert rig.now - start <= limit + 50, (make, limit, rig.now - start)


def test_asleep():
    for mode, wake in ((1, "bytes"), (1, "dtr"), (2, "bytes")):
        rig, modem = up(FakeNet(EchoPeer()), switches={"sleep_wake": wake})
        modem.command("AT+QSCLK=%d" % mode)
        rig.model.set_line("dtr", False)
        rig.sleep(60000)

        class Dtr:
            def value(self, level, rig=rig):
                rig.model.set_line("dtr", level)

        starts(rig, another(rig, dtr=Dtr() if wake == "dtr" else None))
        assert rig.model.sleep_mode == 0
        rig.sleep(60000)
        driver_kit.works(modem)


def test_results_left_off_or_in_digits():
    for left in (b"ATQ1\r", b"ATV0\r", b"ATQ1V0E0\r", b"ATV0+IFC=2,2\r"):
        rig, modem = up(FakeNet(EchoPeer()))
        rig.uart.write(left)
        rig.sleep(100)
        if b"IFC" in left:
            rig.model.set_line("rts", False)
        starts(rig, another(rig))
        assert rig.model.verbose and not rig.model.quiet


def test_messages_whose_text_reads_like_an_answer():
    # While the modem's own answers can't be read.
    for left in (b"ATQ1\r", b"ATV0\r"):
        rig, modem = up(FakeNet(EchoPeer()))
        rig.uart.write(left)
        rig.sleep(100)
        last = [0]

        def idle(rig=rig, last=last):
            if 700 < rig.now - last[0] and rig.now < 40000:
                last[0] = rig.now
                rig.model.out.urc('+CMT: "+491510000000",,"26/11/22,10:00:00+00"\r\nOK')

        start = rig.now
        starts(rig, another(rig, idle=idle))
        assert rig.now - start < 60000


def test_everything_left_at_once():
    rig, modem = up(FakeNet(EchoPeer()), switches={"radio_kept": "yes"})
    for left in ("+QSCLK=2", '+CSCS="UCS2"', "+COPS=2", "+CFUN=0", '+QINDCFG="all",0') + (
        '+QCFG="urc/port",1,"usbat"',
        "+CMEE=2",
    ):
        modem.command("AT" + left, timeout_ms=15000)
    rig.uart.write(b"ATV0E1+IFC=2,2\r")
    rig.sleep(100)
    rig.model.set_line("rts", False)
    rig.sleep(30000)
    rig.uart.write(b'AT+QICSGP=1,1,"ot')
    starts(rig, another(rig))


def test_radio_that_stays_off():
    rig, modem = up()
    modem.command("AT+CFUN=4", timeout_ms=15000)
    rig.model.radio.set_functionality = lambda level: None
    e = raised(another(rig).start, "internet")
    assert "radio is off" in str(e) and "W_DISABLE" in str(e), e


def test_flow_control_whose_rts_is_not_wired():
    rig, _ = bare()
    rig.model.set_line("rts", False)
    modem = another(rig, flow=True)
    e = raised(modem.start, "internet")
    assert "AT+IFC=2,2" in str(e) and "RTS" in str(e) and "flow=False" in str(e), e
    assert rig.now < 20000
    rig.model.ifc = (2, 2)
    e = raised(another(rig, flow=True).start, "internet")
    assert "RTS" in str(e), e
    starts(rig, another(rig))
    rig.model.set_line("rts", True)
    starts(rig, another(rig, flow=True))
