# LTE modems that hold a connection after AT+QSSLCLOSE, or open no more.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import CA, HOST, arm, pattern, raised, reads, works
from family_kit import LTE, echoed, made, started
from qssl import Modem
from qssl.recovery import Recovery

INSIDE = ("test_an_open_that_takes_another_id",)


def test_an_open_that_takes_another_id():
    # As connect() does. What was written before stays, and each id its own memory.
    for held in (False, True):
        rig, modem, log = started("bg95", sockets=3, switches={"id_busy_ms": 5000})
        ctx = modem.tls(0, ca=CA, check_time=False)
        modem.held = held
        first = modem.connect(HOST, 8883, ctx)
        was = first.id
        first.close()
        modem.held = held
        sock = modem.open(HOST, 8883, ctx)
        assert sock.id == was
        sock.settimeout(0)
        data = pattern(100)
        sock.write(data)
        begun = rig.now
        while not sock.state():
            modem.pump()
            rig.sleep(10)
        assert sock.state() == 1 and rig.now - begun < 2000, (sock.why, rig.now - begun)
        assert sock.id == (0 if held else 2) and modem.sockets[sock.id] is sock
        assert modem.sockets[was] is None
        sock.settimeout(30)
        assert reads(sock, 100) == data
        others = [modem.connect(HOST, 8883, ctx) for _ in range(2)]
        assert modem.sockets.count(None) == 0
        for s in others:
            echoed(s, 2000)
        echoed(sock, 2000)
        memory = [id(slot[0]) for slot in modem.slots]
        assert len(set(memory)) == 3
        for s in [sock] + others:
            s.close()
        modem.sleep_ms(6000)
        works(modem)


def test_firmware_that_opens_no_more():
    rig, modem, log = started("eg800k", switches={"open_limit": 3})
    ctx = modem.tls(0, ca=CA, check_time=False)
    for _ in range(3):
        modem.connect(HOST, 8883, ctx).close()
    e = raised(modem.connect, HOST, 8883, ctx)
    assert e.code == 552 and "restart the modem" in str(e) and HOST in str(e), e
    modem.start(apn="internet")  # which is no cure
    assert raised(modem.connect, HOST, 8883, ctx).code == 552
    told = []
    recovery = Recovery(modem, tell=lambda word, value: told.append(word), apn="internet")
    for failures in (1, 2):
        modem.link.drive(recovery.steps(failures))
        if modem.up:
            try:
                modem.connect(HOST, 8883, ctx).close()
                break
            except OSError:
                pass
    assert "restart" in told and modem.up, told
    works(modem)


def test_firmware_whose_close_takes_no_time():
    # Of a family that mostly takes one: ids get free, and what another program left is closed.
    for model in ("ec25", "eg800k", "bg95"):
        rig, modem, log = made(model, switches={"close_timeout": "error"})
        modem.start(apn="internet")
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(3):
            modem.connect(HOST, 8883, ctx).close()
            assert modem.state() == [], model
        modem.connect(HOST, 8883, ctx)
        again = Modem(rig.uart)
        again.start(apn="internet")
        assert again.state() == [], model
        works(again)


def test_an_id_that_stays_taken_after_its_close():
    # The modem says OK to AT+QSSLCLOSE and lets go later: the same id is waited for, or another
    # one taken.
    for model, _ in LTE:
        for sockets in (1, 2):
            for how in ("connect", "transparent"):
                rig, modem, log = started(model, sockets=sockets, switches={"id_busy_ms": 5000})
                ctx = modem.tls(0, ca=CA, check_time=False)
                modem.connect(HOST, 8883, ctx).close()
                begun = rig.now
                settings = log.count("AT+QSSLCFG")
                sock = getattr(modem, how)(HOST, 8883, ctx, 30000)
                spent = rig.now - begun
                # In transparent mode it waits in any case, see above.
                quick = sockets == 2 and how == "connect"
                assert sock.id == quick and log.count("AT+QSSLOPEN") < 9, (model, log.at)
                assert spent < 2000 if quick else 4900 < spent < 8000, (model, spent)
                assert log.count("AT+QSSLCFG") - settings < 40, model  # it is not set up each time
                echoed(sock, 300)
                sock.close()


