# test_resync - the way from distrust to trust, on a modem whose answers come late.
# SPDX-License-Identifier: MIT

from driver_kit import Log, arm, bare, raised, works
from ugsim.fakenet import EchoPeer, FakeNet

INSIDE = (
    "test_a_late_answer_proves_nothing",
    "test_one_late_answer_costs_no_time",
    "test_a_modem_that_does_not_take_the_question",
)

# Each has an answer of its own.
QUESTIONS = (b"CMEE", b"CGATT", b"QISDE", b"CFUN")


def distrusted(by, after, n, **switches):
    # (rig, modem) whose answers come `by` ms late, n times or always; one was waited for `after`.
    rig, modem = bare(FakeNet(EchoPeer()), switches=switches)
    modem.start("internet")
    arm(rig, "delay what=final by=%d n=%d" % (by, n))
    raised(modem.command, "AT+CSQ", timeout_ms=after)
    return rig, modem


def heals(rig, modem, most_ms):
    # ms until the line is trusted.
    begun = rig.now
    while modem.link.sick and rig.now - begun < most_ms:
        modem.link.pump()
        rig.sleep(1)
    return rig.now - begun


def test_a_late_answer_proves_nothing():
    # What is trusted has no answer to come: each question gets its own.
    for echo in ("yes", "never"):
        for busy in ("queue", "drop"):
            for by in (100, 200, 400, 700, 1000, 1500, 2500, 3500, 5000):
                for part in (1, 5, 9):
                    rig, modem = distrusted(
                        by, by * part // 10, 0, echo_obeys=echo, busy_input=busy
                    )
                    what = echo, busy, by, part
                    spent = heals(rig, modem, 100000)
                    if modem.link.sick:
                        # AT is typed again before its answer comes: start() learns to wait.
                        assert by > 500, what
                        if by > 3000:
                            continue  # too slow for it
                        modem.start("internet")
                    elif by <= 400:
                        assert spent < 3 * by + 500, (what, spent)
                    for name in QUESTIONS:
                        try:
                            lines = modem.command(b"AT+" + name + b"?", b"+" + name + b":", 20000)
                        except OSError:
                            assert by > 3000, what  # typed again before the answer came
                            continue
                        assert len(lines) == 1, (what, name)


def test_one_late_answer_costs_no_time():
    for echo in ("yes", "never"):
        for by in (300, 1000, 2500):
            rig, modem = distrusted(by, by - 100, 1, echo_obeys=echo)
            log = Log(rig)
            spent = heals(rig, modem, 10000)
            assert spent < 700 and log.count("AT+CMEE?;+CMEE?") == 1, (echo, by, spent)
            works(modem, 50)


def test_a_modem_that_does_not_take_the_question():
    # It refuses two commands in a line, or says nothing to them.
    for fault, most in (("error cmd=+CMEE n=0", 1000), ("lose_answer cmd=+CMEE n=0", 7000)):
        rig, modem = bare(FakeNet(EchoPeer()))
        modem.start("internet")
        arm(rig, fault)
        modem.link.distrust()
        spent = heals(rig, modem, 20000)
        assert spent < most, (fault, spent)
        works(modem, 50)
