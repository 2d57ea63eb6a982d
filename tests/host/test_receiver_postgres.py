# test_receiver_postgres - two receivers with one real PostgreSQL, which is killed meanwhile.
# SPDX-License-Identifier: MIT

import contextlib
import http.client
import json
import os
import socket
import threading
import time

import pytest

import servers
from patience import LIMIT_S, until
from postgres_kit import Postgres
from receiver import forms
from receiver import store as db
from receiver.intake import Intake
from receiver.metrics import Metrics
from receiver_kit import Receiver, batch


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    # (PostgreSQL, two receivers that share it)
    certs = servers.Certificates(tmp_path_factory.mktemp("receiver"))
    try:
        with Postgres() as postgres:
            first = Receiver(certs, url=postgres.url)
            second = Receiver(certs, like=first)
            with first, second:
                yield postgres, first, second
    except servers.MissingServer as e:
        pytest.skip(str(e))


def deliver(receiver, device, bodies, problems):
    # As a device does: each body until it is acknowledged, over a connection that is kept.
    connection = None
    for body in bodies:
        end = time.monotonic() + LIMIT_S
        while True:
            assert time.monotonic() < end
            try:
                connection = connection or receiver.connect()
                status, answer = receiver.post(device, body, connection=connection)
            except (OSError, http.client.HTTPException) as e:
                problems.append(e)
                connection = None
                continue
            if status == 204:
                break
            problems.append((status, answer))
            time.sleep(0.05)
    connection.close()


def test_killed_in_the_middle_nothing_is_lost_and_nothing_doubled(two):
    postgres, first, second = two
    device = first.device("n1")
    before = len(first.ids())
    problems = []
    # Each record goes to both, in batches that overlap, so that they often meet.
    threads = []
    for receiver in (first, second, first, second):
        bodies = [batch(1 + 3 * n, 5, "kill") for n in range(60)]
        args = receiver, device, bodies, problems
        threads.append(threading.Thread(target=deliver, args=args, daemon=True))
    for thread in threads:
        thread.start()
    for count in (30, 90):
        until(lambda count=count: len(_ids(first)) >= count)
        postgres.kill()
        until(lambda: any(answer[0] == 503 for answer in problems if isinstance(answer, tuple)))
        postgres.start()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    assert all(p[0] == 503 and p[1]["error"] == "database" for p in problems), problems
    assert sorted(_ids(first)) == list(range(1, 183))
    assert len(first.ids()) == before + 182
    found = first.rows("SELECT first, last, count FROM queues WHERE queue = 'kill'")
    assert found == [(1, 182, 182)]
    for receiver in (first, second):
        assert "the database can't be used" in receiver.log()
        assert "Traceback" not in receiver.log()


def _ids(receiver):
    # {}: the database is just away.
    with contextlib.suppress(Exception):
        return [i for (i,) in receiver.rows("SELECT id FROM records WHERE queue = 'kill'")]
    return []


def test_strange_records_and_gaps(two):
    # What PostgreSQL takes less kindly than SQLite: zeros in texts, halves of characters.
    _, first, second = two
    device = second.device("strange")
    strange = [{"a\0b": 1}, {"\ud800": 2}, "\0", {"x": 10**300, "at": 1e18}, {"y": 1e308}]
    assert first.post(device, {"queue": "s", "id": 5, "records": strange})[0] == 204
    assert first.post(device, {"queue": "s", "id": 20, "records": [1, 2]})[0] == 204
    rows = second.rows("SELECT record FROM records WHERE queue = 's' ORDER BY id")
    assert [json.loads(text) for (text,) in rows] == [*strange, 1, 2]
    told = [{"qssl": "update", "m": 1, "running": text} for text in ("a\0b", "\ud800")]
    assert first.post(device, {"queue": "s", "id": 22, "records": told})[0] == 204
    _, out, _ = second.run("program", "add", "watcher")
    watcher = {"Authorization": "Bearer " + out.split()[1]}
    for path in ("?after=%00", "/strange/values?name=%00"):
        status, _, text = second.get("/api/devices" + path, watcher)
        assert status == 400 and json.loads(text)["error"], path
    with second.store.reading() as c:
        row = db.by_name(c, "strange")
        assert db.gaps(c, row.id, "s") == [(10, 19)] and db.gaps_of(c, [row.id]) == {row.id: 10}
    with second.store.writing() as c:
        assert db.prune(c, time.time() + 60) >= 7
    # What was deleted is still known.
    assert first.post(device, {"queue": "s", "id": 22, "records": [1, 2, 3]})[0] == 204
    assert second.rows("SELECT id FROM records WHERE queue = 's'") == [(24,)]


def test_receivers_never_wait_for_each_other_in_a_circle(two, monkeypatch):
    # The same two devices, by the one in this order and by the other in that, each in one
    # transaction; and both in the middle of it at the same time.
    _, *receivers = two
    devices = [receivers[0].device("circle-%d" % n) for n in range(2)]
    take = db.take

    def slowly(*args):
        fresh = take(*args)
        time.sleep(0.3)
        return fresh

    monkeypatch.setattr(db, "take", slowly)
    gate = threading.Event()
    intakes = [Intake(receiver.store, Metrics()) for receiver in receivers]
    futures = []
    for intake, order in zip(intakes, (devices, devices[::-1])):
        intake.submit(lambda c: gate.wait())  # what comes meanwhile goes into one transaction
        for device in order:
            delivery = forms.read(json.dumps(batch(1, 2, device.name)).encode())
            futures.append(intake.deliver(device.name, delivery, "mqtt"))
    gate.set()
    for future in futures:
        assert future.result(LIMIT_S) == ([], False)
    for intake in intakes:
        intake.close()
    found = receivers[0].rows(
        "SELECT count(*) FROM records WHERE queue IN ('circle-0', 'circle-1')"
    )
    assert found == [(4,)]


def test_a_database_whose_machine_is_gone_is_missed_soon(two):
    # It sends no end: by the system's own limits a receiver would wait for hours.
    _, first, _ = two
    with first.store.reading() as c:
        fd = os.dup(c.connection.driver_connection.fileno())
    with socket.socket(fileno=fd) as sock:
        found = [
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert found[0] + found[1] * found[2] <= 60
        assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60000


def test_one_with_another_master_key_does_not_start(two):
    # Devices would refuse what it signs.
    other = Receiver(two[1].certs, url=two[1].url)
    try:
        status, out, err = other.run("device", "add", "foreign")
        assert (status, out) == (2, "") and "belongs to another master.key" in err
        with pytest.raises(RuntimeError, match=r"belongs to another master\.key"):
            other.start()
    finally:
        other.stop()
    assert two[1].rows("SELECT count(*) FROM devices WHERE name = 'foreign'") == [(0,)]


def test_messages_by_either(two):
    _, first, second = two
    device = first.device("both")
    first.send(device, "message", "one")
    (message,) = second.post(device, {"ack": 0})[1]["messages"]
    assert message["body"] == "one"
    assert first.post(device, {"ack": 1}) == (204, None)
    assert second.post(device, {"ack": 0}) == (204, None)
    assert first.rows("SELECT state FROM messages") == [("taken",)]
