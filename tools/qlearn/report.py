# qlearn.report - a profile for a person.
# SPDX-License-Identifier: MIT

import textwrap

from ugsim.model import SWITCHES


def show(found, out):
    # found: of qlearn.profile. out(line).
    out("%s, firmware %s, %s" % (found["model"], found["revision"], found["made"]))
    settled = found["settled"]
    usual = [n for n in settled if str(settled[n]["value"]) == str(SWITCHES[n][0])]
    other = [n for n in settled if n not in usual]
    out("")
    out(
        "%d settled, %d contradictory, %d open"
        % (len(settled), len(found["contradictory"]), len(found["open"]))
    )
    if other:
        out("")
        out("Other than the simulated modem has it by default:")
        for name in other:
            _item(out, "%s=%s" % (name, settled[name]["value"]), SWITCHES[name][2])
    if usual:
        out("")
        out("As the simulated modem has it:")
        text = ", ".join("%s=%s" % (name, settled[name]["value"]) for name in usual)
        for line in textwrap.wrap(text, 88):
            out("  " + line)
    if found["contradictory"]:
        out("")
        out("Contradictory, or in a form that the simulated modem does not have:")
        for name, entry in found["contradictory"].items():
            _item(out, name, entry["why"])
    if found["measured"]:
        out("")
        out("Measured:")
        for name, value in found["measured"].items():
            out("  %s %s" % (name, value))
    facts = found.get("facts", {})
    if facts:
        out("")
        out("Noted:")
        for name, text in facts.items():
            _item(out, name, str(text).replace("\n", " / "))
    if found["open"]:
        out("")
        out("Not told:")
        reasons = {}
        for name, entry in found["open"].items():
            reasons.setdefault(entry["why"], []).append(name)
        for why, names in reasons.items():
            _item(out, ", ".join(names), why)


def _item(out, head, text):
    for line in textwrap.wrap(
        "%s: %s" % (head, text), 90, initial_indent="  ", subsequent_indent="      "
    ):
        out(line)
