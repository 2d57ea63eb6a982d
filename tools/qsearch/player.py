# qsearch.player - plays a schedule and checks what is promised (docs/guarantees.md).
# SPDX-License-Identifier: MIT

import errno

import driver_kit  # before qssl: it brings the virtual time
from driver_kit import CA, Watch
from qssl.errors import Error
from ugsim.fakenet import EchoPeer, FakeNet, Peer

_NAP_MS = 88
_SLACK_MS = 100
_IDLE_MS = 100
_START_S = 60
# Faults that change bytes within lines and payload: UART errors that no driver can tell from what
# was meant. The ledger of that direction is not held against it.
_CHANGING = ("corrupt",)
_SHIFTING = ("lose", "dup", "insert", "before")  # one kind alone shows; two may cancel out
_TYPED = ("lose_in", "corrupt_in", "insert_in", "dup_in", "send_lost")
_RENAMING = ("corrupt_in", "insert_in")
_MUTE = ("send_mute", "delay", "lose_answer", "gap")
_HARMLESS = ("connect", "mark", "write", "flush", "push", "recv", "read", "into", "line", "close")
_HARMLESS += ("sleep", "end")
# What the payload of "mark" holds, and nothing else types.
_COMMAND = "AT+CFUN=1,1"
_END_MS = 15000  # an end of the stream is found by then, though nobody tells it
_COMES_BACK = 6  # tries of a program that connects, and calls start() when modem.up is False
_SLOW = " by=25000"  # of a fault that keeps the modem busy for so long that it looks dead


class Violation(Exception):
    pass


class Server(Peer):
    # Keeps what arrives, by host and connection.
    def __init__(self):
        self.got = {}
        self.conns = {}

    def on_open(self, conn):
        self.conns[conn.host] = conn
        self.got[conn.host] = b""

    def on_data(self, conn, data):
        self.got[conn.host] = self.got.get(conn.host, b"") + data


class Line:
    # One connection as the program sees it, and both ledgers.
    def __init__(self, host, sock):
        self.host = host
        self.sock = sock
        self.written = b""  # what the driver took
        self.sure = 0  # bytes of it that flush() has confirmed
        self.pushed = b""  # what the server sent
        self.read = 0  # bytes of it that the program got
        self.torn = False  # the server's or modem's end was cut: the rest may be gone
        self.failed = False  # an error was told
        self.ended = False  # the server has closed it
        self.refused = False  # an AT+QSSLRECV was answered ERROR while it was there


def pattern(n, seed):
    return driver_kit.pattern(n, seed)


def harmless(op):
    # Nothing of it can make a connection fail. What reads like a line of ours can.
    if op[0] == "fault":
        return op[1].startswith("foreign ") and "deceptive" not in op[1]
    return op[0] in _HARMLESS


