# field_faults - the modem of field_modem in bad weather: by chance, from a seed.
# SPDX-License-Identifier: MIT

from field_server import Served

# Texts of messages, as anybody may send them.
TEXTS = (
    b"OK",
    b"ERROR",
    b"RDY",
    b'+QSSLURC: "closed",0',
    b"> ",
    b"SEND OK",
    b"+QSSLRECV: 5",
    b"hi",
)
KINDS = (
    "restart",
    "hidden",
    "mute",
    "lost",
    "unheard",
    "text",
    "hangup",
    "pdp",
    "rdy",
    "creg",
    "none",
)


class Rng:
    def __init__(self, seed):
        self._x = seed * 2654435761 + 1 & 0xFFFFFFFF or 1

    def below(self, n):
        x = self._x
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._x = x
        return (x >> 3) % n


class Faulty(Served):
    # every: a fault comes each so many ms, more or less; 0: none.
    def __init__(self, seed, server, every=20000, kinds=KINDS):
        super().__init__([])
        self.rng = Rng(seed)
        self.server = server
        self.every = every
        self.kinds = kinds
        self.lose = 0  # bytes until one that it says gets lost, 0: none
        self.miss = 0  # ... one that it hears
        self.booting = 0
        self.met = []
        self.fresh = self.ssl, self.files, self.apn
        self.later(every, self.fault)

    def fault(self):
        rng = self.rng
        if self.every:
            self.later(self.every // 2 + rng.below(self.every), self.fault)
            getattr(self, "_" + self.pick())()

    def pick(self):
        kind = self.kinds[self.rng.below(len(self.kinds))]
        self.met.append((self.now, kind))
        return kind

    def _none(self):
        pass

    def _forget(self):
        self.ssl = {}
        self.files = {}
        self.apn = b'1,"","","",0'
        self.open = {}
        self.over = set()
        self.active = False
        self.echo = True
        self.due = [entry for entry in self.due if entry[1] == self.fault]
        self._out = []
        self._line = b""
        self._want = 0
        self._data = b""
        self.server.reset()

    def _restart(self):
        self._forget()
        self.booting = self.now + 4000
        self.later(4000, self.say, b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n", 0)

    def _hidden(self):
        self._forget()
        self.booting = self.now + 3000

    def _mute(self):
        self.booting = self.now + 12000

    def _lost(self):
        self.lose = 1 + self.rng.below(400)

    def _unheard(self):
        self.miss = 1 + self.rng.below(400)

    def _text(self):
        n = self.rng.below(len(TEXTS))
        self.say(b'\r\n+CMT: "+4915","","26/11/29,11:00:00+04"\r\n' + TEXTS[n] + b"\r\n", 0)

    def _rdy(self):
        # The text of a message whose first line got lost on the UART.
        self.say(b"\r\nRDY\r\n", 0)

    def _creg(self):
        self.urc(b"+CREG: 2", 0)
        self.urc(b"+CREG: 1", 3000)

    def _hangup(self):
        for id in self.open:
            self.server.ends(id)
            self.does(id, "fin", b"")

    def _pdp(self):
        self.active = False
        for id in self.open:
            self.over.add(id)
        self.server.reset()
        self.urc(b'+QIURC: "pdpdeact",1', 0)

    def say(self, data, after=None):
        if self.now < self.booting:
            return
        if self.lose:
            if self.lose <= len(data):
                data = data[: self.lose - 1] + data[self.lose :]
                self.lose = 0
            else:
                self.lose -= len(data)
        super().say(data, after)

    def feed(self, data):
        if self.now < self.booting:
            return
        if self.miss:
            if self.miss <= len(data):
                data = data[: self.miss - 1] + data[self.miss :]
                self.miss = 0
            else:
                self.miss -= len(data)
        super().feed(data)

    def command(self, line):
        del self.typed[:-20], self.when[:-20]
        try:
            super().command(line)
        except (ValueError, IndexError, KeyError):
            self.reply([b"ERROR"])  # a byte of it got lost

    def qsslopen(self, line):
        id = int(line.split(b",")[2])
        if id in self.open or not self.active:
            return [b"ERROR"]
        self.server.begins(id)
        return super().qsslopen(line)

    def qsslclose(self, line):
        id = int(line[13:].split(b",")[0])
        if id in self.open:
            self.server.ends(id)
        return super().qsslclose(line)

    def qsslsend(self, line):
        id, n = [int(part) for part in line[12:].split(b",")]
        if id in self.over or not 0 < n <= 1460:
            return [b"ERROR"]
        return super().qsslsend(line)

    def served(self, id, data):
        if data:
            self.later(150, self.does, id, "data", data)

    def serve(self, id, data):
        if id in self.over:
            return b""
        answer, end = self.server.gets(id, data)
        if end:
            self.later(400, self.does, id, "fin", b"")
        return answer
