# qsearch.run - the parent: gives seeds to worker processes, shows what they find.
# SPDX-License-Identifier: MIT

import json
import queue
import signal
import subprocess
import tempfile
import threading
import time

import setup
from qsearch import options
from qsearch.plan import FORMS
from qshared.interpreters import cpython, micropython

_PIECE = 1000  # schedules given to a worker at a time, at most
_MICROPYTHON = 6  # of so many pieces it plays one, where both interpreters play


def main(args):
    chosen = options.parse(args)
    programs = []
    if chosen.interpreter != "micropython":
        programs.append(cpython())
    if chosen.interpreter != "cpython":
        programs.append(micropython())
    if chosen.replay:
        return replay(programs, chosen.replay)
    return Search(programs, chosen).run()


def replay(programs, file):
    # Plays a file of --replay: the schedule, or the line of a failure that holds it.
    try:
        with open(file, encoding="utf-8") as f:
            what = json.load(f)
        what = what.get("plan", what)
        fine = all(kind in what for kind in ("switches", "rig", "ops"))
    except (ValueError, AttributeError, TypeError):
        fine = False
    if not fine:
        raise setup.SetupError("%s holds no schedule as it was shown." % file)
    if what.get("form") == "aio":
        programs = [program for program in programs if program[0] == "micropython"]
        if not programs:
            raise setup.SetupError("%s is for MicroPython alone." % file)
    bad = 0
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as plan:
        json.dump(what, plan)
        plan.flush()
        for name, argv, env in programs:
            print("on %s:" % name, flush=True)
            done = subprocess.run([*argv, _worker(), "replay", plan.name], env=env, check=False)
            bad |= done.returncode != 0
    return int(bad)


def _worker():
    return str(setup.ROOT / "tools" / "qsearch" / "worker.py")