class Player:
    def __init__(self, plan):
        self.plan = plan
        rig = dict(plan["rig"])
        self.server = Server()
        net = FakeNet(self.server, rig.pop("latency", 0))
        self.watch = Watch(_NAP_MS)
        self.form = plan.get("form", "raw")
        sockets = plan.get("sockets", 3)
        self.rig, self.modem = driver_kit.bare(
            net, idle=self.watch, switches=plan["switches"], sockets=sockets, **rig
        )
        # Whether certificates are checked against the modem's clock, which a restart resets.
        self.timed = self.form in ("restart", "mqtt", "requests", "aio")
        self.context = self.modem.tls(0, ca=CA, check_time=self.timed)
        self.lines = [None] * max(2, sockets if "sockets" in plan else 0)
        self.hosts = {"after.example"}
        self.opened = []  # connections that connect() has given out
        self.ran = None  # a command that was payload
        self.old = []
        self.count = 0
        self.worst = (0, "")  # longest call beyond its limit, in ms: negative is good
        self.longest = 0  # ms
        self.idle = 0  # ms
        self.calls = self.errors = 0
        self.cutting = False  # whether a fault was armed that may cut any connection off
        kinds = [op[1].split(" ")[0] for op in plan["ops"] if op[0] == "fault"]
        raw = [op for op in plan["ops"] if op[0] == "control" and op[1][:3] in ("say", "raw")]
        shifting = [k for k in kinds if k in _SHIFTING] + raw
        if self.form != "raw":
            shifting = [k for k in shifting if k != "before"]  # whole lines, not in the data
        self.down = not [k for k in kinds if k in _CHANGING] and len(shifting) < 2
        self.up = not [k for k in kinds if k in _TYPED]
        # One byte of one command line is changed and nothing else is wrong: all promises hold.
        self.echoes = plan["switches"].get("echo_obeys") != "never"  # G7 needs it
        # Without it an id that was damaged is another connection's, and so is what is read.
        two = sockets > 10  # digits, of which one may be lost or doubled
        if not self.echoes and [k for k in kinds if k in _TYPED and (two or k in _RENAMING)]:
            self.down = False
        # It drops what comes while it answers: the default of the switch busy_input.
        self.deaf = bool(plan["switches"].get("take_ms") or plan["switches"].get("reply_ms"))
        self.strict = self.echoes and not self.up and self.single(plan["ops"])
        self.up = self.up or self.strict
        # Nothing happens but that others talk, too: nothing may fail.
        self.calm = self.form == "foreign" and not [op for op in plan["ops"] if not harmless(op)]
        # A result that the modem never gave can't be told from a real one: the next command may
        # be typed into an open prompt.
        self.slow = [op for op in plan["ops"] if op[0] == "fault" and _SLOW in op[1]]
        self.spoofed = bool([op for op in raw if "ERROR" in op[1]])
        # Nor can SEND FAIL where the modem gave no result: the same bytes are sent again.
        mute = [k for k in kinds if k in _MUTE]
        if mute and [op for op in raw if "SEND FAIL" in op[1]]:
            self.up = False
        self.keeps = plan["switches"].get("closed_keeps_data", "keep") == "keep"
        self.rig.model.on_event = self.event

    def single(self, ops):
        faults = [op[1] for op in ops if op[0] == "fault"]
        others = [op for op in ops if op[0] in ("control", "trouble")]
        typed = len(faults) == 1 and " in=command" in faults[0]
        return typed and self.form != "raw" and not others

    def event(self, kind, text):
        if kind == "at" and _COMMAND in text and self.echoes:
            self.ran = text
        if kind == "fault" and text == "recv_error":
            for line in self.lines:
                if line is not None:
                    line.refused = True

    # --- G1: every call ends within its deadline, and the idle hook runs ---

    def call(self, limit_ms, what, function, *args):
        # (value, error)
        rig = self.rig
        start = rig.now
        self.watch.start()
        value = error = None
        self.calls += 1
        try:
            value = function(*args)
        except Error as e:
            error = e
            self.errors += 1
            if not (isinstance(e.errno, int) and e.errno > 0 and e.phase and e.hint):
                raise Violation("an error without errno, phase or hint: %r" % e)
        spent = rig.now - start
        if self.ran is not None:
            raise Violation("G2: payload was run as a command, in %s: %r" % (what, self.ran))
        idle = self.watch.stop()
        self.longest = max(self.longest, spent)
        self.idle = max(self.idle, idle)
        if limit_ms and (spent - limit_ms, what) > self.worst:
            self.worst = (spent - limit_ms, what)
        if spent > limit_ms + _SLACK_MS:
            raise Violation("G1: %s took %d ms, its limit is %d" % (what, spent, limit_ms))
        if idle > _IDLE_MS:
            raise Violation("G1: no idle hook for %d ms in %s" % (idle, what))
        return value, error

    def start(self):
        limit = _START_S * 1000
        go = lambda: self.modem.start("internet", timeout_ms=limit)  # noqa: E731
        error = self.call(limit, "start", go)[1]
        if error is None and self.timed:
            error = self.call(5000, "clock", self.modem.clock, (2026, 11, 22, 10, 0, 0))[1]
        return error

    def run(self):
        self.start()
        for op in self.plan["ops"]:
            getattr(self, "op_" + op[0])(*op[1:])
        for line in self.lines + self.old:
            self.check(line, not self.strict)
        self.strength()
        if self.form == "raw":
            self.recovers()
        else:
            self.comes_back()
            for line in self.old:  # closed by now: what went wrong was told
                self.check(line, True)
        if self.ran is not None:
            raise Violation("G2: payload was run as a command: %r" % self.ran)

    # --- operations ---

    def op_connect(self, k, limit_s, timeout_s):
        self.op_close(k)
        self.count += 1
        host = "h%d.example" % self.count
        self.hosts.add(host)
        limit = limit_s * 1000
        sock, error = self.call(
            limit, "connect", lambda: self.modem.connect(host, 443, self.context, limit)
        )
        if self.calm and error is not None:
            raise Violation("G2: lines of others made connect() fail: %s" % error)
        if sock is not None:
            if host in self.server.conns:
                self.opened.append(self.server.conns[host])
            sock.settimeout(timeout_s)
            line = self.lines[k] = Line(host, sock)
            line.limit = timeout_s * 1000
            line.blocks = timeout_s > 0

    def op_write(self, k, size):
        line = self.lines[k]
        if line is not None:
            self.write(line, size, pattern(size, len(line.written) + k))

    def op_mark(self, k, size):
        # Payload that would do harm as commands: wherever it is cut, whole ones follow.
        line = self.lines[k]
        if line is not None:
            at = len(line.written)
            text = "".join(
                ["%02d%06d\r\n%s\r" % (k, at + i, _COMMAND) for i in range(size // 22 + 1)]
            )
            self.write(line, size, text.encode()[:size])

    def write(self, line, size, data):
        n, error = self.call(line.limit, "write", line.sock.write, data)
        if error is None:
            line.written += data[: n or 0]
            if line.blocks and n != size:
                raise Violation("G2: write() took %r of %d bytes" % (n, size))
        elif "full" not in error.hint:
            if "middle of a write" not in error.hint or line.limit > self.needs(size):
                self.troubled(line, "write", error)
            # How much of it was taken is not known, but that something is wrong.
            line.written += data
            line.failed = True
        self.check(line)

    def op_flush(self, k):
        line = self.lines[k]
        if line is None:
            return
        _, error = self.call(line.limit, "flush", line.sock.flush)
        if error is not None:
            if "it goes on" not in error.hint:
                self.troubled(line, "flush", error)
                line.failed = True
        elif line.blocks and self.up and not (line.torn or line.failed or line.ended):
            self.rig.sleep(5)
            conn = self.server.conns.get(line.host)
            if conn is not None and conn.state == "open":
                got = len(self.server.got[line.host])
                if got != len(line.written):
                    raise Violation(
                        "G2: flush() came back, %d of %d bytes arrived" % (got, len(line.written))
                    )
                line.sure = got
        self.check(line)

    def needs(self, size):
        # How long a write may take for no other reason than that the modem answers late: what was
        # written before goes first, all of it in pieces of 1460, each with a prompt and a result,
        # and between two of them another exchange has its turn.
        switches = self.plan["switches"]
        answer = switches.get("reply_ms", 0) + switches.get("take_ms", 0) + _NAP_MS
        return 3 * answer * (2 + size // 1460)

    def troubled(self, line, what, error):
        # An error that only lines of others can have brought about, if it is the first.
        if self.calm and not (line.ended or line.failed):
            raise Violation("G2: lines of others made %s() fail: %s" % (what, error))

    def op_push(self, k, size):
        line = self.lines[k]
        conn = line and self.server.conns.get(line.host)
        if conn is not None and conn.state == "open" and not line.torn:
            data = pattern(size, len(line.pushed) + 100)
            line.pushed += data
            conn.push(data)

    def op_end(self, k, how):
        line = self.lines[k]
        conn = line and self.server.conns.get(line.host)
        if conn is not None:
            if how == "reset":
                line.torn = True
                conn.peer_reset()
            else:
                line.ended = True
                conn.peer_close()

    def take(self, line, data):
        # G2: what the program read is what the server sent, next in line.
        if data and self.down:
            want = line.pushed[line.read : line.read + len(data)]
            if bytes(data) != want:
                raise Violation("G2: read %r, sent was %r" % (bytes(data[:40]), want[:40]))
        line.read += len(data)

    def op_recv(self, k, size):
        self.receive(k, size, "recv")

    def op_read(self, k, size):
        self.receive(k, size, "read")

    def op_line(self, k, size):
        self.receive(k, size, "readline")

    def op_into(self, k, size):
        self.receive(k, size, "readinto")

    def receive(self, k, size, how):
        line = self.lines[k]
        if line is None:
            return
        sock = line.sock
        if how == "readinto":
            buf = bytearray(size)
            data, error = self.call(line.limit, how, sock.readinto, buf)
            data = buf[:data] if data is not None else None
        else:
            data, error = self.call(line.limit, how, getattr(sock, how), size)
        if error is not None:
            if error.hint != "nothing came in time":
                if error.errno != errno.ETIMEDOUT:  # fewer came than were asked for
                    self.troubled(line, how, error)
                line.failed = True
            elif self.overdue(line):
                raise Violation(
                    "G2: %d ms of %s, and nobody noticed that the server has closed"
                    % (line.limit, how)
                )
            if error.hint != "nothing came in time":
                line.read = -1
        elif data is not None and line.read >= 0:
            self.take(line, data)
            if not data and size and not line.failed:
                # The end of the stream: everything the server sent was read. What is read ends
                # with what the modem had where it refused to send (close() tells that at the
                # latest), and where it refused to read after "closed".
                fine = line.torn or not self.keeps or not self.down or sock.why == "reset"
                if not (fine or line.refused) and line.read != len(line.pushed):
                    raise Violation("G2: EOF after %d of %d bytes" % (line.read, len(line.pushed)))
                if self.form != "raw" and not (fine or line.ended) and self.stands(line):
                    raise Violation("G2: EOF after %d bytes of a stream that goes on" % line.read)
        if line.read < 0:
            line.read = -1
            line.pushed = b""
            self.drop(k)

    def stands(self, line):
        # The modem and the server hold the connection.
        conn = self.server.conns.get(line.host)
        return conn is not None and conn.state == "open"

    def overdue(self, line):
        # Nothing came, although all that came before was read and the server had closed.
        return (
            self.form != "raw"
            and line.ended
            and not line.torn
            and line.limit > _END_MS
            and line.read == len(line.pushed)
            and not self.slow
        )

    def drop(self, k):
        # Where it stands in the stream is no longer known.
        line = self.lines[k]
        self.lines[k] = None
        self.old.append(line)
        self.close(line)

    def op_close(self, k):
        if self.lines[k] is not None:
            self.drop(k)

    def close(self, line):
        if line.blocks:
            _, error = self.call(14000, "close", line.sock.close)
            if error is not None:
                self.troubled(line, "close", error)
                line.failed = True
            if not line.failed:
                got = len(self.server.got.get(line.host, b""))
                short = self.up and not (line.torn or line.ended) and got != len(line.written)
                if line.sock._n or short:
                    raise Violation(
                        "G2: close() came back, %d of %d bytes arrived" % (got, len(line.written))
                    )
        else:
            self.call(0, "close", line.sock.close)

    def op_sleep(self, ms):
        self.watch.start()
        self.modem.sleep_ms(ms)
        if self.watch.stop() > _IDLE_MS:
            raise Violation("G1: no idle hook in sleep_ms")

    def op_signal(self):
        self.call(5000, "signal", self.modem.signal)

    def op_start(self):
        for line in self.lines:
            if line is not None:
                line.torn = True
        self.start()

    def op_control(self, text):
        if text.split(" ")[0] in ("restart", "power", "close", "pdp", "coverage", "security"):
            for line in self.lines:
                if line is not None:
                    line.torn = True
        self.rig.model.command(text)

    def op_fault(self, text):
        name = text.split(" ")[0]
        if name in ("cut", "crash") + _TYPED and not self.strict:
            for line in self.lines:
                if line is not None:
                    line.torn = True
            self.cutting = True
        answer = self.rig.model.command("fault " + text)
        if answer != "ok":
            raise ValueError(answer)

    # --- G2, G5, G4 at the end ---

    def check(self, line, last=False):
        # What arrived at the server is what was written, from its beginning on, once. What may
        # follow on a connection of which the program is told that it failed is what the driver
        # typed in place of data that it had announced: AT, ESC, blanks and +, to get the modem out
        # of the prompt; or a command, where an ERROR that the modem never gave hid the prompt.
        if line is None or not self.up:
            return
        if self.cutting:
            line.torn = True
        got = self.server.got.get(line.host, b"")
        if got == line.written[: len(got)]:
            return
        at = 0
        while at < len(got) and got[at : at + 1] == line.written[at : at + 1]:
            at += 1
        told = line.failed or line.sock.why
        rest = got[at:]
        if self.spoofed:
            typed = not [c for c in rest if not 32 <= c < 127 and c != 13 and c != 27]
        else:
            typed = not [c for c in rest if c not in b"AT\r\x1b +"]
        if self.strict:
            # A damaged command may open a prompt of another length, or another connection's: what
            # gets rid of it gets there. A CR too many is the first byte of the payload, and makes
            # the end of a command payload.
            behind = line.written[at:]
            n = 0
            if rest[:1] == b"\r":
                n = 1
                while n < len(rest) and rest[n : n + 1] == behind[n - 1 : n]:
                    n += 1
                if self.deaf or behind[n - 1 : n] <= b" ":
                    return  # nobody sees the byte that is left over: see G7, Conditions
            typed = not [c for c in rest[n:] if c not in b"AT\r\x1b +,0123456789"]
        told = told or (self.strict and not last)  # the driver may still be finding out
        fits = len(got) <= len(line.written)
        if self.strict:
            fits = len(rest) - n <= 1500
        if told and typed and at >= line.sure and fits:
            return
        raise Violation(
            "G2: %d bytes were written, %d confirmed; from byte %d on the server got %r for %r"
            % (len(line.written), line.sure, at, got[at : at + 30], line.written[at : at + 30])
        )

    def names(self, conn):
        # LTE: the host is named, checked where the family does, and no check is taken away.
        tls = conn.tls
        if not tls.modern:
            return
        keys = self.rig.model.family.keys
        checks = self.rig.model.sw["host_check"]
        checked = checks == "level" or (checks == "key" and "checkhost" in keys)
        named = conn.host if "sni" in keys else ""
        want = (named, conn.host if checked else "", (), (), False)
        if (tls.server_name, tls.check_name, tls.ignore, tls.more_ca, tls.dtls) != want:
            raise Violation(
                "G5: opened with server name %r, checked %r, without %r, more CAs %d, DTLS %r"
                % (tls.server_name, tls.check_name, tls.ignore, len(tls.more_ca), tls.dtls)
            )

    def strength(self):
        if not self.up:
            return
        for conn in self.rig.net.conns:
            if conn.host not in self.hosts and self.server.got.get(conn.host):
                raise Violation("G5: bytes went to %s, which nobody named" % conn.host)
            # One that the modem opened while it forgot the context is found out and given up.
            forgets = self.rig.model.sw["context_release"] == "reset"
            if (self.strict or forgets) and conn not in self.opened and not conn.sent:
                continue  # before anything was said
            tls = conn.tls
            self.names(conn)
            suite = 0xC02F if tls.modern else 0x3D
            if (tls.version, tuple(tls.suites), tls.seclevel, tls.ca) != (3, (suite,), 1, CA):
                raise Violation(
                    "G5: opened with version %r, suites %r, seclevel %r"
                    % (tls.version, tls.suites, tls.seclevel)
                )

    def calm_down(self):
        self.rig.sleep(1)  # what a fault does, it has done by now
        for text in ("clear", "coverage on", "dns ok", "storage free", "power on"):
            self.rig.model.command(text)

    def comes_back(self):
        # G4: a program that tries again, and calls start() when modem.up is False, goes on once
        # there are no more faults. However hidden it was, a restart is noticed.
        self.calm_down()
        self.rig.net.add("after.example", EchoPeer())
        for k in range(len(self.lines)):
            self.op_close(k)
        data = pattern(300, 3)
        error = None
        for _ in range(_COMES_BACK):
            try:
                if not self.modem.up:
                    error = self.start()
                    if error is not None:
                        self.modem.sleep_ms(5000)
                        continue
                sock = self.modem.connect("after.example", 443, self.context, 60000)
                sock.settimeout(300)
                sock.write(data)
                got = sock.read(300)
                sock.close()
            except Error as e:
                error = e
                self.modem.sleep_ms(5000)
                continue
            if got != data:
                raise Violation("G4: an echo was wrong at last")
            return
        raise Violation("G4: a program that tries again never comes back: %s" % error)

    def recovers(self):
        # G4: without the faults, the next start() works, and so does a connection; the one after
        # that, where the modem has still to finish what a fault made late.
        self.calm_down()
        error = self.start()
        if error is not None and self.slow:
            error = self.start()
        if error is not None:
            raise Violation("G4: the next start() failed: %s" % error)
        self.rig.net.add("after.example", EchoPeer())
        data = pattern(300, 3)
        for k in (0, 1):
            self.op_close(k)
        try:
            sock = self.modem.connect("after.example", 443, self.context, 60000)
            sock.settimeout(300)  # a firmware may give single bytes, and take its time for each
            sock.write(data)
            got = sock.read(300)
            sock.close()
        except Error as e:
            raise Violation("G4: after start() a connection failed: %s" % e)
        if got != data:
            raise Violation("G4: after start() an echo was wrong")


def play(plan):
    # Returns the Player, for its figures; raises Violation, or whatever escaped the driver.
    if plan.get("form") == "aio":
        from qsearch.tasks import Tasks

        player = Tasks(plan)
    elif plan.get("form") in ("mqtt", "requests"):
        from qsearch.programs import Program

        player = Program(plan)
    elif plan.get("form") == "mail":
        from qsearch.mail import Mail

        player = Mail(plan)
    else:
        player = Player(plan)
    player.run()
    return player
