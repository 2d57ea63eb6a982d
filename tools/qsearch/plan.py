# qsearch.plan - a schedule from a seed: switches, line, and the operations in their order.
# SPDX-License-Identifier: MIT

from ugsim.model.base.rng import Rng
from ugsim.model.faults import FAULTS
from ugsim.model.inputfaults import NAMES as INPUT_FAULTS
from ugsim.model.switches import LTE as LTE_SWITCHES
from ugsim.model.switches import SWITCHES

# What schedules are made of. raw: anything, two connections. input: one byte changed in one
# command line, payload that holds commands. foreign: lines of others, and nothing else. restart:
# hidden ones. twelve: many connections. mqtt, requests: programs on qssl.compat. aio: two tasks on
# qssl.aio, which is for MicroPython alone. mail: an uplink with messages both ways.
ALL_FORMS = ("raw", "input", "foreign", "restart", "twelve", "mqtt", "requests", "aio", "mail")
# Those of a search that says nothing else, in the order of its seeds. One of aio takes as long as
# ten others, as the event loop turns a few times each millisecond.
_TEN = ("raw", "input", "raw", "foreign", "restart", "raw", "twelve", "raw", "mqtt", "requests")
FORMS = _TEN * 3
for _form in ("mail", "aio"):
    FORMS += _TEN[:7] + (_form,) + _TEN[8:]

# Switches that are no answer to an uncertainty but a broken or other modem: start() can't succeed.
_FIXED = ("sim", "baud_default", "open_limit", "ram_total", "ufs_total", "at_port")
_NUMBERS = {
    "recv_max": (0, 1, 100, 1024),
    "prompt_timeout_ms": (0, 30000),
    "push_max": (1500,),
    "rx_size": (10240, 1500, 300),
    "tx_size": (8760, 1460),
    "reply_ms": (0, 1, 30, 300),
    "act_ms": (200, 5000),
    "boot_ms": (3000, 9000),
    "register_ms": (1500, 8000),
}
_COMMANDS = ("QSSLRECV", "QSSLCLOSE", "QSSLCFG", "QSSLSTATE", "QIACT", "CSQ", "CGREG", "QFUPL", "")
_PLACES = ("any", "info", "payload", "trailer", "final", "prompt", "urc", "echo", "reply")
_SIZES = (1, 2, 10, 100, 500, 1459, 1460, 1461, 1500, 3000)
# Answers to uncertainties that change neither what is promised nor how long it takes by much.
_MILD = (
    ("reply_ms", (1, 30, 300)),
    ("take_ms", (5, 50)),
    ("prompt_space", ("no",)),
    ("prompt_again", ("both", "no")),
    ("urc_at_prompt", ("later",)),
    ("payload_echo", ("qisde", "always", "never")),
    ("echo_obeys", ("never", "always")),
    ("busy_input", ("queue",)),
    ("noise_line", ("error",)),
    ("geterror_space", ("no",)),
    ("state_prefix", ("qi",)),
    ("state_server_id", ("zero",)),
    ("cfg_quoted", ("no",)),
    ("close_free_id", ("error",)),
    ("pdpdeact_also_closed", ("no",)),
    ("context_release", ("reset",)),
    ("recv_max", (100, 1024)),
)
# What command lines begin with, for faults that strike in them.
_LINES = (
    "AT+QSSLSEND",
    "AT+QSSLSEND",
    "AT+QSSLRECV",
    "AT+QSSLRECV",
    "AT+QSSLOPEN",
    "AT+QSSLCLOSE",
    "AT+QSSLCFG",
    "AT+QSSLSTATE",
    "AT+QFUPL",
    "AT+QICSGP",
    "AT+QIACT",
    "AT",
)
_INPUT = ("lose_in", "corrupt_in", "insert_in", "dup_in")
_PAUSES = (1, 10, 50, 100, 500, 2000, 11000, 30000)
_CONTROLS = (
    "restart",
    "power off",
    "power on",
    "coverage off",
    "coverage off quiet",
    "coverage on",
    "pdp drop 1",
    "pdp drop 1 quiet",
    "close 0",
    "close 0 quiet",
    "close 1",
    "security 0 1",
    "dns dead",
    "dns ok",
    "echo on",
    "echo off",
    "clock reset",
    "storage full",
    "storage free",
    'say +QSSLURC: "recv",0',
    'say +QSSLURC: "recv",7',
    'say +QSSLURC: "closed",9',
    "say +QSSLOPEN: 1,0",
    "say OK",
    "say ERROR",
    "say SEND OK",
    "say SEND FAIL",
    "say +CREG: 2",
    "raw 00 ff 3e 20",
    "raw 41 54 0d 0a",
)


