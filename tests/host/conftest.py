# conftest - reports every test of cases/ twice: on CPython and on the MicroPython unix port.
# SPDX-License-Identifier: MIT
#
# The files of EVERYWHERE run on more MicroPythons; with --everywhere, all do; in CI too, but on
# that of 32 bits in place of 64. On the WebAssembly builds, which are slow, not those of
# long_cases.txt, unless --long asks for them; in CI these run on no other new MicroPython, too,
# unless their file is for MicroPython alone.
#
# The driver's cases also run with other families of modems, on CPython: with --family all of them,
# in CI some. What a family can't do is in support/family_skips.py.
#
# A case file is read, not imported: its tests run in one process for each file and interpreter,
# started with run_case.py. A case file may set at its top level
#     ONLY = "micropython"    run on this interpreter alone; WHY = "..." must say why
#     NEEDS_UGSIM = True      ugsim and servers run; support/ugsim_case.py finds them
#     TIMEOUT_S = 600         seconds for the whole file, instead of 300
#     INSIDE = True           what it looks at has another name in the compiled driver: on 32 bits,
#                             too, it runs on the sources; or the names of such tests

import contextlib
import functools
import os
import signal
import subprocess
import tempfile
import threading
import types
from pathlib import Path

import pytest

import case_file
import setup
from background import APART, Background, FileGroup, Group
from interpreters import (
    EVERYWHERE,
    HERE,
    INTERPRETERS,
    MORE,
    NEWEST,
    NOT_ON_WEBASSEMBLY,
    ON_SOURCES,
    SLOWER,
    SOURCES,
    WEBASSEMBLY,
)
from support import family_skips
from ugsim.model.family import MODELS

CASES = HERE / "cases"
FAMILIES = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")  # a model of each, of LTE
SHARE = 14  # of so many pairs of a file and a family CI plays one
CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
TIMEOUT_S = 300
FEW = 12  # files: where no more are selected, none runs apart


def pytest_addoption(parser):
    text = "run every case on the 32-bit and on newer MicroPythons, too"
    parser.addoption("--everywhere", action="store_true", help=text)
    text = "on the WebAssembly builds every case: takes half an hour"
    parser.addoption("--long", action="store_true", help=text)
    text = "the driver's cases alone, with a model of ugsim; all: one of each family of LTE modems"
    parser.addoption("--family", choices=("all", *MODELS), metavar="MODEL", help=text)


def pytest_configure(config):
    config.case_stack = contextlib.ExitStack()  # the servers for NEEDS_UGSIM
    config.case_env = None
    config.case_lock = threading.Lock()
    config.executed = set()  # node ids of the tests that came to their end, passed or failed
    # Ends like Ctrl-C, so that fixtures stop the servers that they have started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Who is started in the background ignores Ctrl-C, and so would the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As somebody's computer is, who has not set these.
    for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)


def pytest_unconfigure(config):
    config.case_stack.close()


def pytest_pycollect_makemodule(module_path, parent):
    if module_path.parent == CASES:
        return CaseFile.from_parent(parent, path=module_path)
    return None


class CaseError(Exception):
    # The text is all that the person needs to see.
    pass


class CaseRepr:
    # The failure as pytest shows it: all of the output, and its last line in the summary.
    def __init__(self, output):
        self.output = output
        lines = [line for line in output.splitlines() if line.strip()]
        self.reprcrash = types.SimpleNamespace(message=lines[-1] if lines else "no output")

    def __str__(self):
        return self.output

    def toterminal(self, tw):
        for line in self.output.splitlines():
            tw.line(line)


