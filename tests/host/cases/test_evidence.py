# test_evidence - what the driver believes of restarts, ends and answers, it has asked for.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Recorder, arm, connected, pattern, raised, reads, tls, up, works
from driver_session import Session
from mode_kit import piped, pushing
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model.foreign import SETS

TIMEOUT_S = 900
INSIDE = ("test_a_restart_hidden_in_a_payload",)


# --- restarts that hide ---


def test_a_restart_hidden_in_a_payload():
    # RDY and all after it are swallowed as data; or there is none.
    for how in ("restart", "quiet"):
        for at in (1, 14, 30, 99):
            rig, modem, sock = connected(Recorder())
            arm(rig, "cut in=payload at=%d do=%s" % (at, how))
            rig.net.conns[-1].push(pattern(100))
            raised(reads, sock, 100)
            modem.sleep_ms(12000)
            # The exchange after it has found out.
            assert not modem.up and modem.gone == "restarted", (how, at)
            e = raised(modem.connect, HOST, 443, tls(modem))
            assert e.errno == errno.ECONNRESET and "restarted" in str(e), e
            modem.start("internet")
            works(modem)


def test_a_hidden_restart_is_found_before_a_connection():
    for power in ("restart quiet", "restart"):
        rig, modem = up(FakeNet(EchoPeer()), switches={"baud_default": 0})
        ctx = modem.tls(ca=driver_kit.CA)
        modem.clock((2026, 11, 22, 1, 1, 1))
        modem.connect(HOST, 443, ctx).close()
        rig.model.command(power)
        rig.sleep(8000)
        e = raised(modem.connect, HOST, 443, ctx)
        assert "restarted" in str(e) and "never set" not in str(e), e
        assert not modem.up


def test_a_hidden_restart_fails_an_idle_connection():
    rig, modem, sock = connected(Recorder())
    rig.model.command("restart quiet")
    sock.settimeout(30)
    start = rig.now
    e = raised(sock.recv, 1)
    assert "restarted" in str(e) and rig.now - start < 12000, (e, rig.now - start)


def test_a_hidden_restart_with_a_connection_that_pushes():
    # The modem forgets ATE0, too: its echo is no damaged head of a push.
    for when in ("opening", "idle", "sending", "pushed"):
        rig, modem = up(FakeNet(EchoPeer(), 20))
        ctx = tls(modem)
        ctx.apply()
        e = sock = None
        try:
            if when == "opening":
                arm(rig, "crash cmd=+QSSLOPEN do=quiet by=10")
            sock = modem.connect(HOST, 443, ctx, 20000, push=True)
            sock.settimeout(20)
            sock.write(b"hi")
            assert reads(sock, 2) == b"hi"
            if when == "pushed":
                arm(rig, "cut in=payload at=300 do=quiet")
            elif when != "opening":
                rig.model.command("restart quiet")
            if when != "idle":
                sock.write(pattern(700))
                sock.flush()
            reads(sock, 700)
        except OSError as error:
            e = error
        assert e is not None and "head of pushed" not in str(e), (when, e)
        if sock is not None:
            try:
                sock.close()
            except OSError:
                pass
        modem.sleep_ms(12000)
        assert not modem.up, when
        modem.start("internet")
        works(modem)


def test_a_hidden_restart_while_a_connection_opens():
    for by in (0, 10, 500):
        rig, modem = up(FakeNet(EchoPeer(), 800))
        ctx = tls(modem)
        ctx.apply()
        arm(rig, "crash cmd=+QSSLOPEN do=quiet by=%d" % by)
        e = raised(modem.connect, HOST, 443, ctx, 60000)
        assert "restarted" in str(e) and not modem.up, (by, e)
        modem.start("internet")
        works(modem)


def test_send_ok_of_a_text_before_the_real_answer():
    for answer in ("send_error", "send_fail n=0"):
        rig, modem, sock = connected(Recorder())
        arm(rig, answer)
        arm(rig, 'before before=final text=+CUSD: 0,"x\\r\\nSEND OK\\r\\n",15')
        e = raised(sends, sock, b"data")
        assert e.errno in (errno.ETIMEDOUT, errno.ECONNRESET), e


def sends(sock, data):
    sock.write(data)
    sock.flush()


