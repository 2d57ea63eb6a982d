# test_transparent_plus - plus signs that are payload end no data mode (manual 1.3, item 4).
# SPDX-License-Identifier: MIT

from driver_kit import Log, pattern
from mode_kit import piped

TIMEOUT_S = 300


class Wire:
    # What the modem receives, with its time, and whether any reading of manual 1.3, item 4 makes
    # an escape of it: silence of `guard` ms, three plus signs, silence of `guard` ms; the signs
    # all within a second (each=False), or each within a second of the one before (each=True).
    def __init__(self, rig):
        self.bytes = []  # (ms, byte)
        self._rig = rig
        self._feed = rig.model.feed
        rig.model.feed = self

    def __call__(self, data):
        for c in data:
            self.bytes.append((self._rig.now, c))
        self._feed(data)

    def escapes(self):
        self.bytes.append((self._rig.now + 5000, 0))
        last = -5000
        found = 0
        for guard in (950, 1000, 1050):
            for each in (False, True):
                last = -5000
                for i in range(len(self.bytes) - 3):
                    t, c = self.bytes[i]
                    if t - last >= guard and c == 43:
                        t1, c1 = self.bytes[i + 1]
                        t2, c2 = self.bytes[i + 2]
                        t3 = self.bytes[i + 3][0]
                        if c1 == 43 and c2 == 43 and t3 - t2 >= guard:
                            if each and t1 - t < 1050 and t2 - t1 < 1050:
                                found += 1
                            elif not each and t2 - t < 1050:
                                found += 1
                    last = t
        self.bytes.pop()
        return found


def plays(script, **keywords):
    # script: bytes to write, and numbers: pauses in ms. All must arrive, in data mode.
    rig, modem, pipe, peer = piped(**keywords)
    log = Log(rig)
    wire = Wire(rig)
    want = b""
    modem.sleep_ms(1500)
    for step in script:
        if isinstance(step, int):
            modem.sleep_ms(step)
        else:
            start = rig.now
            assert pipe.write(step) == len(step)
            assert rig.now - start <= 1400, (script, rig.now - start)
            want += step
    modem.sleep_ms(3000)
    assert peer.got == want, (script, bytes(peer.got))
    assert rig.model.sockets.owner is not None and log.at == [], script
    assert wire.escapes() == 0, (script, wire.bytes)
    pipe.escape()  # the wire is as it was, also for the escape
    assert modem.signal() is not None
    pipe.close()


def test_plus_signs_alone():
    plays([b"+++"])
    plays([b"+++", 1500, b"+++", 3000, b"+++"])
    plays([b"+++"] * 5)
    plays([b"+", b"+", b"+"])
    plays([b"+", 400, b"+", 400, b"+"])
    plays([b"++", 2000, b"+", 500, b"++"])
    plays([b"+", 950, b"+", 950, b"+", 950, b"+"])
    plays([b"+", 1000, b"+++", 1000, b"+"])


def test_plus_signs_between_other_bytes():
    plays([b"a+++"])
    plays([b"+++a"])
    plays([b"a", 1500, b"+++", 1500, b"a"])
    plays([b"a", 500, b"+++", 500, b"a"])
    plays([b"a", 950, b"+++", 950, b"a"])
    plays([b"a", 1050, b"++", 1050, b"+a", 1100, b"+++"])
    plays([b"++++", 2000, b"+++++", 2000, b"++++++", 2000, b"+++++++"])
    plays([b"+++AT\r", 1500, b"AT+QPOWD\r", 1500, b"+++\r\nATH\r\n"])


def test_plus_signs_at_random():
    seed = 7
    pieces = (b"+", b"++", b"+++", b"++++", b"a", b"+a", b"a+", b"+++b")
    pauses = (
        0,
        0,
        100,
        300,
        450,
        600,
        899,
        900,
        950,
        999,
        1000,
        1001,
        1050,
        1099,
        1100,
        1101,
        2500,
    )
    for _ in range(60):
        script = []
        for _ in range(8):
            seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
            script.append(pieces[(seed >> 8) % len(pieces)])
            script.append(pauses[(seed >> 16) % len(pauses)])
        plays(script)


def test_plus_signs_on_a_slow_line():
    for baud in (1200, 9600):
        for first in (b"", pattern(600)):
            plays([first + b"+++", 1200, b"+++", 700, b"++", 1200, b"+", 900, b"++"], baud=baud)


def test_plus_signs_not_blocking():
    rig, modem, pipe, peer = piped()
    modem.sleep_ms(2000)
    pipe.setblocking(False)
    assert pipe.write(b"+++") == 2
    assert pipe.write(b"+") is None
    modem.sleep_ms(1200)
    assert pipe.write(b"+") == 1
    modem.sleep_ms(3000)
    assert peer.got == b"+++" and rig.model.sockets.owner is not None


def test_a_short_timeout_does_not_spoil_plus_signs():
    rig, modem, pipe, peer = piped(timeout_s=0.2)
    modem.sleep_ms(2000)
    assert pipe.write(b"+++") == 3
    modem.sleep_ms(2000)
    assert peer.got == b"+++"


def test_a_write_without_guard_would_end_the_mode():
    # The test of the tests: what the driver avoids is an escape for the simulated modem.
    rig, modem, pipe, peer = piped()
    wire = Wire(rig)
    modem.sleep_ms(2000)
    rig.uart.write(b"+++")
    modem.sleep_ms(2000)
    assert rig.model.sockets.owner is None and wire.escapes()
