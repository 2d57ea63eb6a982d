# test_renewal - certificates and keys that are replaced on the board while the program runs: the
# next connection is made with what the files hold then.
# SPDX-License-Identifier: MIT

import os
from binascii import hexlify

import rig as rig_module
from certificate_kit import certificate, key, modulus
from driver_kit import CA, HOST, KEY, LTE, RAM, STORE, Log, Watch, bare, raised, reads, up
from qssl import files
from qssl.errors import Refused
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from receivers import HttpServer
from ugsim.fakenet import EchoPeer, FakeNet

SPAN = ("20250101000000Z", "20300101000000Z")
NEW = certificate(*SPAN, issuer=1, n=modulus(16, 5), ca=True, sign=16)  # as long as CA
NEW_KEY = key(modulus(16, 5))


class Board:
    # Files of a board's file system, in a folder of their own.
    def __init__(self):
        self.folder = "/tmp/qssl-renew-%s" % hexlify(os.urandom(6)).decode()
        os.mkdir(self.folder)
        self.names = []

    def write(self, name, data):
        if name not in self.names:
            self.names.append(name)
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def path(self, name):
        return self.folder + "/" + name

    def remove(self, name):
        self.names.remove(name)
        os.remove(self.path(name))

    def clean(self):
        for name in self.names:
            os.remove(self.path(name))
        os.rmdir(self.folder)


def with_board(function):
    # Runs function(board), and removes what it has written.
    board = Board()
    try:
        function(board)
    finally:
        board.clean()


def seen(rig):
    # (CA, certificate, key) of the connection that was made last.
    tls = rig.net.conns[-1].tls
    return tls.ca, tls.cert, tls.key


def names(modem, where=STORE + "*" if RAM else "*"):
    # Without the folders that some modems have.
    return [name for name, _ in files.listed(modem, where) if not name.endswith("/")]


def restart(rig, modem):
    rig.model.command("restart")
    rig.sleep(6000)
    modem.pump()
    modem.start(apn="internet")


# --- a CA ---


def test_a_new_ca_is_used_by_the_next_connection():
    def run(board):
        assert len(NEW) == len(CA) and NEW != CA
        for where in ("RAM:", "UFS:") if RAM else ("UFS:",):
            path = board.write("ca.pem", CA)
            rig, modem = up()
            ctx = modem.tls(ca=path, check_time=False, where=where)
            for data in (CA, NEW, CA + NEW, NEW + CA, NEW.replace(b"\n", b"\r\n"), CA):
                board.write("ca.pem", data)
                modem.connect(HOST, 443, ctx).close()
                clean = data.replace(b"\r", b"")
                assert seen(rig)[0] == clean
                listed = files.listed(modem, "RAM:*" if where == "RAM:" else "*")
                sizes = [size for name, size in listed if not name.endswith("/")]
                assert sizes == [len(clean)]  # the old one is gone

    with_board(run)


def test_it_is_used_after_a_restart_of_the_modem_too():
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up()
        ctx = modem.tls(ca=path, check_time=False)
        modem.connect(HOST, 443, ctx).close()
        for data in (CA + NEW, NEW, NEW + b"# the end of the year\n"):
            board.write("ca.pem", data)
            restart(rig, modem)
            modem.connect(HOST, 443, ctx).close()
            assert seen(rig)[0] == data.partition(b"#")[0]

    with_board(run)


def test_what_has_not_changed_is_not_sent():
    # Nor what changed beside the blocks only.
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up()
        ctx = modem.tls(ca=path, check_time=False)
        modem.connect(HOST, 443, ctx).close()
        log = Log(rig)
        for _ in range(3):
            board.write("ca.pem", CA)
            modem.connect(HOST, 443, ctx).close()
        asked = [line for line in log.at if line.startswith("AT+QSSLCFG")]
        assert not log.count("AT+QF") and (LTE or len(asked) == 3), log.at
        assert not [line for line in asked if line.count(",") > 1], log.at  # none is set
        board.write("ca.pem", b"# until 2049\n" + CA)
        modem.connect(HOST, 443, ctx).close()
        assert not log.count("AT+QFUPL") and not log.count("AT+QFDEL") and seen(rig)[0] == CA

    with_board(run)


