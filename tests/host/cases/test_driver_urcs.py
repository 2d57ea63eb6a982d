# test_driver_urcs - URCs that are missing, doubled, wrong or for somebody else.
# SPDX-License-Identifier: MIT

import driver_kit
from driver_kit import POLL_RD, Log, Recorder, Watch, bits, connected, pattern, raised
from ugsim.fakenet import EchoPeer

URC = "fault before before=any n=0 text=%s"


def test_missing_recv_urc():
    watch = Watch()
    rig, modem, sock = connected(Recorder(), idle=watch)
    sock.settimeout(15)
    for i in range(5):
        rig.model.command("fault recv_miss")
        rig.net.conns[-1].push(b"data %d" % i)
        start = rig.now
        assert sock.read(6) == b"data %d" % i
        assert rig.now - start <= 10100, rig.now - start


def test_missing_recv_urc_for_a_socket_that_is_only_polled():
    rig, modem, sock = connected(Recorder())
    sock.setblocking(False)
    rig.model.command("fault recv_miss")
    rig.net.conns[-1].push(b"data")
    for _ in range(110):
        rig.sleep(100)
        if bits(sock, POLL_RD):
            break
    assert sock.recv(9) == b"data"


def test_recv_urc_that_is_not_repeated():
    # Edge-triggered: one URC for many arrivals until the buffer was read empty.
    for rearm in ("empty", "zero", "always"):
        rig, modem, sock = connected(Recorder(), switches={"recv_rearm": rearm})
        sock.settimeout(5)
        conn = rig.net.conns[-1]
        for i in range(20):
            conn.push(pattern(2000, i))
            rig.sleep(7)
            start = rig.now
            assert sock.read(1000) == pattern(2000, i)[:1000]
            conn.push(b"+")
            assert sock.read(1001) == pattern(2000, i)[1000:] + b"+"
            assert rig.now - start < 1000


def test_duplicate_and_foreign_urcs():
    rig, modem, sock = connected()
    sock.settimeout(5)
    for text in (
        '+QSSLURC: "recv",0',
        '+QSSLURC: "recv",1',
        '+QSSLURC: "recv",11',
        '+QSSLURC: "recv",99',
        '+QSSLURC: "recv",-1',
        '+QSSLURC: "recv",',
        '+QSSLURC: "recv"',
        '+QSSLURC: "closed",1',
        '+QSSLURC: "closed",11',
        '+QSSLURC: "closed",x',
        '+QSSLURC: "security",1,1',
        '+QSSLURC: "unknown",0',
        "+QSSLURC: ",
        "+QSSLURC: 0",
        "+QSSLOPEN: 0,0",
        "+QSSLOPEN: 0,566",
        "+QSSLOPEN: 1,0",
        "+QSSLOPEN: 11,566",
        "+QSSLOPEN: ",
        '+QIURC: "pdpdeact",2',
        '+QIURC: "pdpdeact",',
        '+QIURC: "incoming full"',
        "+QIURC: ",
        "RDYX",
        "+CREG: 2",
        "+CUSD: 2",
        "RING",
        "NO CARRIER",
        "OK",
        "ERROR",
        "SEND OK",
        "CONNECT",
        "> ",
    ):
        rig.model.command("say " + text)
        rig.sleep(1)
        modem.pump()
        sock.write(b"still alive")
        assert sock.read(11) == b"still alive", text
    assert modem.up


def test_no_blank_behind_the_colon():
    # +QSSLURC:"recv",0 and the like, as some firmware writes lines.
    def bare(data, kind):
        return data.replace(b": ", b":", 1) if kind in ("info", "urc") else data

    rig, modem, sock = connected(EchoPeer())
    rig.model.out.filter = bare
    for _ in range(3):
        sock.close()
        start = rig.now
        sock = modem.connect(driver_kit.HOST, 443, driver_kit.tls(modem))
        sock.settimeout(10)
        sock.write(b"ping")
        assert sock.read(4) == b"ping"
        rig.net.conns[-1].peer_close()
        assert sock.read(1) == b"" and rig.now - start < 3000, rig.now - start
    rig.model.command("pdp drop 1")
    rig.sleep(100)
    modem.sleep_ms(500)
    assert not modem.up


def test_urc_for_a_closed_id_is_nothing():
    rig, modem, sock = connected()
    sock.close()
    log = Log(rig)
    for text in ('+QSSLURC: "recv",0', '+QSSLURC: "closed",0', "+QSSLOPEN: 0,0"):
        heard = modem.stats.rx
        rig.model.command("say " + text)
        rig.sleep(1)
        modem.pump()
        assert modem.stats.rx == heard + len(text) + 4
    assert not log.at and modem.up  # neither asked for nor believed
    driver_kit.works(modem)


def test_security_urc():
    for then in ("yes", "no"):
        rig, modem, sock = connected(Recorder(), switches={"security_then_closed": then})
        rig.model.command("security 0 2")
        e = raised(sock.recv, 1)
        assert e.phase == "tls" and e.code == 2, (e, e.code)
        raised(sock.write, b"x")
        sock.close()
        driver_kit.works(modem)


def test_idle_connection_is_quiet():
    # Nothing is asked but the slow look for data and state, once in 8 s.
    rig, modem, sock = connected(Recorder())
    sock.setblocking(False)
    log = Log(rig)
    for _ in range(600):
        rig.sleep(100)
        modem.pump()
        bits(sock)
    assert 12 <= len(log.at) <= 16, log.at