def test_text_that_reads_like_a_restart():
    for text in ("RDY", "POWERED DOWN", "NORMAL POWER DOWN"):
        for busy in (False, True):
            rig, modem, sock = connected(Recorder(pattern(3000)))
            if busy:
                arm(rig, "before before=any n=20 text=" + text)
            else:
                rig.model.command("say " + text)
            assert reads(sock, 3000) == pattern(3000)
            sock.write(b"on")
            sock.flush()
            assert modem.up and not modem.stats.restarts


# --- ends of connections ---


def test_a_closed_of_an_earlier_life():
    # The server closes, the program closes and connects again on the same id; then the old URC.
    for by in (0, 1, 300, 1200, 5000):
        for latency in (0, 500):
            net = FakeNet(Recorder(), latency)
            rig, modem = up(net, sockets=1)
            ctx = tls(modem)
            arm(rig, "late_urc what=closed by=%d" % by)
            first = modem.connect("first.example", 443, ctx)
            net.default.conn.peer_close()
            modem.sleep_ms(20)
            first.close()
            peer = net.add("second.example", Recorder(pattern(300)))
            sock = modem.connect("second.example", 443, ctx)
            sock.settimeout(30)
            assert reads(sock, 300) == pattern(300), by
            modem.sleep_ms(2000)
            peer.conn.push(pattern(2700, 1))
            assert reads(sock, 2700) == pattern(2700, 1), by


def test_a_lost_closed_is_found():
    for pushes in (False, True):
        net = FakeNet(Recorder(b"last words"))
        rig, modem = up(net)
        sock = modem.connect(HOST, 443, tls(modem), push=pushes)
        assert reads(sock, 10) == b"last words"
        arm(rig, "lose_urc what=closed")
        net.default.conn.peer_close()
        start = rig.now
        assert sock.recv(1) == b"" and rig.now - start <= 10000, rig.now - start


def test_a_lost_open_is_named():
    # The connection is open, and only AT+QSSLSTATE tells: in time, not at the end of the time-out.
    for fault in ("open_never", "lose_urc what=open"):
        for pushes in (False, True):
            rig, modem = up(FakeNet(EchoPeer()))
            arm(rig, fault)
            start = rig.now
            e = raised(modem.connect, HOST, 443, tls(modem), 60000, push=pushes)
            assert "it is open, but no URC said so" in str(e), e
            assert rig.now - start < 11000, rig.now - start
            works(modem)


def test_urcs_that_go_elsewhere_all_at_once():
    # Another program, on the modem's USB port, has taken them.
    rig, modem, sock = connected(EchoPeer())
    modem.command('AT+QCFG="urc/port",1,"usbat"')
    for n in range(2):
        start = rig.now
        sock.write(pattern(3000, n))
        assert reads(sock, 3000) == pattern(3000, n)
        assert rig.now - start < 10000, rig.now - start
    rig.net.conns[-1].peer_close()
    start = rig.now
    assert sock.recv(1) == b"" and rig.now - start <= 10000, rig.now - start
    assert "AT+QCFG" in str(raised(modem.connect, HOST, 443, tls(modem), 60000))
    modem.start(apn="internet")
    works(modem)


def test_a_modem_that_falls_asleep_meanwhile():
    # Another program has let it: what is typed after a pause is lost. Nothing else is.
    for mode in (1, 2):
        rig, modem, sock = connected(EchoPeer(), switches={"sleep_wake": "bytes"})
        modem.command("AT+QSCLK=%d" % mode)
        rig.model.set_line("dtr", False)
        rig.sleep(20000)
        assert rig.model.port.asleep()
        sock.write(pattern(300))
        start = rig.now
        e = raised(reads, sock, 300)
        assert "did not answer" in str(e) and rig.now - start < 10000, e
        sock.close()
        works(modem)


def test_a_security_of_an_earlier_life():
    rig, modem, sock = connected(Recorder(pattern(3000)))
    rig.model.command('say +QSSLURC: "security",0,2')
    assert reads(sock, 3000) == pattern(3000)
    rig.model.command('say +QSSLURC: "security",0,2')
    sock.write(b"on")
    sock.flush()


