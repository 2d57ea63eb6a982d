# qlearn.network - what takes a PDP context: activation, names, time.
# SPDX-License-Identifier: MIT

import calendar
import re
import time

from qlearn.bench import PDP, Odd, Unasked

_NTP_MS = 130000
_ZONE = -13  # quarters of an hour
_DNS_MS = 75000
_NEAR_S = 300  # so far the PC's clock and the true time may be apart


def active(bench):
    # Numbers of the active contexts.
    lines = bench.want("AT+QIACT?").lines
    found = [re.match(r"\+QIACT: ?(\d+),", line) for line in lines]
    return [int(match[1]) for match in found if match]


def registered(bench, seconds):
    # Waits until the network has the modem.
    end = bench.talk.port.now() + seconds * 1000
    while True:
        for name in ("CGREG", "CREG"):
            text = bench.talk.ask("AT+%s?" % name).field("+%s:" % name) or ""
            if re.match(r"\d,(1|5)\b|[15]$", text):
                return True
        if bench.talk.port.now() >= end:
            return False
        bench.talk.rest(1000)


def activate(bench):
    # Makes context 1 active; whether input while a command runs is lost shows here.
    talk = bench.talk
    if PDP in active(bench):
        bench.open("busy_input", "shows while a context is activated, and context 1 is active")
        return
    if bench.options.apn is not None:
        o = bench.options
        words = (PDP, o.apn, o.user, o.password, 3 if o.user else 0)
        old = talk.ask("AT+QICSGP=%d" % PDP).field("+QICSGP:") or ""
        if re.match(r' ?\d, ?"[^"]', old):  # some firmware keeps it
            talk.undo("AT+QICSGP=%d,%s" % (PDP, old.strip()))
        bench.want('AT+QICSGP=%d,1,"%s","%s","%s",%d' % words)
    talk.settle(100)
    begin = talk.port.now()
    talk.write(b"AT+QIACT=%d\r" % PDP)
    talk.read(30)
    talk.rest(max(0, 30 - (talk.port.now() - begin)))
    early = b"OK" in talk.came or b"ERROR" in talk.came
    typed = talk.port.now()
    talk.write(b"AT+CSQ\r")
    answer = talk.answer("AT+QIACT", 150000)
    ended = talk.port.now()
    if not answer.ok:
        error = bench.last_error()
        raise Unasked("context 1 is not activated (%s)" % error)
    talk.undo("AT+QIDEACT=%d" % PDP)
    spent = ended - typed
    second = talk.until(lambda came: b"+CSQ" in came and came.endswith(b"OK\r\n"), 2500)
    rest = talk.settle(200)
    bench.measured["act_ms"] = ended - begin
    if early or spent < 60:
        bench.open("busy_input", "the context was active too soon to tell")
    elif second:
        bench.settle("busy_input", "queue")
    elif b"+CSQ" not in rest and b"ERROR" not in rest:
        bench.settle("busy_input", "drop")


def ensure(bench):
    # Context 1 is active behind it. Unasked if it can't be.
    if PDP in active(bench):
        return
    if not registered(bench, 1 if bench.lost else 60):
        bench.lost = True
        raise Unasked("the modem finds no network")
    bench.begin()
    activate(bench)


_STYLES = (
    (r"\d", "short"),
    (r"0,\d", "full"),
    (r'\d,\d,"[0-9A-Fa-f]+","[0-9A-Fa-f]+"(,\d+)?', "cell"),
    (r"\d,\d,[0-9A-Fa-f]+,[0-9A-Fa-f]+(,\d+)?", "plain"),
    (r'\d,\d,"[0-9A-Fa-f]+","[0-9A-Fa-f]+","[0-9A-Fa-f]+"(,\d+)?', "area"),
)


def registration(bench):
    # What AT+CREG? shows while the place is not asked for (AT+CREG=0).
    if not registered(bench, 1):
        raise Unasked("shows in a network alone")
    text = bench.want("AT+CREG?").field("+CREG:") or ""
    old = text[:1] if re.match(r"[012],", text) else "0"
    undo = bench.talk.undo("AT+CREG=%s" % old)
    bench.want("AT+CREG=0")
    text = bench.want("AT+CREG?").field("+CREG:") or ""
    if old == "0" or bench.talk.ask(undo).ok:
        bench.talk.done(undo)
    for pattern, style in _STYLES:
        if re.fullmatch(pattern, text):
            bench.settle("creg_style", style)
            return
    raise Odd("it writes %r" % text)


def again(bench):
    if PDP not in active(bench):
        raise Unasked("context 1 is not active")
    answer = bench.talk.ask("AT+QIACT=%d" % PDP, 150000)
    bench.choose("qiact_when_active", answer.final, {"OK": "ok", "ERROR": "error"})
    if PDP not in active(bench):
        raise Odd("the context is not active behind it")


def _unused(bench):
    # A context without APN that is not active.
    used = active(bench)
    for number in (16, 15, 14, 7, 6, 5):
        answer = bench.talk.ask("AT+QICSGP=%d" % number)
        text = answer.field("+QICSGP:") or ""
        if number not in used and re.match(r'\d+,"",', text):
            return number
    raise Unasked("there is no context without an APN")


def without_apn(bench):
    number = _unused(bench)
    answer = bench.talk.ask("AT+QIACT=%d" % number, 150000)
    if answer.ok:
        bench.settle("empty_apn", "ok")
        bench.want("AT+QIDEACT=%d" % number, 40000)
    elif answer.error:
        error = bench.last_error()
        if error != 573:
            raise Unasked("it is refused for another reason (%d)" % error)
        bench.settle("empty_apn", "error")


