# test_model_faults - every named fault strikes as described, and the control commands.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet, SinkPeer
from ugsim.model import FAULTS, SWITCHES

RECV0 = b'\r\n+QSSLURC: "recv",0\r\n'
OPENED0 = b"\r\n+QSSLOPEN: 0,0\r\n"
OPEN0 = 'AT+QSSLOPEN=1,0,0,"host.example",443'


def opened(**switches):
    t = ready(**switches)
    t.open()
    return t


def test_help_lists_everything():
    text = Terminal().control("help")
    for name in FAULTS:
        assert "  %s " % name in text, name
        assert FAULTS[name][0] in text
    for name in ("restart", "coverage", "pdp", "storage", "clear"):
        assert "  %s" % name in text
    assert "SEND FAIL" in Terminal().control("help send_fail")
    assert "coverage on|off" in Terminal().control("help coverage")
    text = Terminal().control("switches")
    for name in SWITCHES:
        assert "  %s=" % name in text


def test_wrong_commands_are_one_clear_sentence():
    t = Terminal()
    for text, part in (
        ("", "no command"),
        ("nonsense", "unknown command 'nonsense'"),
        ("fault", "which fault"),
        ("fault nonsense", "unknown fault 'nonsense'"),
        ("fault send_fail x=1", "no parameter 'x'; it takes ms, n"),
        ("fault send_fail ms=soon", "wants a number, not 'soon'"),
        ("fault send_fail 5", "'5' is no parameter=value"),
        ("fault send_fail n=1 n=2", "n stands twice"),
        ("fault corrupt xor=zz", "hexadecimal"),
        ("fault cut do=dance", "restart, off, mute or quiet"),
        ("clear nonsense", "unknown fault"),
        ("help nonsense", "neither"),
        ("switch nonsense 1", "unknown switch 'nonsense'"),
        ("switch recv_trailer medium", "can be long, short, not 'medium'"),
        ("switch rx_size big", "wants a number"),
        ("switch recv_trailer", "switch NAME VALUE"),
        ("coverage maybe", "on or off"),
        ("pdp drop 21", "from 1 to 20"),
        ("pdp drop 1", "not active"),
        ("close 0", "not connected"),
        ("close 12", "from 0 to 11"),
        ("security 0", "not connected"),
        ("raw 100", "hexadecimal"),
        ("line cts on", "choose"),
        ("signal 32", "from 0 to 31"),
        ("power", "on or off"),
        ("storage half", "choose"),
    ):
        answer = t.model.command(text)
        assert answer.startswith("error: ") and part in answer, (text, answer)
        assert "\n" not in answer
    assert t.at("AT") == OK


def test_state_and_lists():
    t = opened()
    text = t.control("state")
    assert "socket 0 connected, host.example:443" in text
    assert "pdp 1 active" in text
    assert t.control("faults") == "none"
    t.control("fault send_fail n=2")
    assert "send_fail" in t.control("faults")
    assert t.control("clear") == "1 cleared"
    assert t.control("faults") == "none"


def test_counts_and_durations():
    t = opened()
    t.control("fault send_fail n=2")
    for reply in (b"\r\nSEND FAIL\r\n", b"\r\nSEND FAIL\r\n", b"\r\nSEND OK\r\n" + RECV0):
        assert t.send(0, b"abc") == reply
    t.control("fault send_fail ms=2000")
    for _ in range(5):
        assert t.send(0, b"abc") == b"\r\nSEND FAIL\r\n"
        t.wait(399)
    t.wait(10)
    assert t.send(0, b"abc") == b"\r\nSEND OK\r\n"
    t.control("fault send_fail n=0")
    for _ in range(50):
        assert t.send(0, b"abc") == b"\r\nSEND FAIL\r\n"
    t.control("clear send_fail")
    assert t.send(0, b"abc") == b"\r\nSEND OK\r\n"


