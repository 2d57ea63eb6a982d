# test_events - URCs told to the program by modem.on_event (manual 2.3).
# SPDX-License-Identifier: MIT

import gc

from driver_kit import HOST, connected, pattern, raised, tls, up, works
from event_kit import Told, quiet
from qssl.ask.events import KINDS
from ugsim.fakenet import EchoPeer, FakeNet

INSIDE = (
    "test_pushed_data_tell_their_length",
    "test_recording_allocates_nothing",
)

# --- what is told --------------------------------------------------------------------------------


def test_a_connection_from_open_to_closed():
    rig, modem = up(FakeNet(EchoPeer()))
    told = modem.on_event = Told()
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(5)
    modem.pump()
    assert told.seen == [("open", 0, 0)]
    sock.write(b"hello")
    assert sock.read(5) == b"hello"
    modem.pump()
    assert told.seen[1:] == [("recv", 0, -1)]
    rig.model.command("close 0")
    quiet(rig, modem)
    assert told.seen[2:] == [("closed", 0, -1)]
    sock.close()


def test_an_open_that_fails_tells_its_code():
    rig, modem = up()
    told = modem.on_event = Told()
    rig.model.command("fault open_code code=569")
    assert raised(modem.connect, HOST, 443, tls(modem)).code == 569
    modem.pump()
    assert told.seen == [("open", 0, 569)]


def test_security_with_its_three_codes():
    # Manual 2.3.3
    for code in (1, 2, 3):
        rig, modem, sock = connected()
        told = modem.on_event = Told()
        rig.model.command("security 0 %d" % code)
        quiet(rig, modem)
        assert told.seen == [("security", 0, code), ("closed", 0, -1)]
        error = raised(sock.read, 1)
        assert error.phase == "tls" and error.code == code
        works(modem)


def test_pdpdeact_names_its_context():
    rig, modem, sock = connected(switches={"pdpdeact_also_closed": "no"})
    modem.activate(20, "other")
    told = modem.on_event = Told()
    rig.model.command("pdp drop 20")
    rig.model.command("pdp drop 1")
    quiet(rig, modem)
    assert told.seen == [("pdpdeact", 20, -1), ("pdpdeact", 1, -1)]


def test_restart():
    rig, modem, sock = connected()
    told = modem.on_event = Told()
    rig.model.command("restart")
    quiet(rig, modem, 6000)
    assert told.seen[-1] == ("restart", -1, -1)
    modem.start(apn="internet")
    works(modem)


def test_pushed_data_tell_their_length():
    from qssl.ask.events import Events

    # +QSSLURC: "recv",<clientID>,<length> (manual 2.3.1), the second form.
    rig, modem = up(FakeNet(EchoPeer()))
    told = modem.on_event = Told()
    sock = modem.connect(HOST, 443, tls(modem), push=True)
    sock.settimeout(5)
    sock.write(pattern(700))
    assert sock.read(700) == pattern(700)
    modem.pump()
    assert told.seen == [("open", 0, 0), ("recv", 0, 700)]
    events = []
    queue = Events(lambda *args: events.append(args), None)
    for n in (0, 1, 255, 256, 1500, 65534):
        queue.put(1, 11, n)
        queue.deliver()
        assert events.pop() == ("recv", 11, n)


def test_nothing_is_told_of_unknown_sockets():
    rig, modem, sock = connected()
    told = modem.on_event = Told()
    unknown = modem.stats.unknown
    for text in (
        '+QSSLURC: "recv",5',
        '+QSSLURC: "closed",99',
        '+QSSLURC: "security",11,1',
        '+QSSLURC: "recv"',
        '+QSSLURC: "recv",',
        '+QSSLURC: "other",0',
        "+QSSLOPEN: 7,0",
        "+QSSLOPEN: x,0",
    ):
        rig.model.command("say " + text)
    quiet(rig, modem)
    assert told.seen == [] and modem.stats.unknown == unknown + 8
    for text in ('+QIURC: "pdpdeact",', '+QIURC: "pdpdeact",x', '+QIURC: "pdpdeact"'):
        rig.model.command("say " + text)
    quiet(rig, modem)
    assert modem.up
    sock.write(b"fine")
    assert sock.read(4) == b"fine"
    works(modem)


