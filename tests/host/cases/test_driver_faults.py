# test_driver_faults - every named fault of the modem, and what the program sees of it.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Log, Recorder, Watch, connected, pattern, raised, reads, tls, up
from qssl.errors import DeliveryUnknown
from ugsim.fakenet import EchoPeer, FakeNet, RefusingPeer, SinkPeer, SourcePeer, StallingPeer


def arm(rig, fault):
    answer = rig.model.command("fault " + fault)
    assert answer == "ok", answer


# --- sending -------------------------------------------------------------------------------------


def test_send_fail_for_two_seconds():
    # Nothing is lost, nothing doubled, and the modem is not flooded with attempts.
    rig, modem, sock = connected(Recorder())
    log = Log(rig)
    arm(rig, "send_fail ms=2000")
    start = rig.now
    data = pattern(5000)
    assert sock.write(data) == 5000
    sock.flush()
    assert 2000 <= rig.now - start < 4000, rig.now - start
    rig.sleep(10)
    assert bytes(rig.net.default.received) == data
    assert 5 <= log.count("AT+QSSLSEND") < 30, log.count("AT+QSSLSEND")


def test_send_fail_once_at_each_command():
    for skip in range(4):
        rig, modem, sock = connected(Recorder())
        data = pattern(4000)
        sock.write(data[: skip * 1000])
        sock.flush()
        arm(rig, "send_fail")
        sock.write(data[skip * 1000 :])
        sock.flush()
        rig.sleep(10)
        assert bytes(rig.net.default.received) == data


def test_send_fail_while_more_is_written():
    # Bytes written between the attempts go along, in order.
    rig, modem, sock = connected(Recorder())
    sock.setblocking(False)
    arm(rig, "send_fail ms=1500")
    want = b""
    for i in range(60):
        piece = b"piece %03d;" % i
        n = sock.write(piece)
        want += piece[: n or 0]
        sock.flush()
        rig.sleep(50)
        modem.pump()
    sock.setblocking(True)
    sock.flush()
    rig.sleep(10)
    assert bytes(rig.net.default.received) == want


def test_send_fail_for_ever_ends_with_the_time_out():
    watch = Watch()
    rig, modem, sock = connected(Recorder(), idle=watch)
    arm(rig, "send_fail n=0")
    sock.settimeout(5)
    sock.write(b"x")
    start = rig.now
    watch.start()
    e = raised(sock.flush)
    assert e.errno == errno.ETIMEDOUT and not isinstance(e, DeliveryUnknown), e
    assert 5000 <= rig.now - start <= 5020 and watch.stop() <= 100
    rig.model.command("clear")
    sock.flush()
    rig.sleep(10)
    assert bytes(rig.net.default.received) == b"x"


def test_full_modem_buffer_is_back_pressure():
    peer = SinkPeer(rate=100)
    rig, modem, sock = connected(peer, switches={"tx_size": 3000})
    data = pattern(20000)
    sock.write(data)
    sock.flush()
    rig.sleep(3000)
    for _ in range(100):
        rig.sleep(10)
    assert bytes(peer.received) == data


def test_reading_goes_on_under_back_pressure():
    class Both(SourcePeer):
        def accepts(self, conn, size):
            return 0

    rig, modem, sock = connected(Both(20000), switches={"tx_size": 1460})
    sock.settimeout(5)
    sock.write(b"x" * 1460)
    sock.flush()
    sock.write(b"y" * 1000)
    assert reads(sock, 20000) == rig.net.default.byte_at(0, 20000)


def test_late_send_ok_is_delivery_unknown():
    for by in (21000, 25000, 40000, 60000):
        rig, modem, sock = connected(Recorder())
        arm(rig, "delay what=send_ok by=%d" % by)
        sock.settimeout(None)
        sock.write(b"once only")
        start = rig.now
        e = raised(sock.flush)
        assert isinstance(e, DeliveryUnknown), e
        assert "unknown" in str(e) and rig.now - start < 29000, rig.now - start
        assert isinstance(raised(sock.write, b"x"), DeliveryUnknown)
        assert isinstance(raised(sock.recv, 1), DeliveryUnknown)
        sock.close()
        rig.sleep(70000)
        driver_kit.works(modem)
        assert bytes(rig.net.default.received) == b"once only", by