def test_a_file_that_is_no_longer_right_is_named():
    # Nothing is sent; once it is right, all goes on.
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up()
        ctx = modem.tls(ca=path, check_time=False)
        modem.connect(HOST, 443, ctx).close()
        made = len(rig.net.conns)
        log = Log(rig)
        for data, word in (
            (NEW[:200], "cut short"),
            (b"", "empty"),
            (NEW[:100] + NEW[165:], "48 bytes are missing"),
            (NEW + NEW_KEY, "private key in it"),
            (NEW_KEY, "is a private key"),
        ):
            board.write("ca.pem", data)
            for _ in range(2):
                e = raised(modem.connect, HOST, 443, ctx)
                assert isinstance(e, Refused) and word in str(e) and "ca.pem" in str(e), e
        for command in ("AT+QF", "AT+QSSLCFG", "AT+QSSLOPEN"):
            assert not log.count(command), log.at
        assert len(rig.net.conns) == made
        board.write("ca.pem", NEW)
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig)[0] == NEW

    with_board(run)


def test_a_file_that_is_just_being_replaced():
    # Removed, and not there yet: what the modem has is what it was.
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up()
        ctx = modem.tls(ca=path, check_time=False)
        modem.connect(HOST, 443, ctx).close()
        board.remove("ca.pem")
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig)[0] == CA
        restart(rig, modem)
        if RAM:  # else the modem still has it
            e = raised(modem.connect, HOST, 443, ctx)
            assert "can't open" in str(e) and "ca.pem" in str(e)
        board.write("ca.pem", NEW)
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig)[0] == NEW

    with_board(run)


def test_there_is_room_for_one_only():
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up(switches={"ram_total": len(CA) + 100})
        ctx = modem.tls(ca=path, check_time=False)
        for data in (CA, NEW, CA, NEW):
            board.write("ca.pem", data)
            modem.connect(HOST, 443, ctx).close()
            assert seen(rig)[0] == data

    with_board(run)


def test_a_connection_that_is_open_goes_on():
    def run(board):
        path = board.write("ca.pem", CA)
        rig, modem = up(FakeNet(EchoPeer()))
        ctx = modem.tls(ca=path, check_time=False)
        old = modem.connect(HOST, 443, ctx)
        board.write("ca.pem", NEW)
        new = modem.connect(HOST, 443, ctx)
        assert seen(rig)[0] == NEW
        for sock in (old, new, old):
            sock.settimeout(10)
            sock.write(b"hello")
            assert reads(sock, 5) == b"hello"

    with_board(run)


def test_a_file_that_another_context_uses_stays():
    def run(board):
        one = board.write("one.pem", CA)
        two = board.write("two.pem", CA)
        rig, modem = up()
        first = modem.tls(0, ca=one, check_time=False)
        second = modem.tls(1, ca=two, check_time=False)
        modem.connect(HOST, 443, first).close()
        modem.connect(HOST, 443, second).close()
        board.write("one.pem", NEW)
        modem.connect(HOST, 443, first).close()
        assert seen(rig)[0] == NEW and len(names(modem)) == 2
        modem.connect(HOST, 443, second).close()
        assert seen(rig)[0] == CA
        board.write("two.pem", NEW)
        modem.connect(HOST, 443, second).close()
        assert seen(rig)[0] == NEW and len(names(modem)) == 1
        modem.connect(HOST, 443, first).close()
        assert seen(rig)[0] == NEW

    with_board(run)


