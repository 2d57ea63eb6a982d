# test_field_modem - what people have met with Quectel modems and others like them, played by a
# modem that knows no ugsim. Each case names where it was reported.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig
from driver_kit import CA, raised
from field_modem import Field, exchanged
from qssl import tried
from qssl.recovery import Recovery

CLOSE_DOWN = b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9"


def starts(field, within_ms):
    # In that time, and works then.
    modem = field.modem()
    modem.start("internet", timeout_ms=60000)
    exchanged(modem)
    assert field.now < within_ms, field.now


class Muxed(Field):
    # AT+CMUX=0 is in force: only frames are looked at.
    muxed = True

    def feed(self, data):
        if not self.muxed:
            super().feed(data)
            return
        self._line += data
        if CLOSE_DOWN in self._line:
            self.muxed = False
            self._line = b""
            self.say(b"\xf9\x03\xef\x05\xc1\x01\xf2\xf9")


def test_multiplexing_left_on():
    # A board that restarts finds the modem taking commands in frames alone: issue 10237 of
    # espressif/arduino-esp32, 103 and 650 of espressif/esp-protocols, 4 of Rtone/cmux.
    starts(Muxed(), 20000)


class Booting(Field):
    # AT answers, but full functionality can't be had for a while.
    radio = 0

    def __init__(self, refuses):
        super().__init__()
        self.radio = 0
        self.refuses = refuses

    def cfun(self, line):
        if self.now > 12000:
            return super().cfun(line)
        return [b"+CME ERROR: 3" if self.refuses else b"OK"]


def test_a_radio_that_comes_on_late():
    # AT+CFUN=1 is refused at a cold boot, or says OK and does nothing yet: particle-iot/device-os
    # pull request 2700, iamromulan/cellular-modem-wiki issue 16.
    for refuses in (True, False):
        starts(Booting(refuses), 20000)


class Swallows(Field):
    # The line end before an information line, and its first byte, get lost: each time.
    only = b""

    def reply(self, lines):
        text = b""
        for line in lines[:-1]:
            if line.startswith(b"+" + self.only):
                text += b"\r" + line[1:] + b"\r\n"
            else:
                text += b"\r\n" + line + b"\r\n"
        self.say(text + b"\r\n" + lines[-1] + b"\r\n")


def test_answers_whose_lines_get_lost():
    # "\rCPIN: READY\r\n": ARMmbed/mbed-os issue 11552. It is no fault of the SIM's, nor of the
    # antenna's.
    for only in (b"", b"CPIN", b"C"):
        field = Swallows()
        field.only = only
        e = raised(field.modem().start, "internet", timeout_ms=60000)
        assert e.errno == errno.ENODEV, e
        assert "AT+CPIN?" in str(e) and "lost on the UART" in str(e), e
    for name in (b"AT+CREG?", b"AT+CGREG?"):
        field = Field()
        field.answers[b"AT+CREG?"] = field.answers[b"AT+CGREG?"] = b"\rREG: 0,1\r\n\r\nOK\r\n"
        field.answers[name] = [b"OK"]
        e = raised(field.modem().start, "internet", timeout_ms=60000)
        assert e.errno == errno.EHOSTUNREACH and "lost on the UART" in str(e), e


class Formatted(Field):
    # ATS4 was saved with another character.
    end = b"\r"

    def other(self, line):
        if line == b"ATS4=10":
            self.end = b"\r\n"
        super().other(line)


def test_line_ends_left_in_another_form():
    # ATS4, which AT&W keeps as it does ATE and ATV: M95 AT Commands Manual, chapter 2.
    field = Formatted()
    modem = field.modem()
    modem.start("internet", timeout_ms=60000)
    assert field.end == b"\r\n"  # start() has set it back
    exchanged(modem)


