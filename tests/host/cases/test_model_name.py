# test_model_name - a modem whose ATI does not tell what it is.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig  # noqa: F401  (first: it brings the virtual time)
from driver_kit import raised
from field_modem import Field, exchanged
from qssl.errors import Refused

NAMES = (b"AT+CGMM", b"AT+GMM", b"AT+CGMR", b"AT+QGMR")


def named(ati, **answers):
    # A modem with these answers; a name's are those of AT+name.
    field = Field()
    field.answers[b"ATI"] = ati
    for name in NAMES:
        field.answers[name] = answers.get(name[3:].decode(), [b"ERROR"])
    return field


def test_other_commands_tell():
    for ati in ([b"OK"], [b"ERROR"], [b"Quectel", b"OK"], None):
        for lines, model, dialect in (
            ({"CGMM": [b"EC21", b"OK"]}, "EC21", "ec2x"),
            ({"CGMM": [b"+CGMM: EC21", b"OK"]}, "EC21", "ec2x"),
            ({"CGMM": [b'+CGMM: "BG96"', b"OK"]}, "BG96", "bg96"),
            ({"CGMM": [b"OK"], "GMM": [b"EG800K", b"OK"]}, "EG800K", "ec200a"),
            ({"CGMM": None, "GMM": [b"UG96", b"OK"]}, "UG96", "ugxx"),
            ({"CGMR": [b"EC21EFAR06A01M4G", b"OK"]}, "EC21EFAR06A01M4G", "ec2x"),
            ({"QGMR": [b"BG95M3LAR02A03_01.010", b"OK"]}, "BG95M3LAR02A03_01.010", "bg95"),
            ({"CGMM": [b"UG95", b"OK"]}, "UG95", "ugxx"),
        ):
            field = named(ati, **lines)
            modem = field.modem()
            modem.start("internet")
            assert (modem.model, modem.dialect) == (model, dialect), (ati, lines, modem.model)
            assert field.now < 20000, field.now
            if dialect == "ugxx":
                exchanged(modem)


def test_a_modem_that_tells_nothing_is_no_ugxx():
    for ati in ([b"OK"], [b"ERROR"], [b"Quectel", b"OK"], None):
        field = named(ati)
        e = raised(field.modem().start, "internet")
        assert type(e) is Refused and e.errno == errno.EINVAL, e
        assert "does not say what it is" in str(e) and "Modem(dialect=...)" in str(e), e
        assert field.now < 30000, field.now
        # Told so, it is what the program says.
        field = named(ati)
        modem = field.modem(dialect="ugxx")
        modem.start("internet")
        exchanged(modem)
        field = named(ati)
        modem = field.modem(dialect="ec21")
        modem.start("internet")
        assert modem.dialect == "ec2x"


def test_an_unknown_name_is_said():
    for ati, lines in (
        ([b"Quectel", b"XY77", b"OK"], {}),
        ([b"OK"], {"CGMM": [b"XY77", b"OK"]}),
        ([b"OK"], {"CGMM": [b"XY77", b"OK"], "QGMR": [b"XY77LAR01", b"OK"]}),
    ):
        field = named(ati, **lines)
        e = raised(field.modem().start, "internet")
        assert type(e) is Refused and "says it is XY77" in str(e), e


def test_a_name_that_is_lost_now_and_then():
    # Its line is lost once or twice: asked again.
    for lost in (1, 2):
        field = named(None)
        asked = []

        def ati(line, asked=asked, lost=lost):
            asked.append(line)
            if len(asked) <= lost:
                return [b"OK"]
            return [b"Quectel", b"EC21", b"Revision: EC21EFAR06A01M4G", b"OK"]

        field.answers[b"ATI"] = ati
        modem = field.modem()
        modem.start("internet")
        assert (modem.model, modem.dialect) == ("EC21", "ec2x")