def test_an_open_result_of_an_attempt_given_up():
    for code in (0, 566):
        for by in (3000, 6000, 12000):
            net = FakeNet(EchoPeer(), 700)
            rig, modem = up(net, sockets=1)
            ctx = tls(modem)
            arm(rig, "late_urc what=open by=%d" % by)
            if code:
                arm(rig, "open_code code=566")
            raised(modem.connect, "first.example", 443, ctx, 2500)
            sock = modem.connect("second.example", 443, ctx, 30000)
            sock.settimeout(20)
            sock.write(b"the new one")
            assert reads(sock, 11) == b"the new one", (code, by)


def test_data_that_come_while_they_are_asked_for():
    # "recv" comes between AT+QSSLRECV and its answer +QSSLRECV: 0.
    rig, modem, sock = connected(Recorder())
    sock.settimeout(30)
    modem.sleep_ms(100)
    arm(rig, "gap cmd=+QSSLRECV by=300")
    rig.model.out.urc('+QSSLURC: "recv",0')
    modem.pump()  # AT+QSSLRECV goes out, and nothing is there
    rig.sleep(50)
    rig.net.default.conn.push(b"now")
    start = rig.now
    assert sock.recv(10) == b"now" and rig.now - start < 1000, rig.now - start


def test_an_open_result_that_quarantine_has_passed_over():
    # A modem that is deaf while it opens: AT+QSSLSTATE is not answered in time.
    for latency in (2500, 3000, 4500):
        rig, modem = up(FakeNet(EchoPeer(), latency))
        ctx = tls(modem)
        ctx.apply()
        arm(rig, "gap cmd=+QSSLSTATE by=4000 n=1")
        sock = modem.connect(HOST, 443, ctx, 60000)
        sock.settimeout(30)
        sock.write(b"still")
        assert reads(sock, 5) == b"still"


def test_errors_to_reads_are_asked_again():
    # A firmware that is busy for a moment is no end of the stream.
    for n in (1, 2):
        rig, modem, sock = connected(Recorder(pattern(500)))
        arm(rig, "recv_error code=561 n=%d" % n)
        assert reads(sock, 500) == pattern(500), n


# --- lost answers ---


def test_lost_answers_of_every_step_of_a_connection():
    for cmd in (
        "+QIACT",
        "+QFLST",
        "+QFLDS",
        "+QFDEL",
        "+QFUPL",
        "+QSSLCFG",
        "+QSSLOPEN",
        "+QSSLSTATE",
    ):
        rig, modem = up(FakeNet(EchoPeer()))
        arm(rig, "lose_answer cmd=" + cmd)
        start = rig.now
        sock = modem.connect(HOST, 443, tls(modem), 60000)
        assert rig.now - start < 20000, (cmd, rig.now - start)
        sock.settimeout(10)
        sock.write(b"x")
        assert reads(sock, 1) == b"x"


def test_lost_answers_to_questions():
    rig, modem, sock = connected()
    for cmd, question in (
        ("+CSQ", modem.signal),
        ("+CCLK", modem.clock),
        ("+CGREG", modem.registration),
    ):
        arm(rig, "lose_answer cmd=" + cmd)
        start = rig.now
        question()
        assert rig.now - start < 5000, cmd
    sock.write(b"y")
    assert sock.read(1) == b"y"


# --- lines that are not ours ---


def test_every_line_of_others_at_every_place():
    # Data come, whatever stands before, between and behind; nothing is counted as a loss.
    for name in sorted(SETS):
        for place in ("info", "final", "echo", "prompt", "any"):
            rig, modem, sock = connected(Recorder(pattern(4000)))
            arm(rig, "foreign before=%s lines=%s n=60" % (place, name))
            try:
                assert reads(sock, 4000) == pattern(4000), (name, place)
                for i in range(8):
                    sock.write(pattern(50, i))
                    sock.flush()
                assert not modem.stats.garbled and not modem.stats.misheard, (name, place)
            except OSError as e:
                # What reads like an answer, at the place of the answer, can't be told apart.
                assert name in ("deceptive", "any"), (name, place, e)
                assert "UART" not in str(e) or "several" not in name, e
            got = bytes(rig.net.default.received)
            want = b"".join([pattern(50, i) for i in range(8)])
            assert got == want[: len(got)], (name, place)


