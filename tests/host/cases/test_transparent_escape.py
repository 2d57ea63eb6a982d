# test_transparent_escape - +++ and DTR end data mode, ATO goes back to it (manual 1.3).
# SPDX-License-Identifier: MIT

import sys

from driver_kit import HOST, LTE, MODEL, Log, Watch, arm, bare, pattern, raised, tls, works
from mode_kit import Talker, piped, takes, until, with_pins
from ugsim.fakenet import EchoPeer, FakeNet, SourcePeer

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places

TIMEOUT_S = 300
OK = b"\r\nOK\r\n"
CLOSE = "AT+QSSLCLOSE=0" if MODEL == "bg770a" else "AT+QSSLCLOSE=0,10"  # it takes no time-out


def test_escape_and_resume():
    for keywords in (
        {},
        {"chunk": 1},
        {"baud": 9600},
        {"switches": {"connect_text": "CONNECT 150000000"}},
    ):
        watch = Watch()
        rig, modem, pipe, peer = piped(Talker(True), idle=watch, **keywords)
        pipe.write(b"transparent")
        takes(pipe, b"transparent")
        log = Log(rig)
        start = rig.now
        watch.start()
        pipe.escape()
        assert watch.stop() <= 100 and 2000 < rig.now - start < 4000
        assert log.at[0] == "AT"
        assert modem.signal() is not None
        assert modem.state(0).mode == "buffer"
        pipe.escape()  # nothing to do
        pipe.write(b"buffered")
        takes(pipe, b"buffered")
        assert log.count("AT+QSSLSEND") == 1
        pipe.resume()
        pipe.resume()  # nothing to do
        assert log.at[-1] == "ATO" and rig.model.sockets.owner is not None
        pipe.write(b"again")
        takes(pipe, b"again")
        pipe.close()
        works(modem)


def test_what_was_written_in_buffer_mode_goes_first():
    rig, modem, pipe, peer = piped()
    pipe.write(b"1")
    pipe.escape()
    pipe.write(b"2")
    pipe.resume()
    pipe.write(b"3")
    pipe.close()
    assert peer.got == b"123"


def test_data_keeps_coming_while_it_escapes():
    # Nothing is lost or doubled, whatever the speed, and whether the program reads or not.
    for baud in (0, 9600, 115200, 921600) if FAST else (0, 115200):
        source = SourcePeer(30000, pattern(1009))
        rig, modem, pipe, _ = piped(source, baud=baud, flow=True, rxbuf=2048)
        want = source.byte_at(0, 30000)
        takes(pipe, want[:2000])
        at = 2000
        while True:
            try:
                pipe.escape(timeout_ms=4000)
                break
            except OSError as e:
                assert "holds the line" in str(e), e
            end = at + 3000  # as the error says: read it
            while at < end:
                part = pipe.recv(500)
                assert part == want[at : at + len(part)], at
                at += len(part)
        assert modem.signal() is not None
        for _ in range(3):
            part = pipe.recv(500)
            assert part == want[at : at + len(part)], at
            at += len(part)
        pipe.resume()
        takes(pipe, want[at:])
        pipe.close()
        assert rig.lost == 0
        works(modem)


def says_while_escaping(data, after_ms, **keywords):
    # The server says `data` so long after escape() has begun.
    rig, modem, pipe, peer = piped(**keywords)
    due = rig.now + after_ms
    todo = [data]

    def idle():
        if todo and rig.now >= due:
            peer.say(todo.pop())

    modem.link.idle = idle
    pipe.escape()
    modem.link.idle = None
    if todo:
        peer.say(todo.pop())
    takes(pipe, data)
    assert modem.signal() is not None
    assert modem.stats.resyncs == 1
    pipe.resume()
    peer.say(b"more")
    takes(pipe, b"more")
    pipe.close()


def test_data_that_looks_like_the_answer():
    words = (
        OK,
        OK + OK,
        b"data\r\nOK",
        b"\r\nOK\r\nOK\r\n",
        OK + b'\r\n+QSSLURC: "closed",0\r\n',
        OK + b"\r\n+X",
        b"\r\nNO CARRIER\r\n",
        OK + b"\r\nNO CARRIER\r\n",
        b"\r\nNO CARRIER\r\n" + OK,
        b"\r",
        b"\r\n",
        pattern(300) + OK,
    )
    for data in words:
        for after in (
            0,
            500,
            1050,
            1095,
            1500,
            2000,
            2050,
            2090,
            2095,
            2099,
            2100,
            2105,
            2300,
            2650,
        ):
            if LTE and b"NO CARRIER" in data and 2000 <= after < 2100:
                continue  # just when it would say so itself
            says_while_escaping(data, after)


def test_data_that_looks_like_the_answer_single_bytes_read():
    for after in (1500, 2050, 2090, 2099):
        for data in (OK + OK, OK + b"\r\n+X", b"x" * 20 + OK + b"\r\n+URC: 1\r\n" * 60):
            says_while_escaping(data, after, chunk=1)


