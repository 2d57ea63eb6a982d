# ugsim.model.commands.pdp - PDP contexts: configure, activate, deactivate (manual 1.2, 3.1).
# SPDX-License-Identifier: MIT

from ugsim.model.errors import ERROR, OK, TCPIP, Refused

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
        self.ip6 = ""
        self.dns = ["0.0.0.0", "0.0.0.0"]
        self.dns_set = False  # by AT+QIDNSCFG, not by the network


class Contexts:
    def __init__(self, model):
        self._m = model
        self.all = [None] + [Context(n) for n in range(1, model.family.contexts + 1)]
        self.plain = {}  # sockets without SSL: number -> (context, local port)
        self.drift = 0  # the context that has taken the address of another one (fault pdp_drift)
        self.stale = None  # what AT+QIACT? shows though it is no longer so
        for number, settings in model.kept.get("apn", {}).items():
            c = self.all[number]
            c.configured = True
            c.type, c.apn, c.user, c.password, c.auth = settings

    def active(self):
        return [c for c in self.all[1:] if c.active]

    def activated(self, c):
        c.active = True
        c.broken = False
        c.ip = "10.7.157.%d" % c.number  # manual 3.1.2 prints 10.7.157.1
        given = self._m.sw["addresses"]
        c.ip6 = "2001:db8::%d" % c.number if given != "4" and c.type > 1 else ""
        if given == "6" or c.type == 2:
            c.ip = ""
        if not c.dns_set:
            c.dns = ["10.7.157.253", "10.7.157.254"]
            if not c.ip:
                c.dns = ["2001:db8::253", "2001:db8::254"]
        self._m.event("pdp", "context %d active, %s" % (c.number, c.ip or c.ip6))

    def attached(self):
        # The network has taken the modem: on LTE that brings context 1.
        m = self._m
        c = self.all[1]
        if m.sw["auto_pdp"] == "yes" and not c.active and not c.broken and not self.drift:
            if not c.configured:
                c.type = 1 if m.sw["addresses"] == "4" else 3
            self.activated(c)

    def drifts(self, number, stale):
        # The address of context 1 goes over to another one, and AT+QIACT fails.
        m = self._m
        c = self.all[1]
        if c.active:
            self.stale = _shown(c) if stale else None
            m.sockets.context_lost(1, False)
            c.active = False
            c.ip = c.ip6 = ""
            self._close(c)
        self.drift = number
        m.event("pdp", "context 1 has drifted to %d" % number)

    def settled(self):
        # AT+CGACT=0 of the context that it has drifted to.
        self.drift = 0
        self.stale = None

    def deactivated(self, c):
        c.active = False
        c.broken = False
        c.ip = c.ip6 = ""
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
        c.ip = c.ip6 = ""
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
        shown = (m.family.contexts, m.family.pdp_types, m.family.auth_most)
        m.out.info("+QICSGP: (1-%d),%s,<APN>,<username>,<password>,(0-%d)" % shown)
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 6)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
    if len(args) == 1:
        m.out.info('+QICSGP: %d,"%s","%s","%s",%d' % (c.type, c.apn, c.user, c.password, c.auth))
        return OK
    kind = args.number(1, 1, 3 if m.family.lte else 1)
    apn = args.string(2, longest=99)
    if m.phone.get("CSCS") == "UCS2":
        apn = _ucs2(apn)
    user = args.string(3, "", 127)
    password = args.string(4, "", 127)
    auth = args.number(5, 0, m.family.auth_most, 0)
    c.configured = True
    c.type, c.apn, c.user, c.password, c.auth = kind, apn, user, password, auth
    if m.sw["apn_kept"] == "yes":
        m.kept.setdefault("apn", {})[c.number] = (kind, apn, user, password, auth)
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
        m.out.info("+QIACT: (1-%d)" % m.family.contexts)
        return OK
    if form == "read":
        if m.pdp.stale:
            m.out.info(m.pdp.stale)
        for c in m.pdp.active():
            m.out.info(_shown(c))
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 1)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
    if m.pdp.drift:
        raise Refused(572)
    if c.active:
        if m.sw["qiact_when_active"] == "ok":
            return OK
        raise Refused(572)
    if c.broken:
        raise Refused(572)
    if not c.apn and m.sw["empty_apn"] == "error" and not m.family.lte:
        raise Refused(573)
    if len(m.pdp.active()) >= m.family.most_active:
        raise Refused(561)
    m.timers.at(m.now + m.sw["act_ms"], lambda: _activate(m, c))
    return None


def _shown(c):
    # A line of AT+QIACT?: an address, or both of them.
    found = ",".join(['"%s"' % address for address in (c.ip, c.ip6) if address])
    return "+QIACT: %d,1,%d,%s" % (c.number, c.type, found)


def _activate(m, c):
    fault = m.faults.hit("act_error")
    if fault is not None:
        m.last_error = fault.number("code")
        m.finish(ERROR)
    elif not (m.radio.up() and m.radio.attached) or (m.sw["addresses"] == "6" and c.type == 1):
        m.last_error = 561
        m.finish(ERROR)
    else:
        m.pdp.activated(c)
        m.finish(OK)


def qideact(m, form, args):
    # AT+QIDEACT: closes the context's sockets, answers within 40 s (manual 3.1.3)
    if form == "test":
        m.out.info("+QIDEACT: (1-%d)" % m.family.contexts)
        return OK
    if form != "write":
        raise Refused(552)
    args.count(1, 1)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
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
        m.out.info("+QIOPEN: (1-%d),(0-%d)" % (m.family.contexts, _PLAIN - 1))
        return OK
    if form != "write":
        raise Refused(552)
    args.count(5, 7)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
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
            context = args.number(1, 1, m.family.contexts)
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
