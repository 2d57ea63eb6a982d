# qssl.wire.link - one UART, one exchange in flight: pump, deadlines, the turn of work, quarantine.
# SPDX-License-Identifier: MIT
#
# Work reaches the wire as jobs. A source (a socket, the command slot) is asked in turn for a job
# when the wire is free. A job has
#   limit_ms           how long the exchange may take
#   takes              which final result codes it may get (a sum of the results below)
#   begin(link)        types its command line: link.type(buf, n)
#   line(buf, lo, hi)  an information line: True if it was this job's
#   token              what the modem says next if all goes well, or None: looked for as a whole
#   done(result)       the end. Records only; new work is started by the next turn. After CONNECT
#                      the exchange may go on: link.job = self
# and may have
#   foreign(...)       another line, which nobody knows: a job that can't pass it over says so
#   text(...)          a line of a text from outside: False if it ends as data that are all typed
#   unsure(result)     for how many ms nothing else may come before the result is believed; 0: it
#                      is sure, -1: it can't be this job's
#   owes(), pad        bytes that the modem may wait for, and what completes them: Resync.start
#   fill(buf)          puts the next piece of its data into buf: bytes, 0 when all is typed
#   ahead(now)         how many bytes of link.next may be typed the moment it has come, 0: none
#   follow(link)       done(SEND_OK) and begin(link) in one, when what it types is out already
# What the modem says is believed only once it has echoed the command as it was typed: nothing but
# URCs belongs to anybody before that. link.last, the job that ended last, hears of it too:
#   followed(result)   one more result came, which nothing was waiting for; 0: the next command
#                      was heard, and nothing has contradicted until then
# A source has job(now) -> a job or None, wants(now): whether it would give one, and lost(result):
# RESTARTED, TIMEOUT (the modem is dead), GARBLED (the program was interrupted) or 0 (lines may
# have been missed).

from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import error
from .ascii import number, value
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

_CHUNK = const(256)  # bytes moved from the UART ring at a time
_ENOUGH = const(64)  # bytes of payload worth a read, unless no more are coming
_TURNS = const(16)  # chunks in one pump, so that a flood can't hold the caller
_JAM_MS = const(20000)  # what a call without a deadline waits for others to read
_NAP_MS = const(10)  # longest sleep in which nothing comes, between two looks at the deadline ...
_REST_MS = const(50)  # ... while an answer is to come: nothing else can be done until then
_DOZE_MS = const(50)  # longest sleep while counted bytes come
_LOOKS = const(200)  # for bytes that are due: 2 to 5 ms
_LAST = const(56)  # bytes of payload read together with what ends it ...
_FORE = const(80)  # ... and before those: so nothing is in work when the last byte comes
_REST = const(512)  # from here on it does not look at the deadline between two pieces ...
_DUE_MS = const(30)  # ... if they take no longer
# RDY comes in the middle of an exchange: so long after, that has gone on, or it was true.
_CLAIM_MS = const(1500)

# Whether the modem echoes commands.
_CHECKED = const(1)  # it does: see Parser.echo
_LEARNING = const(2)  # start() wants to know

# Why the witness is asked, a sum: what Link.doubt is.
DOUBTED = const(1)  # the modem may have restarted
SAID = const(2)  # a line says so, RDY and the like
PDP_GONE = const(4)  # a line says that the PDP context is lost

# What AT+QSSLSTATE can't do, a sum: what Link.listing is.
BY_ID = const(1)  # it wants the id
BLIND = const(2)  # it does not tell what is open

SENT = const(b"\r\nSEND OK\r\n")

_ASLEEP = const(2)  # of busy

_NOTHING = const(-2)  # of odd: no line that nobody knows

_ROUND = const((1 << 29) - 1)  # bytes counted: a greater number would need memory


class Stats:
    """Counters since the start of the program. They only grow; rx and tx begin anew at 2 ** 29."""

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


