# test_uplink - records arrive, at least once and in order, whatever server and modem do.
# SPDX-License-Identifier: MIT

import errno
import sys

import driver_kit
from disk import Disk
from driver_kit import CA, arm, raised, tls
from qssl import queue
from qssl.errors import Error, Refused
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import FileQueue, RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer, StallingPeer
from ugsim.model.faults import FAULTS
from uplink_kit import HOST, bare, fill, https, made, mqtt, numbers, record, sleep_ms, up

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places


# --- the good case ---


def test_records_arrive_in_order_over_one_connection():
    for rig, modem, peer, link in (https(), mqtt()):
        fill(link, 100)
        assert link.run(60) == 0
        assert numbers(peer) == list(range(100))
        assert peer.ledger.repeats == 0 and link.repeats == 0 and link.delivered == 100
        assert link.failures == 0 and link.error is None
        assert len(rig.net.conns) == 1
        fill(link, 5, 100)
        assert link.run(60) == 0
        assert numbers(peer) == list(range(105)) and len(rig.net.conns) == 1
        assert modem.stats.reconnects == 0


def test_a_status_says_what_to_check():
    for status, step in (
        (301, "Location"),
        (307, "Location"),
        (400, "Content-Type"),
        (401, "token"),
        (404, "path"),
        (413, "batch="),
        (418, "log"),
        (429, "again"),
        (503, "again"),
    ):
        _, _, _, link = https(HttpServer(lambda *args, status=status: status))
        fill(link, 1)
        assert link.run(5) == 1
        assert " %d; " % status in str(link.error) and step in str(link.error), link.error


def test_it_may_run_for_weeks():
    for seconds in (604800, 1e7):
        rig, modem, peer, link = https()
        fill(link, 3)
        assert link.run(seconds) == 0
        assert numbers(peer) == [0, 1, 2]


def test_batches_are_bounded_by_records_and_bytes():
    sizes = []

    def answer(queue, first, records, conn):
        sizes.append(len(records))
        return 200

    _, _, server, link = https(HttpServer(answer), batch=7, size=60)
    fill(link, 30)
    link.put(b'"' + b"x" * 900 + b'"')  # alone larger than a batch
    fill(link, 1)
    assert link.run(60) == 0
    assert max(sizes) == 7 and sizes[-2:] == [1, 1], sizes
    assert len(server.ledger.records) == 32


def test_a_step_never_waits():
    # Neither for the network nor for the modem: with certificates to upload, and a modem that has
    # to be started.
    for peer, carrier in ((HttpServer(), Https(HOST, "/in")), (Broker(), Mqtt("b", "t"))):
        rig, modem = bare(FakeNet(peer, 500), switches={"reply_ms": 40})
        link = made(modem, carrier, recover=Recovery(modem, apn="internet"))
        fill(link, 20)
        steps = 0
        while len(link.queue):
            now = rig.now
            wait = link.step()
            assert rig.now == now, (steps, rig.now - now)
            assert 0 <= wait <= 1000
            sleep_ms(min(max(wait, 1), 20))
            steps += 1
            assert steps < 20000 and rig.now < 200000
        assert numbers(peer) == list(range(20))
        assert steps > 100


def test_put_wakes_an_idle_uplink():
    rig, _, server, link = https()
    assert link.step() > 0
    fill(link, 1)
    start = rig.now
    assert link.run(5) == 0
    assert rig.now - start < (1500 if driver_kit.LTE else 700)


def test_run_returns_at_its_time_out():
    rig, _, _, link = https(HttpServer(lambda q, f, r, c: "silence"))
    fill(link, 3)
    start = rig.now
    assert link.run(5) == 3
    assert 5000 <= rig.now - start <= 5100


def test_the_request_as_it_is_sent():
    got = []

    class Server(HttpServer):
        def on_data(self, conn, data):
            got.append(data)
            HttpServer.on_data(self, conn, data)

    _, _, _, link = https(Server(), path="/a/b?c=1")
    fill(link, 2)
    assert link.run(9) == 0
    assert b"".join(got) == (
        b"POST /a/b?c=1 HTTP/1.1\r\nHost: server.example\r\nContent-Type: application/json\r\n"
        b'Content-Length: 55\r\n\r\n{"queue":"%s","id":1,"records":[{"n":0},{"n":1}]}'
        % link.queue.name.encode()
    )
    # Two AT+QSSLSEND: the last byte goes alone, see test_a_byte_lost_on_the_way_to_the_modem.
    assert [len(data) for data in got[1:]] == [1]


