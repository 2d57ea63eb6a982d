# test_regressions - the shortest schedules for which tools/search.py found a promise broken.
# SPDX-License-Identifier: MIT

from driver_kit import LTE, Recorder, arm, connected, pattern, raised
from qsearch.player import play

INSIDE = True


def holds(*ops, **parts):
    # Every promise, while this is done; else the player raises. It did call the driver: the calls
    # of the schedule, and those that try all of it afterwards.
    player = play({"switches": parts.get("switches", {}), "rig": parts.get("rig", {}), "ops": ops})
    wanted = [op for op in ops if op[0] not in ("fault", "control", "push", "end", "sleep")]
    return player.calls > len(wanted) and player.opened and player.worst[0] <= 1000


def test_settings_released_while_a_connection_was_being_closed():
    # G5: the context was looked at before the modem released it, and opened with after that.
    limit = 12 if LTE else 5  # s; there is more to set
    assert holds(
        ("fault", "open_never n=1"),
        ("connect", 1, limit, 5),
        ("connect", 0, limit, 0),
        switches={"context_release": "reset"},
    )


def test_a_result_before_its_data():
    # G2: after it, commands were typed into the open prompt.
    for word in ("OK", "FAIL"):
        assert holds(
            ("connect", 1, 30, 5),
            ("write", 1, 1460),
            ("control", "say SEND " + word),
            ("connect", 1, 5, 1),
            ("connect", 0, 100, 20),
        )


def test_a_line_that_comes_in_pieces():
    # G1: each wait of readline() had a time-out of its own.
    assert holds(("connect", 0, 30, 20), ("push", 0, 2), ("line", 0, 100))


def test_a_read_longer_than_the_ring():
    assert holds(("connect", 0, 30, 5), ("push", 0, 1500), ("read", 0, 3000))
    assert holds(("connect", 0, 30, 5), ("push", 0, 1500), ("into", 0, 3000))


def test_a_connect_waits_for_a_close_no_longer_than_it_may():
    # G1: of a modem that has gone.
    assert holds(("connect", 0, 100, 1), ("control", "power off"), ("connect", 0, 5, 20))


def test_a_modem_that_is_busy_for_long():
    # G4: start() gave up after some seconds, with most of its time left.
    assert holds(
        ("connect", 1, 30, 0),
        ("fault", "delay by=25000 n=2 what=final"),
        ("connect", 1, 30, 1),
    )
    assert holds(
        ("connect", 0, 100, 1),
        ("control", "coverage off quiet"),
        ("fault", "close_error n=4"),
        ("write", 0, 100),
        ("connect", 0, 30, 1),
        switches={"register_ms": 8000},
    )


def test_reading_that_is_refused_and_then_goes_on():
    # G2: AT+QSSLRECV answered ERROR, and the stream seemed to have ended.
    for code, n, size in ((572, 2, 10), (561, 4, 1)):
        assert holds(
            ("connect", 1, 30, 20),
            ("fault", "error code=%d n=%d" % (code, n)),
            ("push", 1, size),
            ("end", 1, "close"),
            ("into", 1, 3000),
        )
        assert holds(
            ("connect", 1, 30, 20),
            ("end", 1, "close"),
            ("push", 1, size),
            ("fault", "error code=%d n=%d" % (code, n)),
            ("into", 1, 3000),
        )


def test_an_open_result_that_comes_late():
    # G4: it was taken for the next connection's.
    assert holds(
        ("connect", 0, 30, 20),
        ("fault", "delay by=6000 n=1 what=open"),
        ("connect", 0, 5, 1),
        rig={"latency": 2000},
    )


def test_a_damaged_answer_while_a_context_is_set():
    # G5: opened with another version than asked for.
    assert holds(
        ("fault", "corrupt at=57 bytes=1 in=final n=1"),
        ("fault", "file_changed n=1"),
        ("connect", 1, 30, 0),
        ("connect", 1, 100, 20),
        rig={"seed": 5306535},
    )


def test_a_false_send_fail_among_lost_bytes():
    assert holds(
        ("connect", 1, 30, 20),
        ("write", 1, 500),
        ("fault", "insert at=48 bytes=5 in=final n=1"),
        ("push", 1, 500),
        ("signal",),
        ("connect", 0, 5, 20),
        ("write", 1, 1461),
        ("line", 1, 1459),
        ("control", "say SEND FAIL"),
        ("write", 1, 1460),
    )
    # The modem gave no result: such a SEND FAIL can't be told from a real one.
    for size, more in ((100, ("into", 0, 500)), (2, ("write", 0, 2))):
        assert holds(
            ("fault", "send_mute n=1"),
            ("connect", 0, 30, 1),
            ("write", 0, size),
            ("into", 0, 2),
            ("control", "say SEND FAIL"),
            more,
        )


def test_writing_to_a_server_that_has_closed():
    # The modem takes it, and the server is not there to get it.
    assert holds(
        ("connect", 1, 30, 5),
        ("push", 1, 1459),
        ("end", 1, "close"),
        ("write", 1, 100),
        ("flush", 1),
        switches={"rx_size": 300},
    )


def test_closing_tells_of_bytes_that_a_restart_left_unsent():
    # G2: start(), or the modem by itself, had closed the connection; close() said nothing of it.
    assert holds(("connect", 1, 100, 20), ("write", 1, 1500), ("start",), ("close", 1))
    assert holds(
        ("connect", 0, 100, 5), ("write", 0, 10), ("control", "restart"), ("sleep", 11000)
    )


def test_closing_tells_of_an_error_that_a_read_with_data_kept_to_itself():
    # G2: readinto() gave what had come before the error, which then counted as told.
    rig, modem, sock = connected(Recorder(say=pattern(1500)))
    modem.sleep_ms(500)
    arm(rig, "insert_in in=command line=AT+QSSLSEND at=19 byte=39")
    sock.write(pattern(1459))
    assert sock.readinto(bytearray(3000)) == 1500
    assert raised(sock.close).hint
