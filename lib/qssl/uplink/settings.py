# qssl.uplink.settings - settings that the server changes: checked, kept through power cuts, told.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.settings import Settings

settings = Settings("settings")
settings.add("interval_s", 300, 10, 86400, "s")
settings.add("host", "server.example", way=True)
up = Uplink(modem, settings["host"], 443, ...)
settings.bind(Inbox(up, "inbox", key, "n1"))
"""
#
# The files are those of qssl.queue: each record there is all that differs from the defaults, and
# the newest one counts. {"v": values, "m": number of the message, "old": the way as it was before
# a trial, "left": attempts, "back": names that went back and of which the server is not told yet}.

import errno
import json

from micropython import const

from ..errors import Refused
from ..queue import FileQueue

_NAME = const(32)  # characters
_TEXT = const(64)  # bytes of a text, unless told
_TOLD = const(12)  # refusals that are told of at a time
_ACCESS = ("apn", "user", "password", "auth", "pin")


class Settings:
    """Settings with types and ranges, which signed messages of the kind "settings" change.

    folder: its files; limit: their bytes. tries: how often the server is tried over a changed way
    before that is taken back; a start of the program counts, too.

    settings[name] is what is in force. Each message is answered by a record {"qssl": "settings",
    "m": number, "values": {...}, "refused": {name: why}, "trial": [names]}. error: the last one of
    the file system or of a watcher, or None.

    Raises: qssl.Refused for arguments; OSError of the file system.
    Blocks: while it reads the files.
    Allocates: little.
    Since: 0.1.
    """

    def __init__(self, folder: str = "/settings", tries: int = 6, limit: int = 8192) -> None:
        if not 1 <= tries <= 100:
            raise Refused(errno.EINVAL, "settings", "tries must be 1 to 100")
        self._queue = FileQueue(folder, limit, "drop", limit // 4)
        self._tries = tries
        self._declared = {}  # name: (type, default, low, high, unit, way)
        self._values = {}
        self._watchers = []  # (name, function)
        self._up = self._inbox = self._recover = self._way = None
        self._moving = False  # the way has changed; it is taken before the next batch
        self._seen = 0  # failures of the uplink that are counted
        self._mark = None  # what had got through when the trial began
        self._owed = None  # the report of what was decided here: refused
        self.error = None
        self._state = {}
        for _, record in self._queue.peek(9, limit):
            try:
                self._state = json.loads(record)
            except ValueError:
                pass  # it can't be: it has its checksum
        if "old" in self._state:
            self._attempt()
        if "back" in self._state:
            self._owed = _undone(self._state["back"])

    def add(
        self,
        name: str,
        default,
        low: float | None = None,
        high: float | None = None,
        unit: str = "",
        way: bool = False,
    ) -> None:
        """Declares a setting. Its type is that of the default: bool, int, float or str.

        low, high: of a number; of a text its length in bytes, else 0 to 64. way: it is of the way
        to the server: a change is tried, and taken back if nothing gets through. Of those host and
        port are the uplink's, apn, user, password, auth and pin its Recovery's.

        Returns: None.
        Raises: qssl.Refused for a default that is not allowed itself.
        Blocks: no.
        Allocates: little.
        Since: 0.1.
        """
        kind = type(default)
        if kind is str:
            low, high = low or 0, _TEXT if high is None else high
        declared = (kind, default, low, high, unit, way)
        why = "is no bool, int, float or str, or its name not 1 to 32 long"
        if kind in (bool, int, float, str) and 0 < len(name) <= _NAME:
            why = _wrong(declared, default)
        if why:
            raise Refused(errno.EINVAL, "settings", "%s: its default %s" % (name, why))
        self._declared[name] = declared
        value = self._state.get("v", {}).get(name, default)
        # What an earlier program has kept may not suit this one.
        self._values[name] = default if _wrong(declared, value) else value

    def __getitem__(self, name):
        return self._values[name]

    def values(self) -> dict:
        """All that is in force.

        Returns: {name: value}.
        Raises: nothing.
        Blocks: no.
        Allocates: the dict.
        Since: 0.1.
        """
        return dict(self._values)

    def watch(self, name: str, function) -> None:
        """function(name, value) is called when the setting has changed. If it raises an exception,
        the setting goes back, and the server is told.

        Returns: None.
        Raises: qssl.Refused for a name that was not declared.
        Blocks: no.
        Allocates: little.
        Since: 0.1.
        """
        if name not in self._declared:
            raise Refused(errno.EINVAL, "settings", "there is no setting %s" % name)
        self._watchers.append((name, function))

    def bind(self, inbox, way=None) -> None:
        """From now on messages of this inbox change the settings. Declare them before.

        way(): is called when the way to the server has changed, and the uplink and its Recovery
        have taken over what is theirs; for what else depends on it.

        Returns: None.
        Raises: qssl.Refused if the inbox has no key.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        if not inbox.signed:
            raise Refused(errno.EINVAL, "settings", "the inbox needs a key: settings are signed")
        up = inbox._up
        self._inbox = inbox
        self._up = up
        self._way = way
        self._recover = up._recover
        up._recover = self  # steps() comes before whatever the uplink does
        inbox.handlers["settings"] = self._message
        self._begin()

    # --- a message ---

    def _message(self, m, body):
        # A handler of the inbox. What it raises (OSError) makes the message come again.
        try:
            what = json.loads(body)
        except Exception:  # whatever parsers make of what comes from outside
            what = None
        if not isinstance(what, dict) or not all(isinstance(n, str) for n in what):
            return "form"
        refused = {}
        new = {}
        for name, value in what.items():
            declared = self._declared.get(name)
            if declared is None:
                refused[name] = "is unknown"
                continue
            why = None
            if value is None:
                value = declared[1]  # null: the default again
            else:
                why = _wrong(declared, value)
            if why:
                refused[name] = why
            else:
                new[name] = float(value) if declared[0] is float else value
        self._together(new, refused)
        before = dict(self._values)
        changed = [name for name in new if new[name] != before[name]]
        self._watched(changed, new, refused)
        changed = [name for name in changed if name not in refused]
        if changed:
            try:
                self._change(m, changed, before)
            except OSError as e:
                self._values = before
                self._watched(changed, before, {})
                if e.errno != errno.EINVAL:
                    raise
                for name in changed:  # more than a record holds
                    refused[name] = "there is no room for it"
        self._report(m, refused)

    def _together(self, new, refused):
        # The way changes as a whole or not at all: a host with the port of another is none.
        bad = [name for name in refused if name in self._declared and self._declared[name][5]]
        if bad:
            for name in list(new):
                if self._declared[name][5]:
                    del new[name]
                    refused[name] = "goes together with what was refused"

    def _watched(self, names, values, refused):
        # Puts values in force and tells the watchers.
        for name in names:
            before = self._values[name]
            self._values[name] = values[name]
            try:
                self._tell(name)
            except Exception as e:  # the program's own word on it
                self.error = e
                self._values[name] = before
                refused[name] = "the program refuses it: %s" % _clipped(str(e))
                try:
                    self._tell(name)
                except Exception:
                    pass  # it has said so already

    def _tell(self, name):
        for watched, function in self._watchers:
            if watched == name:
                function(name, self._values[name])

    def _change(self, m, changed, before):
        old = dict(self._state.get("old", {}))
        way = [name for name in changed if self._declared[name][5]]
        for name in way:
            old.setdefault(name, before[name])
        state = {"v": self._kept(), "m": m}
        if old:
            state["old"] = old
            state["left"] = self._tries if way else self._state["left"]
        self._save(state)
        self._moving = self._moving or bool(way)

    def _kept(self):
        # What differs from the defaults; with it what only another program knows.
        kept = dict(self._state.get("v", {}))
        for name, value in self._values.items():
            if value == self._declared[name][1]:
                kept.pop(name, None)
            else:
                kept[name] = value
        return kept

    def _save(self, state):
        number = self._queue.put(json.dumps(state).encode())
        self._queue.drop(number - 2)  # one more, should this one be damaged
        self._state = state

    def _saved(self, state):
        # Where nobody could do anything about a failure: it is as said until the power goes.
        try:
            self._save(state)
        except OSError as e:
            self.error = e
            self._state = state

    def _report(self, m, refused):
        what = {"qssl": "settings", "m": m, "values": self._values}
        if refused:
            told = sorted(refused)[:_TOLD]
            what["refused"] = {_clipped(name): refused[name] for name in told}
        if "old" in self._state:
            what["trial"] = sorted(self._state["old"])
        for less in ("values", "refused", "trial"):
            more = len(refused) - len(what.get("refused", ()))
            if more:
                what["more"] = more
            try:
                self._up.put(json.dumps(what))
                return
            except OSError as e:
                if e.errno != errno.EINVAL:
                    raise
                self.error = e  # longer than a record can be
                what.pop(less, None)

    # --- the way to the server, tried ---

    def steps(self, failures=0):
        # In the place of the uplink's Recovery.
        try:
            self._look()
        except OSError as e:
            self.error = e
        if self._recover is not None:
            yield from self._recover.steps(failures)

    def _begin(self):
        self._seen = self._up.failures
        self._mark = self._through()

    def _through(self):
        return self._up.delivered + self._inbox._asks

    def _look(self):
        up = self._up
        if self._owed is not None:
            self._report(self._state.get("m", 0), self._owed)
            self._owed = None
            state = dict(self._state)
            if state.pop("back", None):
                self._saved(state)
        if self._moving:
            self._go()
        elif "old" in self._state:
            if self._through() != self._mark:
                state = dict(self._state)
                del state["old"], state["left"]
                self._saved(state)
                self._owed = {}
            elif up.failures > self._seen:
                self._attempt()
                if "old" not in self._state:
                    for name in self._state["back"]:
                        try:
                            self._tell(name)
                        except Exception as e:
                            self.error = e
                    self._go()
        self._seen = up.failures

    def _attempt(self):
        # One more has failed, or the program has started anew. The last one: back again.
        state = dict(self._state)
        state["left"] -= 1
        if state["left"] <= 0:
            del state["left"]
            old = state.pop("old")
            state["v"] = dict(state["v"])
            for name, value in old.items():
                state["v"][name] = value
                if name in self._values:
                    self._values[name] = value
            state["back"] = sorted(old)
            self._owed = _undone(state["back"])
        self._saved(state)

    def _go(self):
        # Puts the way in place, and gives it all attempts from the first on.
        self._moving = False
        up = self._up
        up._drop()
        host, port, ctx = up._to
        now = self._values
        up._to = (now.get("host", host), now.get("port", port), ctx)
        head = getattr(up._carrier, "_head", None)
        if head is not None:
            was, to = [b"\r\nHost: %s\r\n" % h.encode() for h in (host, up._to[0])]
            up._carrier._head = head.replace(was, to, 1)
        access = getattr(self._recover, "_access", None)
        for name in _ACCESS if access is not None else ():
            if name in now and access.get(name) != now[name]:
                access[name] = now[name]
                up._modem.up = False  # it starts with that
        up.failures = up._silent = 0
        self._begin()
        if self._way is not None:
            self._way()


def _undone(names):
    refused = {}
    for name in names:
        refused[name] = "nothing got through; it is as before"
    return refused


def _clipped(text):
    return text if len(text) <= _NAME else text[:_NAME] + "..."


def _wrong(declared, value):
    # Why a value is none for this setting; None: it is one.
    kind, _, low, high, unit, way = declared
    what = type(value)
    if kind is bool:
        return None if what is bool else "must be true or false"
    if kind is str:
        if what is not str:
            return "must be a text"
        for c in value:
            if c < " " or (way and not "!" <= c <= "~") or (way and c == '"'):
                return "holds a character that it must not"
        if not low <= len(value.encode()) <= high:
            return "must have %d to %d bytes" % (low, high)
        return None
    if kind is int and what is not int:
        return "must be a whole number"
    if what is not int and what is not float:
        return "must be a number"
    if value - value != 0:
        return "must be a finite number"
    if low is not None and value < low:
        return "must be %s at least" % ("%s %s" % (low, unit)).strip()
    if high is not None and value > high:
        return "must be %s at most" % ("%s %s" % (high, unit)).strip()
    return None
