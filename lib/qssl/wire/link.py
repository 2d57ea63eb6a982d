# qssl.wire.link - the whole of it: what a job and a source are, and the wait of a blocking call.
# SPDX-License-Identifier: MIT
#
# Work reaches the wire as jobs. A source (a socket, the command slot) is asked in turn for a job
# when the wire is free. A job has
#   limit_ms           how long the exchange may take
#   takes              which final result codes it may get (a sum of those in exchange)
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

from time import sleep_ms, ticks_diff, ticks_ms

from micropython import const

# What others call link.OK.
from .exchange import (  # noqa: F401
    BLIND,
    BY_ID,
    CONNECT,
    DOUBTED,
    ERROR,
    GARBLED,
    MISHEARD,
    NO_CARRIER,
    OK,
    RESTARTED,
    SAID,
    SEND_FAIL,
    SEND_OK,
    SENT,
    TIMEOUT,
)
from .pump import NAP_MS, REST_MS, Pump

_JAM_MS = const(20000)  # what a call without a deadline waits for others to read


class Link(Pump):
    def wait(self, due, who=None):
        # One turn of a blocking call: sleeps until bytes come, and pumps. due: ticks or None. who:
        # the channel that waits, which goes on at once. False: the deadline has passed.
        nap = REST_MS
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
            if nap > NAP_MS < ticks_diff(ticks_ms(), now):
                nap = NAP_MS  # a hook that takes long itself has its next turn soon
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
