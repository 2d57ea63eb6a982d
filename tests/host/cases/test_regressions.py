# test_regressions - the shortest schedules for which tools/search.py found a promise broken.
# SPDX-License-Identifier: MIT

from qsearch.player import play


def schedule(*ops, **parts):
    play({"switches": parts.get("switches", {}), "rig": parts.get("rig", {}), "ops": ops})


def test_settings_released_while_a_connection_was_being_closed():
    # G5: the context was looked at before the modem released it, and opened with after that.
    schedule(
        ("fault", "open_never n=1"),
        ("connect", 1, 5, 5),
        ("connect", 0, 5, 0),
        switches={"context_release": "reset"},
    )


def test_a_result_before_its_data():
    # G2: after it, commands were typed into the open prompt.
    for word in ("OK", "FAIL"):
        schedule(
            ("connect", 1, 30, 5),
            ("write", 1, 1460),
            ("control", "say SEND " + word),
            ("connect", 1, 5, 1),
            ("connect", 0, 100, 20),
        )


def test_a_line_that_comes_in_pieces():
    # G1: each wait of readline() had a time-out of its own.
    schedule(("connect", 0, 30, 20), ("push", 0, 2), ("line", 0, 100))


def test_a_read_longer_than_the_ring():
    schedule(("connect", 0, 30, 5), ("push", 0, 1500), ("read", 0, 3000))
    schedule(("connect", 0, 30, 5), ("push", 0, 1500), ("into", 0, 3000))


def test_a_connect_waits_for_a_close_no_longer_than_it_may():
    # G1: of a modem that has gone.
    schedule(("connect", 0, 100, 1), ("control", "power off"), ("connect", 0, 5, 20))


def test_closing_tells_of_bytes_that_a_restart_left_unsent():
    # G2: start(), or the modem by itself, had closed the connection; close() said nothing of it.
    schedule(("connect", 1, 100, 20), ("write", 1, 1500), ("start",), ("close", 1))
    schedule(("connect", 0, 100, 5), ("write", 0, 10), ("control", "restart"), ("sleep", 11000))
