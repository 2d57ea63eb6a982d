# test_callbacks - callbacks of modem.on_event that call the driver again, in every waiting call.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, Log, pattern, raised, tls, up, works
from event_kit import Told
from ugsim.fakenet import EchoPeer, FakeNet, SourcePeer

# Each blocking call of the program, in the middle of which the callback makes each of these.
CALLS = "signal registration clock state state0 command ip probe echo connect close stats pump"


def calls(rig, modem, ctx, sock):
    def connect():
        s = modem.connect("other.example", 443, ctx)
        s.settimeout(5)
        s.write(b"1")
        assert s.read(1) == b"1"
        s.close()
        return "ok"

    def echo():
        sock.write(b"nested")
        return sock.read(6) == b"nested"

    def close():
        sock.close()
        return sock.close()

    return {
        "signal": modem.signal,
        "registration": modem.registration,
        "clock": modem.clock,
        "state": modem.state,
        "state0": lambda: modem.state(0),
        "command": lambda: modem.command("AT+CSQ"),
        "ip": modem.ip,
        "probe": modem.probe,
        "echo": echo,
        "connect": connect,
        "close": close,
        "stats": lambda: modem.stats.rx,
        "pump": modem.pump,
    }


def later(rig, ms=0):
    rig.model.timers.at(rig.now + ms, lambda: rig.model.command('say +QSSLURC: "recv",3'))


def ready(**keywords):
    # Four sockets: 0 is the program's, 1 the callback's, 3 gives the event.
    net = FakeNet(EchoPeer())
    rig, modem = up(net, sockets=6, **keywords)
    ctx = tls(modem)
    socks = [modem.connect(HOST, 443, ctx) for _ in range(4)]
    for s in socks:
        s.settimeout(20)
    return rig, modem, ctx, socks


def test_every_call_from_a_callback_in_a_command():
    for name in CALLS.split():
        rig, modem, ctx, socks = ready(switches={"reply_ms": 20})
        told = modem.on_event = Told(calls(rig, modem, ctx, socks[1])[name])
        later(rig, 10)
        lines = modem.command("AT+CPIN?", b"+CPIN:")
        assert lines == [b" READY"], (name, lines)  # not the answer of the nested one
        modem.pump()
        assert ("recv", 3, -1) in told.seen and told.then is None, name
        works(modem)


def test_every_call_from_a_callback_in_a_read():
    for name in CALLS.split():
        rig, modem, ctx, socks = ready()
        told = modem.on_event = Told(calls(rig, modem, ctx, socks[1])[name])
        later(rig, 300)
        conn = rig.net.conns[0]
        rig.model.timers.at(rig.now + 5000, lambda conn=conn: conn.push(pattern(1000)))
        assert socks[0].read(1000) == pattern(1000), name
        assert told.then is None
        works(modem)


def test_every_call_from_a_callback_in_a_flush():
    for name in CALLS.split():
        rig, modem, ctx, socks = ready()
        told = modem.on_event = Told(calls(rig, modem, ctx, socks[1])[name])
        rig.model.command("fault send_fail n=5")
        socks[0].write(pattern(700))
        later(rig, 20)
        socks[0].flush()
        assert told.then is None, name
        assert socks[0].read(700) == pattern(700)
        works(modem)


def test_every_call_from_a_callback_in_a_connect():
    for name in CALLS.split():
        rig, modem, ctx, socks = ready()
        told = modem.on_event = Told(calls(rig, modem, ctx, socks[1])[name])
        rig.model.command("fault delay what=open by=400")
        later(rig, 100)
        sock = modem.connect("last.example", 443, ctx)
        sock.settimeout(10)
        assert told.then is None, name
        sock.write(b"x" * 50)
        assert sock.read(50) == b"x" * 50
        sock.close()
        works(modem)


def test_every_call_from_a_callback_in_an_upload():
    big = CA * 10
    for name in CALLS.split():
        rig, modem, ctx, socks = ready(baud=115200)
        told = modem.on_event = Told(calls(rig, modem, ctx, socks[1])[name])
        other = modem.tls(1, ca=big, check_time=False)
        later(rig, 20)
        sock = modem.connect(HOST, 443, other)
        modem.pump()
        assert told.then is None and sock.state() == 1, name
        works(modem)


def test_the_same_socket_from_the_callback():
    # Both get bytes, none is lost, nothing hangs.
    rig, modem, ctx, socks = ready()
    sock = socks[0]
    got = []

    def then():
        got.append(sock.recv(10))

    modem.on_event = Told(then)
    conn = rig.net.conns[0]
    rig.model.timers.at(rig.now + 100, lambda: conn.push(pattern(3000)))
    rest = sock.read(2990)
    assert got and len(got[0]) + len(rest) == 3000
    assert sorted(got[0] + rest) == sorted(pattern(3000))


