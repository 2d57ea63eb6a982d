# test_silent - commands that the firmware never answers: what start() can do without is optional.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig  # noqa: F401  (first: it brings the virtual time)
from driver_kit import raised
from field_modem import Field, exchanged

INSIDE = ("test_optional_commands_may_be_silent",)

# Keys of Field.answers, or a command's beginning.
OPTIONAL = (
    (b"AT+CMEE=", b"AT+CMEE?"),
    (b"AT+CMEE?",),
    (b"AT+QISDE=", b"AT+QISDE?"),
    (b"AT+QISDE?",),
    (b"AT+CTZU=",),
    (b"AT+IFC=", b"AT+IFC?"),
    (b"AT+IFC?",),
    (b"AT+QSCLK?",),
    (b"AT+CSCS?",),
    (b"AT+QINDCFG=",),
    (b"AT+QSSLSTATE",),
    (b"AT+CFUN?",),
    (b"AT+CGREG?",),
    (b"AT+CREG?",),
    (b"AT+CCLK?",),
    (b"AT+QLTS",),
    (b"AT+QCFG=",),
    (b"AT+QIGETERROR",),
)
EC21 = (b"Quectel", b"EC21", b"Revision: EC21EFAR06A01M4G", b"OK")
LTE = (
    (b"AT+QURCCFG=",),
    (b"AT+QICFG=",),
    (b"AT+CPSMS?",),
    (b"AT+CEREG?",),
    (b"AT+CGACT?",),
    (b"AT+QICSGP=1",),
)


def silent(field, *keys):
    for key in keys:
        field.answers[key] = None


def test_optional_commands_may_be_silent():
    for lte, rows in ((False, OPTIONAL), (True, OPTIONAL + LTE)):
        for keys in rows:
            field = Field()
            if lte:
                field.answers[b"ATI"] = list(EC21)
            silent(field, *keys)
            modem = field.modem()
            modem.start("internet")
            assert field.now < 30000, (lte, keys, field.now)
            resync = modem.link.resync
            assert resync.answer_ms == 500, (lte, keys, resync.answer_ms)  # it is not slow
            if not lte:  # the commands of TLS are those of a UGxx
                exchanged(modem)


def test_all_of_them_silent():
    for lte, rows in ((False, OPTIONAL), (True, OPTIONAL + LTE)):
        field = Field()
        if lte:
            field.answers[b"ATI"] = list(EC21)
        for keys in rows:
            if keys != (b"AT+CREG?",) and keys != (b"AT+QICSGP=1",):
                silent(field, *keys)
        modem = field.modem()
        modem.start("internet")
        assert field.now < (160000 if lte else 120000), field.now
        if not lte:
            exchanged(modem)


def test_what_another_program_left_is_not_closed():
    # AT+QSSLCLOSE without an answer, with either form of it.
    field = Field()
    field.open[3] = b""
    silent(field, b"AT+QSSLCLOSE=")
    modem = field.modem()
    modem.start("internet")
    assert field.now < 60000, field.now


def test_an_answer_that_is_lost_is_no_silence():
    # Each of them loses its first answer: what it sets is set.
    for keys in OPTIONAL:
        field = Field()
        lost = []

        answer = field.answers.get(keys[0], [b"OK"])

        def once(line, lost=lost, answer=answer):
            lost.append(line)
            if len(lost) == 1:
                return None
            return answer(line) if callable(answer) else answer

        field.answers[keys[0]] = once
        modem = field.modem()
        modem.start("internet")
        assert len(lost) != 1 or keys[0] in (b"AT+QIGETERROR",), keys
        exchanged(modem)


def test_what_is_needed_is_named():
    for keys, word in (
        ((b"AT+CPIN?",), "AT+CPIN?"),
        ((b"AT+CREG?", b"AT+CGREG?"), "AT+CREG?"),
        ((b"AT+QICSGP=",), "AT+QICSGP"),
        ((b"AT+QIACT=", b"AT+QIACT?"), "AT+QIACT"),
        ((b"AT+QIACT?",), "AT+QIACT"),
    ):
        field = Field()
        silent(field, *keys)
        e = raised(field.modem().start, "internet", timeout_ms=180000)
        assert e.errno == errno.ETIMEDOUT and "no answer to " + word in str(e), (keys, e)
        assert field.now < 180100, (keys, field.now)
