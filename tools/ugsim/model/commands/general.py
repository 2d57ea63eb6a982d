# ugsim.model.commands.general - V.250 commands and settings of the AT interface.
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.errors import OK, Refused

# Names that AT+QCFG takes, with their values at power-up.
_QCFG = {
    "stateurc/enable": "1",
    "urc/port": "",  # see routed()
    "urc/delay": "0",
    "nwscanmode": "0",
    "gprsattach": "1",
}


_PORTS = ("usbmodem", "usbat", "uart1", "cmux1", "cmux2", "cmux3", "cmux4")


def digits(args, high):
    # Number behind a basic command; none counts as 0.
    if not args.items:
        return 0
    if not decimal(args.items[0]):
        raise Refused
    return args.number(0, 0, high)


def ate(m, form, args):
    m.echo = digits(args, 1) == 1
    return OK


def atv(m, form, args):
    # 0: results in digits, without a line feed (V.250 6.2.6).
    m.verbose = digits(args, 1) == 1
    return OK


def atq(m, form, args):
    # 1: no results at all (V.250 6.2.5).
    m.quiet = digits(args, 1) == 1
    return OK


def tolerated(m, form, args):
    return OK


def at_d(m, form, args):
    # AT&D: what a drop of DTR does in transparent mode (manual 1.3).
    m.dtr_mode = digits(args, 2)
    return OK


def at_w(m, form, args):
    # AT&W: the settings that a restart keeps.
    m.saved = m.settings()
    m.saved_baud = m.port.setting
    return OK


def at_f(m, form, args):
    # AT&F: factory values, without a change of the baud rate under the host's feet.
    m.apply_settings(m.factory_settings())
    return OK


def atz(m, form, args):
    m.apply_settings(m.saved)
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
            raise Refused
        return OK

    return handler


def ctzu(m, form, args):
    # AT+CTZU: 1 the network's time goes into the clock; LTE: as UTC, with 3 as local time.
    if form == "test":
        m.out.info("+CTZU: " + ("(0,1,3)" if m.family.zone_most == 3 else "(0-1)"))
    elif form == "write":
        args.count(1, 1)
        value = args.number(0, 0, m.family.zone_most)
        if value == 2:
            raise Refused
        m.zone_update = value
    else:
        return _CTZU(m, form, args)
    return OK


_CTZU = setting("CTZU", 0, 1, "zone_update")
_QSCLK = [None, setting("QSCLK", 0, 1, "sleep_mode"), setting("QSCLK", 0, 2, "sleep_mode")]


def qsclk(m, form, args):
    # AT+QSCLK: 0 it never sleeps, 1 while DTR is not asserted, 2 whenever it can
    result = _QSCLK[m.family.sleep_most](m, form, args)
    m.port.stirs()
    return result


def qcfg(m, form, args):
    # AT+QCFG="<name>"[,<value>...]: kept and shown. "urc/port",<0|1>,"<port>" is obeyed, too.
    known = _QCFG if m.family.qcfg is None else m.family.qcfg
    if form == "test":
        for name in sorted(known):
            m.out.info('+QCFG: "%s"' % name)
        return OK
    if form != "write" or not len(args):
        raise Refused
    name = args.string(0).lower()
    if name not in known:
        raise Refused
    if len(args) == 1:
        value = m.qcfg.get(name, _QCFG.get(name, "0")) or '1,"%s"' % m.sw["at_port"]
        m.out.info('+QCFG: "%s",%s' % (name, value))
    elif name == "urc/port":
        args.count(3, 3)
        flag = args.number(1, 0, 1)
        port = args.string(2).lower()
        if port not in _PORTS:
            raise Refused
        m.qcfg[name] = '%d,"%s"' % (flag, port)
    else:
        m.qcfg[name] = ",".join(args.items[1:])
        if name == "urc/cache" and m.qcfg[name] != "1":
            m.out.uncache()
    return OK


def routed(m):
    # True when AT+QCFG="urc/port" sends the URCs to another port: 1 and its name, or 0 and the
    # name of this one. LTE: AT+QURCCFG.
    if m.family.ports is not None:
        return m.kept.get("urcport", m.sw["at_port"]) not in (m.sw["at_port"], "all")
    value = m.qcfg.get("urc/port")
    if value is None:
        return False
    return (value[0] == "1") != (value[3:-1] == m.sw["at_port"])


def remembered(m, qcfg):
    # What AT+QCFG has of its values after a restart.
    if "urc/port" in qcfg and m.sw["urc_port_kept"] == "yes":
        return {"urc/port": qcfg["urc/port"]}
    return {}


COMMANDS = {
    "E": ate,
    "V": atv,
    "Q": atq,
    "X": tolerated,
    "S": tolerated,
    "L": tolerated,
    "M": tolerated,
    "H": tolerated,
    "&C": tolerated,
    "&D": at_d,
    "&F": at_f,
    "&W": at_w,
    "Z": atz,
    "+CMEE": setting("CMEE", 0, 2, "cmee"),
    "+QISDE": setting("QISDE", 0, 1, "payload_echo"),
    "+QSCLK": qsclk,
    "+CTZU": ctzu,
    "+QCFG": qcfg,
}
