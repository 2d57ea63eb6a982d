# test_update - new versions of the program: started once, kept once they have reached the server;
# else the old one is back. Through power cuts at any byte.
# SPDX-License-Identifier: MIT

import json
import sys

from both_kit import DEVICE, HOST, KEY, message
from disk import Disk, PowerCut
from driver_kit import raised
from files_kit import FileServer, Plain, digest, noise, picked
from qssl.errors import Refused
from qssl.https import Https
from qssl.queue import FileQueue, RamQueue
from qssl.uplink import Uplink, fetch, update
from qssl.uplink.files import Files
from qssl.uplink.inbox import Inbox
from qssl.uplink.update import Update

INSIDE = (
    "test_versions_that_do_not_work",
    "test_it_restarts_when_the_records_have_gone",
    "test_what_is_refused",
    "test_manifests_that_are_none",
    "test_the_version_that_runs_is_not_what_is_replaced",
    "test_power_cut_at_every_byte",
    "test_a_year_of_twelve_updates_two_of_them_bad",
)

BOARD = "pico"
MICROPYTHON = sys.implementation.name == "micropython"


class Reset(Exception):
    # The board has restarted.
    pass


class Device:
    # A board with main.py and a program, which is the same in all versions; what a version does
    # differently the test says: behave[version] = "crash" (when it is imported), "hang", "mute"
    # (reaches no server), "wipe".
    def __init__(self, server, disk=None, behave=None, durable=True, nap_ms=5000):
        self.server = server
        self.disk = disk or Disk()
        self.behave = behave or {}
        self.durable = durable
        self.nap_ms = nap_ms
        self.boots = []  # what ran: (slot, trial)
        self.keywords = {"restart": self.reset}
        self.mute = False
        self.crowded = False  # the queue takes nothing when the program starts
        self.ram = None
        if not self.disk.folders:
            self.disk.folders.add("/app")
            self.disk.folders.add("/app/0")
            self.disk.files["/app/0/app.py"] = bytearray(b"0.9")

    def reset(self):
        raise Reset

    def boot(self):
        # From power on to where the program works; raises Reset where it does not get there.
        self.disk.mount(fetch, update)
        slot, trial = picked(self.disk)
        self.boots.append((slot, trial))
        sys.path[:] = [p for p in sys.path if not p.startswith("/app/")]
        path = "/app/%d" % slot
        sys.path.insert(0, path)
        try:
            version = str(self.disk.files[path + "/app.py"], "ascii")
        except KeyError:
            version = None
        assert version is not None or trial, "the program is not there"
        does = self.behave.get(version)
        if does == "crash" or does == "hang" or version is None:
            # main.py resets the board, or the watchdog does.
            assert trial
            raise Reset
        self.modem = modem = Plain(self.server, 1, self.nap_ms)
        modem.unreachable = (HOST,) if does == "mute" or self.mute else ()
        if self.durable:
            queue = FileQueue("/records", 2048, "drop", 512)
        else:
            queue = self.ram = self.ram or RamQueue()
        self.up = Uplink(modem, HOST, 443, modem, Https(HOST, "/in"), queue)
        self.inbox = Inbox(self.up, "/inbox", KEY, DEVICE, 300, 512, 2048)
        self.files = Files(self.up, "token", None, 1024, 0)
        keywords = dict({"version": "0.9"}, **self.keywords)
        put = self.up.put
        if self.crowded:
            self.up.put = _full
        self.update = Update(self.files, self.inbox, BOARD, **keywords)
        self.up.put = put

    def _done(self):
        busy = self.server.messages or self.files.jobs or len(self.up.queue) or self.update._owed
        return not busy and not self.update.trial and not self.update.ready

    def to_trial(self):
        # Until it runs the new version for the first time.
        try:
            self.boot()
            while True:
                self.up.step()
                self.modem.wait(None)
        except Reset:
            self.boot()
        assert self.update.trial

    def live(self, s=1200, idle=False):
        # Runs for so long, through all resets. Returns how many there were. idle: until there is
        # nothing more to do.
        resets = 0
        while True:
            try:
                if not self.boots or resets:
                    self.boot()
                end = self.modem.now + s * 1000
                while self.modem.now < end:
                    self.up.step()
                    if idle and self._done():
                        return resets
                    self.modem.wait(None)
                return resets
            except Reset:
                resets += 1
                assert resets < 10

    def start(self, s=1200, idle=False):
        self.boots = []
        return self.live(s, idle)

    def versions(self):
        return sorted(n for n in self.disk.listdir("/app") if "." not in n and n != "state")


