# qdemo.screen - what the person sees: colours and a bar on a terminal, else plain lines.
# SPDX-License-Identifier: MIT

import re
import textwrap

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ugsim import view

# who speaks -> (mark, style)
_STYLES = {
    "board": ("*", "cyan"),
    "server": ("*", "blue"),
}
_PICTURE = 100  # columns


class Screen:
    def __init__(self, count, keep=False):
        # keep: what is shown can be made a picture.
        self._console = Console(highlight=False, record=keep, width=_PICTURE if keep else None)
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
                BarColumn(),
                MofNCompleteColumn(),
                console=self._console,
                transient=True,
            )
            self._bar = self._progress.add_task("", total=self._count)
            self._progress.start()

    def line(self, at, who, text, style=None):
        # Laid out as those of the modem.
        mark, usual = _STYLES[who]
        head = "%9.3f  %-7s " % (max(0, at - self._start), who)
        said = mark + " " + text
        room = max(20, self._width() - len(head)) if self._width() else len(said)
        pieces = textwrap.wrap(said, room, break_on_hyphens=False)
        shown = Text()
        shown.append(head, "dim")
        shown.append(("\n" + " " * len(head)).join(pieces), style or usual)
        self._console.print(shown, soft_wrap=True)

    def modem(self, at, kind, text):
        # An event of the modem, as `ugsim --view` shows it.
        shown = view.line(max(0, at - self._start), kind, text, self._width())
        self._console.print(shown, soft_wrap=True)

    def _width(self):
        # Columns of the terminal or picture. None: neither, and lines are not folded.
        folds = self._console.is_terminal or self._console.record
        return self._console.width if folds else None

    def arrived(self, total):
        if self._progress:
            self._progress.update(self._bar, completed=total)

    def end(self):
        if self._progress:
            self._progress.stop()
            self._progress = None

    def summary(self, rows):
        # rows: (name, text)
        self._console.print()
        if self._console.is_terminal:
            table = Table.grid(padding=(0, 2))
            table.add_column(style="bold", no_wrap=True)
            table.add_column()
            for name, text in rows:
                table.add_row(name, Text(text))
            self._console.print(table)
        else:
            for name, text in rows:
                self._console.print(Text("%-13s %s" % (name, text)), soft_wrap=True)
        self._console.print()

    def verdict(self, text, good):
        self._console.print(Text(text, "bold green" if good else "bold red"), soft_wrap=True)

    def picture(self, title):
        # All of it as SVG. Its fonts are those of the reader: none is fetched.
        svg = self._console.export_svg(title=title)
        return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.S)