def test_a_byte_lost_on_the_way_to_the_modem():
    # What completes the count never makes a whole record, whatever form records have.
    def pack(name, batch):
        return b"".join([b"%d:%s;" % (number, data) for number, data in batch])

    def envelope(name, number, data):
        return b"%d:%s" % (number, data)

    for fault in ("lose_in", "dup_in", "insert_in"):
        for at in list(range(1, 40, 6)) + list(range(100, 240, 3 if FAST else 10)):
            bodies = []

            class Server(HttpServer):
                def request(self, conn, body, bodies=bodies):
                    bodies.append(body)
                    self.reply(conn, 200)

            rig, modem = up(FakeNet(Server()))
            link = made(modem, Https(HOST, "/in", pack=pack))
            fill(link, 4)
            arm(rig, "%s in=payload line=AT+QSSLSEND at=%d" % (fault, at))
            assert link.run(120) == 0
            truth = pack("", [(n + 1, record(n)) for n in range(4)])
            for body in bodies:
                assert body in truth and body.endswith(b";"), (fault, at, body)
            # And in the usual form, what is wrong is no JSON.
            server = HttpServer()
            rig, modem = up(FakeNet(server))
            link = made(modem, Https(HOST, "/in"))
            fill(link, 4)
            arm(rig, "%s in=payload line=AT+QSSLSEND at=%d" % (fault, at))
            assert link.run(120) == 0
            assert numbers(server) == [0, 1, 2, 3], (fault, at)
        for at in range(1, 130, 4 if FAST else 13):
            got = []

            class Keeper(Broker):
                def packet(self, conn, kind, body, got=got):
                    if kind & 0xF6 == 0x32:
                        n = body[0] << 8 | body[1]
                        got.append(body[4 + n :])
                        conn.push(b"\x40\x02" + body[2 + n : 4 + n])
                    else:
                        Broker.packet(self, conn, kind, body)

            rig, modem = up(FakeNet(Keeper()))
            link = made(modem, Mqtt("b", "t", envelope=envelope))
            fill(link, 4)
            arm(rig, "%s in=payload line=AT+QSSLSEND at=%d" % (fault, at))
            assert link.run(240) == 0
            truth = [envelope("", n + 1, record(n)) for n in range(4)]
            for payload in got:
                assert payload in truth, (fault, at, payload)


def test_mqtt_login_topic_and_ping():
    broker = Broker()
    rig, modem = up(FakeNet(broker))
    carrier = Mqtt("board-1", "site/1/in", "me", "secret", 60)
    link = made(modem, carrier)
    fill(link, 1)
    assert link.run(200, 130) == 0
    assert broker.topics == {b"site/1/in"}
    assert broker.hello == (b"\0\4MQTT\4\xc2\0\x3c\0\7board-1\0\2me\0\6secret")
    assert 3 <= broker.pings <= 5 and broker.connects == 1
    fill(link, 1, 1)
    assert link.run(9) == 0
    assert numbers(broker) == [0, 1] and broker.connects == 1


def test_arguments_that_can_not_be_right():
    for args in (
        ("", "/x"),
        ("a b", "/x"),
        ("host", "/x y"),
        ("host", "/x\r\nEvil: 1"),
        ("host\r\nEvil: 1", "/"),
        ("host", ""),
        ("host", "in"),
        ("https://host", "/in"),
        ("host", "/x", "text\r\nplain"),
    ):
        assert isinstance(raised(Https, *args), Refused), args
    for args in (
        ("", "t"),
        ("c", ""),
        ("c", "a/+/b"),
        ("c", "a/#"),
        ("c", "a\0"),
        ("c", "t", None, None, 5),
        ("c", "t", None, None, 70000),
    ):
        assert isinstance(raised(Mqtt, *args), Refused), args
    rig, modem = up(FakeNet(HttpServer()))
    for name in ("batch", "size", "timeout_s", "pause_s", "pause_max_s", "rejects"):
        for amount in (0, -5):
            e = raised(made, modem, Https(HOST), **{name: amount})
            assert isinstance(e, Refused) and "above 0" in str(e), (name, e)


