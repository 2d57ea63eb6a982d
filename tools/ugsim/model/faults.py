# ugsim.model.faults - what can be made to go wrong, by name, at run time.
# SPDX-License-Identifier: MIT

from ugsim.model import inputfaults
from ugsim.model.at.args import decimal
from ugsim.model.at.output import KINDS
from ugsim.model.commands import sslcfg
from ugsim.model.errors import ControlError, cme

# Parameters that many faults share: n is how often the fault strikes, 0 for ever; ms ends it after
# that time, 0 never. A fault armed with ms alone strikes every time until then.
# name -> (description, {parameter: value when left out})
_ONCE = (("n", "1"), ("ms", "0"))
_PLACE = (("at", "1"), ("in", "any"), ("line", ""), ("bytes", "1"), ("rate", "0")) + _ONCE

FAULTS = {
    # Bytes on the way to the host
    "lose": ("bytes to the host get lost", _PLACE),
    "corrupt": (
        "bytes to the host are changed: xor=<hex>, 0 for a random change",
        _PLACE + (("xor", "0"),),
    ),
    "insert": ("bytes appear that the modem never sent: byte=<hex>", _PLACE + (("byte", "78"),)),
    "dup": ("bytes reach the host twice", _PLACE),
    "cut": (
        "at this byte the modem does do=; quiet is a restart without RDY and all after it",
        _PLACE + (("do", "restart"),),
    ),
    # Bytes on the way to the modem
    "lose_in": (
        "bytes from the host get lost; in=payload: typed into a data mode; line=: at= counts in a "
        "command that begins so, with in=payload in what is typed behind it",
        _PLACE,
    ),
    "corrupt_in": (
        "bytes from the host are changed: xor=<hex>, 0 for a random change",
        _PLACE + (("xor", "0"),),
    ),
    "insert_in": (
        "bytes reach the modem that the host never sent: byte=<hex>",
        _PLACE + (("byte", "78"),),
    ),
    "dup_in": ("bytes from the host reach the modem twice", _PLACE),
    # Lines
    "before": (
        "before=info, final, prompt, echo, trailer or any: what=urc, garbage, long, open or nul "
        "comes first; text= is the line (take it last; \\n for a line end), size= the length of a "
        "long one",
        (("before", "any"), ("what", "urc"), ("text", ""), ("size", "3000")) + _ONCE,
    ),
    "foreign": (
        "before=, as in `before`, comes a real URC that has to do with no connection, another one "
        "each time: lines=one line, several, or text from outside that reads like ours "
        "(deceptive); first= is where in the list it begins; with rate= one place in so many",
        (("before", "any"), ("lines", "any"), ("first", "0"), ("rate", "0")) + _ONCE,
    ),
    "echo_cut": (
        "a URC comes in the middle of a command's echo, behind byte at= of it; line= is how the "
        "command begins, text= the URC (take it last)",
        (("at", "1"), ("line", ""), ("text", "")) + _ONCE,
    ),
    "mute": ("the modem hangs: takes nothing in, gives nothing out", (("ms", "0"),)),
    "stall": ("nothing leaves for ms, then all of it", (("ms", "1000"),)),
    "delay": (
        "what=final, send_ok, prompt or open (+QSSLOPEN) comes by ms late",
        (("what", "final"), ("by", "1000")) + _ONCE,
    ),
    "lose_answer": (
        "the command cmd= is executed, but nothing of its answer leaves, its final result neither",
        (("cmd", ""),) + _ONCE,
    ),
    "crash": (
        "by ms after the command cmd= has come the modem does do=; quiet is a restart without RDY "
        "and all after it",
        (("cmd", ""), ("do", "restart"), ("by", "0")) + _ONCE,
    ),
    "gap": (
        "the command cmd= is executed at once and answers by ms later; URCs pass in between",
        (("cmd", ""), ("by", "300")) + _ONCE,
    ),
    "lose_urc": (
        "a URC never comes: push is one with data, start one of those from RDY on, down is "
        "POWERED DOWN",
        (("what", "closed"),) + _ONCE,
    ),
    "late_urc": (
        "a URC comes by ms late, whatever has become of its socket by then",
        (("what", "closed"), ("by", "1000")) + _ONCE,
    ),
    "error": (
        "the command cmd= answers ERROR; +NAME? only when it is read, +NAME= when it is set",
        (("cmd", ""), ("code", "550")) + _ONCE,
    ),
    "cme": (
        "the command cmd=, as in `error`, answers +CME ERROR: code",
        (("cmd", ""), ("code", "100")) + _ONCE,
    ),
    # PDP, SSL settings, files
    "act_error": ("QIACT fails with code", (("code", "561"),) + _ONCE),
    "deact_error": ("QIDEACT fails with code", (("code", "562"),) + _ONCE),
    "cfg_error": ("setting the QSSLCFG key= answers ERROR", (("key", ""),) + _ONCE),
    "cfg_lies": (
        "QSSLCFG takes every value for key= and shows value=",
        (("key", ""), ("value", "0"), ("n", "0"), ("ms", "0")),
    ),
    "upload_short": ("QFUPL keeps and reports by= bytes less", (("by", "1"),) + _ONCE),
    "upload_sum": ("QFUPL reports a wrong checksum", _ONCE),
    "file_changed": ("a byte of the uploaded file is wrong, its checksum too", _ONCE),
    # SSL sockets
    "open_code": ("+QSSLOPEN gives this code without connecting", (("code", "566"),) + _ONCE),
    "open_error": ("QSSLOPEN answers ERROR", (("code", "550"),) + _ONCE),
    "open_never": ("+QSSLOPEN never comes", _ONCE),
    "open_other": ("+QSSLOPEN for the socket id= comes first", (("id", "11"),) + _ONCE),
    "open_busy": (
        "QSSLOPEN of an id that is in use answers OK, and +QSSLOPEN gives 563",
        (("n", "0"), ("ms", "0")),
    ),
    "open_early": ("+QSSLOPEN comes before the OK", _ONCE),
    "no_prompt": (
        "no prompt; the modem takes data (state=entry) or commands (state=idle)",
        (("state", "entry"),) + _ONCE,
    ),
    "prompt_twice": ("the prompt is printed twice", _ONCE),
    "send_fail": ("QSSLSEND answers SEND FAIL", _ONCE),
    "send_error": ("QSSLSEND answers ERROR after the data", _ONCE),
    "send_lost": ("QSSLSEND answers SEND OK but the data go nowhere", _ONCE),
    "send_mute": ("the data are sent, but SEND OK never comes", _ONCE),
    "recv_miss": ('the "recv" URC is missing', _ONCE),
    "recv_dup": ('the "recv" URC comes twice', _ONCE),
    "recv_unknown": (
        'a "recv" URC for the socket id= comes with the right one',
        (("id", "11"),) + _ONCE,
    ),
    "recv_error": ("QSSLRECV answers ERROR", (("code", "559"),) + _ONCE),
    "recv_end": (
        "QSSLRECV answers ERROR, not 0, once all data of a closed connection are read",
        (("code", "567"), ("n", "0"), ("ms", "0")),
    ),
    "recv_short": ("QSSLRECV gives at most size= bytes", (("size", "1"), ("n", "0"), ("ms", "0"))),
    "state_lags": ("QSSLSTATE shows the state before the present one", _ONCE),
    "close_error": ("QSSLCLOSE answers ERROR", _ONCE),
    "close_hang": ("QSSLCLOSE takes its whole time-out", _ONCE),
    # Power
    "wake_never": ("what should wake it from AT+QSCLK has no effect until it is restarted", _ONCE),
    "down_never": ("AT+QPOWD answers OK, and it stays on", _ONCE),
    # Time
    "ntp_error": ("+QNTP gives this code and no time", (("code", "565"),) + _ONCE),
    "ntp_never": ("+QNTP never comes", _ONCE),
    "ntp_late": ("+QNTP comes by ms late, with the time from before", (("by", "60000"),) + _ONCE),
    "ntp_lie": ("+QNTP has a wrong time, as the switch nitz_time has", (("as", "fast"),) + _ONCE),
}

