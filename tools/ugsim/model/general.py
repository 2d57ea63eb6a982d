# ugsim.model.general - V.250 commands and settings of the AT interface.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused


def _flag(args, high):
    # Digits of a basic command: "" counts as 0.
    text = args.items[0] if args.items else "0"
    if int(text) > high:
        raise Refused()
    return int(text)


def ate(m, form, args):
    m.echo = _flag(args, 1) == 1
    return OK


def atv(m, form, args):
    # Verbose results only; numeric ones (ATV0) are refused rather than half done.
    if _flag(args, 1) == 0:
        raise Refused(4)
    return OK


def atq(m, form, args):
    if _flag(args, 1) == 1:
        raise Refused(4)
    return OK


def tolerated(m, form, args):
    return OK


def atd(m, form, args):
    # AT&D: what a drop of DTR does in transparent mode (manual 1.3).
    m.dtr_mode = _flag(args, 2)
    return OK


def setting(name, low, high, attribute):
    # Handler for AT+NAME?, =? and =<number> kept in a model attribute.
    def handler(m, form, args):
        if form == "test":
            m.out.info("+%s: (%d-%d)" % (name, low, high))
        elif form == "read":
            m.out.info("+%s: %d" % (name, getattr(m, attribute)))
        elif form == "write":
            args.count(1, 1)
            setattr(m, attribute, args.number(0, low, high))
        else:
            raise Refused()
        return OK

    return handler


COMMANDS = {
    "E": ate,
    "V": atv,
    "Q": atq,
    "X": tolerated,
    "&C": tolerated,
    "&D": atd,
    "&W": tolerated,
    "Z": tolerated,
    "+CMEE": setting("CMEE", 0, 2, "cmee"),
    "+QISDE": setting("QISDE", 0, 1, "payload_echo"),
}
