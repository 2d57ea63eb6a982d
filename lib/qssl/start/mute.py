# qssl.start.mute - what to say of a modem that gave no answer, by the bytes that came instead.
# SPDX-License-Identifier: MIT


def words(tap):
    # What to say of a modem that gave no answer.
    if not tap.got and tap.old:
        tap.sent, tap.got = tap.old
    got = tap.got
    if tap.writes():
        return (
            "the modem is writing new firmware to its flash; leave it its power, and call start() "
            "again in some minutes"
        )
    if tap.pushed:
        return (
            "no OK to AT among the data of a connection in direct push mode; closing it did not "
            "help: restart the modem, or stop its server"
        )
    if not got:
        return (
            "nothing answers, not a byte came; check the modem's power and PWRKEY, RX and TX "
            "(crossed?), GND, level shifter, baud rate"
        )
    if _echo(tap):
        return (
            "nothing answers, only our own bytes come back; RX and TX touch each other, or "
            "the modem's own line is off: check the wires, then the modem's power"
        )
    text = 0
    for c in got:
        text += 32 <= c < 127 or c in b"\r\n\x1b"  # ESC: ours, echoed
    if text * 4 < len(got) * 3:
        return (
            "nothing answers that is text, the bytes are garbled; another baud rate (give "
            "baud=, then start() looks for it), or wrong levels: 1.8 V at the modem, GND"
        )
    from ..connect.arguments import printable

    return (
        "no OK to AT, but something else comes: %s; is this the modem's AT port, does another "
        "program use it?" % printable(got, 0, min(len(got), 40)).replace("?", " ").strip()
    )


def _echo(tap):
    # True if what came is what was typed, but for a byte here and there.
    at = same = 0
    for c in tap.got:
        k = tap.sent.find(bytes((c,)), at, at + 4)
        if k >= 0:
            same += 1
            at = k + 1
    return same * 10 >= len(tap.got) * 9