# One model of each LTE family, and what is drawn of their switches.
LTE = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
_LTE_FIXED = ("at_port", "rtc_default", "seclevel", "start_urcs")
_LTE_NUMBERS = {"id_busy_ms": (300, 3000, 8000)}


def generate(seed, forms=FORMS, models="ug96"):
    # {"form": word, "switches": {...}, "rig": {...}, "ops": [[word, ...], ...]}: plain data, as
    # JSON keeps it. Without "form" it is "raw". models: one, or "any": half of the schedules are
    # of LTE models. The rest of a schedule is the same for each.
    plan = _generate(seed, forms)
    rng = Rng(seed * 2 + 1)
    for _ in range(8):
        rng.below(2)
    if models == "any":
        models = LTE[rng.below(len(LTE))] if rng.below(2) else "ug96"
    if models not in ("ug95", "ug96"):
        plan["rig"]["model"] = models
        switches = plan["switches"]
        switches.pop("at_port", None)  # whose names are the family's
        names = [name for name in sorted(LTE_SWITCHES) if name not in _LTE_FIXED]
        for _ in range(rng.below(4)):
            name = names[rng.below(len(names))]
            choices = LTE_SWITCHES[name][1] or _LTE_NUMBERS.get(name)
            if choices:
                switches[name] = choices[rng.below(len(choices))]
    return plan


def _generate(seed, forms):
    rng = Rng(seed)
    for _ in range(8):
        rng.below(2)

    def one(choices):
        return choices[rng.below(len(choices))]

    form = forms[seed % len(forms)]
    if form == "raw":
        return _raw(seed, rng, one)
    plan = {"form": form, "switches": {}, "rig": {"seed": seed}}
    if rng.below(3) == 0:
        plan["rig"]["chunk"] = one((64, 100, 256))
    if rng.below(3) == 0:
        plan["rig"]["write_max"] = one((1, 10, 200) if rng.below(6) == 0 else (30, 200))
    if rng.below(3) == 0:
        plan["rig"]["latency"] = one((5, 100, 2000))
    for name, values in _MILD:
        if rng.below(4) == 0:
            plan["switches"][name] = one(values)
    plan["ops"] = _MAKERS[form](rng, one, plan)
    return plan


def _raw(seed, rng, one):
    switches = {}
    for _ in range(rng.below(4)):
        name = one(NAMES)
        choices = SWITCHES[name][1] or _NUMBERS.get(name)
        if choices:
            switches[name] = one(choices)
    rig = {"seed": seed}
    if rng.below(4) == 0:
        rig["chunk"] = one((64, 100, 256))
    if rng.below(4) == 0:
        rig["write_max"] = one((1, 10, 200))
    if rng.below(3) == 0:
        rig["latency"] = one((5, 100, 2000))
    ops = []
    for _ in range(4 + rng.below(20)):
        ops.append(_op(rng, one))
    return {"switches": switches, "rig": rig, "ops": ops}