class Server(FileServer):
    def __init__(self):
        FileServer.__init__(self)
        self.number = 0

    def release(self, version, board=BOARD, files=None, **changes):
        # Puts a version there; returns the body of the message.
        files = files or {"app.py": version.encode(), "lib/a.bin": DATA}
        listed = []
        for name in sorted(files):
            data = files[name]
            self.files["/files/" + digest(data)] = data
            listed.append({"name": name, "size": len(data), "sha256": digest(data)})
        what = dict({"version": version, "board": board, "files": listed}, **changes)
        text = json.dumps(what).encode()
        self.files["/files/" + digest(text)] = text
        return {
            "version": version,
            "board": board,
            "url": "/files/" + digest(text),
            "size": len(text),
            "sha256": digest(text),
        }

    def roll(self, body, **keywords):
        self.number += 1
        text = body if isinstance(body, str) else json.dumps(body)
        self.send(self.number, message(self.number, text, "update", **keywords))

    def told(self):
        # [(version, state, why)] in order, without repeats.
        found = []
        for r in self.ledger.values():
            if r.get("qssl") == "update":
                one = (r["version"], r["state"], r.get("why"))
                if one not in found:
                    found.append(one)
        return found


DATA = noise(3000)


def _full(record):
    raise OSError(28)


def good(version):
    return [(version, state, None) for state in ("loading", "ready", "trial", "kept")]


def test_a_new_version_comes_and_stays():
    server = Server()
    d = Device(server)
    server.roll(server.release("1.0"))
    assert d.live() == 1
    assert server.told() == good("1.0")
    assert d.boots == [(0, False), (1, True)] and not d.update.trial
    assert d.update.version == "1.0" and d.versions() == ["1"]
    assert d.disk.files["/app/1/lib/a.bin"] == DATA
    assert d.start() == 0 and d.boots == [(1, False)] and d.versions() == ["1"]
    # What is the same in the next one is not sent again.
    before = server.payload
    server.roll(server.release("1.1"))
    assert d.live() == 1 and d.boots == [(1, False), (2, True)] and d.versions() == ["2"]
    assert server.payload - before < 700
    assert server.told() == good("1.0") + good("1.1")
    assert d.disk.files["/app/2/lib/a.bin"] == DATA
    last = server.ledger.values()[-1]
    assert last == {
        "qssl": "update",
        "m": 2,
        "version": "1.1",
        "state": "kept",
        "running": "1.1",
    }


def test_versions_that_do_not_work():
    for does in ("crash", "hang", "mute"):
        server = Server()
        d = Device(server, behave={"1.0": does})
        server.roll(server.release("1.0"))
        assert d.live(4000, True) == 2, does
        d.start(600, True)
        assert server.told()[:2] == good("1.0")[:2] and server.told()[-1] == ("1.0", "back", None)
        assert d.boots == [(0, False)] and d.versions() == ["0"], does
        assert sorted(d.disk.listdir("/app")) == ["0", "state"]
        # The next one is none the worse for it, and then one more that is bad.
        server.roll(server.release("1.1"))
        assert d.live() == 1 and d.versions() == ["1"] and server.told()[-4:] == good("1.1")
        server.roll(server.release("1.0", files={"app.py": b"1.0", "b": b"b"}))
        assert d.live(4000, True) == 2
        d.start(600, True)
        assert d.boots == [(1, False)] and d.versions() == ["1"] and d.update.version == "1.1"
        assert server.ledger.values()[-1]["state"] == "back"
        assert server.ledger.values()[-1]["running"] == "1.1"


def test_the_power_goes_in_the_trial():
    server = Server()
    d = Device(server)
    server.roll(server.release("1.0"))
    d.mute = False
    d.to_trial()
    d.start(600)
    assert d.boots == [(0, False)] and server.told()[-1][1] == "back"