def test_an_upload_that_fails_is_made_up_for():
    # The old settings are not gone on with, as the old file is no longer there.
    def run(board):
        path = board.write("ca.pem", CA)
        for fault in (
            "upload_sum",
            "cme cmd=+QFUPL code=409",
            "cfg_error key=cacert",
            "mute ms=9000",
        ):
            board.write("ca.pem", CA)
            rig, modem = up()
            ctx = modem.tls(ca=path, check_time=False)
            modem.connect(HOST, 443, ctx).close()
            board.write("ca.pem", NEW)
            rig.model.command("fault " + fault)
            if fault.startswith("c"):
                raised(modem.connect, HOST, 443, ctx)
                assert seen(rig)[0] == CA
            else:  # asked or sent again
                modem.connect(HOST, 443, ctx).close()
                assert seen(rig)[0] == NEW
            rig.model.command("clear")
            modem.connect(HOST, 443, ctx).close()
            assert seen(rig)[0] == NEW, fault

    with_board(run)


def test_bytes_are_not_looked_at_again():
    rig, modem = up()
    data = bytearray(CA)
    ctx = modem.tls(ca=data, check_time=False)
    data[100:200] = bytes(100)  # the program may use its buffer for something else
    modem.connect(HOST, 443, ctx).close()
    assert seen(rig)[0] == CA
    restart(rig, modem)
    modem.connect(HOST, 443, ctx).close()
    assert seen(rig)[0] == CA


# --- a client's pair ---


def test_a_new_pair():
    # The files are written one after the other: in between they don't belong together.
    def run(board):
        paths = {"cert": board.write("cert.pem", CA), "key": board.write("key.pem", KEY)}
        rig, modem = up()
        ctx = modem.tls(ca=CA, check_time=False, **paths)
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig) == (CA, CA, KEY)
        first = names(modem)
        board.write("cert.pem", NEW)
        e = raised(modem.connect, HOST, 443, ctx)
        assert "does not belong" in str(e) and "key.pem" in str(e), e
        board.write("key.pem", NEW_KEY)
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig) == (CA, NEW, NEW_KEY)
        # No old key stays behind; the CA is the old certificate.
        second = names(modem)
        assert len(second) == 3 and len([name for name in first if name in second]) == 1
        restart(rig, modem)
        modem.connect(HOST, 443, ctx).close()
        assert seen(rig) == (CA, NEW, NEW_KEY)

    with_board(run)


def test_an_uplink_that_runs_on():
    def run(board):
        path = board.write("ca.pem", CA)
        cert, private = board.write("cert.pem", CA), board.write("key.pem", KEY)
        server = HttpServer()
        rig, modem = bare(FakeNet(server), sockets=3, idle=Watch(20))
        ctx = modem.tls(ca=path, cert=cert, key=private, check_time=False)
        recover = Recovery(modem, apn="internet")
        link = Uplink(modem, HOST, 443, ctx, Https(HOST, "/in"), RamQueue(), recover)
        sent = 0

        def deliver():
            nonlocal sent
            link.put(b'{"n":%d}' % sent)
            sent += 1
            left = link.run(120)
            assert left == 0, (sent, left, link.error)

        deliver()
        for ca in (CA + NEW, NEW, CA):
            # While it runs the connection is kept; the server's end of it brings the next one.
            board.write("ca.pem", ca)
            rig.net.conns[-1].peer_close()
            rig.sleep(500)
            deliver()
            assert seen(rig)[0] == ca
            restart(rig, modem)
            deliver()
            assert seen(rig)[0] == ca
        # A pair half of which is there: records wait, none is lost.
        board.write("cert.pem", NEW)
        rig.net.conns[-1].peer_close()
        rig.sleep(500)
        link.put(b'{"n":%d}' % sent)
        sent += 1
        assert link.run(20) == 1 and "does not belong" in str(link.error)
        board.write("key.pem", NEW_KEY)
        deliver()
        assert seen(rig) == (CA, NEW, NEW_KEY)
        assert [r["n"] for r in server.ledger.values()] == list(range(sent))

    rig_module.clock.sleep_ms(1)
    with_board(run)
