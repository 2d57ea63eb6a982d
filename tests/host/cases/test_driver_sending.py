# test_driver_sending - what goes wrong when data is sent.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import Log, Recorder, Watch, arm, connected, pattern, raised, reads
from qssl.errors import DeliveryUnknown
from ugsim.fakenet import SinkPeer, SourcePeer

TIMEOUT_S = 600
INSIDE = ("test_urc_that_pauses_behind_send_ok",)


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


def test_what_waits_in_the_uart_is_no_time_out():
    # A program that was busy for long, and a prompt that came in time.
    for space in ("yes", "no"):
        rig, modem, sock = connected(Recorder(), model="ug96", switches={"prompt_space": space})
        sock.setblocking(False)
        for _ in range(3):
            sock.write(b"late")
            sock.flush()
            rig.sleep(9000)
            for _ in range(6):
                modem.pump()
                rig.sleep(20)
            assert not sock.pending(), space
        assert bytes(rig.net.default.received) == b"late" * 3


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


def refuse(rig, code=0, n=1, ms=0):
    # AT+QSSLSEND answers ERROR, or +CME ERROR: code, in place of the prompt.
    kind = "cme" if code else "error"
    arm(rig, "%s cmd=QSSLSEND n=%d ms=%d%s" % (kind, n, ms, " code=%d" % code if code else ""))


def test_refused_before_the_prompt():
    # Nothing was sent: once AT+QSSLSTATE says that it is connected, the same bytes again. Modems
    # refuse to send now and then: particle-iot/device-os pull request 1576.
    data = pattern(5000)
    for code in (0, 3, 100):
        for n in (1, 3, 6):
            rig, modem, sock = connected(Recorder())
            log = Log(rig)
            refuse(rig, code, n)
            assert sock.write(data) == 5000
            sock.flush()
            rig.sleep(10)
            assert bytes(rig.net.default.received) == data
            assert log.count("AT+QSSLSTATE") == n, log.at
            sock.write(b"more")
            sock.close()
            assert bytes(rig.net.default.received) == data + b"more"


class Nth(Log):
    # The at-th AT+QSSLSEND is refused.
    def __init__(self, rig, at):
        super().__init__(rig)
        self.rig = rig
        self.left = at - 1
        if at == 1:
            refuse(rig)

    def __call__(self, kind, text):
        super().__call__(kind, text)
        if kind == "at" and text.startswith("AT+QSSLSEND"):
            self.left -= 1
            if not self.left:
                refuse(self.rig)


def test_refused_at_each_command():
    data = pattern(6000)
    for at in range(1, 5):
        rig, modem, sock = connected(Recorder())

        Nth(rig, at)
        sock.write(data)
        sock.flush()
        rig.sleep(10)
        assert bytes(rig.net.default.received) == data, at


def test_refused_for_ever():
    # In vain for some seconds; the caller's deadline comes first, if it is shorter. What has come
    # can be read.
    rig, modem, sock = connected(Recorder(b"unread"), timeout_s=20)
    log = Log(rig)
    refuse(rig, 0, 0)
    sock.write(b"x")
    start = rig.now
    e = raised(sock.flush)
    assert e.errno == errno.ECONNRESET and not isinstance(e, DeliveryUnknown), e
    assert 3000 < rig.now - start < 5000, rig.now - start
    assert 5 <= log.count("AT+QSSLSEND") <= 10, log.at
    assert sock.read(6) == b"unread"
    assert not rig.net.default.received
    sock.close()
    rig, modem, sock = connected(Recorder(), timeout_s=1)
    refuse(rig, 0, 0, 3000)
    sock.write(b"x")
    start = rig.now
    e = raised(sock.flush)
    assert e.errno == errno.ETIMEDOUT and "goes on" in str(e), e
    assert rig.now - start < 1100
    sock.settimeout(20)
    sock.flush()
    rig.sleep(10)
    assert bytes(rig.net.default.received) == b"x"


def test_refused_while_it_closes():
    for n in (1, 4, 0):
        rig, modem, sock = connected(Recorder())
        refuse(rig, 0, n)
        sock.write(b"last words")
        start = rig.now
        if n:
            sock.close()
        else:
            assert raised(sock.close).errno == errno.ECONNRESET
        assert rig.now - start < 14100
        rig.sleep(10)
        assert bytes(rig.net.default.received) == (b"last words" if n else b"")
        rig.model.command("clear")
        driver_kit.works(modem)


