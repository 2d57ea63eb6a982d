# qssl.wire.lines - whose a line from the modem is: the job's, a result, a URC, or nobody's.
# SPDX-License-Identifier: MIT
#
# What the parser calls, as it has found a line, an echo, the prompt.

from time import ticks_ms

from .ascii import number, value
from .exchange import (
    CHECKED,
    CONNECT,
    ERROR,
    MISHEARD,
    NO_CARRIER,
    NOTHING,
    OK,
    SEND_FAIL,
    SEND_OK,
)
from .quarantine import Quarantine


class Listening(Quarantine):
    def on_line(self, buf, lo, hi):
        if self.sick:
            self.resync.line(buf, lo, hi)
            return
        job = self.job
        behind = self._behind
        self._behind = False
        deaf = self.parser.echo is not None and self.echo == CHECKED
        if behind and self.echo and not self.parser.exact:
            self._stray()  # an empty line of more than CR LF stands before it
        if job is not None and not deaf and job.line(buf, lo, hi):
            self.claim = 0
            return
        result = self.final(buf, lo, hi)
        if result:
            return self._on_result(result, job, deaf)
        if self.urc(buf, lo, hi, True):
            return
        return self._on_unknown(buf, lo, hi, job, behind)

    def _on_result(self, result, job, deaf):
        if deaf and self.odd != NOTHING:
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

    def _on_unknown(self, buf, lo, hi, job, behind):
        # A line that nobody knows is passed over: job says what it is in the midst of its answer.
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

    def on_echo(self):
        # The command was heard as it was typed.
        self.parser.overlong = 0
        if self.parser.blanks:
            self._stray()  # a line end that belongs to no line
        last = self.last
        if last is not None:
            self.last = None
            last.followed(0)

    def on_prompt(self):
        if self.parser.echo is not None and self.echo == CHECKED:
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

    def quoted(self, buf, lo, hi):
        # A line of others: where a text in quotes is left open, it goes on in the next line.
        lo = buf.find(b'"', lo, hi) + 1
        while lo:
            self.parser.text ^= 1
            lo = buf.find(b'"', lo, hi) + 1

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
