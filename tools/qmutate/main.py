# qmutate.main - tools/mutate.py in the virtual environment.
# SPDX-License-Identifier: MIT

import json
import os
import queue
import random
import subprocess
import sys
import threading
import time

import setup
from qmutate import measure, options
from qmutate.mutants import mutants
from qshared import ending
from qshared.problem import Problem

_SLACK = 8  # a test may take so many times its processor time, and a second
_MEASURING = 0.4  # of the time at most
_EVERY_S = 5  # between two lines of progress


class Runner:
    # A process of qmutate.runner.
    def __init__(self, stack):
        paths = ["lib", "tools", "tests/host", "tests/host/support", "tests/host/cpython"]
        env = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join(str(setup.ROOT / p) for p in paths),
            PYTHONPYCACHEPREFIX=str(setup.CACHE / "pycache"),
            PYTHONHASHSEED="0",
            QMUTATE_DRIVER=str(measure.DRIVER),
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "qmutate.runner"],
            env=env,
            cwd=setup.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process alone, which stops that one
        )
        stack.callback(self._stop)

    def ask(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Problem("The process that runs the cases has ended.")
        return json.loads(line)

    def _stop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


class Count:
    # Of a file's changes.
    def __init__(self, there):
        self.there = there
        self.tried = self.survived = self.unreached = 0


class Hunt:
    def __init__(self, chosen, stack):
        self._chosen = chosen
        self._end = time.monotonic() + chosen.minutes * 60
        self._runners = [Runner(stack) for _ in range(chosen.jobs)]
        self._lock = threading.Lock()
        self._map = measure.Map()
        self._kills = {}  # (path, name) -> how many changes it has noticed
        self._alone = {}  # (path, name) -> whether it passes with the driver as it is
        self._counts = {}
        self._begin = self._shown = time.monotonic()
        self._broken = None
        self._partly = False  # not every case file was measured

    def run(self):
        paths = self._paths()
        wanted = self._chosen.file or [(name, 0, 1 << 30) for name in measure.modules()]
        work = []
        self._sources = {}
        for name, first, last in wanted:
            source = (measure.DRIVER / (name + ".py")).read_text("utf-8")
            self._sources[name] = source
            found = [m for m in mutants(source) if first <= m.line <= last]
            self._counts.setdefault(name, Count(0)).there += len(found)
            work += [(name, m) for m in found]
        if not work:
            raise Problem("There is nothing to change in these lines.")
        self._measure(sorted(self._sources), paths)
        random.Random(self._chosen.seed).shuffle(work)
        self._all = len(work)
        todo = queue.SimpleQueue()
        for item in work:
            todo.put(item)
        self._parallel(lambda runner: self._work(todo, runner))
        return self._summary()

    def _parallel(self, function):
        def guarded(runner):
            try:
                function(runner)
            except BaseException as e:
                self._broken = e

        threads = [
            threading.Thread(target=guarded, args=(runner,), daemon=True)
            for runner in self._runners
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # not for ever: Ctrl-C must get through
        if self._broken:
            raise self._broken

    # --- which case passes where ---

    def _paths(self):
        # Files of the cases that were asked for.
        paths = measure.case_files()
        if self._chosen.cases:
            there = {path.stem: path for path in paths}
            for name in self._chosen.cases:
                if name not in there:
                    raise Problem("There is no case file %s that runs on CPython alone." % name)
            paths = [there[name] for name in self._chosen.cases]
        return paths

    def _measure(self, modules, paths):
        paths = measure.by_likelihood(modules, paths)
        todo = [path for path in paths if not self._map.known(path)]
        if not todo:
            return
        end = time.monotonic() + self._chosen.minutes * 60 * _MEASURING
        left = queue.SimpleQueue()
        for path in todo:
            left.put(path)
        print("measuring which cases pass where: %d files" % len(todo), flush=True)

        def work(runner):
            while time.monotonic() < end:
                try:
                    path = left.get_nowait()
                except queue.Empty:
                    return
                self._map.measure(path, runner, max(1, end - time.monotonic()))

        self._parallel(work)
        self._partly = not left.empty()
        if self._partly:
            print(
                "%d of %d case files took part, the likeliest; the next run measures on"
                % (len(self._map.tests), len(paths)),
                flush=True,
            )

    # --- one change after the other ---

    def _work(self, todo, runner):
        while time.monotonic() < self._end:
            try:
                name, mutant = todo.get_nowait()
            except queue.Empty:
                return
            tests = self._map.passing(name + ".py", mutant)
            noticed = self._noticed(name, mutant, tests, runner)
            with self._lock:
                count = self._counts[name]
                count.tried += 1
                if not tests:
                    count.unreached += 1
                if not noticed:
                    count.survived += 1
                    self._show(name, mutant, len(tests))
                self._progress()

    def _noticed(self, name, mutant, tests, runner):
        # Files whose tests have noticed the most come first; within a file the order is its own.
        groups = {}
        for path, test, spent in tests:
            groups.setdefault(path, []).append((test, spent))

        def worth(path):
            kills = sum(self._kills.get((path, test), 0) for test, _ in groups[path])
            return -(kills + 0.1) / (0.2 + sum(spent for _, spent in groups[path]))

        for path in sorted(groups, key=worth):
            order = sorted(groups[path], key=lambda t: -self._kills.get((path, t[0]), 0))
            while order:
                found = runner.ask(
                    {
                        "file": str(path),
                        "tests": [(test, spent * _SLACK + 1) for test, spent in order],
                        "module": name,
                        "source": mutant.source,
                    }
                )
                test = found["failed"]
                if test is None:
                    break
                if not test or self._passes_alone(path, test, runner):
                    with self._lock:
                        self._kills[path, test] = self._kills.get((path, test), 0) + 1
                    return True
                order = order[[t for t, _ in order].index(test) + 1 :]
        return False

    def _passes_alone(self, path, test, runner):
        # One that needs what others did before it can't tell anything by itself.
        key = path, test
        if key not in self._alone:
            order = {"file": str(path), "tests": [(test, 100)]}
            self._alone[key] = runner.ask(order)["failed"] is None
        return self._alone[key]

    # --- what is said ---

    def _show(self, name, mutant, count):
        if count:
            who = "1 case passes" if count == 1 else "%d cases pass" % count
            who += " here, and none notices"
        else:
            who = "no case %spasses here" % ("that took part " if self._partly else "")
        print("\nlib/qssl/%s.py:%d: %s" % (name, mutant.line, who))
        for line in mutant.diff(self._sources[name]):
            print("  " + line)
        sys.stdout.flush()

    def _totals(self):
        counts = self._counts.values()
        return sum(c.tried for c in counts), sum(c.survived for c in counts)

    def _progress(self):
        now = time.monotonic()
        if now - self._shown >= _EVERY_S:
            self._shown = now
            tried, survived = self._totals()
            print(
                "%d of %d changes in %d s, %d not noticed"
                % (tried, self._all, now - self._begin, survived),
                flush=True,
            )

    def _summary(self):
        print()
        for name in sorted(self._counts):
            c = self._counts[name]
            if c.tried:
                print(_line(name, c.tried, c.there, c.survived, c.unreached))
        tried, survived = self._totals()
        counts = self._counts.values()
        print(_line("in all", tried, self._all, survived, sum(c.unreached for c in counts)))
        if not tried:
            raise Problem("The time was over before the first change; give more --minutes.")
        return 1 if survived else 0


def _line(name, tried, there, survived, unreached):
    text = "%-19s %4d of %4d changes tried, %3d not noticed" % (name, tried, there, survived)
    if tried:
        text += " (%.1f %%)" % (100 * survived / tried)
    if unreached:
        text += ", %d of them passed by no case" % unreached
    return text


def main(args):
    chosen = options.parse(args)
    return ending.run("mutate.py", lambda stack: Hunt(chosen, stack).run())


if __name__ == "__main__":
    sys.exit(setup.main(main))
