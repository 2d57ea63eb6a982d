# qssl.ntp - AT+QNTP for qssl.timekeeper, whose part it is; loaded by one that names servers.
# SPDX-License-Identifier: MIT

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .clock import get, parse, setting, unix
from .connect.arguments import printable, quoted
from .errors import Refused
from .wire import link as _l
from .wire.ascii import value

_AGREE_S = const(20)  # two servers
_NTP_MS = const(126000)  # AT+QNTP gives its result within 125 s
_CHECK_MS = const(30000)  # where the time is known already, and NTP is a second opinion
_LATE_S = const(60)  # a result that came later says little
_PAUSE_MS = const(2000)  # between two servers: a result that comes twice is the first one's
_ERA = const(2085978496)  # 2036-02-07 06:28:16, NTP's zero: a server without a time
_AGAIN_S = const(120)  # after the first time that NTP failed; it doubles up to every_s


class Ntp:
    #   due   seconds since power-up: not asked before
    #   many  whether there are two servers: two that agree can be two voices

    def __init__(self, keeper, servers, pdp):
        # Refused: a name that can't be.
        self._keeper = keeper
        try:
            servers = (servers,) if isinstance(servers, str) else servers
            self._servers = [_server(s) for s in servers]
        except (TypeError, AttributeError):
            _refuse()
        if pdp != keeper._modem.pdp:
            from .family.contexts import within

            within(keeper._modem, pdp)
        self.many = len({host for host, _ in self._servers}) > 1
        self._pdp = pdp
        self.due = 0
        self._wait = _AGAIN_S
        self._turn = 0  # the server that is asked first

    def agreed(self, check):
        # Generator: the seconds that two servers agree on, or None. check: there is no need for
        # them, so nothing is waited for long.
        keeper = self._keeper
        servers = self._servers
        n = len(servers)
        until = ticks_add(ticks_ms(), _CHECK_MS if check else max(n, 2) * (_NTP_MS + _PAUSE_MS))
        answers = []
        agreed = None
        for i in range(max(n, 2)):
            host, port = servers[(self._turn + i) % n]
            s = yield from self._ask(host, port, until)
            if ticks_diff(until, ticks_ms()) <= 0:
                break  # the modem may still be waiting for it, and refuses to ask another one
            if s is None or not keeper._modem.up:
                continue
            zero = s - keeper.up()
            for other in answers:
                if abs(other - zero) <= _AGREE_S:
                    agreed = zero
            if agreed is not None:
                break
            answers.append(zero)
        up = keeper.up()
        if agreed is None:
            self._turn += 1
            self.due = up + self._wait
            self._wait = min(self._wait * 2, keeper._every)
            if len(answers) > 1:
                keeper._note("ntp", answers[0] + up, "no two servers agree")
            return None
        self._wait = _AGAIN_S
        return agreed + up

    def _ask(self, host, port, until):
        # Generator: what one server says: AT+QNTP=<ctx>,<server>[,<port>], OK, then within 125 s
        # +QNTP: <err>[,<time>].
        keeper = self._keeper
        modem = keeper._modem
        name = "ntp " + host.decode()
        heard = _listener(modem)
        # An answer that comes twice must not stand for the next server's.
        before = heard.text
        pause = ticks_add(heard.came, _PAUSE_MS)
        while before and ticks_diff(pause, ticks_ms()) > 0 and (yield pause):
            pass
        shown = yield from get(modem, False)
        if shown is not None and shown[6]:
            # The answer may bear the clock's zone: without one it can only be UTC.
            yield from setting(modem, unix(*shown[:6]) - shown[6] * 900)
        heard.text = None
        start = keeper.up()
        line = b'AT+QNTP=%d,"%s"' % (self._pdp, host)
        if port:
            line += b",%d" % port
        if (yield from modem.at.ask(line)) != _l.OK:
            keeper._note(name, None, "refused, error %d" % modem.link.cme)
            return None
        due = ticks_add(ticks_ms(), _NTP_MS)
        for end in (until, modem.at.until):
            if end is not None and ticks_diff(end, due) < 0:
                due = end
        while modem.up:
            if heard.text == before and before and b"," in before:
                heard.text = None
            if heard.text is not None or not (yield due):
                break
        text = heard.text
        if text is None:
            keeper._note(name, None, "no answer")
            return None
        up = keeper.up()
        s, ahead = heard.seconds()
        known = keeper._zero
        if known is not None and s is not None:
            known += up
            if abs(s - known) > _AGREE_S and abs(s - ahead - known) <= _AGREE_S:
                # Local time, before the zone of the network; unless the clock, if the answer has
                # set it, says that the network is wrong by just its zone.
                shown = yield from get(modem, False)
                if not (shown and shown[6] and abs(unix(*shown[:6]) - ahead - s) <= _AGREE_S):
                    s -= ahead
        why = _doubt(keeper, s, text, up - start)
        if why:
            keeper._note(name, s, why)
            return None
        return s


def _doubt(keeper, s, text, took):
    # Why an answer is not believed, or None. took: seconds.
    if s is None:
        return "error " + printable(text, 0, min(len(text), 40))
    if took > _LATE_S:
        return "answered after %d s" % took
    if not keeper._from <= s < keeper._to:
        return "no year that can be"
    if 0 <= s - _ERA < _LATE_S:
        return "zero: it has no time itself"
    return None


class _Listener:
    # Hears "+QNTP: <err>[,<time>]". One for each modem, and from its first use on: an answer that
    # comes when nobody waits any more is a line that is known.
    text = None
    came = 0

    def __call__(self, buf, lo, hi):
        self.text = bytes(buf[lo + 6 : hi]).strip()
        self.came = ticks_ms()

    def seconds(self):
        # (what it is now by the answer, seconds by which its zone is ahead of UTC); None for the
        # first: an error. Digits are UTC behind any zone, as far as was seen.
        text = self.text
        at = text.find(b",")
        t = None if at < 0 or value(text, 0, at, 0) else parse(text[at + 1 :])
        if t is None:
            return None, 0
        passed = max(ticks_diff(ticks_ms(), self.came), 0) // 1000
        return unix(*t[:6]) + passed, t[6] * 900


def _listener(modem):
    for prefix, handler in modem.link.urcs:
        if prefix == b"+QNTP:":
            return handler
    handler = _Listener()
    modem.link.urcs += ((b"+QNTP:", handler),)
    return handler


def _server(text):
    # ("host", port or 0) of "host" or "host:port".
    host, _, port = text.partition(":")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        _refuse()
    if [1 for c in " ,;/*@" if c in host]:
        _refuse()
    return quoted(host, "clock", "ntp server"), int(port or 0)


def _refuse():
    hint = "ntp must be the name of a server, host or host:port, or a tuple of some"
    raise Refused(errno.EINVAL, "clock", hint)