def test_send_ok_that_comes_in_time():
    for by in (100, 5000, 19000):
        rig, modem, sock = connected(Recorder())
        arm(rig, "delay what=send_ok by=%d" % by)
        sock.write(b"once only")
        sock.settimeout(30)
        sock.flush()
        sock.write(b"and more")
        sock.flush()
        rig.sleep(10)
        assert bytes(rig.net.default.received) == b"once onlyand more"


def test_send_ok_that_never_comes():
    rig, modem, sock = connected(Recorder())
    arm(rig, "send_mute")
    sock.write(b"once only")
    sock.settimeout(60)
    assert isinstance(raised(sock.flush), DeliveryUnknown)
    sock.close()
    driver_kit.works(modem)
    assert bytes(rig.net.default.received) == b"once only"


def test_delivery_unknown_is_told_by_close_if_nothing_else_told_it():
    rig, modem, sock = connected(Recorder())
    arm(rig, "send_mute")
    sock.write(b"once only")
    sock.settimeout(60)
    e = raised(sock.close)
    assert isinstance(e, DeliveryUnknown) or "not all" in str(e), e
    rig.sleep(30000)
    driver_kit.works(modem)
    assert bytes(rig.net.default.received) == b"once only"


class Narrow:
    # A UART whose transmitter takes 7 bytes, and none the next time.
    def __init__(self, uart):
        self.any = uart.any
        self.readinto = uart.readinto
        self._write = uart.write
        self._full = False

    def write(self, buf, off, n):
        self._full = not self._full
        return self._write(buf, off, min(n, 7)) if self._full else None


def test_failure_in_the_middle_of_typing():
    # The PDP context goes, or the program's time is over, while the payload is being typed. The
    # modem gets the rest of what it was promised: no later command is taken for payload.
    for what in ("time", "pdp"):
        rig, modem, sock = connected(Recorder())
        modem.link.uart = Narrow(rig.uart)
        peer = rig.net.default
        data = pattern(4000)
        sock.settimeout(0.1)
        if what == "pdp":
            sock.settimeout(20)
            rig.model.timers.at(rig.now + 100, lambda m=rig.model: m.command("pdp drop 1"))
        raised(sock.write, data)
        sock.close()
        modem.link.uart = rig.uart
        if not modem.up:
            modem.start("internet")
        driver_kit.works(modem)
        got = bytes(peer.received)
        assert got == data[: len(got)], (what, len(got))


def test_time_out_of_flush_does_not_send_twice():
    # The program's limit is shorter than the modem's: it goes on in the background.
    rig, modem, sock = connected(Recorder())
    arm(rig, "delay what=send_ok by=3000")
    sock.settimeout(1)
    sock.write(b"once only")
    e = raised(sock.flush)
    assert e.errno == errno.ETIMEDOUT, e
    sock.settimeout(10)
    sock.flush()
    rig.sleep(10)
    assert bytes(rig.net.default.received) == b"once only"


def test_error_after_the_data():
    rig, modem, sock = connected(Recorder())
    arm(rig, "send_error")
    sock.write(b"x")
    e = raised(sock.flush)
    assert e.errno == errno.ECONNRESET, e
    sock.close()
    driver_kit.works(modem)


def test_no_prompt():
    for state in ("entry", "idle"):
        watch = Watch()
        rig, modem, sock = connected(Recorder(), idle=watch)
        arm(rig, "no_prompt state=" + state)
        sock.write(b"never asked for")
        sock.settimeout(60)
        start = rig.now
        watch.start()
        e = raised(sock.flush)
        assert e.errno == errno.ETIMEDOUT and "prompt" in str(e), e
        assert not isinstance(e, DeliveryUnknown), e
        assert rig.now - start < 9000 and watch.stop() <= 100
        sock.close()
        driver_kit.works(modem)
        # Nothing of it was typed as a command, nor anything else as data.
        assert b"never" not in bytes(rig.net.default.received)
        assert bytes(rig.net.default.received).strip(b" \x1bAT\r") == b""


