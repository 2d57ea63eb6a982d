# test_push - direct push mode: payload in URCs, of any size, at any place (manual 1.3, 2.3.1).
# SPDX-License-Identifier: MIT

import sys

from driver_kit import LOOKALIKES, Log, Watch, arm, pattern, raised, tls, works
from mode_kit import Talker, pushing, takes
from ugsim.fakenet import EchoPeer, SourcePeer

TIMEOUT_S = 300
INSIDE = ("test_unverified_bytes_are_not_shown",)


def test_data_then_eof():
    rig, modem, sock, peer = pushing()
    log = Log(rig)
    peer.say(b"hello")
    assert sock.read(5) == b"hello"
    peer.say(b"good")
    peer.say(b"bye\n")
    assert sock.readline() == b"goodbye\n"
    peer.say(b"last")
    peer.conn.peer_close()
    assert sock.read() == b"last"
    assert sock.recv(1) == b"" and sock.recv(1) == b""
    assert log.count("AT+QSSLRECV") <= 1, log.at  # one look after "closed"
    sock.close()
    works(modem)


def test_opens_in_push_mode():
    rig, modem, sock, peer = pushing()
    assert rig.model.sockets.slots[sock.id].mode == 1
    assert modem.state(sock.id).mode == "push"


def test_no_looks_for_data():
    # Nothing is asked for, however long it is quiet, but whether the connection still stands.
    rig, modem, sock, peer = pushing()
    log = Log(rig)
    modem.sleep_ms(60000)
    assert log.at == ["AT+QSSLSTATE"] * len(log.at) and 6 <= len(log.at) <= 8, log.at
    peer.say(b"x")
    assert sock.recv(10) == b"x"


def test_payloads_that_look_like_the_protocol():
    for chunk in (None, 1):
        rig, modem, sock, peer = pushing(chunk=chunk)
        unknown = modem.stats.unknown
        sent = b""
        for data in LOOKALIKES:
            peer.say(data)
            takes(sock, data)
            sent += data
        peer.say(sent)
        takes(sock, sent)
        peer.say(b"\r\n" + b'\r\n+QSSLURC: "recv",0,3\r\nabc\r\n' * 3)
        takes(sock, b"\r\n" + b'\r\n+QSSLURC: "recv",0,3\r\nabc\r\n' * 3)
        assert modem.stats.unknown == unknown and not modem.stats.garbled


def test_every_byte_value_and_size():
    rig, modem, sock, peer = pushing()
    unknown = modem.stats.unknown
    for n in (1, 2, 3, 63, 64, 65, 255, 256, 257, 1497, 1498, 1499, 1500):
        peer.say(pattern(n, n))
        takes(sock, pattern(n, n))
    assert modem.stats.unknown == unknown and not modem.stats.garbled
    sock.setblocking(False)
    assert sock.recv(1) is None  # and not a byte more


def test_split_anywhere():
    data = pattern(40) + b'\r\n+QSSLURC: "closed",0\r\n'
    for chunk in range(1, 40):
        rig, modem, sock, peer = pushing(chunk=chunk)
        unknown = modem.stats.unknown
        peer.say(data)
        rig.sleep(1)
        peer.say(data)
        takes(sock, data + data)
        assert modem.stats.unknown == unknown and not modem.stats.garbled, chunk
        assert rig.model.sockets.slots[sock.id].state == 3  # the line in the data closed nothing


def test_two_pushes_back_to_back_and_more_than_the_ring():
    for chunk in (None, 1, 7):
        rig, modem, sock, peer = pushing(chunk=chunk, switches={"push_max": 400})
        unknown = modem.stats.unknown
        data = pattern(9000)
        peer.say(data)
        takes(sock, data)
        assert modem.stats.unknown == unknown and not modem.stats.garbled, chunk
        sock.setblocking(False)
        assert sock.recv(1) is None  # and not a byte more


def test_one_push_larger_than_the_ring():
    # Its end could not be checked before its beginning is shown: it is refused by name.
    for chunk in (None, 100):
        rig, modem, sock, peer = pushing(chunk=chunk, switches={"push_max": 6000})
        peer.say(pattern(6000, 5))
        error = raised(sock.recv, 1500)
        assert "1500" in str(error) and "buffer mode" in str(error), error
        sock.close()
        works(modem)


