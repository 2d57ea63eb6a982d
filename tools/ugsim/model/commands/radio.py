# ugsim.model.commands.radio - signal, choice of the operator and network registration.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

_SEARCHING = 2
_NOT = 0
_ALTERNATE_MS = 60000  # between 2 and 0 without coverage
_SEARCH_MS = 8000  # time of AT+COPS=?
_STATES = ("not registered", "registered", "searching", "denied", "unknown", "roaming") + (
    "registered for SMS only",
    "roaming for SMS only",
    "emergency calls only",
    "registered, CSFB not preferred",
    "roaming, CSFB not preferred",
    "emergency bearer services only",
)  # 27.007 7.2


class Radio:
    # stat: which of _STATES.

    def __init__(self, model):
        self._m = model
        self.stat = _NOT
        kept = model.sw["radio_kept"] == "yes"
        self.functionality = model.radio_left[0] if kept else 1
        self.selection = model.radio_left[1] if kept else 0  # AT+COPS: 0, 1 by hand, 2 none
        self.chosen = model.radio_left[2] if kept else ""  # by hand
        self.modes = {}
        for name in model.family.registrations:
            self.modes[name] = 0
        self.attached = True
        self._timer = None
        self.quiet = False  # the next change makes no URC

    def up(self):
        # True while data can pass.
        return self.stat in (1, 5, 9, 10)

    def search(self):
        # Looks for the network, as after power-up or when coverage returns.
        m = self._m
        m.timers.cancel(self._timer)
        self._timer = None
        if self.functionality != 1 or self.selection == 2 or not m.sim.usable():
            self.set_stat(_NOT)
            return
        self.set_stat(_SEARCHING)
        if not m.network.coverage or not m.network.named(self.chosen):
            self._alternate_later()
        else:
            self._timer = m.timers.at(m.now + m.sw["register_ms"], self._found)

    def _found(self):
        self._timer = None
        self.set_stat(self._m.network.stat)
        if self.up():
            self._m.pdp.attached()
        self._m.clock.registered()

    def select(self, mode, chosen):
        # AT+COPS=<mode>: 2 leaves the network and does not look for it, 1 wants one by name.
        self.selection = mode
        self.chosen = chosen
        self.left()
        if mode == 2:
            self._m.timers.cancel(self._timer)
            self._timer = None
            for c in self._m.pdp.active():
                self._m.pdp.drop(c.number, True)
            self.set_stat(_NOT)
        elif not self.up() or not self._m.network.named(chosen):
            self.search()

    def left(self):
        # What a restart keeps with radio_kept=yes.
        self._m.radio_left = (self.functionality, self.selection, self.chosen)

    def set_stat(self, stat):
        if stat == self.stat:
            return
        self.stat = stat
        self._m.event("radio", "%s (%d)" % (_STATES[stat], stat))
        if self.quiet:
            return
        for name in self._m.family.registrations:
            mode = self.modes[name]
            if mode:
                text = "+%s: %d%s" % (name, self._of(name), self._cell(mode))
                self._m.out.tell("creg", text)

    def _of(self, name):
        # The registration as this command has it: for LTE it is AT+CEREG that counts.
        if not self.attached and name in ("CGREG", "CEREG"):
            return _NOT
        other = self._m.sw["cs_stat"]
        return self.stat if other == "same" or name == "CEREG" else int(other)

    def _cell(self, mode):
        if mode in (2, 4) and self.up():
            network = self._m.network
            return ',"%s","%s",%d' % (network.lac, network.cell, self._m.family.act)
        return ""

    def status(self, name):
        # Text of AT+CREG? and AT+CGREG?.
        mode = self.modes[name]
        style = self._m.sw["creg_style"]
        if style == "short":
            return "+%s: %d" % (name, self._of(name))
        place = ""
        if style == "full" or not self.up():
            place = self._cell(mode)
        else:
            mode = 2
            network = self._m.network
            if style == "plain":
                place = ",%s,%s" % (network.lac, network.cell)
            elif style == "area":
                place = ',"01","%s","%s",7' % (network.lac, network.cell)
            else:
                place = self._cell(2)
        return "+%s: %d,%d%s" % (name, mode, self._of(name), place)

    def _alternate_later(self):
        # UG96 was seen to show 2, much later 0, and so on.
        m = self._m
        if m.sw["creg_lost"] == "alternates":
            self._timer = m.timers.at(m.now + _ALTERNATE_MS, self._alternate)

    def _alternate(self):
        self.set_stat(_NOT if self.stat == _SEARCHING else _SEARCHING)
        self._alternate_later()

    def set_functionality(self, level):
        # AT+CFUN=<level>: without radio the network forgets the modem and its contexts.
        m = self._m
        if level == self.functionality:
            return
        was = self.functionality
        self.functionality = level
        self.left()
        if was == 0:
            m.sim.wake()
            if m.sim.busy():
                m.timers.at(m.sim.busy_until, self.search)
        if level != 1:
            for c in m.pdp.active():
                m.pdp.drop(c.number, True)
            m.timers.cancel(self._timer)
            self._timer = None
            self.set_stat(_NOT)
        else:
            self.search()

    def cover(self, on):
        # Coverage comes or goes.
        self._m.network.coverage = on
        if not on:
            self._m.timers.cancel(self._timer)
            self._timer = None
            if self.functionality == 1 and self.selection != 2 and self._m.sim.usable():
                self.set_stat(_SEARCHING)
                self._alternate_later()
        elif not self.up():
            self.search()


