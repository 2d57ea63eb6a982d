# ugsim.model.commands.power - start, restart and power-down, by line and by command.
# SPDX-License-Identifier: MIT

from ugsim.model.commands.sim import STATES
from ugsim.model.errors import OK, Refused

# Shortest pulses that count, in ms; for PWRKEY the table of the family has them. Drivers for UG95
# and UG96 use 200 ms of RESET_N; UG95's hardware design names about 100 ms of PWRDWN_N.
_RESET_MS = 100
_DOWN_MS = 100  # of PWRDWN_N

OFF = "off"
BOOTING = "booting"
ON = "on"
STOPPING = "stopping"


class Power:
    def __init__(self, model):
        self._m = model
        self.state = OFF
        self.ready = 0  # AT+QINISTAT: 1 SIM, 2 SMS, 4 phone book
        self.starts = 0
        self._key_ms = 0
        self._timer = None
        self._idle = None
        self._quiet = False
        self._silent = False  # automatic baud rate: RDY and what follows it are not printed

    def already_on(self):
        # As after a long time in service.
        self.state = ON
        self.ready = 7

    def status(self):
        # STATUS line: high soon after PWRKEY, before the UART answers.
        return self.state != OFF

    def alive(self):
        # The UART works.
        return self.state == ON or self.state == STOPPING

    def start(self, quiet=False):
        # quiet: without RDY and what follows it.
        if self.state != OFF:
            return
        m = self._m
        m.fresh()
        self._quiet = quiet
        self.state = BOOTING
        self.starts += 1
        self.ready = 0
        m.event("power", "on")
        self._timer = m.timers.at(m.now + m.sw["boot_ms"], self._ready)

    def stop(self, keep_output=False):
        # Power gone at once.
        m = self._m
        self.state = OFF
        self.ready = 0
        m.forget(keep_output)
        m.event("power", "off")

    def restart(self, keep_output=False, quiet=False):
        self.stop(keep_output)
        self.start(quiet)

    def _ready(self):
        m = self._m
        self.state = ON
        self._silent = m.port.baud == 0
        for text in m.family.start:
            self._say(text % {"fun": m.radio.functionality})
        if m.family.app_rdy_ms:
            m.timers.at(m.now + m.family.app_rdy_ms, lambda: self._say("APP RDY"))
        m.sim.wake()
        m.timers.at(max(m.now + 300, m.sim.busy_until), self._sim)

    def _say(self, text):
        if not self._silent and not self._quiet and self._m.sw["start_urcs"] != "elsewhere":
            self._m.out.tell("start", text)

    def heard(self):
        # The automatic baud rate is known: from now on URCs are printed.
        self._silent = False

    def _sim(self):
        m = self._m
        if m.radio.functionality == 0:
            return
        if m.sim.usable():
            self.sim_ready()
            return
        word = STATES[m.sim.state][0]
        if m.sim.state == "none":
            self.ready = 6
        if m.family.sim:
            self._say("+CPIN: " + (word or "NOT INSERTED"))

    def sim_ready(self):
        # The SIM is unlocked: the rest of the start.
        m = self._m
        self.ready |= 1
        for text in m.family.sim:
            self._say(text)
        m.radio.search()
        words = [word for word, ms in m.family.done]
        if m.sw["qind_order"] == "pb":
            words.reverse()
        self.ready |= 0 if "PB" in words else 4
        for i in range(len(words)):
            self._done_later(words[i], m.family.done[i][1])

    def _done_later(self, word, ms):
        self._m.timers.at(self._m.now + ms, lambda: self._done(word))

    def _done(self, what):
        self.ready |= 2 if what == "SMS" else 4
        self._say("+QIND: %s DONE" % what)

    def shut_down(self):
        # Orderly: detach, then POWERED DOWN, then off.
        if self.state != ON:
            return
        m = self._m
        if m.faults.hit("down_never"):
            return
        self.state = STOPPING
        m.timers.at(m.now + m.sw["down_ms"], self._down)

    def _down(self):
        m = self._m
        for c in m.pdp.active():
            if m.sw["pdpdeact_at_off"] == "yes":
                m.out.tell("pdpdeact", '+QIURC: "pdpdeact",%d' % c.number)
        m.out.tell("down", "POWERED DOWN")
        self.stop(True)
        if m.family.power_pin and m.sw["pon_trig"] == "high":
            m.timers.at(m.now + 100, self.start)

    def rest(self):
        # Something came or was said: from now on it counts how long nothing does, for PSM.
        from ugsim.model.commands.lte import psm_times

        m = self._m
        m.timers.cancel(self._idle)
        self._idle = None
        times = psm_times(m)
        if times is not None and self.state == ON:
            self._idle = m.timers.at(m.now + times[0] * 1000, lambda: self.sleep(times[1]))

    def sleep(self, for_s=0):
        # PSM: it is off until the PWRKEY, or until its time has come (0: never).
        m = self._m
        if self.state != ON:
            return
        if m.sw["psm_urc"] == "yes":
            m.out.tell("down", "PSM POWER DOWN")
        self.stop(True)
        if for_s:
            m.timers.at(m.now + for_s * 1000, self.start)

    def line(self, name, asserted):
        # The lines act when they have been asserted long enough, PWRKEY to switch on already while
        # it is held. A modem that hangs takes no notice of PWRKEY.
        m = self._m
        if asserted:
            self._key_ms = m.now
            if name == "pwrkey" and self.state == OFF:
                self._timer = m.timers.at(m.now + m.family.on_ms, self._key_on)
            return
        held = m.now - self._key_ms
        if name == "reset" and held >= _RESET_MS and self.state != OFF:
            self.restart()
        elif name == "off" and held >= _DOWN_MS and self.state != OFF:
            if self.state == ON and not m.muted and m.sw["pwrdwn"] == "orderly":
                self.shut_down()
            else:
                self.stop()
        elif name == "pwrkey" and held >= m.family.off_ms and self.state == ON and not m.muted:
            if m.sw["pwrkey_off"] == "yes":
                self.shut_down()

    def _key_on(self):
        if self._m.lines["pwrkey"]:
            self._key_ms = self._m.now + 100000  # the same press does not switch off again
            self.start()