def test_a_trial_that_ends_while_the_board_sleeps():
    for days in (1, 7, 9):
        server = Server()
        d = Device(server, behave={"1.0": "mute"})
        server.roll(server.release("1.0"))
        d.to_trial()
        d.up.step()
        d.modem.sleep(days * 86400000)
        try:
            for _ in range(20):
                d.up.step()
                d.modem.wait(None)
        except Reset:
            continue
        raise AssertionError("it goes on after %d days" % days)


def test_check_has_a_word():
    server = Server()
    d = Device(server)
    asked = []
    d.keywords["check"] = lambda: asked.append(1) or len(asked) > 50
    server.roll(server.release("1.0"))
    assert d.live() == 1 and server.told() == good("1.0") and len(asked) == 51
    d.keywords["check"] = lambda: False
    server.roll(server.release("1.1"))
    d.start(4000)
    d.start(600)
    assert d.update.version == "1.0" and server.told()[-1] == ("1.1", "back", None)


def test_it_restarts_when_the_records_have_gone():
    server = Server()
    d = Device(server)
    server.roll(server.release("1.0"))
    d.boot()
    d.update._restart = None
    while not d.update.ready:
        d.up.step()
        d.modem.wait(None)
    d.update._restart = d.reset
    server.answer = lambda *args: 503
    d.up.put(b"{}")
    now = d.modem.now
    end = None
    try:
        while d.modem.now - now < 7200000:
            d.up.step()
            d.modem.wait(None)
    except Reset:
        end = d.modem.now - now
    assert end is not None and 3500000 < end < 4000000, end


def test_what_is_refused():
    server = Server()
    fine = server.release("1.0")
    longer = dict(fine, version="x" * 33)
    for body, why in (
        ("x", "form"),
        ("[]", "form"),
        ({}, "form"),
        (longer, "form"),
        (dict(fine, size=-1), "form"),
        (dict(fine, size="1"), "form"),
        (dict(fine, size=True), "form"),
        (dict(fine, size=1 << 20), "form"),
        (dict(fine, sha256="00"), "form"),
        (dict(fine, sha256=7), "form"),
        (dict(fine, url=""), "form"),
        (dict(fine, url="/a b"), "form"),
        (dict(fine, board="esp32"), "board"),
        (dict(fine, sha256="0" * 64), "hash"),
        (dict(fine, size=fine["size"] + 1), "size"),
        (dict(fine, url="/none"), "status"),
        (dict(fine, url="http://x/y"), "url"),
        (server.release("1.0", "esp32"), "board"),
        (dict(server.release("1.0", "esp32"), board=BOARD), "manifest"),
        (dict(server.release("1.1"), version="1.0"), "manifest"),
    ):
        d = Device(server)
        server.number = 0
        server.messages = {}
        server.ledger.__init__()
        server.roll(body)
        d.live(4000, True)
        told = server.ledger.values()
        if why == "form":
            assert told == [{"qssl": "inbox", "m": 1, "refused": "form"}], body
        else:
            assert told[-1]["state"] == "failed" and told[-1]["why"] == why, (body, told)
        assert d.boots == [(0, False)] and d.versions() == ["0"], (body, d.disk.listdir("/app"))


def test_manifests_that_are_none():
    one = {"name": "app.py", "size": 3, "sha256": digest(b"1.0")}
    for changes in (
        {"files": []},
        {"files": {}},
        {"files": "app.py"},
        {"files": [7]},
        {"files": [one] * 65},
        {"files": [dict(one, name="other.py")]},  # there is no app
        {"files": [one, dict(one, name="../main.py")]},
        {"files": [one, dict(one, name="/main.py")]},
        {"files": [one, dict(one, name="a//b")]},
        {"files": [one, dict(one, name="a/")]},
        {"files": [one, dict(one, name="./a")]},
        {"files": [one, dict(one, name="manifest.json")]},
        {"files": [one, dict(one, name="a\\b")]},
        {"files": [one, dict(one, name="a b")]},
        {"files": [one, dict(one, name=7)]},
        {"files": [one, dict(one, name="b", size=-1)]},
        {"files": [one, dict(one, name="b", sha256="x" * 64)]},
        {"files": [one, dict(one, name="b", url=7)]},
        {"files": None},
        {"version": 7, "files": [one]},
    ):
        server = Server()
        d = Device(server)
        server.roll(plain(server, changes))
        d.live(600, True)
        assert server.told()[-1] == ("1.0", "failed", "manifest"), (changes, server.told())
        assert d.versions() == ["0"]