def test_prompt_that_comes_late():
    for by in (1000, 7000):
        rig, modem, sock = connected(Recorder())
        arm(rig, "delay what=prompt by=%d" % by)
        sock.write(b"data")
        sock.flush()
        rig.sleep(10)
        assert bytes(rig.net.default.received) == b"data"
    for by in (9000, 12000, 20000, 60000):
        rig, modem, sock = connected(Recorder())
        arm(rig, "delay what=prompt by=%d" % by)
        sock.write(b"data")
        sock.settimeout(60)
        raised(sock.flush)
        sock.close()
        driver_kit.works(modem)
        rig.sleep(70000)
        driver_kit.works(modem)
        assert b"data" not in bytes(rig.net.default.received), by


def test_prompt_that_comes_twice():
    rig, modem, sock = connected()
    for i in range(5):
        arm(rig, "prompt_twice")
        sock.write(pattern(700, i))
        sock.flush()
        assert sock.read(700) == pattern(700, i)


def test_prompt_without_its_blank():
    rig, modem, sock = connected(switches={"prompt_space": "no"})
    for data in (b"> ", b" x", b"> >", b"\r\n> "):
        sock.write(data)
        assert sock.read(len(data)) == data


def test_urc_around_the_prompt():
    for text in ('+QSSLURC: "recv",0', '+QSSLURC: "closed",1', "+CUSD: 2", ">", "> ", "x>"):
        for place in ("prompt", "final", "echo"):
            rig, modem, sock = connected()
            arm(rig, "before before=%s n=0 text=%s" % (place, text))
            for i in range(3):
                try:
                    sock.write(pattern(300, i))
                    sock.flush()
                except OSError:
                    # Only a stray prompt may have this effect.
                    assert ">" in text, text
                    break
                assert sock.read(300) == pattern(300, i), (text, place)
            rig.model.command("clear")
            rig.sleep(30000)
            sock.close()
            driver_kit.works(modem)


def test_lost_data_is_not_made_up():
    # SEND OK, but the data went nowhere: nothing the driver could know, nothing it invents.
    rig, modem, sock = connected()
    arm(rig, "send_lost")
    sock.write(b"lost")
    sock.flush()
    sock.settimeout(1)
    assert raised(sock.recv, 4).errno == errno.ETIMEDOUT


# --- receiving -----------------------------------------------------------------------------------


def test_receive_error():
    rig, modem, sock = connected(Recorder(b"x" * 100))
    arm(rig, "recv_error n=0")
    e = raised(sock.read, 100)
    assert e.phase == "receive", e
    sock.close()
    rig.model.command("clear")
    driver_kit.works(modem)


def test_answer_that_comes_late_is_not_taken_for_a_new_one():
    # Three reads of different data; the first answer comes during the second connection.
    for by in (6500, 8000, 12000, 30000):
        rig, modem, sock = connected(Recorder(b"first " * 50))
        assert sock.read(6) == b"first "
        rig.net.conns[-1].push(b"second" * 50)
        arm(rig, "delay what=final by=%d" % by)
        sock.settimeout(60)
        try:
            got = sock.read(600 - 6)
            assert got == b"first " * 49 + b"second" * 50
        except OSError:
            pass
        sock.close()
        rig.net.add("third.example", Recorder(b"third " * 50, True))
        third = modem.connect("third.example", 443, tls(modem))
        third.settimeout(60)
        assert third.read() == b"third " * 50
        third.close()


def test_late_answers_of_commands():
    # Each answer comes after its time-out; none is taken for that of another command.
    for by in (5500, 7000, 10000):
        rig, modem = up(idle=Watch())
        for ask, name in (
            (modem.signal, "signal"),
            (modem.clock, "clock"),
            (modem.registration, "registration"),
            (modem.last_error, "last error"),
        ):
            arm(rig, "delay what=final by=%d" % by)
            try:
                ask()
            except OSError as e:
                assert e.errno == errno.ETIMEDOUT, (name, e)
            for _ in range(3):
                try:
                    assert modem.command("AT+CSQ") == [b"+CSQ: 21,0"], name
                    break
                except OSError as e:
                    assert e.errno == errno.ETIMEDOUT, (name, e)
        driver_kit.works(modem)


