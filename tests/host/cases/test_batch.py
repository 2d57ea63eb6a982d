# test_batch - records in the batch form: its bytes, the same on every port, and how it is sent.
# SPDX-License-Identifier: MIT
#
# That they are the same records again when unpacked shows test_compact, with the receiver's code.

from binascii import crc32, hexlify

from compact_kit import ODD, telemetry
from driver_kit import Watch, arm, bare, tls
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.uplink import Uplink
from qssl.uplink.batch import batched, pack
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet

HOST = "server.example"


def linked(peer, carrier, **keywords):
    # An uplink over a modem that is up.
    rig, modem = bare(FakeNet(peer), sockets=2, idle=Watch(20))
    modem.start(apn="internet")
    return rig, Uplink(modem, HOST, 443, tls(modem), carrier, RamQueue(), **keywords)


def body(records):
    return pack("5f0c1a2b", [(17 + n, record) for n, record in enumerate(records)])


def test_the_bytes_are_the_same_everywhere():
    for records, want in ODD:
        found = body(records)
        assert crc32(found[:-4]) == int(hexlify(found[-4:]), 16)
        assert hexlify(found[-4:]).decode() == want, (records[0][:40], hexlify(found[-4:]))


def test_a_batch_as_it_is():
    # docs/protocol.md has this one.
    found = pack("q", [(17, b'{"t":21.5}'), (18, b'{"t":21.75}'), (19, b'{"t":"x"}')][:2])
    want = b"\x01" + b"\x01q" + b"\x11\x02\x01" + b'\x07{"t":\x01}' + b"\x03" + b"\x00\x02"
    want += b"\xcd\x21" + b"\x33"  # 2150 and 25 more
    assert bytes(found[:-4]) == want, found


def test_what_a_day_takes():
    # 288 records of 3 values and a time, in four batches.
    size = 0
    for n in range(4):
        size += len(body(telemetry(72, 1786200000 + n * 72 * 300)))
    assert size < 288 * 6, size


class Server(HttpServer):
    def __init__(self):
        HttpServer.__init__(self)
        self.bodies = []
        self.pieces = []

    def on_data(self, conn, data):
        self.pieces.append(len(data))
        HttpServer.on_data(self, conn, data)

    def request(self, conn, body):
        sound = crc32(body[:-4]) == int(hexlify(body[-4:]), 16)
        if sound:
            self.bodies.append(bytes(body))
        self.reply(conn, 200 if sound else 400)


def test_one_post_in_one_piece():
    server = Server()
    _, link = linked(server, batched(Https(HOST, "/in")), batch=100, size=8192)
    records = telemetry(72)
    for record in records:
        link.put(record)
    assert link.run(60) == 0 and link.delivered == 72
    want = pack(link.queue.name, [(1 + n, record) for n, record in enumerate(records)])
    assert server.bodies == [bytes(want)]
    assert len(server.pieces) == 1, server.pieces
    assert server.head.startswith(b"POST /in HTTP/1.1\r\nHost: server.example\r\nContent-Length: ")


def test_one_message_by_mqtt():
    got = []

    class Keeper(Broker):
        def packet(self, conn, kind, body):
            if kind & 0xF6 == 0x32:
                n = body[0] << 8 | body[1]
                got.append(bytes(body[4 + n :]))
                conn.push(b"\x40\x02" + body[2 + n : 4 + n])
            else:
                Broker.packet(self, conn, kind, body)

    _, link = linked(Keeper(), batched(Mqtt("board-1", "site/1/in")), batch=100, size=8192)
    records = telemetry(72)
    for record in records:
        link.put(record)
    assert link.run(60) == 0 and link.delivered == 72
    assert got == [bytes(pack(link.queue.name, [(1 + n, r) for n, r in enumerate(records)]))]


def test_a_byte_lost_on_the_way_to_the_modem():
    # What completes the count makes no sound batch; it goes out again, over a new connection.
    for fault in ("lose_in", "dup_in", "insert_in"):
        for at in range(1, 220, 12):
            server = Server()
            rig, link = linked(server, batched(Https(HOST, "/in")))
            for n in range(4):
                link.put(b'{"n":%d}' % n)
            arm(rig, "%s in=payload line=AT+QSSLSEND at=%d" % (fault, at))
            assert link.run(120) == 0
            batch = [(n + 1, b'{"n":%d}' % n) for n in range(4)]
            whole = bytes(pack(link.queue.name, batch))
            parts = [bytes(pack(link.queue.name, [entry])) for entry in batch]
            assert server.bodies == parts or set(server.bodies) == {whole}, (fault, at)
