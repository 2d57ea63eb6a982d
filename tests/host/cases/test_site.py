# test_site - what board files share: settings, the time, the modem on its pins; late loading.
# SPDX-License-Identifier: MIT

import json
import os
import sys

import qssl
from driver_kit import raised
from qssl import site
from qssl.clock import civil, unix
from qssl.errors import Error

INSIDE = (
    "test_modem",
    "test_two_wires_and_another_rate",
)

FILE = "/tmp/qssl-site-%d.json" % id(site)
BOTH = {"tx": 4, "rx": 5, "rts": 7, "cts": 6, "pwrkey": 8, "status": 9, "dtr": 10}


class Machine:
    # Notes what it is asked for.
    def __init__(self, bad=None):
        notes = self.notes = []

        class Pin:
            IN, OUT = 0, 1

            def __init__(self, pin, mode, value=None):
                if pin == bad:
                    raise ValueError("invalid pin")
                notes.append((pin, mode, value))

        class Signal:
            def __init__(self, pin, invert):
                notes.append(invert)

        class UART:
            RTS, CTS = 1, 2

            def __init__(self, id, baud, **options):
                notes.append((id, baud, options))

            def any(self):
                return 0

            def readinto(self, buf, n):
                return None

            def write(self, buf, off, n):
                return n

        self.Pin, self.Signal, self.UART = Pin, Signal, UART


def with_settings(text, function):
    outer = site._FILE
    site._FILE = FILE
    try:
        with open(FILE, "wb") as f:
            f.write(text.encode() if isinstance(text, str) else text)
        return function()
    finally:
        site._FILE = outer
        os.remove(FILE)


def test_settings():
    def look():
        assert site.setting("host") == "server.example"
        assert site.setting("port", 1) == 8883 and site.setting("text", 1) == 7
        assert site.setting("other", "x") == "x" and site.setting("other", 3) == 3
        assert "other is missing" in raised(site.setting, "other").hint
        assert "must be a number" in raised(site.setting, "host", 1).hint

    with_settings(json.dumps({"host": "server.example", "port": 8883, "text": "7"}), look)
    # What int() would take for another number, or not at all.
    for value in ("true", "443.7", "1e3", "[443]", "{}", '"0x1bb"', '"443;"', "1e999"):
        e = with_settings('{"port": %s}' % value, lambda: raised(site.setting, "port", 443))
        assert "port must be a number, not" in e.hint, (value, e)
    assert with_settings('{"deep": true}', lambda: site.setting("deep", False)) == 1
    for text in ("x", "[]", "1"):
        assert "is not JSON" in with_settings(text, lambda: raised(site.setting, "host", "x").hint)
    assert site.setting("no-file", 5) == 5


def test_files_that_are_none():
    # What MicroPython's json takes for something else, and settings would be lost unseen.
    text = '{"apn": "m2m", "pin": "0042"}'
    low = bytes([c for k in text.encode() for c in (k, 0)])
    high = b"\0" + low[:-1]
    for data, said in (
        (low, "is UTF-16"),
        (high, "is UTF-16"),
        (b"\n\0" + low, "is UTF-16"),
        (b"\xff\xfe" + low, "is UTF-16"),
        (bytes([c for k in text.encode() for c in (k, 0, 0, 0)]), "is UTF-32"),
        (text[:-1].encode(), "is cut short, there is no } at its end"),
        (text[:15].encode(), "is cut short"),
        (bytes(64), "is not JSON"),
        (b"\xff" * 64, "is not UTF-8"),
        (b"\x1f\x8b\x08\0", "is not UTF-8"),
        (b'{"apn": "\xe4"}', "is not UTF-8"),
        (b'{"apn": "m2m"} // mine', "does not end with }"),
        (b'{"apn": "m2m"}\x1a', "does not end with }"),
        (b"// mine\n" + text.encode(), "has remarks"),
        (b'{"apn": ,\n# mine\n"pin": "0042"}', "has remarks"),
        (b"{'apn': 'm2m'}", "needs double quotes"),
        ('{"apn": \u201cm2m\u201d}'.encode(), "a word processor's quotes"),
        ('{\u201eapn\u201c: "m2m"}'.encode(), "a word processor's quotes"),
        (b"apn=m2m\nport=443\n", "is not JSON"),
        (b"<html></html>", "is not JSON"),
        (b'{"APN": "m2m"}', "the setting apn is written 'APN' in"),
        (b'{"apn ": "m2m"}', "the setting apn is written 'apn ' in"),
    ):
        assert said in with_settings(data, lambda: raised(site.access).hint), (data, said)
    assert with_settings(text + "\r\n", site.access)["pin"] == "0042"
    os.mkdir(FILE)
    outer = site._FILE
    site._FILE = FILE
    try:
        assert "can't be read" in raised(site.access).hint
    finally:
        site._FILE = outer
        os.rmdir(FILE)


