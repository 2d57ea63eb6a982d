# test_model_fuzz - whatever the host sends, the modem answers or stays silent, and lives on.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, ready
from ugsim.model import FAULTS, SWITCHES
from ugsim.model.base.rng import Rng
from ugsim.model.commands.table import COMMANDS

PARTS = (
    ",", ";", '"', '""', "=", "?", "=?", "\r", "\r\n", "\x08", "\x1a", "\x1b", "+++", "\0", "\xff",
    "0", "1", "2", "5", "11", "12", "20", "1460", "1500", "65535", "-1", "99999999999", " ", "*",
    '"RAM:a"', '"a"', '"host.example"', '"sslversion"', '"cacert"', '"0X0035"', "AT", "ATE1",
    '"25/01/01,00:00:00+00"', "x" * 300, '"' + "y" * 90 + '"', "443", "3000", "é",
)  # fmt: skip


def text_of(rng, names):
    out = "AT" if rng.below(8) else ""
    out += names[rng.below(len(names))]
    if rng.below(6):
        out += "="
    for _ in range(rng.below(7)):
        out += PARTS[rng.below(len(PARTS))]
        if rng.below(3):
            out += ","
    return out + ("\r" if rng.below(8) else "")


def lives(t, seed):
    # From any state a restart leads back to a working modem.
    t.control("switch start_urcs here")
    t.at('AT+QCFG="urc/port",1,"usbmodem"')
    t.control("switch at_port usbmodem")
    t.control("restart")
    out = t.wait(20000)
    assert b"\r\nRDY\r\n" in out, seed
    t.control("switch echo_obeys yes")
    t.model.echo = False
    assert t.at("AT") == OK, seed


def test_every_command_answers_every_form():
    tails = ("", "?", "=?", "=", "=0", "=1", '="x"', "=1,0", "=,", "=1,2,3,4,5,6,7,8", '="', "=-1")
    for name in COMMANDS:
        for tail in tails:
            t = ready()
            t.open()
            out = t.at("AT" + name + tail) + t.wait(15000)
            if t.model.line_in.mode is None:
                if not t.model.verbose:  # ATV0: numbers from now on
                    out += t.at("ATV1")
                assert (
                    out.find(OK) >= 0 or out.find(b"ERROR") >= 0 or out.find(b"NO CARRIER") >= 0
                ), (name, tail, out)
            else:
                assert out.find(b"CONNECT") >= 0 or out.find(b">") >= 0, (name, tail, out)


def test_random_input():
    names = sorted(COMMANDS)
    for seed in range(60):
        rng = Rng(seed + 1)
        t = ready(**{"echo_default": str(seed % 2)})
        t.open()
        for _ in range(60):
            t.type(text_of(rng, names))
            t.wait(rng.below(3) * 600)
        lives(t, seed)


def test_random_bytes():
    for seed in range(20):
        rng = Rng(seed + 1)
        t = Terminal()
        for _ in range(40):
            t.type(bytes([rng.below(256) for _ in range(rng.below(200))]))
            t.wait(rng.below(2000))
        lives(t, seed)


def test_random_faults_and_switches():
    names = sorted(COMMANDS)
    faults = sorted(FAULTS)
    switches = sorted(SWITCHES)
    for seed in range(60):
        rng = Rng(seed + 1)
        t = ready()
        t.open()
        for _ in range(40):
            t.model.command("fault " + faults[rng.below(len(faults))])
            name = switches[rng.below(len(switches))]
            choices = SWITCHES[name][1]
            if choices and name not in ("sim",):
                t.model.sw.set(name, choices[rng.below(len(choices))])
            t.type(text_of(rng, names))
            t.wait(rng.below(3) * 600)
            if not rng.below(10):
                t.model.command(("restart", "pdp drop 1", "close 0", "coverage off")[rng.below(4)])
        t.control("clear")
        t.control("coverage on")
        lives(t, seed)


def test_the_same_seed_gives_the_same_run():
    def run():
        rng = Rng(5)
        t = ready()
        t.control("fault lose rate=30 n=0")
        t.control("fault corrupt rate=40 n=0")
        names = sorted(COMMANDS)
        return b"".join([t.type(text_of(rng, names)) for _ in range(200)])

    assert run() == run()
