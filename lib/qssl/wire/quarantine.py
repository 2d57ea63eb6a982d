# qssl.wire.quarantine - what is no more believed, or known: faults, and a modem that restarts.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .exchange import CHECKED, DOUBTED, GARBLED, MISHEARD, RESTARTED, SAID, TIMEOUT, Exchanges

# RDY comes in the middle of an exchange: so long after, that has gone on, or it was true.
_CLAIM_MS = const(1500)


class Quarantine(Exchanges):
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
            if self.echo == CHECKED and self.parser.echo is not None and self.parser.started():
                self._stray()  # in front of the echo, and the modem took it all for no command
            self.broken(TIMEOUT)

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

    def _stray(self):
        # Something stands before the echo that is nobody's. After a payload it is what was one
        # byte too much of it: the modem had taken another byte for its first.
        if self.last is not None:
            self.last.followed(MISHEARD)
