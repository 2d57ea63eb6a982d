# qssl.wire.turns - who has the wire next: the sources are asked in turn for a job, which begins.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_ms

from .exchange import NOTHING
from .lines import Listening


class Turns(Listening):
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
            self.odd = NOTHING
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
