# qlearn.profile - the file that says what is true of a modem.
# SPDX-License-Identifier: MIT

import datetime
import json
import os

from qlearn.bench import Result
from qshared.problem import Problem
from ugsim.model import SWITCHES

FORMAT = "qssl-profile"
VERSION = 1
_SHOWN = 400  # characters of one piece of evidence
_PIECES = 60  # the last of an exchange
_SIZE = 8 << 20  # no profile is larger


def data(learner, mask):
    # The profile as plain data, private things replaced.
    bench = learner.bench
    found = {"format": FORMAT, "version": VERSION}
    found["model"] = learner.model
    found["revision"] = learner.revision
    found["made"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    groups = {"settled": {}, "contradictory": {}, "open": {}}
    for name in sorted(bench.results):
        result = bench.results[name]
        entry = {}
        if result.state == "settled":
            entry["value"] = result.value
        else:
            entry["why"] = mask(result.text)
        if result.evidence:
            entry["evidence"] = _evidence(result.evidence, mask)
        groups[result.state][name] = entry
    found["switches"] = {name: entry["value"] for name, entry in groups["settled"].items()}
    found["measured"] = dict(bench.measured)
    found["facts"] = {name: mask(text) for name, text in sorted(bench.facts.items())}
    found.update(groups)
    return found


def _evidence(pieces, mask):
    # Lines like ["120 ms", ">", "AT+QSSLSTATE\\r"]. Pieces that were written already stay.
    if isinstance(pieces[0], list):
        return pieces
    begin = pieces[0][0]
    shown = []
    for at, who, raw in _lines(pieces)[-_PIECES:]:
        text = mask(raw.decode("latin-1"))
        text = "".join(c if c.isprintable() else _NAMED.get(c, "\\x%02x" % ord(c)) for c in text)
        if len(text) > _SHOWN:
            text = text[:_SHOWN] + "... (%d)" % len(text)
        shown.append(["%d ms" % (at - begin), who, text])
    return shown


def _lines(pieces):
    # Pieces that end where a line does: what is private may have come in two.
    found = []
    for at, who, raw in pieces:
        if found and found[-1][1] == who and not found[-1][2].endswith(b"\n"):
            at, _, before = found.pop()
            raw = before + raw
        found.append((at, who, raw))
    return found


_NAMED = {"\r": "\\r", "\n": "\\n"}


def save(path, found):
    part = str(path) + ".part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
        os.replace(part, path)
    except OSError as error:
        raise Problem("Can't write %s: %s." % (path, error.strerror)) from None


def load(path):
    # The profile in a file. Problem if it is none.
    try:
        if os.path.getsize(path) > _SIZE:
            raise Problem("%s is no profile: it is larger than %d MB." % (path, _SIZE >> 20))
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise Problem("Can't read %s: %s." % (path, error.strerror)) from None
    except (ValueError, RecursionError):
        raise Problem("%s is no profile of learn.py, or was cut short." % path) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Problem("%s is no profile of learn.py." % path)
    if found.get("version") != VERSION:
        raise Problem(
            "%s is a profile of version %s, and this is for version %d."
            % (path, found.get("version"), VERSION)
        )
    switches = found.get("switches")
    if not isinstance(switches, dict):
        raise Problem("%s has no switches." % path)
    for name, value in switches.items():
        if name not in SWITCHES:
            raise Problem(
                "%s has the switch '%s', which this version does not know." % (path, name)
            )
        choices = SWITCHES[name][1]
        good = isinstance(value, int) and value >= 0 if choices is None else value in choices
        if not good:
            raise Problem(
                "%s has '%s' for the switch %s, which is no value of it." % (path, value, name)
            )
    return found


def switches(path):
    # {name: value} for ugsim. The rate of the line is the line's own.
    return {n: v for n, v in load(path)["switches"].items() if n != "baud_default"}


def results(found):
    # What an earlier run has settled, to go on from.
    return {
        name: Result("settled", entry["value"], "", entry.get("evidence", ()))
        for name, entry in found.get("settled", {}).items()
        if name in SWITCHES
    }


if __name__ == "__main__":
    # For tools/test.py: the switches as words.
    import sys

    try:
        found = switches(sys.argv[1])
    except Problem as error:
        print("test.py: %s" % error, file=sys.stderr)
        sys.exit(2)
    skipped = ("sim", "open_limit", "empty_apn")  # with these there is no whole life
    print(";".join("%s=%s" % item for item in sorted(found.items()) if item[0] not in skipped))
