# test_switch - between the access modes on a live connection, by AT+QISWTMD (manual 1.3).
# SPDX-License-Identifier: MIT

from driver_kit import HOST, LOOKALIKES, Log, arm, connected, pattern, raised, tls, up, works
from mode_kit import Talker, piped, pushing, takes, until
from ugsim.fakenet import EchoPeer, FakeNet, SourcePeer

TIMEOUT_S = 300


def test_every_switch_loses_nothing():
    # buffer, push, transparent and back, data on its way both ways all the time.
    for baud, keywords in ((0, {}), (0, {"chunk": 1}), (115200, {}), (921600, {})):
        rig, modem, sock = connected(EchoPeer(), baud=baud, flow=True, rxbuf=2048, **keywords)
        log = Log(rig)
        sent = 0
        data = pattern(9000, 1)
        got = b""
        steps = ("push", "buffer", "pipe", "escape", "resume", "escape", "push", "buffer", "pipe")
        for step in steps + ("push", "pipe"):
            sock.write(data[sent : sent + 300])
            sock.flush()
            sent += 300
            if step == "push":
                if rig.model.sockets.owner:
                    sock.escape()
                sock.switch(True)
            elif step == "buffer":
                sock.switch(False)
            elif step == "escape":
                sock.escape()
            elif step == "resume":
                sock.resume()
            elif hasattr(sock, "escape"):
                sock.resume()
            else:
                sock = sock.transparent()
            if step == "push" or step == "buffer":
                assert modem.state(0).mode == step
            sock.write(data[sent : sent + 200])
            sock.flush()
            sent += 200
            want = data[len(got) : sent - 100]
            takes(sock, want)
            got += want
        takes(sock, data[len(got) : sent])
        assert log.count("AT+QISWTMD=0,2") == 1 and modem.stats.resyncs == 1
        sock.close()
        works(modem)


def test_to_push_with_data_waiting():
    # More than the ring holds is there when the mode changes.
    for baud in (0, 115200):
        source = SourcePeer(20000, pattern(1009))
        rig, modem, sock = connected(source, baud=baud, flow=True, rxbuf=2048)
        modem.sleep_ms(500)
        want = source.byte_at(0, 20000)
        takes(sock, want[:100])
        sock.switch(True)
        takes(sock, want[100:19500])
        sock.switch(False)
        takes(sock, want[19500:])
        assert modem.stats.garbled == 0 and modem.stats.overruns == 0
        sock.close()
        works(modem)


def test_what_goes_along_into_transparent_mode():
    rig, modem, sock, peer = pushing()
    sock.settimeout(7)
    sent = modem.stats.tx
    pipe = sock.transparent()
    assert pipe.ctx is sock.ctx and pipe.pdp == sock.pdp
    start = rig.now
    assert "nothing came in time" in str(raised(pipe.recv, 1))
    assert 7000 <= rig.now - start <= 7100
    sent = modem.stats.tx
    assert pipe.write(pattern(300)) == 300
    until(modem, peer.has(pattern(300)))
    assert modem.stats.tx == sent + 300
    pipe.close()
    works(modem)


def test_to_transparent_with_data_waiting():
    for baud in (0, 115200):
        source = SourcePeer(20000, pattern(1009))
        rig, modem, sock = connected(source, baud=baud, flow=True, rxbuf=2048)
        modem.sleep_ms(500)
        want = source.byte_at(0, 20000)
        takes(sock, want[:100])
        pipe = sock.transparent()
        takes(pipe, want[100:])
        assert "pipe" in str(raised(sock.recv, 1))
        pipe.close()
        assert "closed" in str(raised(sock.recv, 1))
        works(modem)


def test_leaving_push_mode_under_a_flood():
    # More is pushed than the ring holds before the modem comes to answer: the program can't read
    # meanwhile, so the switch fails, in time and with the reason.
    source = SourcePeer(20000, pattern(1009))
    rig, modem, sock = connected(source, baud=115200, flow=True, rxbuf=2048)
    sock.switch(True)
    start = rig.now
    error = raised(sock.switch, False)
    assert "holds the line" in error.hint and rig.now - start < 5500
    # The modem's answer is somewhere behind the payload: the socket says that it may have missed
    # some, and what it gave before was right.
    got = b""
    error = None
    while error is None:
        try:
            got += sock.recv(500)
        except OSError as e:
            error = e
    assert "may be lost" in str(error), error
    assert len(got) >= 1500 and got == source.byte_at(0, len(got))
    sock.close()
    works(modem)


def while_switching(rig, modem, sock, peer, switch, data):
    # The server says `data` while the modem takes its time to answer.
    due = rig.now + 100
    todo = [data]

    def idle():
        if todo and rig.now >= due:
            peer.say(todo.pop())

    rig.model.command("fault delay what=final by=200")
    modem.link.idle = idle
    now = switch() or sock
    modem.link.idle = None
    assert not todo
    peer.say(b"then")
    takes(now, data + b"then")
    return now


