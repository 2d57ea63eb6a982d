# qssl.modem - the modem as a program sees it: start it, give it TLS contexts, connect.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_ms

from micropython import const

from .errors import error

# One after the other: each loads the one before it, and one within the other takes much stack.
from .wire import exchange, lines, pump  # noqa: F401
from .wire import link as _l
from .wire.at import At
from .wire.dialect import CTX_MAX, ID_MAX, OPEN_MS, PDP_MAX, RECV_MAX, SEND_MAX
from .wire.urc import Urcs
from .wire.witness import Witness

_COMMAND_MS = const(5000)  # how long an ordinary command may take
_DAY_MS = const(86400000)  # of sleep, at a time


class Modem(Urcs):
    """The modem: started, given TLS contexts, connected. Nothing is sent yet.

    uart: machine.UART(timeout=0, rxbuf=2048 or more). pwrkey, status, dtr, dcd, reset: objects
    with value(), all optional and asserted at 1 (invert in the board file). sockets: how many may
    be open at once, 1 to 12. idle(): called while waiting, at least every 100 ms: watchdog, light
    sleep. pdp: the PDP context in use, 1 to 20. flow: RTS and CTS are wired. baud: the UART's
    rate, if start() may search the modem at others. off: the line PWRDWN_N. dialect: a family or
    a model of docs/families.md, for a modem whose name (ATI) nobody knows.

    Attributes: up (registered, PDP context active), address (of the PDP context), model (its name)
    and dialect (its family), known after start(), stats (counters, such as restarts, garbled, rx,
    tx), caps (what probe() found), epoch (changes whenever the
    modem has forgotten contexts and files in RAM). on_event = fn: fn(kind, id, value) is told what
    the modem reports on its own, see docs/events.md; None ends it.

    Raises: qssl.Refused for a number out of range.
    Blocks: no.
    Allocates: the buffers of `sockets` sockets come with the first connections; where the driver
        is frozen, those of the first one at once.
    Since: 0.1.
    """

    stated = None  # (ticks, seconds since 1970): what the program told clock() last
    model = ""  # what ATI says; "": start() has not asked yet
    dialect = "ugxx"  # its family: a module of qssl.family
    forced = None  # the same, if the program said so
    stuck = False  # it refuses to open connections
    held = False  # ids that it holds though they are closed: the last free one is taken first
    caps = None  # what the firmware can do, once probe() was asked
    keeper = None  # the qssl.timekeeper.Timekeeper that looks after the clock, if one does

    def __init__(
        self,
        uart,
        pwrkey=None,
        status=None,
        dtr=None,
        dcd=None,
        reset=None,
        sockets: int = 2,
        idle=None,
        pdp: int = 1,
        flow: bool = False,
        baud: int = 0,
        off=None,
        dialect: str | None = None,
    ) -> None:
        if not 1 <= sockets <= ID_MAX + 1:
            raise error("sockets")
        if not 1 <= pdp <= PDP_MAX:
            raise error("pdp")
        room = None
        if __file__.endswith(".py") and not __file__.startswith("/"):
            # Frozen: little is loaded, and the largest pieces come first, as long as what is free
            # is one piece. Else they would only be in the way of what start() loads.
            import io

            from micropython import RingIO

            room = RingIO(RECV_MAX), io.BytesIO(SEND_MAX)
        self.link = _l.Link(uart, idle)
        self.stats = self.link.stats
        self.at = At(self.link)
        self.pdp = pdp
        self.pdps = []  # PDP contexts that are active beside it
        if dialect:
            from .family.choose import force

            force(self, dialect)
        self.flow = flow
        self.baud = baud
        self.address = None  # IP address of the PDP context, once it is active
        self.pins = (pwrkey, status, dtr, dcd, reset, off)
        self.gone = None  # why it is not up any more: "restarted" or "network"
        self.epoch = 0  # changes whenever the modem has forgotten contexts and files in RAM
        self.up = False  # registered, PDP context active
        self.contexts = [None] * (CTX_MAX + 1)  # what each SSL context of the modem holds now
        self.sockets = [None] * sockets  # open sockets by id
        # What they need of memory; at first it may be (RingIO, BytesIO) only.
        self.slots = [room] + [None] * (sockets - 1)
        self.link.witness = Witness(self)

    # --- bring-up ------------------------------------------------------------------------------

    def start(
        self,
        apn: str = "",
        user: str = "",
        password: str = "",
        auth: int = 0,
        timeout_ms: int = 180000,
        pin: str = "",
    ) -> None:
        """Brings the modem from any state to registered with an active PDP context (manual 1.2, 1
        and 2).

        Any state: off, booting, in data mode, at an open prompt, at another baud rate, with
        sockets left open. apn, user, password: of the SIM's contract. auth: 0 none, 1 PAP, 2 CHAP,
        3 either. pin: of the SIM.

        Returns: None.
        Raises: qssl.Error with what to check: power, SIM, antenna, APN; qssl.Refused for
            arguments.
        Blocks: timeout_ms at most, 180 s.
        Allocates: while it runs; what it has loaded is given back.
        Since: 0.1.
        """
        from . import unload

        try:
            self._start(apn, user, password, auth, timeout_ms, pin)
        finally:
            unload("start connect clock family hints rare wire.command")

    def _start(self, apn, user, password, auth, timeout_ms, pin):
        # Its frame has what start() then lets go: a name in that of start() would hold it.
        from .start.bringup import start

        steps = start(self, apn, user, password, auth, timeout_ms, pin)
        self.at.within(timeout_ms, steps)

    def tls(self, ctx: int = 0, **settings):
        """An SSL context, 0 to 5 (manual 2.2.1), for connect(). Nothing is sent yet.

        settings: ca, cert, key (PEM, as bytes or as the path of a file on the board), version
        "TLS1.2", suite ("AES256-SHA256", of LTE modems "ECDHE-RSA-AES128-GCM-SHA256"), auth
        (False: the server is not authenticated), check_time (False: dates don't matter),
        negotiate_s (10 to 300, for the handshake), where ("RAM:" or "UFS:" of the modem),
        allow_weak (needed for SSL3.0, TLS1.0, TLS1.1, RC4, 3DES, "all" and auth=False), sni and
        check_host (None: where the modem has it, True: or no connection, False: not).

        Returns: qssl.tls.Context.
        Raises: qssl.Refused for a setting or file that can't work.
        Blocks: while it reads the files.
        Allocates: the context, about 200 bytes.
        Since: 0.1.
        """
        from .tls import Context

        return Context(self, ctx, **settings)

    def activate(
        self,
        pdp: int,
        apn: str,
        user: str = "",
        password: str = "",
        auth: int = 0,
        timeout_ms: int = 150000,
    ) -> str:
        """Another PDP context, for connect(pdp=); see qssl.start.pdp.activate.

        Returns: its IP address.
        Raises: qssl.Error with the modem's reason; qssl.Refused for arguments.
        Blocks: timeout_ms at most, 150 s.
        Allocates: little.
        Since: 0.1.
        """
        from .start.pdp import activate

        return activate(self, pdp, apn, user, password, auth, timeout_ms)

    def stop(self) -> None:
        """Closes every socket and deactivates the PDP contexts (manual 1.2, steps 6 and 7).

        Returns: None.
        Raises: the first error of what it tried; all of it is tried.
        Blocks: 12 s a socket and 40 s a context at most.
        Allocates: little.
        Since: 0.1.
        """
        from .start.pdp import stop

        stop(self)

    def off(self) -> None:
        """Switches the modem off in an orderly way (AT+QPOWD): sends what was written, closes what
        is open, whose sockets say so from then on, and waits until it has left the network.
        start() switches it on by PWRKEY. Off already is no error. If it does not confirm it: by
        PWRDWN_N, if that is wired.

        Returns: None.
        Raises: qssl.Error if it may be on still.
        Blocks: as long as the network takes, mostly 2 to 12 s; 170 s at most, if nothing answers.
        Allocates: while it runs.
        Since: 0.2.
        """
        from .power import off_steps

        self.link.drive(off_steps(self))

    def sleep(self) -> None:
        """Lets the modem sleep (AT+QSCLK=1, DTR): about a mA, registered, connections stay. It
        needs DTR. Until wake(), calls that need the modem raise; on_event tells what comes.

        Returns: None.
        Raises: qssl.Error if the modem refuses it, or is busy for 15 s; qssl.Refused without DTR.
        Blocks: 20 s at most.
        Allocates: while it runs.
        Since: 0.2.
        """
        from .power import sleep_steps

        self.link.drive(sleep_steps(self))

    def wake(self) -> None:
        """Wakes the modem from sleep(). Awake already is no error.

        Returns: None.
        Raises: qssl.Error if it does not answer.
        Blocks: 0.3 s, 20 s at most.
        Allocates: while it runs.
        Since: 0.2.
        """
        from .power import wake_steps

        self.link.drive(wake_steps(self))

    def connect(
        self,
        host: str,
        port: int,
        ctx,
        timeout_ms: int = OPEN_MS,
        make=None,
        pdp: int | None = None,
        push: bool = False,
    ):
        """Opens a TLS connection (manual 2.2.2) in buffer access mode, with push=True in direct
        push mode.

        host: a name or an address. ctx: of tls(). timeout_ms: for all of it. pdp: the PDP context,
        if not that of the modem. make: a class to use in place of Socket.

        Returns: qssl.socket.Socket.
        Raises: qssl.Error with the modem's number in .code and what to check in .hint;
            qssl.Refused for arguments.
        Blocks: timeout_ms at most, 150 s.
        Allocates: the socket's buffers, 3 kB, the first time; they are used again.
        Since: 0.1.
        """
        return self.at.within(timeout_ms, self.connecting(host, port, ctx, make, pdp, push))

    def connecting(self, host, port, ctx, make=None, pdp=None, push=False):
        # The same as a generator for Link.drive, until at.until.
        from .connect.opening import connecting

        return connecting(self, host, port, ctx, make, pdp, push)

    def transparent(
        self, host: str, port: int, ctx, timeout_ms: int = OPEN_MS, pdp: int | None = None
    ):
        """Opens a TLS connection in transparent access mode (manual 1.3, item 3).

        It has the AT port for itself until pipe.escape() or pipe.close(). Arguments as for
        connect().

        Returns: qssl.modes.stream.Pipe.
        Raises: as connect().
        Blocks: timeout_ms at most, 150 s. An LTE modem has to let go of earlier connections of ctx
            in that time.
        Allocates: as connect().
        Since: 0.1.
        """
        from .modes.stream import connect

        return connect(self, host, port, ctx, timeout_ms, pdp)

    def open(
        self, host: str, port: int, ctx, make=None, pdp: int | None = None, push: bool = False
    ):
        """Starts a connection: sock.state() is 0 until it is known how it ends.

        Arguments as for connect().

        Returns: qssl.socket.Socket, at once.
        Raises: qssl.Error if all sockets are in use, or the TLS context can't be set up; with
            EAGAIN where an older connection is being closed, for 12 s at most, or an LTE modem
            has forgotten the context, for 15 s at most: call it again then.
        Blocks: only where the TLS context has to be set up first, for as long as 20 to 45
            commands take.
        Allocates: as connect().
        Since: 0.1.
        """
        from .connect.opening import opening

        return self.link.drive(opening(self, host, port, ctx, make, pdp, push, 2))

    def release(self, sock):
        # The socket's id is free again.
        if self.sockets[sock.id] is sock:
            self.sockets[sock.id] = None
            self.link.sources.remove(sock)

    # --- questions -----------------------------------------------------------------------------

    def command(
        self, text: str | bytes, prefix: bytes = b"", timeout_ms: int = _COMMAND_MS
    ) -> list:
        """Runs any AT command, without CR. Never pass it text from outside: it types what it is
        given.

        prefix: of the information lines wanted, such as b"+CSQ: ".

        Returns: a list of bytes, one a line, without the prefix.
        Raises: qssl.Error if the final result is not OK; qssl.Refused for control characters.
        Blocks: timeout_ms at most.
        Allocates: the lines.
        Since: 0.1.
        """
        if isinstance(text, str):
            text = text.encode()
        if isinstance(prefix, str):
            prefix = prefix.encode()
        if text[:2].upper() != b"AT":
            raise error("no AT")
        # Once: it may be slow, and typing it again may do more than ask.
        return self.at.need(text, "command", "the modem refused it", prefix, timeout_ms, 1)

    def last_error(self) -> int:
        """The number of AT+QIGETERROR; 0: none, or no answer.

        Returns: the number; 0: none, or no answer.
        Raises: nothing.
        Blocks: 5 s at most.
        Allocates: little.
        Since: 0.1.
        """
        from .start.network import failing

        return self.link.drive(failing(self))

    def signal(self) -> int | None:
        """Received signal strength (AT+CSQ).

        Returns: dBm; None if not known.
        Raises: qssl.Error if the modem does not answer or refuses it.
        Blocks: 5 s at most.
        Allocates: little.
        Since: 0.1.
        """
        from .start.network import signal

        return self.link.drive(signal(self))

    def info(self) -> dict:
        """What modem, SIM and network say they are: see qssl.ask.info.

        Returns: {"imei", "iccid", "model", "firmware", "operator", "cell" (area and cell, as
            "5650-29A7DF4"), "technology" (GSM, UMTS, HSPA, LTE, LTE-M, NB-IoT, ...), "signal" (in
            dBm)}; None for what it does not tell.
        Raises: nothing.
        Blocks: 5 s a command at most, about ten of them.
        Allocates: the dict.
        Since: 0.2.
        """
        from .ask.info import info

        return info(self)

    def registration(self) -> bool:
        """Whether the modem is registered, at home or roaming (AT+CGREG, AT+CREG; of LTE modems
        AT+CEREG first).

        Returns: bool.
        Raises: nothing.
        Blocks: 10 s at most, of LTE modems 15 s.
        Allocates: little.
        Since: 0.1.
        """
        from .start.network import registration

        return self.link.drive(registration(self))

    def clock(self, set: tuple | None = None) -> tuple | None:
        """The modem's clock (AT+CCLK); clock((y, m, d, h, mi, s)) sets it, in UTC.

        Certificates are checked against it. It takes what it has returned, and what time.gmtime()
        returns, but not machine.RTC().datetime(), which has other places.

        Returns: (year, month, day, hour, minute, second, quarters of an hour from UTC); None if it
            was never set.
        Raises: qssl.Refused for what is no time in UTC; qssl.Error if the modem refuses it.
        Blocks: 5 s at most.
        Allocates: the tuple.
        Since: 0.1.
        """
        from .clock import get, put

        if set is not None:
            put(self, set)
        return self.link.drive(get(self))

    def ip(self, pdp: int | None = None) -> str | None:
        """The IP address of a PDP context; None if it is not active (manual 1.2, step 2).

        Returns: str; None if it is not active.
        Raises: qssl.Error if the modem does not answer or refuses it.
        Blocks: 152 s at most.
        Allocates: the text.
        Since: 0.1.
        """
        from .start.pdp import ip

        return ip(self, pdp)

    def state(self, id: int | None = None) -> list | tuple | None:
        """How the modem sees its connections, or the one named (manual 2.2.6):
        see qssl.ask.status.

        Returns: a list of qssl.ask.status.State, or with an id one of them or None.
        Raises: qssl.Error if the modem does not answer or refuses it.
        Blocks: 5 s at most.
        Allocates: the list.
        Since: 0.1.
        """
        from .ask.status import state

        return state(self, id)

    def probe(self) -> dict:
        """Asks the firmware what it has (test commands, manual 2.1): see qssl.ask.probe.

        Returns: {command: lines, or None where the firmware lacks it}.
        Raises: nothing.
        Blocks: 15 s a command at most.
        Allocates: the dictionary, kept as modem.caps.
        Since: 0.1.
        """
        from .ask.probe import probe

        return probe(self)

    def diagnose(
        self, host: str | None = None, ctx=None, tell=None, pdp: int | None = None
    ) -> list:
        """What is wrong when a connection can't be opened (manual 1.5): see qssl.ask.diagnose.

        Returns: a list of (ok, what, what to do).
        Raises: qssl.Refused for arguments, nothing else.
        Blocks: about 20 s at most while the modem answers.
        Allocates: while it runs, and the list.
        Since: 0.1.
        """
        from .ask.diagnose import diagnose

        return diagnose(self, host, ctx, tell, pdp)

    def pump(self) -> None:
        """Lets background work go on: reading ahead, sending what was flushed; tells on_event what
        has happened. Never blocks.

        Returns: None.
        Raises: what on_event raises.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        self.link.pump()
        if self.link.events is not None:
            self.link.events.deliver()

    def strays(self, size: int = 512):
        """Keeps lines of the modem that nobody knows from now on, such as the result of a command
        of the program's own that comes later (AT+QNTP, AT+QPING).

        size: bytes that are kept, 64 or more.
        Returns: qssl.ask.strays.Strays: its lines() takes them.
        Raises: qssl.Refused for a wrong size.
        Blocks: no.
        Allocates: the buffer.
        Since: 0.1.
        """
        from .ask.strays import Strays

        if size < 64:
            raise error("strays")
        self.link.strays = Strays(size)
        return self.link.strays

    def trace(self, size: int = 2048, keep: int = 0):
        """Keeps the last lines each way from now on, with times, states and errors: what to look
        at when it does not work, see docs/trouble.md. Passwords, PINs and keys are masked.

        size: bytes of the ring, 256 to 65000. keep: bytes of each payload that are kept, 120 at
        most; the others are only counted.
        Returns: qssl.ask.trace.Trace: its dump() prints them, its stop() ends it.
        Raises: qssl.Refused for a wrong size.
        Blocks: no.
        Allocates: the ring, and the module, 4 kB.
        Since: 0.2.
        """
        from .ask.trace import Trace

        return Trace(self.link, size, keep)

    def tick(self, timer=None) -> None:
        """pump() for a timer's soft callback, so that work goes on in time.sleep() too.

        on_event is not called.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        self.link.pump()

    def sleep_ms(self, ms: int) -> None:
        """As time.sleep_ms(), with the background work and the idle hook going on.

        Returns: None.
        Raises: nothing.
        Blocks: ms milliseconds.
        Allocates: nothing.
        Since: 0.1.
        """
        while ms > _DAY_MS:  # ticks count no further than six
            self.sleep_ms(_DAY_MS)
            ms -= _DAY_MS
        due = ticks_add(ticks_ms(), ms)
        self.link.pump()
        while self.link.wait(due):
            self.link.pump()

    # --- events --------------------------------------------------------------------------------

    def _on_event(self, fn):
        # modem.on_event = fn: fn(kind, id, value) is told what the modem reports on its own; None
        # ends it. See qssl.ask.events.
        events = None
        if fn is not None:
            from .ask.events import Events

            events = Events(fn, self.stats)
        self.link.events = events

    on_event = property(None, _on_event)
