# qbench.report - the numbers as a table in a terminal, as JSON, as docs/numbers.md.
# SPDX-License-Identifier: MIT

import json

from qbench import plot
from qbench.rows import show
from qshared.problem import Problem

_PARTS = {
    "sizes": "Code",
    "heap": "Heap, on 32 bits, without the UART's own rings",
    "need": "Heap that must be free at first, and that of a whole program",
    "operations": "Heap in the steady state",
    "commands": "Commands",
    "wire": "Wire",
    "turns": "Turns: how long the wire is still",
    "speed": "Speed, with the modem's line paced",
    "board": "The emulated board",
    "work": "Work",
    "rp2040": "On an emulated RP2040",
}
# Which modules do what. The first ones are the synchronous path.
_JOBS = (
    (
        "the face: what a program calls; commands, replies, deadlines, one pump for all",
        "__init__ modem rare errors tls wire.__init__ wire.dialect wire.link wire.pump wire.turns "
        "wire.lines wire.quarantine wire.exchange wire.parser wire.ascii wire.resync wire.at "
        "wire.command wire.urc wire.witness",
    ),
    (
        "sockets",
        "socket wire.channel wire.receiving wire.sending wire.lifecycle wire.connection "
        "connect.__init__ connect.opening connect.ready connect.refused connect.arguments",
    ),
    (
        "from any state of the modem to an active PDP context",
        "start.__init__ start.bringup start.contact start.context start.ends start.mute "
        "start.network start.radio start.rouse start.sim start.tidy start.urcs start.words "
        "start.echo tried",
    ),
    (
        "TLS that fails closed: files checked and verified, settings read back",
        "connect.pem connect.pemcheck connect.source connect.sslcfg connect.sslcheck "
        "connect.together clock files",
    ),
    (
        "families of modems: each program needs one",
        "family.__init__ family.again family.attach family.bg770a family.bg95 family.bg96 "
        "family.choose family.contexts family.ec200a family.ec200u family.ec2x family.keys "
        "family.lacks family.lte family.ready family.stands family.suites family.ugxx "
        "family.wanted family.witness",
    ),
    ("the words of errors", "hints ask.codes connect.pemhints"),
    ("direct push mode", "modes.__init__ modes.push"),
    ("transparent mode", "modes.stream modes.inband"),
    ("asyncio", "aio"),
    ("existing clients", "compat connect.clienttls"),
    (
        "diagnosis, and news of the device",
        "ask.__init__ ask.diagnose ask.info ask.probe ask.status ask.strays ask.trace "
        "uplink.health",
    ),
    ("what time it is, and whom to believe", "timekeeper timesources ntp"),
    (
        "records that survive a power cut, and their delivery",
        "queue uplink.__init__ uplink.statuses https mqtt recovery",
    ),
    ("messages from the server", "uplink.inbox uplink.answer uplink.signed uplink.subscriber"),
    ("settings that the server changes", "uplink.settings"),
    (
        "files both ways, records as SenML, what may cost, new programs",
        "uplink.batch uplink.bill uplink.fetch uplink.files uplink.policy uplink.send "
        "uplink.seconds uplink.senml uplink.update",
    ),
    ("the modem off, asleep and awake", "power"),
    (
        "further PDP contexts; events; files read back; sending without a length; arrays",
        "start.pdp ask.events download ctrl_z arrays",
    ),
    ("the files of boards/", "site sitepower sitewords"),
)
_INTRO = """\
# Numbers

Made by `python3 tools/bench.py --write`. An aim is what the driver is to reach; "missed" says
where it does not yet. What is exact (sizes, heap, commands, wire, turns) is held by
`tools/bench.py --check`, which the tests run; speed and latency are those of one run on one PC.
On the wire, the modem's echo of a command counts once: it comes while the command is being typed.
"""

_WHY_SIZE = """\
The first two lines, %s, are what it takes to call a modem that is up, at which nothing
is ever lost: that alone is about what the path was to have. The rest of the path buys what
[guarantees.md](guarantees.md) promises. What stands below the words of errors costs nothing where
it is not imported. Line numbers in tracebacks would be 7 %% more (`mpy-cross -O2`).
"""
_WHY_HEAP = """\
The buffers alone are %s. Those of a socket can't be another's: they hold what the modem
has already given, or not yet taken. The rest of a frozen driver are functions (16 B each, and 8 B
in the dict of their class), classes and the dicts of objects. From .mpy, %s are names, which
MicroPython never gives back. What is only needed until a connection opens is let go then: up to
%s that are in use before, and again for each new connection.
"""

