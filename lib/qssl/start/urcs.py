# qssl.start.urcs - URCs that another program sent to another port of the modem come back to this
# one.
# SPDX-License-Identifier: MIT
#
# Loaded by start() where the firmware knows AT+QCFG="urc/port", of LTE modems AT+QURCCFG. The
# setting alone does not tell whether it is right, as nothing says which port this one is: so a URC
# is asked for, and only if it does not come, or can't be asked for, a socket that talks to nobody
# (UDP, on the modem's own address) tells the port's name.

from time import ticks_add, ticks_ms

from micropython import const

from ..wire import link as _l
from ..wire.ascii import field, value
from ..wire.dialect import ID_MAX

_WAIT_MS = const(3000)
_ASKED = const(b'+QIURC: "dnsgip"')


class _Ear:
    heard = False

    def __call__(self, buf, lo, hi):
        self.heard = True


def mend(step):
    # Generator, with the PDP context active.
    name = b'AT+QCFG="urc/port"'
    if (yield from step.ask(name)) == _l.OK:
        yield from heard(step, name + b",1,")


def heard(step, name):
    # Generator: URCs come here, or name=<this port> is set.
    known = yield from _heard(step)
    if known:
        return
    port = yield from _port(step)
    if port and known is None:  # the setting is written only if it is another one
        at = name.rfind(b'"') + 1
        yield from step.ask(name[:at], name[2 : name.find(b"=")] + b":")
        if [line for line in step.at.lines if line.rstrip().endswith(name[at:] + port)]:
            return
    if port:
        yield from step.ask(name + port)


def _heard(step):
    # Whether a URC comes that was asked for; None: it can't be asked for.
    link = step.link
    ear = _Ear()
    entry = (_ASKED, ear)
    link.urcs = (entry,) + link.urcs
    try:
        if (yield from step.ask(b'AT+QIDNSGIP=%d,"127.0.0.1"' % step.pdp)) != _l.OK:
            return None
        due = ticks_add(ticks_ms(), step.left(_WAIT_MS))
        while not ear.heard and (yield due):
            pass
    finally:
        link.urcs = tuple([row for row in link.urcs if row is not entry])
    return ear.heard


def _port(step):
    # The name of this port of the modem, in its quotes; b"" if it does not tell.
    port = b""
    line = b'AT+QIOPEN=%d,%d,"UDP SERVICE","127.0.0.1",0,3030,0' % (step.pdp, ID_MAX)
    if (yield from step.ask(line)) == _l.OK:
        yield from step.ask(b"AT+QISTATE=1,%d" % ID_MAX, b"+QISTATE:")
        for line in step.at.lines:
            n = len(line)
            if value(line, 0, n, 0) == ID_MAX:
                port = line[field(line, 0, n, 9) : field(line, 0, n, 10) - 1].strip()
        yield from step.ask(b"AT+QICLOSE=%d" % ID_MAX, None, 11000)
    return port if port[:1] == b'"' else b""
