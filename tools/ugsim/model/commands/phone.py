# ugsim.model.commands.phone - what other drivers ask and set at their start, though no SSL
# connection needs it: SIM detection, SMS, calls, character set.
# SPDX-License-Identifier: MIT
#
# Settings are kept until a restart and shown; no SMS is stored and no call comes.

from ugsim.model.commands.identity import line
from ugsim.model.errors import OK, Refused

# name -> (values at power-up, ranges (low, high) of what can be set)
_NUMBERS = {
    "CMGF": ((0,), ((0, 1),)),
    "CNMI": ((2, 1, 0, 0, 0), ((0, 2), (0, 3), (0, 3), (0, 2), (0, 1))),
    "CSDH": ((0,), ((0, 1),)),
    "CSMP": ((17, 167, 0, 0), ((0, 255), (0, 255), (0, 255), (0, 255))),
    "CRC": ((0,), ((0, 1),)),
    "COLP": ((0,), ((0, 1),)),
    "CSSN": ((0, 0), ((0, 1), (0, 1))),
    "CGEREP": ((0, 0), ((0, 2), (0, 1))),
    "QSIMDET": ((0, 0), ((0, 1), (0, 1))),
}
_CHARACTERS = ("GSM", "IRA", "UCS2")
_UCS2 = {"00470053004D": "GSM", "004900520041": "IRA", "0055004300530032": "UCS2"}
_INDICATIONS = ("all", "csq", "smsfull", "ring", "smsincoming")
_MEMORIES = ("SM", "ME", "MT")
_SMS_ROOM = 50


def _numbers(name):
    # Handler of a setting of one or more numbers; those left out stay as they are.
    start, ranges = _NUMBERS[name]

    def handler(m, form, args):
        values = m.phone.get(name, start)
        if form == "test":
            m.out.info("+%s: %s" % (name, ",".join(["(%d-%d)" % pair for pair in ranges])))
        elif form == "read":
            m.out.info("+%s: %s" % (name, ",".join([str(value) for value in values])))
        elif form == "write":
            args.count(1, len(ranges))
            new = []
            for i in range(len(ranges)):
                new.append(args.number(i, ranges[i][0], ranges[i][1], values[i]))
            m.phone[name] = tuple(new)
        else:
            raise Refused
        return OK

    return handler


def qsimstat(m, form, args):
    # AT+QSIMSTAT: <URC when the card comes or goes>,<0 no card, 1 card>
    if form == "test":
        m.out.info("+QSIMSTAT: (0,1)")
    elif form == "read":
        inserted = 0 if m.sim.state == "none" else 1
        m.out.info("+QSIMSTAT: %d,%d" % (m.phone.get("QSIMSTAT", 0), inserted))
    elif form == "write":
        args.count(1, 1)
        m.phone["QSIMSTAT"] = args.number(0, 0, 1)
    else:
        raise Refused
    return OK


def cscs(m, form, args):
    # AT+CSCS (27.007 5.5): how strings are read. In UCS2 they are hexadecimal; whether this one is
    # too, the switch cscs_name says.
    if form == "test":
        m.out.info("+CSCS: (%s)" % ",".join(['"%s"' % name for name in _CHARACTERS]))
    elif form == "read":
        m.out.info('+CSCS: "%s"' % m.phone.get("CSCS", "GSM"))
    elif form == "write":
        args.count(1, 1)
        name = args.string(0).upper()
        if m.phone.get("CSCS") == "UCS2":
            name = _UCS2.get(name, "" if m.sw["cscs_name"] == "hex" else name)
        if name not in _CHARACTERS:
            raise Refused
        m.phone["CSCS"] = name
    else:
        raise Refused
    return OK


def cpms(m, form, args):
    # AT+CPMS (27.005 3.2.2): where messages are kept
    chosen = m.phone.get("CPMS", ("SM", "SM", "SM"))
    if form == "test":
        names = "(%s)" % ",".join(['"%s"' % name for name in _MEMORIES])
        m.out.info("+CPMS: %s,%s,%s" % (names, names, names))
        return OK
    m.sim.need()
    if form == "read":
        shown = ['"%s",0,%d' % (name, _SMS_ROOM) for name in chosen]
        m.out.info("+CPMS: " + ",".join(shown))
    elif form == "write":
        args.count(1, 3)
        new = []
        for i in range(3):
            name = args.string(i, chosen[i]).upper()
            if name not in _MEMORIES:
                raise Refused
            new.append(name)
        m.phone["CPMS"] = tuple(new)
        m.out.info("+CPMS: " + ",".join(["0,%d" % _SMS_ROOM] * 3))
    else:
        raise Refused
    return OK


def cmgd(m, form, args):
    # AT+CMGD=<index>[,<which>] (27.005 3.5.4)
    if form == "test":
        m.out.info("+CMGD: (0-%d),(0-4)" % (_SMS_ROOM - 1))
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    args.number(0, 0, _SMS_ROOM - 1)
    args.number(1, 0, 4, 0)
    m.sim.need()
    return OK


