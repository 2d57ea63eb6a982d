# test_transparent - transparent access mode: a stream that owns the AT port (manual 1.3, 3.5).
# SPDX-License-Identifier: MIT

import sys

import rig as _rig
from driver_kit import HOST, LOOKALIKES, Log, arm, pattern, raised, tls, up, works
from mode_kit import Talker, TellingUart, piped, pushing, takes, until, with_pins
from qssl import Modem
from ugsim.fakenet import EchoPeer, FakeNet, RefusingPeer, SinkPeer, SourcePeer, StallingPeer

INSIDE = ("test_all_that_is_typed_before_is_within_the_time",)

TIMEOUT_S = 300

NO_CARRIER = b"\r\nNO CARRIER\r\n"
OK = b"\r\nOK\r\n"


def test_both_ways():
    for chunk in (None, 1):
        rig, modem, pipe, peer = piped(chunk=chunk)
        log = Log(rig)
        assert pipe.write(b"hello") == 5
        assert pipe.write(b"..wide..", 2) == 2 and pipe.write(b"..wide..", 2, 4) == 4
        assert pipe.write("text") == 4
        until(modem, peer.has(b"hello..widetext"))
        peer.say(b"line 1\r\nline 2\r\n")
        assert pipe.readline() == b"line 1\r\n"
        assert pipe.read(8) == b"line 2\r\n"
        assert log.at == []
        pipe.close()
        assert peer.closed == 1
        works(modem)


def test_payloads_that_look_like_the_protocol():
    for chunk in (None, 1, 5):
        rig, modem, pipe, peer = piped(Talker(True), chunk=chunk)
        for data in LOOKALIKES:
            if data != NO_CARRIER:
                pipe.write(data)
                takes(pipe, data)
        both = b"".join(LOOKALIKES)
        pipe.write(both)
        takes(pipe, both)
        pipe.write(pattern(256))
        takes(pipe, pattern(256))
        assert modem.stats.garbled == 0 and modem.stats.restarts == 0
        pipe.close()
        works(modem)


def test_volume_over_a_paced_line():
    for baud in (0, 115200, 921600):
        for flow, rxbuf in ((True, 512), (True, 2048), (False, 4096)):
            rig, modem, pipe, peer = piped(EchoPeer(), baud=baud, flow=flow, rxbuf=rxbuf)
            data = pattern(12000, baud & 255)
            got = bytearray()
            at = 0
            while len(got) < len(data):
                if at < len(data):
                    at += pipe.write(data[at : at + 700])
                got.extend(pipe.recv(1400))
            assert got == data and rig.lost == 0
            pipe.close()
            works(modem)


def test_slow_reader_with_rts():
    for baud in (0, 115200):
        source = SourcePeer(40000)
        rig, modem, pipe, _ = piped(source, baud=baud, flow=True, rxbuf=2048)
        takes(pipe, source.byte_at(0, 40000), slow=(rig, 200))
        assert rig.lost == 0
        pipe.close()
        works(modem)


def test_overrun_without_flow_control():
    # Nothing counts the bytes, but a full ring tells that some are missing.
    source = SourcePeer(60000, pattern(1009))
    rig = _rig.Rig(FakeNet(source), baud=115200, rxbuf=2048)
    rig.uart = TellingUart(rig)
    modem = Modem(rig.uart)
    modem.start(apn="internet")
    pipe = modem.transparent(HOST, 1, tls(modem))
    pipe.settimeout(10)
    takes(pipe, source.byte_at(0, 3000))
    rig.sleep(500)
    assert rig.lost
    at = 3000
    try:
        while True:
            part = pipe.recv(500)
            assert part and part == source.byte_at(at, len(part))
            at += len(part)
    except OSError as e:
        assert "disorder" in str(e), e
    pipe.close()
    works(modem)