# Of LTE models alone: what is known of their firmware.
LTE = {
    "cfg_ignored": (
        "setting the QSSLCFG key= answers OK and has no effect (EC200U: before RDY)",
        (("key", ""),) + _ONCE,
    ),
    "upload_line": ("QFUPL ends with OK, but without +QFUPL (BG95-M3)", _ONCE),
    "list_empty": ("QFLST lists no files (EC25-AFX)", (("n", "0"), ("ms", "0"))),
    "recv_nul": (
        "QSSLRECV cuts the data in front of a byte 00, and tells the count that it should be "
        "(count=told) or that of what is left (EC200U)",
        (("count", "told"), ("n", "0"), ("ms", "0")),
    ),
    "recv_after_closed": ('"recv" follows "closed" (EG800K, BG95)', _ONCE),
    "pdp_drift": (
        "context 1 is lost: its address hangs on the context cid= until AT+CGACT=0 of that, and "
        "QIACT answers ERROR (572); show=stale: QIACT? goes on to show it (EG800K)",
        (("cid", "2"), ("show", "none")) + _ONCE,
    ),
    "escape_deaf": ("+++ is payload (EG91)", (("n", "0"), ("ms", "0"))),
    "ato_refused": ("ATO answers NO CARRIER (EG91)", (("n", "0"), ("ms", "0"))),
    "cclk_wrong": (
        "CCLK sets a wrong time: by= seconds ahead (EC200U)",
        (("by", "28800"), ("n", "0"), ("ms", "0")),
    ),
}

