# qbench.report - the numbers as a table in a terminal, as JSON, as docs/numbers.md.
# SPDX-License-Identifier: MIT

import json

from qbench import plot

_PARTS = {
    "sizes": "Code",
    "heap": "Heap, on 32 bits, without the UART's own rings",
    "operations": "Heap in the steady state",
    "commands": "Commands",
    "wire": "Wire",
    "speed": "Speed, with the modem's line paced",
    "board": "The emulated board",
    "work": "Work",
}
_INTRO = """\
# Numbers

Made by `python3 tools/bench.py --write`. The promises are those of
[architecture.md](architecture.md). What is exact (sizes, heap, commands, wire) is held by
`tools/bench.py --check`, which the tests run; speed and latency are those of one run on one PC.

"""


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
        for head in ("what", "measured", "promise", "", "where"):
            view.add_column(head, justify="right" if head in ("measured", "promise") else "left")
        for row in rows:
            view.add_row(row.text, row.shown(), row.promised(), _verdict(row), row.place)
        console.print(view)


def _verdict(row):
    kept = row.kept()
    return "" if kept is None else "kept" if kept else "missed"


def write(root, parts, modules):
    lines = [_INTRO]
    for name, rows in parts.items():
        lines.append("## %s\n" % _PARTS[name])
        shown = [r for r in rows if not r.key.startswith("mpy:")]
        lines.append("| what | measured | promise | | where |")
        lines.append("| --- | ---: | ---: | --- | --- |")
        for row in shown:
            cells = (row.text, row.shown(), row.promised(), _verdict(row), row.place)
            lines.append("| %s |" % " | ".join(cells))
        lines.append("")
        if name == "heap":
            lines += _modules(parts, modules)
        if name == "speed":
            lines.append("![Speed over the line's rate](speed.svg)\n")
    (root / "docs/numbers.md").write_text("\n".join(lines))
    speeds = [
        r.plot for r in parts.get("speed", []) + parts.get("board", []) if hasattr(r, "plot")
    ]
    (root / "docs/speed.svg").write_text(plot.svg(speeds))


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
