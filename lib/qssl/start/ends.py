# qssl.start.ends - where start() does not go on as it should: once more, or with which error.
# SPDX-License-Identifier: MIT
#
# Loaded by bringup then.

import errno

from micropython import const

from ..errors import Error, Refused
from ..wire.ascii import value

_DEACT_MS = const(10000)
_MOST = const(3)  # PDP contexts that can be active
_DROPS = const(4)  # restarts while it transmits, until that is what is wrong
_SLOW_MS = const(3400)  # as in bringup
_COMMANDS = const(45)  # that start() types at most, where nothing has to be mended ...
_SEARCH_MS = const(30000)  # ... and what comes before, of a slow modem
_NOTED_MS = const(1000)  # an answer that takes longer is said to be slow, if the time is over
_FAIR_MS = const(60000)  # to boot, read the SIM, register; less is said to be too short then


def again(step, e):
    # Generator. Whether a round that ended with the error e is to be done once more, as the modem
    # has restarted or gone in it. Raises if it does so too often.
    if isinstance(e, Refused) or step.over():
        again = False
    elif step.link.stats.restarts != step.restarts or e.errno == errno.ECONNRESET:
        again = True
    elif step.link.sick:
        return not step.over()
    else:
        again = False
        try:
            again = not (yield from step.kept())
        except Error:
            pass
    if again or (step.rounds and step.over()):
        step.rounds += 1
        step.drops += step.sends
        if step.drops >= _DROPS or step.over():
            when = "whenever it transmits" if step.drops > 1 else "while start() runs"
            hint = "the modem restarts %s (%d times); check its supply: 3.8 V that hold at "
            hint += "2 A, short thick wires, a capacitor at VBAT"
            raise Error(errno.EIO, "start", hint % (when, step.rounds))
    return again


def lost(step, question, prefix, good):
    # Generator. Whether a setting that does not show is forgotten, and takes again: the modem has
    # restarted. Firmware that says OK and never shows it proves nothing by it.
    if question.endswith(b"?"):
        yield from step.ask(question[:-1] + b"=" + good)
        shown = yield from step.shows(question, prefix)
        if shown is not None and shown != good:
            step.settings = [row for row in step.settings if row[0] != question]
            return False
    return True


def lose(step):
    # Generator: the contexts that another program has left go, if they are all that the modem can
    # have active at a time.
    modem = step.modem
    yield from step.ask(b"AT+QIACT?", b"+QIACT:")
    lines = [line for line in step.at.lines if value(line, 0, len(line), 1) == 1]
    if len(lines) >= _MOST:
        for line in lines:
            pdp = value(line, 0, len(line), 0)
            if pdp not in modem.pdps and pdp != step.pdp and not (modem.up and pdp == modem.pdp):
                yield from step.ask(b"AT+QIDEACT=%d" % pdp, None, _DEACT_MS)


def silent(step, line):
    # Raises: no answer came to `line`.
    if step.over() and step.late is not None:
        raise step.late()
    what = line[: (line.find(b"=") + 1 or len(line) + 1) - 1].decode()
    if step.over():
        hint = "no answer to %s within the time; " % what
        if step.given >= _FAIR_MS:
            hint += "give it more; if that is no help, "
        hint += "check the modem's power and the wires"
    elif step.link.sick:
        hint = "it stopped answering at %s; check its power and the wires" % what
    else:
        hint = "no answer to %s, each time it was asked, though it answers AT; are bytes lost on "
        hint = (hint + "the UART (RTS/CTS, rxbuf)? else restart the modem") % what
    raise Error(errno.ETIMEDOUT, "start", hint)


def failed(step, e):
    # The error e, as start() raises it.
    if isinstance(e, Refused) or not step.over():
        return e
    hint = e.hint
    if step.slow > _SLOW_MS:
        return slow(step)
    if step.slow >= _NOTED_MS:
        more = "; the modem takes %s s for each answer: give it more time, timeout_ms=%d000, or "
        more += "restart the modem"
        most = max(_COMMANDS * step.slow + _SEARCH_MS, 2 * step.given)
        hint += more % (_seconds(step.slow), most // 1000)
    elif step.given < _FAIR_MS:
        more = "give it more than %s s, a modem may need 60; if that is no help: "
        hint = more % _seconds(step.given) + hint
    return Error(e.errno, "start", hint, e.code)


def slow(step):
    # The error for a modem that is too slow.
    hint = "the modem takes %s s for an answer, too long for connections; restart it, check its "
    hint += "baud rate and who else uses it"
    return Error(errno.ETIMEDOUT, "start", hint % _seconds(step.slow))


def _seconds(ms):
    return "%d.%d" % (ms // 1000, ms % 1000 // 100)