def cmgl(m, form, args):
    # AT+CMGL[=<which>] (27.005 3.4.2): there are none
    if form == "read":
        raise Refused
    args.count(0, 1)
    if form != "test":
        m.sim.need()
    return OK


def csca(m, form, args):
    # AT+CSCA (27.005 3.3.1): the service centre, which the SIM keeps
    if form == "test":
        return OK
    m.sim.need()
    if form == "read":
        m.out.info('+CSCA: "%s",%d' % m.phone.get("CSCA", ("+4900000000", 145)))
    elif form == "write":
        args.count(1, 2)
        number = args.string(0, longest=20)
        m.phone["CSCA"] = (number, args.number(1, 0, 255, 145 if number[:1] == "+" else 129))
    else:
        raise Refused
    return OK


def _shown(name, second):
    # Handler of AT+CLIP, AT+CLIR and the like: a setting, and what the network has of it.
    def handler(m, form, args):
        if form == "test":
            m.out.info("+%s: (0,1)" % name)
        elif form == "read":
            m.out.info("+%s: %d,%d" % (name, m.phone.get(name, 0), second))
        elif form == "write":
            args.count(1, 1)
            m.phone[name] = args.number(0, 0, 1)
        else:
            raise Refused
        return OK

    return handler


def cusd(m, form, args):
    # AT+CUSD (27.007 7.15): whether replies are shown. Nobody answers a request.
    if form == "test":
        m.out.info("+CUSD: (0-2)")
    elif form == "read":
        m.out.info("+CUSD: %d" % m.phone.get("CUSD", 0))
    elif form == "write":
        args.count(1, 1)
        m.phone["CUSD"] = args.number(0, 0, 2)
    else:
        raise Refused
    return OK


def clck(m, form, args):
    # AT+CLCK="SC",2 (27.007 7.4): whether the SIM asks for a PIN. It can't be changed here.
    if form == "test":
        m.out.info('+CLCK: ("SC")')
        return OK
    if form != "write":
        raise Refused
    args.count(2, 3)
    if args.string(0).upper() != "SC" or args.number(1, 0, 2) != 2:
        raise Refused(4)
    if m.sim.state == "none":
        raise Refused(10)
    m.out.info("+CLCK: %d" % (1 if m.sw["sim"] == "pin" else 0))
    return OK


def cgdcont(m, form, args):
    # AT+CGDCONT (27.007 10.1.1). The contexts of AT+QICSGP are what counts.
    defined = m.phone.get("CGDCONT", {})
    if form == "test":
        for kind in ("IP", "IPV6", "IPV4V6") if m.family.lte else ("IP",):
            m.out.info('+CGDCONT: (1-%d),"%s",,,(0),(0)' % (m.family.contexts, kind))
    elif form == "read":
        for number in sorted(defined):
            m.out.info('+CGDCONT: %d,"%s","%s","",0,0' % ((number,) + defined[number]))
    elif form == "write":
        args.count(1, 6)
        number = args.number(0, 1, m.family.contexts)
        defined = dict(defined)
        if len(args) == 1:
            defined.pop(number, None)
        else:
            kind = args.string(1).upper()
            if kind not in (("IP", "IPV6", "IPV4V6") if m.family.lte else ("IP",)):
                raise Refused
            defined[number] = (kind, args.string(2, "", 99))
        m.phone["CGDCONT"] = defined
    else:
        raise Refused
    return OK


def qindcfg(m, form, args):
    # AT+QINDCFG="<indication>"[,<0|1>[,<1 to keep it>]]: kept and shown; "all" is every URC, and
    # none of the others comes here
    if form == "test":
        for name in _INDICATIONS:
            m.out.info('+QINDCFG: "%s",(0,1),(0,1)' % name)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 3)
    name = args.string(0).lower()
    if name not in _INDICATIONS:
        raise Refused
    key = "QINDCFG " + name
    if len(args) == 1:
        m.out.info('+QINDCFG: "%s",%d' % (name, m.phone.get(key, 0 if name == "csq" else 1)))
    else:
        m.phone[key] = args.number(1, 0, 1)
        args.number(2, 0, 1, 0)
    return OK


COMMANDS = {
    "+QSIMSTAT": qsimstat,
    "+CSCS": cscs,
    "+CPMS": cpms,
    "+CMGD": cmgd,
    "+CMGL": cmgl,
    "+CSCA": csca,
    "+CLIP": _shown("CLIP", 1),
    "+CLIR": _shown("CLIR", 4),
    "+CUSD": cusd,
    "+CLCK": clck,
    "+CGDCONT": cgdcont,
    "+QINDCFG": qindcfg,
    "+CPAS": line("+CPAS: 0"),
    "+CLCC": line("", True),
    "+CNUM": line("", True),
    "+GCAP": line("+GCAP: +CGSM"),
    "+CBC": line("+CBC: 0,80,3900"),
}
for _name in _NUMBERS:
    COMMANDS["+" + _name] = _numbers(_name)
