# qssl.start.mute - what to say of a modem that gave no answer, by the bytes that came instead; or
# whose answers end in another way.
# SPDX-License-Identifier: MIT

import errno

from micropython import const

from ..errors import Error

_TRY_MS = const(2500)  # as in bringup
_AFTER_MS = const(50)  # for what stands behind OK
# V.250 6.2.1, 6.2.2, 6.2.6; twice without, and three times with them.
_TYPED = const((b"AT", b"AT", b"ATV1", b"ATS3=13", b"ATS4=10", b"AT", b"AT", b"AT"))
_LINE = const(b"\r\nOK\r\n")


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
    if _LINE not in got and got.find(b"OK") >= 0:
        shown = _around(got)
        if shown[-1:] == b"\n":
            return _ends(shown)
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


def framed(step):
    # Generator: raises if lines end otherwise than in CR LF, the same each time, whatever is set:
    # the driver finds lost and added bytes by them. One answer that is as it should be is enough.
    from .contact import Tap

    link = step.link
    tap = Tap(link.uart)
    link.uart = tap
    last = None
    same = 0
    try:
        for line in _TYPED:
            tap.clear()
            yield from step.once(line, None, _TRY_MS + 3 * step.slow)
            yield from step.pause(_AFTER_MS)
            step.look()
            got = tap.got
            shown = None
            if got.find(b"OK") >= 0:
                shown = _around(got)
                # Else something has come in between.
                if got.replace(b" ", b"") not in (shown, line + b"\r" + shown):
                    shown = None
            if shown == _LINE or not (yield from step.heal(_TRY_MS)):
                return
            same = same + 1 if shown == last else 0
            last = shown
    finally:
        link.uart = tap.uart
    if last is not None and same > 1:
        raise Error(errno.EIO, "start", _ends(last))


def _around(got):
    # The first OK with the line ends around it, without the echo's CR.
    lo = got.find(b"OK")
    hi = lo + 2
    while lo and got[lo - 1] <= 32:
        lo -= 1
    lo += lo > 0
    while hi < len(got) and got[hi] <= 32:
        hi += 1
    return bytes(got[lo:hi]).replace(b" ", b"")


def _ends(shown):
    names = [{13: "CR", 10: "LF", 0: "NUL"}.get(c, chr(c)) for c in shown]
    hint = (
        "the modem's lines come as %s, not as CR LF OK CR LF, each time and whatever ATV1, ATS3 "
    )
    hint += "and ATS4 set, and by them lost bytes are found; does a bridge or terminal in between "
    hint += "change line ends? else update its firmware"
    return hint % " ".join(names).replace("O K", "OK")
