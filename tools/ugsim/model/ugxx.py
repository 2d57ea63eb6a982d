# ugsim.model.ugxx - the simulated UGxx as one object: bytes in, bytes out, virtual time.
# SPDX-License-Identifier: MIT

from ugsim.model import control, family
from ugsim.model.at.line import Line
from ugsim.model.at.output import Output
from ugsim.model.at.runner import Runner
from ugsim.model.base.rng import Rng
from ugsim.model.base.timers import Timers
from ugsim.model.bytefaults import Places
from ugsim.model.commands import general, modes, qicfg, sslcfg
from ugsim.model.commands.clock import Clock
from ugsim.model.commands.dns import Dns, is_address
from ugsim.model.commands.pdp import Contexts
from ugsim.model.commands.port import Port
from ugsim.model.commands.power import Power
from ugsim.model.commands.radio import Radio
from ugsim.model.commands.sim import Card, Sim
from ugsim.model.commands.sockets import Sockets
from ugsim.model.commands.storage import Files
from ugsim.model.commands.table import COMMANDS
from ugsim.model.faults import Faults
from ugsim.model.inputfaults import Input
from ugsim.model.network import Network
from ugsim.model.switches import Switches

_FREE = 1 << 20  # space() when nothing limits the host
_RI_MS = 120  # length of the pulse on RI with each URC