def test_a_digit_too_much_in_a_length():
    # 700 becomes 7700, 770, 700x...: nothing is shown that the server did not send.
    data = pattern(6000, 9)
    for fault in ("dup", "insert byte=37", "lose", "corrupt xor=4", "corrupt xor=2"):
        for at in range(20, 28):
            rig, modem, sock, peer = pushing(switches={"push_max": 700})
            sock.settimeout(20)
            peer.say(data[:700])
            assert sock.read(700) == data[:700]
            arm(rig, "%s in=urc at=%d" % (fault, at))
            peer.say(data[700:])
            got = b""
            try:
                while len(got) < 5300:
                    got += sock.recv(1500)
            except OSError as e:
                assert "UART" in str(e), e
            assert got == data[700 : 700 + len(got)], (fault, at)
            sock.close()
            rig.model.command("clear")
            works(modem)


def test_lines_of_others_between_pushes():
    from ugsim.model.foreign import ONE

    for first in range(len(ONE)):
        rig, modem, sock, peer = pushing(switches={"push_max": 500})
        arm(rig, "foreign before=any lines=one n=3 first=%d" % first)
        peer.say(pattern(4000))
        rig.model.command("say " + ONE[first])
        try:
            takes(sock, pattern(4000))
        except OSError as e:
            raise AssertionError((first, ONE[first : first + 3], e))
        rig.model.command("say " + ONE[first])
        peer.say(pattern(500, 3))
        takes(sock, pattern(500, 3))


def test_reader_wants_more_than_the_ring_can_show():
    # 1000 bytes are there, and of the next push, too large for the rest of the ring, a part.
    rig, modem, sock, peer = pushing()
    data = pattern(2500)
    peer.say(data[:1000])
    modem.sleep_ms(50)
    peer.say(data[1000:])
    modem.sleep_ms(50)
    buf = bytearray(1500)
    assert sock.readinto(buf) == 1500 and buf == data[:1500]
    assert sock.read(1000) == data[1500:]


def test_unverified_bytes_are_not_shown():
    # The ring shows a push of up to 1500 bytes only when its end has come.
    rig, modem, sock, peer = pushing(baud=9600)
    sock.setblocking(False)
    peer.say(pattern(200))
    seen = []
    for _ in range(400):
        modem.sleep_ms(1)
        n = sock._ready
        if not seen or n != seen[-1]:
            seen.append(n)
    assert seen == [0, 200], seen


def test_readinto_deadline():
    rig, modem, sock, peer = pushing(timeout_s=2)
    peer.say(b"abc")
    start = rig.now
    buf = bytearray(10)
    assert sock.readinto(buf) == 3 and rig.now - start <= 2100
    start = rig.now
    raised(sock.readinto, buf)
    assert rig.now - start <= 2100


def test_echo_over_a_paced_line():
    for baud in (115200, 921600):
        for flow, rxbuf in ((True, 512), (True, 2048), (False, 4096)):
            rig, modem, sock, peer = pushing(EchoPeer(), baud=baud, flow=flow, rxbuf=rxbuf)
            data = pattern(12000, baud & 255)
            got = bytearray()
            at = 0
            while len(got) < len(data):
                if at < len(data):
                    at += sock.write(data[at : at + 1000])
                got.extend(sock.recv(1400))
            assert got == data and rig.lost == 0
            sock.close()


def test_slow_reader_with_rts():
    # The reader sleeps; RTS holds the modem, and through it the peer.
    for baud in (0, 115200, 921600):
        source = SourcePeer(40000)
        rig, modem, sock, _ = pushing(source, baud=baud, flow=True, rxbuf=2048)
        takes(sock, source.byte_at(0, 40000), slow=(rig, 200))
        assert rig.lost == 0
        works(modem)


def test_while_another_socket_sends():
    # Pushes come before the prompt, between prompt and SEND OK, and after it.
    for switches in ({}, {"urc_at_prompt": "later"}):
        for chunk in (None, 1):
            rig, modem, sock, peer = pushing(chunk=chunk, switches=switches)
            sink = rig.net.add("sink.example", Talker())
            other = modem.connect("sink.example", 1, tls(modem))
            want = b""
            for what in ("prompt", "send_ok"):
                rig.model.command("fault delay what=%s by=300" % what)
                other.write(pattern(100))
                other.settimeout(0)
                other.flush()
                modem.sleep_ms(100)
                data = b"\r\n> " + pattern(700) + b"\r\nSEND OK\r\n"
                peer.say(data)
                modem.sleep_ms(100)
                want += data
                other.settimeout(5)
                other.flush()
            takes(sock, want)
            assert sink.got == pattern(100) * 2
            other.close()


def test_while_another_socket_opens_and_receives():
    for chunk in (None, 1):
        rig, modem, sock, peer = pushing(chunk=chunk, sockets=3)
        rig.net.latency_ms = 100
        rig.net.add("echo.example", EchoPeer())
        ctx = tls(modem)
        other = modem.open("echo.example", 1, ctx)
        want = b""
        while not other.state():
            modem.sleep_ms(20)
            peer.say(b"\r\n+QSSLOPEN: 1,566\r\n")
            want += b"\r\n+QSSLOPEN: 1,566\r\n"
        assert other.state() == 1
        other.settimeout(10)
        for i in range(10):
            other.write(pattern(900, i))
            other.flush()
            peer.say(pattern(77, i))
            want += pattern(77, i)
            takes(other, pattern(900, i))
            takes(sock, want)
            want = b""


