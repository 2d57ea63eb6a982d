# test_ugsim_modes - access modes, many sockets and faults, over a pty and real TLS.
# SPDX-License-Identifier: MIT

import os
import re
import threading
import time

import pytest

import tls_peer
from patience import LIMIT_S, once, until
from tls_peer import TlsPeer
from ugsim_client import AtClient, Ugsim


def prepare(at, certs):
    at.activate(time.strftime("%y/%m/%d,%H:%M:%S+00", time.gmtime()))
    at.upload("RAM:ca.pem", certs.ca.read_bytes())
    for setting in ('"sslversion",1,3', '"ciphersuite",1,"0X0035"', '"seclevel",1,1'):
        assert at.command("AT+QSSLCFG=" + setting) == "OK"
    assert at.command('AT+QSSLCFG="cacert",1,"RAM:ca.pem"') == "OK"
    assert at.command('AT+QSSLCFG="ignorelocaltime",1,0') == "OK"


def transparent(at, port):
    at.write(b'AT+QSSLOPEN=1,1,1,"127.0.0.1",%d,2\r' % port)
    at.until(rb"\r\nCONNECT\r\n")


def leave(at):
    # Manual 1.3: a second of silence, plus signs, a second of silence.
    time.sleep(1.1)
    at.write(b"+++")
    at.until(rb"\r\nOK\r\n")


@pytest.mark.parametrize("baud", ["0", "921600"])
def test_transparent_mode_both_ways_with_flow_control(certs, baud):
    data = os.urandom(1 << 16)
    with TlsPeer(certs.server) as peer, Ugsim("--baud", baud) as sim, AtClient(sim.at) as at:
        assert at.command("AT+IFC=2,2") == "OK"
        prepare(at, certs)
        transparent(at, peer.port)
        got = b""
        for start in range(0, len(data), 4096):
            at.write(data[start : start + 4096])
            at.buffer += at.read(0)
        got = at.exactly(len(data))
        assert got == data
        leave(at)
        state = at.command("AT+QSSLSTATE=1")
        assert re.search(r',3,1,1,0,"\w+",1\n', state)
        # ATO goes back; plus signs in the middle of data are data.
        at.write(b"ATO\r")
        at.until(rb"\r\nCONNECT\r\n")
        at.write(b"a+++b")
        assert at.exactly(5) == b"a+++b"
        leave(at)
        assert at.command("AT+QSSLCLOSE=1") == "OK"
        at.write(b"ATO\r")
        at.until(rb"\r\nNO CARRIER\r\n")


def test_cts_holds_the_host_while_the_peer_does_not_read(certs):
    data = os.urandom(1 << 20)
    reads = threading.Event()

    def serve(link):
        reads.wait(LIMIT_S)
        tls_peer.sink(link)

    with TlsPeer(certs.server, serve=serve) as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            assert at.command("AT+IFC=2,2") == "OK"
            prepare(at, certs)
            transparent(at, peer.port)
            timer = threading.Timer(0.5, reads.set)
            timer.start()
            at.write(data)
            assert reads.is_set()
            timer.join()
            # Only then silence begins for the modem, too.
            until(lambda: len(peer.links[0].received) == len(data))
            leave(at)
            assert at.command("AT+QSSLCLOSE=1") == "OK"
        assert peer.wait(1).received == data


def test_transparent_mode_ends_with_the_peer(certs):
    with TlsPeer(certs.server, serve=tls_peer.source(b"bye")) as peer:
        with Ugsim() as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            transparent(at, peer.port)
            assert at.until(rb"NO CARRIER\r\n") == b"bye\r\nNO CARRIER\r\n"
            assert at.command("AT") == "OK"


def test_direct_push(certs):
    data = os.urandom(1 << 18)
    with TlsPeer(certs.server, serve=tls_peer.source(data)) as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs)

            def seconds():
                assert at.open(2, peer.port, mode=1) == 0
                start = time.monotonic()
                got = b""
                while len(got) < len(data):
                    head = at.until(rb'\r\n\+QSSLURC: "recv",2,\d+\r\n')
                    got += at.exactly(int(head.rpartition(b",")[2]))
                    assert at.exactly(2) == b"\r\n"
                assert got == data
                spent = time.monotonic() - start
                at.until(rb'\+QSSLURC: "closed",2\r\n')
                assert at.command("AT+QSSLCLOSE=2") == "OK"
                return spent

            once(seconds, lambda s: s < 3)


def test_twelve_sockets_both_ways(certs):
    data = os.urandom(1 << 14)
    with TlsPeer(certs.server) as peer, Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
        prepare(at, certs)
        for socket in range(12):
            assert at.open(socket, peer.port) == 0
        got = [b""] * 12
        sent = [0] * 12
        while any(len(g) < len(data) for g in got):
            for socket in range(12):
                if sent[socket] < len(data):
                    piece = data[sent[socket] : sent[socket] + 1460]
                    if at.send(socket, piece) == [b"SEND", b"OK"]:
                        sent[socket] += len(piece)
                got[socket] += at.recv(socket)
        assert got == [data] * 12
        for socket in range(12):
            assert at.command("AT+QSSLCLOSE=%d" % socket) == "OK"
        assert at.command("AT+QSSLSTATE") == "OK"


def test_a_server_that_closes_at_once_is_told_at_once(certs):
    with TlsPeer(certs.server, serve=lambda link: None) as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs)

            def seconds():
                assert at.open(0, peer.port) == 0
                start = time.monotonic()
                at.until(rb'\r\n\+QSSLURC: "closed",0\r\n')
                spent = time.monotonic() - start
                assert at.command("AT+QSSLCLOSE=0") == "OK"
                return spent

            once(seconds, lambda s: s < 0.3)


def test_a_peer_that_does_not_read_gives_send_fail(certs):
    full = threading.Event()
    with TlsPeer(certs.server, serve=lambda link: full.wait(LIMIT_S)) as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.open(0, peer.port) == 0
            answers = set()
            for _ in range(3000):
                answers.add(tuple(at.send(0, bytes(1460))))
                if len(answers) == 2:
                    break
            full.set()
            assert answers == {(b"SEND", b"OK"), (b"SEND", b"FAIL")}


def test_coverage_hole(certs):
    # Nothing passes, nothing is lost, and the program does not spin.
    hole = threading.Event()

    def serve(link):
        hole.wait(LIMIT_S)
        link.send(b"late")

    with TlsPeer(certs.server, serve=serve) as peer:
        with Ugsim("--baud", "0", "--control") as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.open(0, peer.port) == 0
            with sim.control() as modem:
                modem.command("coverage off")
                hole.set()
                before = processor_seconds(sim.process.pid)
                time.sleep(0.5)
                assert processor_seconds(sim.process.pid) - before < 0.1
                assert at.recv(0) == b""
                modem.command("coverage on")
            at.until(rb'"recv",0')
            assert at.recv(0) == b"late"


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_restart_drops_the_connections(certs):
    with TlsPeer(certs.server) as peer:
        with Ugsim("--baud", "0", "--control", "--switch", "boot_ms=200") as sim:
            with AtClient(sim.at) as at, sim.control() as modem:
                prepare(at, certs)
                assert at.open(0, peer.port) == 0
                modem.command("restart")
                at.until(rb"\r\nRDY\r\n")
                peer.wait(1)
                assert "QSSLSTATE" not in at.command("AT+QSSLSTATE").replace("AT+QSSLSTATE", "")