def plain(server, changes):
    # A release whose manifest says something else.
    what = dict({"version": "1.0", "board": BOARD}, **changes)
    text = json.dumps(what).encode()
    url = "/files/" + digest(text)
    server.files[url] = text
    return {
        "version": "1.0",
        "board": BOARD,
        "url": url,
        "size": len(text),
        "sha256": digest(text),
    }


def test_forged():
    # Another key, another device, one that was sent before; a file that is not what was signed.
    server = Server()
    d = Device(server)
    body = server.release("1.0")
    server.roll(body, key=bytes(32))
    server.roll(body, device="n2")
    assert d.live(600) == 0 and server.told() == [] and d.inbox.refused >= 2
    server.messages.clear()
    server.files["/files/" + digest(DATA)] = noise(3000, 7)
    server.roll(body)
    assert d.live(4000) == 0 and server.told()[-1] == ("1.0", "failed", "hash")
    server.files["/files/" + digest(DATA)] = DATA
    replayed = message(server.number, json.dumps(body), "update")
    server.messages[server.number] = replayed
    assert d.live(600) == 0 and server.told()[-1] == ("1.0", "failed", "hash")
    server.roll(body)
    assert d.live(600) == 1 and server.told()[-1] == ("1.0", "kept", None)


def test_another_one_while_one_comes():
    server = Server()
    d = Device(server)
    first = server.release("1.0")
    server.fate = lambda n, path, *_: "silence" if path.endswith(digest(DATA)) else None
    server.roll(first)
    assert d.live(600) == 0 and d.files.jobs
    server.fate = lambda *_: None
    server.roll(server.release("1.1"))
    assert d.live(600) == 1 and d.versions() == ["1"] and d.update.version == "1.1"
    assert ("1.0", "ready", None) not in server.told()
    assert ("1.0", "failed", "replaced") in server.told()
    # The version that runs: nothing is to be done, and what comes is given up.
    server.fate = lambda n, path, *_: "silence"
    server.roll(server.release("1.2"))
    assert d.live(600) == 0 and d.files.jobs
    server.roll(server.release("1.1"))
    assert d.live(600) == 0 and not d.files.jobs and d.versions() == ["1"]
    assert server.ledger.values()[-1]["version"] == "1.1"


def test_the_version_that_runs_is_not_what_is_replaced():
    # The power is cut when it is marked and not told yet, and then the queue has no room for that:
    # what comes next does not take the ground from under it.
    server = Server()
    d = Device(server, behave={"1.1": "crash"})
    d.keywords["check"] = lambda: False
    server.roll(server.release("1.0"))
    d.live(600)
    assert d.boots == [(0, False), (1, True)] and d.update.trial
    d.disk.files["/app/1.ok"] = bytearray()
    d.crowded = True
    server.roll(server.release("1.1"))
    assert d.start(4000, True) == 2
    # Nor is the one that came back tried again, as it can't be told either.
    assert d.boots == [(1, False), (2, True), (1, False)] and d.versions() == ["1", "2"]
    d.crowded = False
    assert d.start(600, True) == 0 and d.boots == [(1, False)] and d.versions() == ["1"]
    told = server.told()
    assert told[0:3] == good("1.0")[:3] and ("1.0", "failed", "replaced") not in told
    assert [what for what in told if what[1] in ("kept", "back")] == [
        ("1.0", "kept", None),
        ("1.1", "back", None),
    ]