class UGxx:
    # `net`: what the sockets talk to. `switches`: dict of changes to SWITCHES. powered=True: the
    # modem has been on for a while and is registered; False: off, PWRKEY starts it. model: a name
    # of ugsim.model.family.

    is_address = staticmethod(is_address)

    def __init__(self, net, switches=None, seed=1, now_ms=0, powered=True, model=None):
        self.net = net
        # A net with a clock of its own (FakeNet) is told the time and says when it wants a run().
        self._net_poll = getattr(net, "poll", None)
        self._net_next = getattr(net, "next_ms", None)
        self.now = now_ms
        self.family = family.load(model or family.DEFAULT)
        self.sw = Switches(switches, self.family)
        if self.sw["firmware"] == "old":
            self.family.aged()
        self.commands = self.family.commands(COMMANDS)
        self.kept = self.family.kept(self.sw)  # what LTE modules keep without being asked to
        self.rng = Rng(seed)
        self.stats = {}
        self.on_event = None  # function(kind, text), for a view of what happens
        self.lf_is_enter = False  # a command line may end with a single LF, as no modem has it
        self.muted = False  # hung: takes nothing in and gives nothing out
        self.stalled_until = 0  # nothing leaves on TXD before this time
        self.host_baud = 0  # the host's rate; 0: always the modem's
        self.lines = {"dtr": True, "rts": True, "pwrkey": False, "reset": False, "off": False}
        self.network = Network(self)
        self.timers = Timers()
        self.faults = Faults(self)
        self.files = Files(self.sw, self.family)
        self.saved = self.factory_settings()
        self.saved_baud = self.sw["baud_default"]
        self.card = Card()
        self.radio_left = (1, 0, "")
        self.power = Power(self)
        self.places = Places(self)
        self.typed = Input(self)
        self.out = Output(self)
        self.line_in = None
        self.qcfg = {}
        self.fresh()
        if powered:
            self.power.already_on()
            self.radio.stat = 1
            self.pdp.attached()

    # What a restart forgets and what it keeps

    def fresh(self):
        # The state of power-up.
        self.running = False  # a command is being executed
        self.muted = False
        self.last_error = 0  # AT+QIGETERROR
        self.sleep_mode = 0
        self.zone_update = 0
        self.qcfg = general.remembered(self, self.qcfg)
        self.phone = {}  # settings of ugsim.model.commands.phone
        self.port = Port(self)
        self.line_in = Line(self)
        self.runner = Runner(self, self.commands)
        self.sim = Sim(self, self.card)
        self.radio = Radio(self)
        self.clock = Clock(self)
        self.dns = Dns(self)
        self.pdp = Contexts(self)
        self.qicfg = qicfg.Settings(self)
        self.sockets = Sockets(self)
        self.sslctx = [sslcfg.fresh(self) for _ in range(sslcfg.COUNT)]
        self.apply_settings(self.saved)
        self.typed.reset()

    def forget(self, keep_output):
        # Power goes: nothing that was begun will be finished.
        self.timers.clear()
        self.sockets.reset()
        self.out.reset(keep_output)
        self.files.reset(self.sw["ram_survives_reset"] == "yes")

    def factory_settings(self):
        sw = self.sw
        return {
            "echo": sw["echo_default"] == "1",
            "payload_echo": int(sw["qisde_default"]),
            "cmee": int(sw["cmee_default"]),
            "dtr_mode": int(sw["atd_default"]),
            "ifc": (0, 0),
            "verbose": True,
            "quiet": False,
        }

    def settings(self):
        # What AT&W saves.
        saved = {}
        for name in self.saved:
            saved[name] = getattr(self, name)
        return saved

    def told(self):
        # What errors look like, as AT+CMEE sets it, or not: see the switch.
        levels = {"words": 2, "bare": 0} if self.cmee == 1 else {}
        return levels.get(self.sw["cmee_obeys"], self.cmee)

    def apply_settings(self, values):
        for name in values:
            setattr(self, name, values[name])

    # The UART, seen from the host. Call run() first, so that bytes arrive at the right time.

    @property
    def baud(self):
        # The modem's rate now; 0: automatic and not yet known.
        return self.port.baud

    def feed(self, data):
        if self.muted or not self.power.alive() or not self.port.hears():
            return
        if "psm" in self.kept:
            self.power.rest()
        if type(data) is not bytes:
            data = bytes(data)
        data = self.port.receive(data)
        if self.typed.active:
            self.typed.feed(data)
        else:
            self.line_in.feed(data)

    def _held(self):
        if self.stalled_until and self.now < self.stalled_until:
            return True
        return self.ifc[0] == 2 and not self.lines["rts"]

    def pending(self):
        n = self.out.queue.size
        return 0 if n and self._held() else n

    def take(self, limit):
        if self._held():
            return b""
        data = self.out.queue.take(limit)
        if self.host_baud:
            data = self.port.send(data)
        if self.port.settling() and not self.out.pending() and not self.running:
            self.port.settle()
        return data

    def space(self):
        # Bytes that the host may send now: limited by CTS (AT+IFC=x,2) in transparent mode.
        owner = self.sockets.owner
        if owner is None or self.ifc[1] != 2:
            return _FREE
        return max(0, self.sw["tx_size"] - len(owner.tx))

    # Lines. True: asserted, whatever the level of the pin may be.

    def set_line(self, name, asserted):
        # "dtr", "rts": the host is there. "pwrkey", "reset" (RESET_N), "off" (PWRDWN_N): held.
        asserted = bool(asserted)
        if self.lines[name] == asserted:
            return
        self.lines[name] = asserted
        if name in ("pwrkey", "reset", "off"):
            self.power.line(name, asserted)
        elif name == "dtr":
            self.port.dtr()
            if not asserted:
                modes.dtr_dropped(self)

    def line(self, name):
        # "status": powered; "dcd": a transparent connection has the port; "cts": the host may
        # send; "ri": pulse with a URC.
        if name == "status":
            return self.power.status()
        if name == "dcd":
            return self.sockets.owner is not None
        if name == "cts":
            return self.power.alive() and self.space() > 0
        if name == "ri":
            return self.power.alive() and self.now < self.out.urc_ms + _RI_MS
        raise KeyError(name)

    # Control: see ugsim.model.control

    def command(self, text):
        return control.run(self, text)

    def hang(self, ms):
        # The modem takes nothing in and gives nothing out, for ms or (0) until it is restarted.
        self.muted = True
        if ms:
            self.timers.at(self.now + ms, self._unhang)

    def _unhang(self):
        self.muted = False

    def cut(self, what):
        # A fault strikes in the middle of the output: from here on nothing more leaves.
        self.muted = True
        if what == "restart" or what == "quiet":
            self.timers.at(self.now, lambda: self.power.restart(True, what == "quiet"))
        elif what == "off":
            self.timers.at(self.now, lambda: self.power.stop(True))

    # Time

    def run(self, now_ms):
        # Does everything due by now_ms.
        now_ms = max(now_ms, self.now)
        timers = self.timers
        while timers.first is not None and timers.first <= now_ms:
            due, function = timers.pop_due(now_ms)
            self.now = max(self.now, due)
            function()
        self.now = now_ms
        if self._net_poll is not None:
            self._net_poll(now_ms)
        if self.power.alive():
            if self.dns.lookup is not None:
                self.dns.poll()
            if self.sockets.live:
                self.sockets.poll()

    def stirs(self):
        # Whether run() has something to do though no time has passed since the last one.
        first = self.timers.first
        if first is not None and first <= self.now:
            return True
        return bool(self.sockets.streams) and self.sockets.can_deliver()

    def next_ms(self):
        # When run() is wanted, at the latest; None: only on input or when the network has news.
        best = self.timers.first
        sockets = self.sockets
        if sockets.streams and sockets.can_deliver():
            return self.now
        if sockets.live:
            due = sockets.next_ms()
            if due is not None:
                best = _earlier(best, due)
        if self._net_next is not None:
            due = self._net_next()
            if due is not None:
                best = _earlier(best, due)
        if self.stalled_until > self.now:
            best = _earlier(best, self.stalled_until)
        if best is not None and best < self.now:
            return self.now
        return best

    # What handlers use

    def event(self, kind, text):
        if self.on_event is not None:
            self.on_event(kind, text)

    def count(self, name, amount):
        self.stats[name] = self.stats.get(name, 0) + amount

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

    def echoes(self):
        # Whether what the host types is echoed.
        obeys = self.sw["echo_obeys"]
        return self.echo if obeys == "yes" else obeys == "always"

    def read_file(self, path):
        return self.files.read(path)


def _earlier(a, b):
    # The earlier of two times, of which a may be None.
    return b if a is None or b < a else a
