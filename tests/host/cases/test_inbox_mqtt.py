# test_inbox_mqtt - messages to the device by MQTT: a session that is kept, packets that are none.
# SPDX-License-Identifier: MIT


from both_kit import DEVICE, Board, message
from qssl import uplink
from qssl.uplink.subscriber import Subscriber
from receivers import Postbox

uplink.urandom = lambda n: b"\x80" * n  # no jitter


def by_mqtt(peer=None, **keywords):
    return Board(
        peer or Postbox(),
        carrier=lambda: Subscriber(DEVICE, "qssl/n1/up", "qssl/n1/down", DEVICE, "secret"),
        **keywords,
    )


def test_mqtt_a_persistent_session():
    b = by_mqtt()
    b.peer.send(message(1, "while it was away"))
    b.run()
    assert b.peer.hello.startswith(b"\0\4MQTT\4\xc0")  # user, password, no clean session
    assert b.peer.down == b"qssl/n1/down" and b.peer.subscribed == 1
    b.up.run(20, 10)
    assert b.got == [(1, "while it was away")] and b.peer.acks[-1] == 1
    assert b.peer.waiting == [] and b.peer.pubacks == 1
    # While it is connected, without a record.
    for n in range(2, 6):
        b.peer.send(message(n, "m%d" % n))
        b.up.run(20, 3)
        assert b.got[-1] == (n, "m%d" % n) and b.peer.acks[-1] == n
    b.up.run(1000, 700)
    assert b.peer.pings >= 4 and b.peer.connects == 1 and b.up.failures == 0
    b.run()
    assert [r["n"] for r in b.peer.ledger.values()] == [0, 0]
    assert b.told() == [] and b.inbox.refused == b.inbox.repeats == 0


def test_mqtt_stays_connected_if_it_is_told_to():
    b = by_mqtt(ask_s=30)
    b.up.run(10, 5)
    b.peer.send(message(1, "x"))
    b.up.run(10, 3)
    assert b.got == [(1, "x")] and b.peer.connects == 1
    b.rig.net.conns[-1].peer_close()
    b.peer.send(message(2, "y"))
    b.up.run(100, 40)
    assert b.got == [(1, "x"), (2, "y")] and b.peer.connects == 2
    assert b.up.failures == 0


def test_mqtt_what_is_sent_again_is_dropped():
    b = by_mqtt()
    text = message(1, "x")
    for _ in range(3):
        b.peer.send(text)
    b.run()
    b.up.run(10, 3)
    assert b.got == [(1, "x")] and b.inbox.repeats == 2
    acks = len(b.peer.acks)
    b.peer.send(text)  # the server did not hear the acknowledgement
    b.up.run(10, 3)
    assert b.peer.acks[acks:] == [1] and b.peer.waiting == []


def test_mqtt_an_inbox_that_is_full_acknowledges_nothing():
    b = by_mqtt(limit=1024, size=256)
    b.up.on_message = None
    for n in range(1, 31):
        b.peer.send(message(n, "z" * 60))
    b.run()
    b.up.run(10, 3)
    had = b.inbox.number
    assert 3 < had < 30 and b.peer.pubacks == had and b.peer.acks[-1] == had
    assert b.peer.connects == 1  # records go on
    b.run()
    assert b.peer.connects == 1
    got = []
    for _ in range(60):
        entry = b.up.receive()
        if entry:
            got.append(entry[0])
        b.up.run(3, 1.5)
    assert got == list(range(1, 31)), (got, b.inbox.error)
    assert b.peer.waiting == [] and b.peer.connects < 12 and b.up.failures == 0


def test_mqtt_the_connection_is_cut_within_each_packet():
    text = message(1, "m1 " + "x" * 40)
    end = None
    at = 0
    while end is None or at < end:
        at += 11
        b = by_mqtt()
        b.run()
        pushed = [0]
        conn = b.rig.net.conns[-1]
        push = conn.push

        def cut(data, push=push, conn=conn, pushed=pushed, at=at):
            pushed[0] += len(data)
            if pushed[0] > at:
                push(data[: len(data) - (pushed[0] - at)])
                conn.peer_close()
                conn.push = lambda data: None
            else:
                push(data)

        conn.push = cut
        b.peer.send(text)
        if end is None:
            end = pushed[0] + 20
        b.up.run(5, 2)
        b.run(200)
        b.up.run(10, 3)
        assert b.got == [(1, "m1 " + "x" * 40)], at
        assert b.peer.waiting == [] and b.peer.acks[-1] == 1, at


def test_mqtt_what_is_no_message():
    b = by_mqtt(size=256)
    b.peer.send(b"")
    b.peer.send(message(1, "x" * 5000))
    b.peer.send(b"\xff" * 70000)
    b.peer.send(message(2, "y", key=bytes(32)))
    b.run(100)
    b.up.run(10, 3)
    assert b.inbox.refused == 4 and b.peer.waiting == [] and b.up.failures == 0
    assert {"qssl": "inbox", "m": 0, "refused": "form"} in b.told()
    b.peer.retopic = b"qssl/n2/down"  # for somebody else
    b.peer.send(message(3, "z"))
    b.up.run(10, 3)
    assert b.inbox.reason == "topic" and b.got == []
    b.peer.retopic = None
    b.peer.send(message(4, "good"))
    b.up.run(10, 3)
    assert b.got == [(4, "good")] and b.peer.connects == 1


def test_mqtt_packets_that_end_the_connection():
    for raw in (
        b"\x32\xff\xff\xff\xff\x7f",  # a length of five digits
        b"\x34\x08\0\4down\0\1",  # QoS 2
        b"\x32\x03\0\4d",  # shorter than its topic
        b"\x32\xff\x7f\xff\xff",  # a topic without end
        b"\x20\xff\x7f" + b"x" * 200,
    ):
        b = by_mqtt()
        b.run()
        b.rig.net.conns[-1].push(raw)
        b.up.run(5, 2)
        b.run(100)
        assert b.peer.connects == 2 and b.up.failures == 0, raw
        b.peer.send(message(1, "x"))
        b.up.run(10, 3)
        assert b.got == [(1, "x")]


def test_mqtt_a_subscription_that_is_refused():
    b = by_mqtt(Postbox(granted=0x80))
    b.up.put(b"1")
    assert b.up.run(5) == 1 and "subscribe" in str(b.up.error)
