# test_start_slow - start() on a modem that answers late, or that something keeps busy talking.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig
from driver_kit import LTE, Log, arm, bare, pattern, raised, works
from mode_kit import piped, pushing
from qssl import Modem
from ugsim.fakenet import EchoPeer, FakeNet

TIMEOUT_S = 300
INSIDE = ("test_every_answer_comes_late",)


HERE = {"urc_port": "here"} if LTE else {}  # from where `say` speaks


def another(rig, **keywords):
    # The program after the one that used the modem until now.
    modem = Modem(rig.uart, **keywords)
    modem.link._poll = _rig.RigPoll(rig)
    return modem


def test_every_answer_comes_late():
    for switches, late in (
        ({"reply_ms": 300, "take_ms": 300}, 0),
        ({"take_ms": 900}, 0),
        ({}, 600),
        ({}, 1500),
        ({}, 3000),
        ({"busy_input": "queue"}, 1500),
        ({"busy_input": "queue"}, 2500),
        ({"busy_input": "queue"}, 3000),
    ):
        rig, modem = bare(FakeNet(EchoPeer()), switches=switches)
        if late:
            arm(rig, "delay what=final by=%d n=0" % late)
        modem.start("internet")
        if late > 2000:
            works(modem, 50)
        # The link finds back, too.
        modem.link.distrust()
        modem.sleep_ms(5 * late + 3000)
        assert not modem.link.sick
        modem.signal()


