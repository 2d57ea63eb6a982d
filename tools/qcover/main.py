# qcover.main - tools/cover.py in the virtual environment.
# SPDX-License-Identifier: MIT

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import setup
from qcover import options
from qdemo import ending
from qdemo.problem import Problem

_HOST = setup.ROOT / "tests/host"
_LIMIT_S = 900  # for one file


def settings(path):
    # The settings at the top of a case file, see tests/host/conftest.py.
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("ONLY", "NEEDS_UGSIM"):
                found[name] = ast.literal_eval(node.value)
    return found


class Cover:
    def __init__(self, folder, stack):
        self._folder = folder
        self._stack = stack
        self._servers = None
        (folder / "rc").write_text(
            "[run]\nsource = %s\nparallel = true\ndata_file = %s\n"
            "[report]\nexclude_also =\n    if _DEBUG:\n"
            % (setup.ROOT / "lib/qssl", folder / "data")
        )
        path = [setup.ROOT / "lib", setup.ROOT / "tools", _HOST, _HOST / "support"]
        path.append(_HOST / "cpython")
        self._env = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join(str(p) for p in path),
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONUTF8="1",
        )

    def run(self, path):
        # Whether all tests of the file passed.
        env = dict(self._env)
        wanted = settings(path)
        if wanted.get("ONLY") == "micropython":
            return True
        if wanted.get("NEEDS_UGSIM"):
            import servers

            if self._servers is None:
                certificates = self._folder / "servers"
                certificates.mkdir()
                self._servers = self._stack.enter_context(servers.for_cases(certificates))
            env.update(self._servers)
            with servers.ugsim_for_case() as more:
                return self._case(path, dict(env, **more))
        return self._case(path, env)

    def _case(self, path, env):
        argv = ["run", "--rcfile", self._folder / "rc", _HOST / "run_case.py", path]
        try:
            done = self._coverage(argv, env, timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise Problem("%s did not end within %d s." % (path.stem, _LIMIT_S)) from None
        if done.returncode:
            print(done.stdout, flush=True)
        return done.returncode == 0

    def _coverage(self, argv, env=None, **more):
        return subprocess.run(
            [sys.executable, "-m", "coverage", *[str(a) for a in argv]],
            env=env or dict(self._env),
            cwd=setup.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **more,
        )

    def report(self, html):
        # (table, per cent of lines)
        rc = ["--rcfile", self._folder / "rc"]
        self._coverage(["combine", *rc, "-q"])
        if html:
            self._coverage(["html", *rc, "-d", Path(html).absolute()])
        table = self._coverage(["report", *rc, "-m", "--skip-covered"]).stdout
        total = self._coverage(["report", *rc, "--format=total", "--precision=2"]).stdout
        try:
            return table, float(total)
        except ValueError:
            raise Problem("coverage found nothing to report: %s" % total.strip()) from None


def _run(chosen, stack):
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-cover-")))
    cover = Cover(folder, stack)
    paths = sorted((_HOST / "cases").glob("test_*.py"))
    if chosen.names:
        there = [path.stem for path in paths]
        for name in chosen.names:
            if name not in there:
                raise Problem("There is no case file %s." % name)
        paths = [path for path in paths if path.stem in chosen.names]
    failed = []
    for path in paths:
        setup.say(path.stem, "cover")
        if not cover.run(path):
            failed.append(path.stem)
    table, total = cover.report(chosen.html)
    print(table)
    if failed:
        print("Failed: %s." % ", ".join(failed))
    print("%.1f %% of the lines of lib/qssl; at least %d %% are wanted." % (total, options.LEAST))
    return 1 if failed or total < options.LEAST else 0


def main(args):
    chosen = options.parse(args)
    return ending.run("cover.py", lambda stack: _run(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
