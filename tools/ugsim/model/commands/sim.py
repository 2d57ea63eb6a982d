# ugsim.model.commands.sim - the SIM: its lock, its tries, what it is busy with.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

_TRIES = 3
_PUK_TRIES = 10
_UNLOCK_MS = 100  # from the right PIN to +CPIN: READY

# state -> (what AT+CPIN? shows, +CME ERROR that means the same); None: it has no such word.
STATES = {
    "ready": ("READY", None),
    "pin": ("SIM PIN", 11),
    "puk": ("SIM PUK", 12),
    "pin2": ("SIM PIN2", 17),
    "puk2": ("SIM PUK2", 18),
    "ph-sim": ("PH-SIM PIN", 5),
    "ph-net": ("PH-NET PIN", 40),
    "ph-netsub": ("PH-NETSUB PIN", 42),
    "ph-sp": ("PH-SP PIN", 44),
    "ph-corp": ("PH-CORP PIN", 46),
    "none": (None, 10),
    "failed": (None, 13),
    "busy": (None, 14),
    "wrong": (None, 15),
}
# In these the network takes the modem: what is closed are some numbers to call.
_OPEN = ("ready", "pin2", "puk2")


class Card:
    # What no restart of the modem changes.

    def __init__(self):
        self.pin = "1234"
        self.puk = "12345678"
        self.tries = _TRIES
        self.puk_tries = _PUK_TRIES


class Sim:
    # state: one of STATES.

    def __init__(self, model, card):
        self._m = model
        self.card = card
        self.state = model.sw["sim"]
        self.lags_until = 0  # until then AT+CPIN? shows what was before
        self.busy_until = 0

    def usable(self):
        return self.state in _OPEN and not self.busy()

    def busy(self):
        return self._m.now < self.busy_until

    def wake(self):
        # Power-up, or the end of AT+CFUN=0: it is read anew.
        m = self._m
        self.busy_until = m.now + m.sw["sim_busy_ms"]

    def need(self):
        # Refuses a command that needs the SIM.
        if self.busy():
            raise Refused(14)
        if self._m.radio.functionality == 0:
            raise Refused(13)
        if self.state not in _OPEN:
            raise Refused(STATES[self.state][1])

    def show(self):
        # What AT+CPIN? shows. Raises Refused for a +CME ERROR.
        m = self._m
        if self.busy():
            raise Refused(14)
        if m.radio.functionality == 0 and self.state != "none":
            raise Refused(13)
        word, code = STATES["pin" if m.now < self.lags_until else self.state]
        if code is not None and (word is None or m.sw["cpin_style"] == "number"):
            raise Refused(code)
        return word

    def enter(self, pin, new):
        # AT+CPIN=<pin>, or <puk>,<new pin>. Raises Refused.
        m = self._m
        card = self.card
        if self.busy():
            raise Refused(14)
        if self.state == "pin" and new is None:
            if pin != card.pin:
                card.tries -= 1
                if card.tries <= 0:
                    self.change("puk")
                    raise Refused(12)
                answer = m.sw["pin_wrong"]
                if answer == "ok":
                    return
                raise Refused(14 if answer == "busy" else int(answer))
        elif self.state == "puk":
            if new is None:
                raise Refused(12)
            if pin != card.puk:
                card.puk_tries -= 1
                if card.puk_tries <= 0:
                    self.change("failed")
                raise Refused(16)
            card.pin = new
        elif self.state in ("pin", "ready", "pin2", "puk2"):
            raise Refused(3)
        else:
            raise Refused(STATES[self.state][1])
        card.tries = _TRIES
        card.puk_tries = _PUK_TRIES
        self.lags_until = m.now + m.sw["sim_lag_ms"]
        self.state = "ready"
        m.timers.at(max(self.lags_until, m.now + _UNLOCK_MS), m.power.sim_ready)

    def change(self, state):
        # The card is pulled, put in, locked: while it is out there is no network.
        m = self._m
        was = self.state
        self.state = state
        self.lags_until = 0
        if was in _OPEN and state not in _OPEN:
            for c in m.pdp.active():
                m.pdp.drop(c.number, True)
            m.radio.search()
            if state == "none":
                m.out.urc("+CPIN: NOT INSERTED")
        elif was not in _OPEN and state in _OPEN:
            m.radio.search()


def cpin(m, form, args):
    # AT+CPIN (27.007 8.3)
    if form == "read":
        m.out.info("+CPIN: " + m.sim.show())
    elif form == "write":
        args.count(1, 2)
        codes = [args.string(i) if args.is_string(i) else args.items[i] for i in range(len(args))]
        if m.phone.get("CSCS") == "UCS2":
            raise Refused(50)
        m.sim.enter(codes[0], codes[1] if len(codes) > 1 else None)
    elif form != "test":
        raise Refused
    return OK


def qpinc(m, form, args):
    # AT+QPINC?: tries left for PIN and PUK, then for PIN2 and PUK2
    style = m.sw["sim_tries"]
    if style not in ("qpinc", "plain", "stuck"):
        raise Refused(4)
    if form == "test":
        m.out.info('+QPINC: ("SC","P2")')
    elif form == "read":
        if m.sim.state == "none":
            raise Refused(10)
        left = _TRIES if style == "stuck" else m.card.tries
        if style == "plain":
            m.out.info("+QPINC: SC , %d , %d" % (left, m.card.puk_tries))
            m.out.info("+QPINC: P2 , 3 , 10")
        else:
            m.out.info('+QPINC: "SC",%d,%d' % (left, m.card.puk_tries))
            m.out.info('+QPINC: "P2",3,10')
    else:
        raise Refused
    return OK


def cpinr(m, form, args):
    # AT+CPINR (27.007 8.65): tries left, and how many there are
    if m.sw["sim_tries"] != "cpinr":
        raise Refused(4)
    if form == "exec":
        if m.sim.state == "none":
            raise Refused(10)
        m.out.info("+CPINR: SIM PIN,%d,%d" % (m.card.tries, _TRIES))
        m.out.info("+CPINR: SIM PUK,%d,%d" % (m.card.puk_tries, _PUK_TRIES))
        m.out.info("+CPINR: SIM PIN2,3,3")
    elif form != "test":
        raise Refused
    return OK


COMMANDS = {"+CPIN": cpin, "+QPINC": qpinc, "+CPINR": cpinr}
