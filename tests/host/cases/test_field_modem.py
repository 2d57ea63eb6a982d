# test_field_modem - what people have met with Quectel modems and others like them, played by a
# modem that knows no ugsim. Each case names where it was reported.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import raised
from field_modem import Field, exchanged

CLOSE_DOWN = b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9"


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
    field = Muxed()
    modem = field.modem()
    modem.start("internet", timeout_ms=60000)
    exchanged(modem)
    assert field.now < 20000, field.now


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
        field = Booting(refuses)
        modem = field.modem()
        modem.start("internet")
        exchanged(modem)
        assert field.now < 20000, field.now


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
    exchanged(modem)
