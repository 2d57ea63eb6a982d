# qlearn.reading - what is told of data that come, and how they are read.
# SPDX-License-Identifier: MIT


from qlearn.bench import FIRST, Odd, Unasked

_BURST = 3200


def buffered(bench):
    # How much surely waits in the modem: all that can be read behind the server's end.
    bench.opened()
    seen = bench.talk.seen()
    try:
        bench.tell(FIRST, "send:%d" % _BURST, "wait:3000", "close")
        if not bench.ended(FIRST, 15000, seen):
            return 0
        return len(bench.drain(FIRST))
    finally:
        bench.close(FIRST)


def largest_read(bench):
    bench.need_connections()
    if bench.most < 1500:
        raise Odd("AT+QSSLRECV takes %d bytes, and refuses more" % bench.most)
    bench.opened()
    bench.tell(FIRST, "send:%d" % _BURST)
    bench.talk.rest(4000)
    counts = []
    for _ in range(2):
        data, _ = bench.recv(FIRST)
        counts.append(len(data or b""))
    bench.close(FIRST)
    bench.measured["buffered_at_least"] = buffered(bench)
    if counts[0] == 1500:
        bench.settle("recv_max", 0)
    elif not counts[0] or len(set(counts)) > 1:
        raise Unasked("reads of different sizes: %s" % counts)
    elif bench.measured["buffered_at_least"] > counts[0]:
        bench.settle("recv_max", counts[0])
    else:
        raise Unasked("reads of %d bytes: what it buffers may be no more" % counts[0])


def rearm(bench):
    # When is "recv" told again?
    bench.need_connections()
    bench.opened()
    talk = bench.talk
    try:
        seen = talk.seen()
        bench.tell(FIRST, "send:20", "wait:2500", "send:20")
        text = bench.awaited(since=seen)
        if not text:
            raise Unasked('there was no "recv"')
        if text != '+QSSLURC: "recv",%d' % FIRST:
            raise Odd("data are told as %s" % text)
        talk.hear(1000)
        if len(_recvs(bench, seen)) > 1:
            raise Odd('"recv" comes %d times for the same data' % len(_recvs(bench, seen)))
        seen = talk.seen()
        if bench.awaited(ms=4500, since=seen):
            bench.settle("recv_rearm", "always")
            return
        got = 0
        while got < 40:
            data, _ = bench.recv(FIRST, min(bench.most, 1500 if got else 10))
            if not data:
                raise Unasked("40 bytes were sent, and %d came" % got)
            if not got:
                talk.hear(1500)
                if _recvs(bench, seen):
                    raise Odd('"recv" comes again when a read leaves data')
            got += len(data)
        seen = talk.seen()
        bench.tell(FIRST, "send:20")
        if bench.awaited(ms=6000, since=seen):
            bench.settle("recv_rearm", "empty")
            return
        if bench.drain(FIRST) != b"abcdefghijklmnopqrst":
            raise Unasked("data were lost")
        seen = talk.seen()
        bench.tell(FIRST, "send:20")
        if not bench.awaited(ms=10000, since=seen):
            raise Odd('"recv" does not come again')
        bench.settle("recv_rearm", "zero")
    finally:
        bench.close(FIRST)


def _recvs(bench, since):
    start = '+QSSLURC: "recv",%d' % FIRST
    return [text for _, text in bench.talk.urcs[since:] if text.startswith(start)]


def unread(bench):
    # Data that were not read when the server closed.
    bench.need_connections()
    bench.opened()
    seen = bench.talk.seen()
    try:
        bench.tell(FIRST, "send:50", "wait:2000", "close")
        if not bench.awaited(since=seen):
            raise Unasked('there was no "recv"')
        if not bench.ended(FIRST, 15000, seen):
            if len(bench.drain(FIRST)) != 50:
                raise Unasked("the server does not do as it is told: does it run learn.py serve?")
            raise Odd('"closed" does not come while data wait')
        bench.state(FIRST, "once the server has closed")
        data, _ = bench.recv(FIRST)
        if data:
            data += bench.drain(FIRST)
        kept = None if data is None else len(data)
        if kept not in (None, 0, 50):
            raise Odd("of 50 bytes that waited %d are left" % kept)
        bench.choose("closed_keeps_data", kept, {50: "keep", 0: "drop", None: "error"})
    finally:
        bench.close(FIRST)
