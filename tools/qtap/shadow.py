# qtap.shadow - the simulated modem beside a real one: asked the same, and held against it.
# SPDX-License-Identifier: MIT
#
# What is of the world and not of the modem is taken over from the real one: whether the SIM is
# ready, the network there, a connection made, what the server sends. What is left are forms,
# words and results, and in these the two should agree.

import re

from qtap.compare import (
    FORM,
    RESULT,
    SAME,
    UNKNOWN,
    WORLD,
    Comparison,
    Difference,
    has_failed,
    numbers_of,
    plain,
    said_of,
    timed,
)
from qtap.decode import Decoder
from ugsim.exchanges import name_of
from ugsim.fakenet import FakeConn, FakeNet
from ugsim.fakepeers import Peer
from ugsim.model import UGxx
from ugsim.model.commands.sim import STATES
from ugsim.model.errors import ControlError
from ugsim.model.family import MODELS

_MOST = 500  # kinds of differences that are told apart
_LIMIT_MS = 160000  # the longest of the manual's times
_URC_MS = 130000
# Whether these succeed is a matter of the place, the SIM, what was done before.
_WORLD = (
    "+CPIN +CIMI +QCCID +CCID +COPS +CREG +CGREG +CEREG +CGATT +QIACT +QIDEACT +QNTP +QLTS +QSPN "
    "+QIDNSGIP +QPING +CSQ +QPINC +CPINR +CNUM +CSCA +CMGF +CMGL +CMGR +CMGS +CMGD +CUSD +CFUN "
    "+QNWINFO +QENG +QSSLSEND +QISEND +QIOPEN +QFOPEN +QFDWL +QFREAD +QFWRITE +QFSEEK +QFPOSITION "
    "+QFCLOSE +QFTRUCAT +QFTRUNCATE +QFLUSH +QFFLUSH +QFUPL +QFDEL +QFLST +CLCK +CPWD +QISWTMD "
    "+QPOWD +IPR O D"
).split()
_START = ("RDY", "+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE")


class _World(Peer):
    # A server of which only the real modem knows what it does.
    def __init__(self, ready):
        self.state = None if ready else "handshake"  # where the opening stands still
        self.error = 0
        self.why = ""


class _Net(FakeNet):
    def __init__(self):
        FakeNet.__init__(self)
        self.ready = False

    def connect(self, tls, host, port, now_ms):
        conn = FakeConn(self, len(self.conns), tls, host, port, _World(self.ready), now_ms)
        self.conns.append(conn)
        return conn


def _listed(x):
    # The first number of each information line of an answer.
    found = [numbers_of(i.text)[:1] for i in x.items if i.kind == "info"]
    return {numbers[0] for numbers in found if numbers}