for _table in (FAULTS, LTE):
    for _name in _table:
        _table[_name] = (_table[_name][0], dict(_table[_name][1]))

_HEX = ("xor", "byte")
_FROM_1 = ("at", "bytes")  # 0 would never strike
_TEXTS = ("line", "text", "value")  # any, but not none

_URCS = (
    "any",
    "recv",
    "closed",
    "open",
    "security",
    "pdpdeact",
    "dnsgip",
    "creg",
    "start",
    "down",
)

# Words that a parameter takes, by the fault's name or, for all others, by its own. The empty one
# is what stands for "whatever it is", and is said by leaving the parameter out.
_CHOICES = {
    "in": ("any", "reply") + KINDS,
    "before": ("any",) + tuple([k for k in KINDS if k != "urc"]),
    "do": ("restart", "off", "mute", "quiet"),
    "state": ("entry", "idle"),
    "lines": ("any", "one", "several", "deceptive"),
    "key": ("",) + sslcfg.ORDER,
    "count": ("told", "left"),
    "show": ("none", "stale"),
    "before what": ("urc", "garbage", "long", "open", "nul"),
    "as": ("fast", "slow", "hour", "day", "year", "1980", "2070"),
    "lose_urc what": _URCS + ("push",),
    "late_urc what": _URCS,
    "delay what": ("final", "send_ok", "prompt", "open"),
}
for _name in inputfaults.NAMES:
    _CHOICES[_name + " in"] = ("any", "command", "payload")


def choices(name, key):
    # The words that a parameter of a fault takes, or None if it takes others.
    return _CHOICES.get(name + " " + key) or _CHOICES.get(key)


def usage(name):
    # "NAME key=default|word|... key=default"
    parts = [name]
    given = (FAULTS.get(name) or LTE[name])[1]
    for key in given:
        default = given[key]
        words = [default] + [w for w in choices(name, key) or () if w != default]
        parts.append("%s=%s" % (key, "|".join(words)))
    return " ".join(parts)


class Fault:
    # One armed fault.

    def __init__(self, name, values, now_ms):
        self.name = name
        self._values = values
        self.left = self.number("n") if "n" in values else 1
        self.until = now_ms + self.number("ms") if self.number("ms") else None
        self.place = values.get("in", "command")
        self.seen = 0  # bytes that went by, for faults that name a place
        self.next = None  # bytes until it strikes, for those that strike at random
        self.run = 0  # bytes that are still to be hit
        self.kept = b""  # those that were, of dup_in

    def has(self, key):
        return key in self._values

    def text(self, key):
        return self._values[key]

    def number(self, key):
        return int(self._values[key])

    def hexa(self, key):
        return int(self._values[key], 16)

    def describe(self):
        parts = []
        for key in sorted(self._values):
            parts.append("%s=%s" % (key, self._values[key]))
        return "%s %s" % (self.name, " ".join(parts))


