# qcover.main - tools/cover.py in the virtual environment.
# SPDX-License-Identifier: MIT

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage

import case_file
import setup
from qcover import options, probes
from qshared import ending
from qshared.problem import Problem

_HOST = setup.ROOT / "tests/host"
_DRIVER = setup.ROOT / "lib/qssl"
_LIMIT_S = 900  # for one file


class Cover:
    def __init__(self, folder, stack):
        self._folder = folder
        self._stack = stack
        self._servers = None
        (folder / "rc").write_text(
            "[run]\nsource = %s\nparallel = true\ndata_file = %s\n"
            "[report]\nexclude_also =\n    if _DEBUG:\n" % (_DRIVER, folder / "data")
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
        _, wanted = case_file.read(path)
        case = self._micropython if wanted.get("ONLY") == "micropython" else self._cpython
        env = {}
        if wanted.get("NEEDS_UGSIM"):
            import servers

            if self._servers is None:
                certificates = self._folder / "servers"
                certificates.mkdir()
                self._servers = self._stack.enter_context(servers.for_cases(certificates))
            env.update(self._servers)
            with servers.ugsim_for_case() as more:
                return case(path, dict(env, **more))
        return case(path, env)

    def _micropython(self, path, env):
        # On a copy of the driver that notes its lines.
        copy = self._folder / "probes"
        if not copy.exists():
            copy.mkdir()
            probes.write(_DRIVER, copy)
        noted = self._folder / (path.stem + ".lines")
        parts = [".frozen", copy, setup.ROOT / "tools", _HOST, _HOST / "support"]
        where = {"MICROPYPATH": os.pathsep.join(str(p) for p in parts), "QSSL_PROBES": str(noted)}
        argv = [setup.micropython(), "-X", "heapsize=64m", _HOST / "run_case.py", path]
        done = self._run([str(a) for a in argv], dict(os.environ, **env, **where), _LIMIT_S)
        if done.returncode:
            print(done.stdout, flush=True)
        if noted.exists():  # else it did without the driver
            data = coverage.CoverageData(str(self._folder / "data"), path.stem)
            data.add_lines(probes.read(noted, _DRIVER))
            data.write()
        return done.returncode == 0

    def _cpython(self, path, env):
        argv = ["run", "--rcfile", self._folder / "rc", _HOST / "run_case.py", path]
        done = self._coverage(argv, env, _LIMIT_S)
        if done.returncode:
            print(done.stdout, flush=True)
        return done.returncode == 0

    def _coverage(self, argv, env=None, limit_s=None):
        argv = [sys.executable, "-m", "coverage", *[str(a) for a in argv]]
        return self._run(argv, dict(self._env, **(env or {})), limit_s)

    def _run(self, argv, env, limit_s):
        try:
            return subprocess.run(
                argv,
                env=env,
                cwd=setup.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=limit_s,
            )
        except subprocess.TimeoutExpired:
            raise Problem("%s did not end within %d s." % (argv[-1], limit_s)) from None

    def report(self, html):
        # (table, per cent of lines)
        rc = ["--rcfile", self._folder / "rc"]
        self._coverage(["combine", *rc, "-q"])
        if html:
            done = self._coverage(["html", *rc, "-d", Path(html).absolute()])
            if done.returncode:
                raise Problem("coverage can't write to %s: %s" % (html, done.stdout.strip()))
        table = self._coverage(["report", *rc, "-m", "--skip-covered"]).stdout
        total = self._coverage(["report", *rc, "--format=total", "--precision=2"]).stdout
        try:
            return table, float(total)
        except ValueError:
            raise Problem("coverage found nothing to report: %s" % total.strip()) from None


def _run(chosen, stack):
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-cover-")))
    cover = Cover(folder, stack)
    if chosen.html:  # now, not after all of the cases
        try:
            Path(chosen.html).mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise Problem("Can't make the folder %s: %s." % (chosen.html, e.strerror)) from None
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
