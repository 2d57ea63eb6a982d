# ugsim.model.commands.pdp - PDP contexts: configure, activate, deactivate (manual 1.2, 3.1).
# SPDX-License-Identifier: MIT

from ugsim.model.errors import ERROR, OK, TCPIP, Refused

COUNT = 20  # manual 2.2.2: <pdpctxID> 1-20
_MOST_ACTIVE = 3
_PLAIN = 12  # sockets without SSL


class Context:
    def __init__(self, number):
        self.number = number
        self.configured = False
        self.type = 1
        self.apn = ""
        self.user = ""
        self.password = ""
        self.auth = 0
        self.active = False
        self.broken = False  # lost by the network: QIDEACT has to come before QIACT
        self.ip = ""
        self.dns = ["0.0.0.0", "0.0.0.0"]
        self.dns_set = False  # by AT+QIDNSCFG, not by the network


class Contexts:
    def __init__(self, model):
        self._m = model
        self.all = [None] + [Context(n) for n in range(1, COUNT + 1)]
        self.plain = {}  # sockets without SSL: number -> (context, local port)

    def active(self):
        return [c for c in self.all[1:] if c.active]

    def activated(self, c):
        c.active = True
        c.broken = False
        c.ip = "10.7.157.%d" % c.number  # manual 3.1.2 prints 10.7.157.1
        if not c.dns_set:
            c.dns = ["10.7.157.253", "10.7.157.254"]
        self._m.event("pdp", "context %d active, %s" % (c.number, c.ip))

    def deactivated(self, c):
        c.active = False
        c.broken = False
        c.ip = ""
        self._close(c)
        self._m.event("pdp", "context %d inactive" % c.number)

    def _close(self, c):
        for n in [n for n in self.plain if self.plain[n][0] == c.number]:
            del self.plain[n]

    def drop(self, number, urc):
        # The network takes the context away. Its sockets die (manual 2.3.2).
        c = self.all[number]
        if not c.active:
            return False
        c.active = False
        c.broken = True
        c.ip = ""
        self._close(c)
        m = self._m
        m.event("pdp", "context %d lost" % number)
        m.sockets.context_lost(number, urc and m.sw["pdpdeact_also_closed"] == "yes")
        if urc:
            m.out.tell("pdpdeact", '+QIURC: "pdpdeact",%d' % number)
        return True


def qicsgp(m, form, args):
    # AT+QICSGP=<ctx>[,<type>,"<apn>"[,"<user>","<password>"[,<auth>]]] (manual 3.1.1)
    if form == "test":
        m.out.info("+QICSGP: (1-%d),(1),<APN>,<username>,<password>,(0-3)" % COUNT)
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 6)
    c = m.pdp.all[args.number(0, 1, COUNT)]
    if len(args) == 1:
        m.out.info('+QICSGP: %d,"%s","%s","%s",%d' % (c.type, c.apn, c.user, c.password, c.auth))
        return OK
    kind = args.number(1, 1, 1)
    apn = args.string(2, longest=99)
    if m.phone.get("CSCS") == "UCS2":
        apn = _ucs2(apn)
    user = args.string(3, "", 127)
    password = args.string(4, "", 127)
    auth = args.number(5, 0, 3, 0)
    c.configured = True
    c.type, c.apn, c.user, c.password, c.auth = kind, apn, user, password, auth
    return OK


def _ucs2(text):
    # Text that was written in hexadecimal UCS2, or what a modem reads that is told it was.
    try:
        return "".join([chr(int(text[i : i + 4], 16)) for i in range(0, len(text), 4)])
    except ValueError:
        raise Refused(552)


def qiact(m, form, args):
    # AT+QIACT: answers within 150 s (manual 3.1.2)
    if form == "test":
        m.out.info("+QIACT: (1-%d)" % COUNT)
        return OK
    if form == "read":
        for c in m.pdp.active():
            m.out.info('+QIACT: %d,1,%d,"%s"' % (c.number, c.type, c.ip))
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 1)
    c = m.pdp.all[args.number(0, 1, COUNT)]
    if c.active:
        if m.sw["qiact_when_active"] == "ok":
            return OK
        raise Refused(572)
    if c.broken:
        raise Refused(572)
    if not c.apn and m.sw["empty_apn"] == "error":
        raise Refused(573)
    if len(m.pdp.active()) >= _MOST_ACTIVE:
        raise Refused(561)
    m.timers.at(m.now + m.sw["act_ms"], lambda: _activate(m, c))
    return None


