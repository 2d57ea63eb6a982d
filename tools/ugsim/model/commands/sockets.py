# ugsim.model.commands.sockets - the SSL sockets: buffers, states, URCs (manual 1.3, 2.3).
# SPDX-License-Identifier: MIT

from ugsim.model.commands import sslcfg
from ugsim.model.commands.sslsocket import (
    BUFFER,
    CLOSING,
    CONNECTED,
    COUNT,
    HANDSHAKE,
    INITIAL,
    OPENING,
    PUSH,
    TRANSPARENT,
    told,
)

_TCP_MS = 75000  # a TCP connect is given up after this time
_BACKLOG = 3000  # bytes waiting for TXD at which pushed and transparent data hold back


class Sockets:
    def __init__(self, model):
        self._m = model
        self.slots = [None] * COUNT
        self.live = []  # the sockets in the slots, by number
        self.streams = []  # those of them whose data leave without being asked for
        self.opens = 0
        self._active_ms = 0  # of the last traffic
        self.owner = None  # the socket that has the port in transparent mode
        self.resumable = None  # the socket that left transparent mode last (ATO)
        self.leave = None  # function(text): ends the data mode with a result; set by datamode

    def put(self, s):
        self.slots[s.number] = s
        self._list()

    def _take(self, s):
        if self.slots[s.number] is s:
            self.slots[s.number] = None
            self._list()

    def set_mode(self, s, mode):
        s.mode = mode
        s.armed = True
        self._list()

    def _list(self):
        self.live = [s for s in self.slots if s is not None]
        self.streams = [s for s in self.live if s.mode != BUFFER]

    # Opening

    def start(self, s):
        # The command was accepted: connects. s.opened(error) is called when it is decided.
        m = self._m
        s.since = m.now
        self.opens += 1
        fault = m.faults.hit("open_code")
        if fault is not None:
            self._decide(s, fault.number("code"))
            return
        if m.faults.hit("open_never") is not None:
            s.opened = None
        if m.sw["open_limit"] and self.opens > m.sw["open_limit"]:
            self._decide(s, 552)
            return
        s.tls = sslcfg.settings(m, m.sslctx[s.ctx], s.host)
        if not m.dns.can_resolve(s.host, s.pdp):
            self._decide(s, 565)
        elif s.tls.seclevel and s.tls.ca is None:
            m.event("tls", "socket %d: the CA file is not on the modem" % s.number)
            self._decide(s, 566)
        else:
            s.conn = m.net.connect(s.tls, s.host, s.port, m.now)

    def _decide(self, s, error):
        # Tells the result of the opening on the next run, never before the command's OK.
        self._m.timers.at(self._m.now, lambda: self._opened(s, error))

    def _opened(self, s, error):
        m = self._m
        if self.slots[s.number] is not s or s.state not in (OPENING, HANDSHAKE):
            return
        if error:
            why = s.conn.why if s.conn is not None else ""
            m.event("socket", "socket %d: open failed with %d %s" % (s.number, error, why))
            self._drop_conn(s)
            s.state = CLOSING
            if m.sw["failed_open_claims"] == "no" or s.mode == TRANSPARENT:
                self._take(s)
        else:
            s.state = CONNECTED
            m.event(
                "socket",
                "socket %d: open, %s %s" % (s.number, s.conn.version, s.conn.suite),
            )
        if s.opened is not None:
            s.opened(error)

    # Work of run()

    def poll(self):
        for s in self.live:
            c = s.conn
            if c is None and not s.rx.size:
                continue
            if s.rx.size:
                if s.mode != BUFFER:
                    self.deliver(s)
                    c = s.conn
                elif c is not None and not s.armed and self._rests(s, c):
                    continue
            elif c is not None and self._rests(s, c):
                continue
            if c is not None:
                self._poll(s)

    def _rests(self, s, c):
        # _poll() would find nothing to do, but for data that are there already. Most sockets rest
        # most of the time, and run() comes often.
        return (
            c.still
            and s.state == CONNECTED
            and not s.tx.size
            and s.closing is None
            and not c.security
        )

    def _poll(self, s):
        m = self._m
        c = s.conn
        if s.state == OPENING or s.state == HANDSHAKE:
            self._progress(s, c)
        if s.state < CONNECTED or s.conn is None or not m.radio.up():
            return
        if s.state == CONNECTED or s.closing is not None:
            c.poll(m.now)
            while s.tx.size:
                data = s.tx.peek()
                n = c.send(data)
                if not n:
                    break
                s.tx.drop(n)
                self._active_ms = m.now
        if s.closing is not None:
            if not s.tx or c.state == "closed":
                self._close_done(s)
            return
        if m.family.psm and self._held():
            return
        room = m.sw["rx_size"] - s.rx.size
        if room > 0:
            data = c.recv(room)
            if data:
                self._active_ms = m.now
                s.rx.append(data)
                if m.sw["recv_rearm"] == "always":
                    s.armed = True
        if s.rx.size:
            self.deliver(s)
        if c.security:
            self.security(s, c.security)
        elif c.eof or (c.state == "closed" and not c.available()):
            if s.mode == BUFFER or not s.rx:
                self.closed_by_peer(s)

    def _progress(self, s, c):
        m = self._m
        if not m.radio.up():
            if m.now - s.since >= _TCP_MS:
                self._opened(s, 566)
            return
        c.poll(m.now)
        if c.state == "handshake" and s.state == OPENING:
            s.state = HANDSHAKE
            s.since = m.now
        if c.ip:
            s.ip = c.ip
            s.local_port = c.local_port
        if c.state == "open":
            self._opened(s, 0)
        elif c.state == "closed":
            self._opened(s, c.error or 566)
        elif s.state == OPENING and m.now - s.since >= _TCP_MS:
            self._opened(s, 566)
        elif s.state == HANDSHAKE and m.now - s.since >= s.tls.negotiate_ms:
            self._opened(s, 569)

    def _held(self):
        # eDRX: until when nothing comes from the network; 0: it does.
        from ugsim.model.commands.lte import reached_at

        return reached_at(self._m, self._active_ms)

    def next_ms(self):
        # When an opening or a close runs into its time limit, or None.
        best = None
        if self._m.family.psm:
            best = self._held() or None
        for s in self.live:
            if s.state > HANDSHAKE or s.conn is None:
                continue
            if s.state == OPENING:
                due = s.since + _TCP_MS
            elif s.state == HANDSHAKE:
                due = s.since + s.tls.negotiate_ms
            else:
                continue
            if best is None or due < best:
                best = due
        return best

    # Data towards the host

    def deliver(self, s):
        # Announces or hands out what s.rx holds, as the access mode has it (manual 1.3, 2.3.1).
        m = self._m
        if s.mode == BUFFER:
            if s.armed:
                s.armed = False
                more = ",%d" % len(s.rx) if m.qicfg["recvind"] else ""
                if m.faults.hit("recv_miss") is None:
                    m.out.tell("recv", '+QSSLURC: "recv",%d%s' % (s.number, more))
                fault = m.faults.hit("recv_unknown")
                if fault is not None:
                    m.out.urc('+QSSLURC: "recv",%d' % fault.number("id"))
                if m.faults.hit("recv_dup") is not None:
                    m.out.tell("recv", '+QSSLURC: "recv",%d' % s.number)
        elif s.mode == PUSH:
            while s.rx and not m.out.hold and m.out.pending() < _BACKLOG:
                data = s.rx.take(m.sw["push_max"])
                trailer = b"\r\n" if m.sw["push_trailer"] == "crlf" else b""
                if not (m.faults.on_urcs and m.faults.lost("push")):
                    text = '+QSSLURC: "recv",%d,%d' % (s.number, len(data))
                    m.out.urc(text, told(m, data), trailer)
            if s.untold and not s.rx:
                s.untold = False
                m.out.tell("closed", '+QSSLURC: "closed",%d' % s.number)
        elif self.owner is s:
            while s.rx and m.out.pending() < _BACKLOG:
                m.out.emit(s.rx.take(_BACKLOG), "data")

    def can_deliver(self):
        # True when data that waited for TXD to get emptier can go on now.
        for s in self.streams:
            if s.rx.size:
                out = self._m.out
                if self.owner is s or (s.mode == PUSH and not out.hold):
                    return out.pending() < _BACKLOG
        return False

    def read(self, s, limit):
        # Up to limit bytes for AT+QSSLRECV; takes care of when the next URC may come.
        data = s.rx.take(limit)
        rearm = self._m.sw["recv_rearm"]
        if not s.rx and (rearm == "empty" or (rearm == "zero" and not data)):
            s.armed = True
        return data

    # Endings

    def _drop_conn(self, s):
        if s.conn is not None:
            s.conn.close()
            s.conn = None

    def closed_by_peer(self, s, urc=True):
        # The connection is gone, the id stays until QSSLCLOSE (manual 2.3.2).
        m = self._m
        self._drop_conn(s)
        s.tx.clear()
        s.state = CLOSING
        m.event("socket", "socket %d: closed by the peer" % s.number)
        if m.sw["closed_keeps_data"] != "keep":
            s.rx.clear()
        if self.resumable is s:
            self.resumable = None
        if self.owner is s:
            m.out.emit(s.rx.take(len(s.rx)), "data")
            self.leave("NO CARRIER")
            if m.sw["closed_after_no_carrier"] == "yes":
                m.out.tell("closed", '+QSSLURC: "closed",%d' % s.number)
        elif urc and s.mode == PUSH and s.rx:
            s.untold = True
        elif urc:
            m.out.tell("closed", '+QSSLURC: "closed",%d' % s.number)
            if m.faults.hit("recv_after_closed") is not None:
                m.out.tell("recv", '+QSSLURC: "recv",%d' % s.number)
        if m.qicfg["passiveclosed"]:  # the module closes as well
            self.free(s)

    def security(self, s, code):
        # Manual 2.3.3. Without the switch no "closed" URC follows, but the connection is gone.
        m = self._m
        if m.sw["security_urc"] == "no":
            self.closed_by_peer(s)
            return
        m.out.tell("security", '+QSSLURC: "security",%d,%d' % (s.number, code))
        self.closed_by_peer(s, m.sw["security_then_closed"] == "yes")

    def context_lost(self, pdp, urc):
        # The PDP context was taken away by the network.
        for s in self.live:
            if s.pdp != pdp:
                continue
            if s.state == OPENING or s.state == HANDSHAKE:
                self._opened(s, 570)
            elif s.closing is not None:
                self._close_done(s)
            elif s.state == CONNECTED:
                self.closed_by_peer(s, urc)

    def context_closed(self, pdp):
        # AT+QIDEACT: the sockets are closed and their ids free.
        for s in self.live:
            if s.pdp == pdp:
                self.free(s)

    def close(self, s, timeout_ms, done):
        # Local close: what waits to be sent still goes out, within timeout_ms. Then done().
        m = self._m
        hang = timeout_ms and m.faults.hit("close_hang") is not None
        if hang:
            self._drop_conn(s)
            s.closing = done
            s.state = CLOSING
            m.timers.at(m.now + timeout_ms, lambda: self._close_done(s))
            return
        if s.lingers:  # it was closed before
            done()
            return
        if s.conn is None or s.state != CONNECTED or not s.tx or timeout_ms == 0:
            self._let_go(s)
            done()
            return
        s.state = CLOSING
        s.closing = done
        m.timers.at(m.now + timeout_ms, lambda: self._close_done(s))

    def _close_done(self, s):
        done = s.closing
        if done is None:
            return
        s.closing = None
        self._let_go(s)
        done()

    def _let_go(self, s):
        # The close is done; the id is free, or will be (switch id_busy_ms).
        m = self._m
        busy = m.sw["id_busy_ms"]
        if not busy:
            self.free(s)
            return
        self._drop_conn(s)
        s.lingers = True
        s.state = CLOSING

        def over():
            if self.slots[s.number] is s:
                self.free(s)

        m.timers.at(m.now + busy, over)

    def free(self, s):
        self._drop_conn(s)
        if self.resumable is s:
            self.resumable = None
        if self.owner is s:
            self.leave("NO CARRIER")
        self._take(s)
        s.state = INITIAL
        self._m.event("socket", "socket %d: free" % s.number)
        self._release(s.ctx)

    def _release(self, ctx):
        # The last connection of an SSL context releases it (manual 2.2.5): what that does to its
        # settings is a switch.
        m = self._m
        if m.sw["context_release"] == "reset":
            if not [1 for s in self.live if s.ctx == ctx]:
                m.sslctx[ctx] = sslcfg.fresh(m)

    def reset(self):
        # Power gone.
        for s in self.live:
            self._drop_conn(s)
        self.slots = [None] * COUNT
        self._list()
        self.opens = 0
        self.owner = None
        self.resumable = None