def csq(m, form, args):
    # AT+CSQ (27.007 8.5)
    if form == "test":
        m.out.info("+CSQ: (0-31,99),(0-7,99)")
    elif form == "exec":
        known = m.network.coverage and m.radio.functionality == 1
        m.out.info("+CSQ: %d,%d" % ((m.network.rssi, 0) if known else (99, 99)))
    else:
        raise Refused
    return OK


def registration(name):
    # AT+CREG, AT+CGREG (27.007 7.2, 10.1.20)
    def handler(m, form, args):
        if form == "test":
            m.out.info("+%s: (%s)" % (name, "0-2,4" if name == "CEREG" else "0-2"))
        elif form == "read":
            m.out.info(m.radio.status(name))
        elif form == "write":
            args.count(1, 1)
            mode = args.number(0, 0, 4 if name == "CEREG" else 2)
            if mode == 3:
                raise Refused
            m.radio.modes[name] = mode
        else:
            raise Refused
        return OK

    return handler


def cgatt(m, form, args):
    # AT+CGATT (27.007 10.1.9): attached whenever registered, unless the host detached
    if form == "test":
        m.out.info("+CGATT: (0,1)")
    elif form == "read":
        m.out.info("+CGATT: %d" % (1 if m.radio.attached and m.radio.up() else 0))
    elif form == "write":
        args.count(1, 1)
        wanted = args.number(0, 0, 1)
        if wanted and not m.radio.up():
            raise Refused(30)
        m.radio.attached = wanted == 1
        if not wanted:
            for c in m.pdp.active():
                m.pdp.drop(c.number, True)
    else:
        raise Refused
    return OK


def cops(m, form, args):
    # AT+COPS (27.007 7.3): the choice of the operator; the test form searches for some seconds
    r = m.radio
    if form == "read":
        shown = "+COPS: %d" % r.selection
        more = ',0,"%s",%d' % (m.network.operator, m.family.act) if r.up() else ""
        m.out.info(shown + more)
        return OK
    if form == "write":
        args.count(1, 4)
        mode = args.number(0, 0, 4)
        if mode != 3:  # which only says how names are shown
            r.select(mode, args.string(2) if mode in (1, 4) else "")
        return OK
    if form != "test":
        raise Refused
    m.timers.at(m.now + _SEARCH_MS, lambda: _operators(m))
    return None


def _operators(m):
    if m.network.coverage:
        more = ""
        for i in range(m.sw["operators"] - 1):
            listed = (i + 2, i + 2, i + 2, m.family.act)
            more += ',(1,"NEIGHBOUR %d","NB%d","001%02d",%d)' % listed
        names = '(2,"%s","TEST","00101",%d)%s' % (m.network.operator, m.family.act, more)
        m.out.info("+COPS: %s,,(0-4),(0-2)" % names)
    m.finish(OK)


def ceer(m, form, args):
    # AT+CEER (27.007 6.11): why the network refused last, in words
    if form == "exec":
        m.out.info("+CEER: " + (m.network.cause or "No cause information available"))
    elif form != "test":
        raise Refused
    return OK


def cgpaddr(m, form, args):
    # AT+CGPADDR[=<ctx>] (27.007 10.1.14)
    if form == "test":
        m.out.info("+CGPADDR: (1-%d)" % m.family.contexts)
        return OK
    if form == "read":
        raise Refused
    args.count(0, 1)
    wanted = args.number(0, 1, m.family.contexts) if len(args) else None
    for c in m.pdp.all[1:]:
        if c.number == wanted or (wanted is None and (c.configured or c.active)):
            shown = "".join([',"%s"' % text for text in (c.ip, c.ip6) if text])
            m.out.info("+CGPADDR: %d%s" % (c.number, shown))
    return OK


COMMANDS = {
    "+CGATT": cgatt,
    "+COPS": cops,
    "+CGPADDR": cgpaddr,
    "+CEER": ceer,
    "+CSQ": csq,
    "+CREG": registration("CREG"),
    "+CGREG": registration("CGREG"),
}
