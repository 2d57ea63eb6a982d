# qssl.uplink.health - records about the device itself: at the start, daily, and when asked.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.health import Health

health = Health(up, version="1.4", boot=lambda: {"cause": machine.reset_cause()},
                settings=settings, bill=bill)
"""
#
# It stands in the place of Uplink._once(), when the modem is up: so it can ask it. What the
# server asks for (a message of kind "health" or "ask") is put at once, before that message counts
# as taken, with what the modem said last.

import errno
import gc
import json

from micropython import const

from .. import __version__
from .seconds import Seconds

_SIZE = const(1400)  # bytes; what is of least use is left out of a longer one
_TRACE = const(1500)
_LESS = ("settings", "modem", "parts", "info", "bill")


class Health:
    """Puts records {"qssl": "health", ...} about the device into the queue of an Uplink. Made
    after its Inbox, before its Policy.

    every_s: so often, beside the first one; start=False: no first one, as for a board that wakes
    from a deep sleep every hour; its program calls put() now and then. version: the program's.
    boot(): a dict, such as {"cause": "watchdog", "count": 17}: why the board has started, as far
    as the program knows. settings: a qssl.uplink.settings.Settings; bill: a qssl.uplink.bill.Bill;
    parts: {name: object} with report(), a dict. info=False: the modem is not asked (Modem.info()).

    With an Inbox it answers messages of the kind "health", and of the kind "ask" whose body is
    {"what": "health"}, "settings" or "trace": the last lines of Modem.trace(), if it is on.

    Attributes: puts, error (of the queue, or of what was asked; None: none).

    Raises: nothing.
    Blocks: no.
    Allocates: a record, while it is made.
    Since: 0.2.
    """

    def __init__(
        self,
        up,
        every_s: int = 86400,
        version: str = "",
        boot=None,
        settings=None,
        bill=None,
        parts=None,
        start: bool = True,
        info: bool = True,
    ) -> None:
        self._up = up
        self._every_s = every_s
        self._version = version
        self._boot = boot
        self._settings = settings
        self._bill = bill
        self._parts = parts or {}
        self._asks = info
        self._info = None
        self._time = Seconds().now  # since this was made
        self._due = 0 if start else every_s
        self._why = "start"
        self.puts = 0
        self.error = None
        self._plain = up._once
        up._once = self._once
        inbox = getattr(up._carrier, "inbox", None)
        if inbox is not None:
            inbox.handlers["health"] = inbox.handlers["ask"] = self._asked
        up.close()  # its steps begin anew, with this in them

    def put(self, why: str = "program") -> int | None:
        """Puts a record now.

        Returns: its id; None: the queue did not take it, see error.
        Raises: nothing.
        Blocks: while the file system writes.
        Allocates: the record.
        Since: 0.2.
        """
        what = self._made(why)
        out = []
        for name in _LESS:
            if name in what:
                text = json.dumps(what)
                if len(text) <= _SIZE:
                    number = self._take(text)
                    if not self._long():
                        return number
                del what[name]
                out.append(name)
                what["left_out"] = out
        return self._take(json.dumps(what))

    def _long(self):
        # Whether the queue has refused it for good: it holds no record of that length.
        return self.error is not None and getattr(self.error, "errno", 0) == errno.EINVAL

    def _take(self, text):
        try:
            number = self._up.put(text)
        except OSError as e:
            self.error = e
            return None
        self.puts += 1
        self.error = None
        return number

    def _made(self, why):
        up = self._up
        modem = up._modem
        queue = up.queue
        clock = up._clock
        gc.collect()
        what = {
            "qssl": "health",
            "why": why,
            "up_s": self._time(),
            "driver": __version__,
            "heap": {"free": gc.mem_free(), "used": gc.mem_alloc()},
            "queue": {"records": len(queue), "lost": queue.lost, "damaged": queue.damaged},
            "uplink": {
                "delivered": up.delivered,
                "repeats": up.repeats,
                "rejected": up.rejected,
                "failures": up.failures,
            },
            "modem": {},
        }
        if up.error is not None:
            what["uplink"]["error"] = str(up.error)[:120]
        for name in dir(modem.stats):
            value = getattr(modem.stats, name)
            if isinstance(value, int) and value and name[:1] != "_":
                what["modem"][name] = value
        if clock is not None:
            what["time"] = {"source": getattr(clock, "source", None), "now": clock.now()}
            what["time"]["sure"] = bool(getattr(clock, "sure", False))
        if self._version:
            what["version"] = self._version
        if self._info is not None:
            what["info"] = self._info
        if self._settings is not None:
            what["settings"] = self._settings.values()
        if self._bill is not None:
            what["bill"] = self._bill.report()
        if self._boot is not None:
            what["boot"] = self._told(self._boot)
        for name, part in self._parts.items():
            what.setdefault("parts", {})[name] = self._told(part.report)
        return what

    def _told(self, function):
        # The program's own; whatever is wrong with it must not stop the records.
        try:
            found = function()
            json.dumps(found)
            return found
        except Exception as e:
            self.error = e
            return None

    def _once(self):
        if self._time() >= self._due:
            if self._asks and self._up._modem.up:
                from ..ask.info import steps

                self._info = yield from steps(self._up._modem)
            self._due = self._time() + self._every_s
            self.put(self._why)
            self._why = "daily"
        yield from self._plain()

    def _asked(self, m, body):
        # A handler of the inbox. What is not kept comes again.
        what = "health"
        if body[:1] == b"{":
            try:
                what = json.loads(body).get("what", "health")
            except Exception:  # whatever parsers make of what comes from outside
                return "form"
        if what == "health":
            self.put("asked")
        elif what == "settings" and self._settings is not None:
            self._settings._report(m, {})
            return None
        elif what == "trace":
            trace = getattr(self._up._modem.link, "trace", None)
            found = {"qssl": "trace", "m": m, "on": trace is not None}
            lines = [] if trace is None else trace.take(_TRACE).split("\n")
            while True:
                if lines:
                    found["text"] = "\n".join(lines)
                self._take(json.dumps(found))
                if len(lines) < 2 or not self._long():
                    break
                del lines[1 : 1 + len(lines) // 2]  # after the first one: the oldest
        else:
            return "form"
        if self.error is None:
            return None
        if self._long() or not hasattr(self.error, "errno"):
            return "size"  # it would never fit
        raise self.error