def test_refused_and_the_state_says_more():
    # Closed, or not told: then it is over, as it was. An answer that does not come at all may
    # mean that the prompt was late.
    for fault, words in (
        ("error cmd=QSSLSTATE n=0", "connection is closed"),
        ("lose_answer cmd=AT+QSSLSTATE n=0", "nothing was sent"),
        ("mute", ""),
    ):
        rig, modem, sock = connected(Recorder(), timeout_s=30)
        log = Log(rig)
        refuse(rig, 0, 0)
        sock.write(b"x")
        arm(rig, fault)
        start = rig.now
        e = raised(sock.flush)
        assert words in str(e) and not isinstance(e, DeliveryUnknown), e
        assert rig.now - start < 30100 and log.count("AT+QSSLSEND") < 2, log.at
        rig.model.command("clear")
        rig.sleep(10)
        assert not rig.net.default.received
    rig, modem, sock = connected(Recorder(b"unread", True), timeout_s=30)
    log = Log(rig)
    arm(rig, "lose_urc what=closed")
    rig.sleep(20)
    start = rig.now
    e = raised(lambda: (sock.write(b"x"), sock.flush()))
    assert e.errno == errno.ECONNRESET and rig.now - start < 1000, e
    assert sock.read() == b"unread" and log.count("AT+QSSLSEND") <= 1, log.at


def test_a_refusal_that_was_not_the_modems():
    # The prompt comes after all: at once it counts, and later the question may have gone into it.
    for late in (100, 150, 400, 900, 3000):
        rig, modem, sock = connected(Recorder(), timeout_s=30)
        arm(rig, "delay what=prompt by=%d" % late)
        arm(rig, "before before=prompt what=garbage text=ERROR")
        sock.write(b"payload!")
        try:
            sock.flush()
            failed = False
        except OSError:
            failed = True
        rig.sleep(10)
        got = bytes(rig.net.default.received)
        assert failed or got == b"payload!", (late, got)


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


class Pausing:
    # A UART that hands over only so many of the bytes behind a SEND OK, the rest 30 ms later.
    def __init__(self, uart, rig, first):
        self._uart = uart
        self._rig = rig
        self._left = first
        self._due = None

    def any(self):
        n = self._uart.any()
        if self._due is not None and self._rig.now < self._due:
            n = min(n, self._left)
        return n

    def readinto(self, buf, n):
        n = self._uart.readinto(buf, min(n, self.any()))
        if self._due is not None:
            self._left -= n or 0
        return n

    def write(self, buf, off, n):
        return self._uart.write(buf, off, n)

    def pause(self):
        self._due = self._rig.now + 30


def pauses(first):
    # A URC behind SEND OK, cut by a pause after its first bytes.
    rig, modem, sock = connected()
    link = modem.link
    link._poll = None  # it would see what the UART still keeps
    uart = link.uart = Pausing(link.uart, rig, first)
    sent = sock._sent

    def ended():
        sent()
        rig.model.out.emit(b'\r\n+QIND: "x",1\r\n', "urc")
        uart.pause()

    sock._sent = ended
    sock.write(b"hello")
    sock.flush()
    assert sock.why is None, first
    sock._sent = sent
    driver_kit.works(modem)


def test_urc_that_pauses_behind_send_ok():
    # Its begin is no byte of payload that the modem did not take.
    for first in (1, 2, 3, 8):
        pauses(first)


def test_a_long_line_behind_the_result_on_a_slow_line():
    # It has begun when flush() looks whether anything is echoed, and takes a tenth of a second.
    line = '+CUSD: 0,"%s",15' % ("your balance is low " * 6)
    rig, modem, sock = connected(Recorder(), baud=9600, rxbuf=2048)
    for ms in range(20, 80, 3):
        sock.write(b"abcdefgh")
        rig.model.timers.at(rig.now + ms, lambda rig=rig: rig.model.out.urc(line))
        sock.flush()
        assert sock.why is None, ms
        modem.sleep_ms(500)
