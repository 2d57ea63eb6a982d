# qssl.timesources - whom a Timekeeper asks for the time, and what it believes.
# SPDX-License-Identifier: MIT
#
# Loaded while it asks, once a minute with a Recovery, and let go. k is the Timekeeper.
#
# The policy, for all who need the time:
#   * Sources in order: "program" (what utc() gives, what modem.clock(t) was told), "network"
#     (AT+QLTS), "ntp" (AT+QNTP, two servers that agree), "modem" (its clock, whoever set it).
#   * The modem's clock shows what is believed, or that it was never set.
#   * A time is believed if it lies within `years` and not behind the last time known for sure.
#   * What the network alone has said is compared with NTP once, if servers are named: two that
#     agree win, one alone only by what a zone or a date gone wrong makes.
#   * Once known, it runs on with the ticks. What differs from it is not believed, unless its
#     source comes before that of the time known, or two sources agree.
#   * It is sure once a second source says the same, or a server's certificate was checked against
#     it: confirm(). Only what is sure is kept in the file. What is not and leads to failures is
#     doubted: doubt(). Then another source may correct it, and that one is asked last.

from time import ticks_diff, ticks_ms

from micropython import const

from .clock import civil, get, network, seconds, setting, unix

_WRONG_S = const(120)  # two clocks that differ by more do not agree
_ZONES_S = const(129600)  # the most that a zone's sign, or a date, gone wrong makes
_DRIFT = const(100)  # a second in so many that the ticks may be wrong by
_NEVER = const(315964800)  # 1980-01-06, the clock of a modem that was never told
_RANK = {"modem": 1, "ntp": 2, "network": 2, "program": 3}


def steps(k):
    # Generator, see Timekeeper.steps().
    shown = yield from get(k._modem, False)
    up = k.up()
    known = k._zero is not None
    k._other = None
    _weigh(k, "program", _own(k, shown))
    if not known or k._weak or up >= k._due or _unchecked(k):
        yield from _round(k, shown)
        # What only the modem's clock says, others may know better at any time.
        k._due = up + (0 if k.source == "modem" else k._every)
        k._weak = False
        shown = yield from get(k._modem, False)  # AT+QNTP may have set it
    _outside(k)
    return (yield from _put(k, shown))


def _weigh(k, source, s):
    # source says that it is s now. True if that is the time from now on.
    if s is None:
        return False
    up = k.up()
    zero = s - up
    known = k._zero is not None
    agree = known and abs(zero - k._zero) <= _WRONG_S + (up - k.when) // _DRIFT
    two = source == "ntp" and k._ntp.many  # two have said it
    why = None
    if not k._from <= s < k._to:
        why = "no year that can be"
    elif not agree and s < k.last - (_ZONES_S if two else _WRONG_S):
        why = "behind the last time known"
    if why:
        k._note(source, s, why)
        return False
    if agree:
        if source != k.source:
            if source == "modem":
                return True  # it may have been set by what is known already
            k.sure = True  # a second witness
            if _RANK[source] < _RANK[k.source]:
                _sure(k)
                return True
    elif known:
        other = k._other
        both = other is not None and other[0] != source and abs(other[1] - zero) <= _WRONG_S
        over = source == "program" or k._weak or _RANK[source] > _RANK[k.source]
        if source == "ntp" and k.source == "network" and not k._checked:
            over = over or two or abs(zero - k._zero) <= _ZONES_S
        if not (over or (both and k.source != "program")):
            if other is None and source != "modem":
                k._other = (source, zero)
            k._note(source, s, "not the time known from " + k.source)
            return False
        k._note(k.source, k._zero + up, "corrected by " + source)
        k.sure = both
        k._weak = two = False  # two against one are not sure yet
    k._zero = zero
    k.source = source
    k.when = up
    k.sure = k.sure or two
    _sure(k)
    return True