def test_late_answer_of_every_step_of_a_connection():
    for step in range(1, 20):
        rig, modem = up()
        context = tls(modem)
        # Armed so that it strikes the n-th command from here on.
        count = [0]

        def event(kind, text, rig=rig, count=count, step=step):
            if kind == "at":
                count[0] += 1
                if count[0] == step:
                    arm(rig, "delay what=final by=6000")

        rig.model.on_event = event
        sock = None
        for _ in range(3):
            try:
                sock = modem.connect(HOST, 443, context, 60000)
                sock.settimeout(60)
                sock.write(pattern(200, step))
                assert sock.read(200) == pattern(200, step)
                sock.close()
                break
            except OSError as e:
                assert e.errno, e
                if sock is not None:
                    sock.close()
        else:
            raise AssertionError("no connection after a late answer at step %d" % step)
        assert rig.net.conns[-1].tls.seclevel == 1


def test_garbage_before_every_reply():
    for what in ("garbage", "long", "nul", "open"):
        for place in ("info", "final", "prompt", "echo"):
            rig, modem, sock = connected()
            arm(rig, "before what=%s before=%s" % (what, place))
            for i in range(4):
                try:
                    sock.write(pattern(400, i))
                    sock.flush()
                    assert sock.read(400) == pattern(400, i), (what, place)
                except OSError:
                    break
            sock.close()
            rig.sleep(20000)
            driver_kit.works(modem)


def test_endless_garbage_is_survived():
    watch = Watch()
    rig, modem, sock = connected(idle=watch)
    sock.settimeout(5)
    for junk in (b"\xff", b"\0", b"x", b"\r\n", b">", b"OK\r\n", b"ERROR\r\n", b"\n", b'"'):
        watch.start()
        for _ in range(200):
            rig.rx.append(junk * 100)
            modem.pump()
        try:
            sock.write(b"data")
            sock.read(4)
        except OSError:
            pass
        assert watch.stop() <= 100
        rig.rx.append(b"\r\n")
        modem.start("internet", timeout_ms=60000)
        driver_kit.works(modem)
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(5)


def test_overrun_is_detected():
    # No flow control and a ring of 256 bytes: bytes are lost, wrong data never come.
    lost = 0
    for rxbuf in (256, 600, 1000):
        source = SourcePeer(60000)
        rig, modem, sock = connected(source, baud=921600, rxbuf=rxbuf)
        sock.settimeout(20)
        got = 0
        buf = bytearray(1500)
        try:
            while got < 60000:
                rig.sleep(13)
                n = sock.readinto(buf, 1000)
                assert buf[:n] == source.byte_at(got, n), got
                got += n
        except OSError as e:
            assert e.phase == "receive", e
            lost += 1
            assert modem.stats.garbled or modem.stats.timeouts
        sock.close()
        rig.rxbuf = None
        driver_kit.works(modem)
    assert lost


# --- echo ----------------------------------------------------------------------------------------


def test_echo_on_in_mid_session():
    rig, modem, sock = connected()
    for i in range(3):
        rig.model.command("echo on")
        sock.write(pattern(300, i))
        assert sock.read(300) == pattern(300, i)
        assert modem.signal() == -71
        assert modem.command("AT+CGSN")[-1].isdigit()
        rig.model.command("echo off")
    rig.model.command("echo on")
    modem.start("internet")
    assert not rig.model.echo
    driver_kit.works(modem)


# --- opening -------------------------------------------------------------------------------------


def test_every_error_of_opening():
    rig, modem = up()
    context = tls(modem)
    for code in range(550, 575):
        if code in (563, 570, 572):  # tests of their own
            continue
        arm(rig, "open_code code=%d" % code)
        start = rig.now
        e = raised(modem.connect, HOST, 443, context)
        assert e.code == code and str(code) in str(e) and HOST in str(e), e
        assert rig.now - start < 1000
    for code in (550, 552, 553, 563, 568):
        arm(rig, "open_error code=%d n=2" % code)
        e = raised(modem.connect, HOST, 443, context)
        assert e.code == code, e
        rig.model.command("clear")
    driver_kit.works(modem)


