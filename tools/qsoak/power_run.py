# qsoak.power_run - soak.py power: starts the year of qsoak.power, and says what it costs.
# SPDX-License-Identifier: MIT

import json
import sys
import tempfile
import time

import setup
from qshared.interpreters import cpython
from qsoak.told import told

CURRENTS = setup.ROOT / "tools" / "qsoak" / "currents.json"
EXAMPLE = setup.ROOT / "examples" / "telemetry_battery.py"
_GROUPS = {
    "modem": ("off", "asleep", "idle", "starting", "searching", "connected", "leaving"),
    "board": ("awake", "light sleep", "deep sleep"),
}
_SINGLE = ("tail_s", "wake_s", "chain_bytes", "battery_mah")


class Wrong(Exception):
    # A table of currents that is none, in one sentence.
    pass


def currents(path):
    # The table: {"modem": {state: mA}, "board": {...}, "tail_s": ...} without origins; what a file
    # leaves out is as in ours.
    table = _read(CURRENTS)
    if path is not None:
        for name, value in _read(path).items():
            if name not in table:
                raise Wrong("%s: there is no %s in such a table" % (path, name))
            if name in _GROUPS:
                for state in value if isinstance(value, dict) else [value]:
                    if state not in _GROUPS[name]:
                        raise Wrong("%s: %s has no state %s" % (path, name, state))
                table[name].update(value)
            elif name != "about":
                table[name] = value
    found = {name: _number(path, name, table[name]) for name in _SINGLE}
    for group in _GROUPS:
        found[group] = {s: _number(path, s, v) for s, v in table[group].items()}
    return found


def _read(path):
    try:
        with open(path, encoding="utf-8") as f:
            table = json.load(f)
    except OSError as e:
        raise Wrong("%s can't be read: %s" % (path, e.strerror)) from None
    except ValueError as e:
        raise Wrong("%s is no JSON: %s" % (path, e)) from None
    if not isinstance(table, dict):
        raise Wrong("%s is no table; see tools/qsoak/currents.json" % path)
    return table


def _number(path, name, value):
    # A number, or [number, where it is from].
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise Wrong("%s: %s must be a number, 0 or more" % (path, name))
    return value


def run(options):
    try:
        table = currents(options.currents)
    except Wrong as e:
        print("soak.py: %s." % e, file=sys.stderr)
        return 2
    settings = {
        "host": "server.example",
        "port": 443,
        "interval_ms": options.interval * 1000,
        "every_s": options.every,
        "between": options.between,
        "deep": int(options.deep),
        "quiet": options.quiet,
        "queue": "/q",
    }
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        settings["ca"] = folder + "/ca.pem"
        what = {
            "days": options.days,
            "seed": options.seed,
            "tail_s": table["tail_s"],
            "wake_s": table["wake_s"],
            "chain": int(table["chain_bytes"]),
            "trouble": not options.no_trouble,
            "example": str(EXAMPLE),
            "settings": settings,
        }
        found = _play(what)
    if found is None:
        print("FAILED: it ended with the error above.")
        return 1
    print(report(found, table, options))
    print("in %.0f s" % (time.monotonic() - begin))
    lost = found["put"] - found["arrived"] - found["waiting"]
    if lost:
        print("FAILED: %d records are neither there nor waiting" % lost)
        return 1
    return 0


def _play(what):
    _, argv, env = cpython()
    file = str(setup.ROOT / "tools" / "qsoak" / "power.py")
    return told([*argv, file, json.dumps(what)], env, _short)


def _short(now):
    return "day %d: %d records arrived" % (now["days"], now["arrived"])


def cost(found, table):
    # [(whose, state, hours a day, mA, mAh a day)]
    rows = []
    for group, states in _GROUPS.items():
        ms = found[group + "_ms"]
        for state in states:
            hours = ms.get(state, 0) / 3600000 / found["days"]
            rows.append((group, state, hours, table[group][state], hours * table[group][state]))
    return rows


def report(found, table, options):
    days = found["days"]
    rows = cost(found, table)
    total = sum(row[4] for row in rows)
    on = 24 - sum(row[2] for row in rows if row[:2] == ("modem", "off"))
    air = found["air"]
    lines = [
        "",
        "%.0f days of telemetry_battery.py: a record every %s, sent every %s%s; in between the "
        "modem is %s, the board in %s sleep"
        % (
            days,
            _time(options.interval),
            _time(options.every),
            ", not from %s h" % options.quiet.replace("-", " to ") if options.quiet else "",
            {"on": "on", "off": "off", "sleep": "asleep"}[options.between],
            "deep" if options.deep else "light",
        ),
        "",
        "  records     %d measured, %d arrived (%d twice, %d without their time), %d wait"
        % tuple(found[k] for k in ("put", "arrived", "repeats", "undated", "waiting")),
        "  windows     %d, %.1f a day; in %d of them not all could be sent"
        % (found["windows"], found["windows"] / days, found["in_vain"]),
        "  modem       on for %.2f h a day; started %d times, registered %d times"
        % (on, found["starts"], found["registered"]),
        "  TLS         opened %d times, %.1f a day" % (found["tls"], found["tls"] / days),
        "  bytes       %s of records and their HTTP up, %s down; with TLS and TCP about %s, "
        "%s a day, by qssl.uplink.bill"
        % (
            _bytes(found["bytes_up"]),
            _bytes(found["bytes_down"]),
            _bytes(air),
            _bytes(air / days),
        ),
    ]
    if found["happened"]:
        what = ", ".join("%d x %s" % (n, w) for w, n in sorted(found["happened"].items()))
        lines.append("  trouble     " + what)
    lines += ["", "                        h a day       mA   mAh a day   share"]
    for group, state, hours, ma, mah in rows:
        if hours:
            shown = (group, state, hours, ma, mah, 100 * mah / total if total else 0)
            lines.append("  %-6s %-14s %8.3f %8.2f %11.3f %6.1f %%" % shown)
    lines.append("  %-40s %11.3f mAh a day, %.2f Ah a year" % ("all", total, total * 0.36525))
    if total:
        lines.append(
            "  a battery of %.0f mAh: %.1f years, without what it loses by itself"
            % (table["battery_mah"], table["battery_mah"] / total / 365.25)
        )
    lines.append(
        "  currents: %s; estimates until you measure yours (--currents FILE)"
        % (options.currents or "tools/qsoak/currents.json")
    )
    return "\n".join(lines)


def _time(s):
    for unit, name in ((3600, "h"), (60, "min")):
        if s >= unit and s % unit == 0:
            return "%d %s" % (s // unit, name)
    return "%d s" % s


def _bytes(n):
    for unit, name in ((1e6, "MB"), (1e3, "kB")):
        if n >= unit:
            return "%.1f %s" % (n / unit, name)
    return "%.0f B" % n
