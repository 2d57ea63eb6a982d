# test_field_servers - how servers end, pause and trickle, as people have met it, behind a modem
# that knows no ugsim; each way of reading gets all of it before the end.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig  # noqa: F401  first: it brings the virtual time
from driver_kit import CA, raised
from field_server import Served, styles

TEXT = bytes([33 + (i * 7 + i // 90) % 90 if i % 61 < 60 else 10 for i in range(16384)])


def connected(plan, timeout_s=60, field=Served, **settings):
    field = field(plan)
    for name, value in settings.items():
        setattr(field, name, value)
    modem = field.modem()
    modem.start("internet")
    sock = modem.connect("server.example", 443, modem.tls(0, ca=CA, check_time=False))
    sock.settimeout(timeout_s)
    return field, modem, sock


def everything(plan, n, timeout_s=60, limit_ms=None, **settings):
    # Each way of reading gets the n bytes, and then the end.
    for style in styles():
        field, modem, sock = connected(plan, timeout_s, **settings)
        begun = field.now
        got = style(sock, field)
        assert got == TEXT[:n], (plan, style, len(got))
        assert limit_ms is None or field.now - begun < limit_ms, (plan, style, field.now - begun)
        assert sock.recv(10) == b""
        sock.close()
        assert not field.open


def test_what_comes_behind_the_closed():
    # The end is told before all is there: issues 166 and 437 of vshymanskyy/TinyGSM, 729 of
    # espressif/esp-at, 175 of u-blox/ubxlib. Here nothing is left at first, and then there is.
    for gap in (0, 10, 15, 20, 30, 60, 90):
        for told in ("data", "late"):
            plan = [(0, "data", TEXT[:1000]), (10, "fin", b""), (10 + gap, told, TEXT[1000:3000])]
            everything(plan, 3000, limit_ms=900)


def test_what_comes_behind_the_last_look():
    # A "recv" comes while it is asked whether the PDP context still stands.
    class Slow(Served):
        def __init__(self, plan):
            super().__init__(plan)
            self.was = self.answers[b"AT+QIACT?"]
            self.answers[b"AT+QIACT?"] = self.qiact_
            self.late = TEXT[1000:1500]

        def qiact_(self, line):
            if self.over and self.late:
                self.does(0, "data", self.late)
                self.late = b""
            return self.was(line)

    for style in styles():
        field, modem, sock = connected([(0, "data", TEXT[:1000]), (10, "fin", b"")], field=Slow)
        got = style(sock, field)
        assert got == TEXT[:1500], (style, len(got))


def test_ends_of_all_kinds():
    # Listed as closing, or not at all; 0 or ERROR when all is read; the end told before the data,
    # with them, or in their midst; long records, and one byte at a time.
    for shows in (5, None):
        for ends in (b"0", b"ERROR"):
            for plan in (
                [(0, "data", TEXT[:5000]), (2000, "fin", b"")],
                [(0, "fin", b""), (0, "data", TEXT[:5000])],
                [(0, "data", TEXT[:2500]), (5, "fin", b""), (6, "data", TEXT[2500:5000])],
            ):
                everything(plan, 5000, limit_ms=3000, shows=shows, ends=ends)
    everything([(0, "data", TEXT), (500, "fin", b"")], 16384)
    everything([(0, "data", TEXT[:200]), (500, "fin", b"")], 200, most=3)


def test_records_without_data():
    # What TLS itself exchanges may be told as if it were data: issue 9518 of Mbed-TLS/mbedtls.
    plan = [(50 * i, "news", b"") for i in range(60)]
    everything(plan + [(4000, "data", TEXT[:100]), (4001, "fin", b"")], 100, limit_ms=4500)


def test_a_server_that_closes_right_behind_the_handshake():
    # One that takes no more clients, or not this one. It shows at once, not with the next look.
    for plan in ([(0, "fin", b"")], [(1, "fin", b"")], [(0, "data", TEXT[:70]), (0, "fin", b"")]):
        everything(plan, 70 if len(plan) > 1 else 0, limit_ms=700)


def test_a_byte_each_half_minute():
    plan = [(30000 * i, "data", TEXT[i : i + 1]) for i in range(4)] + [(120000, "fin", b"")]
    everything(plan, 4, None)
    # With a time-out of 40 s a call that wants more than a byte ends in it, and says so.
    for name, args in (("read", ()), ("read", (4,)), ("readline", ())):
        field, modem, sock = connected(plan, 40)
        begun = field.now
        e = raised(getattr(sock, name), *args)
        assert e.errno == errno.ETIMEDOUT and "in the middle" in str(e), e
        assert field.now - begun <= 40100
    field, modem, sock = connected(plan, 40)
    assert b"".join([sock.recv(10) for _ in range(5)]) == TEXT[:4]
