# ugsim.model.commands.dns - DNS servers of a PDP context and name look-up (manual 1.5, item 2).
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.errors import OK, Refused

_LIMIT_MS = 60000  # AT+QIDNSGIP gives its URC within this time
_TTL = 600
_UNUSABLE = ("0.0.0.0", "255.255.255.255")


def is_address(text):
    # True for a dotted IPv4 address.
    parts = text.split(".")
    if len(parts) != 4:
        return False
    for part in parts:
        if not decimal(part) or len(part) > 3 or int(part) > 255:
            return False
    return True


class Dns:
    def __init__(self, model):
        self._m = model
        self.lookup = None  # what is under way: poll() has to be called
        self._timer = None

    def can_resolve(self, host, context):
        # False when the context has no usable DNS server for a name.
        if is_address(host):
            return True
        if self._m.network.dns_dead:
            return False
        for server in self._m.pdp.all[context].dns:
            if (":" in server or is_address(server)) and server not in _UNUSABLE:
                return True
        return False

    def busy(self):
        return self.lookup is not None

    def start(self, host, context):
        # Looks host up; the URCs come later, or never (switch dnsgip).
        m = self._m
        if m.sw["dnsgip"] == "hangs":
            return
        self._timer = m.timers.at(m.now + _LIMIT_MS, lambda: self._answer(565, []))
        if is_address(host):
            self.lookup = _Known(0, [host])
        elif not self.can_resolve(host, context):
            self.lookup = _Known(565, [])
        else:
            self.lookup = m.net.resolve(host, m.now)

    def poll(self):
        if self.lookup is None or not self._m.radio.up():
            return
        result = self.lookup.poll()
        if result is not None:
            self._answer(result[0], result[1])

    def _answer(self, error, addresses):
        m = self._m
        m.timers.cancel(self._timer)
        lookup = self.lookup
        self.lookup = None
        if error:
            m.out.tell("dnsgip", '+QIURC: "dnsgip",%d' % error)
            return
        if m.sw["dns_addresses"] == "46" and not isinstance(lookup, _Known):
            addresses = list(addresses) + ["2001:db8::77"]
        ttl = 0 if m.family.lte and isinstance(lookup, _Known) else _TTL
        m.out.tell("dnsgip", '+QIURC: "dnsgip",0,%d,%d' % (len(addresses), ttl))
        for address in addresses:
            m.out.tell("dnsgip", '+QIURC: "dnsgip","%s"' % address)

    def reset(self):
        self.lookup = None


class _Known:
    # A look-up whose result is known.

    def __init__(self, error, addresses):
        self._result = (error, addresses)

    def poll(self):
        return self._result


def qidnscfg(m, form, args):
    # AT+QIDNSCFG=<ctx>[,"<first>"[,"<second>"]] (manual 1.5)
    if form == "test":
        m.out.info("+QIDNSCFG: (1-%d),<pridnsaddr>,<secdnsaddr>" % m.family.contexts)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 3)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
    if not c.active and m.sw["qidnscfg_inactive"] == "error":
        raise Refused(572)
    if len(args) == 1:
        m.out.info('+QIDNSCFG: %d,"%s","%s"' % (c.number, c.dns[0], c.dns[1]))
        return OK
    first = args.string(1)
    second = args.string(2, "0.0.0.0")
    if not is_address(first) or not is_address(second):
        raise Refused
    c.dns = [first, second]
    c.dns_set = True
    return OK


def qidnsgip(m, form, args):
    # AT+QIDNSGIP=<ctx>,"<host>": OK at once, the addresses as URCs
    if form == "test":
        m.out.info("+QIDNSGIP: (1-%d),<hostname>" % m.family.contexts)
        return OK
    if form != "write":
        raise Refused
    args.count(2, 2)
    c = m.pdp.all[args.number(0, 1, m.family.contexts)]
    host = args.string(1)
    if not host:
        raise Refused
    if not c.active:
        raise Refused(572)
    if m.dns.busy():
        raise Refused(564)
    m.finish(OK, lambda: m.dns.start(host, c.number))
    return None


COMMANDS = {"+QIDNSCFG": qidnscfg, "+QIDNSGIP": qidnsgip}
