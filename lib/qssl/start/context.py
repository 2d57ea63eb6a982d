# qssl.start.context - a PDP context: APN and account checked, configured, activated (manual 3.1).
# SPDX-License-Identifier: MIT
#
# Loaded by start() twice, and let go in between: what can't be right is refused before anything is
# sent.

import errno

from micropython import const

from ..connect.arguments import optional
from ..errors import Refused
from ..wire import link as _l
from ..wire.dialect import DEACT_MS
from .network import acted, failing, hung_up

# Why a PDP context is refused that no second try changes: what is not subscribed, not known or not
# right (27.007 9.2), no APN.
_LASTING = const((33, 103, 106, 107, 132, 133, 149, 150, 573))


def settings(apn, user, password, auth):
    if auth not in (0, 1, 2, 3):
        raise Refused(errno.EINVAL, "start", "auth must be 0 (none), 1 (PAP), 2 (CHAP) or 3")
    apn = optional(apn, "start", "apn", 99)
    user = optional(user, "start", "user", 127)
    password = optional(password, "start", "password", 127)
    if b" " in apn:
        raise Refused(errno.EINVAL, "start", "apn holds a blank; no APN has one")
    for c in b":/*#,;=\\":  # an address, a number to dial, a list, a setting
        if c in apn:
            raise Refused(errno.EINVAL, "start", "apn holds a %s; no APN has one" % chr(c))
    if (user or password) and not auth:
        hint = "user and password need auth=1 (PAP) or 2 (CHAP), else they are not used"
        raise Refused(errno.EINVAL, "start", hint)
    if password and not user:
        raise Refused(errno.EINVAL, "start", "a password needs a user")
    return apn, user, password, auth


def number(pin):
    # The PIN as bytes; refused at once if it can be none.
    pin = optional(pin, "start", "pin", 8)
    if pin and (len(pin) < 4 or not pin.isdigit()):
        raise Refused(errno.EINVAL, "start", "pin must be 4 to 8 digits")
    return pin


def activate(step, apn, user, password, auth):
    # Generator.
    pdp = step.pdp
    setting = b'1,"%s","%s","%s",%d' % (apn, user, password, auth)
    act = b"AT+QIACT=%d" % pdp
    wait = 1000
    last = step.lost = 0
    step.sends = True
    while True:
        if (yield from step.active()):
            yield from step.ask(b"AT+QICSGP=%d" % pdp, b"+QICSGP:")
            if step.at.lines and step.at.lines[0].replace(b" ", b"") == setting:
                return
            yield from step.ask(b"AT+QIDEACT=%d" % pdp, None, DEACT_MS)
            step.modem.lose(pdp)
        hint = "the modem refused APN, user or password"
        yield from step.insist(b"AT+QICSGP=%d,%s" % (pdp, setting), hint)
        result = yield from acted(step, act)
        if not result or (result == _l.OK and (yield from step.active())):
            return
        if not (yield from step.kept()):
            step.at.fail(_l.RESTARTED, "start", "")
        if result < _l.TIMEOUT:
            step.code = (yield from failing(step.modem)) or step.code
            # Twice, as a digit of it may have been lost.
            why = step.cme or step.code
            if step.over() or (why == last and why in _LASTING):
                raise step.refused()
            last = why
            if wait == 1000 and not step.denied and (yield from step.attached()):
                wait += 1
                continue
            yield from hung_up(step)
            yield from step.ends().lose(step)
            yield from step.ask(b"AT+QIDEACT=%d" % pdp, None, 10000)
            yield from step.pause(wait)
            wait = min(wait * 2, 16000)
