# LTE modems that forget the settings of an SSL context with the connection before.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import CA, HOST, Recorder, arm, pattern, raised, reads, works
from family_kit import LTE, echoed, started
from ugsim.fakenet import FakeNet


def test_a_context_that_an_earlier_connection_takes_with_it():
    # The modem said OK to AT+QSSLCLOSE, holds the connection for a while, and forgets the settings
    # of the context when it lets go: in the middle of their being set, and behind that.
    hits = 0
    for how in ("connect", "open"):
        for busy in range(0, 120, 10):
            rig, modem, log = started(
                "bg770a", switches={"context_release": "reset", "id_busy_ms": 1 + busy}, sockets=3
            )
            ctx = modem.tls(0, ca=CA, check_time=False)
            socks = [modem.connect(HOST, 8883, ctx), modem.connect(HOST, 8883, ctx)]
            good = rig.net.conns[-1].tls.seclevel, rig.net.conns[-1].tls.version
            socks[0].close()
            rig.sleep(busy % 20 * 500)  # its id is free, or not
            socks[1].close()
            ctx._epoch = -1  # all is set again
            for _ in range(9):
                made = len(rig.net.conns)
                try:
                    if how == "connect":
                        sock = modem.connect(HOST, 8883, ctx)
                    else:
                        sock = modem.open(HOST, 8883, ctx)
                    echoed(sock, 10)
                    break
                except OSError as e:
                    assert "the settings of the SSL context" in str(e), (how, busy, e)
                    rig.sleep(300)
                    assert not [c.sent for c in rig.net.conns[made:] if c.sent], (how, busy)
            hits += len(rig.net.conns) - made - 1  # looked at, and given up
            for conn in rig.net.conns[made:]:
                tls = conn.tls.seclevel, conn.tls.version
                assert tls == good or not conn.sent, (how, busy, tls)
            sock.close()
    assert hits


def begins(rig, modem, ctx, limit=0, **keywords):
    # open(), called again as long as it says that the time has not come: (socket, ms it said so).
    # It does not wait for that itself: limit is what setting the context takes, in ms.
    first = rig.now
    while True:
        begun = rig.now
        try:
            sock = modem.open(HOST, 8883, ctx, **keywords)
            assert not limit or rig.now - begun < limit, rig.now - begun
            return sock, begun - first
        except OSError as e:
            assert not limit or rig.now - begun < limit, (e, rig.now - begun)
            if e.errno != errno.EAGAIN or "open() can go on in" not in str(e):
                raise
            assert modem.sockets.count(None) == len(modem.sockets)
        modem.sleep_ms(50)


def test_an_open_that_would_have_to_wait_for_the_modem():
    for busy, pause in ((3000, 1000), (8000, 3000)):
        switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": 20}
        rig, modem, log = started("bg770a", sockets=1, switches=switches)
        ctx = modem.tls(0, ca=CA, check_time=False)
        waits = lost = 0
        for _ in range(6):
            try:
                sock, waited = begins(rig, modem, ctx, 1500)
                waits += waited > 0
                assert waited < 15000
                sock.settimeout(60)
                echoed(sock, 10)
            except OSError as e:
                assert "the settings of the SSL context" in str(e), e
                lost += 1
            sock.close()
            modem.sleep_ms(pause)
        assert waits and lost < 2, (busy, waits, lost)


def test_a_context_that_is_forgotten_in_the_rhythm_of_a_program():
    # It connects and closes at a steady pace, the modem forgets the context each time while it is
    # set up anew: connect() knows a way out, open() from the second time on. ids: of the driver.
    for how, ids, reply, busy, pause, most in (
        ("connect", 1, 20, 100, 0, 0),
        ("connect", 2, 20, 250, 0, 0),
        ("connect", 1, 20, 8000, 3000, 0),
        ("connect", 2, 20, 3200, 3000, 0),
        ("connect", 2, 300, 8000, 1000, 0),
        ("open", 1, 20, 400, 0, 1),
        ("open", 1, 20, 3000, 1000, 1),
        ("open", 2, 20, 3200, 3000, 1),
        ("open", 2, 300, 3000, 0, 1),
    ):
        switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": reply}
        rig, modem, log = started("bg770a", sockets=ids, switches=switches)
        ctx = modem.tls(0, ca=CA, check_time=False)
        lost = 0
        good = None
        what = how, ids, reply, busy, pause
        for _ in range(6):
            made = len(rig.net.conns)
            sock = None
            try:
                if how == "connect":
                    sock = modem.connect(HOST, 8883, ctx, 20000)
                else:
                    sock = begins(rig, modem, ctx)[0]
                sock.settimeout(60)
                echoed(sock, 10)
            except OSError as e:
                assert "the settings of the SSL context" in str(e), (what, e)
                lost += 1
            for conn in rig.net.conns[made:]:
                tls = conn.tls.seclevel, conn.tls.version, conn.tls.suites
                good = good or tls
                assert tls == good or not conn.sent, (what, tls)
            if sock:
                sock.close()
            modem.sleep_ms(pause)
        assert lost <= most, (what, lost)