class Link:
    strays = None  # keeps lines that nobody knows: write(buf, off, n)
    brim = 1 << 29  # bytes in the UART's ring at which some were lost, see modes.push
    turns = _TURNS

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
        self.odd = _NOTHING  # the socket id in a line that came in place of the echo, -1: none
        self.mirrors = False  # payload is echoed in spite of AT+QISDE=0
        self._behind = False  # the last line was a final result
        self.last = None  # the job that ended last, if it wants to hear what comes next
        self.doubt = 0  # DOUBTED, ...: what the modem knows is asked first, see Witness
        self.witness = None
        self.claim = 0  # a result that is not sure yet: what the deadline of the job gives then
        self.resync = Resync(self)
        self.sick = False  # in quarantine: only resync may use the wire
        self.pipe = None  # what has the wire for itself: a modes.stream.Pipe, or sleep (power)
        self._chunk = bytearray(_CHUNK)
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
        self._nap = 0  # ms until the deadline of who waits, _REST_MS at most
        self._turn = 0  # the source that was asked last
        self._due = 0  # ticks: the deadline of the running exchange
        self.busy = False  # the pump runs, or a socket is copying: no pumping now
        self.piece = bytearray(_CHUNK)  # data on its way out
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

    # --- the pump -----------------------------------------------------------------------------

    def pump(self, who=False):
        # Moves everything one step on. Never blocks, never allocates, never raises. May be called
        # from anywhere, also from a timer's soft callback (inside itself it does nothing). who: as
        # in wait(), which lets it sleep until there is something to do.
        if self.busy:
            return
        self.busy = True
        try:
            if who is not False or self.jam or self.uart.any():
                self._receive(who)
            if self.out is not None:
                self._transmit()
            if self.sick:
                self.resync.step(ticks_ms())
            elif self.pipe is not None:
                self.pipe.step(ticks_ms())
            elif self.job is None:
                if not self.jam:
                    self._next()
            elif ticks_diff(self._due, ticks_ms()) <= 0 and self._seen <= 0:
                self.expire()  # what is there, was looked at
            self.busy = False
        finally:
            if self.busy is True:  # Ctrl-C: nobody knows how far the exchange was
                self.busy = False
                self.broken(GARBLED)
                self._tell(GARBLED)
            self.busy = False

    def wait(self, due, who=None):
        # One turn of a blocking call: sleeps until bytes come, and pumps. due: ticks or None. who:
        # the channel that waits, which goes on at once. False: the deadline has passed.
        nap = _REST_MS
        now = ticks_ms()
        if due is None:
            if self.jam and ticks_diff(now, self.heard) > _JAM_MS:
                return False  # nobody else is there to end it
        elif ticks_diff(due, now) < nap:
            nap = ticks_diff(due, now)
            if nap <= 0:
                return False
        if self.idle is not None:
            self.idle()
            if nap > _NAP_MS < ticks_diff(ticks_ms(), now):
                nap = _NAP_MS  # a hook that takes long itself has its next turn soon
        self._nap = nap
        if self.events is not None:
            self.events.deliver()
        if self.busy:
            sleep_ms(1)
        self.pump(who)
        return True

    def drive(self, steps):
        # Runs `steps` to its end, blocking, and returns its value. What takes several exchanges is
        # written as such a generator: it yields a deadline (ticks or None) where it waits for the
        # modem, and gets False once that has passed. qssl.aio runs the same ones in tasks.
        on = None
        self.depth += 1
        try:
            while True:
                on = self.wait(steps.send(on))
        except StopIteration as e:
            return e.value
        finally:
            steps.close()
            self.depth -= 1

    def _receive(self, who):
        parser = self.parser
        if self.jam:
            self._lo = parser.feed(self._chunk, self._lo, self.jam)
            if self._lo < self.jam:  # the sink is still full: flow control holds the modem
                if who is not False:
                    sleep_ms(1)
                return
            self.jam = 0
        uart = self.uart
        chunk = self._chunk
        turns = self.turns
        stats = self.stats
        brim = self.brim
        naps = who is not False
        nap = self._nap
        self.next_n = 0
        token = None
        while turns:
            n = uart.any()
            if n >= brim and not self.sick:
                stats.overruns += 1
                self.broken(GARBLED)
            if not (n or naps):
                break
            if token is None:
                token = self._plan(who)
            at = self._at
            whole = _CHUNK + 1 if token is None else at + len(token)
            # Looked up before it sleeps: when the bytes are there, each name costs.
            ready = self.next_n
            echo = parser.echo if at and not parser.need else None
            if naps and n < self._want:
                self.busy = _ASLEEP
                n = self._sleep(nap if token is not None or nap < _NAP_MS else _NAP_MS)
                self.busy = True
                if not n:
                    break
            if n < whole and n < self._least and n != self._seen and (n < _ENOUGH or naps):
                # Small pieces cost more than they bring, unless no more are coming.
                self._seen = n
                break
            if n > at > 0:
                n = whole if n >= whole else at
            n = uart.readinto(chunk, n if n < _CHUNK else _CHUNK)
            if not n:
                return
            turns -= 1
            if n != whole or not chunk.startswith(token, at):
                token = None
            elif ready and (echo is None or chunk.startswith(echo)):
                # What follows goes out first, what has come is looked at while it does.
                self.early = uart.write(self.next, 0, ready) or 0
            self.heard = ticks_ms()
            stats.rx = stats.rx + n & _ROUND
            self._seen = 0
            nap >>= 3  # then few ms, then none: the idle hook has its turn, and the deadline
            if token is not None and token == SENT and not at:
                parser.blanks = 1  # its line end, as if it had come as a line
                parser.exact = self._behind = True
                if not self.early:
                    self._finish(SEND_OK)
                parser.blanks = 0
            elif parser.prompt and self.early:
                if at:
                    parser.echo = None
                    self.on_echo()
                parser.blanks += 1
                parser.prompt = False
                self.on_prompt()
                parser.mirror -= parser.mirror > 0  # its blank came too
                return
            else:
                self._lo = parser.feed(chunk, 0, n)
                if self._lo < n:
                    self.jam = n
                    return
            if self.early:
                self._begin(who, self.heard)
                if not parser.prompt:
                    return  # the reader has to make room first
                token = who.token  # as _plan() would find it: nothing else can have come yet
                self._at = parser.echo_n if self.echo else 0
                self._least = self._at or len(token)
                self._want = self._at + len(token)
                continue
            token = None
            # What comes next is due at once: it does not wait for a look at the deadline.
            n = parser.need
            naps = naps and (
                n <= _REST and n <= (self.rate * _DUE_MS or n) if n else parser.prompt
            )
            if not naps:
                if parser.need and who is not False:
                    return
                self.next_n = 0
            elif not at:
                self.next_n = 0

    def _plan(self, who):
        # What comes next if all goes well: at bytes of payload or echo, and the token that this
        # returns; want: how many of them are best waited for.
        parser = self.parser
        job = self.job
        token = None
        at = parser.need
        want = 1
        least = 0
        if at:
            token = parser.tail
            if token is None:
                least = _ENOUGH  # who knows when it comes
            elif at > _CHUNK + _FORE + _LAST:
                want = _CHUNK
            elif at > _LAST + _FORE + _LAST:
                want = at - _LAST - _FORE
            elif at > _LAST + 16:
                want = at - _LAST
            else:
                want = at + len(token)
        elif (
            job is not None
            and self.out is None
            and not parser.text
            and parser.mirror < 3
            and parser.owner is self
            and not (parser.skip or parser.part.any())
        ):
            token = job.token
            if token is not None:
                want = len(token)
                if parser.echo is not None:
                    if parser.echo_at or type(parser.echo) is not bytes:
                        token = None
                    at = want = parser.echo_n - parser.echo_at
        self._at = at
        self._least = least or want
        self._want = want
        if token is not None and parser.prompt:
            self._want = at + len(token)  # mostly both come together
        if token is not None and job is who and not self.next_n and at <= _REST:
            self.next_n = job.ahead(ticks_ms())
        return token

    def _sleep(self, ms):
        # Until the bytes are there that are wanted, or no more come, ms at most for the first:
        # gives how many there are.
        uart = self.uart
        rate = self.rate
        want = self._want
        if self._poll is None:
            sleep_ms(1)
            return uart.any()
        n = uart.any()
        if not (n or (rate and want > _LAST and self._seen >= 0)):
            for n in self._poll.ipoll(ms):  # noqa: B007 (11 words: no frame from the heap)
                pass
            n = uart.any()
            if not n:
                return 0
        if rate and n < want:
            ms = (want - n) // rate
            if ms:
                sleep_ms(ms if ms < _DOZE_MS else _DOZE_MS)
                n = uart.any()
            if not n:
                self._seen = -1  # they don't come: the next time it sleeps until something does
        if 0 < want - n < 2 * rate:
            ms = _LOOKS
            while ms:
                n = uart.any()
                if n >= want:
                    return n
                ms -= 1
        return n

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
                self.stats.tx = self.stats.tx + n & _ROUND
            else:
                n = self.job.fill(self.piece) if self._filling and self.job else 0
                if not n:
                    self._filling = False
                    self.out = None
                    return
                self.out = self.piece
                self._out_lo = 0
                self._out_hi = n

    def _next(self):
        # The wire is free: the next source that has work gets it.
        n = len(self.sources)
        now = ticks_ms()
        if self.doubt:
            if self.witness is not None and self.witness.wanted():
                self._begin(self.witness, now)
                return
            self.doubt = 0
        while n:
            n -= 1
            self._turn += 1
            if self._turn >= len(self.sources):
                self._turn = 0
            job = self.sources[self._turn].job(now)
            if job is not None:
                self._begin(job, now)
                return

    def _begin(self, job, now):
        parser = self.parser
        parser.overlong = 0
        if self.job is job:
            job.follow(self)
        else:
            job.begin(self)  # sets its limit_ms too; MemoryError: as if it had not been asked
            self.job = job
        self._due = ticks_add(now, job.limit_ms)
        if self.echo:
            self.odd = _NOTHING
            parser.echo = self.out
            parser.echo_n = self._out_hi
            parser.echo_at = parser.run = 0
        elif not self.echoes:
            parser.text &= 2  # an echo may follow that is not looked for
        if self.early != self._out_hi:
            self._transmit()
        else:
            self.stats.tx += self.early  # it is not always early, so this stays small
            self.early = 0
            self.out = None

    # --- what jobs call -----------------------------------------------------------------------

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

    def untype(self):
        # What is not typed yet, never will be.
        self.out = None
        self.early = 0
        self._filling = False

    def extend(self, ms):
        # The running exchange made progress: it has ms from now.
        self._due = ticks_add(ticks_ms(), ms)

    def expire(self):
        # The caller of the running exchange can't wait longer.
        claim = self.claim
        if claim == RESTARTED:
            self.witness.restarted()
        elif claim:
            self._finish(claim)
        else:
            self.stats.timeouts += 1
            self.stats.silent += 1
            if self.echo == _CHECKED and self.parser.echo is not None and self.parser.started():
                self._stray()  # in front of the echo, and the modem took it all for no command
            self.broken(TIMEOUT)

    def claimed(self):
        # A line says that the modem has restarted; it may be text from outside. What the modem
        # knows is asked next. A running exchange that nothing proves ends with it.
        self.doubt |= DOUBTED | SAID
        if self.job is None:
            return
        if self._filling:
            # A modem that has restarted would take the payload for commands.
            self.broken(GARBLED)
        else:
            self.claim = RESTARTED
            due = ticks_add(ticks_ms(), _CLAIM_MS)
            if ticks_diff(self._due, due) > 0:
                self._due = due

    def mine(self, who):
        # Raises if another than `who` has the wire: a transparent stream, or the modem's sleep.
        if self.pipe is not None and self.pipe is not who:
            raise error(self.pipe.held)

    def why(self, reason):
        # What to say when something did not come in time.
        return "unread" if self.jam else reason

    # --- what the parser calls ----------------------------------------------------------------

    def on_line(self, buf, lo, hi):
        if self.sick:
            self.resync.line(buf, lo, hi)
            return
        job = self.job
        behind = self._behind
        self._behind = False
        deaf = self.parser.echo is not None and self.echo == _CHECKED
        if behind and self.echo and not self.parser.exact:
            self._stray()  # an empty line of more than CR LF stands before it
        if job is not None and not deaf and job.line(buf, lo, hi):
            self.claim = 0
            return
        result = self.final(buf, lo, hi)
        if result:
            if deaf and self.odd != _NOTHING:
                self.broken(MISHEARD)
            elif job is not None and not deaf and result & job.takes:
                wait = job.unsure(result) if hasattr(job, "unsure") else 0
                if not wait:
                    self._finish(result)
                elif wait > 0:
                    self.claim = result
                    self.extend(wait)
            else:
                self.stats.late += 1
                if self.last is not None:
                    self.last.followed(result)
            return
        if self.urc(buf, lo, hi, True):
            return
        self.stats.unknown += 1
        if buf[lo] == 43:  # + of a URC; else payload may come back
            self.quoted(buf, lo, hi)
            self.parser.text |= self.parser.prompt  # a prompt has an empty line before it
        if self.strays is not None:
            self.strays.write(buf, lo, hi - lo)
        if behind and not self.parser.blanks:
            self._stray()  # a line of the modem's begins with CR LF
        if job is None:
            return
        if self.parser.echo is not None:
            at = buf.find(b"=", lo, hi) + 1
            self.odd = value(buf, at, hi, 0) if at else -1
            if self.parser.echoed(buf, lo, hi):
                self._stray()
        elif hasattr(job, "foreign"):
            job.foreign(buf, lo, hi)

    def on_text(self, buf, lo, hi):
        # A line of a text from outside: so many empty lines must follow it, see Parser.text. None,
        # where a payload that comes back ends with it: what looks like one has ended that.
        job = self.job
        return not hasattr(job, "text") or self.out is not None or job.text(buf, lo, hi)

    def quoted(self, buf, lo, hi):
        # A line of others: where a text in quotes is left open, it goes on in the next line.
        lo = buf.find(b'"', lo, hi) + 1
        while lo:
            self.parser.text ^= 1
            lo = buf.find(b'"', lo, hi) + 1

    def on_echo(self):
        # The command was heard as it was typed.
        self.parser.overlong = 0
        if self.parser.blanks:
            self._stray()  # a line end that belongs to no line
        last = self.last
        if last is not None:
            self.last = None
            last.followed(0)

    def _stray(self):
        # Something stands before the echo that is nobody's. After a payload it is what was one
        # byte too much of it: the modem had taken another byte for its first.
        if self.last is not None:
            self.last.followed(MISHEARD)

    def on_prompt(self):
        if self.parser.echo is not None and self.echo == _CHECKED:
            self.broken(MISHEARD)
        elif self.lte & 4 and self.witness.late(ticks_ms()):
            self.expire()
        else:
            self.claim = 0
            self.job.prompt()

    def on_mirror(self, c, sure):
        # The payload that is typed comes back, its first byte c; if it is not sure, it looks so.
        if self.job is not None:
            self.job.mirrored(c, sure)

    def on_tail(self):
        # The usual end of a reply with payload, as one token.
        self._finish(OK)

    def final(self, buf, lo, hi):
        # Which final result code the line is; 0: none.
        c = buf[lo]  # its first letter keeps the hot path short
        n = hi - lo
        if c == 79:  # O
            return OK if n == 2 and buf[lo + 1] == 75 else 0
        if c == 69:  # E
            if n == 5 and buf.startswith(b"ERROR", lo):
                self.cme = 0
                return ERROR
            return 0
        if c == 43:  # +
            if n > 10 and buf.startswith(b" ERROR:", lo + 4):  # +CME, or of messages +CMS
                self.cme = max(number(buf, lo + 11, hi), 0)  # 0: in words
                return ERROR
        elif c == 83:  # S
            if n == 7 and buf.startswith(b"SEND OK", lo):
                return SEND_OK
            if n == 9 and buf.startswith(b"SEND FAIL", lo):
                return SEND_FAIL
        elif c == 67:  # C
            if n >= 7 and buf.startswith(b"CONNECT", lo):  # also "CONNECT <speed>"
                return CONNECT
        elif c == 78:  # N
            if n == 10 and buf.startswith(b"NO CARRIER", lo):
                return NO_CARRIER
        return 0

    def urc(self, buf, lo, hi, tell):
        # Whether the line is a URC; with tell, its handler hears of it.
        for prefix, handler in self.urcs:
            if buf.startswith(prefix, lo) and hi - lo >= len(prefix):
                if tell:
                    handler(buf, lo, hi)
                return True
        return self.witness is not None and self.witness.modem._on_urc(buf, lo, hi, tell)

    # --- ends ---------------------------------------------------------------------------------

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

    def broken(self, result):
        # The running exchange, if there is one, has failed: TIMEOUT; GARBLED: bytes were lost on
        # the wire; MISHEARD: on the way to the modem, which has understood another command.
        if result == GARBLED:
            self.stats.garbled += 1
        elif result == MISHEARD:
            self.stats.misheard += 1
        job = self.job
        if hasattr(job, "owes"):
            self.distrust(job.owes(), job.pad)
        else:
            self.distrust()
        if job is not None:
            self._finish(result)

    def distrust(self, owed=0, pad=27):
        # Nothing the modem says now can be told apart from what belongs to what went wrong:
        # quarantine until a quiet AT/OK exchange succeeds. owed, pad: see Resync.start.
        if self.pipe is not None:
            self.pipe.drop()
            self.pipe = None
        self.stats.resyncs += 1
        self.tail = None  # it may have been learned from a damaged answer
        self.last = None
        self.sick = True
        self.untype()
        self.parser.reset()
        self._lo = self.jam  # what was held up is dropped
        self.resync.start(owed, False, pad)

    def healed(self, alive):
        # Called by resync: the wire can be trusted again (or, alive False, nothing answers).
        self.parser.reset()
        self.sick = not alive
        self.stats.silent += self.sick
        if alive:
            self.doubt |= DOUBTED
        self._tell(0 if alive else TIMEOUT)

    def restarted(self):
        # RDY, POWERED DOWN and the like: the modem forgot all it was told.
        self.stats.restarts += 1
        self.doubt = self.echo = 0
        self.last = None
        self.untype()
        self.parser.reset()
        if self.job is not None:
            self._finish(RESTARTED)
        self._tell(RESTARTED)

    def _tell(self, result):
        i = len(self.sources)
        while i:  # backwards: a source may take itself off the list
            i -= 1
            self.sources[i].lost(result)