def test_results_of_messages():
    # Commands about messages, and others while the SIM is busy, end with +CMS ERROR (27.005).
    field = Field()
    modem = field.modem()
    modem.start("internet")
    field.answers[b"AT+CMGR="] = [b"+CMS ERROR: 321"]
    field.answers[b"AT+CMGS="] = [b"+CMS ERROR: SIM busy"]
    begun = field.now
    assert raised(modem.command, "AT+CMGR=1").code == 321
    assert raised(modem.command, "AT+CMGS=1").code == 0
    assert field.now - begun < 1000 and not modem.stats.timeouts
    exchanged(modem)
    field.answers[b"AT+CSCS?"] = [b"+CMS ERROR: 302"]
    modem.start("internet", timeout_ms=20000)


class Line:
    # A line of the modem. spared: it must not be pulled while firmware is written.
    spared = True

    def __init__(self, field):
        self.field = field
        self.pulled = 0

    def value(self, on=None):
        self.pulled += on == 1
        assert not (on and self.spared and self.field.now < self.field.until), self.field.now
        return 1


class Updating(Field):
    # It writes new firmware to its flash, answers nothing meanwhile, and restarts.
    until = 0

    def begins(self, last):
        self.say(b'\r\n+QIND: "FOTA","START"\r\n')
        at = self.now
        for percent in range(100):
            at += last // 100
            self.say(b'\r\n+QIND: "FOTA","UPDATING",%d\r\n' % percent, at - self.now)
        self.say(b'\r\n+QIND: "FOTA","END",0\r\n', last)
        self.say(b"\r\nRDY\r\n", last + 4000)
        self.until = self.now + last + 4000

    def feed(self, data):
        if self.now >= self.until:
            super().feed(data)


def test_firmware_that_is_being_written():
    # The lines and their order: Quectel's DFOTA guide of LTE Standard(A) modules, V1.4. The power
    # must not go meanwhile: no line is pulled, and it is said so.
    for last in (40000, 250000):
        field = Updating()
        key, reset, off = lines = Line(field), Line(field), Line(field)
        field.begins(last)
        modem = field.modem(pwrkey=key, reset=reset, off=off)
        while not modem.up:
            begun = field.now
            try:
                modem.start("internet", timeout_ms=90000)
            except OSError as e:
                assert "writing new firmware" in str(e), e
                assert field.now - begun < 90500
        assert field.now < last + 30000, field.now
        exchanged(modem)
        # By itself, with a connection that is in use.
        field.begins(last)
        begun = field.now
        recovery = Recovery(modem, 30, apn="internet")
        failures = 0
        while field.now < begun + last + 60000:
            try:
                modem.at.until = None
                modem.link.drive(recovery.steps(failures))
                exchanged(modem)
                failures = 0
            except OSError:
                failures += 1
                _rig.clock.sleep_ms(2000)
        assert not failures
        field.begins(250000)
        e = raised(modem.off)
        assert "writing new firmware" in str(e), e
        # One that only hangs is got back.
        for line in lines:
            line.spared = False
            line.pulled = 0
        field.until = field.now + 3000000
        field._out = []
        raised(modem.start, "internet", timeout_ms=200000)
        assert reset.pulled


class Deaf(Field):
    # AT+QSSLCLOSE is never answered, all else is. closes: it does its work all the same.
    def __init__(self, closes):
        super().__init__()
        self.closes = closes

    def qsslclose(self, line):
        if self.closes:
            super().qsslclose(line)

    def qsslopen(self, line):
        id = int(line.split(b",")[2])
        if id in self.open:
            self.answers[b"AT+QIGETERROR"] = [b"+QIGETERROR: 563, socket in use", b"OK"]
            return [b"ERROR"]
        return super().qsslopen(line)


def test_a_close_that_is_never_answered():
    # "the modem is unable to process the request", and the handle stays open on it:
    # particle-iot/device-os pull request 1666. Its SSL context can be used all the same.
    for closes in (True, False):
        field = Deaf(closes)
        modem = field.modem(sockets=3)
        modem.start("internet")
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(3 if closes else 2):
            sock = modem.connect("server.example", 8883, ctx, 60000)
            sock.settimeout(20)
            sock.write(b"hello")
            assert sock.read(5) == b"hello"
            begun = field.now
            sock.close()
            assert field.now - begun <= 14000
        begun = field.now
        while [s for s in modem.sockets if s]:
            modem.sleep_ms(1000)
            assert field.now - begun < 60000, closes


