# qssl.wire.urc - what the modem says unasked: which lines are URCs, and what each changes.
# SPDX-License-Identifier: MIT

from micropython import const

from .ascii import number, value
from .exchange import DOUBTED, PDP_GONE, SAID, Stats
from .link import Link

# How URCs begin. What they are about, the first of each kind: a connection has data, or an end; or
# one is open, or failed to open;
_NETWORK = const(2)  # a PDP context has an end; sockets that are not TLS;
_RESTART = const(3)  # the modem starts, or goes off;
_TEXT = const(6)  # a text from outside follows;
_OTHER = const(10)  # nothing of these
_URCS = const(
    (
        b"+QSSLURC:",  # some firmware writes no blank behind it
        b"+QSSLOPEN:",
        b"+QIURC:",
        b"RDY",
        b"POWERED DOWN",
        b"NORMAL POWER DOWN",
        b"+CMT:",
        b"+CUSD:",
        b"+CDS:",
        b"+CBM:",
        b"+C",  # +CREG, +CPIN, +CMTI, ...: 27.007 and 27.005
        b"RING",
        b"+QUSIM:",
        b"+QIND:",
    )
)


class Urcs:
    # Of qssl.modem.Modem, which inherits it and has:
    link: Link
    stats: Stats
    sockets: list
    pins: tuple
    pdp: int
    pdps: list
    epoch: int
    up: bool
    gone: str | None

    def _event(self, kind, id, value):
        # kind: which word of qssl.ask.events.KINDS.
        if self.link.events is not None:
            self.link.events.put(kind, id, value)

    def _on_urc(self, buf, lo, hi, tell):
        # Whether the line is a URC; with tell, what it says is noted.
        at = 0
        for prefix in _URCS:
            if buf.startswith(prefix, lo) and hi - lo >= len(prefix):
                break
            at += 1
        else:
            return False
        if not tell:
            pass
        elif at < _NETWORK:
            self._on_ssl(buf, lo, hi, at)
        elif at < _RESTART:
            self._on_network(buf, lo, hi)
        elif at < _TEXT:
            self._on_restart(buf, lo, hi)
        elif at < _OTHER:
            self._on_text(buf, lo, hi)
        elif self.link.doubt & SAID and buf.startswith(b"+CFUN:", lo):
            # It follows RDY as a modem starts: a text would not know that.
            self.link.witness.restarted()
        return True

    def _on_ssl(self, buf, lo, hi, opened):
        # +QSSLOPEN: <clientID>,<errorcode> (manual 2.2.2), or
        # +QSSLURC: "recv"|"closed"|"security",<clientID>[,<n>] (2.3)
        at = lo + 10 if opened else buf.find(b",", lo, hi) + 1
        id = value(buf, at, hi, 0) if at else -1
        n = value(buf, at, hi, 1)
        kind = 0 if opened and n >= 0 else -1
        if not opened:
            lo = buf.find(b'"', lo, at)
            if lo < 0:
                pass
            elif buf.startswith(b'"recv",', lo):
                kind = 1
            elif buf.startswith(b'"closed",', lo):
                kind = 2
            elif buf.startswith(b'"security",', lo):
                kind = 3
        sock = self.sockets[id] if 0 <= id < len(self.sockets) else None
        if sock is not None and kind >= 0:
            sock.told(kind, n)
            self._event(kind, id, -1 if kind == 2 else n)
            return
        if kind == 1 and n >= 0:
            self.link.parser.expect(n, None, None)  # pushed to nobody: not to be parsed
        self.stats.unknown += 1

    def _on_network(self, buf, lo, hi):
        # +QIURC: "pdpdeact",<contextID>: every connection of the context is dead, if it is true.
        at = buf.find(b'"pdpdeact",', lo, lo + 19)
        if at > 0:
            pdp = number(buf, at + 11, hi)
            if pdp >= 0:
                self.link.doubt |= DOUBTED | PDP_GONE
            self._event(4, pdp, -1)
        elif buf.find(b'"recv",', lo, lo + 15) > 0:
            self.link.parser.text = 1  # another program's socket: what it got may follow

    def _on_text(self, buf, lo, hi):
        # The next line is the text of a message (27.005 3.4.1): it may read like anything. A
        # status report with fields has none. A reply of the network's (27.007 7.15) begins here.
        if buf.startswith(b"+CUSD:", lo):
            self.link.quoted(buf, lo, hi)
        elif not buf.startswith(b"+CDS:", lo) or buf.find(b",", lo, hi) < 0:
            self.link.parser.text = 2
            self.stats.unknown += 1

    def _on_restart(self, buf, lo, hi):
        # RDY or POWERED DOWN: true, if the modem has forgotten; the text of a message may read so.
        if buf[lo] == 82 and hi - lo != 3:
            return
        status = self.pins[1]
        if self.up and (status is None or status.value()):
            self.link.claimed()
        else:
            self.link.witness.restarted()

    def misheard(self, id, heard):
        # A command about data of the socket `id` was understood as one about `heard`, -1: about
        # anybody. What was read, or is going to fill the prompt, was not meant for that one.
        for sock in self.sockets:
            if sock is not None and sock.id != id and heard in (-1, sock.id):
                sock.fail("misheard")

    def lose(self, pdp):
        # The PDP context is no longer active.
        self.epoch += 1
        if pdp == self.pdp:
            self.up = False
            self.gone = "network"
        elif pdp in self.pdps:
            self.pdps.remove(pdp)
        for sock in self.sockets:
            if sock is not None and sock.pdp == pdp:
                sock.fail("network")
