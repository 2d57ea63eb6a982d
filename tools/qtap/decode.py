# qtap.decode - what two sides of a serial line say to each other, by looking on.
# SPDX-License-Identifier: MIT

import re

_FINAL = re.compile(
    r"(OK|ERROR|SEND OK|SEND FAIL|NO CARRIER|NO DIALTONE|BUSY|NO ANSWER|\+CM[ES] ERROR: ?.*)$"
)
_URC = re.compile(
    r"\+QSSLURC: |\+QIURC: |\+QSSLOPEN: \d+,\d+$|\+QIOPEN: \d+,\d+$|RDY$|APP RDY$|RING$"
    r"|\+CFUN: \d$"
    r"|\+QIND: |\+QUSIM: |(NORMAL |PSM )?POWER(ED)? DOWN|\+CMTI?: |\+CDSI?: |\+CUSD: |\+CTZ[VE]: "
    r"|\+C[GE]?REG: \d(,\"[^\"]*\",\"[^\"]*\"(,\d+)?)?$|\+CPIN: |\+QNTP: |\+QCFG: |\+QHTTP"
)
_OWN_URC = ("+QSSLOPEN", "+QIOPEN", "+QNTP")  # named as their command, and yet no part of it
_COUNTED = re.compile(r"\+Q(?:SSLRECV|IRD|SSLREAD): (\d+)")
_PUSHED = re.compile(r'\+Q(?:SSL|I)URC: "recv",\d+,(\d+)$')
_CONNECT = re.compile(r"CONNECT( \d+)?\s*$")
_SEND = re.compile(r"AT\+Q(?:SSL|I)SEND(?:EX)?=[^,]*(?:,(\d+))?", re.I)
_PUT = re.compile(r'AT\+(?:QFUPL="[^"]*",(\d+)|QFWRITE=\d+,(\d+))', re.I)
_PROMPTS = ("+QSSLSEND", "+QISEND", "+CMGS", "+CMGW")
_PATIENCE_S = 1.0  # who types the next command sooner does not wait for the answer
_LONGEST = 8192  # bytes of a line
_TEXT = bytes(range(32, 127)) + b"\r\n\t\x1a\x1b"
_ODD = 8  # bytes that are no text: that is no accident
_ITEMS = 5000  # of one answer
_PAYLOAD = 1 << 20  # bytes of one payload that are kept
_ESC = 27
_ENDS = (b"\r\nNO CARRIER\r\n", b"\r\nRDY\r\n")  # of data mode


class Item:
    # kind: of ugsim.trace; "echo" and "ack" ("A" of an upload), too. lead: CR LF before it.
    # data, n: of "up" and "down". A prompt gets its blank when that comes.
    __slots__ = ("at", "data", "kind", "lead", "n", "pushed", "text")

    def __init__(self, at, kind, text, n=None, data=b"", lead=0):
        self.at = at
        self.kind = kind
        self.text = text
        self.n = n
        self.data = data
        self.lead = lead
        self.pushed = ""  # what stands behind pushed data before this: "crlf" or "none"


class Exchange:
    # One command and its answer. text: the line. sent: the payload that was typed for it. final:
    # "" if none came. crossed: another command was typed before its end.
    def __init__(self, at, text):
        self.at = at
        self.text = text
        self.sent = b""
        self.items = []
        self.final = ""
        self.crossed = False
        self.ended = False

    @property
    def name(self):
        # "+QSSLSEND" of AT+QSSLSEND=0,5; "E" of ATE0; "" of AT.
        found = re.match(r"AT([&*^]?[A-Z]|[+^$*]\w+)?", self.text.upper())
        return (found[1] or "") if found else self.text

    @property
    def test(self):
        return self.text.endswith("=?")

    @property
    def data(self):
        return b"".join(item.data for item in self.items if item.kind == "down")