class CaseFile(pytest.File):
    @property
    def long(self):
        return self.config.getoption("long")

    def collect(self):
        try:
            names, settings = case_file.read(self.path)
        except case_file.Wrong as e:
            raise self.CollectError(str(e)) from None
        only = settings.get("ONLY")
        if only and (only not in INTERPRETERS or not settings.get("WHY")):
            raise self.CollectError(
                "%s: ONLY must be one of %s, and WHY must say why."
                % (self.path.name, ", ".join(INTERPRETERS))
            )
        chosen = [only] if only else list(INTERPRETERS)
        elsewhere = NOT_ON_WEBASSEMBLY.get(self.path.stem, {})
        elsewhere = [*(names if isinstance(elsewhere, str) else elsewhere)]
        elsewhere += [] if self.long else long_cases().get(self.path.stem, [])
        always = self.path.stem in EVERYWHERE
        asked = self.config.getoption("everywhere") or self.long
        everywhere = CI or asked or always
        if everywhere and "micropython" in chosen:
            chosen += MORE
            if not (always or asked):
                # Of one version, 32 bits tell more than 64: those of boards.
                chosen.remove("micropython")
            if not settings.get("NEEDS_UGSIM"):
                # The others are told by the newest one, or by the unix ports.
                chosen += list(WEBASSEMBLY) if always or self.long else [NEWEST]
        families = self.families(settings)
        if self.config.getoption("family"):
            chosen = []
        for family in families:
            group = CaseGroup(self.path, "cpython", settings, family)
            for name, line in names.items():
                if not self.config.getoption("family") and (
                    name in long_cases().get(self.path.stem, ())
                    or family_skips.why(family, "%s::%s" % (self.path.stem, name))
                ):
                    continue
                item = CaseItem.from_parent(self, name="%s[%s]" % (name, family))
                item.setup_case(group, name, line)
                yield item
        inside = inside_cases(settings, names)
        for interpreter in chosen:
            group = CaseGroup(self.path, interpreter, settings)
            sources = CaseGroup(self.path, ON_SOURCES.get(interpreter), settings)
            for name, line in names.items():
                if interpreter in WEBASSEMBLY and name in elsewhere:
                    continue
                # CI runs a case on one new MicroPython at most: here what can't run there, and
                # files that are for MicroPython alone.
                if interpreter == "micropython-newer" and not (always or asked):
                    long = not only and name in long_cases().get(self.path.stem, ())
                    if NEWEST in chosen and (name not in elsewhere or long):
                        continue
                item = CaseItem.from_parent(self, name="%s[%s]" % (name, interpreter))
                apart = sources.interpreter and name in inside
                item.setup_case(sources if apart else group, name, line)
                yield item

    def families(self, settings):
        # Models of ugsim that the cases of this file are played with, beside the usual one.
        of_the_driver = not self.path.stem.startswith("test_model")
        if not of_the_driver or settings.get("NEEDS_UGSIM") or settings.get("ONLY"):
            return ()
        asked = self.config.getoption("family")
        if asked:
            return FAMILIES if asked == "all" else (asked,)
        if not CI or turn() is None:
            return ()
        at = (turn() + sorted(CASES.glob("test_*.py")).index(self.path)) % SHARE
        return FAMILIES[at : at + 1]


@functools.cache
def interpreter(name):
    # (argv, environment)
    return {**INTERPRETERS, **MORE, **SOURCES, **WEBASSEMBLY}[name]()