def test_slow_server_with_cts():
    # The modem's buffer is full: CTS holds the UART, write() waits, and gives up in time.
    sink = SinkPeer(rate=0)
    rig, modem, pipe, _ = piped(sink, timeout_s=3, flow=True)
    data = pattern(8760)
    assert pipe.write(data) == 8760
    start = rig.now
    error = raised(pipe.write, b"more")
    assert 2900 < rig.now - start < 3200, error
    sink.rate = None
    assert pipe.write(b"more") == 4
    until(modem, lambda: sink.received == data + b"more")
    pipe.close()


def test_eof_after_all_data():
    # NO CARRIER in earnest: the modem says so, and is in command mode.
    for switches in ({}, {"closed_after_no_carrier": "yes"}, {"urc_in_data": "drop"}):
        for chunk in (None, 1):
            rig, modem, pipe, peer = piped(chunk=chunk, switches=switches)
            peer.say(pattern(2500))
            peer.conn.peer_close()
            takes(pipe, pattern(2500))
            assert pipe.recv(1) == b"" and pipe.read() == b""
            error = raised(pipe.write, b"x")
            assert "closed" in error.hint, error
            try:
                pipe.close()
            except OSError:
                pass
            works(modem)


def test_eof_in_the_middle_of_a_write():
    rig, modem, pipe, peer = piped(baud=115200)

    def cut(conn, data):
        conn.peer_close()

    peer.on_data = cut
    start = rig.now

    def write():
        while rig.now - start < 5000:
            pipe.write(pattern(1000))
            modem.sleep_ms(50)

    assert "closed" in str(raised(write))
    try:
        pipe.close()
    except OSError:
        pass
    works(modem)


def test_nothing_is_typed_right_behind_no_carrier():
    # It may be the modem's, which would take what is written for commands.
    rig, modem, pipe, peer = piped()
    peer.conn.peer_close()
    peer.say(b"x")
    takes(pipe, b"x")
    rig.sleep(20)
    seen = []
    feed = rig.model.feed
    rig.model.feed = lambda data: (seen.append(bytes(data)), feed(data))
    assert "closed" in str(raised(pipe.write, b"\rAT+CFUN=1,1\r"))
    modem.sleep_ms(1000)
    assert b"CFUN" not in b"".join(seen) and modem.stats.restarts == 0
    pipe.close()
    works(modem)


def for_ever(pipe, data):
    for _ in range(50):
        pipe.write(data)


def test_answers_to_what_is_typed_behind_the_end():
    # The modem is in command mode by then: what it says to that is no payload, and writing ends.
    for switches in ({}, {"cmee_default": 1}):
        rig, modem, pipe, peer = piped(baud=115200, switches=switches)
        log = Log(rig)
        peer.say(b"last")
        modem.sleep_ms(50)
        data = b"x\rAT+NONSENSE\r" * 20
        pipe.write(data)
        peer.conn.peer_close()
        rig.sleep(100)
        error = raised(for_ever, pipe, data)
        assert "closed" in str(error), error
        assert pipe.read() == b"last"
        assert 0 < log.count("AT+NONSENSE") < 41, log.at
        try:
            pipe.close()
        except OSError:
            pass
        works(modem)


def test_no_carrier_in_earnest_and_lines_behind_it():
    # What the modem had to say meanwhile comes as data mode ends.
    for line in (
        "RING",
        "OK",
        "ERROR",
        "RING\\n\\n+CREG: 1",
        "+CREG: 1\\n\\nOK\\n\\nRING",
        '+CMT: "+491510000000",,"26/11/22,10:00:00+00"\\nDear all,\\nOK',
        "Call Ready",
    ):
        for after in (0, 40, 250):
            rig, modem, pipe, peer = piped()
            peer.say(b"the end")
            if not after:
                rig.model.command("say " + line)
            rig.sleep(50)
            peer.conn.peer_close()
            if after:
                rig.sleep(after)
                rig.model.command("say " + line)
            start = rig.now
            assert pipe.recv(99) == b"the end", line
            assert pipe.recv(1) == b"" and rig.now - start < 6000, (line, after)
            pipe.close()
            works(modem)