def _op(rng, one):
    kind = rng.below(100)
    k = rng.below(2)  # which of two connections
    if kind < 18:
        return ["connect", k, one((5, 30, 100)), one((0, 1, 5, 20, 20))]
    if kind < 34:
        return ["write", k, one(_SIZES)]
    if kind < 42:
        return ["flush", k]
    if kind < 54:
        return ["push", k, one(_SIZES)]
    if kind < 66:
        return [one(("recv", "recv", "read", "into", "line")), k, one(_SIZES)]
    if kind < 70:
        return ["close", k]
    if kind < 75:
        return ["end", k, one(("close", "close", "reset"))]
    if kind < 79:
        return ["sleep", one(_PAUSES)]
    if kind < 81:
        return ["signal"]
    if kind < 83:
        return ["start"]
    if kind < 90:
        return ["control", one(_CONTROLS)]
    return ["fault", _fault(rng, one)]


def _fault(rng, one):
    name = one(FAULT_NAMES)
    text = name
    for key in sorted(FAULTS[name][1]):
        default = FAULTS[name][1][key]
        value = None
        if key == "at":
            value = 1 + rng.below(80)
        elif key == "in" and name not in INPUT_FAULTS:
            value = one(_PLACES)
        elif key == "bytes":
            value = one((1, 1, 1, 2, 5))
        elif key == "by":
            value = one((100, 1000, 6000, 9000, 25000))
        elif key == "cmd":
            value = one(_COMMANDS)
        elif key == "what":
            value = one(
                ("urc", "garbage", "long", "open", "nul")
                if name == "before"
                else ("final", "send_ok", "prompt", "open")
            )
        elif key == "before":
            value = one(("info", "final", "prompt", "echo", "trailer", "any"))
        elif key == "do":
            value = one(("restart", "off"))
        elif key == "key":
            value = one(("", "sslversion", "ciphersuite", "seclevel", "cacert"))
        elif key == "state":
            value = one(("entry", "idle"))
        elif key == "size":
            value = one((1, 10, 300)) if name != "before" else one((200, 3000))
        elif key == "code":
            value = one((550, 552, 561, 563, 565, 566, 569, 570, 572))
        elif key == "id":
            value = one((0, 1, 5, 11))
        elif key == "n" and default != "0":
            value = one((1, 1, 1, 2, 4))
        elif key == "ms" and (name in ("mute", "stall") or FAULTS[name][1].get("n") == "0"):
            value = one((500, 3000, 8000, 25000))
        if value is not None and value != "":
            text += " %s=%s" % (key, value)
    return text


# Not in the schedules: so a seed stands for the same schedule as before they were there.
_LATER = (
    "insert_in",
    "dup_in",
    "echo_cut",
    "echo_obeys",
    "lose_answer",
    "gap",
    "lose_urc",
    "late_urc",
    "crash",
    "foreign",
    "urc_port_kept",
    "urc_port_open",
    "start_urcs",
    "cmee_obeys",
    "creg_style",
    "take_ms",
    "at_prefix",
)
FAULT_NAMES = [name for name in sorted(FAULTS) if name not in _LATER]
NAMES = [name for name in sorted(SWITCHES) if name not in _FIXED + _LATER]


# --- the other forms -----------------------------------------------------------------------------


def _exchange(rng, one, n):
    # One operation on one of n connections, without trouble.
    kind = rng.below(100)
    k = rng.below(n)
    if kind < 30:
        return ["mark", k, one(_SIZES)]
    if kind < 50:
        return ["flush", k]
    if kind < 65:
        return ["push", k, one(_SIZES)]
    if kind < 90:
        return [one(("recv", "recv", "read", "into", "line")), k, one(_SIZES)]
    if kind < 94:
        return ["sleep", one((1, 50, 500, 2000, 11000))]
    if kind < 96:
        return ["end", k, "close"]
    if kind < 98:
        return ["close", k]
    return ["connect", k, one((30, 100)), one((1, 5, 20))]


def _typing(rng, one, n=0):
    # A fault that changes one byte of one command line.
    name = one(_INPUT)
    line = one(_LINES) if not n else one(("AT+QSSLSEND=1", "AT+QSSLRECV=1"))
    # Mostly among its parameters, the CR behind them included.
    at = len(line) + rng.below(8) if n or rng.below(4) else 1 + rng.below(2 * len(line) + 8)
    text = "%s in=command line=%s at=%d" % (name, line, at)
    if name == "insert_in":
        text += " byte=%02x" % one((0x30, 0x31, 0x39, 0x2C, 0x20, 0x0D, 0x1B, 0x78, 0x22))
    return text


