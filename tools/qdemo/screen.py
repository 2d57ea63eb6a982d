# qdemo.screen - what the person sees: colours and a bar on a terminal, else plain lines.
# SPDX-License-Identifier: MIT

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ugsim import view

# who speaks -> (mark, style)
_STYLES = {
    "board": ("*", "cyan"),
    "server": ("<", "blue"),
    "setup": ("-", "dim"),
    "trouble": ("!", "bold red"),
}


class Screen:
    def __init__(self, count):
        self._console = Console(highlight=False)
        self._start = None  # Unix time of the first event
        self._progress = None
        self._count = count

    def title(self, text):
        self._console.print(Text(text, "bold"), soft_wrap=True)
        self._console.print()

    def setup(self, what, text):
        shown = Text()
        shown.append("%-13s " % what, "dim")
        shown.append(text)
        self._console.print(shown, soft_wrap=True)

    def begin(self, at):
        # From here on lines have a time, and a bar shows how many records have arrived.
        self._start = at
        self._console.print()
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("received"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._bar = self._progress.add_task("", total=self._count)
            self._progress.start()

    def line(self, at, who, text, style=None):
        mark, usual = _STYLES[who]
        shown = Text()
        shown.append("%9.3f  " % max(0, at - self._start), "dim")
        shown.append("%-7s " % who, "dim")
        shown.append(mark + " ", usual)
        shown.append(text, style or usual)
        self._print(shown)

    def modem(self, at, kind, text):
        # An event of the modem, as `ugsim --view` shows it.
        self._print(view.line(max(0, at - self._start), kind, text))

    def arrived(self, total):
        if self._progress:
            self._progress.update(self._bar, completed=total)

    def end(self):
        if self._progress:
            self._progress.stop()
            self._progress = None

    def summary(self, rows):
        # rows: (name, text)
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for name, text in rows:
            table.add_row(name, Text(text))
        self._console.print()
        self._console.print(table)
        self._console.print()

    def verdict(self, text, good):
        self._console.print(Text(text, "bold green" if good else "bold red"), soft_wrap=True)

    def _print(self, text):
        if self._console.is_terminal:
            self._console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(text, soft_wrap=True)
            sys.stdout.flush()