def test_no_carrier_as_payload_with_lines_behind_it():
    for line in (b"\r\nOK\r\n", b"\r\nRING\r\n", b"\r\nRING\r\n\r\nOK\r\n", b"\r\n\0\xff" + OK):
        data = NO_CARRIER + line
        rig, modem, pipe, peer = piped()
        for after in (0, 1500, 2900):
            peer.say(data)
            rig.sleep(after)
            peer.say(data)
            start = rig.now
            takes(pipe, data + data)
            assert rig.now - start < 6000
            assert pipe.write(b"goes on") == 7
        until(modem, peer.has(b"goes on" * 3))
        pipe.close()
        works(modem)


def test_no_carrier_as_payload():
    # Followed by more, or by nothing: then the driver looks whether the modem is still in data
    # mode, and goes on.
    for chunk in (None, 1):
        for data in (NO_CARRIER, b"x" + NO_CARRIER, NO_CARRIER * 3, NO_CARRIER + b"\r\n+X: 1\r\n"):
            rig, modem, pipe, peer = piped(chunk=chunk)
            log = Log(rig)
            peer.say(data + b"more")
            takes(pipe, data + b"more")
            assert log.at == []
            peer.say(data)
            start = rig.now
            takes(pipe, data)
            assert rig.now - start < 5000
            assert pipe.write(b"goes on") == 7
            assert log.at == ["AT", "ATO"], (data, chunk, log.at)
            until(modem, peer.has(b"goes on"))
            peer.say(b"here too")
            takes(pipe, b"here too")
            pipe.close()
            works(modem)


def test_no_carrier_as_payload_while_the_program_writes():
    rig, modem, pipe, peer = piped()
    peer.say(NO_CARRIER)
    sent = b""
    for i in range(40):
        data = pattern(30, i)
        assert pipe.write(data) == 30
        sent += data
        modem.sleep_ms(150)
    until(modem, lambda: peer.got == sent)
    takes(pipe, NO_CARRIER)


def test_no_carrier_in_pieces():
    # Cut anywhere with a pause, it is payload at once.
    for cut in range(1, len(NO_CARRIER)):
        rig, modem, pipe, peer = piped()
        log = Log(rig)
        peer.say(NO_CARRIER[:cut])
        start = rig.now
        takes(pipe, NO_CARRIER[:cut])
        assert rig.now - start <= 50
        peer.say(NO_CARRIER[cut:] + b".")
        takes(pipe, NO_CARRIER[cut:] + b".")
        assert log.at == []


def test_no_carrier_and_more_after_a_short_pause():
    rig, modem, pipe, peer = piped()
    log = Log(rig)
    peer.say(NO_CARRIER)
    modem.sleep_ms(200)
    peer.say(b"more")
    takes(pipe, NO_CARRIER + b"more")
    modem.sleep_ms(3000)
    assert log.at == [] and rig.model.sockets.owner is not None


def test_lookalikes_in_a_full_ring():
    for baud in (0, 115200):
        rig, modem, pipe, peer = piped(baud=baud, flow=True, rxbuf=2048)
        data = (pattern(60) + NO_CARRIER + b"\r\n+X: 1\r\n\r\n+") * 60 + b"."
        peer.say(data)
        modem.sleep_ms(2000)
        takes(pipe, data, slow=(rig, 50))
        assert modem.stats.overruns == 0 and peer.closed == 0
        pipe.close()
        assert peer.closed == 1
        works(modem)


def test_line_ends_are_not_held_long():
    rig, modem, pipe, peer = piped(baud=115200)
    peer.say(b"220 ready\r\n")
    start = rig.now
    assert pipe.readline() == b"220 ready\r\n"
    assert rig.now - start <= 40, rig.now - start


def test_no_carrier_with_dcd():
    rig, modem, pipe, peer, pins = with_pins(["dcd"])
    log = Log(rig)
    peer.say(b"x" + NO_CARRIER)
    start = rig.now
    takes(pipe, b"x" + NO_CARRIER)
    assert rig.now - start <= 400 and log.at == []
    peer.say(NO_CARRIER)
    peer.conn.peer_close()
    takes(pipe, NO_CARRIER)
    assert pipe.recv(1) == b""
    assert set(log.at) <= {"AT+QSSLRECV=0,1", "AT+QIACT?"}, log.at
    pipe.close()
    works(modem)


