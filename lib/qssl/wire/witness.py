# qssl.wire.witness - the evidence that the modem has not restarted since it was set up.
# SPDX-License-Identifier: MIT

from micropython import const

from . import link as _l
from .ascii import field, value

_PDPS = const(b"AT+QIACT?\r")
_TRIES = const(3)


class Witness:
    # What a modem forgets when it restarts is the evidence that it has not, however the restart
    # was hidden: the active PDP contexts, and the APN, which the loss of a context leaves as it
    # was (manual 3.1). Asked wherever a restart could have been missed, see Link.doubt. A job of
    # the link that allocates nothing; while it is wanted it goes before all others.
    takes = _l.OK | _l.ERROR
    token = None
    limit_ms = 3000

    def __init__(self, modem):
        self.modem = modem
        self._apn = b"AT+QICSGP=%d\r" % modem.pdp
        self.tell = False  # AT+QICSGP is worth asking: start() was given an APN
        self._absent = self._tries = 0
        self._seen = 0  # bit n: PDP context n is active
        self._empty = False  # no APN is set any more

    def fresh(self, tell):
        # start() has made all anew.
        self.tell = tell
        self._absent = self._tries = self.modem.link.doubt = 0

    def wanted(self):
        return self.modem.up and self.modem.address is not None

    def begin(self, link):
        # Two answers without it are needed, as from one a line may be missing; or one and a URC.
        if self._absent > 1:
            text = self._apn
            self._empty = False
        else:
            text = _PDPS
            self._seen = 0
        link.type(text, len(text))

    def line(self, buf, lo, hi):
        if buf.startswith(b"+QIACT:", lo):
            n = value(buf, lo + 7, hi, 0)
            if n >= 0 and value(buf, lo + 7, hi, 1) == 1:
                self._seen |= 1 << n
        elif buf.startswith(b"+QICSGP:", lo):
            self._empty = buf.startswith(b'""', field(buf, lo + 8, hi, 1))
        else:
            return False
        return True

    def foreign(self, buf, lo, hi):
        if buf.startswith(b"AT+", lo):
            self.modem.link.echoes = True  # it was missed: the next connection finds out

    def done(self, result):
        modem = self.modem
        link = modem.link
        if result == _l.RESTARTED:
            return
        if result != _l.OK:
            self._tries += 1
            if self._tries < _TRIES and not link.doubt & _l.SAID:
                return
            if link.doubt & _l.SAID:
                self.restarted()
        elif self._seen >> modem.pdp & 1:
            for pdp in modem.pdps:  # two answers here, too
                if not self._seen >> pdp & 1:
                    if self._absent:
                        modem.lose(pdp)
                        break
                    self._absent = 1
                    return
        else:
            if self._absent < 2:
                self._absent += 1 + (link.doubt > _l.DOUBTED)
                if self._absent < 2 or self.tell:
                    return
                self._empty = link.doubt & _l.SAID  # nothing else can tell
            if self._empty:
                self.restarted()
            else:
                modem.lose(modem.pdp)
        link.doubt = self._absent = self._tries = 0

    def restarted(self):
        # The modem forgot all it was told.
        modem = self.modem
        modem.epoch += 1
        modem.up = False
        modem.gone = "restarted"
        modem.pdps.clear()
        self._absent = self._tries = 0
        modem.link.restarted()
        modem._event(5, -1, -1)
