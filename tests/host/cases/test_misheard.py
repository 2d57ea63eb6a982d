# test_misheard - bytes lost, added, doubled or changed on the way to the modem, within commands.
# SPDX-License-Identifier: MIT
#
# No such byte may end in wrong data, in payload that is run as a command, in a setting other than
# asked, or in another connection's data.

import sys

from driver_kit import CA, SUITE, Log, Recorder, arm, pattern, raised, reads, tls, up, works
from mode_kit import pushing
from ugsim.fakenet import FakeNet, Peer

TIMEOUT_S = 900
INSIDE = ("test_noise_like_the_first_byte_is_no_echo_of_the_payload",)
FAST = sys.implementation.name == "cpython"

EVIL = b'\r\nAT+CFUN=1,1\r\nAT+QPOWD\r\nAT+QFDEL="*"\r\nATE0\r\n'
FAULTS = ("lose_in", "dup_in", "insert_in byte=31", "insert_in byte=0d", "corrupt_in xor=1")


class Server(Peer):
    # Sends `say` and keeps what arrives, by host.
    def __init__(self):
        self.got = {}
        self.conns = {}

    def on_open(self, conn):
        self.got[conn.host] = b""
        self.conns[conn.host] = conn

    def on_data(self, conn, data):
        self.got[conn.host] += data