def test_what_wants_the_wire_is_refused_at_once():
    rig, modem, pipe, peer = piped(sockets=3)
    pipe.escape()
    rig.net.add("echo.example", EchoPeer())
    other = modem.connect("echo.example", 1, tls(modem))
    other.settimeout(5)
    other.write(b"early")
    other.flush()
    modem.sleep_ms(100)
    pipe.resume()
    start = rig.now
    assert other.recv(9) == b"early"  # what was received is there
    ctx = tls(modem, 1)
    for call in (
        modem.signal,
        lambda: modem.command("ATI"),
        lambda: modem.connect("echo.example", 1, ctx),
        lambda: modem.transparent("echo.example", 1, ctx),
        lambda: modem.connect("echo.example", 1, ctx, push=True),
        other.transparent,
        lambda: other.switch(True),
        lambda: other.recv(1),
        other.flush,
        lambda: other.write(b"x"),
        other.close,
    ):
        error = raised(call)
        assert "transparent mode" in error.hint and "escape()" in error.hint, error
    assert rig.now - start <= 20
    pipe.write(b"undisturbed")
    until(modem, lambda: peer.got == b"undisturbed")
    pipe.escape()
    other.write(b"late")
    assert other.read(4) == b"late"
    assert modem.signal() is not None


def test_others_are_told_while_one_closes():
    # In the background, which takes 3 s; there is nothing to escape from then.
    rig, modem, pipe, peer = piped()
    pipe.settimeout(0)
    pipe.close()
    e = raised(modem.connect, HOST, 1, tls(modem))
    assert "if it is being closed, try again in 3 s" in str(e), e
    modem.sleep_ms(4000)  # and then the modem lets it go
    works(modem)


def test_second_stream_after_the_first_left():
    rig, modem, one, peer = piped(sockets=3)
    two_peer = rig.net.add("two.example", Talker())
    raised(modem.transparent, "two.example", 1, tls(modem))
    one.write(b"1")
    one.escape()
    two = modem.transparent("two.example", 1, tls(modem))
    two.settimeout(5)
    assert "transparent" in str(raised(one.write, b"x"))
    assert "transparent" in str(raised(one.resume))
    two.write(b"2")
    two.escape()
    log = Log(rig)
    one.resume()  # another connection left data mode later: ATO would resume that
    one.write(b"1")
    one.escape()
    assert log.at[0] == "AT+QISWTMD=0,2", log.at
    one.resume()
    assert log.at[-1] == "ATO", log.at
    one.write(b"1")
    one.escape()
    two.resume()
    two.write(b"2")
    until(modem, lambda: two_peer.got == b"22")
    two.close()
    one.resume()
    one.write(b"!")
    one.close()
    assert peer.got == b"111!" and two_peer.got == b"22"
    works(modem)


def test_refused_when_something_pushes():
    rig, modem, sock, peer = pushing(sockets=3)
    error = raised(modem.transparent, HOST, 1, tls(modem))
    assert "push" in error.hint, error
    sock.switch(False)
    pipe = modem.transparent(HOST, 1, tls(modem))
    pipe.close()
    works(modem)


def test_open_fails():
    for peer, text in ((RefusingPeer(566), "566"), (RefusingPeer(565, "opening"), "565")):
        rig, modem = up(FakeNet(peer))
        error = raised(modem.transparent, HOST, 1, tls(modem))
        assert text in str(error) and HOST in str(error), error
        works(modem)
        works(modem)


def test_a_refusal_by_cme_keeps_its_number():
    rig, modem = up()
    context = tls(modem)
    assert rig.model.command("fault cme cmd=+QSSLOPEN code=30") == "ok"
    error = raised(modem.transparent, HOST, 1, context)
    assert error.code == 30 and "no network service" in error.hint, error
    works(modem)


