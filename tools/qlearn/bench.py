# qlearn.bench - what the probes share: the conversation, the server, and where results go.
# SPDX-License-Identifier: MIT

import re

from qlearn import script
from qlearn.talk import Silence

CTX = 5  # SSL context; its settings are put back
PDP = 1
FIRST, SECOND = 3, 4  # sockets
TRAILERS = {b"\r\n\r\nOK\r\n": "long", b"\r\nOK\r\n": "short"}
_READ = 1500  # bytes of one AT+QSSLRECV
_SIZES = (_READ, 1460, 1024, 512, 256, 128)  # what other firmware may take
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
        self.works = False  # a connection, and data over it
        self._closed = []  # (number, ms when its close was answered, ms when it was opened again)

    def begin(self):
        self.mark = self.talk.mark()

    def settle(self, name, value):
        # The exchange since begin() is the proof.
        self.same(name, value)
        before = self.results.get(name)
        if before and before.state != "open":
            return
        self.results[name] = Result("settled", value, "", self._evidence())

    def same(self, name, value):
        # What has been settled shows once more: if it is something else now, it is contradictory.
        before = self.results.get(name)
        if before and before.state == "settled" and before.value != value:
            text = "%s before, %s now" % (before.value, value)
            self.results[name] = Result("contradictory", None, text, self._evidence())

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
            raise Unasked("%s answers %s" % (text.partition("=")[0], answer.told))
        return answer

    def last_error(self):
        answer = self.talk.ask("AT+QIGETERROR")
        text = answer.field("+QIGETERROR:")
        number, comma, words = (text or "").partition(",")
        number = number.strip()
        if not number.isdigit():
            raise Unasked("AT+QIGETERROR does not tell a number")
        if words:
            self.same("geterror_space", "yes" if words[0] == " " else "no")
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
            raise Unasked("AT+QFUPL answers %s" % answer.told)
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
        start = "+QSSLOPEN: %d," % number
        text = answer.field(start)
        if text is not None:
            self.facts["AT+QSSLOPEN"] = "its result stands before the OK"
            return int(text)
        text = talk.urc(start, 150000, seen)
        return None if text is None else int(text.rpartition(",")[2])

    def ended(self, number, ms, since):
        # Whether "closed" is told within ms. Odd if the end is told in another form.
        if self.talk.urc('+QSSLURC: "closed",%d' % number, ms, since):
            return True
        for _, text in self.talk.urcs[since:]:
            if re.match(r"\+QSSLURC: ?\W*closed", text, re.I):
                raise Odd("the end of a connection is told as %s" % text)
        return False

    def need_connections(self):
        # Unasked if the first one has shown that they do not work.
        if not self.works and self.value("recv_trailer") is None:
            found = self.results.get("recv_trailer")
            raise Unasked(found.text if found else "the connection to the server does not work")

    def awaited(self, number=FIRST, ms=10000, since=0):
        # The URC that tells of data; None if it does not come.
        return self.talk.urc('+QSSLURC: "recv",%d' % number, ms, since)

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
        for prefix, value in (("+QSSLSTATE:", "qssl"), ("+QISTATE:", "qi")):
            if lines and lines[0].startswith(prefix):
                self.same("state_prefix", value)
        text = fields[5].strip() if len(fields) > 5 else "nothing"
        self.facts["AT+QSSLSTATE %s" % when] = text

    def tell(self, number, *steps):
        # Sends a script to the server.
        data = script.line(*steps)
        answer = self.talk.ask("AT+QSSLSEND=%d,%d" % (number, len(data)), 10000, True)
        if not answer.final.startswith(">"):
            raise Unasked("AT+QSSLSEND asks for no data (%s)" % answer.told)
        self.talk.until(lambda came: came.startswith(b" "), 50)
        self.talk.write(data)
        answer = self.talk.answer("", 15000)
        if answer.final != "SEND OK":
            raise Unasked("AT+QSSLSEND answers %s" % answer.told)

    @property
    def most(self):
        # So many bytes can be asked for in one read.
        return self.measured.get("read_at_most", _READ)

    def largest(self, number):
        # Finds that out, with data that wait. What the last read was answered.
        for size in _SIZES:
            data, behind = self.recv(number, size)
            if data is not None:
                if size < _READ:
                    self.measured["read_at_most"] = size
                return data, behind
        raise Unasked("AT+QSSLRECV is refused, though data wait")

    def recv(self, number, size=None):
        # (data or None for ERROR, what stands behind them up to the end).
        answer = self.talk.ask("AT+QSSLRECV=%d,%d" % (number, size or self.most), 10000)
        header = b"+QSSLRECV: "
        at = answer.raw.find(header)
        if at < 0:
            if answer.error:
                return None, b""
            raise Unasked("AT+QSSLRECV answers %s" % answer.told)
        end = answer.raw.find(b"\r\n", at)
        text = answer.raw[at + len(header) : end]
        if not text.isdigit():
            raise Odd("what is read begins with +QSSLRECV: %s" % text.decode("latin-1"))
        count = int(text)
        body = answer.raw[end + 2 :]
        if len(body) < count:
            raise Unasked("AT+QSSLRECV tells %d bytes, and %d come" % (count, len(body)))
        behind = body[count:]
        if count and behind and answer.final:
            self.same("recv_trailer", TRAILERS.get(behind, repr(behind)))
        return body[:count], behind

    def drain(self, number):
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