def test_a_context_that_is_forgotten_in_the_other_modes():
    # In push mode it is asked about before anything is sent. In transparent mode it can't be: what
    # the modem still lets go is waited for before.
    for how in ("connect", "open", "transparent"):
        bad = 0
        for busy, pause in ((100, 0), (300, 0), (3100, 3000)):
            switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": 20}
            rig, modem, log = started("bg770a", switches=switches)
            ctx = modem.tls(0, ca=CA, check_time=False)
            good = None
            for n in range(4):
                made = len(rig.net.conns)
                try:
                    if how == "transparent":
                        sock = modem.transparent(HOST, 8883, ctx, 30000)
                    elif how == "open":
                        sock = begins(rig, modem, ctx, push=True)[0]
                    else:
                        sock = modem.connect(HOST, 8883, ctx, 30000, push=True)
                    sock.settimeout(30)
                    sock.write(b"hello")
                    sock.flush()
                    assert reads(sock, 5) == b"hello"
                except OSError as e:
                    assert "the settings of the SSL context" in str(e) and how == "open", (how, e)
                for conn in rig.net.conns[made:]:
                    tls = conn.tls.seclevel, conn.tls.version
                    good = good or tls
                    assert tls == good or not conn.sent, (how, busy, n, tls)
                    bad += tls != good
                sock.close()
                modem.sleep_ms(pause)
        assert (how == "transparent") == (not bad), (how, bad)


def test_transparent_mode_waits_for_the_context_as_long_as_it_may():
    # Within the time-out of the call; what is held for longer is no connection.
    for busy, timeout, most in (
        (15200, 30000, 18000),
        (15600, 30000, 18000),
        (40000, 60000, 45000),
        (20000, 5000, 0),
        (70000, 60000, 0),
    ):
        switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": 20}
        rig, modem, log = started("bg770a", switches=switches)
        ctx = modem.tls(0, ca=CA, check_time=False)
        modem.connect(HOST, 8883, ctx).close()
        good = rig.net.conns[0].tls.seclevel, rig.net.conns[0].tls.version
        begun = rig.now
        if not most:
            e = raised(modem.transparent, HOST, 8883, ctx, timeout)
            assert "not released by the modem" in str(e) and len(rig.net.conns) == 1, e
            assert timeout - 500 < rig.now - begun < timeout + 100, (busy, rig.now - begun)
            rig.sleep(busy)
        pipe = modem.transparent(HOST, 8883, ctx, timeout)
        assert busy <= rig.now - begun < most or not most, (busy, rig.now - begun)
        conn = rig.net.conns[-1]
        assert (conn.tls.seclevel, conn.tls.version) == good and len(rig.net.conns) == 2, busy
        pipe.close()


def test_transparent_mode_waits_for_no_connection_that_is_only_ended():
    # The server has closed it, the program has not: the modem lists it until then.
    for model, _ in LTE:
        rig, modem, log = started(model, FakeNet(Recorder()), sockets=3)
        ctx = modem.tls(0, ca=CA, check_time=False)
        sock = modem.connect(HOST, 8883, ctx)
        rig.net.conns[0].peer_close()
        modem.sleep_ms(1000)
        begun = rig.now
        modem.transparent(HOST, 8883, ctx, 30000).close()
        assert rig.now - begun < 5000, (model, rig.now - begun)
        sock.close()


class Forgets(Recorder):
    # A server that speaks first; with the connection the modem forgets the context.
    rig = None

    def on_open(self, conn):
        Recorder.on_open(self, conn)
        if self.rig:
            sslctx = self.rig.model.sslctx
            sslctx[0] = sslctx[5]


def test_a_push_that_holds_the_line_before_the_context_was_asked_about():
    # The server says more than fits: the answer is behind that, so it is given out. But nothing is
    # sent until it is known that the context stood.
    for model in ("bg95", "eg800k"):
        for good in (True, False):
            for how in ("connect", "open"):
                peer = Forgets(pattern(6000))
                rig, modem, log = started(model, FakeNet(peer))
                ctx = modem.tls(0, ca=CA, check_time=False)
                peer.rig = None if good else rig
                if how == "connect":
                    sock = modem.connect(HOST, 8883, ctx, 20000, push=True)
                else:
                    sock = modem.open(HOST, 8883, ctx, push=True)
                sock.settimeout(30)
                if good:
                    assert reads(sock, 6000) == pattern(6000)
                    sock.write(b"z")
                    sock.flush()
                    modem.sleep_ms(300)
                    assert peer.received == b"z"
                else:
                    sock.write(b"z")
                    reads(sock, 6000)
                    e = raised(sock.flush)
                    assert "the settings of the SSL context" in str(e), (how, e)
                    raised(sock.recv, 1)
                    modem.sleep_ms(300)
                    assert not peer.received, how
                sock.close()
        peer.rig = None
        works(modem)


def test_a_context_that_can_not_be_seen_behind_the_opening():
    # The modem refuses the questions: nothing is sent, and it is said so.
    for how in ("connect", "push", "open", "open push"):
        rig, modem, log = started("bg95")

        def event(kind, text, rig=rig, log=log):
            log(kind, text)
            if log.count("AT+QSSLOPEN") and text.startswith("AT+QSSLCFG"):
                arm(rig, "error cmd=+QSSLCFG")

        ctx = modem.tls(0, ca=CA, check_time=False)
        rig.model.on_event = event
        try:
            if how.startswith("open"):
                sock = modem.open(HOST, 8883, ctx, push="push" in how)
            else:
                sock = modem.connect(HOST, 8883, ctx, push="push" in how)
            sock.settimeout(30)
            sock.write(b"x")
            sock.flush()
            e = None
        except OSError as error:
            e = error
        assert e and e.errno == errno.EIO, (how, e)
        assert "can't be read" in str(e) or "shows no settings" in str(e), (how, e)
        assert not rig.net.conns[0].sent, how
        rig.model.on_event = log
        modem.sleep_ms(2000)
        works(modem)
