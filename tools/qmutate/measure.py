# qmutate.measure - which case passes which line of the driver, kept from run to run.
# SPDX-License-Identifier: MIT

import hashlib
import json
import math
import re

import case_file
import setup

HOST = setup.ROOT / "tests/host"
DRIVER = setup.ROOT / "lib/qssl"
_PLACE = setup.CACHE / "mutate"
_WORD = re.compile(r"[A-Za-z_]{4,}")


def modules():
    # The driver's files without their suffix: "queue", "wire/link"
    return sorted(p.relative_to(DRIVER).with_suffix("").as_posix() for p in DRIVER.rglob("*.py"))


def case_files():
    # Those that run on CPython without servers.
    found = []
    for path in sorted((HOST / "cases").glob("test_*.py")):
        _, settings = case_file.read(path)
        if settings.get("ONLY", "cpython") == "cpython" and not settings.get("NEEDS_UGSIM"):
            found.append(path)
    return found


def by_likelihood(chosen, paths):
    # The case files in the order in which they are likely to concern one of the modules: by the
    # words they share, each the more worth the fewer case files have it.
    texts = {path: set(_WORD.findall(path.read_text("utf-8"))) for path in paths}
    count = {}
    for words in texts.values():
        for word in words:
            count[word] = count.get(word, 0) + 1

    def worth(path):
        best = 0
        for module in chosen:
            words = set(_WORD.findall((DRIVER / (module + ".py")).read_text("utf-8")))
            shared = words & texts[path]
            value = sum(math.log(len(paths) / count[word]) for word in shared)
            value /= 1 + len(words)
            best = max(best, value + (5 if module.rpartition("/")[2] in path.stem else 0))
        return -best

    return sorted(paths, key=worth)


class Map:
    # Asks runners for what is not known yet.
    def __init__(self):
        parts = [*sorted(DRIVER.rglob("*.py")), *sorted((HOST / "support").glob("*.py"))]
        parts += sorted((setup.ROOT / "tools/ugsim").rglob("*.py"))
        parts += sorted((setup.ROOT / "tools/qmutate").glob("*.py"))
        self._base = hashlib.sha256()
        for path in parts:
            self._base.update(path.read_bytes())
        self.tests = {}  # path -> {name: [seconds, {file: {lines}}]}

    def _file(self, path):
        key = self._base.copy()
        key.update(path.read_bytes())
        return _PLACE / ("%s-%s.json" % (path.stem, key.hexdigest()[:16]))

    def known(self, path):
        # Whether it has been measured before.
        if path not in self.tests:
            try:
                self._take(path, json.loads(self._file(path).read_text()))
            except (OSError, ValueError):
                return False
        return True

    def measure(self, path, runner, seconds):
        answer = runner.ask({"file": str(path), "trace": str(DRIVER), "seconds": seconds})
        self._take(path, answer["tests"])
        if answer["whole"]:
            _PLACE.mkdir(parents=True, exist_ok=True)
            for old in _PLACE.glob(path.stem + "-*.json"):
                old.unlink()
            self._file(path).write_text(json.dumps(answer["tests"]))

    def _take(self, path, found):
        self.tests[path] = {
            name: [spent, {file: set(lines) for file, lines in where.items()}]
            for name, (spent, where) in found.items()
        }

    def passing(self, file, mutant):
        # [(path, name, seconds)] of the tests that pass the change, the quickest first. What the
        # import runs matters to all that use the file.
        found = []
        there = range(mutant.line, mutant.last + 1)
        for path, tests in self.tests.items():
            for name, (spent, where) in tests.items():
                lines = where.get(file)
                if lines and (not mutant.inside or any(line in lines for line in there)):
                    found.append((path, name, spent))
        found.sort(key=lambda t: t[2])
        return found
