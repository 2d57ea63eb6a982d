# test_field_slow - a modem that turns slow while it is in use, played by one that knows no ugsim.
# SPDX-License-Identifier: MIT

import rig as _rig  # noqa: F401  first: it brings the virtual time
from driver_kit import CA, raised
from field_modem import Field


class Slow(Field):
    # slow: ms until each answer, one after the other. drops: what is typed meanwhile gets lost.
    slow = 0
    drops = False
    busy = 0
    _answers = False

    def say(self, data, after=None):
        if self.slow and after is None and self._answers:
            self.busy = max(self.now, self.busy) + self.slow
            after = self.busy - self.now
        super().say(data, after)

    def command(self, line):
        self._answers = True
        super().command(line)
        self._answers = False

    def feed(self, data):
        if self._want or not self.drops or self.now >= self.busy:
            super().feed(data)


def connected(field, modem, ctx):
    sock = modem.connect("server.example", 8883, ctx, 100000)
    sock.settimeout(60)
    used(sock)
    return sock


def used(sock):
    data = bytes([i * 7 & 255 for i in range(300)])
    sock.write(data)
    sock.flush()
    assert sock.read(300) == data


def test_answers_that_are_still_to_come():
    # What start() types in its search, and what the program before has left, is answered one by
    # one: no answer is taken for the next one's.
    for slow in (1000, 2000, 3000):
        for drops in (True, False):
            for left in (0, 4):
                field = Slow()
                field.slow = slow
                field.drops = drops
                field.feed(b"AT\r" * left)
                modem = field.modem()
                modem.start("internet", timeout_ms=180000)
                assert field.now < 40000 + 35 * slow, (slow, drops, left, field.now)
                ctx = modem.tls(0, ca=CA, check_time=False)
                connected(field, modem, ctx)


def test_answers_that_are_still_to_come_of_one_that_seems_quick():
    # What is left is answered in time for the first try, and so one too early from then on: where
    # AT has no proof of its own, each answer is taken for the next command's.
    for slow in (150, 300, 480, 530, 560, 620):
        for left in (b"AT\r", b"ATI\r", b"AT+CMEE?\r", b"AT+NONE\r"):
            for many, pause in ((1, 0), (2, 250), (4, 0)):
                field = Slow()
                field.slow = slow
                field.feed(left * many)
                modem = field.modem()
                modem.sleep_ms(pause)
                modem.start("internet")
                where = slow, left, many, field.now
                assert field.now < 5000 + 40 * slow and modem.link.echo, where
                for line in (b"AT+CFUN?", b"AT+CGREG?", b"AT+QIACT=1"):
                    assert field.typed.count(line) == 1, (where, line)
                ctx = modem.tls(0, ca=CA, check_time=False)
                connected(field, modem, ctx)


def test_a_modem_that_turns_slow():
    # "Response times can vary command to command": pull request 20 of osmocom/pysim; issue 197 of
    # vshymanskyy/TinyGSM. It goes on as slowly, also where it was mute before, and an answer is
    # only believed again when it comes in time.
    for slow in (400, 800, 1500, 3000):
        for drops in (True, False):
            for mute in (0, 40000):
                field = Slow()
                modem = field.modem()
                modem.start("internet")
                ctx = modem.tls(0, ca=CA, check_time=False)
                sock = connected(field, modem, ctx)
                if mute:
                    field.alive = False
                    sock.write(b"lost")
                    raised(sock.flush)
                    sock.close()
                    modem.sleep_ms(mute)
                    field.alive = True
                field.slow = slow
                field.drops = drops
                if mute:
                    begun = field.now
                    sock = None
                    while sock is None:
                        try:
                            sock = connected(field, modem, ctx)
                        except OSError as e:
                            assert "stopped answering" in str(e), (slow, drops, e)
                            assert field.now - begun < 100000, (slow, drops)
                else:
                    modem.sleep_ms(30000)
                for _ in range(3):
                    used(sock)
                    modem.sleep_ms(20000)
                assert modem.up and modem.stats.timeouts == (1 if mute else 0)