def _unchecked(k):
    # Whether it is time for NTP to say if the network's time is right.
    ntp = k._ntp
    if ntp is None or k._checked or k.source not in ("network", "modem"):
        return False
    return k.up() >= ntp.due


def _sure(k):
    if k.sure:
        k.last = max(k.last, k._zero + k.up())
    k._keep()


def _own(k, shown):
    # What the program says: utc(), or what it told modem.clock(). shown: the modem's clock.
    s = None
    if k._utc is not None and not k._local:
        try:
            t = k._utc()
            s = None if t is None else seconds(t)
        except OSError as e:
            k._note("program", None, str(e))
    up = k.up()
    told = k._told
    if s is not None and told is not None and k.source != "program":
        if abs(s - told - up) <= 5 + (up - k.when) // _DRIFT:
            return None  # the board's clock, as this has set it
    stated = k._modem.stated
    if s is None and stated is not None and k.source != "program":
        s = stated[1] + ticks_diff(ticks_ms(), stated[0]) // 1000
        if shown is None or abs(_utc(shown) - s) > _WRONG_S:
            return None  # too long ago, or the modem has restarted since
    if s is not None and k._bad == "program" and k.source != "program":
        if abs(s - up - k._zero) > _WRONG_S + (up - k.when) // _DRIFT:
            return None  # it led to failures
        k._bad = None
    return s


def _round(k, shown):
    # Asks the sources in order, the doubted one last.
    order = ["network", "ntp", "modem"]
    if k._bad in order:
        order.remove(k._bad)
        order.append(k._bad)
    heard = False
    lie = False  # the network is not believed; it may have set the modem's clock
    for source in order:
        s = None
        if source == "network":
            told = yield from network(k._modem)
            if told is not None:
                s = told[0]
                _looks_local(k, s, told[1])
        elif source == "ntp":
            ntp = k._ntp
            if ntp is not None and k.up() >= ntp.due and (not heard or _unchecked(k)):
                s = yield from ntp.agreed(heard)
        elif shown is not None and not lie and (k._zero is None or k._weak):
            s = _utc(shown)
        believed = _weigh(k, source, s)
        if source == "ntp" and s is not None:
            k._checked = True
            k._local = k._local and not (believed and _was_right(k, s))
        heard = heard or believed
        lie = lie or (source == "network" and s is not None and not believed)
    if k._bad != "program":
        k._bad = None


def _looks_local(k, s, zone):
    # The board's clock is ahead of the network's by just the network's zone: it was set to
    # local time, as `mpremote rtc --set` does.
    if k.source == "program" and zone and not k.sure and k._modem.stated is None:
        if abs(k._zero + k.up() - s - zone * 900) <= _WRONG_S:
            k._note("program", k._zero + k._up, "it is local time; it must be UTC")
            k._local = True
            k._zero = None
            k.source = None


def _was_right(k, s):
    # Whether it was the network that took local time for UTC, not the board's clock.
    try:
        return abs(seconds(k._utc()) - s) <= _WRONG_S
    except OSError:
        return False


def _put(k, shown):
    # Generator: the modem's clock, which shows `shown`. AT+CTZU lets the network set it, too.
    now = k.now()
    if now is None:
        if shown is not None:  # from somebody who is not believed
            yield from setting(k._modem, _NEVER)
        return False, None
    wrong = None
    if shown is not None:
        wrong = _utc(shown) - now
        if abs(wrong) <= _WRONG_S and not shown[6]:
            return False, wrong
    yield from setting(k._modem, now)
    return wrong is None or abs(wrong) > _WRONG_S, wrong


def _outside(k):
    # The board's clock.
    zero = k._zero
    if k._set is None or zero is None:
        return
    if k._told is None or abs(k._told - zero) > 2:
        k._told = zero
        try:
            k._set(civil(zero + k.up())[:6])
        except OSError as e:
            k._note("board", zero + k._up, str(e))


def _utc(shown):
    # Seconds of what clock.get() gave.
    return unix(*shown[:6]) - shown[6] * 900