def test_messages_between_the_lines_of_an_answer():
    # A line right behind a text may be one of it: what AT+QSSLSTATE did not list is asked again.
    for first in range(7):
        for claim in (False, True):
            rig, modem, sock = connected(Recorder())
            other = modem.connect("other.example", 443, tls(modem))
            other.settimeout(20)
            if claim:  # not true
                rig.model.command('say +QSSLURC: "closed",1')
            arm(
                rig,
                "foreign before=info lines=several n=%d first=%d" % (4 if claim else 40, first),
            )
            assert "nothing came" in str(raised(other.read, 1)), (first, claim)
            assert sock.state() == other.state() == 1, (first, claim)


def test_foreign_lines_for_ever():
    rig, modem, sock = connected(Recorder(pattern(20000)))
    arm(rig, 'before before=info n=0 text=+QNTP: 0,"26/11/22,10:00:00+00"')
    assert reads(sock, 20000) == pattern(20000)
    assert modem.stats.unknown > 10 and not modem.stats.garbled


def test_the_result_of_a_command_comes_among_data():
    rig, modem, sock = connected(Recorder(pattern(20000)))
    assert reads(sock, 1000) == pattern(20000)[:1000]
    modem.command('AT+QNTP=1,"pool.ntp.org"')  # its +QNTP comes later
    assert reads(sock, 19000) == pattern(20000)[1000:]
    assert modem.stats.unknown and not modem.stats.garbled


def lost_bytes(fault, step, first):
    session = Session()
    total = session.rig.model.out.total
    assert session.run()
    for at in range(1, session.rig.model.out.total - total + 1, step):
        session = Session()
        assert (
            session.rig.model.command("fault foreign before=any lines=one n=0 first=%d" % first)
            == "ok"
        )
        assert session.rig.model.command("fault %s at=%d" % (fault, at)) == "ok"
        first += 1
        try:
            session.run()
            session.rig.model.command("clear")
            session.recovers()
        except BaseException:
            print("fault", fault, "at byte", at, session.errors)
            raise


def test_a_byte_lost_among_foreign_lines():
    lost_bytes("lose", 11, 0)


def test_a_byte_added_among_foreign_lines():
    lost_bytes("insert byte=0a", 31, 3)
    lost_bytes("insert byte=78", 31, 5)


def test_bytes_doubled_and_lost_among_foreign_lines():
    lost_bytes("dup", 31, 7)
    lost_bytes("lose bytes=4", 31, 9)


def test_a_payload_that_reads_like_an_answer_behind_a_damaged_header():
    # The header is lost, a whole answer stands in the payload: it is not taken for one.
    inner = b"\r\n+QSSLRECV: 5\r\nhello\r\n\r\nOK\r\n"
    for count in (1, 3, 5, 8):
        for at in range(1, 19):
            rig, modem, sock = connected(Recorder())
            sock.settimeout(30)
            rig.net.default.conn.push(b"x")
            assert reads(sock, 1) == b"x"
            data = b"begin" + inner + b"end"
            rig.net.default.conn.push(data)
            arm(rig, "lose in=info line=+QSSLRECV at=%d bytes=%d" % (at, count))
            try:
                got = reads(sock, len(data))
            except OSError:
                got = b""
            assert got == data[: len(got)], (count, at, got)


def test_the_text_of_a_message():
    for text in ("OK", "ERROR", "SEND OK", "RDY", "> ", "NO CARRIER", '+QSSLURC: "closed",0'):
        rig, modem, sock = connected(Recorder())
        rig.net.conns[-1].push(pattern(2000))
        line = '+CMT: "+491510000000",,"26/11/22,10:00:00+00"\\\\r\\\\n'
        arm(rig, "before before=any n=6 text=" + line.replace("\\\\", "\\") + text)
        assert reads(sock, 2000) == pattern(2000), text
        sock.write(b"z")
        sock.flush()