def test_lose_a_byte_at_each_place_of_a_reply():
    whole = lines("+CSQ: 21,0")
    for k in range(1, len(whole) + 1):
        t = Terminal()
        t.control("fault lose at=%d" % k)
        assert t.at("AT+CSQ") == whole[: k - 1] + whole[k:], k
        assert t.at("AT+CSQ") == whole


def test_lose_a_byte_counts_over_several_replies():
    t = Terminal()
    t.control("fault lose at=8")
    assert t.at("AT") == OK
    assert t.at("AT") == b"\r" + OK[2:]
    assert t.at("AT") == OK


def test_corrupt_insert_dup():
    t = Terminal()
    t.control("fault corrupt at=3 xor=20")
    assert t.at("AT") == b"\r\noK\r\n"
    t.control("fault insert at=3 byte=3e bytes=2")
    assert t.at("AT") == b"\r\n>>OK\r\n"
    t.control("fault dup at=3 bytes=2")
    assert t.at("AT") == b"\r\nOKOK\r\n"
    t.control("fault corrupt at=3")
    reply = t.at("AT")
    assert len(reply) == 6 and reply != OK and reply[3:] == OK[3:]


def test_place_by_kind():
    t = opened()
    t.send(0, b"payload")
    t.control("fault lose in=payload at=2")
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 7\r\npyload\r\n\r\nOK\r\n"
    t.send(0, b"payload")
    t.control("fault lose in=trailer at=6")
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 7\r\npayload\r\n\r\nO\r\n"
    t.control("fault lose in=info at=3")
    assert t.at("AT+CSQ") == b"\r\nCSQ: 21,0\r\n\r\nOK\r\n"
    t.control("fault lose in=final at=4")
    assert t.at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n\r\nO\r\n"
    t.control("fault lose in=prompt at=3")
    assert t.at("AT+QSSLSEND=0,1") == b"\r\n "
    t.control("fault lose in=urc at=3")
    assert t.type("x") == b'\r\nSEND OK\r\n\r\nQSSLURC: "recv",0\r\n'
    t.control("fault lose in=reply at=3")
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"
    assert t.at("AT") == b"\r\nK\r\n"


def test_place_by_line():
    t = opened()
    t.send(0, b"payload")
    t.control("fault corrupt line=+QSSLRECV: at=13 xor=1")
    assert t.at("AT+CSQ") == lines("+CSQ: 21,0")
    reply = t.at("AT+QSSLRECV=0,1500")
    assert reply == b"\r\n+QSSLRECV:!7\r\npayload\r\n\r\nOK\r\n"


def test_bytes_lost_at_random_depend_on_the_seed_alone():
    def run():
        t = opened()
        t.control("fault lose rate=50 n=0")
        return b"".join([t.at("ATI") for _ in range(50)])

    first = run()
    whole = len(opened().at("ATI")) * 50
    assert run() == first
    assert whole * 95 // 100 < len(first) < whole * 99 // 100


def test_input_faults():
    t = opened()
    t.control("fault lose_in at=4")
    assert t.at("AT+CSQ") == ERROR
    t.control("fault corrupt_in at=1 xor=ff")
    assert t.at("AT") == b""
    t.control("fault lose_in at=20 bytes=2")
    t.at("AT+QSSLSEND=0,8")
    assert t.type("abcdefgh") == b""
    assert t.type("XY").startswith(b"\r\nSEND OK")
    assert t.at("AT+QSSLRECV=0,1500").find(b"\r\nabcfghXY\r\n") > 0


def test_cut_restarts_in_the_middle():
    start = b"\r\nRDY\r\n"
    whole = lines("+CSQ: 21,0")
    for k in range(1, len(whole)):
        t = Terminal()
        t.control("fault cut at=%d" % k)
        assert t.at("AT+CSQ") == whole[:k]
        assert t.at("AT") == b""
        assert t.wait(10000).startswith(start)
        assert t.at("ATE0") == b"ATE0\r" + OK
    t = opened()
    t.send(0, b"payload")
    t.control("fault cut in=payload at=3")
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 7\r\npay"
    assert t.wait(10000).startswith(start)
    t = Terminal()
    t.control("fault cut do=off")
    assert t.at("AT") == b"\r"
    assert not t.model.line("status")
    t = Terminal()
    t.control("fault cut do=mute")
    assert t.at("AT") == b"\r"
    assert t.wait(100000) == b"" and t.at("AT") == b""
    t.control("restart")
    assert t.wait(10000).startswith(start)