class Search:
    def __init__(self, programs, chosen):
        self.chosen = chosen
        self.pieces = queue.SimpleQueue()
        last = chosen.seed + chosen.schedules
        forms = FORMS if chosen.forms == "all" else chosen.forms.split(",")
        least = 2 * chosen.jobs if len(programs) < 2 else max(_MICROPYTHON, 2 * chosen.jobs)
        piece = max(min(_PIECE, chosen.schedules // least), 50)
        for i, first in enumerate(range(chosen.seed, last, piece)):
            program = programs[-1 if i % _MICROPYTHON == _MICROPYTHON - 1 else 0]
            count = min(piece, last - first)
            if program[0] == "micropython" or "aio" not in forms:
                self.pieces.put((program, first, count, "all"))
                continue
            self.pieces.put((program, first, count, "others"))
            if len(programs) == 2:
                self.pieces.put((programs[1], first, count, "aio"))
        self.lock = threading.Lock()
        self.over = False
        # A word of each job that is done. Not a semaphore: Ctrl-C may break off its acquire()
        # where it holds no lock, which it then releases.
        self.ended = queue.SimpleQueue()
        self.workers = set()  # those that play
        self.begin = time.monotonic()
        self.shown = 0.0
        self.played = {}  # interpreter -> schedules
        self.models = {}  # model -> schedules, of those workers that are done
        self.total = {"calls": 0, "errors": 0, "idle": 0, "longest": 0}
        self.memory = []
        self.worst = [-1 << 30, "", 0]
        self.failures = []

    def run(self):
        threads = [threading.Thread(target=self.job) for _ in range(self.chosen.jobs)]
        try:
            for thread in threads:
                thread.start()
            for _ in threads:
                # Not join(): a thread whose join() Ctrl-C breaks off counts as ended (bpo-45274).
                self.ended.get()
        finally:
            # After Ctrl-C: what was cut off says nothing about the driver. A second one changes
            # nothing.
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.over = True
            with self.lock:
                for process in self.workers:
                    process.kill()
            for thread in threads:
                if thread.ident is not None:  # it was started
                    thread.join()
            signal.signal(signal.SIGINT, before)
        self.summary()
        return 1 if self.failures else 0

    def _words(self, first, count, which):
        # Of a worker.
        return [str(first), str(count), self.chosen.forms, which, self.chosen.model]

    def job(self):
        # The workers get it too, if somebody sends it to all: they inherit this mask.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.work()
        finally:
            self.ended.put(None)

    def work(self):
        while True:
            try:
                (name, argv, env), first, count, which = self.pieces.get_nowait()
            except queue.Empty:
                return
            if self.over:
                return
            before = 0
            done = False
            tail = []
            with subprocess.Popen(
                [*argv, _worker(), *self._words(first, count, which)],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # Ctrl-C is for this process alone
            ) as process:
                with self.lock:
                    self.workers.add(process)
                    if self.over:
                        process.kill()
                for line in process.stdout:
                    words = line.split(" ", 2)
                    if words[0] != "@@":
                        tail = [*tail[-20:], line]
                        continue
                    what = json.loads(words[2])
                    with self.lock:
                        if words[1] == "fail":
                            self.failed(name, what)
                            continue
                        n = what["schedules"] if words[1] == "done" else what
                        self.played[name] = self.played.get(name, 0) + n - before
                        before = n
                        if words[1] == "done":
                            done = True
                            self.add(what)
                        self.progress()
            with self.lock:
                self.workers.remove(process)
            if not done and not self.over:
                with self.lock:
                    why = "the worker ended without a result:\n%s" % "".join(tail)
                    self.failed(name, {"seed": first, "why": why, "plan": None})

    def add(self, what):
        for key in ("calls", "errors"):
            self.total[key] += what[key]
        for key in ("idle", "longest"):
            self.total[key] = max(self.total[key], what[key])
        for name, n in what["models"].items():
            self.models[name] = self.models.get(name, 0) + n
        if what["most"]:
            self.memory.append(what["most"])
        self.worst = max(self.worst, what["worst"], key=lambda w: w[0])

    def failed(self, name, what):
        self.failures.append(what["seed"])
        print("\nFAILED: seed %d on %s: %s" % (what["seed"], name, what["why"]))
        print(json.dumps(what["plan"]), flush=True)

    def progress(self):
        now = time.monotonic()
        if now - self.shown >= 5:
            self.shown = now
            n = sum(self.played.values())
            rate = n / (now - self.begin) * 60
            print(
                "%d of %d schedules, %d a minute, %d failed"
                % (n, self.chosen.schedules, rate, len(self.failures)),
                flush=True,
            )

    def summary(self):
        spent = time.monotonic() - self.begin
        n = sum(self.played.values())
        print()
        print(
            "%d schedules (%s), seeds %d to %d, in %.0f s: %d a minute"
            % (
                n,
                ", ".join("%s %d" % pair for pair in sorted(self.played.items())),
                self.chosen.seed,
                self.chosen.seed + self.chosen.schedules - 1,
                spent,
                n / spent * 60,
            )
        )
        if self.models:
            print("with " + ", ".join("%s %d" % pair for pair in sorted(self.models.items())))
        print(
            "%d calls, of which %d raised an error of the family"
            % (
                self.total["calls"],
                self.total["errors"],
            )
        )
        if n < self.chosen.schedules and not self.failures:
            print("the others are programs on asyncio, which need MicroPython")
        over, what, seed = self.worst
        print(
            "longest call %d ms; worst against its deadline: %+d ms (%s, seed %d); "
            "longest without idle hook %d ms"
            % (
                self.total["longest"],
                over,
                what,
                seed,
                self.total["idle"],
            )
        )
        if self.memory:
            print("most memory after a collection, model and all: %d bytes" % max(self.memory))
        if self.failures:
            seeds = ", ".join(str(s) for s in sorted(self.failures)[:20])
            print("%d FAILED: seeds %s" % (len(self.failures), seeds))
        else:
            print("every promise held")