def of(family):
    # The faults that a model of this family takes, as FAULTS.
    if not family.lte:
        return FAULTS
    both = {}
    both.update(FAULTS)
    both.update(LTE)
    return both


def _merge(name, given, model):
    # The parameters of a fault: those given, the others as the table has them.
    merged = {}
    merged.update((FAULTS.get(name) or LTE[name])[1])
    if "ms" in given and "n" not in given and "n" in merged:
        merged["n"] = "0"
    for key in given:
        if key not in merged:
            raise ControlError(
                "fault %s has no parameter '%s'; it takes %s"
                % (name, key, ", ".join(sorted(merged)))
            )
        merged[key] = _value(name, key, merged[key], given[key], model)
    if merged.get("line") and merged.get("rate", "0") != "0":
        raise ControlError("line= and rate= of fault %s exclude each other" % name)
    return merged


def _value(name, key, default, value, model):
    # The value as it is kept. Raises ControlError.
    words = choices(name, key)
    if key == "key":
        words = ("",) + tuple(sslcfg.keys(model))
    if words is not None:
        if value not in words or not value:
            words = [word for word in words if word]
            shown = ", ".join(words[:-1]) + " or " + words[-1]
            raise ControlError("%s of fault %s is %s, not '%s'" % (key, name, shown, value))
    elif key == "cmd":
        return _command(name, value, model.commands)
    elif key in _HEX:
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
        if not 0 <= number <= 255:
            raise ControlError("%s of fault %s wants a hexadecimal byte" % (key, name))
    elif key in _TEXTS:
        if not value:
            raise ControlError("%s of fault %s wants a text" % (key, name))
    elif not decimal(value):
        raise ControlError("%s of fault %s wants a number, not '%s'" % (key, name, value))
    elif key in _FROM_1 and not int(value):
        raise ControlError("%s of fault %s counts from 1" % (key, name))
    return value


def _command(name, value, commands):
    # "at+csq", "+CSQ" and "CSQ" -> "+CSQ"; "AT" stays. For the faults that strike a form alone:
    # "+CSQ?" and "+CSQ=", too.
    text = value.upper()
    form = text[-1:] if name in ("error", "cme") and text[-1:] in ("?", "=") else ""
    text = text[: len(text) - len(form)]
    if text != "AT" and text.startswith("AT"):
        text = text[2:]
    for known in (text, "+" + text):
        if known in commands or known == "AT":
            return known + form
    raise ControlError(
        "cmd of fault %s is a command that the modem knows, such as +CSQ, not '%s'; "
        "left out it is any" % (name, value)
    )


