# qsearch.plan - a schedule from a seed: switches, line, and the operations in their order.
# SPDX-License-Identifier: MIT

from ugsim.model.base.rng import Rng
from ugsim.model.faults import FAULTS
from ugsim.model.inputfaults import NAMES as INPUT_FAULTS
from ugsim.model.switches import SWITCHES

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


def generate(seed):
    # {"switches": {...}, "rig": {...}, "ops": [[word, ...], ...]}: plain data, as JSON keeps it.
    rng = Rng(seed)
    for _ in range(8):
        rng.below(2)

    def one(choices):
        return choices[rng.below(len(choices))]

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
    "take_ms",
)
FAULT_NAMES = [name for name in sorted(FAULTS) if name not in _LATER]
NAMES = [name for name in sorted(SWITCHES) if name not in _FIXED + _LATER]