# --- connections that break ---


def test_the_answer_gets_lost():
    # The server has the records; they come again under their ids, and it drops them.
    for fate in ("close", "reset", "silence"):
        count = [0]

        def answer(queue, first, records, conn):
            count[0] += 1  # noqa: B023
            return (fate, True) if count[0] == 2 else 200  # noqa: B023

        _, modem, server, link = https(HttpServer(answer), batch=4)
        fill(link, 12)
        assert link.run(200) == 0, fate
        assert numbers(server) == list(range(12))
        assert server.ledger.repeats == 4 == link.repeats, (fate, server.ledger.repeats)
        assert link.delivered == 12 and modem.stats.reconnects == 1


def test_the_request_gets_lost():
    for fate in ("close", "reset", "silence"):
        count = [0]

        def answer(queue, first, records, conn):
            count[0] += 1  # noqa: B023
            return fate if count[0] == 2 else 200  # noqa: B023

        _, _, server, link = https(HttpServer(answer), batch=4)
        fill(link, 12)
        assert link.run(200) == 0
        assert numbers(server) == list(range(12)) and server.ledger.repeats == 0


def test_the_broker_fails_at_every_message():
    for fate in ("close", "silence", "lost"):
        for at in range(1, 8):
            broker = Broker(lambda n, f=fate, a=at: f if n == a else None)
            _, _, _, link = mqtt(broker, batch=3)
            fill(link, 7)
            assert link.run(300) == 0, (fate, at)
            assert numbers(broker) == list(range(7)), (fate, at, numbers(broker))
            assert link.delivered == 7 and broker.connects == 2


def test_a_login_that_is_refused_says_why():
    for code, word in ((5, "not authorized"), (4, "password"), (99, "99")):
        broker = Broker(refuse=code)
        _, _, _, link = mqtt(broker)
        fill(link, 1)
        assert link.run(20) == 1
        assert word in str(link.error) and link.error.errno == errno.EACCES
        broker.refuse = 0
        assert link.run(100) == 0


def test_a_server_that_is_no_broker():
    class Junk(Broker):
        def packet(self, conn, kind, body):
            conn.push(junk[0])

    junk = [b""]
    for junk[0] in (b"\x20\x03\0\0\0", b"HTTP/1.1 400 Bad Request\r\n", b"\xff\xff\xff\xff\xff"):
        _, _, _, link = mqtt(Junk(), timeout_s=5)
        fill(link, 1)
        assert link.run(30) == 1
        assert isinstance(link.error, Error) and link.failures > 1


def test_servers_that_can_not_be_reached():
    for peer in (RefusingPeer(), RefusingPeer(565, "opening"), StallingPeer()):
        server = HttpServer()
        net = FakeNet(peer)
        rig, modem = up(net)
        link = made(modem, Https(HOST), timeout_s=20)
        fill(link, 3)
        assert link.run(100) == 3
        assert link.failures >= 2 and isinstance(link.error, Error), link.failures
        net.default = server
        assert link.run(400) == 0
        assert numbers(server) == [0, 1, 2]


def test_all_sockets_taken_is_a_failure_that_passes():
    rig, modem, server, link = https()
    others = [modem.connect("other.example", 1, tls(modem, 1)) for _ in range(3)]
    fill(link, 2)
    assert link.run(20) == 2
    assert "in use" in str(link.error)
    others[0].close()
    assert link.run(100) == 0


# --- faults of the modem ---

# These change bytes of requests or answers: what arrives may be nonsense, which is refused.
GARBLING = ("corrupt", "corrupt_in", "lose_in", "insert", "dup")


def test_every_fault_at_any_time():
    # Armed before, in the first connection, and in the idle one: everything arrives, in order.
    for kind in (https, mqtt):
        for name in sorted(FAULTS):
            for moment in range(3):
                rig, modem, peer, link = kind()
                link._recover = Recovery(modem, apn="internet", start_s=60)
                link._timeout_ms = 20000
                if moment:
                    fill(link, 3)
                    assert link.run(60) == 0
                first = 3 if moment else 0
                if moment == 2:
                    link.run(1, 1)
                for_ever = FAULTS[name][1].get("n") == "0" or name == "mute"
                text = name + (" ms=8000" if for_ever else "")
                arm(rig, text)
                fill(link, 9, first)
                assert link.run(900) == 0, (name, moment, str(link.error))
                got = numbers(peer)
                if name in GARBLING:
                    assert len(got) >= first + 9 - link.rejected, (name, got)
                else:
                    assert got == list(range(first + 9)), (name, moment, got)
                    assert link.delivered == first + 9