def test_without_a_callback_nothing_is_kept():
    rig, modem, sock = connected()
    rig.model.command("close 0")
    quiet(rig, modem)
    told = modem.on_event = Told()
    quiet(rig, modem)
    assert told.seen == []
    modem.on_event = None
    works(modem)
    assert told.seen == []


# --- when it is told -----------------------------------------------------------------------------


def test_a_callback_is_never_called_from_the_parser():
    # Nor from anything else that has promised not to wait: ioctl() and the pump of the link.
    rig, modem, sock = connected()
    told = modem.on_event = Told()
    rig.model.command("close 0")
    for _ in range(150):  # the end is asked for twice
        rig.sleep(1)
        modem.link.pump()
        sock.ioctl(3, 1)
    assert told.seen == [] and sock.ioctl(3, 1)
    modem.pump()
    assert told.kinds() == ["closed"]


def test_a_blocking_call_tells_while_it_waits():
    rig, modem, sock = connected()
    told = modem.on_event = Told()
    rig.model.timers.at(rig.now + 500, lambda: rig.model.command('say +QSSLURC: "recv",0'))
    raised(sock.read, 1)  # 30 s, nothing comes
    assert told.seen == [("recv", 0, -1)]


def test_events_inside_a_callback_wait_for_its_end():
    rig, modem = up(FakeNet(EchoPeer()), sockets=4)
    ctx = tls(modem)
    ctx.apply()

    def more():
        for i in range(2):
            sock = modem.connect("more%d.example" % i, 443, ctx)
            sock.settimeout(5)
            sock.write(b"abc")
            assert sock.read(3) == b"abc"
        return len(told.seen)

    told = modem.on_event = Told(more)
    modem.connect(HOST, 443, ctx)
    modem.pump()
    modem.pump()
    assert told.result == 1 and told.deepest == 1  # more() was not told of its own
    assert told.kinds() == ["open", "open", "recv", "open", "recv"]


def test_the_queue_is_bounded_and_counts():
    rig, modem, sock = connected()
    told = modem.on_event = Told()
    for _ in range(30):
        rig.model.command('say +QSSLURC: "recv",0')
    rig.sleep(5)
    for _ in range(5):
        modem.link.pump()
    assert told.seen == []
    modem.pump()
    assert len(told.seen) == 16 and modem.stats.dropped == 14
    modem.pump()
    assert len(told.seen) == 16
    works(modem)


def test_recording_allocates_nothing():
    from qssl.ask.events import Events

    queue = Events(lambda *args: None, None)
    for _ in range(40):  # round the ring
        queue.put(0, 0, 0)
        queue.deliver()
    gc.collect()
    before = gc.mem_alloc()
    for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11):
        queue.put(1, n, 1500)
    assert gc.mem_alloc() == before
    assert len(KINDS.split()) == 6


def test_what_a_callback_raises_comes_out_of_the_waiting_call():
    rig, modem, sock = connected()

    def fails(kind, id, value):
        raise ValueError("of the program")

    modem.on_event = fails
    rig.model.command('say +QSSLURC: "recv",0')
    try:
        modem.signal()
        modem.pump()
        raise AssertionError("nothing raised")
    except ValueError as e:
        assert str(e) == "of the program"
    rig.model.command('say +QSSLURC: "recv",0')
    try:
        modem.pump()
        sock.read(1)
        raise AssertionError("nothing raised")
    except ValueError:
        pass
    modem.on_event = None
    sock.write(b"goes on")
    assert sock.read(7) == b"goes on"
    works(modem)