def _input(rng, one, plan):
    ops = [["connect", 0, 30, one((1, 5, 20))]]
    if rng.below(2):
        ops.append(["connect", 1, 30, one((1, 5, 20))])
    body = [_exchange(rng, one, 2) for _ in range(4 + rng.below(12))]
    at = rng.below(len(body) + 1)
    fault = ["fault", _typing(rng, one)]
    # What types such a line follows it.
    k = rng.below(2)
    if "SEND" in fault[1]:
        more = [["mark", k, one(_SIZES)], ["flush", k], ["mark", k, one(_SIZES)]]
    elif "RECV" in fault[1]:
        more = [["push", k, one(_SIZES)], ["recv", k, one(_SIZES)]]
    elif "CLOSE" in fault[1]:
        more = [["close", k], ["connect", k, 30, 5]]
    elif "STATE" in fault[1]:
        more = [["push", k, one(_SIZES)], ["end", k, "close"], ["read", k, 3000]]
    else:
        more = [["close", k], ["start"], ["connect", k, 30, 5], ["mark", k, one(_SIZES)]]
    body = body[:at] + [fault] + more + body[at:]
    if rng.below(4) == 0:  # also what is typed to connect
        return body + ops + [_exchange(rng, one, 2) for _ in range(4)]
    return ops + body


def _twelve(rng, one, plan):
    plan["sockets"] = n = one((3, 11, 12, 12))
    ops = [["connect", k, 30, one((1, 5, 20))] for k in range(n)]
    body = []
    for _ in range(8 + rng.below(30)):
        op = _exchange(rng, one, n)
        if len(op) > 1 and op[0] != "sleep" and rng.below(2):
            op[1] = one((0, 1, n - 1, n - 2))
        body.append(op)
    if rng.below(4):
        k = one((n - 1, n - 2))
        more = [["mark", k, one(_SIZES)], ["flush", k], ["push", k, 100], ["recv", k, 100]]
        at = rng.below(len(body) + 1)
        body = body[:at] + [["fault", _typing(rng, one, n)]] + more + body[at:]
    return ops + body


def _strange(rng, one):
    # Lines of others. What reads like one of ours may make a connection fail, see player.
    return "foreign before=%s lines=%s first=%d n=%d" % (
        one(("info", "final", "prompt", "echo", "any", "any")),
        one(("one", "one", "several", "deceptive")),
        rng.below(40),
        one((1, 1, 3, 10)),
    )


def _foreign(rng, one, plan):
    ops = []
    for k in range(1 + rng.below(2)):
        ops.append(["connect", k, 100, one((5, 20))])
    for _ in range(5 + rng.below(15)):
        if rng.below(3) == 0:
            ops.append(["fault", _strange(rng, one)])
        else:
            ops.append(_exchange(rng, one, 2))
    return ops


def _restart(rng, one, plan):
    if rng.below(3) == 0:
        plan["switches"]["baud_default"] = 0
    plan["switches"]["boot_ms"] = one((300, 3000, 9000))
    ops = [["connect", 0, 30, one((1, 5, 20))], ["connect", 1, 30, one((1, 5, 20))]]
    for _ in range(4 + rng.below(10)):
        ops.append(_exchange(rng, one, 2))
    for _ in range(1 + rng.below(2)):
        kind = rng.below(6)
        if kind == 0:
            new = [["control", one(("restart quiet", "restart"))]]
        elif kind == 1:
            do = one(("restart", "quiet"))
            new = [["fault", "cut in=payload at=%d do=%s" % (1 + rng.below(80), do)]]
        elif kind == 2:
            place = one(("any", "info", "trailer", "final", "prompt", "urc", "echo"))
            do = one(("restart", "quiet"))
            new = [["fault", "cut in=%s at=%d do=%s" % (place, 1 + rng.below(60), do)]]
        elif kind == 3:
            text = "crash do=quiet by=%d" % one((0, 20, 300))
            cmd = one(_COMMANDS)
            new = [["fault", text + (" cmd=" + cmd if cmd else "")]]
        elif kind == 4:
            # In the middle of start().
            cmd = one(("CPIN", "CGREG", "QICSGP", "QIACT", "CMEE", "E"))
            text = "crash cmd=%s do=%s by=%d" % (cmd, one(("restart", "quiet")), one((0, 20)))
            new = [["fault", text], ["start"]]
        else:
            # It is in quarantine, or nearly so, when it restarts.
            new = [
                ["fault", "delay what=final by=%d" % one((6000, 9000))],
                ["control", one(("restart quiet", "restart"))],
            ]
        at = 2 + rng.below(len(ops) - 1)
        ops = ops[:at] + new + ops[at:]
    return ops


