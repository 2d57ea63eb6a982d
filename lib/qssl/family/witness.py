# qssl.family.witness - whether an LTE modem has restarted.
# SPDX-License-Identifier: MIT
#
# It activates its PDP context by itself as it attaches, so that an active one is no evidence. A
# setting that start() has made, and that a restart undoes, is. Stays loaded, for LTE modems.

from time import ticks_diff, ticks_ms

from micropython import const

from ..wire import link as _l
from ..wire.ascii import field, number
from ..wire.witness import Witness

_BOOT_MS = const(20000)  # from RDY to APP RDY, at most
_PROMPT_MS = const(4000)  # the prompt gives up after 5 s
_QUESTION = const(b'AT+QICFG="transpktsize"\r')  # of qssl.family.ready
_SET = const(1460)
_WORDS = const((b"POWERED DOWN", b"NORMAL POWER DOWN", b"PSM POWER DOWN"))


class Marked(Witness):
    marked = False  # the firmware has the setting
    _asks = False  # it is being asked for
    _good = False  # it was there
    _wrong = 0  # answers that say otherwise, in a row

    def __init__(self, modem):
        super().__init__(modem)
        self._told = -1
        self._booted = ticks_ms()
        self._due = 0  # ticks: of the exchange in which it has said that it has restarted
        self.lacks = {}  # keys of AT+QSSLCFG, and suites, that this firmware has not
        # What it does to SSL contexts, see qssl.family.stands: how often in a row it has forgotten
        # one, how long (ms) that one had taken since the begin of its being set (ticks), and
        # whether the first try of a call waits for as long.
        self.strikes = self.took = 0
        self.since = self._booted
        self.defers = False
        self.free = None  # ticks: until then open() fails; None: it has to begin to wait

    def booted(self, marked):
        # start() has found out whether the firmware has the setting.
        self.marked = marked
        self._good = False
        self._booted = ticks_ms()
        self.defers = False
        self.lacks.clear()

    def begin(self, link):
        self._asks = self.marked and not self._good
        if self._asks:
            self._told = -1
            link.type(_QUESTION, len(_QUESTION))
        else:
            super().begin(link)

    def line(self, buf, lo, hi):
        if not self._asks:
            return super().line(buf, lo, hi)
        if not buf.startswith(b"+QICFG:", lo):
            return False
        self._told = number(buf, field(buf, lo, hi, 1), hi)
        return True

    def done(self, result):
        link = self.modem.link
        if not self._asks:
            super().done(result)
        elif result == _l.OK and self._told >= 0 and self._told != _SET:
            self._wrong += 1
            if self._wrong > 1:
                self._wrong = 0
                self.restarted()
            return
        elif result == _l.OK and self._told >= 0:
            self._good = True
            self._wrong = self._tries = 0
        elif result >= _l.TIMEOUT and link.doubt & _l.SAID:
            if result != _l.RESTARTED:
                self.restarted()  # it said so, and is silent
        elif result != _l.RESTARTED:
            self._tries += 1
            if self._tries >= 3:
                self._good = True  # it can't be told so
                self._tries = 0
        if not link.doubt:
            self._good = False

    def late(self, now):
        # Whether the modem may have given up its prompt by now: what is typed would be commands.
        link = self.modem.link
        due = self._due if link.claim == _l.RESTARTED else link._due
        return link.job.limit_ms - ticks_diff(due, now) > _PROMPT_MS

    # --- words of LTE modems ---

    def said(self, buf, lo, hi):
        # It has restarted; or it is text, and the exchange goes on, whose deadline is now nearer.
        link = self.modem.link
        if link.claim != _l.RESTARTED:
            self._due = link._due
        self.modem._on_restart(buf, lo, hi)

    def rdy(self, buf, lo, hi):
        if hi - lo == 3:
            self._booted = ticks_ms()
        self.said(buf, lo, hi)

    def ready(self, buf, lo, hi):
        # APP RDY follows RDY. Alone it says the same.
        if self._booted is not None:
            booted = self._booted
            self._booted = None
            if ticks_diff(ticks_ms(), booted) < _BOOT_MS:
                return
        self.said(buf, lo, hi)


def _passed(buf, lo, hi):
    # Known, and of no use.
    pass


def attach(modem):
    # In the place of the Witness.
    link = modem.link
    w = link.witness = Marked(modem)
    link.urcs += tuple([(word, w.said) for word in _WORDS])
    link.urcs += (
        (b"RDY", w.rdy),
        (b"APP RDY", w.ready),
        (b"+QSSLCLOSE:", _passed),  # of AT+QICFG="close/mode",1
        (b"+QICLOSE:", _passed),
    )
