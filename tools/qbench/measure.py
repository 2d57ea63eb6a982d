# qbench.measure - runs the measurements and makes rows of them.
# SPDX-License-Identifier: MIT

import contextlib

from qbench import need, size
from qbench.device import Device
from qbench.rows import Row
from qbench.unix import Unix

BAUDS = (115200, 460800, 921600)
# Full chunks, command and answer counted (manual 2.2.3, 2.2.4): payload, bytes on the wire
RECEIVE = (1500, 19 + 19 + 1500 + 8)
SEND = (1460, 20 + 4 + 1460 + 11)
_UNIX_32 = "32-bit unix port"
_BOARD = "emulated board"
_MODULE = "%s.mpy"
# To pass with a limit: on a busy computer, when the modem answers decides some of it; and where
# the gaps in the heap lie, so that a little less may do where more does not.
_TRIES = 4
_LESS = 48  # bytes
# What the wire carries for a full command each way, the echo while it is typed, and how often the
# simulated line of scripts/turns.py waits for the modem: 0.3 ms each in the mean.
_ROUNDS = {"recv": (1500, 19 + 19 + 1500 + 8, 1), "send": (1460, 19 + 4 + 1460 + 11, 2)}
_LATENCY_US = 300
_INSTRUCTIONS = 62.5  # a microsecond of QEMU's -icount shift=4
_STEPS = (
    ("import", "after `from qssl import Modem`"),
    ("modem", "and a Modem"),
    ("context", "and a TLS context"),
    ("start", "and start()"),
    ("socket", "and an open socket"),
)


_WAYS = {"mpy": "from .mpy", "frozen": "frozen", "rom": "from a ROM partition"}