def test_urcs_behind_the_answer():
    # What the modem had to say to the others meanwhile comes right behind the OK.
    rig, modem, pipe, peer = piped(sockets=4)
    pipe.escape()
    ctx = tls(modem)
    peers = []
    socks = []
    for name in ("a.example", "b.example", "c.example"):
        peers.append(rig.net.add(name, Talker()))
        socks.append(modem.connect(name, 1, ctx))
        socks[-1].settimeout(5)
    pipe.resume()
    for i in range(3):
        peers[i].say(pattern(100, i))
    peers[2].conn.peer_close()
    modem.sleep_ms(1000)
    pipe.escape()
    log = Log(rig)
    modem.sleep_ms(100)
    assert log.count("AT+QSSLRECV") >= 3  # at once, not by the slow look
    for i in range(3):
        takes(socks[i], pattern(100, i))
    assert socks[2].recv(1) == b""


def test_dtr():
    rig, modem, pipe, peer, pins = with_pins(["dtr"])
    assert rig.model.dtr_mode == 1
    for _ in range(3):
        pipe.write(b"+++")
        peer.say(b"last" + OK)
        start = rig.now
        pipe.escape()
        assert rig.now - start < 2500
        assert rig.model.line("cts") and modem.signal() is not None
        takes(pipe, b"last" + OK)
        pipe.resume()
        peer.say(b"x")
        takes(pipe, b"x")
    pipe.close()
    assert peer.got == b"+++" * 3
    works(modem)


def test_dtr_while_the_uart_is_still_sending():
    # What the modem gets after DTR went it takes for commands.
    rig, modem, pipe, peer, pins = with_pins(("dtr",), baud=9600)
    log = Log(rig)
    data = b"x\rAT+NONSENSE\r" * 20
    pipe.write(data)
    pipe.escape()
    modem.sleep_ms(500)
    assert peer.got == data and log.count("AT+NONSENSE") == 0
    assert modem.signal() is not None


def test_dtr_that_is_not_wired():
    # The pin does nothing: +++ after all.
    rig, modem, pipe, peer, pins = with_pins(["dtr"])
    rig.model.dtr_mode = 0
    pipe.escape()
    assert modem.signal() is not None
    pipe.close()
    works(modem)


def test_resume_with_nothing_to_resume():
    # The connection ended in command mode: ATO answers NO CARRIER.
    rig, modem, pipe, peer = piped()
    pipe.escape()
    peer.say(b"the end")
    peer.conn.peer_close()
    modem.sleep_ms(10)
    log = Log(rig)
    error = raised(pipe.resume)
    assert "nothing to resume" in error.hint, error
    assert "ATO" in log.at
    takes(pipe, b"the end")
    assert pipe.recv(1) == b""
    assert modem.signal() is not None
    pipe.close()
    pipe.close()
    assert "closed" in str(raised(pipe.resume))
    assert "closed" in str(raised(pipe.escape))
    works(modem)


def test_plus_signs_of_the_escape_get_lost():
    for fault in ("lose_in at=1 bytes=1", "lose_in at=2 bytes=2", "corrupt_in at=2"):
        rig, modem, pipe, peer = piped()
        peer.say(b"before")
        takes(pipe, b"before")
        rig.model.command("fault " + fault)
        pipe.escape()
        assert modem.signal() is not None and modem.stats.resyncs == 1
        pipe.resume()
        peer.say(b"after")
        takes(pipe, b"after")
        pipe.close()


def test_plus_signs_get_lost_and_the_server_says_ok():
    # Too early for the modem's OK: AT must not be typed, the modem is in data mode.
    rig, modem, pipe, peer = piped()
    rig.model.command("fault lose_in at=1 bytes=3")
    due = rig.now + 1100 + 500
    todo = [OK]

    def idle():
        if todo and rig.now >= due:
            peer.say(todo.pop())

    modem.link.idle = idle
    pipe.escape()
    assert not todo and peer.got == b""
    takes(pipe, OK)
    assert modem.signal() is not None


def test_escape_behind_much_that_is_still_on_its_way_out():
    rig, modem, pipe, peer = piped(baud=1200)
    pipe.write(pattern(600))
    start = rig.now
    pipe.escape()
    assert rig.now - start > 5000 + 2100 and peer.got == pattern(600)
    assert modem.signal() is not None and modem.stats.resyncs == 1


def test_escape_when_the_uart_was_still_sending_long_after_the_write():
    # The second of silence begins with the last byte on the wire, not with the write.
    for pause in (0, 400, 700, 1050):
        rig, modem, pipe, peer = piped(baud=9600)
        data = pattern(300)
        pipe.write(data)
        rig.sleep(330)  # the program does something else until all is sent
        modem.sleep_ms(pause)
        pipe.escape()
        modem.sleep_ms(500)
        assert peer.got == data, (pause, peer.got[300:])
        assert modem.signal() is not None


def test_flush_waits_for_the_wire():
    rig, modem, pipe, peer = piped(baud=9600)
    start = rig.now
    pipe.write(pattern(300))
    pipe.flush()
    assert 300 <= rig.now - start < 400 and modem.link.uart.txdone()
    pipe.settimeout(0.1)
    pipe.write(pattern(300))
    assert "full" in str(raised(pipe.flush))
    pipe.settimeout(0)
    start = rig.now
    pipe.flush()
    assert rig.now - start < 5