def test_open_too_late():
    # The modem takes no other command while it opens: its CONNECT, if it comes after all, must
    # not be the start of an unwanted data mode.
    peer = StallingPeer()
    rig, modem = up(FakeNet(peer))
    start = rig.now
    error = raised(modem.transparent, HOST, 1, tls(modem), timeout_ms=3000)
    assert "in time" in error.hint and rig.now - start < 3200, error
    peer.state = None
    modem.sleep_ms(6000)
    assert rig.model.sockets.owner is None and rig.model.sockets.slots[0] is None
    works(modem)


def test_all_that_is_typed_before_is_within_the_time():
    for late in (300, 1000):
        for limit in (50, 300, 1000):
            rig, modem = up(FakeNet(EchoPeer()))
            context = tls(modem)
            arm(rig, "delay what=final by=%d n=0" % late)
            start = rig.now
            raised(modem.transparent, HOST, 443, context, timeout_ms=limit)
            assert limit <= rig.now - start <= limit + 20, (late, limit, rig.now - start)
    # The echo is on, as it is after a command that was damaged.
    rig, modem, pipe, peer = piped()
    pipe.escape()
    modem.command("ATE1")
    modem.link.echo = 1
    arm(rig, "delay what=final by=1000 n=0")
    start = rig.now
    raised(pipe.resume, 300)
    assert rig.now - start <= 320, rig.now - start


def test_start_from_data_mode():
    # The program starts anew, or the microcontroller: the modem is still in data mode.
    rig, modem, pipe, peer = piped()
    pipe.write(b"before")
    modem.start(apn="internet")
    assert "reconnect" in str(raised(pipe.write, b"x")) or "restart" in str(
        raised(pipe.write, b"x")
    )
    works(modem)
    rig, modem, pipe, peer = piped()
    again = Modem(rig.uart)
    again.start(apn="internet")
    works(again)


def test_not_blocking_and_poll():
    rig, modem, pipe, peer = piped()
    pipe.setblocking(False)
    assert pipe.recv(1) is None and pipe.ioctl(3, 5) == 4
    peer.say(b"now")
    modem.sleep_ms(30)
    assert pipe.ioctl(3, 5) == 5
    assert pipe.recv(9) == b"now" and pipe.recv(9) is None
    assert pipe.write(b"abc") == 3
    peer.conn.peer_close()
    modem.sleep_ms(6000)
    assert pipe.ioctl(3, 1) & 1 and pipe.recv(9) == b""


def test_network_lost():
    rig, modem, pipe, peer = piped()
    peer.say(b"last")
    modem.sleep_ms(50)
    rig.model.command("pdp drop 1")
    takes(pipe, b"last")
    assert "PDP" in str(raised(pipe.recv, 1))
    pipe.close()
    modem.start(apn="internet")
    works(modem)


class Canned:
    # A UART that has received `data` again and again, and takes everything.
    def __init__(self, data):
        self.data = data
        self.at = len(data)

    def any(self):
        return len(self.data) - self.at

    def readinto(self, buf, n):
        for i in range(n):
            buf[i] = self.data[self.at + i]
        self.at += n
        return n

    def write(self, buf, off, n):
        return n

    def txdone(self):
        return True


def test_steady_state_allocates_nothing():
    if sys.implementation.name != "micropython":
        return  # CPython can't tell
    import micropython

    rig, modem, pipe, peer = piped()
    data = pattern(600) + b"\r\nline\r\n\r\nNO CARRIER\r\n, it said."
    uart = modem.link.uart = Canned(data)
    buf = bytearray(len(data))
    for i in range(4):
        uart.at = 0
        if i:
            micropython.heap_lock()
        try:
            n = pipe.readinto(buf)
            k = pipe.write(buf, 10, 500)
            flags = pipe.ioctl(3, 5)
        finally:
            if i:
                micropython.heap_unlock()
        assert n == len(data) and buf == data and k == 500 and flags == 4