def test_restarts_and_losses_at_any_time():
    # Every so many ms something happens to the modem. Certificates, context and clock are put back
    # without the program.
    for what in ("restart", "pdp drop 1", "pdp drop 1 quiet", "power off"):
        for at in range(0, 1200, 150):
            server = HttpServer()
            rig, modem = bare(FakeNet(server, 100), switches={"reply_ms": 20})
            utc = [2026, 5, 6, 7, 8, 9]
            ctx = tls(modem, 0, ca=CA)
            link = Uplink(
                modem,
                HOST,
                443,
                ctx,
                Https(HOST),
                RamQueue(),
                Recovery(modem, apn="internet", utc=lambda utc=utc: utc, start_s=60),
                batch=3,
                timeout_s=20,
            )
            fill(link, 1)
            assert link.run(60) == 0
            fill(link, 20, 1)
            end = rig.now + at
            while rig.now < end:
                link.step()
                rig.sleep(5)
            rig.model.command(what)
            if what == "power off":
                rig.sleep(2000)
                rig.model.command("power on")
            assert link.run(900) == 0, (what, at, str(link.error))
            assert numbers(server) == list(range(21)), (what, at)


def test_a_power_cut_of_the_board():
    # RAM is gone, the files are there: what was delivered and not noted comes again, the rest
    # comes. At any time.
    for at in range(0, 1500, 50):
        disk = Disk()
        disk.mount()
        server = HttpServer()
        rig, modem = up(FakeNet(server, 100), switches={"reply_ms": 20})
        link = made(modem, Https(HOST), FileQueue("/q"), batch=3)
        fill(link, 10)
        end = rig.now + at
        while rig.now < end:
            link.step()
            rig.sleep(5)
        modem2 = modem.__class__(rig.uart, sockets=3)
        link = made(
            modem2, Https(HOST), FileQueue("/q"), recover=Recovery(modem2, apn="internet"), batch=3
        )
        fill(link, 5, 10)
        assert link.run(200) == 0, (at, str(link.error))
        assert numbers(server) == list(range(15)), at
        assert server.ledger.repeats <= 3
    queue.os = __import__("os")


def test_a_full_queue_drops_the_oldest_and_says_so():
    rig, modem, server, link = https(store=RamQueue(64))
    net = rig.net
    net.default = RefusingPeer()
    fill(link, 30)
    assert link.run(10) < 30
    net.default = server
    assert link.run(100) == 0
    got = numbers(server)
    assert got == list(range(30 - len(got), 30)) and link.queue.lost == 30 - len(got)


def test_close_keeps_the_records():
    rig, modem, server, link = https(HttpServer(lambda q, f, r, c: "silence"))
    fill(link, 3)
    link.run(2)
    link.close()
    assert len(link.queue) == 3
    rig.sleep(3000)
    modem.pump()
    assert [s for s in modem.sockets if s is not None and s.state() < 2] == []
    server.answer = lambda q, f, r, c: 200
    assert link.run(30) == 0 and numbers(server) == [0, 1, 2]


def test_the_program_is_told_that_nobody_knows_the_time():
    # Board and modem were without power; certificates can't be checked, and the records wait.
    server = HttpServer()
    rig, modem = bare(FakeNet(server), switches={"nitz": "no"})
    rig.model.command("clock reset")
    link = Uplink(
        modem,
        HOST,
        443,
        tls(modem, ca=CA),
        Https(HOST, "/in"),
        RamQueue(),
        Recovery(modem, apn="internet"),
        pause_max_s=4,
    )
    fill(link, 2)
    assert link.run(30) == 2 and "clock was never set" in str(link.error), link.error
    modem.clock((2026, 1, 1, 0, 0, 0))
    assert link.run(30) == 0 and numbers(server) == [0, 1]
