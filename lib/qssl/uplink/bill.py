# qssl.uplink.bill - bytes on the air: counted where they are known, reckoned where not; a budget.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.bill import Bill

bill = Bill(up, day=20000, chain=780, folder="/bill")
policy = Policy(up, every_s=21600, may=bill.may)    # over it only what is urgent goes
print(bill.today, bill.month, bill.report())
"""
#
# Known is what the carrier writes and reads. The rest follows from it: a TLS record for each
# AT+QSSLSEND and each answer (RFC 5246, 6.2.3), a handshake for each connection (7.4) whose
# certificates are as long as the program says, TCP and IP for each packet, DNS. Not in it are what
# the network sends again, and what only the radio needs, which nobody bills.
#
# It stands in the place of the modem's connecting() and the carrier's attach(), and gives that a
# socket that counts.

import errno
import json

from micropython import const

from ..errors import Refused
from .seconds import Seconds

_SEND = const(1460)  # bytes of one AT+QSSLSEND
_SEGMENT = const(1360)  # bytes of one packet: what mobile networks leave of 1500
_RECORD = const(5)  # header of a TLS record
_SYN = const(12)  # options of TCP, of SYN alone
_KEEP = const(4096)  # bytes until it is written again
_DAY = const(86400)
# What a suite adds to a record: (bytes before, MAC or tag, block, kind of handshake). By their
# numbers; all that is not here is like AES256-SHA.
_PLAIN = const((0, 20, 1))
_SHA = const((16, 20, 16))
_SHA256 = const((16, 32, 16))
_SHA384 = const((16, 48, 16))
_GCM = const((8, 16, 1))


class Bill:
    """Counts the bytes on the air of an Uplink, up and down, for each day and month (UTC).

    day, month: the budget, in bytes; 0: none. may() says whether there is some left: for may= of
    qssl.uplink.policy.Policy. chain: bytes of the certificates that the server sends, and
    key: bytes of its RSA key; `python3 tools/check_server.py` tells both. cert: bytes of the
    board's own certificate, if it has one. ip: bytes of a packet's headers. folder: where the
    sums are kept through restarts; without it they begin with the program.

    today, month: bytes so far; payload, tls, air: bytes since the program began: of the carrier,
    with TLS, and with all of it; connects, failed: connections. modem.stats.air is the same as
    air.

    Raises: qssl.Refused for arguments; OSError of the file system.
    Blocks: while it reads its files.
    Allocates: little; 100 bytes a connection.
    Since: 0.2.
    """

    def __init__(
        self,
        up,
        day: int = 0,
        month: int = 0,
        chain: int = 1000,
        key: int = 256,
        cert: int = 0,
        ip: int = 40,
        folder: str | None = None,
    ) -> None:
        for n in (day, month, chain, key, cert, ip):
            if not isinstance(n, int) or n < 0:
                raise Refused(errno.EINVAL, "bill", "give whole numbers of bytes, 0 or more")
        self._up = up
        self._limits = (day, month)
        self._chain = chain
        self._key = key
        self._cert = cert
        self._ip = ip
        self._over = _PLAIN
        self.payload = self.tls = self.air = self.connects = self.failed = 0
        self.today = self.month = 0
        self.before = (0, 0)  # of the day and the month before
        self._time = Seconds()  # since 1970; where nobody knows, on from what was kept
        self._kept = 0
        self._queue = None
        self._span = (0, 0)
        if folder is not None:
            from ..queue import FileQueue

            self._queue = FileQueue(folder, 2048, "drop", 512)
            self._load()
        modem = up._modem
        self._connect = modem.connecting
        modem.connecting = self._connecting
        self._attach = up._carrier.attach
        up._carrier.attach = self.attach
        self._packets = hasattr(up._carrier, "_receive")
        if self._packets:
            self._receive = up._carrier._receive
            up._carrier._receive = self._packet
        self._count(0, 0, 0)

    def may(self) -> bool:
        """Whether there is something left of the budget.

        Returns: bool.
        Raises: nothing.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        self._turn()
        day, month = self._limits
        return not ((day and self.today >= day) or (month and self.month >= month))

    def report(self) -> dict:
        """The sums, as for a record: today, month, the day and the month before, air, payload,
        connects, failed, over (the budget is used up).

        Returns: dict.
        Raises: nothing.
        Blocks: no.
        Allocates: the dict.
        Since: 0.2.
        """
        over = not self.may()
        return {
            "today": self.today,
            "month": self.month,
            "yesterday": self.before[0],
            "last_month": self.before[1],
            "air": self.air,
            "payload": self.payload,
            "connects": self.connects,
            "failed": self.failed,
            "over": over,
        }

    def meter(self, sock):
        """A socket that counts what goes through it: for one that the program opened itself.

        Returns: an object with write(), recv(), readline(), flush() and pending() of the socket.
        Raises: nothing.
        Blocks: no.
        Allocates: it.
        Since: 0.2.
        """
        return _Meter(self, sock, True)

    # --- in the place of methods of the modem and the carrier ---

    def attach(self, sock):
        return self._attach(_Meter(self, sock, not self._packets))

    def _packet(self):
        # Brokers send each packet for itself.
        found = yield from self._receive()
        self._data(0, 1, 1)
        self._count(0, 0, self._ip // 2)  # an ACK for two of them
        return found

    def _connecting(self, host, port, ctx, *more, **named):
        try:
            sock = yield from self._connect(host, port, ctx, *more, **named)
        except OSError:
            # How far it came nobody knows.
            self.failed += 1
            tls, air = self._handshake(host, ctx)
            self._count(0, tls // 2, air // 2)
            raise
        self.connects += 1
        tls, air = self._handshake(host, ctx)
        self._count(0, tls, air)
        self._save()
        return sock

    # --- what it comes to ---

    def _handshake(self, host, ctx):
        # (bytes of TLS, bytes of all) to open a connection, and to close it.
        suite = _suite(self._up._modem, ctx)
        self._over = _overhead(suite)
        ecdhe = suite >> 8 == 0xC0
        ip = self._ip
        end = _RECORD + self._sealed(2)
        done = 6 + _RECORD + self._sealed(16)  # ChangeCipherSpec, Finished
        # ClientHello; ServerHello, Certificate, ServerHelloDone; ClientKeyExchange.
        hello = 62 + (60 + len(host) if self._up._modem.link.lte else 0)
        sends = hello
        gets = 86 + 15 + self._chain + 9
        sends += 75 if ecdhe else 11 + self._key
        if ecdhe:
            gets += 80 + self._key
        if self._cert:
            gets += 60
            sends += 15 + self._cert + 15 + self._key
        sends += done
        gets += done
        # SYN, SYN, ACK; the packets; an ACK for each flight but the first; FIN, ACK twice.
        packets = 3 + 1 + _packets(gets - done) + _packets(sends - hello) + 1 + 2
        packets += 2 + 4
        air = sends + gets + 2 * end + packets * ip + 2 * _SYN
        if not host.replace(".", "").isdigit():
            air += 2 * (28 + 18 + len(host)) + 16  # DNS
        return sends + gets + 2 * end, air

    def _sealed(self, n):
        # Bytes of n, encrypted.
        before, tag, block = self._over
        n += tag
        if block > 1:
            n = n // block * block + block
        return before + n

    def _data(self, n, records, packets):
        # Payload one way, in so many TLS records and packets.
        tls = n
        if records:
            tls += records * (_RECORD + self._sealed(n // records)) - n
        self._count(n, tls, tls + packets * self._ip)

    def _count(self, payload, tls, air):
        self.payload += payload
        self.tls += tls
        self.air += air
        self._turn()
        self.today += air
        self.month += air
        self._up._modem.stats.air = self.air
        if self.air - self._kept > _KEEP:
            self._save()

    # --- days and months ---

    def _turn(self):
        # What time it is, and what is over.
        time = self._time
        s = time.now()
        clock = self._up._clock
        known = None if clock is None else clock.now()
        if known is not None:
            time.s = s = known
        day = s // _DAY
        if day == self._span[0]:
            return
        from ..clock import civil

        year, month = civil(s)[:2]
        month += 12 * year
        before = list(self.before)
        if self._span[0]:
            before[0] = self.today if day == self._span[0] + 1 else 0
            self.today = 0
            if month != self._span[1]:
                before[1] = self.month if month == self._span[1] + 1 else 0
                self.month = 0
        self.before = tuple(before)
        self._span = (day, month)
        self._save()

    def _load(self):
        for _, record in self._queue.peek(9, 2048):
            try:
                kept = json.loads(record)
                self._time.s, self.today, self.month = kept["s"], kept["d"], kept["m"]
                self._span = tuple(kept["at"])
                self.before = tuple(kept["b"])
            except (ValueError, KeyError):
                pass  # it can't be: it has its checksum

    def _save(self):
        self._kept = self.air
        if self._queue is None:
            return
        what = {"s": self._time.s, "d": self.today, "m": self.month}
        what["at"], what["b"] = self._span, self.before
        try:
            number = self._queue.put(json.dumps(what).encode())
            self._queue.drop(number - 2)  # one more, should this one be damaged
        except OSError:
            pass  # once more with the next connection


class _Meter:
    # A socket as carriers use it. turns: what comes after something was sent is one TLS record.
    def __init__(self, bill, sock, turns):
        self._bill = bill
        self._sock = sock
        self._turns = turns
        self._sent = 0  # TLS records since something came
        self._got = 0  # bytes since something was sent
        self._waits = 0  # bytes that no AT+QSSLSEND has taken yet
        self._flushed = False
        self.pending = sock.pending

    def write(self, data, *span):
        # What follows before the modem has what was flushed goes with it.
        if self._flushed and not self._sock.pending():
            self._goes(self._waits)
        n = self._sock.write(data, *span)
        if n:
            self._flushed = False
            self._waits += n
            self._got = 0
            while self._waits >= _SEND:
                self._goes(_SEND)
        return n

    def flush(self):
        self._flushed = True
        self._sock.flush()

    def _goes(self, n):
        # One AT+QSSLSEND. The first is acknowledged with the answer, others for themselves.
        if n:
            bill = self._bill
            self._waits -= n
            packets = _packets(n + _RECORD + bill._sealed(n) - n)
            bill._data(n, 1, packets + (self._turns and self._sent > 0))
            self._sent += 1

    def recv(self, n):
        return self._came(self._sock.recv(n))

    def readline(self, n):
        return self._came(self._sock.readline(n))

    def _came(self, part):
        self._goes(self._waits)  # reading flushes
        if part:
            n = len(part)
            if not self._turns:
                self._bill._data(n, 0, 0)
            elif not self._got:
                self._bill._data(n, 1, 2)  # and its ACK
            else:
                self._bill._data(n, 0, (self._got + n) // _SEGMENT - self._got // _SEGMENT)
            self._got += n
            self._sent = 0
        return part


def _packets(n):
    return (n + _SEGMENT - 1) // _SEGMENT


def _suite(modem, ctx):
    # The number of the suite that the server takes, as far as it is known.
    value = ctx._settings[1]
    if modem.link.lte and ctx._settings[5] is None:
        from ..family import table

        value = table(modem).suite
    number = int(value.strip('"')[2:], 16)
    return 0x003D if number == 0xFFFF else number


def _overhead(suite):
    if suite in (0x0004, 0x0005):
        return _PLAIN
    if suite in (0x003C, 0x003D, 0xC023, 0xC027):
        return _SHA256
    if suite in (0xC024, 0xC028):
        return _SHA384
    if suite in (0x009C, 0x009D, 0xC02B, 0xC02C, 0xC02F, 0xC030):
        return _GCM
    return _SHA