def test_while_commands_run():
    rig, modem, sock, peer = pushing()
    want = b""
    for i in range(20):
        rig.model.command("fault delay what=final by=%d" % (i * 7))
        peer.say(pattern(50, i))
        want += pattern(50, i)
        assert modem.signal() is not None
        assert modem.command("ATI")[0] == b"Quectel"
        takes(sock, pattern(50, i))


def test_pushing_sockets_side_by_side():
    rig, modem, sock, peer = pushing(sockets=3)
    peers = [peer, rig.net.add("two.example", Talker()), rig.net.add("three.example", Talker())]
    ctx = tls(modem)
    socks = [sock, modem.connect("two.example", 1, ctx, push=True)]
    socks.append(modem.connect("three.example", 1, ctx, push=True))
    for i in range(30):
        for j in range(3):
            peers[j].say(pattern(20 * j + i, j))
            if (i + j) % 3 == 0:
                socks[j].write(pattern(11, i))
        for j in (2, 0, 1):
            takes(socks[j], pattern(20 * j + i, j))
    for j in range(3):
        socks[j].close()
        # The server has what was written, in its order.
        sent = b"".join([pattern(11, i) for i in range(30) if (i + j) % 3 == 0])
        assert bytes(peers[j].got) == sent, j
    assert not modem.stats.garbled
    works(modem)


def test_firmware_without_line_end_after_the_data():
    for chunk in (None, 1):
        rig, modem, sock, peer = pushing(chunk=chunk, switches={"push_trailer": "none"})
        for i in range(4):
            for data in LOOKALIKES + (pattern(300, i), b"x\r\n", b"\r\n"):
                peer.say(data)
                takes(sock, data)
        source = pattern(5000)
        peer.say(source)
        takes(sock, source)
        peer.say(b"end\r\n")
        peer.conn.peer_close()
        assert sock.read() == b"end\r\n"


def test_close_with_pushes_on_their_way():
    for baud in (0, 115200):
        rig, modem, sock, peer = pushing(SourcePeer(200000), baud=baud, flow=True, rxbuf=2048)
        takes(sock, SourcePeer(0).byte_at(0, 3000))
        sock.close()
        assert modem.sockets[0] is None
        works(modem)
        assert modem.stats.resyncs == 1  # the one of start()


def test_payload_for_nobody_is_not_parsed():
    # A push for an id that is not open (here: in a program that uses buffer mode only).
    from driver_kit import connected

    rig, modem, sock = connected(sockets=3)
    for id in (1, 2, 11):
        rig.model.out.urc(
            '+QSSLURC: "recv",%d,24' % id, b"\r\nRDY\r\n\r\nPOWERED DOWN\r\n.", b"\r\n"
        )
        assert modem.signal() is not None
    assert modem.stats.restarts == 0 and modem.up
    sock.write(b"still here")
    takes(sock, b"still here")


def test_push_for_a_socket_in_buffer_mode_fails_it():
    from driver_kit import connected

    rig, modem, sock = connected()
    rig.model.out.urc('+QSSLURC: "recv",0,7', b"\r\nRDY\r\n", b"\r\n")
    error = raised(sock.read, 1)
    assert "pushed" in error.hint and modem.stats.restarts == 0


def test_poll_and_not_blocking():
    rig, modem, sock, peer = pushing()
    sock.setblocking(False)
    assert sock.recv(1) is None and sock.ioctl(3, 1) == 0
    peer.say(b"now")
    modem.sleep_ms(5)
    assert sock.ioctl(3, 1) == 1
    assert sock.recv(9) == b"now" and sock.recv(9) is None
    peer.conn.peer_close()
    modem.sleep_ms(50)
    assert sock.ioctl(3, 1) & 1 and sock.recv(9) == b""