def test_id_that_the_modem_still_holds():
    # What should have closed it was lost: it is closed and opened again, without a word.
    rig, modem = up(sockets=1)
    context = tls(modem)
    modem.connect(HOST, 443, context).close()
    modem.command('AT+QSSLOPEN=1,0,0,"%s",443,0' % HOST)
    rig.sleep(10)
    driver_kit.works(modem)


def test_open_result_of_another_id_first():
    rig, modem = up()
    context = tls(modem)
    for other in (1, 5, 11):
        arm(rig, "open_other id=%d" % other)
        arm(rig, "delay what=open by=500")
        sock = modem.connect(HOST, 443, context)
        assert sock.id == 0
        sock.write(b"ok")
        assert sock.read(2) == b"ok"
        sock.close()


def test_open_result_before_ok():
    rig, modem = up()
    arm(rig, "open_early")
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(5)
    rig.sleep(100)
    sock.write(b"early bird")
    assert sock.read(10) == b"early bird"


def test_open_result_that_never_comes():
    watch = Watch()
    rig, modem = up(idle=watch)
    context = tls(modem)
    context.apply()
    arm(rig, "open_never")
    start = rig.now
    watch.start()
    e = raised(modem.connect, HOST, 443, context, 20000)
    assert e.errno == errno.ETIMEDOUT and HOST in str(e), e
    assert 20000 <= rig.now - start <= 20020 and watch.stop() <= 100
    driver_kit.works(modem)


def test_open_result_that_comes_too_late():
    rig, modem = up(sockets=1)
    context = tls(modem)
    context.apply()
    arm(rig, "delay what=open by=5000")
    raised(modem.connect, HOST, 443, context, 2000)
    rig.sleep(10000)
    driver_kit.works(modem)
    assert rig.model.sockets.slots[0] is None


def test_handshake_refused_and_stalled():
    net = FakeNet()
    net.add("refusing.example", RefusingPeer(566, "handshake"))
    net.add("stalling.example", StallingPeer("handshake"))
    net.names["nowhere.example"] = []
    rig, modem = up(net)
    context = tls(modem)
    e = raised(modem.connect, "refusing.example", 443, context)
    assert e.code == 566 and e.errno == errno.ECONNREFUSED and "CA" in str(e), e
    e = raised(modem.connect, "nowhere.example", 443, context)
    assert e.code == 565 and "name" in str(e), e
    start = rig.now
    e = raised(modem.connect, "stalling.example", 443, context)
    assert e.code == 569 and 59000 < rig.now - start < 62000, (e, rig.now - start)
    driver_kit.works(modem)


# --- closing -------------------------------------------------------------------------------------


def test_close_that_is_refused_or_hangs():
    for fault, most in (("close_error", 100), ("close_error n=2", 100), ("close_hang", 14000)):
        watch = Watch()
        rig, modem, sock = connected(idle=watch, sockets=1)
        arm(rig, fault)
        start = rig.now
        watch.start()
        sock.close()
        assert rig.now - start <= most, (fault, rig.now - start)
        assert watch.stop() <= 100
        driver_kit.works(modem)


def test_close_of_an_id_that_is_free():
    rig, modem, sock = connected(switches={"close_free_id": "error"})
    modem.command("AT+QSSLCLOSE=0,0")
    sock.close()
    driver_kit.works(modem)


# --- TLS settings --------------------------------------------------------------------------------

KEYS = ("sslversion", "ciphersuite", "seclevel", "cacert", "ignorelocaltime", "negotiatetime")


def test_setting_that_fails_refuses_the_connection():
    for key in KEYS:
        rig, modem = up()
        log = Log(rig)
        arm(rig, "cfg_error key=" + key)
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.phase == "tls" and key in str(e), e
        assert not log.count("AT+QSSLOPEN") and not rig.net.conns
        driver_kit.works(modem)