_TURNS = """\
The emulated board counts instructions (QEMU's `-icount`), and a modem in its memory has a line
with a rate: bytes show four at a time, the last ones after 32 bit times, as in an RP2040's UART;
it takes 0.2 to 0.4 ms to answer and to prompt, 0.3 ms in the mean, which the bound counts too:
so each gap is a mean over many places in a turn of the driver at which a byte comes. What the
modem in memory costs is taken off, what calling it costs included. The time of an RP2040 at 125
MHz, with the driver from .mpy in RAM and MicroPython in flash behind its cache, is computed:
19.2 ns, 2.4 cycles, an instruction of the emulated Cortex-M3; `any` 7 us, `readinto` 30 us and 2
us a byte, `write` 30 us and 1 us a byte, `ticks_ms` 3 us, 100 us for a poll that finds bytes.
The first number is chosen so that the driver before it typed ahead has, added up, the gaps that
a cycle-accurate emulator of an RP2040 showed for it: 1.97 ms receiving, 2.36 ms behind SEND OK,
0.98 ms behind the prompt; here they come to 2.07, 2.20 and 0.99 ms. The interrupts of the UART
are not in it: about 14 % of the processor at 921600 baud.

By the same model that driver had 89 % receiving and 84 % sending at 921600 baud (there about 90
and 83 %), and the processor never waited while it received. In writes of 500 bytes, three calls of
`write()` lie between SEND OK and a full buffer; a second buffer would hide them, up to the share
of full writes, for 1.5 kB of heap a socket. Single bytes are slower than the line: what has
waited for 50 ms goes out with what there is.

A function whose variables and stack take more than 11 words gets them from the heap, which is
searched from its beginning: the fuller it is, the longer that takes. So what runs in each turn
keeps within them where it can.
"""
_CHIP = """\
### Measured on an emulated RP2040

    python3 tools/bench.py --rp2040 RPI_PICO-20260406-v1.28.0.uf2

runs the driver from .mpy, with boards/pico.py, on `rp2040js`, an RP2040 in JavaScript from npm,
under the image that you name: MicroPython's for the Raspberry Pi Pico, 1.24 or newer, from its
download page. It takes some minutes; how busy your PC is changes no number. Each instruction has
its cycles, at the clock that the firmware sets; flash costs no waiting, so that a chip whose cache
misses is a little slower. The UART is this project's: FIFOs of 32 bytes, interrupts at their
levels and after 32 bits of silence, RTS, the rate that the divider gives. At its far end is the
simulated modem: answers and prompts come after 0.3 ms, and in one more run at once; its echo
always does. The processor sleeps while it stands in WFE or WFI; interrupts are work.

With MicroPython 1.26.1 as built from Debian's sources (with pico-sdk 2.2.0; gcc 12, for size), in
2026-11; beside it what is computed above for the same:
"""
_CHIP_END = """\
At 921600 baud and a modem that answers at once: 99.1 %% receiving, 97.1 %% sending, 0.40 ms behind
the prompt. From .mpy %s of heap are in use with an open socket. From nothing to the first
100 bytes there and back it takes 1.98 s: 0.15 s are the import, 1.03 s start(), 0.74 s a TLS
context and the connection. No byte was lost.
"""
# What --rp2040 has measured: (row of the turns beside which it stands, value)
_CHIP_ROWS = (
    ("us recv", 149),
    ("us send", 78),
    ("us prompt", 164),
    ("share recv 115200", 0.999),
    ("share recv 460800", 0.996),
    ("share recv 921600", 0.991),
    ("busy recv 115200", 0.185),
    ("busy recv 460800", 0.54),
    ("busy recv 921600", 0.907),
    ("share send 115200", 0.998),
    ("share send 460800", 0.993),
    ("share send 921600", 0.986),
    ("busy send 115200", 0.076),
    ("busy send 460800", 0.197),
    ("busy send 921600", 0.363),
    ("share write 500", 0.848),
    ("share write 4096", 0.946),
)
_CHIP_HEAP = 42976
_BARE = """\
A loop that only counts bytes reads no line and checks nothing: what it misses of the bound is
missed by the PC and the simulated modem, which share its two or more processors, not by the
driver.
"""
# What the README shows; the rest is in docs/numbers.md.
_CHOSEN = {
    "net send": "heap left by a send",
    "net receive": "heap left by a receive",
    "net poll": "heap left by a poll",
    "sends publish": "`AT+QSSLSEND` commands for one `umqtt` publish",
    "sends post": "`AT+QSSLSEND` commands for one `urequests.post`",
    "share receive": "payload share of the wire, receiving",
    "share send": "payload share of the wire, sending",
    "heap frozen socket": "heap in use with an open socket, frozen",
    "heap mpy socket": "heap in use with an open socket, from `.mpy`",
    "turns share recv 921600": "of the line's bound, receiving at 921600 baud",
    "turns share send 921600": "of the line's bound, sending at 921600 baud",
    "turns busy recv 115200": "processor busy while receiving at 115200 baud",
}
_COMPUTED = "an RP2040, computed"
_BEGIN, _END = "<!-- numbers: written by tools/bench.py --write -->\n", "<!-- end -->\n"