def test_mute_and_stall():
    t = Terminal()
    t.control("fault mute ms=1000")
    assert t.at("AT") == b""
    t.control("say +CUSD: 2")
    assert t.wait(1000) == b""
    assert t.at("AT") == OK
    t.control("fault mute")
    assert t.at("AT") == b""
    assert t.wait(1000000) == b""
    t.control("clear")
    assert t.at("AT") == OK
    t.control("fault stall ms=500")
    assert t.at("AT") == b""
    assert t.wait(499) == b""
    assert t.wait(1) == OK


def test_delays():
    t = opened()
    t.control("fault delay by=700")
    assert t.at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n"
    assert t.at("AT") == b""
    assert t.wait(699) == b""
    assert t.wait(1) == OK
    t.control("fault delay what=send_ok by=700")
    assert t.at("AT") == OK
    assert t.send(0, b"abc") == RECV0
    assert t.wait(700) == b"\r\nSEND OK\r\n"
    t.control("fault delay what=prompt by=700")
    assert t.at("AT+QSSLSEND=0,1") == b""
    assert t.wait(700) == b"\r\n> "
    assert t.type("x") == b"\r\nSEND OK\r\n"
    t.at("AT+QSSLCLOSE=0")
    t.control("fault delay what=open by=700")
    assert t.at(OPEN0) == OK
    assert t.wait(700) == OPENED0
    t.send(0, b"abc")
    t.control("fault delay by=700")
    assert t.at("AT+QSSLRECV=0,1500") == b""
    assert t.wait(700) == b"\r\n+QSSLRECV: 3\r\nabc\r\n\r\nOK\r\n"


def test_before():
    t = opened()
    t.control("fault before before=info n=0")
    assert t.at("AT+CSQ") == b"\r\n+CUSD: 2\r\n" + lines("+CSQ: 21,0")
    assert t.at("AT") == OK
    t.control("clear")
    t.control("fault before before=final text=+QIND: SMS FULL")
    assert t.at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n\r\n+QIND: SMS FULL\r\n\r\nOK\r\n"
    t.control("fault before before=prompt")
    assert t.at("AT+QSSLSEND=0,1") == b"\r\n+CUSD: 2\r\n\r\n> "
    t.type("x")
    t.control("fault before before=any n=0")
    assert t.at("AT+QSSLRECV=0,9") == (b"\r\n+CUSD: 2\r\n\r\n+QSSLRECV: 1\r\nx\r\n\r\nOK\r\n")
    t.control("clear")
    t.send(0, b"x")
    t.control("fault before before=trailer")
    assert t.at("AT+QSSLRECV=0,9") == (b"\r\n+QSSLRECV: 1\r\nx\r\n+CUSD: 2\r\n\r\n\r\nOK\r\n")
    t.model.echo = True
    t.control("fault before before=echo")
    assert t.at("AT") == b"\r\n+CUSD: 2\r\nAT\r" + OK


def test_stray_lines():
    t = Terminal()
    t.control("fault before what=garbage")
    reply = t.at("AT")
    assert reply.endswith(OK) and len(reply) > 12
    t.control("fault before what=long size=5000")
    assert t.at("AT") == b"\r\n" + 5000 * b"x" + b"\r\n" + OK
    t.control("fault before what=open text=+QSSLUR")
    assert t.at("AT") == b"\r\n+QSSLUR" + OK
    t.control("fault before what=nul")
    assert t.at("AT") == b"\0" + OK
    t.control("raw 0 ff 0d 0a")
    assert t.read() == b"\x00\xff\r\n"


