# test_line_ends - firmware whose lines end otherwise than CR LF, whatever ATS3, ATS4 and ATV say.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig  # noqa: F401  (first: it brings the virtual time)
from driver_kit import raised
from field_modem import Field, exchanged


class Ends(Field):
    # lead: before a line; end: behind one.
    lead = b"\r\n"

    def urc(self, line, after=None):
        self.say(self.lead + line + self.end, after)

    def reply(self, lines):
        text = b""
        if lines[:-1]:
            text = self.lead + self.end.join(lines[:-1]) + self.end
        self.say(text + self.lead + lines[-1] + self.end)

    def qsslsend(self, line):
        id, n = [int(part) for part in line[12:].split(b",")]
        if id not in self.open:
            return [b"ERROR"]
        self.say(self.lead + b"> ")

        def done(data):
            self.reply([b"SEND OK"])
            self.served(id, self.serve(id, data))

        self.payload(n, done)

    def qsslrecv(self, line):
        data = super().qsslrecv(line)
        if not isinstance(data, bytes):
            return data
        head, rest = data[2:].split(b"\r\n", 1)
        return self.lead + head + self.end + rest[:-8] + self.end + self.lead + b"OK" + self.end


class Registers(Ends):
    # S3 and S4 of V.250 are obeyed. A command line ends with S3, and of some with LF as well.
    def __init__(self, s3, s4, both=False):
        super().__init__()
        self.registers = [s3, s4]
        self.both = both
        self.said()

    def said(self):
        self.lead = self.end = bytes(self.registers)

    def feed(self, data):
        s3 = bytes(self.registers[:1])
        if not self._want and s3 != b"\r":
            data = data.replace(b"\r", b"\r" if self.both else b"").replace(s3, b"\r")
        super().feed(data)

    def other(self, line):
        if line.startswith((b"ATS3=", b"ATS4=")):
            self.registers[line[3] - 51] = int(line[5:])
            self.said()
        super().other(line)


# What stands before a line, and behind one.
FORMS = (
    (b"\n", b"\n"),
    (b"\r\r\n", b"\r\r\n"),
    (b"\r\n\n", b"\r\n\n"),
    (b"\r\n", b"\r\n\r\n"),
    (b"\r\n", b"\r\r\n"),
    (b"\r\r\n", b"\r\n"),
    (b"\n", b"\r\n"),
    (b"\r\n", b"\n"),
    (b"\r\n\r\n", b"\r\n"),
    (b"\n\r", b"\n\r"),
    (b"\r\n", b"\r\n\0"),
)


def test_other_line_ends_are_refused_by_name():
    # CR CR LF: FactbirdHQ/atat issue 191, RIOT-OS/RIOT pull request 7084; LF: hbjorgo/ATLib issue
    # 63. Lost and added bytes are found by the line ends, so they must be known.
    for echoes in (True, False):
        for lead, end in FORMS:
            if lead == b"\n\r" and not echoes:
                continue  # OK is no line then
            field = Ends()
            field.lead = lead
            field.end = end
            if not echoes:
                field.echo = False
                field.answers[b"ATE1"] = [b"OK"]
            e = raised(field.modem().start, "internet", timeout_ms=60000)
            names = (lead + b"=" + end).replace(b"\r", b"CR ").replace(b"\n", b"LF ")
            names = names.replace(b"\0", b"NUL ").replace(b"=", b"OK ").decode().strip()
            assert e.errno == errno.EIO and names + ", not" in str(e), (lead, end, e)
            assert field.now < 15000, field.now
    for lead, end in ((b"", b"\r\n"), (b"", b"\n")):  # what follows the echo is its line
        field = Ends()
        field.lead = lead
        field.end = end
        e = raised(field.modem().start, "internet", timeout_ms=60000)
        assert "come as OK" in str(e) and "not as CR LF OK CR LF" in str(e), e


def test_line_ends_that_can_be_set():
    for s3, s4 in ((13, 13), (13, 32), (10, 10), (10, 13)):
        for both in (False, True):
            field = Registers(s3, s4, both)
            modem = field.modem()
            modem.start("internet", timeout_ms=60000)
            exchanged(modem)
            assert field.registers == [13, 10], field.registers


def test_a_line_end_that_is_damaged_now_and_then():
    # It is the wire, not the form: start() goes on.
    class Noisy(Ends):
        n = 0

        def reply(self, lines):
            self.n += 1
            bad = self.n % self.every == 0
            self.lead = self.bad if bad else b"\r\n"
            super().reply(lines)
            self.lead = b"\r\n"

    for every in (2, 3, 5):
        for bad in (b"\n", b"\r\r\n", b"\r\n\r\n", b"\r\n+CREG: 2\r\n\r\n"):
            field = Noisy()
            field.every = every
            field.bad = bad
            modem = field.modem()
            modem.start("internet", timeout_ms=60000)
            assert field.now < 5000, field.now


def test_a_modem_that_talks_before_each_answer():
    for talk in (b"\r\n+CREG: 1\r\n", b"\r\nRING\r\n"):
        field = Ends()
        field.lead = talk + b"\r\n"
        modem = field.modem()
        modem.start("internet", timeout_ms=60000)
        assert modem.up and not modem.stats.resyncs > 1, (talk, modem.stats.resyncs)
        assert field.now < 20000, (talk, field.now)