@functools.cache
def turn():
    # Which families CI plays: with NEW_SEEDS=1 each commit others. None: this is no checkout.
    if os.environ.get("NEW_SEEDS", "") != "1":
        return 0
    git = ["git", "-C", str(HERE), "rev-parse", "--short=7", "HEAD"]
    done = subprocess.run(git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return int(done.stdout, 16) if done.stdout else None


@functools.cache
def long_cases():
    # {file: its cases that take long}
    path = HERE / "long_cases.txt"
    lines = path.read_text().splitlines() if path.exists() else ()
    words = [line.split() for line in lines if not line.startswith("#")]
    return {line[0]: line[1:] for line in words if line}


def inside_cases(settings, names):
    # The tests that INSIDE means.
    inside = settings.get("INSIDE", ())
    if inside is True:
        return names
    unknown = [name for name in inside if name not in names]
    if unknown:
        raise pytest.File.CollectError("INSIDE names %s, which is no test here." % unknown[0])
    return inside


class CaseGroup(Group):
    # The tests of one case file on one interpreter.
    def __init__(self, path, interpreter, settings, family=None):
        super().__init__(path)
        self.interpreter = interpreter
        self.settings = settings
        self.family = family
        self.found = None  # the interpreter's command line and environment, or why there is none

    def prepare(self):
        try:
            self.found = interpreter(self.interpreter)
        except pytest.skip.Exception as e:
            self.found = e

    def command(self, config, stack):
        if isinstance(self.found, BaseException):
            raise self.found
        argv, env = self.found[0], dict(self.found[1])
        if self.family:
            env["CASE_MODEL"] = self.family
        if self.settings.get("NEEDS_UGSIM"):
            import servers

            env.update(servers_env(config))
            env.update(stack.enter_context(servers.ugsim_for_case()))
        argv = [*argv, str(HERE / "run_case.py"), str(self.path), *self.names]
        limit = self.settings.get("TIMEOUT_S", TIMEOUT_S)
        limit *= SLOWER if self.interpreter in WEBASSEMBLY else 1
        # What a case writes without naming a folder is no part of the checkout.
        return argv, env, stack.enter_context(tempfile.TemporaryDirectory()), limit


class CaseItem(pytest.Item):
    def setup_case(self, group, name, line):
        self.group = group
        self.case = name
        self.line = line
        self.add_marker(pytest.mark.timeout(0))  # its file has a limit
        self.seconds = None  # what the case took

    def runtest(self):
        family = self.group.family
        if family and (why := family_skips.why(family, "%s::%s" % (self.path.stem, self.case))):
            pytest.skip("%s: %s" % (family, why))
        result, output, self.seconds = self.group.result(self.case)
        if result != "pass":
            raise CaseError(output)
        if output:
            self.add_report_section("call", "stdout", output)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CaseError):
            return CaseRepr(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, self.line - 1, self.name


@pytest.hookimpl(trylast=True)  # when -k and others have taken out theirs
def pytest_collection_modifyitems(config, items):
    # Most runs in the background while pytest runs the other tests: these first. The last one
    # looks at what the others did.
    config.apart = {}  # nodeid: (group, name)
    if len({item.path for item in items}) > FEW and not config.option.usepdb:
        groups = {}
        for item in items:
            if item.path.stem in APART:
                group = groups.setdefault(item.path, FileGroup(item.path))
                config.apart[item.nodeid] = group, group.add(item.nodeid)
    items.sort(
        key=lambda item: (
            item.path.name == "test_manual_coverage.py",
            type(item) is CaseItem,
            item.nodeid in config.apart,
        )
    )


def pytest_runtestloop(session):
    groups = {}
    for item in session.items:
        if isinstance(item, CaseItem):
            item.group.names.append(item.case)
            groups[id(item.group)] = item.group
        elif item.nodeid in session.config.apart:
            group = session.config.apart[item.nodeid][0]
            groups[id(group)] = group
    if not session.config.option.collectonly and not session.testsfailed:
        session.config.background = Background(session.config, groups.values())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    # A test that runs apart: tells its result. True: that was all.
    if item.nodeid not in item.config.apart:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    group, name = item.config.apart[item.nodeid]
    extra = {}
    try:
        word, output, seconds = group.result(name)
    except Exception as e:
        word, output, seconds = "fail", repr(e), 0
    outcome = {"pass": "passed", "fail": "failed"}.get(word, "skipped")
    longrepr = None if word == "pass" else CaseRepr(output)
    if outcome == "skipped":
        longrepr = (str(item.path), item.location[1], "Skipped: " + output)
        if word == "xfail":
            extra["wasxfail"] = output
    report = pytest.TestReport(
        item.nodeid,
        item.location,
        dict.fromkeys(item.keywords, 1),
        outcome,
        longrepr,
        "call",
        duration=seconds,
        **extra,
    )
    if word != "skip":
        item.config.executed.add(item.nodeid)
    item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish(session):
    background = getattr(session.config, "background", None)
    if background:
        background.stop()


def servers_env(config):
    # The environment variables of the servers for cases, which are started at first use.
    with config.case_lock:
        if config.case_env is None:
            import servers

            folder = Path(config.case_stack.enter_context(tempfile.TemporaryDirectory()))
            try:
                config.case_env = config.case_stack.enter_context(servers.for_cases(folder))
            except servers.MissingServer as e:
                pytest.skip(str(e))
        return config.case_env


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    # A certificate authority and what it issues, made when first asked for.
    from certificates import Certificates

    return Certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def receiver(certs):
    # tools/receiver as a process, with a database of its own.
    from receiver_kit import Receiver

    with Receiver(certs) as r:
        yield r


@pytest.fixture
def start():
    # start(servers.Nginx(certs)) starts a server and stops it after the test.
    import servers

    with contextlib.ExitStack() as stack:

        def start(server):
            try:
                return stack.enter_context(server)
            except servers.MissingServer as e:
                pytest.skip(str(e))

        yield start


@pytest.fixture(scope="module")
def chromium():
    # A browser without a window, for pages; driven by Playwright.
    from playwright.sync_api import sync_playwright

    program = setup.find_server("chromium")
    if program is None:
        pytest.skip("no chromium here: run `python3 tools/test.py` once")
    # The Node.js that comes with it wants a library that not every system has.
    node = setup.find_node()
    with pytest.MonkeyPatch.context() as patch:
        if node is not None:
            patch.setenv("PLAYWRIGHT_NODEJS_PATH", str(node))
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
            yield browser
            browser.close()


# In CI everything that the tests need must be there.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and getattr(item, "seconds", None) is not None:
        report.duration = item.seconds  # it ran in the background
    if report.when == "call" and not report.skipped:
        item.config.executed.add(item.nodeid)
    return _no_skips(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _no_skips((yield))


def _no_skips(report):
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = "Skipped, which in CI is a failure: %s" % (report.longrepr,)
    return report