def test_answer_of_the_escape_gets_lost():
    # The modem is in command mode, but that was not seen: the connection is given up.
    rig, modem, pipe, peer = piped()
    rig.model.command("fault lose at=4 bytes=2")
    start = rig.now
    try:
        pipe.escape()
    except OSError:
        pass
    assert rig.now - start < 13000
    modem.sleep_ms(12000)
    assert modem.signal() is not None
    try:
        pipe.close()
    except OSError:
        pass
    works(modem)


def test_modem_restarts_in_data_mode():
    rig, modem, pipe, peer = piped()
    rig.model.command("restart")
    modem.sleep_ms(5000)
    start = rig.now
    raised(pipe.escape)
    assert rig.now - start < 13000
    modem.start(apn="internet")
    works(modem)


def test_junk_before_the_proof():
    # The connection ended while the program was writing: what it wrote is a command line's start.
    for switches in ({}, {"noise_line": "error"}):
        rig, modem, pipe, peer = piped(switches=switches)
        peer.conn.peer_close()
        rig.uart.write(b"AT nonsense")
        rig.uart.write(b"more DATA")
        assert pipe.recv(1) == b""
        assert modem.signal() is not None
        pipe.close()
        works(modem)


def test_firmware_that_ignores_a_line_which_begins_with_something_else():
    # +++ in command mode and the AT behind it are one such line.
    for junk in (b"", b"POST / HTTP/1.1\r\nHost: ", b"{}"):
        rig, modem, pipe, peer = piped(switches={"at_prefix": "begin"})
        peer.say(b"last")
        peer.conn.peer_close()
        rig.uart.write(junk)
        assert pipe.recv(9) == b"last" and pipe.recv(9) == b"", junk
        assert modem.signal() is not None
        pipe.close()
        works(modem)
        assert modem.stats.resyncs == 1


def test_start_with_firmware_that_ignores_such_lines():
    for left in (b"+++", b"junk", b"\x1b\x1b", b"AT+QSSLSEND=0,30\r", b'AT+QFUPL="RAM:x",9\r'):
        rig, modem, pipe, peer = piped(switches={"at_prefix": "begin"})
        rig.uart.write(b"half of a request")
        modem.start(apn="internet")
        assert modem.up and modem.link.echo, left
        sock = modem.connect(HOST, 8883, tls(modem))
        rig.uart.write(left)
        rig.sleep(50)
        modem.start(apn="internet")
        assert modem.up and modem.link.echo, left
        sock.close()
        works(modem)


def test_close_in_data_mode():
    for baud in (0, 115200):
        rig, modem, pipe, peer = piped(SourcePeer(100000), baud=baud, flow=True, rxbuf=2048)
        takes(pipe, SourcePeer(0).byte_at(0, 3000))
        log = Log(rig)
        start = rig.now
        pipe.close()
        assert rig.now - start < 5000
        assert log.at == ["AT", CLOSE], log.at
        pipe.close()
        works(modem)
        assert modem.stats.resyncs == 1


def test_close_in_the_background():
    rig, modem, pipe, peer = piped()
    pipe.write(b"bye")
    pipe.setblocking(False)
    start = rig.now
    pipe.close()
    assert rig.now == start
    until(modem, lambda: rig.model.sockets.slots[0] is None)
    assert peer.got == b"bye"
    works(modem)


def test_a_connection_right_behind_one_that_closes_has_its_echo():
    # Without it nothing would show that its commands arrive as they were typed.
    for push in (False, True):
        rig, modem, pipe, peer = piped()
        pipe.escape()
        if push:
            pipe.switch(True)
        assert not modem.link.echo
        arm(rig, "mute ms=3000")  # so that close() is behind the way back, and what that asks
        raised(modem.command, "AT+CSQ", b"", 500)
        pipe.settimeout(0)
        pipe.close()
        rig.net.add("echo.example", EchoPeer())
        modem.connect("echo.example", 1, tls(modem))
        assert modem.link.echo, push


def test_escape_from_a_slow_modem():
    rig, modem = bare(FakeNet(EchoPeer()))
    arm(rig, "delay what=final by=1500 n=0")
    modem.start("internet")
    pipe = modem.transparent(HOST, 8883, tls(modem))
    pipe.settimeout(30)
    for _ in range(2):
        pipe.write(b"slow")
        assert pipe.read(4) == b"slow"
        pipe.escape()
        modem.signal()
        pipe.resume()
    pipe.close()


def test_lines_of_others_behind_the_answer():
    for line in ("RING", "Call Ready", '+CMT: "+4915",,"26/11/22,10:00:00+00"\\nHi,\\nhello'):
        rig, modem, pipe, peer = piped()
        rig.model.command("say " + line)
        pipe.escape()
        assert modem.signal() is not None and modem.stats.resyncs == 1, line
        pipe.resume()
        peer.say(b"after")
        takes(pipe, b"after")
