# qssl.uplink.update - a new version of the program: beside the old one, started once, kept when it
# has reached the server; else the old one comes back.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.files import Files
from qssl.uplink.update import Update

update = Update(Files(up, token), inbox, "pico", machine.reset)
"""
#
# A message of the kind "update" names a manifest, a file with the names and hashes of all files.
# They go into a folder N of their own, see examples/update/main.py, which starts the versions. The
# markers there, empty files, are all that it knows: N.try is made once all of N is there; N.ok
# once it has reached the server. What was asked for is in files of qssl.queue, the newest counts.

import errno
import json
import os
import sys

from micropython import const

from ..errors import Refused
from ..queue import FileQueue
from .files import Trouble
from .seconds import Seconds

_TRIES = const(8)  # of each file, in a row
_FILES_MAX = const(64)
_MANIFEST_MAX = const(16384)  # bytes
_WORD_MAX = const(32)  # characters of a version or a board
_NAME_MAX = const(64)
_URL_MAX = const(300)
_WAIT_S = const(3600)  # for the records to go, before it restarts
_AGAIN_S = const(60)
_LIST = "manifest.json"


class Update:
    """Updates of the program, by signed messages of the kind "update".

    files: a Files; inbox: an Inbox with a key. board: what is to stand in an update for this one.
    restart: is called when a new version is ready and the records have gone, after an hour at the
    latest, and should not return: machine.reset; without it the program looks at .ready itself.
    folder: where main.py of examples/update has the versions. version: of this one, where it was
    put there by hand. trial_s: a new version that has reached the server by then is kept, else
    restart() is called, and the old one comes back. check: is asked, too, before it is kept.

    Each step is told in a record {"qssl": "update", "m": number of the message, "version": its
    version, "state": word, "running": the version that runs}: "loading", "ready", "trial", "kept";
    "failed" with "why"; "back": the new one did not prove itself. trial: this is one. error: the
    last one of the file system.

    Raises: qssl.Refused for arguments; OSError of the file system.
    Blocks: while it reads the files.
    Allocates: little; while a version comes, the names of its files.
    Since: 0.2.
    """

    def __init__(
        self,
        files,
        inbox,
        board: str,
        restart=None,
        folder: str = "/app",
        version: str = "",
        trial_s: int = 3600,
        check=None,
    ) -> None:
        if not inbox.signed:
            raise Refused(errno.EINVAL, "update", "the inbox needs a key: updates are signed")
        if not isinstance(board, str) or not 0 < len(board) <= _WORD_MAX:
            raise Refused(errno.EINVAL, "update", "board must have 1 to 32 characters")
        self._files = files
        self._up = files._up
        self._inbox = inbox
        self._board = board
        self._restart = restart
        self._folder = folder.rstrip("/")
        self._check = check
        self._owed = []  # records that could not be put yet
        self._list = None  # files of the version that comes
        self._at = 0  # of them the one that comes
        self.error = None
        self.ready = False
        try:
            os.mkdir(self._folder)
        except OSError as e:
            if e.errno != errno.EEXIST:
                raise
        self._queue = FileQueue(self._folder + "/state", 4096, "drop", 1536)
        self._job = {}
        for _, record in self._queue.peek(9, 4096):
            self._job = json.loads(record)
        self.slot = self._running()
        found = self._versions()
        self.version = version
        shown = self._manifest(self.slot)
        if shown is not None:
            self.version = shown["version"]
        kinds = found.get(self.slot, ())
        self.trial = "ran" in kinds and "ok" not in kinds
        self._mark = self._through()
        self._time = Seconds().now
        self._due = trial_s
        if self.trial:
            self._tell("trial")
            inbox._want = True  # a Policy is not to wait for hours
        elif self.slot is not None:
            if self._job.get("n") == self.slot:
                # The power was cut before that was told.
                self._over(self._tell("kept"))
            self._clean(found)
            if "n" in self._job and self._job["n"] != self.slot:
                self._resume(found.get(self._job["n"], ()))
        files.look = self._look
        inbox.handlers["update"] = self._message

    # --- what lies there ---

    def _running(self):
        # The number of the version that runs; None: main.py has not started it.
        start = self._folder + "/"
        for path in sys.path:
            if path.startswith(start) and path[len(start) :].isdigit():
                return int(path[len(start) :])
        return None

    def _versions(self):
        # {number: kinds}: "" stands for its folder.
        found = {}
        for name in os.listdir(self._folder):
            number, _, kind = name.partition(".")
            if number.isdigit() and kind in ("", "try", "ran", "ok"):
                found.setdefault(int(number), []).append(kind)
        return found

    def _path(self, slot, name=""):
        return "%s/%d%s" % (self._folder, slot, name)

    def _marked(self, slot, kind):
        open(self._path(slot, "." + kind), "wb").close()

    def _manifest(self, slot):
        # What is known of a version; None: nothing.
        if slot is None:
            return None
        try:
            with open(self._path(slot, "/" + _LIST), "rb") as f:
                what = json.loads(f.read(_MANIFEST_MAX))
            if _text(what["version"], _WORD_MAX):
                return what
        except Exception:  # whatever parsers make of it
            pass
        return None

    def _clean(self, found):
        # Removes what is of no use. A version that did not prove itself is told first.
        for slot in sorted(found):
            kinds = found[slot]
            coming = slot == self._job.get("n") and "ran" not in kinds
            if slot == self.slot or coming:
                continue
            if "ran" in kinds and "ok" not in kinds:
                job = self._job
                if job.get("n") != slot:
                    what = self._manifest(slot) or {}
                    job = {"version": what.get("version", "")}
                told = self._tell("back", None, job)
                if job is self._job:
                    self._over(told)
                if not told:
                    continue  # after another start
            self._wipe(slot)

    def _wipe(self, slot):
        # No .try without .ran may be left of a version that has failed.
        for kind in ("try", "ran", "ok"):
            try:
                os.remove(self._path(slot, "." + kind))
            except OSError:
                pass
        try:
            _emptied(self._path(slot))
        except OSError as e:
            if e.errno != errno.ENOENT:
                self.error = e

    # --- what is told ---

    def _tell(self, state, why=None, job=None):
        # False: it could not be put yet.
        job = job or self._job
        what = {
            "qssl": "update",
            "m": job.get("m", 0),
            "version": job.get("version", self.version),
            "state": state,
            "running": self.version,
        }
        if why:
            what["why"] = why
        self._owed.append(json.dumps(what))
        return self._told()

    def _told(self):
        while self._owed:
            try:
                self._up.put(self._owed[0])
            except OSError as e:
                self.error = e
                return False
            self._owed.pop(0)
        return True

    def _save(self, job):
        number = self._queue.put(json.dumps(job).encode())
        self._queue.drop(number - 2)
        self._job = job

    def _over(self, told):
        # Nothing comes any more. What could not be told yet is after another start, at the latest.
        if told:
            self._forget()
        self._job = {}

    def _forget(self):
        try:
            self._save({})
        except OSError as e:
            self.error = e  # it is found out again after the next start
            self._job = {}

    # --- a message ---

    def _message(self, m, body):
        # A handler of the inbox. What it raises (OSError) makes the message come again.
        try:
            what = json.loads(body)
            version, url, size = what["version"], what["url"], what["size"]
            hash, board = what["sha256"], what["board"]
            good = _text(version, _WORD_MAX) and _text(url, _URL_MAX) and _text(board, _WORD_MAX)
            good = good and _whole(size, _MANIFEST_MAX) and _digits(hash)
        except Exception:  # whatever parsers make of what comes from outside
            good = False
        if not good:
            return "form"
        if self.trial:
            raise OSError(errno.EAGAIN)  # first this one has to be decided
        if self._job.get("m") == m and self._job.get("sha256") == hash:
            return None  # the power was cut before it was acknowledged
        job = {"m": m, "version": version, "url": url, "size": size, "sha256": hash}
        why = None
        if board != self._board:
            why = "board"
        elif self.slot is None:
            why = "main"
        if why:
            self._tell("failed", why, job)
            return None
        self._stop()
        if version == self.version:
            self._tell("kept", None, job)  # it is here
            return None
        job["n"] = max(list(self._versions()) + [0]) + 1
        self._save(job)
        self._tell("loading")
        self._load()
        return None

    def _stop(self):
        # What comes or is ready is not wanted any more.
        if "n" in self._job:
            for job in list(self._files.jobs):
                if job.to.startswith(self._path(self._job["n"], "/")):
                    self._files.cancel(job)
            self.ready = False
            self._list = None
            slot = self._job["n"]
            self._tell("failed", "replaced")
            self._save({})
            self._wipe(slot)

    # --- the files ---

    def _resume(self, kinds):
        # After a restart.
        if "try" in kinds:
            self._is_ready()
        else:
            self._load()

    def _load(self):
        job = self._job
        self._list = None
        try:
            _made(self._path(job["n"]))
        except OSError as e:
            self._fail("space" if e.errno == 28 else "write")
            return
        to = self._path(job["n"], "/" + _LIST)
        self._get(job["url"], to, job["sha256"], job["size"])

    def _get(self, url, to, hash, size, like=None):
        self._files.start(url, to, hash, size, self._got, _TRIES, like)

    def _got(self, job):
        # A file has come, or will not.
        if job.error is not None:
            self._fail(job.word or "write")
            return
        try:
            if self._list is None:
                self._read()
            self._next()
        except Trouble as e:
            self._fail(e.word)
        except OSError as e:
            self.error = e
            self._fail("space" if e.errno == 28 else "write")

    def _read(self):
        job = self._job
        what = self._manifest(job["n"])
        try:
            fine = what["version"] == job["version"] and what["board"] == self._board
            names = what["files"]
            fine = fine and 0 < len(names) <= _FILES_MAX
            for f in names:
                fine = fine and _path_fine(f["name"]) and _whole(f["size"], 1 << 28)
                fine = fine and _digits(f["sha256"]) and _text(f.get("url", "/"), _URL_MAX)
            starts = [f["name"] for f in names if f["name"] in ("app.py", "app.mpy")]
        except Exception:  # whatever parsers make of what comes from outside
            fine = False
        if not fine or not starts:
            raise Trouble("manifest", "")
        self._list = names
        self._at = -1
        need = self._files.spare
        for f in names:
            if not _there(self._path(job["n"], "/" + f["name"])):
                need += f["size"]
        try:
            s = os.statvfs(self._folder)
        except (AttributeError, OSError):
            return
        if s[0] * s[4] < need:
            raise Trouble("space", "")

    def _next(self):
        self._at += 1
        slot = self._job["n"]
        files = self._list or ()
        if self._at < len(files):
            f = files[self._at]
            name = "/" + f["name"]
            at = name.find("/", 1)
            while at > 0:
                _made(self._path(slot, name[:at]))
                at = name.find("/", at + 1)
            url = f.get("url") or "/files/" + f["sha256"]
            like = None if self.slot is None else self._path(self.slot, name)
            self._get(url, self._path(slot, name), f["sha256"], f["size"], like)
            return
        self._list = None
        self._marked(slot, "try")
        self._tell("ready")
        self._is_ready()

    def _is_ready(self):
        self.ready = True
        self._due = self._time() + _WAIT_S

    def _fail(self, word):
        slot = self._job["n"]
        self._list = None
        self._tell("failed", word)
        self._forget()
        self._wipe(slot)

    # --- before each step of the uplink ---

    def _through(self):
        return self._up.delivered + self._inbox._asks

    def _look(self):
        if self._owed:
            self._told()
        if self.trial:
            if self._through() != self._mark and (self._check is None or self._check()):
                self._keep()
            elif self._time() >= self._due:
                self._go()
        elif self.ready:
            gone = not len(self._up.queue) and not self._owed
            if gone or self._time() >= self._due:
                self._go()

    def _go(self):
        if self._restart is not None:
            self._restart()
            self._due = self._time() + _AGAIN_S

    def _keep(self):
        # It has reached the server.
        self._marked(self.slot, "ok")
        self.trial = False
        self._tell("kept")
        self._forget()
        self._clean(self._versions())


def _made(path):
    try:
        os.mkdir(path)
    except OSError as e:
        if e.errno != errno.EEXIST:
            raise


def _there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _emptied(path):
    # Removes a folder with all that is in it.
    for name in os.listdir(path):
        name = path + "/" + name
        if os.stat(name)[0] & 0x4000:
            _emptied(name)
        else:
            os.remove(name)
    os.rmdir(path)


def _text(value, most):
    # A text of printable ASCII.
    return (
        isinstance(value, str)
        and 0 < len(value) <= most
        and all(" " < c <= "~" and c != '"' for c in value)
    )


def _whole(value, most):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _digits(value):
    return (
        isinstance(value, str)
        and len(value) == 64
        and all("0" <= c <= "9" or "a" <= c <= "f" for c in value)
    )


def _path_fine(name):
    # Where it goes is within the version's folder.
    if not _text(name, _NAME_MAX) or name == _LIST or "\\" in name or ":" in name:
        return False
    return all(part and part[0] != "." for part in name.split("/"))