class Decoder:
    # tell(item) for each item, ended(exchange) for each exchange. host() and modem() take bytes in
    # the order in which they came.
    def __init__(self, tell, ended):
        self._tell = tell
        self._ended = ended
        self.open = None  # Exchange
        self.odd = {"board": 0, "modem": 0}  # bytes of lines that are no text
        self.told = set()
        self.mode = "line"  # of what the host types: line, count, text (to Ctrl-Z or ESC), data
        self._left = 0  # bytes of payload that are still to be typed
        self._typed = b""
        self._sent = bytearray()
        self._sent_n = 0
        self._plus = False
        self._asked = False  # what was typed in data mode looks like a command
        self._buf = b""
        self._unlooked = 0  # bytes of it that are looked at already
        self._lead = 0
        self._echo = b""  # what may come back
        self._mirror = b""  # the payload, the same
        self._pluses = False  # "+++", the same
        self._mirrored = False
        self._heard = 0  # when the modem said something last
        self._behind = False  # pushed data have come, and nothing since
        self._blank = None  # the prompt behind which a blank may come
        self._need = 0  # bytes of payload that the modem is still to send
        self._down = None
        self._until = None  # the pattern behind payload of unknown length

    # --- the host's ----------------------------------------------------------------------------

    def host(self, at, data):
        while data:
            if self.mode == "line":
                data = self._line_typed(at, data)
            elif self.mode == "data":
                self._plus = data == b"+++"
                self._asked = data[:2].upper() == b"AT" and data.endswith(b"\r")
                if self._plus:
                    self._item(at, "state", "typed: +++")
                else:
                    self._item(at, "up", "%d bytes" % len(data), len(data), data)
                return
            else:
                data = self._payload(at, data)

    def _look(self, who, data):
        # Are these bytes of lines any text?
        odd = len(data.translate(None, _TEXT))
        self.odd[who] += odd
        if self.odd[who] >= _ODD and who not in self.told and odd * 4 > len(data):
            self.told.add(who)
            self._item(self._heard, "state", "bytes of the %s are garbled: another rate?" % who)

    def _line_typed(self, at, data):
        self._look("board", data)
        cr = data.find(b"\r")
        if cr < 0:
            self._typed += data
            if self._typed.strip(b"\x1b") == b"":
                self._item(at, "state", "typed: ESC", len(self._typed))
                self._typed = b""
            elif self._typed == b"+++":
                self._item(at, "state", "typed: +++")
                self._typed = b""
                self._pluses = True
            elif len(self._typed) > _LONGEST:
                self._item(at, "state", "typed: %d bytes that are no line" % len(self._typed))
                self._typed = b""
            return b""
        line = (self._typed + data[:cr]).lstrip(b"\n\0\x1b")
        self._typed = b""
        text = line.decode("latin-1")
        if text.strip():
            self._command(at, text, line)
        return data[cr + 1 :]

    def _command(self, at, text, line):
        crossed = False
        if self.open is not None:
            crossed = at - max(self.open.at, self._heard) < _PATIENCE_S
            self.open.crossed = crossed
            self._close(at)
        begin = text.upper().find("AT")
        self.open = Exchange(at, text[begin:] if begin >= 0 else text)
        self.open.crossed = crossed
        self._echo = line + b"\r"
        self._blank = None
        self._mirror = b""
        self._mirrored = False
        self._item(at, "at", self.open.text)

    def _payload(self, at, data):
        x = self.open
        if self.mode == "count":
            part, rest = data[: self._left], data[self._left :]
            self._left -= len(part)
            end = not self._left
        else:
            stops = [n for n in (data.find(b"\x1a"), data.find(b"\x1b")) if n >= 0]
            cut = min(stops) + 1 if stops else len(data)
            part, rest = data[:cut], data[cut:]
            end = bool(stops)
        self._sent_n += len(part)
        self._sent += part[: max(0, _PAYLOAD - len(self._sent))]
        if x is not None and x.name in _PROMPTS:
            self._mirror += part
        if end:
            self._typed_all(at)
        return rest

    def _typed_all(self, at):
        x = self.open
        data = bytes(self._sent)
        if x is not None:
            x.sent = data
        n = self._sent_n
        if n:
            shown = data
            note = ""
            if self.mode == "text" and data[-1:] in (b"\x1a", b"\x1b"):
                note = ", then %s" % ("ESC" if data[-1] == _ESC else "Ctrl-Z")
                n -= 1
                shown = data[:-1]
            self._item(at, "up", "%d bytes%s" % (n, note), n, shown)
        self._sent = bytearray()
        self._sent_n = 0
        self.mode = "line"

    # --- the modem's ---------------------------------------------------------------------------

    def modem(self, at, data):
        self._heard = at
        self._buf += data
        while self._buf and self._step(at):
            pass

    def _step(self, at):
        if self._need:
            return self._counted(at)
        if self._until is not None:
            return self._open_end(at)
        if self.mode == "data":
            return self._stream(at)
        for part in (self._space, self._mirror_step, self._between, self._echoed, self._prompted):
            taken = part(at, self._buf)
            if taken is not None:
                return taken
        return self._a_line(at, self._buf)

    # What the modem's bytes may begin with. True: that is done, False: more has to come to know,
    # None: it is something else.

    def _space(self, at, buf):
        # Behind the prompt.
        prompt, self._blank = self._blank, None
        if prompt is None or buf[0] != 32:
            return None
        prompt.text = "> "
        self._buf = buf[1:]
        return True

    def _between(self, at, buf):
        # Line ends before a line, and what is typed that is no line.
        if buf.startswith(b"\r\n"):
            self._lead += 1
            self._buf = buf[2:]
            return True
        if buf == b"\r":
            return False
        if buf[0] == _ESC or (buf[0] == 13 and buf[1] != 10):
            # The echo of what is no line: ESC, an empty one.
            self._buf = buf[1:]
            return True
        if self._pluses and buf.startswith(b"+++"):
            self._pluses = False
            self._buf = buf[3:]
            return True
        if self._pluses and b"+++".startswith(buf):
            return False
        return None

    def _echoed(self, at, buf):
        # The command.
        if not self._echo:
            return None
        if buf.startswith(self._echo):
            self._item(at, "echo", "")
            self._buf = buf[len(self._echo) :]
            self._echo = b""
            return True
        return False if self._echo.startswith(buf) else None

    def _prompted(self, at, buf):
        # For payload: a prompt, or the acknowledgement of a part of it.
        x = self.open
        if x is None:
            return None
        if buf[0] == 62 and x.name in _PROMPTS and not x.ended:
            self._prompt(at)
        elif x.name == "+QFUPL" and (
            (self.mode == "count" and buf[0] == 65) or re.match(rb"A+\r\n", buf)
        ):
            self._item(at, "ack", "A")
        else:
            return None
        self._buf = buf[1:]
        return True

    def _a_line(self, at, buf):
        # A line, whole or not.
        end = buf.find(b"\r\n")
        if end < 0:
            if self._unlooked < len(buf):
                self._look("modem", buf[self._unlooked :])
            self._unlooked = len(buf)
            found = re.match(rb"(\d)\r(?!\n)", buf)  # ATV0
            if found and len(buf) > 2:
                self._buf = buf[2:]
                self._line(at, found[1].decode())
                return True
            if len(buf) > _LONGEST:
                self._item(at, "state", "%d bytes that are no line" % len(buf))
                self._buf = b""
                self._unlooked = 0
            return False
        self._look("modem", buf[self._unlooked : end])
        self._unlooked = 0
        self._buf = buf[end + 2 :]
        self._line(at, buf[:end].decode("latin-1").strip("\0\r\n"))
        return True

    def _mirror_step(self, at, buf):
        # Payload that comes back while it is typed. None: this is none of it.
        if not self._mirror:
            return None
        n = 0
        most = min(len(buf), len(self._mirror))
        while n < most and buf[n] == self._mirror[n]:
            n += 1
        if n == 0 or (not self._mirrored and buf[:2] in (b"\r", b"\r\n")):
            return None
        if n < most and n < 2 and not self._mirrored:
            return None
        if not self._mirrored:
            self._mirrored = True
            self._item(at, "echo", "payload")
        self._buf = buf[n:]
        self._mirror = self._mirror[n:]
        return True

    def _prompt(self, at):
        again = any(item.kind == "prompt" for item in self.open.items)
        self._blank = self._item(at, "prompt", ">")
        if again:
            return
        found = _SEND.match(self.open.text)
        if found and found[1]:
            self._entry("count", int(found[1]))
        else:
            self._entry("text", 0)

    def _entry(self, mode, size):
        self.mode = mode if mode != "count" or size else "line"
        self._left = size
        self._sent = bytearray()
        self._sent_n = 0
        self._typed = b""

    def _line(self, at, text):
        x = self.open
        if not text:
            return
        if self._echo and len(text) > 2 and self._echo.decode("latin-1").startswith(text):
            return  # a part of the echo, cut by a URC
        final = _FINAL.match(text) or (re.fullmatch(r"\d", text) and x is not None)
        if final and x is not None:
            self._final(at, text)
            return
        own = x is not None and x.name and text.startswith(x.name + ":")
        if _URC.match(text) and not (own and x.name not in _OWN_URC):
            self._item(at, "urc", text)
            found = _PUSHED.match(text)
            if found:
                self._take(at, int(found[1]))
                self._behind = True
            return
        if x is None:
            self._item(at, "final" if final else "urc", text)
            return
        if _CONNECT.match(text):
            self._connect(at, text)
            return
        self._item(at, "info", text)
        found = _COUNTED.match(text)
        if found and own and not x.test:
            self._take(at, int(found[1]))

    def _connect(self, at, text):
        x = self.open
        put = _PUT.match(x.text)
        if put:
            self._item(at, "info", text)
            self._entry("count", int(put[1] or put[2]))
        elif x.name == "+QFREAD" and " " in text.strip():
            self._item(at, "info", text)
            self._take(at, int(text.split()[1]))
        elif x.name in ("+QFREAD", "+QFDWL"):
            self._item(at, "info", text)
            tail = rb"\r\nOK\r\n" if x.name == "+QFREAD" else rb"\r\n\+QFDWL: \d+,[0-9a-fA-F]+\r\n"
            self._until = re.compile(tail)
        else:
            self._item(at, "final", text)
            x.final = text
            x.ended = True
            self._close(at)
            self._echo = b""
            self.mode = "data"
            self._plus = False

    def _final(self, at, text):
        x = self.open
        if self.mode in ("count", "text"):
            self._typed_all(at)
        self._item(at, "final", text)
        x.final = text
        x.ended = True
        self._echo = b""
        self._close(at)

    def _take(self, at, n):
        self._need = n
        self._down = self._item(at, "down", "%d bytes" % n, n, tell=False) if n else None

    def _counted(self, at):
        part = self._buf[: self._need]
        self._buf = self._buf[len(part) :]
        self._need -= len(part)
        if len(self._down.data) < _PAYLOAD:
            self._down.data += part
        if not self._need:
            self._lead = 0
            self._down.at = at
            self._tell(self._down)
            self._down = None
        return True

    def _open_end(self, at):
        found = self._until.search(self._buf)
        if not found:
            if len(self._buf) > 16 * _PAYLOAD:
                self._until = None
                return True
            return False
        data = self._buf[: found.start()]
        self._buf = self._buf[found.start() :]
        self._until = None
        self._item(at, "down", "%d bytes" % len(data), len(data), data)
        self._lead = 0
        return True

    def _stream(self, at):
        # Data mode: all of it is payload, up to the end that the modem tells.
        buf = self._buf
        ends = list(_ENDS)
        if self._plus or self._asked:
            ends += [b"\r\nOK\r\n", b"\r\nERROR\r\n"]
        for end in ends:
            cut = buf.find(end)
            # Behind it another line, or nothing: else it is payload that looks like it.
            while cut >= 0 and buf[cut + len(end) :][:1] not in (b"", b"\r"):
                cut = buf.find(end, cut + 1)
            if cut >= 0:
                self._down_now(at, buf[:cut])
                self._buf = buf[cut + len(end) :]
                self._lead = 0
                self.mode = "line"
                self._typed = b""
                text = end.strip().decode()
                self._item(at, "urc" if text == "RDY" else "final", text)
                return True
        kept = 0
        for end in ends:
            for n in range(min(len(end) - 1, len(buf)), kept, -1):
                if buf.endswith(end[:n]):
                    kept = n
                    break
        cut = len(buf) - kept
        if cut:
            self._down_now(at, buf[:cut])
            self._buf = buf[cut:]
        return False

    def _down_now(self, at, data):
        if data:
            self._item(at, "down", "%d bytes" % len(data), len(data), data)

    # --- what comes of it ----------------------------------------------------------------------

    def _item(self, at, kind, text, n=None, data=b"", tell=True):
        item = Item(at, kind, text, n, data, self._lead)
        if kind not in ("at", "up", "state"):
            if self._behind and kind != "down":
                # CR LF of the data, then that of the line.
                whole = self._lead >= (1 if kind == "echo" else 2)
                item.pushed = "crlf" if whole else "none"
                item.lead -= whole
                self._behind = False
            self._lead = 0
        x = self.open
        if kind != "at" and kind != "urc" and x is not None and len(x.items) < _ITEMS:
            x.items.append(item)
        if tell:
            self._tell(item)
        return item

    def _close(self, at):
        x = self.open
        self.open = None
        if self.mode in ("count", "text"):
            self._typed_all(at)
        self._mirror = b""
        self._ended(x)

    def finish(self, at):
        # Nothing more comes.
        if self._down is not None:
            self._down.text = "%d of %s" % (len(self._down.data), self._down.text)
            self._tell(self._down)
            self._down = None
        if self.open is not None:
            self._close(at)