def test_a_full_file_system():
    # At any moment: told, and the old one runs.
    server = Server()
    body = server.release("1.0")
    stages = set()
    by = 4 if MICROPYTHON else 1
    for room in list(range(0, 700, 37 * by)) + list(range(700, 4600, 300 * by)):
        server.messages = {}
        server.number = 0
        server.ledger.__init__()
        d = Device(server, durable=False, nap_ms=2000)
        d.boot()
        server.roll(body)
        d.disk.room = room
        resets = d.live(400)
        d.disk.room = None
        d.start(400)
        told = server.told()
        if resets:
            assert room > 3000 and d.update.version == "1.0", room
            continue
        stages.add(len(told))
        if d.update.version == "1.0":
            continue  # no room for the message itself: it came again
        assert told[-1] == ("1.0", "failed", "space"), (room, told)
        assert d.versions() == ["0"], room
        # Then there is room.
        server.roll(body)
        d.start(400)
        assert d.update.version == "1.0", room
    assert len(stages) > 1, stages
    d = Device(server, durable=False)
    assert d.live(60) == 0
    d.disk.room = 0  # main.py can't note a trial: it makes none
    d.disk.files["/app/1.try"] = bytearray()
    d.disk.folders.add("/app/1")
    assert picked(d.disk) == (0, False)
    d.disk.room = None
    assert picked(d.disk) == (1, True) and picked(d.disk) == (0, False)


def test_power_cut_at_every_byte():
    # Whenever the power goes: a version that is whole runs, and in the end the new one; or, if it
    # went in its trial, the old one, and that is told.
    server = Server()
    body = server.release("1.0", files={"app.py": b"1.0", "l/b": noise(40)})
    d = Device(server)
    server.roll(body)
    d.live(60, True)
    total = d.disk.written
    assert d.update.version == "1.0" and total > 700, total
    backs = 0
    for cut in range(0, total, 29 if MICROPYTHON else 1):
        server = Server()
        body = server.release("1.0", files={"app.py": b"1.0", "l/b": noise(40)})
        server.roll(body)
        d = Device(server, nap_ms=2000)
        d.disk.cut = cut
        try:
            d.live(60, True)
        except PowerCut:
            pass
        else:
            raise AssertionError(cut)
        d.disk.cut = None
        d.start(60, True)
        d.start(60, True)
        told = server.told()
        if d.update.version == "1.0":
            assert d.versions() == ["1"] and d.disk.files["/app/1/l/b"] == noise(40), cut
            assert told[-1] == ("1.0", "kept", None), (cut, told)
        else:
            backs += 1
            assert d.versions() == ["0"] and told[-1] == ("1.0", "back", None), (cut, told)
            server.roll(body)
            d.start(60, True)
            assert d.update.version == "1.0", cut
    assert 0 < backs < total // 4, backs


def test_a_year_of_twelve_updates_two_of_them_bad():
    server = Server()
    d = Device(server, behave={"1.4": "crash", "1.9": "mute"})
    d.live(10)
    runs = "0.9"
    for n in range(12):
        version = "1.%d" % n
        server.roll(server.release(version))
        d.start(4000, True)
        d.start(4000, True)
        if version not in ("1.4", "1.9"):
            runs = version
        assert d.update.version == runs, version
        state = "kept" if runs == version else "back"
        assert server.told()[-1] == (version, state, None)
    assert len(d.versions()) == 1
    names = sorted(d.disk.listdir("/app"))
    assert len(names) == 5, names  # its folder, three markers, what it keeps


def test_arguments_that_can_not_be_right():
    d = Device(Server())
    d.boot()
    for board in ("", "x" * 33, None):
        assert isinstance(raised(Update, d.files, d.inbox, board), Refused)
    d.inbox.signed = False
    assert isinstance(raised(Update, d.files, d.inbox, BOARD), Refused)
    # Not started by main.py: nothing is done, and told.
    d.inbox.signed = True
    sys.path[:] = [p for p in sys.path if not p.startswith("/app/")]
    server = d.server
    update = Update(d.files, d.inbox, BOARD)
    server.roll(server.release("1.0"))
    d.up.put(b'{"n":1}')
    while len(d.up.queue) or not update._inbox.taken:
        d.up.step()
        d.modem.wait(None)
    d.up.run(60)
    assert server.told() == [("1.0", "failed", "main")]
