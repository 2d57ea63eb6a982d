# ugsim.view - the events of a simulated modem as lines that a person likes to read.
# SPDX-License-Identifier: MIT

from rich.console import Console
from rich.live import Live
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
    "error": ("driver", "!", "bold red"),
    "differs": ("ugsim", "!", "bold yellow"),
    "state": ("driver", "-", "dim"),
    "control": ("control", "!", "red"),
}
_OTHER = ("", "-", "dim")
_ON_THE_PORT = ("at", "info", "final", "prompt", "urc")
_BAD = ("ERROR", "SEND FAIL", "NO CARRIER", "+CME ERROR", "+CMS ERROR")


def line(at, kind, text, width=None):
    # One event as rich.text.Text: seconds since the start, who, what. What does not fit into
    # `width` columns goes on below.
    who, mark, style = _KINDS.get(kind, _OTHER)
    if kind == "final" and text.startswith(_BAD):
        style = "bold red"
    head = "%9.3f  %-7s " % (at, who or kind)
    said = mark + " " + _printable(text)
    room = max(20, width - len(head)) if width else len(said)
    shown = Text()
    shown.append(head, "dim")
    shown.append(said[:room], style)
    for start in range(room, len(said), room):
        shown.append("\n" + " " * len(head) + said[start : start + room], style)
    return shown


class View:
    # A listener of the session that prints the events as they come.
    def __init__(self, console):
        self._console = console
        self._live = None

    def __call__(self, at, kind, text, data=b""):
        # For grep and the like one event is one line; on a terminal long ones are folded.
        width = self._console.width if self._console.is_terminal else None
        self._console.print(line(at, kind, text, width), soft_wrap=True)

    def start(self, status):
        # On a terminal: keeps a last line with what status() returns.
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=lambda: Text(status(), "reverse"),
                console=self._console,
                refresh_per_second=2,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def close(self):
        if self._live:
            self._live.stop()


class Beside:
    # A view in the terminal in which AT commands are typed (port: ugsim.port.stdio): what the AT
    # port shows is left out, and the rest waits while a line is being typed.
    def __init__(self, view, port):
        self._view = view
        self._port = port
        self._waiting = []
        port.on_line_start = self._show

    def __call__(self, at, kind, text, data=b""):
        if kind not in _ON_THE_PORT:
            self._waiting.append((at, kind, text))
            if self._port.at_line_start:
                self._show()

    def _show(self):
        waiting = self._waiting
        self._waiting = []
        for event in waiting:
            self._view(*event)

    def close(self):
        self._port.on_line_start = None
        self._show()
        self._view.close()


def on_stdout():
    return View(Console(highlight=False))


def on_stderr():
    return View(Console(stderr=True, highlight=False))


def _printable(text):
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
