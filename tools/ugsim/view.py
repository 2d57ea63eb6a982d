# ugsim.view - the events of a simulated modem as lines that a person likes to read.
# SPDX-License-Identifier: MIT

from rich.console import Console
from rich.text import Text

# kind of event -> (column that says who speaks, mark, style)
_KINDS = {
    "at": ("host", ">", "bold cyan"),
    "info": ("modem", "<", "default"),
    "final": ("modem", "<", "green"),
    "prompt": ("modem", "<", "default"),
    "urc": ("URC", "<", "magenta"),
    "tls": ("TLS", "=", "yellow"),
    "up": ("server", ">", "blue"),
    "down": ("server", "<", "blue"),
    "fault": ("fault", "!", "bold red"),
    "control": ("control", "!", "red"),
}
_OTHER = ("", "-", "dim")
_BAD = ("ERROR", "SEND FAIL", "NO CARRIER", "+CME ERROR", "+CMS ERROR")


def line(at, kind, text):
    # One event as rich.text.Text: seconds since the start, who, what.
    who, mark, style = _KINDS.get(kind, _OTHER)
    if kind == "final" and any(text.startswith(bad) for bad in _BAD):
        style = "bold red"
    shown = Text()
    shown.append("%9.3f  " % at, "dim")
    shown.append("%-7s " % (who or kind), "dim")
    shown.append(mark + " ", style)
    shown.append(_printable(text), style)
    return shown


class View:
    # Prints the events as they come, on standard error.
    def __init__(self, console=None):
        self._console = console or Console(stderr=True, highlight=False)

    def __call__(self, at, kind, text):
        self._console.print(line(at, kind, text), soft_wrap=True)


def _printable(text):
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