class Faults:
    def __init__(self, model):
        self._m = model
        self._armed = {}  # name -> list of Fault
        self.input = False  # a fault on the host's bytes is armed
        self.on_answers = False  # one on whole answers
        self.on_urcs = False  # one on whole URCs

    def arm(self, name, given):
        # `given`: dict of texts. Raises ControlError.
        self._known(name)
        fault = Fault(name, _merge(name, given, self._m), self._m.now)
        if name == "mute":
            self._m.hang(fault.number("ms"))
        elif name == "pdp_drift":
            self._m.pdp.drifts(fault.number("cid"), fault.text("show") == "stale")
        elif name == "stall":
            self._m.stalled_until = self._m.now + fault.number("ms")
        else:
            self._armed.setdefault(name, []).append(fault)
            self.refresh()
        return fault

    def _known(self, name):
        if name in LTE and not self._m.family.lte:
            raise ControlError("fault %s is one of LTE models; see --model" % name)
        if name not in FAULTS and name not in LTE:
            raise ControlError("unknown fault '%s'; 'help' lists them" % name)

    def armed(self, name=None):
        # The faults that can still strike, of one name or all.
        now = self._m.now
        found = []
        for key in self._armed if name is None else (name,):
            for fault in self._armed.get(key, ()):
                if fault.until is None or now < fault.until:
                    found.append(fault)
        return found

    def hit(self, name, key=None):
        # The armed fault of this name that strikes now, or None. `key`: what it must name.
        if not self._armed or name not in self._armed:
            return None
        for fault in self.armed(name):
            if key is None or fault.text("key") in ("", key):
                self.strike(fault)
                return fault
        return None

    def strike(self, fault):
        self._m.event("fault", fault.name)
        self._m.count("faults", 1)
        if fault.left:
            fault.left -= 1
            if fault.left == 0:
                self._armed[fault.name].remove(fault)
                self.refresh()

    def delay(self, what, text):
        # ms by which this result, prompt or open is late.
        if "delay" not in self._armed:
            return 0
        for fault in self.armed("delay"):
            wanted = fault.text("what")
            if wanted == what or (wanted == "send_ok" and text == "SEND OK"):
                self.strike(fault)
                return fault.number("by")
        return 0

    def unanswered(self, names):
        # True when the answer of a command line with these commands gets lost.
        return self._of_command("lose_answer", names) is not None

    def gap(self, names):
        # ms by which such a command line answers later than it is executed.
        fault = self._of_command("gap", names)
        return 0 if fault is None else fault.number("by")

    def crash(self, names):
        # The modem breaks down at such a command line. True when it is at once.
        fault = self._of_command("crash", names)
        if fault is None:
            return False
        m = self._m
        do = fault.text("do")
        m.timers.at(m.now + fault.number("by"), lambda: m.cut(do))
        if not fault.number("by"):
            m.muted = True
        return m.muted

    def _of_command(self, kind, names):
        for fault in self.armed(kind):
            if fault.text("cmd") in names or not fault.text("cmd"):
                self.strike(fault)
                return fault
        return None

    def lost(self, what):
        # True when this URC gets lost.
        return self._of_urc("lose_urc", what) is not None

    def late(self, what):
        # ms by which this URC is late.
        fault = self._of_urc("late_urc", what)
        return 0 if fault is None else fault.number("by")

    def _of_urc(self, kind, what):
        for fault in self.armed(kind):
            if fault.text("what") in ("any", what):
                self.strike(fault)
                return fault
        return None

    def refuse(self, name, form="exec"):
        # A final result that a fault puts in place of running the command, or None. An empty
        # command line is "AT": only a fault that names it strikes there.
        if not self._armed:
            return None
        exact = name + {"read": "?", "write": "="}.get(form, "")
        for kind in ("error", "cme"):
            for fault in self.armed(kind):
                wanted = fault.text("cmd")
                if wanted not in (name, exact) and (wanted or name == "AT"):
                    continue
                self.strike(fault)
                code = fault.number("code")
                if kind == "error":
                    self._m.last_error = code
                    return "ERROR"
                return cme(code, max(1, self._m.told()))
        return None

    def clear(self, name=None):
        # Disarms one name or all. Returns how many were armed.
        if name is not None:
            self._known(name)
        count = len(self.armed(name))
        if name is None:
            self._armed = {}
            self._m.muted = False
            self._m.stalled_until = 0
        elif name in self._armed:
            del self._armed[name]
        self.refresh()
        return count

    def refresh(self):
        # Puts the byte faults into the streams, or takes them out when none is armed: a stream
        # without faults costs nothing.
        m = self._m
        placed = self._has("lose", "corrupt", "insert", "dup", "cut")
        m.out.filter = m.places.output if placed else None
        m.out.before = m.places.before if self._has("before", "foreign") else None
        self.on_answers = self._has("lose_answer", "gap", "crash")
        self.on_urcs = self._has("lose_urc", "late_urc")
        self.input = self._has(*inputfaults.NAMES)
        m.typed.update()

    def _has(self, *names):
        for name in names:
            if self._armed.get(name):
                return True
        return False