# Text from outside, in all its forms; and what it may read like.
_FORMS = (
    '+CMT: "+491510000000",,"26/11/22,10:00:00+00"\n%s',
    '+CMT: "+491510000000",,"26/11/22,10:00:00+00"\nDear all,\n%s',
    "+CMT: ,24\n%s",
    "+CDS: 25\n%s",
    "+CBM: 271,4370,1,1,1\n%s",
    '+CUSD: 0,"1 Balance\n%s\n",15',
    '+QMTRECV: 0,0,"topic","\n%s"',
    '+QIURC: "recv",3,9\n%s',
)
_MESSAGES = 5  # of them: an empty line in the others can't be told from the end of them
_TEXTS = (
    "> ",
    ">",
    "OK",
    "ERROR",
    "SEND OK",
    "SEND FAIL",
    "CONNECT",
    "NO CARRIER",
    "RDY",
    "+CFUN: 1",
    "POWERED DOWN",
    "+CME ERROR: 10",
    "+QSSLRECV: 0",
    "+QSSLRECV: 9",
    "+QSSLOPEN: 0,0",
    '+QSSLURC: "closed",0',
    '+QSSLURC: "recv",0,900',
    '+QIURC: "pdpdeact",1',
    "AT+QSSLSEND=0,5",
    "0" * 350,
    "",
)
_RESET = b"AT+CFUN=1,1\r"
_KINDS = ("buffer", "push", "transparent")


def of_kind(kind, model):
    # (rig, modem, sock, peer)
    if kind == "push":
        return pushing(model=model)
    rig, modem, sock, peer = piped(model=model)
    if kind == "transparent":
        sock.escape()
        return rig, modem, sock, peer
    sock.close()
    sock = modem.connect(HOST, 8883, tls(modem))
    sock.settimeout(30)
    return rig, modem, sock, peer


def places(form, text):
    return "before=any n=9 text=" + (form % text).replace("\n", "\\n")


def test_texts_from_outside_are_no_lines_of_ours():
    for model in ("ug96", "bg770a"):
        for kind in _KINDS:
            rig, modem, sock, peer = of_kind(kind, model)
            for i in range(len(_FORMS)):
                for j in range(len(_TEXTS) - (i >= _MESSAGES)):
                    if (i + j) & 1 == (model == "ug96"):
                        continue  # the other has it
                    text = _TEXTS[j]
                    what = (model, kind, _FORMS[i], text)
                    rig.model.command("clear")
                    arm(rig, "before " + places(_FORMS[i], text))
                    peer.got = bytearray()
                    try:
                        sock.write(_RESET)
                        sock.flush()
                        peer.say(pattern(30, i))
                        assert reads(sock, 30) == pattern(30, i), what
                        assert modem.up, what
                    except OSError as e:
                        raise AssertionError((what, e))
                    assert peer.got == _RESET, what
            assert not modem.stats.garbled and not modem.stats.misheard
            assert not modem.stats.timeouts and not modem.stats.restarts


def test_texts_from_outside_before_a_refusal():
    # The modem refuses to send: what reads like its prompt makes no command of the payload.
    for model in ("ug96", "bg770a"):
        for kind in _KINDS:
            rig, modem, sock, _ = of_kind(kind, model)
            sock.close()
            log = driver_kit.Log(rig)
            for form in _FORMS + ("+QNEW: 1,2\n%s",):
                for text in ("> ", "SEND OK\n>"):
                    if kind == "transparent":
                        sock = modem.transparent(HOST, 8883, tls(modem))
                        sock.escape()
                    else:
                        sock = modem.connect(HOST, 8883, tls(modem), push=kind == "push")
                    sock.settimeout(30)
                    rig.model.command("clear")
                    arm(rig, "error cmd=+QSSLSEND n=0")
                    arm(rig, "before " + places(form, text))
                    sock.write(_RESET)
                    raised(sock.flush)
                    rig.model.command("clear")
                    sock.close()
            assert not log.count("AT+CFUN=1") and not modem.stats.restarts


def test_texts_from_outside_before_data_mode_is_refused():
    for model in ("ug96", "bg770a"):
        rig, modem, sock, _ = of_kind("transparent", model)
        sock.close()
        for form in _FORMS:
            for text in ("CONNECT", "CONNECT 115200", "OK\nCONNECT"):
                rig.model.command("clear")
                arm(rig, "error cmd=+QSSLOPEN")
                arm(rig, "before " + places(form, text))
                e = raised(modem.transparent, HOST, 8883, tls(modem))
                assert e.code == 550, (model, form, text, e)
