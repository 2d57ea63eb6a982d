# qmutate.runner - a process that runs cases with a changed driver, each time in a fork of itself.
# SPDX-License-Identifier: MIT
#
# Started as `python -m qmutate.runner` with the paths of the cases. Orders come as lines of JSON:
#     {"file": path, "tests": [[name, seconds], ...], "module": name, "source": text}
#         runs these tests of a case file, in this order, until one fails; the answer is {"failed":
#         name or null, "why": text}. seconds: of processor time, then a test counts as failed.
#     {"file": path, "trace": folder of the driver, "seconds": time for all}
#         runs all tests of the file; {"tests": {name: [seconds, {file: [lines]}]}, "whole": bool},
#         where a test that fails, or takes too long, is left out. whole: time was enough.
# What the cases share is imported once, before the forks; the driver is not.

import gc
import importlib.abc
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import time

import upy

upy.install()

import rig  # noqa: E402, F401  the virtual clock, and with it the simulated modem

_real = time.process_time  # rig puts a clock of its own into sys.modules, not into this name
_STARTS_S = 20  # of processor time, to import a case file and all it needs
_SLOW_S = 6  # of processor time: a test that takes longer takes no part
_WAITS = 6  # times the processor time: as long may a fork take that waits for something


class Slow(BaseException):
    pass


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    # qssl.MODULE is made of this text.
    def __init__(self, module, source):
        self._name = "qssl." + module.replace("/", ".") if module != "__init__" else "qssl"
        self._path = os.path.join(os.environ["QMUTATE_DRIVER"], module + ".py")
        self._code = compile(source, self._path, "exec", dont_inherit=True)

    def find_spec(self, name, path, target=None):
        if name != self._name:
            return None
        where = [os.path.dirname(self._path)] if name == "qssl" else None
        spec = importlib.util.spec_from_loader(
            name, self, origin=self._path, is_package=where is not None
        )
        if where:
            spec.submodule_search_locations = where
        return spec

    def exec_module(self, module):
        module.__file__ = self._path
        exec(self._code, module.__dict__)


def main():
    # Without it, each fork would copy all pages in which the collector marks something.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(order):
    # What the fork says, line by line, and how it ended.
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(reader)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            out = os.fdopen(writer, "w")
            (_trace if "trace" in order else _run)(order, out)
            out.flush()
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    seconds = _STARTS_S + sum(limit for _, limit in order.get("tests", ()))
    deadline = time.monotonic() + order.get("seconds", seconds * _WAITS)
    data = b""
    while True:
        left = deadline - time.monotonic()
        ready = left > 0 and select.select([reader], [], [], left)[0]
        part = os.read(reader, 65536) if ready else b""
        if not part:
            break
        data += part
    if not ready:
        os.kill(pid, signal.SIGKILL)
    os.close(reader)
    os.waitpid(pid, 0)
    said = [json.loads(line) for line in data.decode().splitlines() if line.endswith("}")]
    if "trace" in order:
        whole = said.pop()["whole"] if said and "whole" in said[-1] else False
        tests = {name: what for part in said for name, what in part.items()}
        return {"tests": tests, "whole": whole}
    if said and "failed" in said[-1]:
        return said[-1]
    return {"failed": said[-1]["begun"] if said else "", "why": "it did not end"}


def _load(path):
    folder, name = os.path.split(path)
    sys.path.insert(0, folder)
    return __import__(name[:-3])


def _limit(seconds):
    # This process ends after so much more processor time.
    used = resource.getrusage(resource.RUSAGE_SELF)
    now = used.ru_utime + used.ru_stime
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(now + seconds) + 1, hard))


def _run(order, out):
    if "module" in order:
        sys.meta_path.insert(0, Changed(order["module"], order["source"]))
    name, why = "", None
    try:
        _limit(_STARTS_S)
        case = _load(order["file"])
        for name, seconds in order["tests"]:
            out.write('{"begun": "%s"}\n' % name)
            out.flush()
            _limit(seconds)
            getattr(case, name)()
    except BaseException as e:
        why = "%s: %s" % (type(e).__name__, e)
    found = {"failed": name if why is not None else None, "why": why}
    out.write(json.dumps(found) + "\n")


def _trace(order, out):
    import coverage

    cover = coverage.Coverage(data_file=None, include=[order["trace"] + "/*"], config_file=False)
    case = _load(order["file"])
    names = [n for n in dir(case) if n.startswith("test_") and callable(getattr(case, n))]
    signal.signal(signal.SIGPROF, _slow)
    for name in names:
        cover.erase()
        cover.start()
        begin = _real()
        signal.setitimer(signal.ITIMER_PROF, _SLOW_S)
        try:
            getattr(case, name)()
        except BaseException:
            continue
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            cover.stop()
        spent = _real() - begin
        data = cover.get_data()
        lines = {
            os.path.relpath(path, order["trace"]): data.lines(path)
            for path in data.measured_files()
        }
        out.write(json.dumps({name: [spent, lines]}) + "\n")
        out.flush()
    out.write('{"whole": true}\n')


def _slow(number, frame):
    raise Slow


if __name__ == "__main__":
    main()