def test_access():
    def of(text):
        return with_settings(text, site.access)

    found = of('{"pin": "0042", "apn_user": "u", "apn_password": 7, "apn_auth": "1"}')
    assert found == {"apn": "internet", "user": "u", "password": "7", "auth": 1, "pin": "0042"}
    # A number has lost its zeros, and would be a wrong PIN.
    for text in ('{"pin": 1234}', '{"pin": 12345.0}', '{"pin": true}', '{"pin": ["1234"]}'):
        e = with_settings(text, lambda: raised(site.access))
        assert 'in quotes, like "pin": "0123"' in str(e), e
    for text in ('{"apn": ["internet"]}', '{"apn": true}', '{"apn_user": {}}'):
        assert "in quotes" in str(with_settings(text, lambda: raised(site.access)))
    nothing = "\0" * 100  # of a power cut
    assert "is not JSON" in str(with_settings(nothing, lambda: raised(site.access)))


class Time:
    # A board's clock that counts from `epoch` and shows `now`.
    def __init__(self, epoch, now, seconds=0):
        self.epoch = epoch
        self.now = now
        self.time = lambda: seconds

    def gmtime(self, at=None):
        return self.now if at is None else (self.epoch, 1, 1, 0, 0, 0, 3, 1)


def test_time():
    outer = site.time
    now = (2026, 1, 1, 0, 0, 0, 3, 1)
    try:
        for epoch, offset in ((1970, 0), (2000, 946684800)):
            site.time = Time(epoch, now, 1767225600 - offset)
            assert site.utc() == now[:6]
            assert site.now() == 1767225600
        site.time = Time(2000, (2000, 1, 1, 0, 0, 9, 5, 1))  # never set
        assert site.utc() is None and site.now() is None
    finally:
        site.time = outer


def test_a_clock_in_local_time():
    # utc_offset_min: what `mpremote rtc --set` has put in is not taken for UTC.
    outer = site.time
    clock = [1767225600]  # as the board's, 2026-01-01 00:00:00

    class Rtc:
        def datetime(self, t):
            clock[0] = unix(*(t[:3] + t[4:7]))
            assert t[3] == civil(clock[0])[6] and t[7] == 0

    class Here:
        RTC = Rtc

    class Time:
        def time(self):
            return clock[0]

        def gmtime(self, s=None):
            return civil(clock[0] if s is None else s)

    site.time = Time()
    try:
        for minutes, day in (
            (120, (2025, 12, 31, 22)),
            (-300, (2026, 1, 1, 5)),
            (0, (2026, 1, 1, 0)),
        ):
            text = json.dumps({"utc_offset_min": minutes})
            clock[0] = 1767225600
            assert with_settings(text, site.utc)[:4] == day
            assert with_settings(text, site.now) == 1767225600 - minutes * 60
            with_settings(text, lambda: site.set_utc(Here, (2026, 8, 7, 14, 0, 10)))
            assert with_settings(text, site.utc) == (2026, 8, 7, 14, 0, 10)
            assert clock[0] == unix(2026, 8, 7, 14, 0, 10) + minutes * 60
        wrong = (2026, 8, 7, 4, 14, 0, 10, 0)
        assert "RTC().datetime()" in raised(site.set_utc, Here, wrong).hint
        text = '{"utc_offset_min": "east"}'
        assert "must be a number" in with_settings(text, lambda: raised(site.utc).hint)
        for seconds in (7200, -18000, 10**12):
            text = json.dumps({"utc_offset_min": seconds})
            assert "must be minutes" in with_settings(text, lambda: raised(site.utc).hint)
    finally:
        site.time = outer


def test_modem():
    machine = Machine()
    modem = site.modem(machine, 1, dict(BOTH), "dtr dcd", {"sockets": 3})
    wires = {"tx": 4, "rx": 5, "rts": 7, "cts": 6, "flow": 3}
    assert machine.notes == [
        (1, 115200, dict(wires, rxbuf=2048, txbuf=2048, timeout=0)),
        (8, 1, False),
        False,
        (9, 0, None),
        False,
        (10, 1, True),
        True,
    ]
    assert modem.flow and modem.baud == 0 and len(modem.sockets) == 3
    assert [pin is not None for pin in modem.pins] == [True, True, True, False, False, False]


def test_two_wires_and_another_rate():
    machine = Machine()
    options = {"pwrkey": 1, "baud": 921600}
    modem = site.modem(machine, 0, {"tx": 0, "rx": 1, "cts": None}, "", options)
    assert machine.notes == [
        (0, 921600, {"tx": 0, "rx": 1, "rxbuf": 2048, "txbuf": 2048, "timeout": 0})
    ]
    assert not modem.flow and modem.baud == 921600 and modem.pins[0] == 1


def test_wrong_pins():
    for pins, said in (
        ({"rx": 5}, "no pin for tx"),
        ({"tx": 5, "rx": None}, "no pin for rx"),
        ({"tx": 4, "rx": 5, "power": 6}, "a pin power, which is no line"),
        (dict(BOTH), "status can't be on the pins that board.py names for it (invalid pin)"),
    ):
        error = raised(site.modem, Machine(bad=9), 1, pins, "", {})
        assert said in error.hint and error.phase == "board", error


def test_names_of_the_package():
    assert qssl.Error is Error and qssl.modem is sys.modules["qssl.modem"]
    for name in ("nothing", "__nothing__"):
        try:
            getattr(qssl, name)
            raise AssertionError(name)
        except AttributeError as e:
            assert name in str(e)
