# ugsim.model.ugxx - the simulated UGxx as one object: bytes in, bytes out, virtual time.
# SPDX-License-Identifier: MIT

from ugsim.model import sslcfg
from ugsim.model.clock import Clock
from ugsim.model.dns import Dns
from ugsim.model.errors import ControlError
from ugsim.model.faults import Faults
from ugsim.model.line import Line
from ugsim.model.output import Output
from ugsim.model.pdp import Contexts
from ugsim.model.radio import Radio, Sim
from ugsim.model.rng import Rng
from ugsim.model.runner import Runner
from ugsim.model.sockets import Sockets
from ugsim.model.switches import Switches
from ugsim.model.timers import Timers


class UGxx:
    # `net`: what the sockets talk to. `switches`: dict of changes to SWITCHES. powered=True: the
    # modem has been on for a while and is registered; False: off, PWRKEY starts it.

    def __init__(self, net, switches=None, seed=1, now_ms=0, powered=True):
        self.net = net
        # A net with a clock of its own (FakeNet) is told the time and says when it wants a run().
        self._net_poll = getattr(net, "poll", None)
        self._net_next = getattr(net, "next_ms", None)
        self.now = now_ms
        self.sw = Switches(switches)
        self.rng = Rng(seed)
        self.stats = {}
        self.on_event = None  # function(kind, text), for a view of what happens
        self.muted = False
        self.host_baud = 0  # the host's rate; 0: always the modem's
        self.timers = Timers()
        self.faults = Faults(self)
        self.out = Output(self)
        self.line = Line(self)
        self.runner = Runner(self)
        self.sockets = Sockets(self)
        self.clock = Clock(self)
        self.dns = Dns(self)
        self.powered = powered
        self.lines = {"dtr": True, "rts": True, "pwrkey": False, "reset": False}
        self._fresh()
        if powered:
            self.radio.stat = 1

    def _fresh(self):
        # Everything that a restart forgets.
        self.running = False
        self.echo = self.sw["echo_default"] == "1"
        self.payload_echo = int(self.sw["qisde_default"])
        self.cmee = int(self.sw["cmee_default"])
        self.dtr_mode = int(self.sw["atd_default"])
        self.ifc = (0, 0)
        self.last_error = 0
        self.sim = Sim(self.sw["sim"])
        self.radio = Radio(self)
        self.pdp = Contexts(self)
        self.sslctx = [sslcfg.fresh(self.sw) for _ in range(sslcfg.COUNT)]

    # The UART, seen from the host. Call run() first, so that bytes arrive at the right time.

    def feed(self, data):
        if self.powered and not self.muted:
            self.line.feed(bytes(data))

    def pending(self):
        if not self.lines["rts"] and self.ifc[0] == 2:
            return 0
        return self.out.pending()

    def take(self, limit):
        if not self.lines["rts"] and self.ifc[0] == 2:
            return b""
        return self.out.queue.take(limit)

    def space(self):
        # Bytes that the host may send now without running into CTS (AT+IFC=x,2) or an overrun.
        owner = self.sockets.owner
        if owner is None or self.ifc[1] != 2:
            return 1 << 20
        return max(0, self.sw["tx_size"] - len(owner.tx))

    def set_line(self, name, asserted):
        self.lines[name] = asserted

    def command(self, text):
        # One control command; returns what is to be shown, "error: ..." for a wrong one.
        words = text.split()
        try:
            if words and words[0] == "fault" and len(words) > 1:
                values = {}
                for word in words[2:]:
                    key, _, value = word.partition("=")
                    values[key] = value
                self.faults.arm(words[1], values)
                return "ok"
            raise ControlError("unknown command '%s'; 'help' lists them" % text)
        except ControlError as e:
            return "error: %s" % e

    # Time

    def run(self, now_ms):
        # Does everything due by now_ms.
        if now_ms < self.now:
            now_ms = self.now
        while True:
            due = self.timers.pop_due(now_ms)
            if due is None:
                break
            if due[0] > self.now:
                self.now = due[0]
            due[1]()
        self.now = now_ms
        if self._net_poll is not None:
            self._net_poll(now_ms)
        self.sockets.poll()

    def next_ms(self):
        best = self.timers.next_ms()
        other = self.sockets.next_ms()
        if other is not None and (best is None or other < best):
            best = other
        if self._net_next is not None:
            other = self._net_next()
            if other is not None and (best is None or other < best):
                best = other
        if best is not None and best < self.now:
            best = self.now
        return best

    # What handlers use

    def event(self, kind, text):
        if self.on_event is not None:
            self.on_event(kind, text)

    def count(self, name, amount):
        self.stats[name] = self.stats.get(name, 0) + amount

    def run_line(self, line, overlong):
        self.runner.line(line, overlong)

    def finish(self, result, then=None):
        self.runner.finish(result, then)

    def reply_counted(self, header, data, short):
        # Ends the running command with counted data (AT+QSSLRECV).
        wait = self.faults.delay("final", "OK")
        if wait:
            self.timers.at(self.now + wait, lambda: self._counted(header, data, short))
        else:
            self._counted(header, data, short)

    def _counted(self, header, data, short):
        self.out.counted(header, data, short)
        self.runner.done()

    def read_file(self, path):
        return None

    def registered(self):
        # The network has accepted the modem.
        pass
