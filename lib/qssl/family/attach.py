# qssl.family.attach - the PDP context of an LTE modem: the attach may have activated it already.
# SPDX-License-Identifier: MIT
#
# In the place of qssl.start.bringup's activate().

from ..start.network import acted, failing, hung_up
from ..wire import link as _l
from ..wire.ascii import value
from .contexts import within

_DEACT_MS = 10000  # the next try has twice as much
_LASTING = (33, 103, 106, 107, 132, 133, 149, 150, 573)  # as in bringup


def activate(step, apn, user, password, auth):
    modem = step.modem
    pdp = step.pdp
    within(modem, pdp)
    setting = b'"%s","%s","%s",%d' % (apn, user, password, auth)
    act = b"AT+QIACT=%d" % pdp
    wait = 1000
    last = step.lost = 0
    # Sockets said that it is gone: an address that is still shown may be an old one.
    stale = modem.gone == "network" and pdp == modem.pdp
    step.sends = True
    while True:
        if (yield from step.active()):
            if not stale and (yield from _fits(step, setting, apn)):
                return
            stale = False
            yield from _end(step)
            modem.lose(pdp)
        hint = "the modem refused APN, user or password"
        # IPv4; where the network has none of it alone, with IPv6.
        kind = 3 if last else 1
        yield from step.insist(b"AT+QICSGP=%d,%d,%s" % (pdp, kind, setting), hint)
        lost = step.lost
        result = yield from acted(step, act)
        if not result:
            return
        if step.lost == lost:
            if result != _l.OK:  # asked at once: the next command has a reason of its own
                step.code = (yield from failing(modem)) or step.code
            # ERROR may mean that it is active, as the modem does not let go of it.
            if (yield from step.active()):
                return
        if not (yield from step.kept()):
            step.at.fail(_l.RESTARTED, "start", "")
        if result < _l.TIMEOUT:
            why = step.cme or step.code
            if step.over() or (why == last and why in _LASTING):
                raise step.refused()
            if not last and (yield from step.attached()):
                last = -1
                continue
            last = why or -1
            yield from hung_up(step)
            yield from _end(step)
            yield from step.ends().lose(step)
            yield from step.pause(wait)
            wait = min(wait * 2, 16000)


def _fits(step, setting, apn):
    # Whether the active context is the one that is wanted, of IPv4 or both; without an APN, any.
    if not apn:
        return True
    yield from step.ask(b"AT+QICSGP=%d" % step.pdp, b"+QICSGP:")
    shown = step.at.lines[0].replace(b" ", b"") if step.at.lines else b""
    return shown[2:].lower().startswith(setting.lower())


def _end(step):
    # AT+QIDEACT does not always end it. On a network that allows one context, the address may
    # hang on another number, which AT+QIACT? does not show.
    modem = step.modem
    yield from step.ask(b"AT+QIDEACT=%d" % step.pdp, None, _DEACT_MS)
    if modem.dialect == "bg96":
        return  # some firmware of it hangs at AT+CGACT
    yield from step.ask(b"AT+CGACT?", b"+CGACT:")
    for line in step.at.lines:
        cid = value(line, 0, len(line), 0)
        if value(line, 0, len(line), 1) == 1 and cid not in modem.pdps:
            if cid == step.pdp or cid != modem.pdp:
                yield from step.ask(b"AT+CGACT=0,%d" % cid, None, _DEACT_MS)