def payload(host, n):
    # n bytes that show whose they are, with commands in them.
    return ((host.encode() + EVIL) * (1 + n // 20))[:n]


class Side:
    # A connection and what both ends are to have seen.
    def __init__(self, modem, server, ctx, host):
        self.server = server
        self.host = host
        self.sock = modem.connect(host, 443, ctx)
        self.sock.settimeout(20)
        self.written = b""
        self.said = b""
        self.read = 0

    def say(self, n):
        data = pattern(n, len(self.said) + sum(self.host.encode()))
        self.said += data
        self.server.conns[self.host].push(data)

    def write(self, n):
        data = payload(self.host, n)
        self.written += data
        self.sock.write(data)
        self.sock.flush()

    def takes(self, n):
        data = self.sock.read(n)
        assert data == self.said[self.read : self.read + n], (self.host, data[:40])
        self.read += n

    def check(self):
        # Nothing of another connection's ever; and on a sound one, just what was written. What one
        # that has failed may get is what freed the modem of a prompt, or payload behind a CR that
        # came twice.
        got = self.server.got[self.host]
        if got != self.written[: len(got)]:
            assert self.sock.why, (self.host, got[-60:])
        for other in self.server.got:
            assert other in self.host or other.encode() not in got, (self.host, other)


def ready(sockets):
    server = Server()
    rig, modem = up(FakeNet(server), sockets=sockets)
    ctx = tls(modem)
    sides = [Side(modem, server, ctx, "h%d.example" % i) for i in range(sockets)]
    for side in (sides[1], sides[-1]):
        side.write(20)
        side.say(30)
        side.takes(30)
    return rig, modem, ctx, sides


def session(modem, ctx, sides):
    # What is to be disturbed; every error is one of the family. Gives how many there were.
    errors = 0
    one, last = sides[1], sides[-1]
    one.say(600)
    last.say(600)
    for what in (
        lambda: last.write(400),
        lambda: last.write(111),
        lambda: last.takes(300),
        lambda: one.takes(600),
        lambda: one.write(1460),
        modem.signal,
        lambda: last.write(11),
        lambda: last.takes(300),
        last.sock.close,
        lambda: sides.append(Side(modem, one.server, ctx, "new.example")),
        lambda: sides[-1].write(50),
    ):
        try:
            what()
        except OSError:
            errors += 1
    return errors


def disturbed(rig, modem, ctx, sides, fault, at, place="command"):
    log = Log(rig)
    arm(rig, "%s in=%s at=%d" % (fault, place, at))
    session(modem, ctx, sides)
    modem.sleep_ms(3000)
    for text in log.at:
        for evil in ("+CFUN", "+QPOWD", "+QFDEL", "E0"):
            assert not text.startswith("AT" + evil), text
    for side in sides:
        side.check()
        conn = side.server.conns[side.host]
        if len(side.server.got[side.host]):
            assert (conn.tls.version, tuple(conn.tls.suites), conn.tls.seclevel) == (
                3,
                (SUITE,),
                1,
            )
            assert conn.tls.ca == CA
    rig.model.command("clear")
    if not modem.up:
        modem.start("internet")
    for side in sides[-2:]:
        try:
            side.sock.close()
        except OSError:
            pass
    works(modem)


def length(sockets):
    # Bytes of commands in a session that nothing disturbs.
    rig, modem, ctx, sides = ready(sockets)
    log = Log(rig)
    assert not session(modem, ctx, sides)
    return sum([len(text) + 1 for text in log.at])


def every_place(sockets, step, faults=FAULTS):
    n = length(sockets)
    for k, fault in enumerate(faults):
        for at in range(1 + k % step, n + 1, step):
            rig, modem, ctx, sides = ready(sockets)
            try:
                disturbed(rig, modem, ctx, sides, fault, at)
            except BaseException:
                print("%s at command byte %d" % (fault, at))
                raise


def test_every_place_of_two_connections():
    every_place(2, 2 if FAST else 23)


def test_every_place_with_ids_of_two_digits():
    every_place(12, 9 if FAST else 97)


def test_every_digit_of_a_length():
    # 400 bytes announced as 40, 4400, 0, 500...: nothing of the payload is ever a command.
    for fault in FAULTS:
        for at in range(13, 19):
            rig, modem, ctx, sides = ready(2)
            log = Log(rig)
            arm(rig, "%s line=AT+QSSLSEND at=%d" % (fault, at))
            side = sides[1]
            e = None
            try:
                for _ in range(5):
                    side.write(400)
                side.sock.close()
            except OSError as error:
                e = error
            assert e is not None or fault == "insert_in byte=31", (fault, at)
            side.check()
            assert not [text for text in log.at if "CFUN" in text or "QPOWD" in text], log.at
            if e is not None:
                assert "another command" in str(e) or "delivery" in str(e) or "no prompt" in str(e)
            works(modem)


def test_a_payload_byte_never_becomes_a_command():
    for fault in ("lose_in", "insert_in", "dup_in"):
        for at in (1, 2, 15, 200, 399, 400):
            rig, modem, ctx, sides = ready(2)
            log = Log(rig)
            arm(rig, "%s in=payload at=%d" % (fault, at))
            side = sides[1]
            e = raised(side.write, 400)
            assert "delivery" in str(e), (fault, at, e)
            assert not [text for text in log.at if "CFUN" in text or "QPOWD" in text], log.at
            modem.sleep_ms(2000)
            # What was lost is not made up for by anything that a text would hold.
            got = side.server.got[side.host]
            assert fault != "lose_in" or got[-1:] == b"\x1b", (at, len(got), got[-9:])
            works(modem)


def test_one_byte_of_payload():
    # The byte that was lost is the one that completes it: what arrives is right.
    rig, modem, ctx, sides = ready(2)
    arm(rig, "lose_in in=payload at=1")
    side = sides[1]
    raised(side.write, 1)
    modem.sleep_ms(30000)
    side.check()
    assert len(side.server.got[side.host]) == 41, side.server.got[side.host]


def test_settings_are_as_asked():
    # Within start() and the setting up of a context, too.
    for fault in FAULTS:
        for at in range(1, 900, 7 if FAST else 60):
            server = Server()
            rig, modem = up(FakeNet(server), sockets=4)
            other = modem.tls(1, ca=CA, check_time=False, suite="AES128-SHA")
            modem.connect("a.example", 443, other)
            arm(rig, "%s in=command at=%d" % (fault, at))
            ctx = tls(modem)
            try:
                b = modem.connect("b.example", 443, ctx)
                b.write(b"x")
                b.flush()
            except OSError:
                pass
            rig.model.command("clear")
            for k in range(2):
                try:
                    c = modem.connect("c.example", 443, other if k else ctx)
                except OSError:
                    c = modem.connect("c.example", 443, other if k else ctx)
                c.write(b"x")
                c.flush()
                conn = server.conns["c.example"]
                assert (conn.tls.version, conn.tls.seclevel) == (3, 1), (fault, at)
                assert tuple(conn.tls.suites) == ((0x2F,) if k else (SUITE,)), (
                    fault,
                    at,
                    conn.tls.suites,
                )
                c.close()
            if server.got.get("b.example"):
                conn = server.conns["b.example"]
                assert tuple(conn.tls.suites) == (SUITE,) and conn.tls.seclevel == 1, (fault, at)


def test_start_with_a_byte_lost_at_every_place():
    from driver_kit import bare

    for fault in ("lose_in", "dup_in", "corrupt_in xor=1"):
        for at in range(1, 330, 5 if FAST else 50):
            rig, modem = bare(flow=True)
            arm(rig, "%s in=command at=%d" % (fault, at))
            modem.start("internet")
            m = rig.model
            what = (fault, at, m.cmee, m.ifc, m.echo, m.payload_echo)
            assert what[2:] == (1, (2, 2), True, 0), what
            assert m.pdp.all[1].apn == "internet", (fault, at)
            works(modem)


def test_a_modem_that_echoes_wrongly_for_ever():
    from driver_kit import bare

    rig, modem = bare()
    arm(rig, "corrupt in=echo rate=10 n=0")
    e = raised(modem.start, "internet", timeout_ms=60000)
    assert "echo" in str(e) or "no text" in str(e) or "bytes" in str(e), e


def test_an_echo_that_a_urc_cuts():
    for at in range(1, 20):
        rig, modem, ctx, sides = ready(2)
        arm(rig, 'echo_cut at=%d n=4 text=+QSSLURC: "recv",0' % at)
        side = sides[1]
        side.write(400)
        side.say(100)
        side.takes(100)
        side.write(7)
        assert not modem.stats.misheard and modem.stats.resyncs == 1, at
        side.check()


def test_a_restart_in_the_middle_of_an_echo():
    for at in range(1, 19):
        rig, modem, ctx, sides = ready(2)
        arm(rig, "cut in=echo at=%d do=restart" % at)
        e = raised(sides[1].write, 400)
        assert "restart" in str(e) or "unasked" in str(e) or "prompt" in str(e), e
        modem.sleep_ms(8000)
        assert not modem.up
        modem.start("internet")
        works(modem)


def test_payload_that_is_echoed_all_the_same():
    for space in ("yes", "no"):
        rig, modem = up(
            FakeNet(Server()), switches={"payload_echo": "always", "prompt_space": space}
        )
        side = Side(modem, rig.net.default, tls(modem), "a.example")
        for n in (1, 400, 1460, 3000):
            side.write(n)
        for data in (b"\r\nSEND OK\r\n" * 9, b" SEND FAIL", b"\r\nERROR\r\n", b" \r\n> "):
            side.written += data
            side.sock.write(data)
            side.sock.flush()
        assert rig.net.default.got["a.example"] == side.written
        assert modem.stats.resyncs == 1 and modem.link.echo


def test_payload_that_is_echoed_with_prompts_between():
    # What is more than was typed reads like a line of others, with a quotation that is left open.
    rig, modem = up(FakeNet(Server()), switches={"payload_echo": "always", "prompt_again": "both"})
    side = Side(modem, rig.net.default, tls(modem), "a.example")
    for count in (60, 90, 300):
        data = b'POST / HTTP/1.1\r\n\r\n{"%s":0}' % (b"n" * count)
        side.written += data
        side.sock.write(data)
        side.sock.flush()
    assert rig.net.default.got["a.example"] == side.written
    assert modem.stats.resyncs == 1 and modem.link.echo


def test_payload_that_is_echoed_while_the_result_takes_its_time():
    # SEND OK comes alone then, and whole.
    for baud in (0, 115200):
        switches = {"payload_echo": "always"}
        rig, modem = up(FakeNet(Server()), baud=baud, rxbuf=4096, switches=switches)
        side = Side(modem, rig.net.default, tls(modem), "a.example")
        arm(rig, "delay by=40 what=final n=0")
        side.write(400)
        for data in (b"\r\nERROR\r\n" * 9, b"\rSEND OK\r\n", b" \r\n> "):
            side.written += data
            side.sock.write(data)
            side.sock.flush()
        assert rig.net.default.got["a.example"] == side.written, baud
        assert modem.stats.resyncs == 1 and modem.link.echo


def test_payload_that_is_echoed_behind_the_text_of_a_message():
    # What looks like the empty line before SEND OK has ended the payload.
    long = b'{"%s":0}' % (b"n" * 700)  # more than a line may have
    lines = b"POST / HTTP/1.1\r\n\r\n" + EVIL * 9
    rig, modem = up(FakeNet(Server()), switches={"payload_echo": "always"})
    side = Side(modem, rig.net.default, tls(modem), "a.example")
    texts = (b"x", b"one line", b"\x30 \0\x05", lines, lines[:-1], lines + b'+X: "y"')
    for data in texts + (pattern(600, 8), long, long + b" \t", long + long):
        for first in range(7):
            modem.link.mirrors = False  # nothing is learned yet
            side.written += data + data
            arm(rig, "foreign before=echo lines=several first=%d n=%d" % (first, 2 + first % 3))
            side.sock.write(data)
            side.sock.flush()
            side.sock.write(data)
            side.sock.flush()
            rig.model.command("clear")
            assert rig.net.default.got["a.example"] == side.written
    assert modem.stats.resyncs == 1 and modem.link.echo


def test_a_byte_too_much_and_the_next_command_is_ignored():
    # The last byte of the payload stands in front of that command, so the modem takes it for none.
    # What was sent is doubtful all the same.
    data = b"{'a': 123456789, 'b': 123456789}"
    for at in range(21, 21 + len(data), 3):
        rig, modem = up(FakeNet(Server()), switches={"at_prefix": "begin"})
        sock = modem.connect("a.example", 1, tls(modem))
        sock.settimeout(20)
        arm(rig, "dup_in at=%d" % at)
        sock.write(data)
        modem.sleep_ms(55)
        try:
            modem.command("AT+CSQ")
            sock.write(b"more")
            sock.flush()
        except OSError:
            pass
        assert sock.why or rig.net.default.got["a.example"].startswith(data), at


def test_noise_like_the_first_byte_is_no_echo_of_the_payload():
    # A zero behind the prompt, and the payload begins with one: nothing is learned from that.
    for n in (1, 2, 3, 4, 5, 12, 40):
        rig, modem = up(FakeNet(Server()))
        sock = modem.connect("a.example", 1, tls(modem))
        arm(rig, "before before=final what=nul n=1")
        sock.write(b"\0" + pattern(n - 1))
        try:
            sock.flush()
        except OSError:
            sock.close()
            sock = modem.connect("a.example", 1, tls(modem))
        assert not modem.link.mirrors, n
        for size in (300, 1, 700):  # the first one after it arrives whole
            before = len(rig.net.default.got["a.example"])
            sock.write(b"\0" + pattern(size))
            sock.flush()
            assert rig.net.default.got["a.example"][before:] == b"\0" + pattern(size), n


def test_a_modem_that_never_echoes():
    rig, modem = up(FakeNet(Server()), switches={"echo_obeys": "never"})
    side = Side(modem, rig.net.default, tls(modem), "a.example")
    assert not modem.link.echo and modem.stats.resyncs == 1
    side.write(400)
    side.say(50)
    side.takes(50)
    side.check()
    assert reads(side.sock, 0) == b""


def test_an_echo_that_was_missed_is_found_again():
    # When the last pushing connection has gone, the echo is to come back: the modem switches it
    # on, but its answers are lost. The driver sees none then, and doubts whatever it sends.
    rig, modem, sock, _ = pushing()
    sock.close()
    arm(rig, "lose_answer cmd=E n=9")
    for _ in range(3):
        try:
            works(modem, 50)
        except OSError:
            pass
        modem.sleep_ms(20000)
        rig.model.command("clear")
    works(modem, 50)
    assert modem.link.echo


def test_a_byte_lost_as_data_are_asked_for_without_an_echo():
    # Ids of one digit: what is left of the command names no other connection.
    for kind, step in ("lose_in", 1), ("dup_in", 3):
        for at in range(1, 19, step):
            net = FakeNet(Server())
            rig, modem = up(net, switches={"echo_obeys": "never"}, sockets=10)
            socks = [modem.connect("%d.example" % i, 443, tls(modem)) for i in range(3)]
            for i in range(3):
                net.default.conns["%d.example" % i].push(pattern(1600, 50 * i))
            arm(rig, "%s in=command line=AT+QSSLRECV=1,1 at=%d" % (kind, at))
            for i in (1, 0, 2):
                socks[i].settimeout(30)
                try:
                    got = reads(socks[i], 1600)
                except OSError:
                    continue
                assert got == pattern(1600, 50 * i), (kind, at, i)


def test_settings_of_a_modem_that_never_echoes():
    # What is set and read back alike, such as a blank too many or a letter of the other case in
    # the name of a file, shows as a connection that fails: then all is set again.
    for fault in ("insert_in byte=20", "corrupt_in xor=20", "insert_in byte=22", "lose_in"):
        for at in range(1, 44, 1 if FAST else 5):
            for key in ("cacert", "ciphersuite"):
                server = Server()
                rig, modem = up(FakeNet(server), switches={"echo_obeys": "never"})
                ctx = tls(modem)
                arm(rig, '%s in=command line=AT+QSSLCFG="%s" at=%d' % (fault, key, at))
                for _ in range(3):
                    try:
                        modem.connect("b.example", 443, ctx).close()
                        break
                    except OSError as e:
                        error = e
                else:
                    raise AssertionError((fault, key, at, error))
                conn = server.conns["b.example"]
                assert (conn.tls.version, conn.tls.seclevel, conn.tls.ca) == (3, 1, CA)
                assert tuple(conn.tls.suites) == (SUITE,), (fault, key, at, conn.tls.suites)


def test_what_recorder_gets():
    # The measure measures: what is typed for a connection arrives there.
    net = FakeNet(Recorder())
    rig, modem = up(net)
    sock = modem.connect("x.example", 1, tls(modem))
    sock.write(b"abc")
    sock.flush()
    assert bytes(net.default.received) == b"abc"


def test_the_form_without_a_length():
    from qssl import ctrl_z

    rig, modem, ctx, sides = ready(2)
    arm(rig, "corrupt_in xor=1 line=AT+QSSLSEND at=13")
    e = raised(ctrl_z.send, sides[1].sock, b"text")
    assert "another command" in str(e), e
    assert "another command" in str(raised(sides[0].sock.close))
    sides[1].sock.close()
    works(modem)


def test_a_byte_too_much_with_a_urc_right_behind():
    # The byte that was left over is echoed, then a URC ends what looks like its line.
    for by in (0, 1, 3, 9):
        for at in (1, 40, 120):
            rig, modem, ctx, sides = ready(2)
            side = sides[1]
            arm(rig, "insert_in in=payload at=%d" % at)
            conn = side.server.conns[side.host]
            side.server.on_data = lambda c, data, conn=conn: conn.push(b"answer")
            if by:
                arm(rig, "late_urc what=recv by=%d" % by)
            e = raised(side.write, 120)
            assert "delivery unknown" in str(e) and "no SEND OK" not in str(e), (by, at, e)


def test_a_byte_too_much_and_the_left_over_is_a_line_end():
    # It is echoed as an empty line, in front of the next command: what was sent is doubtful.
    for end in (b"\r", b" ", b"\t"):
        for by in (0, 1, 3):
            for at in (1, 40, 119):
                rig, modem, ctx, sides = ready(2)
                side = sides[1]
                data = b"x" * 119 + end
                conn = side.server.conns[side.host]
                side.server.on_data = lambda c, data, conn=conn: conn.push(b"answer")
                arm(rig, "insert_in in=payload at=%d" % at)
                if by:
                    arm(rig, "late_urc what=recv by=%d" % by)
                side.sock.write(data)
                e = raised(side.sock.flush)
                assert "delivery unknown" in str(e), (end, by, at, e)
                assert "no SEND OK" not in str(e), (end, by, at, e)
                works(modem)