class Dialled(Field):
    # Another program has dialled (ATD*99#): the modem speaks PPP, and the context is the call's.
    online = call = True
    quiet = 0

    def feed(self, data):
        if not self.online:
            super().feed(data)
            return
        gap = self.now - self.quiet
        self.quiet = self.now
        if data == b"+++" and gap >= 1000:
            self.online = False
            self.say(b"\r\nOK\r\n", 1000)

    def sleep(self, ms, wakes=False):
        # A frame of the link's negotiation now and then.
        if self.online and not self._out:
            self.say(b'~\xff}#\xc0!}!}!} }4}"}&} } } } }%}&\xa3\x15\x93~', 3000)
        super().sleep(ms, wakes)

    def other(self, line):
        if line == b"ATH":
            self.call = False
        super().other(line)

    def qiact(self, line):
        return [b"ERROR"] if self.call else super().qiact(line)


def test_a_call_left_by_another_program():
    # The second program on a UG96 never got a connection, as the context of the first one's PPP
    # was active: ARMmbed/mbed-os issue 9450; ATH helps: espressif/esp-protocols pull request 169.
    starts(Dialled(), 30000)


class Hasty(Field):
    # What comes behind a payload is a command line's, and echoed, before SEND OK is said.
    def __init__(self, at, byte):
        super().__init__()
        self.at = at
        self.byte = byte  # None: that one twice
        self.server = b""

    def feed(self, data):
        if self._want and self.at is not None:
            n = self.at
            if n < len(data):
                self.at = None
                data = data[:n] + (self.byte or data[n : n + 1]) + data[n:]
            else:
                self.at -= len(data)
        super().feed(data)

    def serve(self, id, data):
        self.server += data
        return b""


