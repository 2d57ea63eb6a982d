# qlearn.bench - what the probes share: the conversation, the server, and where results go.
# SPDX-License-Identifier: MIT

import re

from qlearn import script
from qlearn.talk import Silence

CTX = 5  # SSL context; its settings are put back
PDP = 1
FIRST, SECOND = 3, 4  # sockets
_TWICE_MS = 200
_LATE_MS = 100  # behind the OK of AT+QSSLCLOSE


class Unasked(Exception):
    # The probe could not be made; the text says why.
    pass


class Odd(Exception):
    # The modem does what no value of the switch says; the text says what.
    pass


class Result:
    # state: "settled", "open" or "contradictory".   text: why, if not settled.
    # evidence: [(ms, ">" or "<", bytes)].
    def __init__(self, state, value=None, text="", evidence=()):
        self.state = state
        self.value = value
        self.text = text
        self.evidence = list(evidence)


class Bench:
    # options: apn, user, password, server (host, port), ntp, restart.   results {switch: Result}.
    # measured {name: number}.   facts {name: text}.
    def __init__(self, talk, options):
        self.talk = talk
        self.options = options
        self.results = {}
        self.measured = {}
        self.facts = {}
        self.mark = 0
        self.lost = False  # no network was found
        self._closed = []  # (number, ms when its close was answered, ms when it was opened again)

    def begin(self):
        self.mark = self.talk.mark()

    def settle(self, name, value):
        # The exchange since begin() is the proof.
        before = self.results.get(name)
        if before and before.state == "settled" and before.value != value:
            text = "%s before, %s now" % (before.value, value)
            self.results[name] = Result("contradictory", None, text, self._evidence())
        if before and before.state != "open":
            return
        self.results[name] = Result("settled", value, "", self._evidence())

    def choose(self, name, seen, table):
        # The value whose observation was `seen`; Odd if there is none.
        if seen not in table:
            raise Odd("it answers %s" % (seen,))
        self.settle(name, table[seen])

    def open(self, name, why):
        if name not in self.results:
            self.results[name] = Result("open", None, why)

    def odd(self, name, what):
        if name not in self.results:
            self.results[name] = Result("contradictory", None, what, self._evidence())

    def value(self, name):
        found = self.results.get(name)
        return found.value if found and found.state == "settled" else None

    def _evidence(self):
        return self.talk.since(self.mark)

    def told(self):
        # What the URCs of the whole course came to: some come twice, or for what is closed.
        urcs = self.talk.urcs
        twice = late = 0
        for (before, text), (ms, other) in zip(urcs, urcs[1:]):
            twice += text == other and ms - before < _TWICE_MS and "recv" not in text
        for ms, text in urcs:
            found = re.match(r'\+QSSLURC: "\w+",(\d+)', text)
            for number, begin, end in self._closed if found else ():
                late += number == int(found[1]) and begin + _LATE_MS < ms < end
        for name, count in (("urcs_twice", twice), ("urcs_of_closed", late)):
            if count:
                self.measured[name] = count

    # Commands

    def want(self, text, ms=5000):
        # Must answer OK.
        answer = self.talk.ask(text, ms)
        if not answer.ok:
            raise Unasked("%s answers %s" % (text.partition("=")[0], answer.final or "nothing"))
        return answer

    def last_error(self):
        answer = self.talk.ask("AT+QIGETERROR")
        text = answer.field("+QIGETERROR:")
        number = (text or "").partition(",")[0].strip()
        if not number.isdigit():
            raise Unasked("AT+QIGETERROR does not tell a number")
        return int(number)

    # Files

    def upload(self, name, data, ack=None):
        # Answer of AT+QFUPL behind the data; None if it did not ask for them.
        talk = self.talk
        words = '"%s",%d,5' % (name, len(data)) + ("" if ack is None else ",%d" % ack)
        answer = talk.ask("AT+QFUPL=" + words, 5000, True)
        if not answer.final.startswith("CONNECT"):
            return answer, False
        talk.write(data)
        return talk.answer("", 10000), True

    def put(self, name, data):
        # A file, whatever was there; deleted in the end.
        self.talk.ask('AT+QFDEL="%s"' % name)
        answer, asked = self.upload(name, data)
        if not asked or not answer.ok:
            raise Unasked("AT+QFUPL answers %s" % (answer.final or "nothing"))
        return self.talk.undo('AT+QFDEL="%s"' % name), answer

    def remove(self, undo):
        self.talk.ask(undo)
        self.talk.done(undo)

    # Connections

    def connect(self, number, mode=0, host=None, port=None, quoted=False):
        # The result of the opening: 0, a code; None if nothing came.
        talk = self.talk
        to_host, to_port = self.options.server
        seen = talk.seen()
        self._closed = [
            (n, begin, min(end, talk.port.now()) if n == number else end)
            for n, begin, end in self._closed
        ]
        self.closing(number)
        command = 'AT+QSSLOPEN=%d,%d,%d,"%s",%s,%d' % (
            PDP,
            CTX,
            number,
            host or to_host,
            '"%d"' % to_port if quoted else port or to_port,
            mode,
        )
        answer = talk.ask(command, 150000, mode == 2)
        if mode == 2:
            return answer
        if not answer.ok:
            return self.last_error() or -1
        text = talk.urc("+QSSLOPEN: %d," % number, 150000, seen)
        return None if text is None else int(text.rpartition(",")[2])

    def opened(self, number=FIRST, mode=0):
        error = self.connect(number, mode)
        if error != 0:
            self.close(number)
            if error is None:
                raise Unasked("nothing tells how the opening ended: do URCs come to this port?")
            raise Unasked("the connection to the server fails (%s)" % error)

    def closing(self, number):
        self.talk.undo("AT+QSSLCLOSE=%d,3" % number)

    def close(self, number):
        self.talk.settle(100)
        self.talk.ask("AT+QSSLCLOSE=%d,3" % number, 15000)
        self.talk.done("AT+QSSLCLOSE=%d,3" % number)
        self._closed.append((number, self.talk.port.now(), float("inf")))
        self.talk.settle(200)

    def state(self, number, when):
        # Notes what AT+QSSLSTATE says of a connection.
        lines = self.talk.ask("AT+QSSLSTATE=%d" % number).lines
        fields = lines[0].partition(":")[2].split(",") if lines else []
        text = fields[5].strip() if len(fields) > 5 else "nothing"
        self.facts["AT+QSSLSTATE %s" % when] = text

    def tell(self, number, *steps):
        # Sends a script to the server.
        data = script.line(*steps)
        answer = self.talk.ask("AT+QSSLSEND=%d,%d" % (number, len(data)), 10000, True)
        if not answer.final.startswith(">"):
            raise Unasked("AT+QSSLSEND asks for no data (%s)" % (answer.final or "nothing"))
        self.talk.until(lambda came: came.startswith(b" "), 50)
        self.talk.write(data)
        answer = self.talk.answer("", 15000)
        if answer.final != "SEND OK":
            raise Unasked("AT+QSSLSEND answers %s" % (answer.final or "nothing"))

    def recv(self, number, size=1500):
        # (data or None for ERROR, what stands behind them up to the end).
        answer = self.talk.ask("AT+QSSLRECV=%d,%d" % (number, size), 10000)
        header = b"+QSSLRECV: "
        at = answer.raw.find(header)
        if at < 0:
            if answer.error:
                return None, b""
            raise Unasked("AT+QSSLRECV answers %s" % (answer.final or "nothing"))
        end = answer.raw.find(b"\r\n", at)
        text = answer.raw[at + len(header) : end]
        if not text.isdigit():
            raise Unasked("+QSSLRECV has no number")
        count = int(text)
        body = answer.raw[end + 2 :]
        return body[:count], body[count:]

    def drain(self, number, ms=1500):
        # Everything that the modem has, up to a read of 0.
        data = b""
        for _ in range(200):
            part, _ = self.recv(number)
            if part is None:
                break
            if not part:
                return data
            data += part
        return data


def guarded(probe, bench, names):
    # Runs one probe; however it ends each of its switches has a result.
    bench.begin()
    try:
        probe(bench)
    except Unasked as error:
        for name in names:
            bench.open(name, str(error))
    except Odd as error:
        for name in names:
            bench.odd(name, str(error))
    except (ValueError, IndexError, KeyError, UnicodeError):
        for name in names:
            bench.odd(name, "an answer of a form that nobody knows")
    except Silence:
        for name in names:
            bench.open(name, "the modem fell silent")
        raise
    for name in names:
        bench.open(name, "the modem's answers do not tell")