def test_data_arrives_while_it_switches():
    for data in LOOKALIKES:
        rig, modem, sock, peer = pushing()
        while_switching(rig, modem, sock, peer, lambda s=sock: s.switch(False), data)
        while_switching(rig, modem, sock, peer, lambda s=sock: s.switch(True), data)
        pipe = while_switching(rig, modem, sock, peer, sock.transparent, data)
        pipe.escape()
        while_switching(rig, modem, pipe, peer, pipe.resume, data)


def test_leaving_push_asks_again():
    # In buffer mode lost URCs are found by the slow look; in push mode there is none.
    rig, modem, sock, peer = pushing()
    log = Log(rig)
    sock.switch(False)
    modem.sleep_ms(10)
    assert log.count("AT+QSSLRECV") == 1
    rig.model.command("fault recv_miss")
    peer.say(b"unannounced")
    takes(sock, b"unannounced")


def test_switching_a_dead_connection():
    for call in ("switch", "transparent"):
        # The peer has closed, and the driver has been told.
        rig, modem, sock = connected(Talker())
        rig.net.conns[-1].push(b"last")
        rig.net.conns[-1].peer_close()
        modem.sleep_ms(100)
        error = raised(sock.switch, True) if call == "switch" else raised(sock.transparent)
        assert "connect" in error.hint or "resume" in error.hint, error
        takes(sock, b"last")
        assert sock.recv(1) == b""
        sock.close()
        works(modem)
        # It was closed by the program.
        error = raised(sock.switch, True) if call == "switch" else raised(sock.transparent)
        assert "closed" in error.hint
        # The context is gone.
        rig, modem, sock = connected(Talker())
        rig.model.command("pdp drop 1")
        modem.sleep_ms(100)
        error = raised(sock.switch, True) if call == "switch" else raised(sock.transparent)
        assert "PDP" in error.hint
        sock.close()
        modem.start(apn="internet")
        works(modem)


def test_switch_refused():
    for call in (lambda sock: sock.switch(True), lambda sock: sock.transparent()):
        rig, modem, sock = connected(Talker(True))
        rig.model.command("fault error cmd=+QISWTMD")
        raised(call, sock)
        sock.write(b"still in buffer mode")
        takes(sock, b"still in buffer mode")
        sock.close()
        works(modem)


def test_switch_without_an_answer():
    # Which mode the modem is in is not known then: what may have been pushed may be lost.
    rig, modem, sock, peer = pushing()
    rig.model.command("fault delay what=final by=7000")
    start = rig.now
    raised(sock.switch, False)
    assert rig.now - start < 5500
    modem.sleep_ms(12000)
    assert "reconnect" in str(raised(sock.recv, 1))
    sock.close()
    works(modem)
    rig, modem, sock = connected(Talker(True))
    rig.model.command("fault mute ms=20000")
    start = rig.now
    raised(sock.transparent)
    assert rig.now - start < 14000
    modem.sleep_ms(15000)
    try:
        sock.close()
    except OSError:
        pass
    works(modem)


def test_before_it_is_open():
    rig, modem = up(FakeNet(Talker(), latency_ms=500))
    sock = modem.open(HOST, 1, tls(modem))
    error = raised(sock.transparent)
    assert "not open yet" in error.hint
    raised(sock.switch, True)
    until(modem, sock.state)
    sock.switch(True)
    assert modem.state(0).mode == "push"


def writes(sock):
    sock.write(b"x")
    sock.flush()


def test_writing_when_the_context_is_gone():
    for make in (connected, pushing, piped):
        made = make(Talker())
        rig, modem, sock = made[0], made[1], made[2]
        rig.model.command("pdp drop 1")
        modem.sleep_ms(4000)
        error = raised(writes, sock)
        assert "PDP" in error.hint or "closed" in error.hint, error
        sock.close()
        modem.start(apn="internet")
        works(modem)


def test_closing_twice():
    for make in (connected, pushing, piped):
        made = make(Talker())
        modem, sock = made[1], made[2]
        sock.close()
        sock.close()
        assert "closed" in raised(sock.write, b"x").hint
        assert "closed" in raised(sock.recv, 1).hint
        works(modem)


def test_after_a_start_of_the_program():
    # The program starts anew while the modem has connections in every mode.
    from qssl import Modem

    rig, modem, sock, peer = pushing(sockets=3)
    peer.say(pattern(1000))
    rig.net.add("more.example", SourcePeer(50000))
    modem.open("more.example", 1, tls(modem))
    modem.sleep_ms(100)
    again = Modem(rig.uart)
    again.start(apn="internet")
    assert again.up and again.state() == []  # those of the first one are closed
    works(again)


def test_over_to_transparent_mode_while_the_modem_restarts():
    # The connection has gone when the exchange ends that it waited for.
    for do in ("restart", "quiet"):
        peer = Talker()
        rig, modem = up(FakeNet(peer))
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(30)
        arm(rig, "crash cmd=+QSSLRECV do=" + do)
        peer.say(b"x")
        rig.sleep(50)
        raised(sock.transparent)
        modem.start("internet")
        works(modem)