def test_closing_the_socket_that_is_being_read():
    rig, modem, ctx, socks = ready()
    modem.on_event = Told(socks[0].close)
    later(rig, 100)
    error = raised(socks[0].read, 1)
    assert error.phase == "socket"
    assert rig.now < 25000
    works(modem)


def test_reconnecting_from_the_callback():
    # What a program would do on "closed".
    rig, modem, ctx, socks = ready()
    sock = socks[0]

    def again():
        sock.close()
        return modem.connect(HOST, 443, ctx)

    told = modem.on_event = Told()

    def on_closed(kind, id, value):
        if kind == "closed":
            told.then = again
        told(kind, id, value)

    modem.on_event = on_closed
    rig.model.command("close 0")
    try:
        sock.read(1)
    except OSError:
        pass
    new = told.result
    assert new is not None and new.id == 0
    new.settimeout(5)
    new.write(b"new")
    assert new.read(3) == b"new"


def test_starting_anew_from_the_callback():
    # "pdpdeact" and "restart": modem.start() in the middle of a read of the dead connection.
    for trouble in ("pdp drop 1", "restart"):
        rig, modem, ctx, socks = ready()
        told = Told()

        def event(kind, id, value, told=told, modem=modem):
            if kind in ("pdpdeact", "restart"):
                told.then = lambda: modem.start(apn="internet") or "started"
            told(kind, id, value)

        modem.on_event = event
        rig.model.timers.at(rig.now + 100, lambda rig=rig, t=trouble: rig.model.command(t))
        try:
            assert socks[0].read(1) == b""  # it closed before the context went
        except OSError:
            pass
        modem.pump()
        assert told.result == "started", trouble
        for s in socks:
            try:
                s.close()
            except OSError:
                pass
        modem.on_event = None
        works(modem)


# --- two set-ups of one SSL context --------------------------------------------------------------


def test_another_set_up_of_the_same_ssl_context_never_mixes_with_it():
    # While one connection sets up SSL context 0, a callback sets it up in another way.
    for ms in range(0, 900, 45):
        rig, modem, ctx, socks = ready(switches={"reply_ms": 20})
        for s in socks[:3]:
            s.close()
        strict = modem.tls(0, ca=CA, check_time=False, version="TLS1.2", suite="AES128-SHA")
        loose = modem.tls(0, auth=False, version="SSL3.0", suite="RC4-MD5", allow_weak=True)
        results = []

        def nested(modem=modem, loose=loose, results=results):
            try:
                results.append(modem.connect("loose.example", 443, loose))
            except OSError as e:
                results.append(e)

        modem.on_event = Told(nested)
        later(rig, ms)
        try:
            modem.connect("strict.example", 443, strict)
        except OSError as e:
            assert e.phase == "tls", e
        modem.pump()
        for conn in rig.net.conns[4:]:  # those of ready() aside
            t = conn.tls
            if conn.host == "strict.example":
                assert (t.version, t.suites, t.seclevel) == (3, (0x2F,), 1), ms
            else:
                assert (t.version, t.suites, t.seclevel) == (0, (4,), 0), ms
        modem.on_event = None
        works(modem)


def test_a_context_is_not_changed_under_a_connection_that_opens():
    net = FakeNet(EchoPeer())
    rig, modem = up(net, sockets=3)
    first = tls(modem)
    first.apply()
    net.latency_ms = 1000
    sock = modem.open(HOST, 443, first)
    second = modem.tls(0, ca=CA, check_time=False, suite="AES128-SHA")
    log = Log(rig)
    error = raised(modem.connect, HOST, 443, second)
    assert error.phase == "tls" and "ctx" in error.hint
    assert log.count("AT+QSSLCFG") == 0
    same = modem.connect(HOST, 443, first)  # with the same settings there is no conflict
    assert same.state() == 1 and sock.state() == 1
    third = modem.connect(HOST, 443, second)  # and none once it is open
    assert third.state() == 1


def test_many_events_while_data_flow():
    # A callback that works on each event, while 20 kB are received.
    net = FakeNet(SourcePeer(20000))
    rig, modem = up(net)
    told = []

    def event(kind, id, value):
        told.append(kind)
        modem.signal()

    modem.on_event = event
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(20)
    got = sock.read(20000)
    modem.pump()
    assert got == net.default.byte_at(0, 20000)
    assert "recv" in told
    works(modem)
