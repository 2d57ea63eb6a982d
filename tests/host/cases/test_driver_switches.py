# test_driver_switches - a whole life with every answer to what is uncertain about the firmware.
# SPDX-License-Identifier: MIT

import os
import sys

import driver_kit
from driver_kit import CA, HOST, Recorder, raised, tls, up
from ugsim.fakenet import FakeNet, RefusingPeer

TIMEOUT_S = 600
FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer switches
# What tools/learn.py has found of a modem (tools/test.py --profile): "name=value;name=value".
PROFILE = dict(
    [
        word.split("=")
        for word in (getattr(os, "getenv", lambda name: None)("PROFILE_SWITCHES") or "").split(";")
        if word
    ]
)

NUMBERS = {
    "prompt_timeout_ms": ("5000", "20000"),
    "push_max": ("1",),
    "baud_default": ("9600",),
    "recv_max": ("1", "100"),
    "rx_size": ("1500", "100"),
    "tx_size": ("1460",),
    "reply_ms": ("30", "300"),
    "nitz_ms": ("5000",),
    "take_ms": ("3", "300"),
    "act_ms": ("0", "140000"),
    "boot_ms": ("100",),
    "register_ms": ("0", "60000"),
    "sim_busy_ms": ("10000",),
    "sim_lag_ms": ("5000",),
    "operators": ("9",),
    "ram_total": ("3000",),
    "ufs_total": ("3000",),
    "baud_wait_ms": ("500",),
    "ntp_ms": ("6000",),
}
# Not a whole life: they have tests of their own.
OTHERS = ("sim", "open_limit", "empty_apn")


def life(switches):
    # Start, context, connection, both directions, the peer's close, again, close.
    switches = dict(PROFILE, **switches)
    rig, modem = up(FakeNet(), switches=switches)
    modem.clock((2025, 1, 1, 0, 0, 0))
    context = modem.tls(0, ca=CA)
    rig.net.add("source.example", Recorder(driver_kit.pattern(4000), True))
    rig.net.add("refusing.example", RefusingPeer())
    for _ in range(2):
        sock = modem.connect(HOST, 443, context)
        sock.settimeout(30)
        for i in range(3):
            data = driver_kit.pattern(2000, i)
            sock.write(data)
            assert sock.read(2000) == data
        raised(modem.connect, "refusing.example", 443, context)
        other = modem.connect("source.example", 443, context)
        other.settimeout(30)
        got = b""
        while True:
            part = other.recv(600)
            if not part:
                break
            got += part
        want = driver_kit.pattern(4000)
        if switches.get("closed_keeps_data", "keep") == "keep":
            assert got == want, len(got)
        else:
            assert got == want[: len(got)], len(got)
        other.close()
        sock.write(b"last")
        assert sock.read(4) == b"last"
        sock.close()
        last = rig.net.conns[-1].tls
        assert (last.version, last.seclevel, last.suites) == (3, 1, (driver_kit.SUITE,))
        modem.start("internet")
    assert rig.model.sockets.slots == [None] * 12
    assert modem.signal() == -71 and modem.registration()
    rig.model.command("restart")
    rig.sleep(6000)
    modem.pump()
    modem.start("internet")
    modem.clock((2025, 1, 1, 0, 0, 0))
    modem.connect(HOST, 443, context).close()


def numbers(name, default):
    # What a switch that is a number may be instead.
    return NUMBERS.get(name) or (str(2 * int(default)),)


def table():
    # {switch: (what it is at first, choices)} of the family in use.
    sw = driver_kit.bare()[0].model.sw
    found = {}
    for name, (_, choices, _) in sw._table.items():
        if name not in OTHERS:
            found[name] = str(sw[name]), choices
    if driver_kit.LTE:
        NUMBERS["ufs_total"] = (str(driver_kit.bare()[0].model.family.ufs_taken + 8192),)
        usual, choices = found["at_port"]
        ports = driver_kit.bare()[0].model.family.ports
        found["at_port"] = usual, [choice for choice in choices if choice in ports]
    return found


def test_whole_life_with_every_answer_to_what_is_uncertain():
    for name, (default, choices) in sorted(table().items())[:: 1 if FAST else 3]:
        if name in PROFILE:
            continue  # settled
        for choice in numbers(name, default) if choices is None else choices:
            if choice == default and name != "recv_trailer":
                continue
            try:
                life({name: choice})
            except BaseException:
                print("switch", name, choice)
                raise


def test_whole_life_with_all_answers_other_than_usual():
    for k in (1, 2):
        switches = {}
        for name, (_, choices) in table().items():
            if choices is not None and name != "closed_keeps_data":
                switches[name] = choices[min(k, len(choices) - 1)]
        switches.update(PROFILE)
        life(switches)


def test_whole_life_with_pairs_of_answers():
    # Each answer stands beside some others, drawn once for all.
    from ugsim.model.base.rng import Rng

    rng = Rng(9)
    switched = table()
    names = sorted(switched)
    for _ in range(40):
        switches = {}
        while len(switches) < 4:
            name = names[rng.below(len(names))]
            default, choices = switched[name]
            if choices is None:
                others = numbers(name, default)
            else:
                others = [choice for choice in choices if choice != default]
            switches[name] = others[rng.below(len(others))]
        if switches.get("recv_max") == "1":
            # Thousands of bytes one by one, 300 ms each, would be more than a read has.
            for name in ("take_ms", "reply_ms"):
                switches.pop(name, None)
        try:
            life(switches)
        except BaseException:
            print("switches", switches)
            raise


def test_modem_that_opens_no_more():
    rig, modem = up(switches={"open_limit": 3})
    context = tls(modem)
    for _ in range(3):
        modem.connect(HOST, 443, context).close()
    e = raised(modem.connect, HOST, 443, context)
    assert e.code == 552, e
    rig.model.command("restart")
    rig.sleep(5000)
    modem.pump()
    modem.start("internet")
    modem.connect(HOST, 443, context).close()