def test_unread_pushes_hold_up_the_others():
    # One wire: until the pushing socket is read, nothing else gets through. All calls end in
    # time and say so; then everything goes on.
    watch = Watch()
    rig, modem, sock, peer = pushing(sockets=3, flow=True, rxbuf=2048, baud=115200, idle=watch)
    rig.net.add("echo.example", EchoPeer())
    ctx = tls(modem)
    other = modem.connect("echo.example", 1, ctx)
    data = pattern(30000)
    peer.say(data)
    modem.sleep_ms(1000)
    other.settimeout(2)
    other.write(b"hello")
    for call, limit in (
        (other.flush, 2),
        (lambda: other.recv(1), 2),
        (modem.signal, 6),
        (lambda: modem.connect("echo.example", 1, ctx, timeout_ms=3000), 3),
    ):
        start = rig.now
        watch.start()
        error = raised(call)
        assert "holds the line" in error.hint, error
        assert rig.now - start <= limit * 1000 + 200, rig.now - start
        assert watch.stop() <= 100
    takes(sock, data)
    assert other.read(5) == b"hello"
    assert rig.lost == 0 and modem.stats.resyncs == 1
    works(modem)


def test_unread_pushes_hold_up_an_opening():
    said = []

    def idle():
        if not said and rig.model.sockets.slots[1] is not None:
            said.append(1)
            peer.say(pattern(30000))

    rig, modem, sock, peer = pushing(sockets=3, flow=True, rxbuf=2048, baud=115200)
    modem.link.idle = idle
    rig.net.add("echo.example", EchoPeer())
    rig.model.command("fault delay what=open by=2000")
    error = raised(lambda: modem.connect("echo.example", 1, tls(modem), timeout_ms=6000))
    assert said and "modem: echo.example:1: a connection in push" in str(error), error
    takes(sock, pattern(30000))
    works(modem)


def test_unread_pushes_while_a_command_runs():
    # The answer to a command that was under way is stuck behind the payload: it fails in time,
    # and the socket that was not read says that it may have missed something.
    rig, modem, sock, peer = pushing(flow=True, rxbuf=2048, baud=115200)
    rig.model.command("fault delay what=final by=1000")
    peer.say(pattern(30000))
    start = rig.now
    error = raised(modem.signal)
    assert "holds the line" in error.hint, error
    assert rig.now - start <= 5200
    assert takes_until_error(sock, pattern(30000)) >= 1500
    sock.close()
    works(modem)


def test_slow_reader_with_background_work():
    # The program sleeps for long while its sockets send and receive in the background: what is
    # held up goes on when it reads.
    rig, modem, sock, peer = pushing(sockets=3, flow=True, rxbuf=2048, baud=115200)
    rig.net.add("echo.example", EchoPeer())
    other = modem.connect("echo.example", 1, tls(modem))
    for doze in (modem.sleep_ms, rig.sleep):
        for _ in range(3):
            other.settimeout(0)
            other.write(pattern(1000))
            other.flush()
            data = pattern(20000)
            peer.say(data)
            doze(30000)
            takes(sock, data)
            other.settimeout(10)
            takes(other, pattern(1000))
    assert rig.lost == 0 and modem.stats.resyncs == 1


def test_calls_without_a_deadline_end_too():
    rig, modem, sock, peer = pushing(sockets=3, flow=True, rxbuf=2048, baud=115200)
    rig.net.add("echo.example", EchoPeer())
    other = modem.connect("echo.example", 1, tls(modem))
    other.settimeout(None)
    data = pattern(20000)
    peer.say(data)
    modem.sleep_ms(1000)
    other.write(b"hello")
    for call in (other.flush, lambda: other.recv(1)):
        start = rig.now
        assert "holds the line" in raised(call).hint and rig.now - start < 21000
    takes(sock, data)
    assert other.read(5) == b"hello"


def takes_until_error(sock, want):
    # Reads until the socket fails; everything read is right. Returns how much it was.
    at = 0
    try:
        while True:
            part = sock.recv(500)
            assert part, "EOF, no error"
            assert part == want[at : at + len(part)], at
            at += len(part)
    except OSError as e:
        assert "reconnect" in str(e) or "lost" in str(e), e
    return at


class Canned:
    # A UART that has received `data` and takes nothing.
    def __init__(self, data):
        self._data = data
        self._at = 0

    def any(self):
        return len(self._data) - self._at

    def readinto(self, buf, n):
        data = self._data
        for i in range(n):
            buf[i] = data[self._at + i]
        self._at += n
        return n

    def again(self):
        self._at = 0


def test_steady_state_allocates_nothing():
    if sys.implementation.name != "micropython":
        return  # CPython can't tell
    import micropython

    rig, modem, sock, peer = pushing()
    data = pattern(600)
    modem.link.uart = Canned(b'\r\n+QSSLURC: "recv",0,600\r\n' + data + b"\r\n")
    buf = bytearray(600)
    assert sock.readinto(buf) == 600
    for _ in range(3):
        modem.link.uart.again()
        micropython.heap_lock()
        try:
            n = sock.readinto(buf)
            flags = sock.ioctl(3, 1)
        finally:
            micropython.heap_unlock()
        assert n == 600 and not flags and buf == data