def own_address(bench):
    if not active(bench):
        raise Unasked("no context is active")
    answer = bench.talk.ask("AT+QILOCIP", 3000)
    address = [line for line in answer.lines if re.fullmatch(r"[\d.]+", line)]
    if not address:
        raise Odd("it tells no address")
    bench.choose("qilocip_ok", answer.final, {"OK": "yes", "": "no"})
    bench.talk.alive()


def name_servers(bench):
    bench.want("AT+QIDNSCFG=%d" % PDP)
    number = _unused(bench)
    answer = bench.talk.ask("AT+QIDNSCFG=%d" % number)
    bench.choose("qidnscfg_inactive", answer.final, {"OK": "ok", "ERROR": "error"})


def look_up(bench):
    host = bench.options.server[0] if bench.options.server else bench.options.ntp
    if not host or re.fullmatch(r"[\d.]+", host):
        raise Unasked("needs a host name: --server or --ntp")
    seen = bench.talk.seen()
    bench.want('AT+QIDNSGIP=%d,"%s"' % (PDP, host), 60000)
    text = bench.talk.urc('+QIURC: "dnsgip"', _DNS_MS, seen)
    if text:
        bench.settle("dnsgip", "answers")
        bench.talk.settle(500)
    elif bench.options.server and bench.value("recv_trailer"):
        bench.settle("dnsgip", "hangs")  # the same name was found for a connection
    else:
        raise Unasked("nothing came within %d s: is the name known?" % (_DNS_MS // 1000))


_TIME = re.compile(r"(\d{2}|\d{4})/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")


def moment(text):
    # (seconds of the digits as if they were UTC, zone in quarters or None, digits of the year).
    found = _TIME.search(text or "")
    if not found:
        return None
    year = int(found[1]) + (0 if len(found[1]) == 4 else 2000)
    parts = [int(found[i]) for i in range(2, 7)]
    zone = None if found[7] is None else int(found[7])
    return calendar.timegm((year, *parts, 0, 0, 0)), zone, len(found[1])


def ntp(bench):
    server = bench.options.ntp
    if not server:
        raise Unasked("needs a time server: --ntp HOST")
    talk = bench.talk
    before = moment(bench.want("AT+CCLK?").field("+CCLK:"))
    if before is None:
        raise Unasked("AT+CCLK? shows no time")
    # A clock that is wrong by years, in a zone that nobody has: so it shows who sets it to what.
    bench.want('AT+CCLK="01/02/03,04:05:06%d"' % _ZONE)
    began = talk.port.now()
    seen = talk.seen()
    try:
        bench.want('AT+QNTP=%d,"%s"' % (PDP, server))
        text = talk.urc("+QNTP:", _NTP_MS, seen)
        now = bench.options.time()
        if text is None or not text.startswith("+QNTP: 0,"):
            raise Unasked("the time server does not answer (%s)" % (text or "nothing"))
        told = moment(text) if re.fullmatch(r'\+QNTP: 0,"[\d/,:+-]+"', text) else None
        if told is None:
            raise Odd("it writes %r" % text)
        bench.settle("qntp_year", "4" if told[2] == 4 else "2")
        _digits(bench, told, now)
        clock = moment(bench.want("AT+CCLK?").field("+CCLK:"))
        _written(bench, clock, now)
    finally:
        # The clock as it was, and what has passed since.
        seconds, zone, _ = before
        seconds += (talk.port.now() - began) // 1000
        text = time.strftime("%y/%m/%d,%H:%M:%S", time.gmtime(seconds))
        talk.ask('AT+CCLK="%s%+03d"' % (text, zone or 0))


def _near(a, b):
    return abs(a - b) < _NEAR_S


def _digits(bench, told, now):
    digits, zone, _ = told
    if zone is None:
        if _near(digits, now):
            bench.settle("qntp_digits", "bare")
    elif zone == 0:
        bench.open("qntp_digits", "the zone is 0: UTC and local time are the same")
    elif _near(digits, now):
        bench.settle("qntp_digits", "utc")
    elif not _near(digits, now + zone * 900):
        pass
    elif zone != _ZONE:
        bench.settle("qntp_digits", "network")
    elif re.search(r"\d", bench.talk.ask("AT+QLTS=1").field("+QLTS:") or ""):
        bench.settle("qntp_digits", "local")
    else:
        bench.open("qntp_digits", "the network has told no zone")


def _written(bench, clock, now):
    if clock is None:
        return
    digits, zone, _ = clock
    if digits < now - 86400 * 365:
        bench.settle("qntp_sets", "no")
        bench.open("rtc_digits", "AT+QNTP does not set the clock")
        return
    if _near(digits, now) or _near(digits, now + (zone or 0) * 900):
        bench.settle("qntp_sets", "yes")
        if not zone:
            bench.open("rtc_digits", "the zone is 0: UTC and local time are the same")
        elif _near(digits, now):
            bench.settle("rtc_digits", "utc")
        else:
            bench.settle("rtc_digits", "local")


PROBES = (
    (activate, ("busy_input",), 10),
    (registration, ("creg_style",), 1),
    (again, ("qiact_when_active",), 2),
    (without_apn, ("empty_apn",), 5),
    (own_address, ("qilocip_ok",), 3),
    (name_servers, ("qidnscfg_inactive",), 2),
    (ntp, ("qntp_year", "qntp_digits", "qntp_sets", "rtc_digits"), 10),
)
LATE = ((look_up, ("dnsgip",), 20),)  # behind the connections: they prove the name