def test_forced_errors():
    t = Terminal()
    t.control("fault cme cmd=+QFLST code=403")
    assert t.at("AT+CSQ") == lines("+CSQ: 21,0")
    assert t.at("AT+QFLST") == b"\r\n+CME ERROR: 403\r\n"
    assert t.at("AT+QFLST") == OK
    t.control("fault error cmd=AT+QICSGP code=553")
    assert t.at('AT+QICSGP=1,1,"a"') == ERROR
    assert t.error() == 553
    t.control("fault error cmd=E")
    assert t.at("ATE0") == ERROR
    t.control("fault cme code=13")
    t.at("AT+CMEE=2")
    assert t.at("AT+CMEE=2") == OK


def test_pdp_faults():
    t = Terminal()
    t.at('AT+QICSGP=1,1,"a"')
    t.control("fault act_error code=561 n=2")
    for _ in range(2):
        t.at("AT+QIACT=1")
        assert t.wait(500) == ERROR
        assert t.error() == 561
    t.activate()
    t.control("fault deact_error")
    assert t.at("AT+QIDEACT=1") == ERROR
    assert t.error() == 562
    assert t.at("AT+QIDEACT=1") == OK


def test_settings_that_lie():
    t = Terminal()
    t.control("fault cfg_lies key=seclevel value=0")
    assert t.at('AT+QSSLCFG="seclevel",1,2') == OK
    assert t.at('AT+QSSLCFG="seclevel",1') == lines('+QSSLCFG: "seclevel",1,0')
    assert t.at('AT+QSSLCFG="sslversion",1') == lines('+QSSLCFG: "sslversion",1,4')
    t.control("fault cfg_error key=cacert")
    assert t.at('AT+QSSLCFG="seclevel",1,1') == OK
    assert t.at('AT+QSSLCFG="cacert",1,"x"') == ERROR
    assert t.at('AT+QSSLCFG="cacert",1,"x"') == OK


def test_file_faults():
    def upload(name):
        assert t.at('AT+QFUPL="%s",4' % name) == b"\r\nCONNECT\r\n"
        return t.type("abcd")

    t = Terminal()
    t.control("fault upload_sum")
    assert upload("a") == lines("+QFUPL: 4,307")
    assert t.model.read_file("a") == b"abcd"
    t.control("fault upload_short by=2")
    assert upload("b") == lines("+QFUPL: 2,6162")
    assert t.model.read_file("b") == b"ab"
    t.control("fault file_changed")
    assert upload("c") == lines("+QFUPL: 4,306")
    assert t.model.read_file("c") == b"`bcd"
    assert upload("d") == lines("+QFUPL: 4,206")


def test_open_faults():
    t = ready()
    t.control("fault open_code code=569")
    assert t.at(OPEN0) == OK + b"\r\n+QSSLOPEN: 0,569\r\n"
    assert t.net.conns == []
    t.at("AT+QSSLCLOSE=0")
    t.control("fault open_error code=553")
    assert t.at(OPEN0) == ERROR
    assert t.error() == 553
    t.control("fault open_never")
    assert t.at(OPEN0) == OK
    assert t.wait(200000) == b""
    t.at("AT+QSSLCLOSE=0")
    t.control("fault open_other id=3")
    assert t.at(OPEN0) == OK + b"\r\n+QSSLOPEN: 3,0\r\n" + OPENED0
    t.at("AT+QSSLCLOSE=0")
    t.control("fault open_early")
    assert t.at(OPEN0) == OPENED0 + OK
    assert t.send(0, b"abc").startswith(b"\r\nSEND OK\r\n")


def test_prompt_faults():
    t = opened()
    t.control("fault no_prompt")
    assert t.at("AT+QSSLSEND=0,2") == b""
    assert t.type("ab").startswith(b"\r\nSEND OK\r\n")
    t.control("fault no_prompt state=idle")
    assert t.at("AT+QSSLSEND=0,2") == b""
    assert t.at("AT") == OK
    t.control("fault prompt_twice")
    assert t.at("AT+QSSLSEND=0,2") == b"\r\n> \r\n> "
    assert t.type("ab") == b"\r\nSEND OK\r\n"


