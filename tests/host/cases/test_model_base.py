# test_model_base - byte queue, timers, generator, parameters.
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import Args, split
from ugsim.model.at.runner import cut
from ugsim.model.base.bytequeue import ByteQueue
from ugsim.model.base.rng import Rng
from ugsim.model.base.timers import Timers
from ugsim.model.commands.clock import date, days
from ugsim.model.errors import Refused


def refused(function, *args):
    try:
        function(*args)
    except Refused:
        return True
    return False


def test_queue_keeps_order_in_any_portions():
    rng = Rng(1)
    q = ByteQueue()
    went_in = b""
    came_out = b""
    for i in range(2000):
        part = bytes([(i + k) & 255 for k in range(rng.below(20))])
        q.append(part)
        went_in += part
        if rng.below(2):
            came_out += q.take(rng.below(40))
        if not rng.below(5) and len(q):
            part = q.peek()
            n = rng.below(len(part) + 1)
            came_out += part[:n]
            q.drop(n)
        assert len(q) == len(went_in) - len(came_out)
    came_out += q.take(1 << 30)
    assert came_out == went_in
    assert q.take(5) == b"" and q.peek() == b"" and len(q) == 0


def test_queue_cleared_in_the_middle_of_a_chunk():
    q = ByteQueue()
    q.append(b"abcdef")
    assert q.take(2) == b"ab"
    q.clear()
    q.append(b"xyz")
    assert q.take(2) == b"xy"
    assert q.take(0) == b""
    assert q.take(9) == b"z"


def test_timers_fire_in_order_of_time_then_of_arming():
    t = Timers()
    for due in (30, 10, 20, 10):
        t.at(due, due)
    gone = t.at(5, 5)
    t.cancel(gone)
    t.cancel(gone)
    t.cancel(None)
    assert t.next_ms() == 10
    assert t.pop_due(9) is None
    seen = []
    while True:
        due = t.pop_due(25)
        if due is None:
            break
        seen.append(due[0])
    assert seen == [10, 10, 20]
    t.clear()
    assert t.next_ms() is None


def test_generator_is_the_same_everywhere():
    rng = Rng(1)
    assert [rng.below(1000) for _ in range(5)] == [282, 597, 68, 622, 544]
    assert Rng(0).below(1 << 31) != Rng(1).below(1 << 31)


def test_dates():
    assert days(1970, 1, 1) == 0
    assert days(2000, 3, 1) == 11017
    assert days(2026, 8, 7) == 20672
    for day in range(0, 40000, 17):
        year, month, d = date(day)
        assert days(year, month, d) == day


def test_parameters():
    assert split('1,"a,b", 2 ,,"x"') == ["1", '"a,b"', "2", "", '"x"']
    assert refused(split, '"open')
    a = Args('7,"text",,-3,"a"b"c"')
    assert len(a) == 5 and len(Args("")) == 0
    assert a.number(0, 0, 7) == 7
    assert refused(a.number, 0, 0, 6)
    assert refused(a.number, 1, 0, 9)
    assert refused(a.number, 2, 0, 9)
    assert a.number(2, 0, 9, 4) == 4
    assert a.number(9, 0, 9, 4) == 4
    assert refused(a.number, 3, 0, 9)
    assert a.signed(3) == -3 and a.signed(0) == 7
    assert a.string(1) == "text"
    assert refused(a.string, 0) and refused(a.string, 4) and refused(a.string, 1, None, 3)
    assert a.is_string(1) and not a.is_string(0) and not a.is_string(9)


def test_command_lines():
    assert cut("") == []
    assert cut("E0V1") == [("E", "exec", "0"), ("V", "exec", "1")]
    assert cut("&D2+CSQ") == [("&D", "exec", "2"), ("+CSQ", "exec", "")]
    assert cut('+A=?;+B?;+c=1,"x;y"') == [
        ("+A", "test", ""),
        ("+B", "read", ""),
        ("+C", "write", '1,"x;y"'),
    ]
    assert cut("S0=1;E1") == [("S", "exec", "0=1"), ("E", "exec", "1")]
    assert cut("#") is None and cut("1") is None