def test_answers_that_come_too_late_are_said_to():
    rig, modem = bare()
    arm(rig, "delay what=final by=4500 n=0")
    e = raised(modem.start, "internet")
    for word in ("takes 4.5 s", "too long", "restart"):
        assert word in str(e), e
    for word in ("antenna", "SIM", "APN", "RX", "power", "AT port"):
        assert word not in str(e), e
    # All of start() would be of no use, and is not waited for.
    assert e.errno == errno.ETIMEDOUT and not modem.up and rig.now < 60000, rig.now
    for late in (1500, 3000):
        rig, modem = bare(FakeNet(EchoPeer()))
        arm(rig, "delay what=final by=%d n=0" % late)
        given = 10 * late + 15000
        e = raised(modem.start, "internet", timeout_ms=given)
        assert "takes %d.%d s" % (late // 1000, late // 100 % 10) in str(e), e
        assert "more time" in str(e) and rig.now < given + 100, e
        # What it says is enough.
        at = str(e).find("timeout_ms=") + 11
        more = int(str(e)[at:].split(",")[0])
        assert given < more <= 180000, e
        rig, modem = bare(FakeNet(EchoPeer()))
        arm(rig, "delay what=final by=%d n=0" % late)
        modem.start("internet", timeout_ms=more)
        works(modem, 50)


def test_late_and_silent_before():
    # ATQ1 of another program: what was typed in the search is answered later, one after the other.
    for busy, line, late in (("queue", b"ATQ1\r", 700), ("drop", b"ATV0\r", 1500)):
        rig, modem = bare(FakeNet(EchoPeer()), switches={"busy_input": busy})
        rig.model.feed(line)
        rig.sleep(1000)
        arm(rig, "delay what=final by=%d n=0" % late)
        modem.start("internet")
        assert modem.link.echo and rig.now < 150000, (busy, rig.now)
        works(modem, 50)


def test_late_and_never_silent():
    for every in (300, 1500):
        rig, modem = bare(FakeNet(EchoPeer()), switches=HERE)
        arm(rig, "delay what=final by=1500 n=0")
        talk(rig, lambda rig=rig: rig.model.command('say +QIND: "csq",17,99'), every)
        modem.start("internet", timeout_ms=120000)
        # Waited for, but not for a silence that never comes. LTE modems are asked more.
        assert modem.up and rig.now < (110000 if LTE else 90000), (every, rig.now)
        works(modem, 50)


def test_late_at_first_only():
    rig, modem = bare(FakeNet(EchoPeer()))
    arm(rig, "delay what=final by=5000 n=8")
    modem.start("internet")
    assert modem.up and not rig.model.faults.armed()  # all eight have come
    works(modem)


def talk(rig, say, every_ms):
    # say() is called again and again, for ever.
    def again():
        say()
        rig.model.timers.at(rig.now + every_ms, again)

    again()
    rig.sleep(300)


PUSHED = (
    # payload, pause, UART
    (b"\r\nOK\r\n\r\nERROR\r\n" * 36, 1, {"baud": 115200, "rxbuf": 8192}),
    (b"line of text\r\n" * 107, 100, {"baud": 9600, "rxbuf": 2048}),
    (b"\r\nOK\r\n\r\n", 50, {}),
    (b"line of text\r\n" * 7, 50, {"baud": 9600, "rxbuf": 2048}),
    (b"\r\nOK\r\n\r\nERROR\r\n" * 7, 200, {"baud": 921600, "rxbuf": 2048}),
    (b"AT\r\r\nOK\r\n" * 10, 20, {"baud": 115200, "rxbuf": 2048}),
    (pattern(1500), 100, {"baud": 115200, "rxbuf": 2048}),
    # What reads like a restart; and a read that cuts the head in two.
    (b"\r\nRDY\r\n" * 60, 50, {"baud": 115200, "rxbuf": 2048, "chunk": 16}),
    (b"line of text\r\n" * 20, 100, {"baud": 115200, "rxbuf": 2048, "chunk": 16}),
)


def goes_on(rig, peer, payload, every_ms):
    # The server sends it again and again, as long as the connection stands.
    talk(rig, lambda: peer.conn.state == "open" and peer.say(payload), every_ms)


def test_a_push_without_a_pause():
    for payload, every_ms, uart in PUSHED:
        rig, _, _, peer = pushing(**uart)
        goes_on(rig, peer, payload, every_ms)
        modem = another(rig)
        start = rig.now
        modem.start("internet")
        assert rig.now - start < 30000, (payload[:20], rig.now - start)
        assert rig.model.sockets.slots == [None] * 12
        if "baud" not in uart:
            rig.net.default = EchoPeer()
            works(modem)


def test_a_push_without_a_pause_in_an_open_prompt():
    # What ends it would be data there.
    for every_ms in (20, 100, 300):
        rig, _, _, peer = pushing()
        rig.uart.write(b"AT+QSSLSEND=0,300\r")
        rig.sleep(100)
        rig.uart.write(b"data")
        goes_on(rig, peer, b"pushed", every_ms)
        another(rig).start("internet")
        assert not peer.got.strip(b"dat+AT\r\x1b"), (every_ms, peer.got)


def test_a_push_of_a_connection_without_tls():
    rig, modem = bare(FakeNet(EchoPeer()), switches=HERE)
    log = Log(rig)

    def say():
        if not log.count("AT+QICLOSE=7,0"):
            rig.model.command('say +QIURC: "recv",7,12')
            rig.model.command("say OK")

    talk(rig, say, 40)
    modem.start("internet", timeout_ms=60000)
    assert log.count("AT+QICLOSE=7,0") == 1 and rig.now < 20000
    works(modem)


def test_a_push_that_can_not_be_ended_is_named():
    rig, modem = bare(switches=HERE)
    talk(
        rig,
        lambda: rig.model.command('say +QSSLURC: "recv",3,4') and rig.model.command("say OK"),
        7,
    )
    arm(rig, "error n=0 cmd=AT")
    e = raised(modem.start, "internet", timeout_ms=60000)
    assert "direct push mode" in str(e) and "restart" in str(e) and rig.now < 60500, e


def test_transparent_mode_whose_peer_never_pauses():
    for payload, every_ms in (
        (b"\r\nOK\r\n", 20),
        (b"some text\r\nOK\r\n", 300),  # reads like answers to all that is typed
        (pattern(700), 60),
        (b"x", 5),
    ):
        rig, _, _, peer = piped()
        goes_on(rig, peer, payload, every_ms)
        modem = another(rig)
        start = rig.now
        modem.start("internet")
        assert rig.now - start < 30000, (payload[:20], rig.now - start)


def test_a_pipe_whose_text_reads_like_a_push():
    # What would end a push goes to the server there; the modem may hang before.
    text = b'\r\n+QSSLURC: "recv",0,9\r\n'
    for every_ms, hangs_ms in ((20, 0), (300, 0), (300, 13000), (300, 19000), (20, 25000)):
        for again in (False, True):
            rig, modem, pipe, peer = piped()
            talk(rig, lambda peer=peer: peer.conn.state == "open" and peer.say(text), every_ms)
            modem.sleep_ms(1000)
            if hangs_ms:
                arm(rig, "mute ms=%d" % hangs_ms)
            (another(rig) if again else modem).start("internet")
            assert not peer.got.strip(b"AT\r\x1b+"), (every_ms, hangs_ms, again, peer.got)
            assert again or raised(pipe.write, b"x")


def test_late_in_data_mode_whose_text_reads_like_answers():
    for busy in ("drop", "queue"):
        rig, _, _, peer = piped(switches={"busy_input": busy})
        arm(rig, "delay what=final by=3000 n=0")
        talk(rig, lambda peer=peer: peer.conn.state == "open" and peer.say(b"text\r\nOK\r\n"), 300)
        modem = another(rig)
        begun = rig.now
        modem.start("internet")
        assert rig.now - begun < (160000 if LTE else 120000), (busy, rig.now - begun)
        works(modem, 50)


def test_an_activation_that_is_refused_late():
    # Later than its answer is waited for: AT+QIGETERROR tells it then.
    for busy in ("drop", "queue"):
        switches = {"act_ms": 25000, "busy_input": busy}
        rig, modem = bare(FakeNet(EchoPeer()), switches=switches)
        arm(rig, "act_error n=3")
        modem.start("internet")
        assert rig.now > 100000
        works(modem)
        rig, modem = bare(switches=switches)
        arm(rig, "act_error n=0")
        e = raised(modem.start, "internet")
        assert e.code == 561 and "APN" in e.hint and "UART" not in e.hint, e


def test_a_command_that_takes_long_makes_no_modem_slow():
    # A lost answer to AT+QIDEACT, which may take 40 s, says nothing of the time for one to AT.
    rig, modem = bare(FakeNet(EchoPeer()))
    modem.start("internet")
    arm(rig, "lose_answer cmd=+QIDEACT n=2")
    modem.start("other", timeout_ms=300000)
    begun = rig.now
    modem.start("other", timeout_ms=20000)
    assert rig.now - begun < 5000, rig.now - begun
    works(modem, 50)


def test_what_was_slow_once_takes_no_whole_start():
    # Else each start() would only wait for silence, and none find out that it is fast again.
    rig, modem = bare(FakeNet(EchoPeer()))
    modem.start("internet")
    arm(rig, "lose_answer cmd=+QIACT n=3")
    raised(modem.start, "internet")
    modem.start("internet", timeout_ms=20000)
    works(modem, 50)


def test_what_was_slow_once_leaves_time_for_all_that_start_can_do():
    # Results in digits are undone after a whole ladder of tries, which must fit into its time.
    for left in (b"ATQ1\r", b"ATV0\r"):
        rig, modem = bare(FakeNet(EchoPeer()))
        modem.start("internet")
        arm(rig, "lose_answer cmd=+QIACT n=3")
        raised(modem.start, "internet")
        rig.uart.write(left)
        rig.sleep(1000)
        for _ in range(2):
            try:
                modem.start("internet", timeout_ms=40000)
                break
            except OSError as e:
                why = e
        assert modem.up, (left, why)
        works(modem, 50)


class Napping:
    # An idle hook that takes long.
    def __call__(self):
        self.rig.sleep(88)


def test_when_the_time_is_over_a_slow_idle_hook_has_one_turn_at_most():
    # The power fails in the middle, at each of many places behind it the time is over.
    for timeout_ms in range(12000, 62000, 1700):
        rig, modem = bare(FakeNet(EchoPeer()), idle=Napping())
        arm(rig, "cut at=48 bytes=2 do=off in=any n=1")
        begun = rig.now
        raised(modem.start, "internet", timeout_ms=timeout_ms)
        late = rig.now - begun - timeout_ms
        assert late <= 100, (timeout_ms, late)