_TROUBLE = (
    "fault cut in=payload at=%d do=restart",
    "fault cut in=any at=%d do=restart",
    "fault lose at=%d",
    "fault insert at=%d",
    "fault dup at=%d",
    "fault lose in=payload at=%d",
    "fault lose_in in=command at=%d",
    "fault dup_in in=command at=%d",
    "fault send_mute",
    "fault send_error",
    "fault no_prompt",
    "fault recv_miss",
    "fault lose_answer",
    "fault lose_urc what=closed",
    "fault lose_urc what=open",
    "fault lose_urc what=recv",
    "fault late_urc what=closed by=1000",
    "fault late_urc what=open by=9000",
    "fault gap by=700 n=5",
    "fault delay what=send_ok by=9000",
    "fault stall ms=3000",
    "fault mute ms=8000",
    "restart",
    "restart quiet",
    "fault crash do=quiet",
    "fault crash do=quiet by=300",
    "fault foreign n=3",
    "power off",
    "coverage off",
    "pdp drop 1",
    "pdp drop 1 quiet",
    "close 0",
    "close 0 quiet",
)


def _program(rng, one, plan):
    # ["trouble", before which exchange, command], in their order.
    ops = []
    for _ in range(1 + rng.below(3)):
        text = one(_TROUBLE)
        if "%d" in text:
            text %= 1 + rng.below(80)
        ops.append(["trouble", rng.below(4), text])
    return ops


def _mail(rng, one, plan):
    plan["carrier"] = one(("https", "https", "mqtt"))
    plan["reads"] = rng.below(3) == 0
    ops = [["work", one((1, 20))]]
    for _ in range(6 + rng.below(16)):
        ops.append(_letter(rng, one))
        if rng.below(2):
            ops.append(["work", one((1, 5, 20, 70))])
    return ops


def _letter(rng, one):
    kind = rng.below(100)
    if kind < 22:
        return ["record"]
    if kind < 44:
        return ["message", one((1, 10, 100, 200, 300))]
    if kind < 56:
        what = {one(("interval_s", "volume")): one((0, 60, 61, 62))}
        if rng.below(2):
            what["label"] = one(("a", "b", "c"))
        if rng.below(4) == 0:
            what["host"] = one(("nobody.example", "server.example", "other.example"))
        return ["settings", what]
    if kind < 58:
        return ["forged"]
    if kind < 60:
        return ["strange"]
    if kind < 71:
        text = one(_TROUBLE)
        return ["trouble", text % (1 + rng.below(80)) if "%d" in text else text]
    if kind < 78:
        return ["sick", one(("close", "lost", "silence", "error")), one((1, 1, 2, 8))]
    if kind < 81:
        return ["away", one(("refuse", "stall")), one((5, 90))]
    if kind < 91:
        return ["cut", rng.below(one((60, 400)))]
    if kind < 95:
        return ["again"]
    return ["full", rng.below(60)] if kind < 98 else ["free"]


_MAKERS = {
    "input": _input,
    "foreign": _foreign,
    "restart": _restart,
    "twelve": _twelve,
    "mqtt": _program,
    "requests": _program,
    "aio": _program,
    "mail": _mail,
}