def as_json(parts):
    return json.dumps(
        {name: [r.as_dict() for r in rows] for name, rows in parts.items()}, indent=1
    )


def table(parts):
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name, rows in parts.items():
        view = Table(title=_PARTS[name], title_justify="left")
        for head in ("what", "measured", "aim", "", "where"):
            view.add_column(head, justify="right" if head in ("measured", "aim") else "left")
        for row in rows:
            view.add_row(row.text, row.shown(), row.wanted(), _verdict(row), row.place)
        console.print(view)


def _verdict(row):
    met = row.met()
    return "" if met is None else "met" if met else "missed"


def write(root, parts, measure):
    # measure: for what is more than a row, see qbench.measure.
    lines = [_INTRO]
    for name, rows in parts.items():
        lines.append("## %s\n" % _PARTS[name])
        shown = [r for r in rows if not r.key.startswith("mpy:")]
        lines.append("| what | measured | aim | | where |")
        lines.append("| --- | ---: | ---: | --- | --- |")
        for row in shown:
            cells = (row.text, row.shown(), row.wanted(), _verdict(row), row.place)
            lines.append("| %s |" % " | ".join(cells))
        lines.append("")
        if name == "sizes":
            lines += _jobs(measure.sizes)
        if name == "heap":
            lines += _peers(measure.heaps[0])
            lines.append("![Heap with an open TLS socket](heap.svg)\n")
            lines += _goes(*measure.heaps)
            lines += _modules(parts, measure.modules)
        if name == "turns":
            lines.append(_TURNS)
            lines += _chip(rows)
        if name == "speed":
            lines.append(_BARE)
            lines.append("![Speed over the line's rate](speed.svg)\n")
    (root / "docs/numbers.md").write_text("\n".join(lines))
    speeds = [
        r.plot for r in parts.get("speed", []) + parts.get("board", []) if hasattr(r, "plot")
    ]
    (root / "docs/speed.svg").write_text(plot.svg(speeds))
    found = {row.key: row.value for rows in parts.values() for row in rows}
    (root / "docs/heap.svg").write_text(plot.bars(_BARS, heaps(found)))
    path = root / "README.md"
    path.write_text(readme(path.read_text(), parts))


def _chip(rows):
    # rows: those of the turns, computed.
    known = {row.key: row for row in rows}
    cells = []
    for key, value in _CHIP_ROWS:
        row = known["turns " + key]
        # A turn's row says "the same" as the one before it, which counts its instructions.
        text = known["turns " + key.replace("us ", "instructions ")].text
        text = text.replace("instructions from", "from").replace(" on an RP2040", "")
        cells.append((text, show(value, row.unit), row.shown()))
    lines = ["| what | measured | computed |", "| --- | ---: | ---: |"]
    lines += ["| %s | %s | %s |" % row for row in cells]
    return [_CHIP, *lines, "", _CHIP_END % show(_CHIP_HEAP, "B")]


def readme(text, parts):
    # The README with the numbers that it shows.
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise Problem("README.md has lost its lines %r and %r." % (_BEGIN, _END))
    found = {row.key: row for rows in parts.values() for row in rows}
    rows = [(text, found[key]) for key, text in _CHOSEN.items()]
    lines = ["| what | measured | aim | where |", "| --- | ---: | ---: | --- |"]
    for what, row in rows:
        place = _COMPUTED if row.key.startswith("turns ") else row.place
        lines.append("| %s | %s | %s | %s |" % (what, row.shown(), row.wanted(), place))
    return before + begin + "\n".join(lines) + "\n" + end + after


def _table(heads, rows):
    rule = ["---:" if isinstance(cell, int) else "---" for cell in rows[0]]
    lines = ["| %s |" % " | ".join(heads), "| %s |" % " | ".join(rule)]
    return [*lines, *["| %s |" % " | ".join(str(cell) for cell in row) for row in rows], ""]