class Shadow:
    # switches: of ugsim. differs(Difference) is called for each, also of one that came before.
    # model: of ugsim; None: what ATI tells, a UG96 before that.
    def __init__(self, switches=None, differs=lambda difference: None, model=None):
        self._switches = switches or {}
        self._follows = model is None
        self.model = UGxx(_Net(), self._switches, model=model)
        self.model.run(0)
        self.found = {}  # key -> Difference
        self.counts = dict.fromkeys((SAME, FORM, RESULT, UNKNOWN, WORLD), 0)
        self.differs = differs
        self._now = 0
        self._urcs = []  # texts that the simulation has said
        self._last = None
        self._decoder = Decoder(self._heard, self._answered)
        self._comparison = Comparison()
        self._echoes = False  # ATE was typed: how it is set is known
        self._handles = {}
        self._closing = []  # sockets whose server has closed
        self._security = {}  # socket -> when "security" was told
        self._opening = set()
        self._start = []
        self._carrier = None
        self._ready = False  # the real one's SIM is
        self.host = None  # the decoder of the real conversation, where there is one

    # --- what the tap tells --------------------------------------------------------------------

    def exchange(self, x):
        # The verdict about an exchange that has ended.
        verdict, difference = self._judge(x)
        self.counts[verdict] += 1
        if difference is not None:
            self._note(difference)
        return verdict

    def _judge(self, x):
        name = x.name
        if x.crossed:
            return WORLD, None
        if x.text[:2].upper() != "AT":
            if x.final not in ("", "ERROR"):
                return WORLD, None
        elif name and not self.model.runner.knows(name) and ";" not in x.text:
            return UNKNOWN, Difference(
                UNKNOWN, name_of(x.text), said_of(x), "it does not know the command", x.at
            )
        if not self._prepare(x, name):
            self._comparison.failing = "" if has_failed(x.final) else self._comparison.failing
            return WORLD, None
        self._advance(int(x.at * 1000))
        if name == "I" and self._follows:
            self._follow(x)
        said = self._ask(x)
        verdict, difference = self._comparison.compare(x, said)
        self._comparison.over(x, said)
        self._after(x, name, said)
        return verdict, difference

    def item(self, item):
        # Everything that passes, in its order: for what only the order tells.
        sw = self.model.sw
        if item.pushed and item.pushed != sw["push_trailer"]:
            self._rule("push_trailer", '"recv" with data', _TRAILERS, item.pushed, item.at)
        if item.kind == "urc":
            self._urc(item)
        elif item.kind == "final" and item.text == "NO CARRIER":
            self._carrier = (item.at, self._owner())
            self._server_ends(self._carrier[1])
        self._overdue(item.at)

    def finish(self, at):
        self._overdue(at + 10)

    # --- URCs ----------------------------------------------------------------------------------

    def _urc(self, item):
        text = item.text
        found = re.match(r'\+QSSLURC: "(\w+)",(\d+)(?:,(\d+))?', text)
        if text.startswith("+QSSLOPEN:"):
            self._opened(item)
        elif found and found[1] == "recv" and found[3]:
            if int(found[3]) > self.model.sw["push_max"]:
                self._rule("push_max", '"recv" with data', "%s bytes at once", found[3], item.at)
        elif found and found[1] in ("closed", "security"):
            self._ends(int(found[2]), found[1], text, item)
        elif text.startswith('+QIURC: "pdpdeact"'):
            self._deactivated(item)
        elif text.startswith(("+QNTP:", '+QIURC: "dnsgip"')):
            self._later(item)
        elif text in _START:
            self._starts(text, item)
        if found and found[1] == "recv" and self._prompting(item):
            if self.model.sw["urc_at_prompt"] == "later":
                self._rule("urc_at_prompt", "a URC at the prompt", "%s", "now", item.at)

    def _prompting(self, item):
        return self.host is not None and self.host.mode in ("count", "text")

    def _opened(self, item):
        found = re.match(r"\+QSSLOPEN: (\d+),(\d+)$", item.text)
        s = self._socket(int(found[1])) if found else None
        code = int(found[2]) if found else 0
        if code:
            self._comparison.failing = "+QSSLOPEN"
        if s is None or s.conn is None:
            return
        if code:
            s.conn.peer.error = code
        else:
            s.conn.peer.state = None
        s.conn.still = False
        del self._urcs[:]
        self._wait(lambda: any(u.startswith("+QSSLOPEN:") for u in self._urcs), 2000)
        told = [u for u in self._urcs if u.startswith("+QSSLOPEN:")]
        self._told(item, told, "+QSSLOPEN")
        self._opening.discard(int(found[1]))

    def _told(self, item, said, what):
        # A URC that the simulation should have told, too.
        if not said:
            return
        one, other = timed(item.text), timed(said[0])
        if one != other:
            self._note(Difference(FORM, what, item.text, said[0], item.at))

    def _later(self, item):
        start = item.text.partition(",")[0]
        if start.startswith("+QNTP: ") and start != "+QNTP: 0":
            return  # the time server did not answer
        if re.fullmatch(r'\+QIURC: "dnsgip", ?[1-9]\d*', item.text):
            return  # nobody knows the name
        prefix = "+QNTP: 0" if start.startswith("+QNTP") else start
        before = len(item.text.split(","))
        self._wait(lambda: any(u.startswith(prefix) for u in self._urcs), _URC_MS)
        said = [u for u in self._urcs if u.startswith(prefix)]
        if prefix != "+QNTP: 0":
            said = [u for u in said if len(u.split(",")) == before]
        if said:
            self._told(item, said, prefix.partition(":")[0])
            self._urcs.remove(said[0])

    def _ends(self, number, what, text, item):
        # A connection has ended on the server's side.
        at = item.at
        if what == "security":
            self._security[number] = at
            s = self._socket(number)
            if s is not None and s.conn is not None and self.model.sw["security_then_closed"]:
                self.model.sockets.security(s, 1)
                said = [u for u in self._urcs if u.startswith('+QSSLURC: "security"')]
                self._drain()
                said += [u for u in self._urcs if u.startswith('+QSSLURC: "security"')]
                self._told(item, said, "+QSSLURC")
            return
        if number in self._security:
            del self._security[number]
            if self.model.sw["security_then_closed"] == "no":
                self._rule("security_then_closed", '"security"', _CLOSED, "yes", at)
        elif self._carrier and self._carrier[1] == number:
            self._carrier = None
            if self.model.sw["closed_after_no_carrier"] == "no":
                self._rule("closed_after_no_carrier", "NO CARRIER", _CLOSED, "yes", at)
        else:
            self._closing.append(number)

    def _overdue(self, at):
        # What should have come by now.
        for number, since in list(self._security.items()):
            if at - since > 5:
                del self._security[number]
                if self.model.sw["security_then_closed"] == "yes":
                    self._rule("security_then_closed", '"security"', _CLOSED, "no", since)
        if self._carrier and at - self._carrier[0] > 5:
            since, number = self._carrier
            self._carrier = None
            if self.model.sw["closed_after_no_carrier"] == "yes" and number is not None:
                self._rule("closed_after_no_carrier", "NO CARRIER", _CLOSED, "no", since)

    def _deactivated(self, item):
        found = re.match(r'\+QIURC: "pdpdeact",(\d+)$', item.text)
        if not found or not 1 <= int(found[1]) <= 20:
            return
        context = self.model.pdp.all[int(found[1])]
        live = [s.number for s in self.model.sockets.live if s.pdp == context.number]
        live = [number for number in live if self.model.sockets.slots[number].conn is not None]
        if not context.active:
            return
        told = set(self._closing)
        if live:
            also = "yes" if told & set(live) else "no"
            if also != self.model.sw["pdpdeact_also_closed"]:
                self._rule("pdpdeact_also_closed", '"pdpdeact"', _BEFORE, also, item.at)
        self._closing = [number for number in self._closing if number not in live]
        del self._urcs[:]
        self.model.pdp.drop(context.number, True)
        self._drain()
        said = [u for u in self._urcs if u.startswith('+QIURC: "pdpdeact"')]
        self._told(item, said, "+QIURC")

    def _starts(self, text, item):
        if text == "RDY":
            self._start = []
            if self.model.power.state == "on" and self.model.now > 1000:
                self._restarted()
        self._start.append(text)
        if len(self._start) == len(_START) and self._start[0] == "RDY":
            mine = [t for t in self._start if "QIND" in t]
            order = "sms" if "SMS" in mine[0] else "pb"
            if order != self.model.sw["qind_order"]:
                self._rule("qind_order", "at the start", "%s DONE first", order.upper(), item.at)

    def _restarted(self):
        # The real one has: this one does, without a word.
        m = self.model
        m.power.restart()
        self._wait(lambda: m.power.state == "on" and m.radio.up(), 30000)
        self._drain()
        del self._urcs[:]
        self._comparison.set.clear()
        self._echoes = False
        self._closing = []
        self._security.clear()

    def _rule(self, switch, what, words, value, at):
        now = self.model.sw[switch]
        real = words[value] if isinstance(words, dict) else words % value
        sim = words.get(now, now) if isinstance(words, dict) else words % now
        self._note(Difference(FORM, what, real, sim, at))

    def _note(self, difference):
        d = difference
        key = (d.kind, d.what, plain(d.real), plain(d.sim))
        if key not in self.found and len(self.found) >= _MOST:
            key = (d.kind, "others", "", "")
            d = Difference(d.kind, "others", "more than %d kinds of answers" % _MOST, "none", d.at)
        known = self.found.setdefault(key, d)
        known.count += 1
        self.differs(d)

    # --- the world, as the real modem has it ---------------------------------------------------

    def _prepare(self, x, name):
        # Makes the simulation's world that of the real modem. False: nothing can be compared.
        failed = has_failed(x.final) or not x.final
        m = self.model
        text = x.text
        if m.power.state == "off":
            self._restarted()
        self._wait(lambda: m.power.state == "on", 60000)
        if x.items and not self._echoes and text[:2].upper() == "AT":
            # How it was set before the tap came.
            m.echo = any(i.kind == "echo" and not i.text for i in x.items)
            self._echoes = name == "E"
        if name == "+CPIN" and text.endswith("?"):
            return self._card(x)
        if name == "+CPIN" and "=" in text and not x.test:
            return self._pin(x)
        if name in ("+QSSLRECV", "+QSSLCLOSE", "+QSSLSEND", "+QSSLSTATE") and not x.test:
            return self._connection(x, name, failed)
        if name == "+QIACT" and text.endswith("?") and not failed:
            return self._contexts(x)
        if name == "+QIACT" and failed and "=" in text and not x.test:
            number = numbers_of(text)[:1]
            context = m.pdp.all[number[0]] if number and 0 < number[0] <= 20 else None
            # Decided without the network: it is active, or has no APN.
            return context is not None and (context.active or not context.apn) and bool(x.final)
        if name in ("+CREG", "+CGREG") and text.endswith("?"):
            stat = [numbers_of(i.text) for i in x.items if i.kind == "info"]
            if not stat or not stat[0] or stat[0][min(1, len(stat[0]) - 1)] not in (1, 5):
                return False
            m.radio.stat = stat[0][min(1, len(stat[0]) - 1)]
        if name == "+QIACT" and "=" in text and not failed:
            m.radio.stat = m.radio.stat if m.radio.up() else 1
        if name == "+QLTS" and not x.test:
            self._network_time(x)
            return True
        if name == "+QSSLOPEN" and not x.test:
            transparent = text.rstrip().endswith(",2")
            m.net.ready = transparent and not failed
            if transparent and failed:
                return False
        if name in ("+QFREAD", "+QFCLOSE", "+QFWRITE", "+QFSEEK", "+QFPOSITION"):
            if not failed and numbers_of(text)[:1] and numbers_of(text)[0] not in self._handles:
                return False
        if name == "+QFUPL" and failed and x.final.endswith("407"):
            path = re.findall(r'"([^"]*)"', text)
            return bool(path) and m.read_file(path[0]) is not None
        if name in ("+QFLST", "+QFDEL", "+QFDWL", "+QFOPEN") and not x.test:
            path = re.findall(r'"([^"]*)"', text)
            there = bool(path) and m.read_file(path[0]) is not None
            # A file from before the tap, or one that is gone: not this one's.
            return there != failed and bool(path) and "*" not in path[0]
        if failed and self._ready and name in ("+QPINC", "+CPINR"):
            return True
        if failed and name in _WORLD and not (name == "+QFUPL" or x.test):
            return False
        return not (not x.final and name != "+QILOCIP" and text[:2].upper() == "AT")

    def _follow(self, x):
        # The real one tells its model: this one becomes that, if it is known.
        words = [i.text.strip().upper() for i in x.items if i.kind == "info"]
        name = next((n for n, (_, word, _) in MODELS.items() if word.upper() in words), None)
        if name is None or name == self.model.family.name:
            return
        try:
            model = UGxx(_Net(), self._switches, model=name)
        except ControlError:
            return  # a switch of the profile is not of this family
        echo = self.model.echo
        self.model = model
        model.echo = echo
        model.run(self._now)
        self._comparison.set.clear()

    def _card(self, x):
        words = {word: state for state, (word, _) in STATES.items() if word}
        codes = {str(code): state for state, (_, code) in STATES.items() if code}
        line = next((i.text for i in x.items if i.kind == "info"), "")
        found = re.match(r"\+C(?:ME|MS) ERROR: (\d+)", x.final)
        state = words.get(line.partition(":")[2].strip())
        if found:
            state = codes.get(found[1])
        if state is None:
            return False
        self.model.sim.state = state
        self._ready = state == "ready"
        return True

    def _pin(self, x):
        if x.final == "OK":
            self.model.sim.state = "ready"
            return False
        return bool(x.final)

    def _connection(self, x, name, failed):
        numbers = numbers_of(x.text)
        if name == "+QSSLSTATE":
            told = _listed(x)
            mine = {s.number for s in self.model.sockets.live}
            if "=" in x.text:
                mine &= set(numbers[-1:])
            return failed or told == mine
        s = self._socket(numbers[0]) if numbers else None
        if name == "+QSSLCLOSE":
            self._closing = [number for number in self._closing if numbers[:1] != [number]]
            return bool(x.final)
        if s is None:
            return False
        if name == "+QSSLSEND":
            canceled = x.sent[-1:] == b"\x1b"
            return s.conn is not None and (canceled or x.final == "SEND OK")
        data = x.data
        s.rx.clear()
        if data:
            s.rx.append(data)
        if numbers[0] in self._closing:
            self._closing.remove(numbers[0])
            if s.conn is not None and not failed:
                # Data stay to be read, or not: as the simulation has it.
                self.model.sockets.closed_by_peer(s)
                s.rx.clear()
                s.rx.append(data)
            elif s.conn is not None:
                self.model.sockets.closed_by_peer(s)
            self._drain()
        elif failed:
            return s.conn is None
        return True

    def _server_ends(self, number):
        s = self._socket(number) if number is not None else None
        if s is not None:
            self.model.sockets.closed_by_peer(s)
        self._drain()

    def _contexts(self, x):
        active = _listed(x)
        for context in self.model.pdp.all[1:]:
            if context.active and context.number not in active:
                self.model.pdp.deactivated(context)
            elif not context.active and context.number in active:
                self.model.pdp.activated(context)
        return True

    def _network_time(self, x):
        line = next((i.text for i in x.items if i.kind == "info"), "")
        if re.search(r"\d\d:\d\d:\d\d", line):
            m = self.model
            if m.clock.told is None:
                m.network.set_time(1764300000, 4)
                m.clock._tell()
        else:
            self.model.clock.told = None

    def _socket(self, number):
        return self.model.sockets.slots[number] if 0 <= number < 12 else None

    def _owner(self):
        owner = self.model.sockets.owner
        return None if owner is None else owner.number

    # --- asking --------------------------------------------------------------------------------

    def _ask(self, x):
        # The same to the simulation; its Exchange.
        self._last = None
        if self.model.sockets.owner is not None:
            self._advance(self._now + 1500)
            self._feed(b"+++")
            self._advance(self._now + 1500)
        text = x.text.encode("latin-1")
        found = re.match(rb"(AT\+QF\w+=)(\d+)(.*)", text, re.S | re.I)
        if found and int(found[2]) in self._handles:
            text = found[1] + b"%d" % self._handles[int(found[2])] + found[3]
        if x.name == "+CPIN" and "=" in x.text and not x.test:
            text = b'AT+CPIN="0000"'
        self._feed(text + b"\r")
        typed = False
        end = self._now + (3000 if x.text[:2].upper() != "AT" or not x.final else _LIMIT_MS)
        while self._last is None and self._now < end:
            if self._decoder.mode in ("count", "text") and not typed:
                typed = True
                data = x.sent
                if x.name in ("+QSSLSEND", "+QISEND") and not data:
                    data = b"\x1b"
                self._feed(data)
                continue
            if not self._step(end):
                break
        if self._last is None:
            self._decoder.finish(self._now / 1000)
        return self._last

    def _feed(self, data):
        self._decoder.host(self._now / 1000, data)
        self.model.feed(data)
        self.model.run(self._now)
        self._drain()

    def _drain(self):
        self.model.run(self._now)
        while self.model.pending():
            self._decoder.modem(self._now / 1000, self.model.take(1 << 20))

    def _step(self, end):
        # On to what comes next. False: nothing does.
        due = self.model.next_ms()
        if due is None or due > end:
            self._now = max(self._now, end)
            self._drain()
            return False
        self._now = max(due, self._now + 1)
        self._drain()
        return True

    def _advance(self, to):
        while self._now < to and self._step(to):
            pass
        self._now = max(self._now, to)
        self._drain()

    def _wait(self, condition, ms):
        end = self._now + ms
        while not condition() and self._now < end and self._step(end):
            pass

    def _heard(self, item):
        if item.kind == "urc":
            self._urcs.append(item.text)
            del self._urcs[:-50]

    def _answered(self, x):
        self._last = x

    # --- what follows --------------------------------------------------------------------------

    def _after(self, x, name, said):
        if name == "+QSSLOPEN" and x.final == "OK":
            numbers = numbers_of(x.text)
            if len(numbers) > 2:
                self._opening.add(numbers[2])
        if name == "+QFOPEN" and said is not None:
            mine = [numbers_of(i.text) for i in said.items if i.kind == "info"]
            real = [numbers_of(i.text) for i in x.items if i.kind == "info"]
            if mine and real and mine[0] and real[0]:
                self._handles[real[0][0]] = mine[0][0]
        if x.final == "OK" and (name == "+QPOWD" or re.match(r"AT\+CFUN=\d,1", x.text, re.I)):
            self._comparison.set.clear()
            self._echoes = False


_CLOSED = {"yes": '"closed" comes behind it', "no": 'no "closed" behind it'}
_BEFORE = {"yes": '"closed" of its sockets before it', "no": 'no "closed" of its sockets'}
_TRAILERS = {"crlf": "CR LF behind the data", "none": "nothing behind the data"}