def _activate(m, c):
    fault = m.faults.hit("act_error")
    if fault is not None:
        m.last_error = fault.number("code")
        m.finish(ERROR)
    elif not m.radio.up():
        m.last_error = 561
        m.finish(ERROR)
    else:
        m.pdp.activated(c)
        m.finish(OK)


def qideact(m, form, args):
    # AT+QIDEACT: closes the context's sockets, answers within 40 s (manual 3.1.3)
    if form == "test":
        m.out.info("+QIDEACT: (1-%d)" % COUNT)
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 1)
    c = m.pdp.all[args.number(0, 1, COUNT)]
    fault = m.faults.hit("deact_error")
    if fault is not None:
        raise Refused(fault.number("code"))
    m.sockets.context_closed(c.number)
    if c.active or c.broken:
        m.pdp.deactivated(c)
    return OK


def qilocip(m, form, args):
    # AT+QILOCIP (manual 1.2, step 2): the address of the first active context as a bare line
    if form == "test":
        return OK
    if form != "exec":
        raise Refused
    active = m.pdp.active()
    if not active:
        raise Refused(572)
    m.out.info(active[0].ip)
    if m.sw["qilocip_ok"] == "no":
        m.runner.done()
        return None
    return OK


def qiopen(m, form, args):
    # AT+QIOPEN of a UDP service, which waits on a port of its own; no other plain socket is known
    if form == "test":
        m.out.info("+QIOPEN: (1-%d),(0-%d)" % (COUNT, _PLAIN - 1))
        return OK
    if form != "write":
        raise Refused(552)
    args.count(5, 7)
    c = m.pdp.all[args.number(0, 1, COUNT)]
    number = args.number(1, 0, _PLAIN - 1)
    if args.string(2).upper() != "UDP SERVICE":
        raise Refused(555)
    args.string(3)
    args.number(4, 0, 65535)
    port = args.number(5, 0, 65535, 0)
    args.number(6, 0, 1, 0)
    if not c.active:
        raise Refused(572)
    if number in m.pdp.plain:
        raise Refused(563)
    m.pdp.plain[number] = (c.number, port)
    m.finish(OK, lambda: m.out.urc("+QIOPEN: %d,0" % number))
    return None


def qiclose(m, form, args):
    if form == "test":
        m.out.info("+QICLOSE: (0-%d),(0-65535)" % (_PLAIN - 1))
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 2)
    m.pdp.plain.pop(args.number(0, 0, _PLAIN - 1), None)
    return OK


def qistate(m, form, args):
    # AT+QISTATE: the sockets that are not SSL
    if form == "test":
        m.out.info("+QISTATE: (0,1),(0-11)")
        return OK
    context = number = None
    if form == "write":
        args.count(1, 2)
        if args.number(0, 0, 1):
            number = args.number(1, 0, 11)
        else:
            context = args.number(1, 1, COUNT)
    for n in sorted(m.pdp.plain):
        c, port = m.pdp.plain[n]
        if number in (None, n) and context in (None, c):
            where = (n, m.pdp.all[c].ip, port, c, n, m.sw["at_port"])
            m.out.info('+QISTATE: %d,"UDP SERVICE","%s",0,%d,3,%d,%d,0,"%s"' % where)
    return OK


def qigeterror(m, form, args):
    # AT+QIGETERROR: the last TCP/IP or SSL command's result code (manual 2.2.2)
    if form == "test":
        return OK
    if form != "exec":
        raise Refused(552)
    blank = " " if m.sw["geterror_space"] == "yes" else ""
    text = TCPIP.get(m.last_error, TCPIP[550])
    m.out.info("+QIGETERROR: %d,%s%s" % (m.last_error, blank, text))
    return OK


COMMANDS = {
    "+QICSGP": qicsgp,
    "+QIACT": qiact,
    "+QIDEACT": qideact,
    "+QILOCIP": qilocip,
    "+QISTATE": qistate,
    "+QIOPEN": qiopen,
    "+QICLOSE": qiclose,
    "+QIGETERROR": qigeterror,
}