def _jobs(sizes):
    # What the code is for, and why it is more than was aimed at.
    rows = [(what, "`%s`" % names, sum(sizes[n] for n in names.split())) for what, names in _JOBS]
    known = " ".join(names for _, names in _JOBS).split()
    other = [n for n in sizes if n not in known]
    if other:
        rows.append(("other", " ".join(other), sum(sizes[n] for n in other)))
    least = sum(size for _, _, size in rows[:2])
    lines = ["### By job\n", *_table(("what for", "modules", "B"), rows)]
    return [*lines, _WHY_SIZE % show(least, "B")]


def _goes(mpy, frozen):
    # What the heap is used for, and why it is more than was aimed at.
    rows = [(what, n, m) for (what, n), (_, m) in zip(mpy["buffers"], frozen["buffers"])]
    buffers = sum(n for _, _, n in rows)
    objects = mpy["objects"] - sum(n for _, n, _ in rows), frozen["objects"] - buffers
    rows.append(("attributes and small objects of the modem and a socket", *objects))
    rows.append(("names: each is kept once, for ever", mpy["names"], 0))
    total = mpy["socket"], frozen["socket"]
    rest = total[0] - mpy["names"] - mpy["objects"], total[1] - frozen["objects"]
    rows.append(("code (frozen: it stays in flash), functions, classes, contexts", *rest))
    rows.append(("together", *total))
    lines = ["### Where it goes\n", "Bytes, with one socket open.\n"]
    lines += _table(("what", "from .mpy", "frozen"), rows)
    peak = show(max(mpy[step] for step in ("context", "start")) - mpy["modem"], "B")
    return [*lines, _WHY_HEAP % (show(buffers, "B"), show(mpy["names"], "B"), peak)]


# Heap from .mpy on the 32-bit unix port (mpy-cross -O3), measured in 2026-11: after the import,
# with the object made, with a socket open; left by sending 100 bytes, by receiving 1024.
_PEERS = (
    (
        "QuickSpot/walter-micropython 4901ac9, its socket and TLS parts",
        (34224, 55760, 58192, 3488, 76128),
    ),
    ("M5Stack SIM7600 TLS 5afa2b5d; no server verified", (33152, 33296, 34928, 832, 4608)),
    ("Sixfab PicoLTE 3ceb3c2; MQTT in the modem", (57024, 57936, 59536, 1136, "")),
    ("insighio BG600 cd9dd2f; MQTT in the modem, no TLS", (54640, 54800, 54832, 2528, "")),
)


_BARS = "Heap of a driver on a 32-bit board, kB"


def heaps(found):
    # For the plot: (whose, in use with an open socket, needed until then or None, ours or not).
    # found: {key of a row: bytes}
    rows = [
        ("qssl, frozen", found["heap frozen socket"], found["need frozen 1"], True),
        ("qssl, from a ROM partition", found["heap rom socket"], None, True),
        ("qssl, from .mpy", found["heap mpy socket"], found["need mpy 1"], True),
    ]
    for name, numbers in _PEERS:
        name = " ".join(name.partition("/")[2].split()[:1] or name.split()[:2])
        rows.append((name + ", from .mpy", numbers[2], None, False))
    return rows


def _peers(mpy):
    # mpy: what heap.py found. An operation in the steady state leaves nothing: see "net ...".
    own = ("qssl", (mpy["import"], mpy["modem"], mpy["socket"], 0, 0))
    heads = ("driver", "imported", "made", "socket open", "a send leaves", "a receive leaves")
    rows = [
        (name, *[show(n, "") if n != "" else "" for n in numbers])
        for name, numbers in (own, *_PEERS)
    ]
    lines = ["| %s |" % " | ".join(heads), "| --- |" + " ---: |" * 5]
    lines += ["| %s |" % " | ".join(row) for row in rows]
    text = "Bytes, from .mpy on the 32-bit unix port, all by the same method."
    return ["### Beside other drivers\n", text + "\n", *lines, ""]


def _modules(parts, modules):
    # Where code and heap go.
    sizes = {r.key[4:]: r.value for r in parts["sizes"] if r.key.startswith("mpy:")}
    lines = ["### By module\n", "Heap: what its import adds, after the modules that it needs.\n"]
    lines.append("| module | .mpy, B | heap from .mpy, B | heap frozen, B |")
    lines.append("| --- | ---: | ---: | ---: |")
    for name, n in sizes.items():
        heap = modules.get(name, ("", ""))
        lines.append("| %s | %s | %s | %s |" % (name, n, *heap))
    return [*lines, ""]
