# qdemo.summary - what the run came to, in a few lines.
# SPDX-License-Identifier: MIT

_NAMED = 4  # AT commands that are named, the most frequent first


def rows(judge, stats, facts, seconds):
    # (name, text) for the table. stats: of the simulated modem. facts: of the board.
    found = [
        ("records", _records(judge)),
        ("TLS", _tls(stats["connections"])),
        ("AT commands", _commands(stats["commands"])),
        (
            "to modem",
            _share(stats["uart_bytes_to_modem"], stats["payload_bytes_sent"]),
        ),
        (
            "from modem",
            _share(stats["uart_bytes_to_host"], stats["payload_bytes_received"]),
        ),
    ]
    if facts:
        found.append(("heap", _heap(facts)))
    found.append(("time", "%.1f s" % seconds))
    return found


def _records(judge):
    arrived = sum(1 for n in judge.arrived if 1 <= n <= judge.count)
    text = "%d sent, %d received" % (len(judge.sent), arrived)
    if not judge.faults():
        text += ", each once and in order"
    if judge.repeats():
        text += "; %d repeated and dropped by number" % judge.repeats()
    return text


def _tls(connections):
    kinds = []
    for c in connections:
        kind = "%s, %s" % (c["version"], c["suite"])
        if c["version"] and kind not in kinds:
            kinds.append(kind)
    made = sum(1 for c in connections if c["version"])
    failed = len(connections) - made
    text = "%s, %s" % ("; ".join(kinds) or "none", _many(made, "connection"))
    return text + (", %d failed" % failed if failed else "")


def _commands(commands):
    total = sum(commands.values())
    often = sorted(commands, key=lambda name: (-commands[name], name))[:_NAMED]
    named = ["%d %s" % (commands[name], name.lstrip("+")) for name in often]
    others = total - sum(commands[name] for name in often)
    if others:
        named.append("%d others" % others)
    return "%d: %s" % (total, ", ".join(named)) if total else "0"


def _share(wire, payload):
    share = 100 * payload / wire if wire else 0
    return "%s bytes on the AT port, %s of them payload (%.0f %%)" % (
        _thousands(wire),
        _thousands(payload),
        share,
    )


def _heap(facts):
    text = "%d kB in use at the end" % round(facts["heap"] / 1000)
    if facts["bits"] == 64:
        text += " (64-bit MicroPython; a 32-bit board needs about half)"
    return text


def _many(n, what):
    return "%d %s%s" % (n, what, "" if n == 1 else "s")


def _thousands(n):
    return "{:,}".format(n)