def qpowd(m, form, args):
    # AT+QPOWD[=0|1]: OK, then POWERED DOWN. 0: at once, without detaching.
    if form == "test":
        m.out.info("+QPOWD: (0,1)")
        return OK
    if form == "read":
        raise Refused
    args.count(0, 1)
    normal = args.number(0, 0, 1, 1)
    if normal:
        m.finish(OK, m.power.shut_down)
    else:
        m.finish(OK, lambda: m.power.stop(True))
    return None


def cfun(m, form, args):
    # AT+CFUN (27.007 8.2): 0 minimum, 1 full, 4 radio off; CFUN=1,1 restarts.
    if form == "test":
        m.out.info("+CFUN: (0,1,4),(0,1)")
        return OK
    if form == "read":
        m.out.info("+CFUN: %d" % m.radio.functionality)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    level = args.number(0, 0, 4)
    if level not in (0, 1, 4):
        raise Refused
    if args.number(1, 0, 1, 0):
        if level != 1:
            raise Refused
        m.finish(OK, lambda: m.power.restart(True))
        return None
    m.radio.set_functionality(level)
    return OK


def qinistat(m, form, args):
    # AT+QINISTAT: sum of 1 SIM ready, 2 SMS ready, 4 phone book ready
    if form == "test":
        m.out.info("+QINISTAT: (0-7)")
    elif form == "exec":
        m.out.info("+QINISTAT: %d" % m.power.ready)
    else:
        raise Refused
    return OK


COMMANDS = {"+QPOWD": qpowd, "+CFUN": cfun, "+QINISTAT": qinistat}