class Measure:
    # stack: an ExitStack that ends what was started. folder: a temporary one.
    # limits: what each need may be, if only that is to be checked.
    def __init__(self, stack, folder, say, limits=None):
        self._limits = limits
        self._stack = stack
        self._folder = folder
        self._say = say
        self.sizes = size.compiled(folder / "mpy")
        self.unix = Unix(folder / "mpy", folder, size.names())
        self._heap = None
        self._wire = None
        self._frozen = None
        self.modules = {}  # name: (heap from .mpy, heap frozen)
        self.heaps = ()  # what heap.py found: from .mpy, frozen

    def _board(self):
        if self._frozen is None:
            self._frozen = Device(self._stack, self._folder, size.names())
        return self._frozen

    def _unix_heap(self):
        if self._heap is None:
            self._heap = self.unix.heap()
        return self._heap

    def sizes_rows(self):
        heap = self._unix_heap()
        rows = [
            Row("mpy:" + name, _MODULE % name, n, "B", place="mpy-cross -O3")
            for name, n in self.sizes.items()
        ]
        every = sum(self.sizes.values())
        where = "mpy-cross -O3"
        path, resident = [
            ([self.sizes[n] for n in size.loaded(heap[key])]) for key in ("path", "resident")
        ]
        text = "synchronous path: %d modules, start() to traffic"
        stays = "of it still loaded when a socket is open: %d modules"
        return [
            Row("mpy", text % len(path), sum(path), "B", 28000, place=where),
            Row("mpy resident", stays % len(resident), sum(resident), "B", place=where),
            Row("mpy everything", "everything", every, "B", place=where),
            *rows,
        ]

    def heap_rows(self):
        heap = self._unix_heap()
        frozen = self._board().heap()
        self.heaps = heap, frozen
        with contextlib.ExitStack() as stack:
            rom = Device(stack, self._folder, [], False, self._folder / "mpy", True).heap()
        modules = self.unix.modules()
        self.modules = {
            name: (modules.get(name), cost)
            for name, cost in self._board().run("modules.py")
            if name in modules
        }
        rows = []
        for way, found, aim, where in (
            ("mpy", heap, 32000, "32-bit unix port"),
            ("frozen", frozen, 12500, "emulated board"),
            ("rom", rom, 18000, "emulated board"),
        ):
            for step, text in _STEPS:
                last = step == "socket"
                text = "%s: %s" % (_WAYS[way], text)
                key = "heap %s %s" % (way, step)
                rows.append(Row(key, text, found[step], "B", aim if last else None, place=where))
        return rows

    def need_rows(self):
        rows = []

        def add(key, what, passes, aim=None, place=_UNIX_32):
            self._say(what)
            if self._limits is None:
                least = need.search(passes)
            else:
                # A search takes long; that the limit is enough is what counts.
                least = self._limits.get(key, 0)
                if least and not any(passes(least - _LESS * i) for i in range(_TRIES)):
                    least += 1
            rows.append(Row(key, what, least, "B", aim, place=place))

        board = self._board()
        text = "%s: free before the import, so that %s"
        for sockets in (1, 2, 4):
            what = "a socket works" if sockets == 1 else "%d sockets work" % sockets
            what = text % (_WAYS["mpy"], what)
            aim = 46000 if sockets == 1 else None
            key = "need mpy %d" % sockets
            add(key, what, lambda n, k=sockets: self.unix.passes(n, k), aim)
        what = text % (_WAYS["frozen"], "a socket works")
        add("need frozen 1", what, board.passes, 20000, _BOARD)
        for way, where, aim, place in (
            ("mpy", self.unix, 50000, _UNIX_32),
            ("frozen", board, 22000, _BOARD),
        ):
            what = "%s: examples/telemetry_https.py, in use after three records" % _WAYS[way]
            heap = where.telemetry()["heap"]
            rows.append(Row("telemetry %s heap" % way, what, heap, "B", aim, place=place))
            what = "%s: free before that program" % _WAYS[way]
            add(
                "telemetry %s need" % way,
                what,
                lambda n, where=where: where.telemetry(n)["passed"],
                place=place,
            )
        return rows

    def operations_rows(self):
        found = self._board().run("operations.py")
        return [
            Row("net " + name, "heap left by one " + name, n, "B", 0, place="emulated board")
            for name, n in found.items()
        ]

    def commands_rows(self):
        found = self.unix.sends(("mqtt.py", "http.py"))
        return [
            Row("sends " + key, "AT+QSSLSEND for one " + text, n, "", 1, place="unix port")
            for (key, text), n in zip(
                (("publish", "umqtt publish"), ("post", "urequests post")), found
            )
        ]

    def _shares(self):
        if self._wire is None:
            self._wire = self.unix.speed(0)
        return self._wire

    def wire_rows(self):
        found = self._shares()
        rows = []
        for way, aim, (payload, wire) in (
            ("receive", 0.96, RECEIVE),
            ("send", 0.97, SEND),
        ):
            text = "payload share of the wire, %s (possible: %.1f %%)" % (
                "receiving" if way == "receive" else "sending",
                100 * payload / wire,
            )
            share = round(found[way]["share"], 4)
            rows.append(Row("share " + way, text, share, "%", aim, False, place="unix port"))
        return rows

    def speed_rows(self):
        rows = []
        for baud in BAUDS:
            self._say("speed at %d baud" % baud)
            # The best of some runs: what else this PC does can only make it slower.
            times = 1 if baud == 115200 else 4
            runs, bare = [
                [self.unix.speed(baud, script) for _ in range(times)]
                for script in ("speed.py", "bare.py")
            ]
            aim = None if baud == 460800 else 0.98
            for way, bound in (("receive", RECEIVE), ("send", SEND)):
                rows.append(_speed(way, baud, _best(runs, way), bound, aim, "unix port"))
                row = _speed(way, baud, _best(bare, way), bound, None, "unix port")
                row.text = "... by a loop that only counts bytes: " + row.text.partition(": ")[2]
                del row.plot
                rows.append(row)
        return rows

    def board_rows(self):
        self._say("speed and latency on the emulated board")
        runs = [self._board().throughput() for _ in range(2)]
        rows = [
            _speed(way, 115200, max(run[key] for run in runs), bound, 0.9, "emulated board")
            for way, key, bound in (("receive", "received", RECEIVE), ("send", "sent", SEND))
        ]
        found = self._board().run("latency.py")
        late, bare = found["us"], found["bare"]
        text = "from the recv URC to the data in a poll, the wire's time taken off"
        loop = "the same by a loop that only counts bytes"
        for key, what, which, value in (
            ("latency", text, "median", late[len(late) // 2]),
            ("latency bare", loop, "median", bare[len(bare) // 2]),
            ("latency least", text, "least", late[0]),
        ):
            aim = 5.0 if key == "latency" else None
            words = "%s, %s of %d" % (what, which, len(late))
            rows.append(
                Row(key, words, value / 1000, "ms", aim, exact=False, place="emulated board")
            )
        return rows

    def turns_rows(self):
        found = Device(self._stack, self._folder, size.names(), count=True).run("turns.py")
        rows = []

        def add(key, text, value, unit, aim=None, less=True):
            rows.append(Row("turns " + key, text, value, unit, aim, less, place="emulated board"))

        for way, gap, what, aim in (
            ("recv", "recv", "from the last byte of an answer to the next command", 400),
            ("send", "send", "from SEND OK to the next command", 400),
            ("send", "prompt", "from the prompt to the payload", 350),
        ):
            measured = found[way][str(BAUDS[-1])][gap]
            text = "instructions " + what
            add("instructions " + gap, text, int(measured["run"] * _INSTRUCTIONS), "")
            add("us " + gap, "the same on an RP2040", measured["us"], "us", aim)
            text = "the same, of a modem that takes 0.3 to 12 ms"
            add("us slow " + gap, text, found[way + " slow"][gap]["us"], "us")
        for way, text in (("recv", "receiving"), ("send", "sending")):
            for baud in BAUDS:
                measured = found[way][str(baud)]
                share = _bound(way, baud) / measured[way]["round"]
                words = "%s at %d baud on an RP2040, of the bound" % (text, baud)
                aim = 0.98 if baud == 115200 else 0.96
                add("share %s %d" % (way, baud), words, share, "%", aim, False)
                busy = 1 - measured["waited"] / measured["us"]
                words = "of the time the processor does not wait, %s at %d baud" % (text, baud)
                aim = 0.3 if baud == 115200 else None
                add("busy %s %d" % (way, baud), words, busy, "%", aim)
        for n, aim in ((500, 0.78), (4096, 0.91)):
            share = _bound("send", BAUDS[-1]) / found["pieces"][str(n)]["send"]["round"]
            words = "sending at 921600 baud in writes of %d bytes, of the bound" % n
            add("share write %d" % n, words, share, "%", aim, False)
        for n, measured in sorted(found["pieces"].items(), key=lambda item: int(item[0])):
            total = 8192 if n == "1" else 65536
            least = -(-total // SEND[0])
            words = "AT+QSSLSEND for %d KiB written in pieces of %s bytes" % (total // 1024, n)
            aim = None if n == "1" else least + least * 3 // 100
            add("sends " + n, words, measured["sends"], "", aim)
        return rows

    def work_rows(self):
        found = Device(self._stack, self._folder, size.names(), count=True).work(self._folder)
        return [
            Row(
                "work " + way,
                "processor instructions for each KiB, %s" % text,
                int(found[way] * _INSTRUCTIONS),
                "",
                exact=False,
                place="emulated board",
            )
            for way, text in (
                ("receive", "receiving"),
                ("receive deaf", "receiving, of a modem that echoes no commands"),
                ("send", "sending"),
                ("send deaf", "sending, to a modem that echoes no commands"),
            )
        ]


def _bound(way, baud):
    # us for a full command, its answer and the modem's own time.
    _, wire, waits = _ROUNDS[way]
    return wire * 1e7 / baud + waits * _LATENCY_US


def _best(runs, way):
    # Bytes a second.
    return max(run[way]["bytes"] * 1e6 / run[way]["us"] for run in runs)


def _speed(way, baud, rate, bound, aim, place):
    # The share of what the protocol allows at this rate.
    most = baud / 10 * bound[0] / bound[1]
    text = "%s at %d baud: %d of %d B/s" % (way, baud, rate, most)
    row = Row("speed", text, rate / most, "%", aim, False, False, place)
    row.plot = (place, way, baud, rate, most)
    return row