def test_send_faults():
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    t.control("fault send_error")
    assert t.send(0, b"a") == ERROR
    assert t.error() == 558
    t.control("fault send_lost")
    assert t.send(0, b"b") == b"\r\nSEND OK\r\n"
    assert sink.count == 0
    t.control("fault send_mute")
    assert t.send(0, b"c") == b""
    assert t.wait(100000) == b""
    assert sink.received == b"c"
    assert t.at("AT") == OK


def test_recv_faults():
    t = opened()
    t.control("fault recv_miss")
    assert t.send(0, b"a") == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 1\r\na\r\n\r\nOK\r\n"
    t.control("fault recv_dup")
    assert t.send(0, b"b") == b"\r\nSEND OK\r\n" + RECV0 + RECV0
    t.at("AT+QSSLRECV=0,9")
    t.control("fault recv_unknown id=9")
    assert t.send(0, b"c") == b"\r\nSEND OK\r\n" + RECV0 + b'\r\n+QSSLURC: "recv",9\r\n'
    t.control("fault recv_error")
    assert t.at("AT+QSSLRECV=0,9") == ERROR
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 1\r\nc\r\n\r\nOK\r\n"
    t.send(0, b"def")
    t.control("fault recv_short size=2")
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 2\r\nde\r\n\r\nOK\r\n"


def test_close_faults():
    t = opened()
    t.control("fault close_error")
    assert t.at("AT+QSSLCLOSE=0") == ERROR
    t.control("fault close_hang")
    assert t.at("AT+QSSLCLOSE=0") == b""
    assert t.wait(9999) == b""
    assert t.wait(1) == OK


def test_close_by_the_peer_on_command():
    t = opened()
    t.control("close 0")
    assert t.read() == b'\r\n+QSSLURC: "closed",0\r\n'
    t.at("AT+QSSLCLOSE=0")
    t.open()
    t.control("close 0 quiet")
    assert t.read() == b""
    assert t.at("AT+QSSLSEND=0,1") == ERROR


def test_clock_and_echo_behind_the_back():
    t = Terminal()
    t.at('AT+CCLK="25/01/01,00:00:00+00"')
    t.control("clock reset")
    assert t.at("AT+CCLK?").startswith(b'\r\n+CCLK: "80/01/06')
    t.control("clock set 1735689600")
    assert t.at("AT+CCLK?") == lines('+CCLK: "25/01/01,00:00:00+00"')
    t.control("echo on")
    assert t.at("AT") == b"AT\r" + OK
    t.control("baud 9600")
    assert t.model.baud == 9600


def test_lines_by_command():
    t = opened(atd_default="1")
    t.at("AT+QISWTMD=0,2")
    t.control("line dtr off")
    assert t.read() == OK


def test_switches_at_run_time():
    t = opened()
    t.control("switch recv_trailer short")
    t.send(0, b"abc")
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 3\r\nabc\r\nOK\r\n"
    assert "(now short)" in t.control("switches")


def test_every_fault_can_be_armed_with_its_own_defaults():
    for name in FAULTS:
        t = Terminal()
        given = " ".join(["%s=%s" % (k, v) for k, v in FAULTS[name][1].items() if v])
        t.control("fault " + name)
        t.control("clear")
        t.control("fault %s %s" % (name, given))
        t.control("clear")
        assert t.at("AT") == OK, name


def test_every_switch_has_its_default_among_its_choices():
    for name in SWITCHES:
        default, choices, meaning = SWITCHES[name]
        assert meaning
        if choices is None:
            assert isinstance(default, int)
        else:
            assert default in choices
        for value in choices or (1, 100, 5000):
            t = Terminal(**{name: value})
            assert t.model.sw[name] == value