def test_a_byte_too_much_whose_rest_is_echoed_at_once():
    # A byte of a payload comes twice, or one is added: the last one is echoed before SEND OK.
    for n in (2, 50, 300, 1460):
        for at in sorted({0, min(1, n - 1), n // 2, n - 1}):
            for byte in (None, b"N", b"\0", b"\xff"):
                field = Hasty(None, byte)
                modem = field.modem()
                modem.start("internet")
                ctx = modem.tls(0, ca=CA, check_time=False)
                sock = modem.connect("server.example", 8883, ctx)
                sock.settimeout(30)
                field.at = at
                data = bytes([33 + (i * 7 + i // 90) % 90 for i in range(n)])
                sock.write(data)
                error = None
                try:
                    sock.flush()
                except OSError as e:
                    error = e
                same = field.server == data
                assert same or error is not None, (n, at, byte, field.server[:20])


class Said(Field):
    # The SIM's state comes as +CMS ERROR, number or words, until it is ready.
    def __init__(self, code, until=1 << 30):
        super().__init__()
        self.code = code
        self.until = until
        self.pins = []
        self.answers[b"AT+CPIN?"] = self.cpin
        self.answers[b"AT+CPIN="] = self.enter
        self.answers[b"AT+QPINC?"] = [b'+QPINC: "SC",3,10', b"OK"]
        self.answers[b"AT+CREG?"] = [b"+CREG: 0,0", b"OK"]
        self.answers[b"AT+CGREG?"] = [b"+CGREG: 0,0", b"OK"]

    def ready(self):
        self.answers[b"AT+CREG?"] = [b"+CREG: 0,1", b"OK"]
        self.answers[b"AT+CGREG?"] = [b"+CGREG: 0,1", b"OK"]

    def cpin(self, line):
        if self.now > self.until:
            self.ready()
            return [b"+CPIN: READY", b"OK"]
        return [b"+CMS ERROR: %s" % self.code]

    def enter(self, line):
        self.pins.append(line)
        self.until = self.now
        return [b"OK"]


def test_the_state_of_the_sim_as_an_error_of_messages():
    # +CMS ERROR: 310 to 318 (27.005 3.2.5) in the place of +CME ERROR: 10 to 18.
    for code, number, word in (
        (b"310", 10, "no SIM card"),
        (b"311", 11, "asks for its PIN"),
        (b"312", 5, "locked to another SIM"),
        (b"313", 13, "the SIM fails (failure)"),
        (b"314", 14, "stays busy"),
        (b"315", 15, "the SIM fails (wrong)"),
        (b"316", 12, "SIM PUK"),
        (b"320", 23, "the SIM fails (memory)"),
        (b"322", 20, "the SIM fails (memory)"),
        (b"SIM not inserted", 10, "no SIM card"),
        (b"SIM busy", 14, "stays busy"),
        (b"500", 100, "AT+CPIN?: "),
    ):
        field = Said(code)
        e = raised(field.modem().start, "internet", timeout_ms=60000)
        assert word in str(e) and e.code == number, (code, e)
        assert e.errno in (errno.ENODEV, errno.EACCES), e
        assert field.now < 62000, field.now
    for code in (b"314", b"310"):  # it is only late
        field = Said(code, 15000)
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        exchanged(modem)
    for code in (b"317", b"318"):  # PIN2 is of no account
        field = Said(code)
        field.ready()
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        exchanged(modem)
    tried.PINS.clear()
    field = Said(b"311")
    modem = field.modem()
    modem.start("internet", pin="1234", timeout_ms=60000)
    assert field.pins == [b'AT+CPIN="1234"'], field.pins
    # The settings of a modem whose SIM is busy.
    field = Field()
    field.answers[b"AT+QICSGP="] = lambda line: (
        [b"+CMS ERROR: 314"] if field.now < 9000 else field.qicsgp(line)
    )
    modem = field.modem()
    modem.start("internet", timeout_ms=60000)
    exchanged(modem)


class Stubborn(Field):
    # Says OK to a setting and never shows it.
    def __init__(self, *shows):
        super().__init__()
        for question, shown in shows:
            self.answers[question] = [shown, b"OK"]


def test_settings_that_never_show():
    # They were taken for lost in a restart that nobody saw: the supply was said to break down.
    for shows in (
        ((b"AT+CMEE?", b"+CMEE: 2"),),
        ((b"AT+QISDE?", b"+QISDE: 1"),),
        ((b"AT+IFC?", b"+IFC: 2,2"),),
        ((b"AT+CMEE?", b"+CMEE: 0"), (b"AT+QISDE?", b"+QISDE: 1"), (b"AT+IFC?", b"+IFC: 2,2")),
    ):
        starts(Stubborn(*shows), 3000)


class Crowded(Field):
    # Another program has left as many PDP contexts as the modem can have active.
    def __init__(self, *others):
        super().__init__()
        self.others = list(others)
        self.answers[b"AT+QIACT?"] = self.shows

    def shows(self, line):
        mine = [1] if self.active else []
        shown = [b'+QIACT: %d,1,1,"10.1.2.%d"' % (n, n) for n in mine + self.others]
        return shown + [b'+QIACT: 9,0,1,""', b"OK"]

    def qiact(self, line):
        return [b"+CME ERROR: 561"] if len(self.others) > 2 else super().qiact(line)

    def qideact(self, line):
        pdp = int(line[11:])
        if pdp in self.others:
            self.others.remove(pdp)
            return [b"OK"]
        return super().qideact(line)


def test_contexts_left_by_another_program():
    starts(Crowded(2, 3, 4), 5000)
    field = Crowded(2, 3)  # there is room: they are left alone
    starts(field, 3000)
    assert field.others == [2, 3]


class Refusing(Field):
    # Restarts, or loses the PDP context, right before it is told to open a connection; and says
    # no more than ERROR.
    how = "restart"

    def qsslopen(self, line):
        self.active = False
        if self.how == "restart":
            self.apn = b'1,"","","",0'
            self.ssl = {}
        return [b"ERROR"]


def test_what_has_happened_before_an_opening_that_is_refused():
    # "refused without a reason; try again, then restart it" is no step for that.
    for how, word in (("restart", "it restarted"), ("context", "the PDP context was lost")):
        field = Refusing()
        field.how = how
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        ctx = modem.tls(0, ca=CA, check_time=False)
        e = raised(modem.connect, "server.example", 8883, ctx)
        assert word in str(e) and "modem.start()" in str(e), e
        assert not modem.up


class Deactivating(Field):
    # The answer to AT+QIDEACT is lost, comes late, or it does nothing.
    lost = 1
    works = True
    late = 0

    def qideact(self, line):
        if self.works:
            super().qideact(line)
        self.lost -= 1
        if self.late:
            self.say(b"\r\nOK\r\n", self.late)
            self.lag = self.late + 5
            self.later = self.now + self.late
            return None
        return None if self.lost >= 0 else [b"OK"]

    def command(self, line):
        if self.late and self.lag > 5:
            self.lag = max(self.later - self.now, 0) + 5
        super().command(line)


def test_an_answer_to_the_end_of_a_context_that_is_lost():
    # It took 40 s, and stop() said that nothing answers.
    for late, works, limit_ms in ((None, True, 15000), (25000, True, 45000), (None, False, 45000)):
        field = Deactivating()
        field.late = late or field.late
        field.works = works
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        begun = field.now
        if works:
            modem.stop()
            assert not modem.up
        else:
            assert raised(modem.stop).errno == errno.ETIMEDOUT
        assert field.now - begun < limit_ms, (late, works, field.now - begun)


def test_digits_of_the_free_room_that_are_lost():
    # "a file of 331 bytes, but the modem has 10 free; delete files there": it had 100000.
    field = Field()
    answers = [b"+QFLDS: 10,20"]
    field.answers[b"AT+QFLDS="] = lambda line: [
        answers.pop() if answers else b"+QFLDS: 100000,200000",
        b"OK",
    ]
    starts(field, 3000)


class Unheard(Field):
    # Hears nothing of AT+QSSLOPEN, or refuses it without a reason.
    opens = 0
    says = b""

    def feed(self, data):
        if data.startswith(b"AT+QSSLOPEN="):
            self.opens += 1
            if self.opens == 1:
                if self.says:
                    self.say(data + self.says)
                return
        super().feed(data)


def test_an_opening_that_nobody_has_heard():
    # What is harmless to repeat is repeated once: nothing is open, and the modem knows no reason.
    for says in (b"", b"\r\nERROR\r\n", b"\r\n+CME ERROR: unknown\r\n"):
        field = Unheard()
        field.says = says
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        begun = field.now
        exchanged(modem)
        assert field.opens == 2 and field.now - begun < 15000, (says, field.opens, field.now)


class Data(Field):
    # Goes over to data mode when it is told to, and back by +++ or when all data have come.
    data = 0
    plus = b""

    def __init__(self):
        super().__init__()
        self.answers[b"ATD*99#"] = self.over
        self.answers[b"AT+QFWRITE="] = self.over

    def over(self, line):
        self.data = -1 if line.startswith(b"ATD") else 100
        return b"\r\nCONNECT\r\n"

    def feed(self, data):
        while self.data and data:
            self.data -= self.data > 0
            self.plus = (self.plus + data[:1])[-3:]
            data = data[1:]
            if self.data < 0 and self.plus == b"+++":
                self.data = 0
            if not self.data:
                self.reply([b"OK"])
        super().feed(data)


def test_a_command_that_leads_to_data_mode():
    # "bytes were lost on the UART; RTS/CTS or larger rxbuf?" - none was; and what came next found
    # a modem that answers nothing.
    for text in ("ATD*99#", "AT+QFWRITE=1,100"):
        field = Data()
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        e = raised(modem.command, text)
        assert e.errno == errno.EIO and "data" in str(e) and "UART" not in str(e), e
        begun = field.now
        exchanged(modem)
        assert field.now - begun < 15000, (text, field.now - begun)
        assert not modem.stats.timeouts