def test_an_id_that_is_never_let_go():
    for how in ("connect", "transparent"):
        for limit in (3000, 10000, 150000):
            switches = {"id_busy_ms": 10000000}
            rig, modem, log = started("eg800k", sockets=1, switches=switches)
            ctx = modem.tls(0, ca=CA, check_time=False)
            modem.connect(HOST, 8883, ctx).close()
            begun = rig.now
            e = raised(getattr(modem, how), HOST, 8883, ctx, limit)
            if how == "connect":
                assert e.code == 563 and e.errno == errno.ECONNREFUSED and e.phase == "open", e
                assert HOST in e.hint and "may take seconds" in e.hint, e
                assert e.hint.endswith("try again; if it stays, restart it"), e
            else:  # the context may go with it
                assert e.errno == errno.ENOBUFS and "not released by the modem" in e.hint, e
                assert e.hint.endswith("use another ctx, 0 to 5, or restart it"), e
            assert limit - 4000 < rig.now - begun <= limit, rig.now - begun
            rig.model.command("restart")
            modem.start(apn="internet")
            works(modem)
    # What the words say helps.
    rig, modem, log = started("eg800k", sockets=2, switches=switches)
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    sock = modem.transparent(HOST, 8883, modem.tls(1, ca=CA, check_time=False))
    echoed(sock)
    # With another id there is no need for it.
    rig, modem, log = started("bg95", switches=switches)
    ctx = modem.tls(0, ca=CA, check_time=False)
    modem.connect(HOST, 8883, ctx).close()
    sock = modem.connect(HOST, 8883, ctx)
    assert sock.id == 1
    echoed(sock)


def opens(rig, modem, most_ms=60000, **keywords):
    # (socket, ms) of a Modem.open() that has ended; nothing waits.
    begun = rig.now
    sock = modem.open(HOST, 8883, modem.tls(0, ca=CA, check_time=False), **keywords)
    while not sock.state() and rig.now - begun < most_ms:
        before = rig.now
        modem.pump()
        assert rig.now - before <= 2
        rig.sleep(10)
    return sock, rig.now - begun


def test_an_id_that_stays_taken_and_a_program_that_does_not_wait():
    for model, _ in LTE:
        for how in ({}, {"fault": "open_busy n=2"}, {"close_timeout": "error"}):
            switches = {"id_busy_ms": 5000}
            fault = how.pop("fault", None)
            switches.update(how)
            rig, modem, log = started(model, sockets=1, switches=switches)
            modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
            if fault:
                arm(rig, fault)
            sock, spent = opens(rig, modem)
            assert sock.state() == 1 and 4900 < spent < 8000, (model, how, sock.why, spent)
            assert log.count("AT+QSSLOPEN") < 10, log.at
            echoed(sock, 300)
            sock.close()
            modem.sleep_ms(6000)
            works(modem)


def test_an_id_that_is_never_let_go_and_a_program_that_does_not_wait():
    for ids, switches, code in ((1, {"id_busy_ms": 10000000}, 563), (2, {}, 565)):
        rig, modem, log = started("eg800k", sockets=ids, switches=switches)
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        if code == 565:
            arm(rig, "open_error code=565")
        sock, spent = opens(rig, modem)
        e = raised(sock.write, b"x")
        assert sock.state() == -1 and e.code == code, (sock.state(), e)
        assert e.errno == errno.ECONNREFUSED and (spent > 20000) == (code == 563), (spent, e)
        sock.close()
        if code == 563:
            rig.model.command("restart")
            modem.start(apn="internet")
        sock, spent = opens(rig, modem)
        assert sock.state() == 1 and not sock.id and spent < 1000, (sock.id, spent)
        sock.close()
    # Closed, or restarted, while it waits.
    for end in ("close", "restart"):
        rig, modem, log = started("bg95", sockets=1, switches={"id_busy_ms": 20000})
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        sock, spent = opens(rig, modem, 3000)
        assert not sock.state() and log.count("AT+QSSLOPEN") > 2
        if end == "close":
            sock.close()
            assert sock.state() == 3 and modem.sockets == [None]
        else:
            rig.model.command("restart")
            modem.sleep_ms(15000)
            assert "restart" in str(raised(sock.recv, 1)), sock.why
            modem.start(apn="internet")
        modem.sleep_ms(20000)
        works(modem)
