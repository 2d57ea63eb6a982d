# test_health - records about the device: at the start, daily, and when the server asks.
# SPDX-License-Identifier: MIT

import errno
import json

import qssl
import rig as rig_module
from both_kit import ENOSPC, Board, Clock, message
from qssl.errors import Refused
from qssl.uplink.bill import Bill
from qssl.uplink.health import Health
from qssl.uplink.policy import Policy
from qssl.uplink.settings import Settings

INSIDE = (
    "test_with_all_its_parts",
    "test_it_fits_into_a_small_queue",
    "test_a_queue_whose_records_are_short",
)

START = 1786200000


def board(settings=False, **keywords):
    b = Board(clock=Clock(START), messages=False)
    if settings:
        s = keywords["settings"] = Settings("/settings")
        s.add("interval_s", 300)
        s.bind(b.inbox)
    return b, Health(b.up, **keywords)


def told(b, kind="health"):
    return [r for r in b.peer.ledger.values() if r.get("qssl") == kind]


def test_at_the_start_and_daily():
    b, health = board(version="1.4", boot=lambda: {"cause": "watchdog", "count": 17})
    b.run()
    b.run()
    (first,) = told(b)
    assert first["why"] == "start" and first["version"] == "1.4" and first["up_s"] < 60
    assert first["boot"] == {"cause": "watchdog", "count": 17}
    assert first["driver"] == qssl.__version__ and first["heap"]["free"] >= 0
    assert first["queue"] == {"records": 1, "lost": 0, "damaged": 0}
    assert first["uplink"]["delivered"] == 0 and first["modem"]["rx"] > 100
    assert first["time"]["now"] == START and "bill" not in first and "settings" not in first
    info = first["info"]
    assert info == b.modem.info() and info["imei"] == "861107030000016"
    assert len(json.dumps(first)) < 1000
    for _ in range(4):
        rig_module.clock.sleep_ms(80000000)
        b.run()
    b.run()
    whys = [r["why"] for r in told(b)]
    assert whys == ["start", "daily", "daily"], whys
    assert 86400 <= told(b)[1]["up_s"] < 172800 and told(b)[1]["uplink"]["delivered"] >= 2


def test_without_records_it_goes_too():
    b, health = board()
    assert b.up.run(30, 5) == 0
    assert len(told(b)) == 1 and health.puts == 1


def test_a_board_that_wakes_often_says_when():
    b, health = board(start=False, info=False)
    b.run()
    assert told(b) == []
    assert health.put() == 2
    b.run()
    (first,) = told(b)
    assert first["why"] == "program" and "info" not in first


def test_with_all_its_parts():
    class Part:
        def report(self):
            return {"windows": 3}

    class Broken:
        def report(self):
            raise ValueError("no")

    b, health = board(settings=True, parts={"power": Part(), "odd": Broken()})
    bill = Bill(b.up, day=1)
    health._bill = bill
    b.run()
    b.run()
    (first,) = told(b)
    assert first["settings"] == {"interval_s": 300}
    assert first["parts"] == {"power": {"windows": 3}, "odd": None}
    assert set(first["bill"]) == set(bill.report())


def test_the_server_asks():
    b, health = board(settings=True, start=False)
    trace = b.modem.trace()
    b.peer.send(1, message(1, '{"what":"health"}', "ask"))
    b.peer.send(2, message(2, "now", "health"))
    b.peer.send(3, message(3, '{"what":"trace"}', "ask"))
    b.peer.send(4, message(4, '{"what":"settings"}', "ask"))
    b.peer.send(5, message(5, '{"what":"moon"}', "ask"))
    for _ in range(4):
        b.run()
    assert [r["why"] for r in told(b)] == ["asked", "asked"]
    (found,) = told(b, "trace")
    assert found["m"] == 3 and found["on"] and "AT+QSSLSEND" in found["text"]
    (found,) = told(b, "settings")
    assert found["m"] == 4 and found["values"] == {"interval_s": 300}
    assert [(r["m"], r["refused"]) for r in told(b, "inbox")] == [(5, "form")]
    trace.stop()
    b.peer.send(7, message(7, '{"what":"trace"}', "ask"))
    for _ in range(3):
        b.run()
    assert told(b, "trace")[-1] == {"qssl": "trace", "m": 7, "on": False}
    b.peer.send(8, message(8, '{"what":7}', "ask"))
    for _ in range(3):
        b.run()
    assert (told(b, "inbox")[-1]["m"], b.inbox.number) == (8, 8)


def test_what_the_queue_does_not_take_is_asked_again():
    b, health = board(start=False)
    put = b.up.put

    def full(record):
        raise OSError(ENOSPC, "full")

    b.peer.send(1, message(1, "now", "health"))
    b.up.put(b'{"n":1}')
    b.up.put = full
    assert b.up.run(30) == 0
    assert health.error.errno == ENOSPC and b.inbox.number == 0 and told(b) == []
    b.up.put = put
    rig_module.clock.sleep_ms(61000)
    for _ in range(3):
        b.run()
    assert b.inbox.number == 1 and len(told(b)) == 1 and health.error is None


def test_it_fits_into_a_small_queue():
    b, health = board(settings=True, boot=lambda: {"text": "x" * 800})
    for n in range(8):
        health._settings.add("name_%d" % n, "y" * 60)
    b.run()
    b.run()
    (first,) = told(b)
    assert "settings" not in first and first["boot"] and len(json.dumps(first)) <= 1500
    assert first["left_out"][0] == "settings"
    # Too long in any case: told, and nothing stops.
    b, health = board(boot=lambda: {"text": "x" * 5000})
    b.run()
    assert told(b) == [] and health.error is not None
    b.run()
    assert len(b.peer.ledger.records) == 2


def test_a_queue_whose_records_are_short():
    b, health = board(settings=True)
    health._settings.add("label", "y" * 60)
    b.modem.trace()
    plain = b.up.put

    def put(record):
        if len(record) > most:
            raise Refused(errno.EINVAL, "queue", "a record has 1 to %d bytes here" % most)
        return plain(record)

    b.up.put = put
    most = 450
    b.peer.send(3, message(3, '{"what":"trace"}', "ask"))
    b.run()
    b.run()
    (first,) = told(b)
    assert "settings" in first["left_out"] and first["queue"] and health.error is None
    assert all(name not in first for name in first["left_out"])
    (found,) = told(b, "trace")  # its first line, and the last ones
    lines = found["text"].split("\n")
    assert len(lines) > 2 and "AT+QSSL" in found["text"] and told(b, "inbox") == []
    most = 40
    assert health.put() is None and "40 bytes here" in str(health.error)


def test_it_waits_for_a_window():
    b, health = board()
    policy = Policy(b.up, records=3, spread_s=0)
    for _ in range(30):
        policy.run()
        rig_module.clock.sleep_ms(1000)
    assert told(b) == []
    for n in range(3):
        b.up.put(b'{"n":%d}' % n)
    assert policy.run() == 0 and len(told(b)) == 1