def test_setting_that_lies_refuses_the_connection():
    lies = ("0", "0X0005", "0", "RAM:other.pem", "7", "300")
    for key, value in zip(KEYS, lies):
        rig, modem = up()
        log = Log(rig)
        arm(rig, "cfg_lies key=%s value=%s" % (key, value))
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.phase == "tls" and key in str(e), e
        assert not log.count("AT+QSSLOPEN") and not rig.net.conns
        # Nor does the next attempt take the context for set.
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert key in str(e) and not rig.net.conns
        rig.model.command("clear")
        driver_kit.works(modem)
        assert rig.net.conns[-1].tls.seclevel == 1


def test_client_certificate_settings_are_checked_too():
    key = b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"
    for name in ("clientcert", "clientkey"):
        for fault in ("cfg_error key=%s", "cfg_lies key=%s value=RAM:x.pem"):
            rig, modem = up()
            arm(rig, fault % name)
            context = tls(modem, ca=driver_kit.CA, cert=driver_kit.CA, key=key, check_time=False)
            e = raised(modem.connect, HOST, 443, context)
            assert name in str(e) and not rig.net.conns, e
            rig.model.command("clear")
            modem.connect(HOST, 443, context).close()
            assert rig.net.conns[-1].tls.seclevel == 2
            assert rig.net.conns[-1].tls.key == key


def test_settings_are_told_once():
    rig, modem = up()
    context = tls(modem)
    modem.connect(HOST, 443, context).close()
    log = Log(rig)
    for _ in range(3):
        modem.connect(HOST, 443, context).close()
    assert not log.count("AT+QSSLCFG") and not log.count("AT+QF"), log.at


# --- uploads -------------------------------------------------------------------------------------


def test_damaged_uploads():
    for fault in ("upload_sum", "upload_short", "upload_short by=5", "file_changed"):
        rig, modem = up()
        arm(rig, fault)
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert "upload" in str(e), e
        assert not rig.net.conns
        assert not rig.model.files.ram.names, "the damaged file is still there"
        driver_kit.works(modem)


def test_upload_that_fails():
    for code in (403, 409, 410, 420, 421):
        rig, modem = up()
        arm(rig, "cme cmd=AT+QFUPL code=%d" % code)
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.code == code and "upload" in str(e), e
        driver_kit.works(modem)


def test_storage_is_full():
    rig, modem = up()
    rig.model.command("storage full")
    log = Log(rig)
    e = raised(modem.connect, HOST, 443, tls(modem))
    assert e.errno == errno.ENOMEM and "free" in str(e), e
    assert not log.count("AT+QFUPL")
    rig.model.command("storage free")
    driver_kit.works(modem)


def test_upload_of_awkward_contents():
    # +++ in the file, every byte value, sizes around the pieces.
    head = b"-----BEGIN CERTIFICATE-----\n"
    for body in (b"+++", bytes(range(256)) * 3, b"x" * 99, b"x" * 100, b"x" * 101, b"y" * 5000):
        rig, modem = up()
        context = tls(modem, ca=head + body, check_time=False)
        modem.connect(HOST, 443, context).close()
        assert rig.net.conns[-1].tls.ca == head + body, len(body)


def test_file_that_is_there_is_not_sent_again():
    rig, modem = up()
    modem.connect(HOST, 443, tls(modem)).close()
    modem.start("internet")
    log = Log(rig)
    modem.connect(HOST, 443, tls(modem)).close()
    assert not log.count("AT+QFUPL") and log.count("AT+QSSLCFG"), log.at


def test_echo_peer_after_all():
    # A connection that saw no fault saw none.
    rig, modem, sock = connected(EchoPeer())
    stats = modem.stats
    before = (stats.timeouts, stats.resyncs, stats.late, stats.noise, stats.unknown)
    for i in range(20):
        sock.write(pattern(1000, i))
        assert sock.read(1000) == pattern(1000, i)
    sock.close()
    after = (stats.timeouts, stats.resyncs, stats.late, stats.noise, stats.unknown)
    assert before == after and not stats.garbled, (before, after)
