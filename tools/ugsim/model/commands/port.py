# ugsim.model.commands.port - baud rate, flow control and frame of the UART.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

RATES = (4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)


class Port:
    # The UART's rate and what follows when the host's is another one. `baud` 0: automatic, and no
    # "AT" was heard yet.

    def __init__(self, model):
        self._m = model
        self.setting = model.saved_baud  # AT+IPR; 0 automatic
        self.baud = self.setting
        self._deaf_until = 0  # after a change of the rate
        self._next = None  # rate that is taken once the present output has left
        self._held = b""  # the first half of an "AT" that comes in two pieces
        self.asleep_at = None  # with AT+QSCLK: when the UART goes to sleep; None: not soon
        self._awake_at = 0  # until then what is typed is lost
        self._coma = False  # it never wakes (fault wake_never)

    def change(self, rate):
        self.setting = rate
        self._next = rate

    def settle(self):
        # The output at the old rate is out: takes the new one.
        if self._next is not None:
            self.baud = self._next
            self._next = None
            self._deaf_until = self._m.now + self._m.sw["baud_wait_ms"]

    def settling(self):
        return self._next is not None

    def receive(self, data):
        # What the modem sees of the host's bytes; b"" while the automatic rate is not settled.
        if self._next is not None and not self._m.out.pending() and not self._m.running:
            self.settle()
        host = self._m.host_baud
        if self._m.now < self._deaf_until:
            return b""
        if self.baud == 0:
            data = self._held + data
            at = data.upper().find(b"AT")
            self._held = data[-1:] if at < 0 and data[-1:] in (b"A", b"a") else b""
            if at < 0:
                return b""
            self.baud = host or 115200
            self._m.event("port", "automatic baud rate settled at %d" % self.baud)
            self._m.power.heard()
            return data[at:]
        return garble(data, host, self.baud) if host and host != self.baud else data

    # Sleep. With AT+QSCLK it begins after a pause: 1 while DTR is not asserted, 2 always.

    def stirs(self):
        # Something comes or goes, or a condition of sleep has changed: the pause begins anew.
        m = self._m
        may = m.sleep_mode == 2 or (m.sleep_mode == 1 and not m.lines["dtr"])
        self.asleep_at = m.now + m.sw["sleep_after_ms"] if may else None

    def asleep(self):
        m = self._m
        return self._coma or (self.asleep_at is not None and m.now >= self.asleep_at)

    def wake(self):
        # By DTR, or by what is typed. What is typed until it is awake is lost.
        m = self._m
        if m.faults.hit("wake_never"):
            self._coma = True
        if self._coma:
            return
        self._awake_at = m.now + m.sw["sleep_wake_ms"]
        m.timers.at(self._awake_at, m.out.awake)
        self.stirs()

    def dtr(self):
        # The line has changed.
        if self._m.lines["dtr"] and self.asleep():
            self.wake()
        if not self._coma:
            self.stirs()

    def hears(self):
        # Whether the UART hears what arrives now.
        m = self._m
        if self.asleep():
            if m.sleep_mode != 1 or m.sw["sleep_wake"] == "bytes":
                self.wake()
            return False
        if self.asleep_at is not None:
            self.stirs()
        return m.now >= self._awake_at

    def send(self, data):
        # What the host sees of the modem's bytes.
        host = self._m.host_baud
        return garble(data, self.baud, host) if host and self.baud and host != self.baud else data


def garble(data, sent, heard):
    # Bytes sent at one rate and heard at another: no byte comes through, and their number follows
    # the ratio of the rates. A pure function, so that a run can be repeated.
    count = max(1, len(data) * heard // sent) if data else 0
    return bytes([(data[i % len(data)] * 7 + i * 29) & 0x7F | 0x80 for i in range(count)])


def ipr(m, form, args):
    # AT+IPR (V.250 6.2.10): the answer still comes at the old rate.
    if form == "test":
        auto = "(0)," if m.family.autobaud else ""
        m.out.info("+IPR: %s(%s)" % (auto, ",".join([str(r) for r in RATES])))
    elif form == "read":
        m.out.info("+IPR: %d" % m.port.setting)
    elif form == "write":
        args.count(1, 1)
        rate = args.number(0, 0, RATES[-1])
        if rate not in RATES and (rate or not m.family.autobaud):
            raise Refused
        m.port.change(rate)
    else:
        raise Refused
    return OK


def ifc(m, form, args):
    # AT+IFC=<how the host holds the modem>,<how the modem holds the host>: 0 none, 2 RTS/CTS
    if form == "test":
        m.out.info("+IFC: (0,2),(0,2)")
    elif form == "read":
        m.out.info("+IFC: %d,%d" % m.ifc)
    elif form == "write":
        args.count(1, 2)
        host = args.number(0, 0, 2)
        modem = args.number(1, 0, 2, host)
        if host == 1 or modem == 1:
            raise Refused
        m.ifc = (host, modem)
    else:
        raise Refused
    return OK


def icf(m, form, args):
    # AT+ICF (V.250 6.2.11): eight data bits, no parity, one stop bit (3,3) and nothing else.
    if form == "test":
        m.out.info("+ICF: (3),(3)")
    elif form == "read":
        m.out.info("+ICF: 3,3")
    elif form == "write":
        args.count(1, 2)
        args.number(0, 3, 3)
        args.number(1, 3, 3, 3)
    else:
        raise Refused
    return OK


COMMANDS = {"+IPR": ipr, "+IFC": ifc, "+ICF": icf}
