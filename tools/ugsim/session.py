# ugsim.session - one running modem: model, network, port and control channel put together.
# SPDX-License-Identifier: MIT

import json
import time

from ugsim.control import Server
from ugsim.loop import Loop
from ugsim.model import UGxx
from ugsim.net import Net
from ugsim.port.uart import Uart
from ugsim.stats import Stats

_HELP = """\
Of the program:
  stats: counters as JSON
  quit: ends the program
Of the modem:
"""


class Session:
    # `port`: see ugsim.port.base. `baud`: 0 for as fast as it goes. `control`: address or None.
    # `listeners`: functions (seconds since the start, kind, text, payload) for every event. `net`:
    # another network than the real one.
    def __init__(
        self,
        port,
        baud=115200,
        chunk=0,
        control=None,
        switches=None,
        faults=(),
        seed=1,
        powered=True,
        listeners=(),
        net=None,
        model=None,
    ):
        changes = dict(switches or {})
        if baud:
            changes.setdefault("baud_default", baud)
        if port.piped:  # who wrote the lines wants each of them run
            changes.setdefault("busy_input", "queue")
        self._listeners = list(listeners)
        self._start = time.monotonic()
        self.port = port
        self.net = net or Net(on_event=self._event)
        self.model = UGxx(self.net, switches=changes, seed=seed, powered=powered, model=model)
        if net is None:
            self.model.network.set_time(int(time.time()), 0)  # as real as its certificates' dates
        self.model.on_event = self._event
        self.model.network.set_time(int(time.time()), 0)  # certificates are real ones here
        self.model.lf_is_enter = port.lf_is_enter
        self.stats = Stats(self.net)
        self.uart = Uart(port, self.model, time.monotonic(), baud=baud, chunk=chunk)
        for fault in faults:
            answer = self.model.command("fault " + fault)
            if answer.startswith("error"):
                raise ValueError(answer.partition(": ")[2])
        clients = []
        self.control = None
        if control is not None:
            self.control = Server(control, self.command)
            clients.append(self.control)
        self.loop = Loop(self.model, self.net, port, self.uart, clients)

    def addresses(self):
        # What a test or the demo needs to find this modem.
        return {"at": self.port.address, "control": self.control and self.control.address}

    def status(self):
        # One line for a person: where to connect, and what has gone over it.
        up = [c for c in self.net.connections if c.state == "open"]
        return " %s   sockets open %d   commands %d   in %s   out %s   control %s " % (
            self.port.address,
            len(up),
            self.stats.commands,
            _size(self.uart.to_modem),
            _size(self.uart.to_host),
            self.control.address if self.control else "off",
        )

    def command(self, text):
        # One line of the control channel.
        if text == "stats":
            return json.dumps(self.stats.as_dict(self.uart, self.model))
        if text == "quit":
            self.loop.stop()
            return "ok"
        answer = self.model.command(text)
        return _HELP + answer if text == "help" else answer

    def run(self):
        self.loop.run()

    def close(self):
        if self.control:
            self.control.close()
        self.net.close()
        self.port.close()

    def _event(self, kind, text, data=b""):
        self.stats.event(kind, text)
        at = time.monotonic() - self._start
        for listener in self._listeners:
            listener(at, kind, text, data)


def _size(count):
    return "%d B" % count if count < 10000 else "%.1f kB" % (count / 1000)
