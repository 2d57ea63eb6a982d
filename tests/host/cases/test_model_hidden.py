# test_model_hidden - restarts that nothing tells of, and URCs that go to another port.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import EchoPeer, FakeNet

CME50 = b"\r\n+CME ERROR: 50\r\n"
OPENED0 = b"\r\n+QSSLOPEN: 0,0\r\n"


def was_restarted(t):
    # All is as after power-up, though nothing was said.
    assert t.at("AT+QSSLSTATE").endswith(OK) and t.model.sockets.live == []
    assert t.at("AT+QIACT?").find(b"+QIACT: 1") < 0
    assert t.model.echo


def test_a_quiet_restart():
    for command in ("restart quiet", "power on quiet"):
        t = ready()
        t.open()
        if command.startswith("power"):
            t.control("power off")
        t.control(command)
        assert t.wait(20000) == b"", command
        assert t.at("ATE0") == b"ATE0\r" + OK
        t.model.echo = True
        was_restarted(t)
        # It is registered, and tells what is new.
        t.model.echo = False
        assert t.at("AT+CREG=1;+CREG?") == lines("+CREG: 1,1")
        t.control("registration 0")
        assert t.read() == b"\r\n+CREG: 0\r\n"
        # The next one is as usual.
        t.control("restart")
        assert t.wait(10000).startswith(b"\r\nRDY\r\n")


def test_a_quiet_restart_at_a_byte():
    t = ready()
    t.open()
    t.send(0, b"payload")
    t.control("fault cut in=payload at=3 do=quiet")
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 7\r\npay"
    assert t.wait(20000) == b""
    was_restarted(t)


def test_a_quiet_restart_with_a_locked_sim():
    t = Terminal(sim="pin")
    t.control("restart quiet")
    assert t.wait(20000) == b""
    t.model.echo = False
    assert t.at('AT+CPIN="1234"') == OK
    assert t.wait(20000) == b""
    assert t.at("AT+CPIN?") == lines("+CPIN: READY")


def test_a_crash_at_a_command():
    t = Terminal()
    t.control("fault crash cmd=QIACT n=2")
    t.at('AT+QICSGP=1,1,"a"')
    for _ in range(2):
        assert t.at("AT+QIACT=1") == b""
        assert t.wait(10000).startswith(b"\r\nRDY\r\n")
        t.at("ATE0")
        assert t.at("AT+QICSGP=1") == lines('+QICSGP: 1,"","","",0')
        t.at('AT+QICSGP=1,1,"a"')
    assert t.at("AT+QIACT=1") + t.wait(1000) == OK
    # In the middle of what it does.
    t.at("AT+QIDEACT=1")
    t.control("fault crash cmd=QIACT by=100 do=quiet")
    assert t.at("AT+QIACT=1") + t.wait(20000) == b""
    was_restarted(t)
    t.model.echo = False
    t.control("fault crash do=mute")
    assert t.at("AT") + t.wait(100000) == b""
    t.control("fault crash cmd=AT do=off")
    t.control("restart")
    t.wait(10000)
    assert t.at("ATE0") == b"ATE0\r" + OK
    assert t.at("AT") == b""
    assert not t.model.line("status")


def test_a_crash_behind_the_prompt():
    t = ready()
    t.open()
    t.control("fault crash cmd=QSSLSEND by=50")
    assert t.at("AT+QSSLSEND=0,5") == b"\r\n> "
    assert t.type("abc") == b""
    assert t.wait(10000).startswith(b"\r\nRDY\r\n")


def test_start_up_lines_at_another_port():
    t = Terminal(start_urcs="elsewhere")
    t.control("restart")
    assert t.wait(20000) == b""
    t.at("ATE0;+CREG=1")
    t.control("registration 0")
    assert t.read() == b"\r\n+CREG: 0\r\n"
    t.at("AT+QPOWD")
    assert t.wait(10000) == b"\r\nPOWERED DOWN\r\n"


def test_urcs_at_another_port():
    peer = EchoPeer()
    t = ready(FakeNet(peer))
    t.at("AT+CREG=1")
    assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",1,"usbmodem"')
    assert t.at('AT+QCFG="urc/port",1,"usbat"') == OK
    assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",1,"usbat"')
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OK
    assert t.wait(10000) == b""
    assert t.at("AT+QSSLSTATE").find(b",3,1,0,0,") > 0
    assert t.send(0, b"abc") == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 3\r\nabc\r\n\r\nOK\r\n"
    for command in ("close 0", "registration 0", "say +CUSD: 2", "registration 1"):
        t.control(command)
        assert t.read() == b"", command
    assert t.at('AT+QIDNSGIP=1,"host.example"') + t.wait(1000) == OK
    # The right name, or the other port switched off, brings them back.
    assert t.at('AT+QCFG="URC/PORT",1,"USBMODEM"') == OK
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"
    assert t.at('AT+QCFG="urc/port",0,"usbmodem"') == OK
    t.control("say +CUSD: 2")
    assert t.read() == b""
    assert t.at('AT+QCFG="urc/port",0,"uart1"') == OK
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"


def test_the_port_has_the_name_that_the_switch_gives_it():
    t = Terminal(at_port="uart1")
    assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",1,"uart1"')
    t.at('AT+QCFG="urc/port",1,"usbmodem"')
    t.control("say +CUSD: 2")
    assert t.read() == b""
    t.at('AT+QCFG="urc/port",1,"uart1"')
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"


def test_whether_a_restart_forgets_it():
    for kept, value in (("yes", "usbat"), ("no", "usbmodem")):
        t = Terminal(urc_port_kept=kept)
        t.at('AT+QCFG="urc/port",1,"usbat"')
        t.at('AT+QCFG="urc/delay",1')
        t.control("restart")
        said = t.wait(20000)
        assert said.startswith(b"\r\nRDY\r\n") if kept == "no" else said == b""
        t.at("ATE0")
        assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",1,"%s"' % value)
        assert t.at('AT+QCFG="urc/delay"') == lines('+QCFG: "urc/delay",0')


def test_the_opening_is_told_here_all_the_same():
    t = ready(urc_port_open="yes")
    t.at('AT+QCFG="urc/port",0,"usbmodem"')
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OK + OPENED0
    t.control("close 0")
    assert t.read() == b""


def test_pushed_data_go_where_the_urcs_go():
    t = ready()
    t.open(mode=1)
    t.at('AT+QCFG="urc/port",1,"usbat"')
    assert t.send(0, b"abc") == b"\r\nSEND OK\r\n"
    t.at('AT+QCFG="urc/port",1,"usbmodem"')
    assert t.send(0, b"d") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,1\r\nd\r\n'


def test_wrong_values():
    t = Terminal()
    for text in ('1,"com3"', "1", '2,"uart1"', "1,uart1", '1,"uart1",1', '"uart1"'):
        assert t.at('AT+QCFG="urc/port",' + text) == CME50, text
    assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",1,"usbmodem"')
    assert t.at("AT+QCFG") == CME50
    assert t.at('AT+QCFG="x"') != ERROR
    for text, part in (
        ("restart loud", "restart or restart quiet; choose quiet"),
        ("power on loud", "choose quiet"),
        ("fault crash do=foo", "restart, off, mute or quiet"),
        ("fault crash cmd=+FOO", "a command that the modem knows"),
        ("switch start_urcs x", "here, elsewhere"),
    ):
        answer = t.model.command(text)
        assert answer.startswith("error: ") and part in answer, (text, answer)
