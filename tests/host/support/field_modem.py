# field_modem - a modem that answers as reports from the field say, written without a look at
# ugsim: what driver and ugsim get wrong in the same way, only another one shows.
# SPDX-License-Identifier: MIT
#
# It is its own UART, and its own virtual clock. A situation changes `answers`, or overrides a
# method.

import rig as _rig  # first: it brings the virtual time
from driver_kit import CA
from qssl import Modem

_CRLF = b"\r\n"


class Poll:
    def __init__(self, field):
        self._field = field

    def ipoll(self, ms):
        if not self._field.any():
            _rig.clock.calls = 0
            self._field.sleep(ms, True)
        return ()


class Field:
    # answers: what a command line, or its part up to "=" or "?", gives: a list of lines, the last
    # one the final result; bytes: as they are; None: nothing; a function(line) that gives one of
    # these.
    ati = (b"Quectel", b"UG96", b"Revision: UG96LNAR02A06E1G", b"OK")
    end = _CRLF  # of a line
    lag = 5  # ms until an answer

    def __init__(self):
        self.now = 0
        self.alive = True
        self.echo = True
        self.typed = []  # command lines
        self.when = []  # ms
        self.open = {}  # id: what waits to be read
        self._out = []  # (ms, bytes)
        self._rx = b""
        self._line = b""
        self._want = 0  # bytes of payload still to come ...
        self._then = None  # ... and who gets them
        self._data = b""
        self.ssl = {}
        self.files = {}
        self.radio = 1
        self.active = False
        self.apn = b'1,"","","",0'
        self.answers = {
            b"ATI": list(self.ati),
            b"AT+CFUN?": lambda line: [b"+CFUN: %d" % self.radio, b"OK"],
            b"AT+CFUN=": self.cfun,
            b"AT+CPIN?": [b"+CPIN: READY", b"OK"],
            b"AT+CREG?": [b"+CREG: 0,1", b"OK"],
            b"AT+CGREG?": [b"+CGREG: 0,1", b"OK"],
            b"AT+CEREG?": [b"+CEREG: 0,1", b"OK"],
            b"AT+CSQ": [b"+CSQ: 20,0", b"OK"],
            b"AT+COPS?": [b'+COPS: 0,0,"Field"', b"OK"],
            b"AT+CCLK?": [b'+CCLK: "26/11/29,11:00:00+00"', b"OK"],
            b"AT+QLTS": [b'+QLTS: "2026/11/29,11:00:00+0,0"', b"OK"],
            b"AT+CMEE?": [b"+CMEE: 1", b"OK"],
            b"AT+CMEE=1;+CMEE?;+CMEE?": [b"+CMEE: 1", b"+CMEE: 1", b"OK"],
            b"AT+QISDE?": [b"+QISDE: 0", b"OK"],
            b"AT+IFC?": [b"+IFC: 0,0", b"OK"],
            b"AT+QSCLK?": [b"+QSCLK: 0", b"OK"],
            b"AT+CSCS?": [b'+CSCS: "GSM"', b"OK"],
            b"AT+QINDCFG=": [b'+QINDCFG: "all",1', b"OK"],
            b"AT+QCFG=": [b"ERROR"],
            b"AT+QIACT?": lambda line: (
                [b'+QIACT: 1,1,1,"10.1.2.3"', b"OK"] if self.active else [b"OK"]
            ),
            b"AT+QIACT=": self.qiact,
            b"AT+QIDEACT=": self.qideact,
            b"AT+QICSGP=": self.qicsgp,
            b"AT+QIGETERROR": [b"+QIGETERROR: 0, operate success", b"OK"],
            b"AT+QFLST=": self.qflst,
            b"AT+QFLDS=": [b"+QFLDS: 100000,200000", b"OK"],
            b"AT+QFDEL=": self.qfdel,
            b"AT+QFUPL=": self.qfupl,
            b"AT+QSSLCFG=": self.qsslcfg,
            b"AT+QSSLOPEN=": self.qsslopen,
            b"AT+QSSLSTATE": self.qsslstate,
            b"AT+QSSLSEND=": self.qsslsend,
            b"AT+QSSLRECV=": self.qsslrecv,
            b"AT+QSSLCLOSE=": self.qsslclose,
            b"+++": None,
        }
        _rig.clock.rig = self

    # --- the host's side -------------------------------------------------------------------------

    def any(self):
        while self._out and self._out[0][0] <= self.now:
            self._rx += self._out.pop(0)[1]
        return len(self._rx)

    def readinto(self, buf, n=None):
        n = min(len(buf) if n is None else n, self.any())
        if not n:
            return None
        buf[:n] = self._rx[:n]
        self._rx = self._rx[n:]
        return n

    def write(self, buf, off=0, n=None):
        data = bytes(memoryview(buf)[off : len(buf) if n is None else off + n])
        if self.alive:
            self.feed(data)
        return len(data)

    def init(self, **settings):
        pass

    def sleep(self, ms, wakes=False):
        end = self.now + ms
        while self.now < end:
            due = self._out[0][0] if self._out else end
            self.now = min(end, max(due, self.now + 1))
            if wakes and self.any():
                return

    def modem(self, **settings):
        modem = Modem(self, **settings)
        modem.link._poll = Poll(self)
        return modem

    # --- what it says ----------------------------------------------------------------------------

    def say(self, data, after=None):
        # after: ms from now.
        due = self.now + (self.lag if after is None else after)
        at = len(self._out)
        while at and self._out[at - 1][0] > due:
            at -= 1
        self._out.insert(at, (due, data))

    def urc(self, line, after=None):
        self.say(self.end + line + self.end, after)

    def reply(self, lines):
        # V.250: information as one block, then the final result.
        text = b""
        if lines[:-1]:
            text = self.end + self.end.join(lines[:-1]) + self.end
        self.say(text + self.end + lines[-1] + self.end)

    # --- what it hears ---------------------------------------------------------------------------

    def feed(self, data):
        while data:
            if self._want:
                n = min(self._want, len(data))
                self._data += data[:n]
                data = data[n:]
                self._want -= n
                if not self._want:
                    got, self._data = self._data, b""
                    self._then(got)
                continue
            c = data[:1]
            data = data[1:]
            if self.echo:
                self.say(c, 0)
            if c == b"\r":
                line, self._line = self._line, b""
                self.command(line)
            elif c == b"\x1b":
                self._line = b""
            elif c != b"\n":
                self._line += c

    def command(self, line):
        at = line.upper().find(b"AT")
        if at < 0:
            return
        line = line[at:]
        self.typed.append(line)
        self.when.append(self.now)
        if b"?;+" in line and line not in self.answers:
            self.questions(line[2:].split(b";"))
            return
        for key in (line, line[: line.find(b"=") + 1], line[: line.find(b"?") + 1]):
            if key and key in self.answers:
                break
        else:
            key = next((k for k in self.answers if len(k) > 4 and line.startswith(k)), None)
        if key is None:
            self.other(line)
            return
        answer = self.answers[key]
        if callable(answer):
            answer = answer(line)
        if isinstance(answer, bytes):
            self.say(answer)
        elif answer:
            self.reply(answer)

    def questions(self, questions):
        # Several in one line: an answer each, one result.
        lines = []
        for question in questions:
            lines += self.answers.get(b"AT" + question, [b"OK"])[:-1] + [b""]
        self.reply(lines[:-1] + [b"OK"])

    def other(self, line):
        if line == b"ATE0" or line == b"ATE1":
            self.echo = line == b"ATE1"
        self.reply([b"OK"])

    def payload(self, n, then):
        self._want = n
        self._then = then

    # --- what commands do ------------------------------------------------------------------------

    def cfun(self, line):
        self.radio = int(line[8:9])
        return [b"OK"]

    def qiact(self, line):
        self.active = True
        return [b"OK"]

    def qideact(self, line):
        self.active = False
        return [b"OK"]

    def qicsgp(self, line):
        value = line[line.find(b"=") + 1 :]
        if b"," not in value:
            return [b"+QICSGP: " + self.apn, b"OK"]
        self.apn = value[value.find(b",") + 1 :]
        return [b"OK"]

    def qflst(self, line):
        name = line.split(b'"')[1]
        if name not in self.files:
            return [b"+CME ERROR: 405"]
        return [b'+QFLST: "%s",%d' % (name, len(self.files[name])), b"OK"]

    def qfdel(self, line):
        return [b"OK" if self.files.pop(line.split(b'"')[1], None) else b"+CME ERROR: 405"]

    def qfupl(self, line):
        name, rest = line.split(b'"')[1:3]
        n = int(rest.split(b",")[1])
        self.say(_CRLF + b"CONNECT" + _CRLF)

        def done(data):
            self.files[name] = data
            total = 0
            for i in range(0, n, 2):
                total ^= data[i] << 8 | (data[i + 1] if i + 1 < n else 0)
            self.reply([b"+QFUPL: %d,%x" % (n, total), b"OK"])

        self.payload(n, done)

    def qsslcfg(self, line):
        if line.endswith(b"=?"):
            return [b"OK"]
        parts = line[line.find(b"=") + 1 :].split(b",", 2)
        key = parts[0] + b"," + parts[1]
        if len(parts) == 3:
            self.ssl[key] = parts[2]
            return [b"OK"]
        if key not in self.ssl:
            return [b"ERROR"]
        return [b"+QSSLCFG: %s,%s" % (key, self.ssl[key]), b"OK"]

    def qsslopen(self, line):
        id = int(line.split(b",")[2])
        self.reply([b"OK"])
        self.open[id] = b""
        self.urc(b"+QSSLOPEN: %d,0" % id, 300)

    def qsslstate(self, line):
        lines = []
        for id in sorted(self.open):
            shown = b'+QSSLSTATE: %d,"SSL CLIENT","192.0.2.1",443,4100,3,1,%d,0,"uart1",0'
            lines.append(shown % (id, id))
        return lines + [b"OK"]

    def qsslsend(self, line):
        id, n = [int(part) for part in line[12:].split(b",")]
        if id not in self.open:
            return [b"ERROR"]
        self.say(_CRLF + b"> ")

        def done(data):
            self.reply([b"SEND OK"])
            self.served(id, self.serve(id, data))

        self.payload(n, done)

    def serve(self, id, data):
        # What the server answers: an echo.
        return data

    def served(self, id, data):
        if data:
            told = self.open[id]
            self.open[id] += data
            if not told:
                self.urc(b'+QSSLURC: "recv",%d' % id, 100)

    def qsslrecv(self, line):
        id, n = [int(part) for part in line[12:].split(b",")]
        if id not in self.open:
            return [b"ERROR"]
        data = self.open[id][:n]
        self.open[id] = self.open[id][n:]
        if not data:
            return [b"+QSSLRECV: 0", b"OK"]
        return b"\r\n+QSSLRECV: %d\r\n" % len(data) + data + b"\r\n\r\nOK\r\n"

    def qsslclose(self, line):
        self.open.pop(int(line[13:].split(b",")[0]), None)
        return [b"OK"]


def exchanged(modem, n=300, **settings):
    # Some bytes to the server and back over a new connection.
    ctx = modem.tls(0, **(settings or {"ca": CA, "check_time": False}))
    sock = modem.connect("server.example", 8883, ctx)
    sock.settimeout(20)
    data = bytes([i * 7 & 255 for i in range(n)])
    sock.write(data)
    assert sock.read(n) == data
    sock.close()
