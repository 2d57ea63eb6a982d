# qssl.wire.exchange - one UART, one exchange in flight: what is typed, its deadline, its result.
# SPDX-License-Identifier: MIT
#
# Of the six files of the link each builds on the one before: exchange, quarantine, lines, turns,
# pump, link.

from time import ticks_add, ticks_ms

from micropython import const

from ..errors import error
from .parser import Parser
from .resync import Resync

OK = const(1)  # final result codes of a command ...
ERROR = const(2)  # also +CME ERROR: its number is in link.cme
SEND_OK = const(4)
SEND_FAIL = const(8)
CONNECT = const(16)
NO_CARRIER = const(32)
TIMEOUT = const(64)  # ... and what can happen instead of one: no answer in time,
GARBLED = const(128)  # an answer that is not whole: bytes were lost on the wire,
RESTARTED = const(256)  # the modem started anew
MISHEARD = const(512)  # the modem understood another command than was typed

# Whether the modem echoes commands: Link.echo.
CHECKED = const(1)  # it does: see Parser.echo
_LEARNING = const(2)  # start() wants to know

# Why the witness is asked, a sum: what Link.doubt is.
DOUBTED = const(1)  # the modem may have restarted
SAID = const(2)  # a line says so, RDY and the like
PDP_GONE = const(4)  # a line says that the PDP context is lost

# What AT+QSSLSTATE can't do, a sum: what Link.listing is.
BY_ID = const(1)  # it wants the id
BLIND = const(2)  # it does not tell what is open

SENT = const(b"\r\nSEND OK\r\n")

NOTHING = const(-2)  # of odd: no line that nobody knows

CHUNK = const(256)  # bytes moved from the UART ring at a time
ROUND = const(0x1FFFFFFF)  # bytes counted: a greater number would need memory


class Stats:
    # Counters since the start of the program. They only grow; rx and tx begin anew at 2 ** 29.

    def __init__(self):
        self.rx = self.tx = 0  # bytes on the UART
        self.timeouts = self.resyncs = self.restarts = self.reconnects = 0
        self.silent = 0  # time-outs in a row: since the last answer in time
        self.late = 0  # final result codes that nothing was waiting for
        self.garbled = 0  # replies from which bytes were missing
        self.misheard = 0  # commands that reached the modem other than they were typed
        self.overruns = 0  # of those: the UART's ring was seen full, see brim
        self.unknown = 0  # lines that nobody knows: passed over, see qssl.ask.strays
        self.noise = 0  # lines passed over in quarantine
        self.dropped = 0  # events for the program that found their queue full


class Exchanges:
    strays = None  # keeps lines that nobody knows: write(buf, off, n)

    def __init__(self, uart, idle):
        # uart: machine.UART or alike, with any(), readinto(buf, n), write(buf, off, n), made with
        # timeout=0 and rxbuf >= 2048. idle: called in every wait, at least each 100 ms.
        self.uart = uart
        self.idle = idle
        self.stats = Stats()
        self.parser = Parser(self)
        self.sources = []  # asked in turn for work
        # (prefix, handler(buf, lo, hi)): the first match takes the line, else Urcs._on_urc() may.
        self.urcs = ()
        self.job = None  # the exchange that has the wire
        self.cme = 0  # number of the last ERROR, if it was a +CME ERROR
        self.events = None  # qssl.ask.events, if the program wants them
        self.tail = None  # bytes between a payload and OK: learned, see Socket
        self.heard = ticks_ms()  # when the last byte arrived
        self.echo = 0  # 0: commands are not echoed, or nobody knows
        self.echoes = False  # the modem can do it: start() has learned
        self.listing = 0  # BY_ID, BLIND
        self.odd = NOTHING  # the socket id in a line that came in place of the echo, -1: none
        self.mirrors = False  # payload is echoed in spite of AT+QISDE=0
        self._behind = False  # the last line was a final result
        self.last = None  # the job that ended last, if it wants to hear what comes next
        self.doubt = 0  # DOUBTED, ...: what the modem knows is asked first, see Witness
        self.witness = None
        self.claim = 0  # a result that is not sure yet: what the deadline of the job gives then
        self.resync = Resync(self)
        self.sick = False  # in quarantine: only resync may use the wire
        self.pipe = None  # what has the wire for itself: a modes.stream.Pipe, or sleep (power)
        self._chunk = bytearray(CHUNK)
        self.jam = 0  # where that ends in it what a full sink holds up, with all that comes ...
        self._lo = 0  # ... and where it begins
        self.rate = 0  # bytes that come in a ms, rounded up; 0: not known, see start.contact
        self.next = None  # what follows the token ...
        self.next_n = 0  # ... how many bytes of it ...
        self.early = 0  # ... and how many of them went out before their turn to be typed
        self._at = 0  # bytes before the token
        self._want = 1  # bytes best read together ...
        self._least = 1  # ... unless no more come
        self._seen = 0  # bytes in the UART's ring at the last look, if they were left there
        self._nap = 0  # ms until the deadline of who waits, REST_MS at most
        self._turn = 0  # the source that was asked last
        self._due = 0  # ticks: the deadline of the running exchange
        self.busy = False  # the pump runs, or a socket is copying: no pumping now
        self.piece = bytearray(CHUNK)  # data on its way out
        self.out = None  # what is being typed, and from where to where
        self._out_lo = self._out_hi = 0
        self._filling = False
        self.depth = 0  # blocking calls in progress, one in the callback of another
        try:
            import select  # here: no name of the module, which stays

            self._poll = select.poll()
            self._poll.register(uart, select.POLLIN)
        except (OSError, TypeError, AttributeError, ValueError):
            self._poll = None  # not a pollable stream: naps instead

        # 0: UGxx; 1: an LTE modem; with 2, its AT+QSSLCLOSE takes no time-out; with 4, its prompt
        # gives up when nothing is typed; with 8, PWRKEY wants 2 s.
        self.lte = 0

    def type(self, buf, n):
        # Types buf[:n] from the next chance on. buf must stay as it is until then.
        self.out = buf
        self._out_lo = 0
        self._out_hi = n

    def type_data(self):
        # Types what the job's fill() gives, until it gives nothing.
        self._filling = True
        self.out = self.piece
        self._out_lo = self._out_hi = 0

    def _transmit(self):
        # Types on, as much as the UART takes.
        while True:
            if self._out_lo < self._out_hi:
                n = self.early or self.uart.write(
                    self.out, self._out_lo, self._out_hi - self._out_lo
                )
                if not n:
                    return
                self.early = 0
                self._out_lo += n
                self.stats.tx = self.stats.tx + n & ROUND
            else:
                n = self.job.fill(self.piece) if self._filling and self.job else 0
                if not n:
                    self._filling = False
                    self.out = None
                    return
                self.out = self.piece
                self._out_lo = 0
                self._out_hi = n

    def untype(self):
        # What is not typed yet, never will be.
        self.out = None
        self.early = 0
        self._filling = False

    def extend(self, ms):
        # The running exchange made progress: it has ms from now.
        self._due = ticks_add(ticks_ms(), ms)

    def why(self, reason):
        # What to say when something did not come in time.
        return "unread" if self.jam else reason

    def mine(self, who):
        # Raises if another than `who` has the wire: a transparent stream, or the modem's sleep.
        if self.pipe is not None and self.pipe is not who:
            raise error(self.pipe.held)

    def _finish(self, result):
        job = self.job
        parser = self.parser
        self.job = None
        self._behind = True
        self.claim = 0
        parser.prompt = False
        parser.mirror = 0
        if result < TIMEOUT:
            self.stats.silent = 0
        job.done(result)
