# ugsim.model.faults - what can be made to go wrong, by name, at run time.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import ControlError

# name -> (description, parameters with their values when left out). n counts how often the fault
# strikes, 0 for ever; ms ends it after that time, 0 never.
FAULTS = {
    "act_error": ("QIACT fails with code", {"code": "561", "n": "1", "ms": "0"}),
    "cfg_error": ("setting the QSSLCFG key answers ERROR", {"key": "", "n": "1", "ms": "0"}),
    "cfg_lies": ("QSSLCFG shows another value", {"key": "", "value": "0", "n": "0", "ms": "0"}),
    "close_error": ("QSSLCLOSE answers ERROR", {"n": "1", "ms": "0"}),
    "delay": (
        "the final result, SEND OK (what=send_ok), prompt or +QSSLOPEN (what=open) comes late",
        {"what": "final", "by": "1000", "n": "1", "ms": "0"},
    ),
    "no_prompt": (
        "no prompt; the modem takes data (state=entry) or waits for a command (state=idle)",
        {"state": "entry", "n": "1", "ms": "0"},
    ),
    "open_code": ("the connection is refused with code", {"code": "566", "n": "1", "ms": "0"}),
    "open_error": ("QSSLOPEN answers ERROR", {"code": "550", "n": "1", "ms": "0"}),
    "open_never": ("+QSSLOPEN never comes", {"n": "1", "ms": "0"}),
    "open_other": ("+QSSLOPEN for another id comes first", {"id": "11", "n": "1", "ms": "0"}),
    "prompt_twice": ("the prompt is printed twice", {"n": "1", "ms": "0"}),
    "recv_dup": ('the "recv" URC comes twice', {"n": "1", "ms": "0"}),
    "recv_miss": ('the "recv" URC is missing', {"n": "1", "ms": "0"}),
    "send_error": ("QSSLSEND answers ERROR after the data", {"n": "1", "ms": "0"}),
    "send_fail": ("QSSLSEND answers SEND FAIL", {"n": "1", "ms": "0"}),
}


class Fault:
    def __init__(self, name, values, now_ms):
        self.name = name
        self._values = values
        # With a duration and no count given, the fault strikes every time.
        self.left = self.number("n")
        self.until = now_ms + self.number("ms") if self.number("ms") else None

    def text(self, key):
        return self._values[key]

    def number(self, key):
        return int(self._values[key])


class Faults:
    def __init__(self, model):
        self._m = model
        self._armed = {}  # name -> list of Fault

    def arm(self, name, values):
        # `values`: dict of texts, those left out take the table's.
        if name not in FAULTS:
            raise ControlError("unknown fault '%s'; 'help' lists them" % name)
        merged = {}
        defaults = FAULTS[name][1]
        for key in defaults:
            merged[key] = defaults[key]
        if "ms" in values and "n" not in values and "n" in merged:
            merged["n"] = "0"
        for key in values:
            if key not in merged:
                raise ControlError(
                    "fault %s has no parameter '%s'; it takes %s"
                    % (name, key, ", ".join(sorted(merged)))
                )
            if merged[key].isdigit() and not values[key].isdigit():
                raise ControlError("%s of fault %s wants a number" % (key, name))
            merged[key] = values[key]
        fault = Fault(name, merged, self._m.now)
        self._armed.setdefault(name, []).append(fault)
        return fault

    def hit(self, name, key=None):
        # The armed fault of this name that strikes now, or None. `key`: what it must name.
        if not self._armed or name not in self._armed:
            return None
        for fault in self._armed[name]:
            if fault.until is not None and self._m.now >= fault.until:
                continue
            if key is not None and fault.text("key") not in ("", key):
                continue
            self._strike(fault)
            return fault
        return None

    def _strike(self, fault):
        self._m.event("fault", fault.name)
        if fault.left:
            fault.left -= 1
            if fault.left == 0:
                self._armed[fault.name].remove(fault)

    def delay(self, what, text):
        # ms by which this result, prompt or open is late.
        if "delay" not in self._armed:
            return 0
        for fault in self._armed["delay"]:
            wanted = fault.text("what")
            if wanted == what or (wanted == "send_ok" and text == "SEND OK"):
                self._strike(fault)
                return fault.number("by")
        return 0

    def refuse(self, name, form):
        # A final result that a fault puts in place of running the command, or None.
        return None

    def clear(self):
        self._armed = {}
