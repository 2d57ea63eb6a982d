# qlearn.modes - direct push and transparent mode.
# SPDX-License-Identifier: MIT

import re

from qlearn import script
from qlearn.bench import FIRST, SECOND, Odd, Unasked
from qlearn.talk import without_urcs


def push(bench):
    bench.need_connections()
    bench.opened(FIRST, 1)
    talk = bench.talk
    try:
        bench.tell(FIRST, "wait:1000", "send:30")
        talk.settle(3000)
        came = b"".join(data for _, who, data in talk.since(bench.mark) if who == "<")
        found = list(re.finditer(rb'\+QSSLURC: "recv",%d,(\d+)\r\n' % FIRST, came))
        if not found:
            raise Unasked("nothing was pushed")
        behind = without_urcs(came[found[-1].end() + int(found[-1][1]) :])
        if behind in (b"", b"\r\n"):
            bench.settle("push_trailer", "crlf" if behind else "none")
        else:
            bench.odd("push_trailer", "behind the data stands %r" % behind[:20])
        bench.begin()
        bench.tell(FIRST, "wait:1000", "send:7000")
        talk.settle(5000)
        came = b"".join(data for _, who, data in talk.since(bench.mark) if who == "<")
        sizes = re.findall(rb'\+QSSLURC: "recv",%d,(\d+)\r\n' % FIRST, came)
        sizes = [int(size) for size in sizes]
        if sum(sizes) == 7000 and len(sizes) > 2 and len(set(sizes[:-1])) == 1:
            if sizes[-1] <= sizes[0] <= bench.measured.get("buffered_at_least", 0):
                bench.settle("push_max", sizes[0])
        bench.open("push_max", "pieces of %s bytes: what it buffers may be the reason" % sizes[:5])
    finally:
        bench.close(FIRST)


def transparent(bench):
    # Data mode: how CONNECT is spelled, URCs during it, the end by the server.
    bench.need_connections()
    talk = bench.talk
    bench.opened(SECOND)
    try:
        answer = bench.connect(FIRST, 2)
        if not answer.final.startswith("CONNECT"):
            raise Unasked("there is no CONNECT (%s)" % answer.told)
        _leave(bench)
        if answer.final in ("CONNECT", "CONNECT 150000000"):
            bench.settle("connect_text", answer.final)
        else:
            bench.odd("connect_text", "it writes %r" % answer.final)
        bench.close(FIRST)
        # Data for the other socket, while this one has the port.
        bench.begin()
        seen = talk.seen()
        bench.tell(SECOND, "wait:4000", "send:10")
        answer = bench.connect(FIRST, 2)
        if not answer.final.startswith("CONNECT"):
            raise Unasked("there is no second CONNECT")
        talk.rest(7000)
        inside = b'+QSSLURC: "recv",%d' % SECOND in talk.came
        _leave(bench)
        told = bench.awaited(SECOND, 3000, seen)
        waits = bench.drain(SECOND)
        if inside:
            bench.odd("urc_in_data", "the URC stands between the data")
        elif waits != b"abcdefghij":
            bench.open("urc_in_data", "the data did not arrive in time")
        else:
            bench.settle("urc_in_data", "later" if told else "drop")
        bench.close(FIRST)
        bench.begin()
        answer = bench.connect(FIRST, 2)
        if answer.final.startswith("CONNECT"):
            seen = talk.seen()
            talk.write(script.line("wait:1500", "close"))
            if talk.until(lambda came: b"\r\nNO CARRIER\r\n" in came, 15000):
                told = bench.ended(FIRST, 4000, seen)
                bench.settle("closed_after_no_carrier", "yes" if told else "no")
            else:
                _leave(bench)
                bench.open("closed_after_no_carrier", "there was no NO CARRIER")
    finally:
        bench.close(FIRST)
        bench.close(SECOND)


def _leave(bench):
    # Back to commands.
    talk = bench.talk
    talk.rest(1200)
    talk.keep(talk.take())
    talk.write(b"+++")
    answer = talk.answer("", 3000)
    if not answer.ok:
        raise Odd("+++ answers %s" % answer.told)
