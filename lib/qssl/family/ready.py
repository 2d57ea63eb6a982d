# qssl.family.ready - what start() does with an LTE modem beside what it does with a UGxx.
# SPDX-License-Identifier: MIT
#
# Loaded by start() once the modem's name is known.

from ..wire import link as _l
from ..wire.ascii import value
from . import table

_ATTACH_MS = 10000

# A setting of TCP's, which a restart undoes. See qssl.family.witness.
MARK = (b'AT+QICFG="transpktsize"', b"+QICFG:", b'"transpktsize",1460')


def ready(step, settings):
    # Generator: URCs come to this port before anything waits for one; what another program has
    # set is put back. settings: what shows that the modem has not restarted; one more, if the
    # firmware has it.
    family = table(step.modem)
    shown = yield from step.shows(b'AT+QURCCFG="urcport"', b"+QURCCFG:")
    step.told_port = shown is not None
    if shown and shown.split(b",")[-1] not in (b'"%s"' % family.port, b'"all"'):
        yield from step.ask(b'AT+QURCCFG="urcport","%s"' % family.port)
    for setting in family.tcp.split(b"|"):
        yield from step.ask(b"AT+QICFG=" + setting)
    if family.psm:
        # It would switch itself off when nothing comes or goes for a while.
        shown = yield from step.shows(b"AT+CPSMS?", b"+CPSMS:")
        if shown and shown[:1] != b"0":
            yield from step.ask(b"AT+CPSMS=0")
    if family.cache:
        yield from step.ask(b'AT+QCFG="urc/cache",0')  # URCs are not held back
    mark = False
    question, prefix, good = MARK
    if (yield from step.ask(question + b",1460")) == _l.OK:
        mark = (yield from step.shows(question, prefix)) == good
    if mark:
        settings.append(MARK)
        step.mark = (MARK,)
    modem = step.modem
    if not hasattr(modem.link.witness, "lacks"):
        from .witness import attach

        attach(modem)
    modem.link.witness.booted(mark)


def radio(step):
    # Generator: as Bringup.radio(). One that is registered has its radio on, and a SIM that wants
    # nothing.
    step.sim = ""
    step.home = False
    for line in (yield from step.told(b"AT+CEREG?", b"+CEREG:")):
        step.home = value(line, 0, len(line), 1) in (1, 5)
    if not step.home:
        yield from type(step).radio(step)


def card(step):
    # Generator: as Bringup.card().
    if step.pin or not step.home:
        yield from type(step).card(step)


def network(step):
    # Generator: as Bringup.network().
    if step.home:
        step.denied = False
        return
    for line in (yield from step.told(b"AT+CEREG?", b"+CEREG:")):
        stat = value(line, 0, len(line), 1)
        if stat in (1, 5):
            step.denied = False
            return
        if not stat and (yield from step.shows(b"AT+CGATT?", b"+CGATT:")) == b"0":
            # Another program has detached it, which of LTE takes the registration too.
            yield from step.once(b"AT+CGATT=1", None, _ATTACH_MS)
            yield from step.heal(_ATTACH_MS)
    from ..start.radio import register

    yield from register(step)


def urcs(step):
    # Generator: as Bringup.urcs(). A first question that was refused may have been damaged.
    name = b'AT+QURCCFG="urcport"'
    if step.told_port or (yield from step.ask(name)) == _l.OK:
        from ..start.urcs import heard

        yield from heard(step, name + b",")
