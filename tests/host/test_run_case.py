# test_run_case - the running of cases: whatever goes wrong in a case is reported, never lost.
# SPDX-License-Identifier: MIT

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import case_file
import setup
from background import APART
from conftest import FAMILIES, FEW
from interpreters import HERE, NOT_ON_WEBASSEMBLY, WEBASSEMBLY
from patience import LIMIT_S, until

BOTH = ("cpython", "micropython")
NEWEST = list(WEBASSEMBLY)[-1]


@pytest.fixture
def run(tmp_path):
    # run(case text, *pytest options) runs pytest on the case in a folder of its own; returns its
    # output. run.results: {"name[interpreter]": outcome}
    names = ("conftest", "interpreters", "run_case", "case_file", "case_process")
    names += ("background", "apart")
    for name in (*(name + ".py" for name in names), "webassembly.mjs"):
        shutil.copy(HERE / name, tmp_path)
    shutil.copytree(HERE / "cpython", tmp_path / "cpython")
    (tmp_path / "support").mkdir()
    shutil.copy(HERE / "support/family_skips.py", tmp_path / "support")
    (tmp_path / "cases").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(text, *options, **variables):
        (tmp_path / "cases" / "test_it.py").write_text(text)
        argv = [sys.executable, "-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider"]
        argv += ["-p", "pytest_timeout"]
        paths = [str(setup.ROOT / "tools"), str(tmp_path)]
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the others start slowly
        env.update({"CI": ""}, **variables)
        env.pop("PYTEST_CURRENT_TEST", None)
        done = subprocess.run(
            [*argv, *options], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300
        )
        found = re.findall(r"::(\S+) (PASSED|FAILED|SKIPPED|ERROR)", done.stdout)
        run.results = {name: word.lower() for name, word in found}
        run.status = done.returncode
        return done.stdout

    return run


def expect(run, **outcomes):
    # The outcome of each test on both interpreters, and nothing else.
    assert run.results == {
        "%s[%s]" % (name, interpreter): outcome
        for name, outcome in outcomes.items()
        for interpreter in BOTH
    }


def test_cases_with_another_family_of_modems(run):
    text = "import os\ndef test_it(): assert os.getenv('CASE_MODEL') == 'bg95'\n"
    run(text, "--family", "bg95")
    assert run.results == {"test_it[bg95]": "passed"}
    run(text, "--family", "all")
    others = dict.fromkeys(FAMILIES, "failed")
    assert run.results == {"test_it[%s]" % m: v for m, v in dict(others, bg95="passed").items()}
    run(text, "--family", "bg97")
    assert run.status == 4 and not run.results


def test_pass_and_fail_are_told_apart(run):
    output = run(
        "def test_good(): pass\n"
        "def test_bad():\n"
        "    print('seen before')\n"
        "    assert 1 == 2, 'the reason'\n"
        "def test_after(): pass\n"
    )
    expect(run, test_good="passed", test_bad="failed", test_after="passed")
    assert run.status == 1
    assert output.count("AssertionError: the reason") >= 2
    assert len(re.findall(r'test_it.py", line 4, in test_bad', output)) == 2
    assert output.count("seen before") == 2
    assert re.findall(r"FAILED \S+ - (.*)", output) == ["AssertionError: the reason"] * 2


def test_each_interpreter_is_really_that_one(run):
    run(
        "import sys\n"
        "def test_c(): assert sys.implementation.name == 'cpython'\n"
        "def test_m(): assert sys.implementation.name == 'micropython'\n"
    )
    assert run.results == {
        "test_c[cpython]": "passed",
        "test_c[micropython]": "failed",
        "test_m[cpython]": "failed",
        "test_m[micropython]": "passed",
    }


def test_a_hang_fails_by_name_and_the_rest_with_it(run):
    start = time.monotonic()
    output = run(
        "TIMEOUT_S = 12\n"
        "def test_a(): pass\n"
        "def test_hang():\n"
        "    print('half a line', end='')\n"
        "    while True: pass\n"
        "def test_z(): pass\n"
    )
    assert time.monotonic() - start < 200
    expect(run, test_a="passed", test_hang="failed", test_z="failed")
    assert "test_hang did not end: it was still running 12 s after" in output
    assert output.count("Not run, because test_hang did not end") >= 2
    assert output.count("half a line") >= 2


def test_a_hang_at_import_fails_everything(run):
    output = run("TIMEOUT_S = 1\nwhile True: pass\ndef test_a(): pass\n")
    expect(run, test_a="failed")
    assert "still running 1 s" in output


def test_an_interpreter_that_dies_fails_the_test_that_killed_it(run):
    text = (
        'ONLY = "cpython"\nWHY = "os._exit"\nimport os\n'
        "def test_a(): pass\n"
        "def test_die(): os._exit(0)\n"
        "def test_z(): pass\n"
    )
    output = run(text)
    assert run.results == {
        "test_a[cpython]": "passed",
        "test_die[cpython]": "failed",
        "test_z[cpython]": "failed",
    }
    assert "test_die did not end: the interpreter ended (exit status 0)" in output


def test_micropython_out_of_stack_or_memory_is_a_failure(run):
    run(
        "def deeper(): return deeper() + 1\n"
        "def test_deep(): deeper()\n"
        "def test_a(): pass\n"
    )  # fmt: skip
    expect(run, test_deep="failed", test_a="passed")


def test_exit_is_a_failure(run):
    output = run(
        "import sys\n"
        "def test_exit(): sys.exit(0)\n"
        "def test_quit(): raise SystemExit\n"
        "def test_a(): pass\n"
    )
    expect(run, test_exit="failed", test_quit="failed", test_a="passed")
    assert "SystemExit" in output


def test_import_error_fails_every_test_with_the_traceback(run):
    output = run("import no_such_module\ndef test_a(): pass\ndef test_b(): pass\n")
    expect(run, test_a="failed", test_b="failed")
    assert "no_such_module" in output
    assert 'test_it.py", line 1' in output


def test_exit_at_import_fails_every_test(run):
    run("import sys\nsys.exit(0)\ndef test_a(): pass\n")
    expect(run, test_a="failed")


def test_printing_a_result_line_does_not_pass(run):
    run(
        "def test_a():\n    print('@@ pass test_b 0')\n    raise ValueError\ndef test_b(): 1 / 0\n"
    )
    expect(run, test_a="failed", test_b="failed")


def test_selection_runs_only_what_was_asked_for(run):
    text = "def test_one(): print('ONE')\ndef test_two(): print('TWO')\n"
    output = run(text, "-k", "two", "-rP")
    expect(run, test_two="passed")
    assert "TWO" in output and "ONE" not in output
    run(text, "cases/test_it.py::test_one[micropython]")
    assert run.results == {"test_one[micropython]": "passed"}
    run(text, "-k", "cpython and one")
    assert run.results == {"test_one[cpython]": "passed"}


def test_first_failure_stops_with_x(run):
    run("def test_a(): 1 / 0\ndef test_b(): pass\n", "-x")
    assert run.results == {"test_a[cpython]": "failed"}


def test_only_needs_a_known_interpreter_and_a_reason(run):
    output = run('ONLY = "micropython"\ndef test_a(): pass\n')
    assert "WHY must say why" in output
    assert run.status == 2
    run('ONLY = "micropython"\nWHY = "heap"\ndef test_a(): pass\n')
    assert run.results == {"test_a[micropython]": "passed"}


@pytest.mark.parametrize(
    "text, words",
    [
        ("def test_a(): pass\ndef test_a(): pass\n", "a second test has the name test_a"),
        ("if True:\n    def test_a(): pass\n", "must be a plain function at the top level"),
        ("class T:\n    def test_a(self): pass\n", "must be a plain function at the top level"),
        ("async def test_a(): pass\n", "must be a plain function at the top level"),
        ("def test_a(:\n", "test_it.py:1: "),
    ],
)
def test_a_test_that_would_never_run_is_an_error(run, text, words):
    output = run(text)
    assert words in output
    assert run.status == 2


def test_a_missing_interpreter_skips_here_and_fails_in_ci(run, tmp_path):
    text = "def test_a(): pass\n"
    site = tmp_path / "sitecustomize.py"
    site.write_text(
        "import sys\nsys.path.insert(0, %r)\n"
        "import setup\nsetup.find_micropython = lambda bits=64, suite=None: None\n"
        "setup.find_webassembly = lambda version: None\n" % str(setup.ROOT / "tools")
    )
    output = run(text, "-rs")
    assert run.results == {"test_a[cpython]": "passed", "test_a[micropython]": "skipped"}
    assert "python3 tools/test.py" in output
    output = run(text, CI="true", NEW_SEEDS="")
    good = ("cpython", FAMILIES[0])  # the family whose turn the first file is
    assert run.results == {"test_a[%s]" % name: "passed" for name in good} | {
        "test_a[%s]" % name: "failed" for name in ("micropython32", NEWEST)
    }
    assert "in CI is a failure" in output


def test_what_a_test_changes_for_itself_is_not_for_the_cases_that_begin_meanwhile(run, tmp_path):
    text = "import os, time\ndef test_it(): time.sleep(0.5); assert os.getenv('MINE') is None\n"
    for i in range(4 * (os.cpu_count() or 1)):
        (tmp_path / "cases" / ("test_%d.py" % i)).write_text(text)
    (tmp_path / "test_first.py").write_text(
        "import os, time\ndef test_change(monkeypatch):\n"
        "    monkeypatch.setenv('MINE', '1')\n    monkeypatch.setenv('PATH', '')\n"
        "    monkeypatch.setenv('MICROPYTHON', '/none')\n    time.sleep(3)\n"
    )
    said = run(text, "test_first.py", "cases")
    assert run.status == 0 and set(run.results.values()) == {"passed"}, said


def test_skips_of_ordinary_tests_fail_in_ci(run, tmp_path):
    (tmp_path / "test_plain.py").write_text(
        "import pytest\ndef test_s(): pytest.skip('no board')\n"
        "@pytest.mark.xfail\ndef test_x(): 1 / 0\n"
    )
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such')\n")
    output = run("def test_a(): pass\n")
    assert run.status == 0
    output = run("def test_a(): pass\n", CI="true")
    assert run.status != 0
    assert "test_module.py" in output
    (tmp_path / "test_module.py").unlink()
    output = run("def test_a(): pass\n", CI="true", NEW_SEEDS="")
    assert run.results["test_s"] == "failed"
    assert "1 failed, 4 passed, 1 xfailed" in output


@pytest.mark.parametrize("interpreter", WEBASSEMBLY)
def test_webassembly_is_what_it_says_and_tells_failures(run, interpreter):
    major, minor = interpreter.partition("-")[2].split(".")
    output = run(
        "import binascii, os, sys\n"
        "def test_it():\n"
        "    assert sys.implementation.version[:2] == (%s, %s), sys.implementation\n"
        "    assert sys.platform == 'webassembly' and len(os.urandom(3)) == 3\n"
        "def test_as_on_a_board():\n"
        "    try:\n        binascii.a2b_base64(b'x')\n"
        "    except ValueError: pass\n"
        "def test_bad():\n    print('seen')\n    assert 1 == 2, 'the reason'\n"
        "def test_out(): sys.exit(0)\n"
        "def deeper(): return deeper() + 1\n"
        "def test_deep(): deeper()\n"
        "def test_much(): return bytearray(200 << 20)\n"
        "def test_after(): pass\n" % (major, minor),
        "-k",
        interpreter,
        *([] if interpreter == NEWEST else ["--long"]),
        CI="true",
    )
    good = ("test_it", "test_as_on_a_board", "test_after")
    bad = ("test_bad", "test_out", "test_deep", "test_much")
    assert run.results == {"%s[%s]" % (name, interpreter): "passed" for name in good} | {
        "%s[%s]" % (name, interpreter): "failed" for name in bad
    }, output
    assert "AssertionError: the reason" in output and "seen" in output


def test_what_takes_long_is_not_run_on_webassembly(run, tmp_path):
    (tmp_path / "long_cases.txt").write_text("# why\ntest_it test_long test_gone\n")
    text = "def test_long(): pass\ndef test_short(): pass\n"
    run(text, "-k", "micropython-1", CI="true")
    assert run.results == {"test_short[%s]" % NEWEST: "passed"}
    run(text, "-k", "micropython-newer", CI="true")
    assert run.results == {}
    run('ONLY = "micropython"\nWHY = "x"\n' + text, "-k", "micropython-newer", CI="true")
    assert run.results == {"test_long[micropython-newer]": "passed"}
    run(text, "-k", "micropython-newer", "--everywhere", CI="true")
    assert len(run.results) == 2
    run(text, "-k", "micropython-1", "--long", CI="true")
    assert run.results == {
        "test_%s[%s]" % (name, interpreter): "passed"
        for name in ("long", "short")
        for interpreter in WEBASSEMBLY
    }


def test_what_is_not_on_webassembly_is_there_and_has_a_reason():
    for stem, what in NOT_ON_WEBASSEMBLY.items():
        names, _ = case_file.read(HERE / "cases" / (stem + ".py"))
        assert what if isinstance(what, str) else all(what.values()), stem
        if not isinstance(what, str):
            assert not set(what) - set(names), stem
            assert set(names) - set(what), "all of %s: name the file alone" % stem


APART_TEXT = """
import os, pytest

def test_place(): assert ("CASE_MARK" in os.environ) == (HERE == "apart")
@pytest.mark.parametrize("text", ["a b", "x::y[z]", "@@ pass 5", "line\\nline"])
def test_with(text): assert text != "a b", "the reason"
def test_skip(): pytest.skip("no board")
@pytest.mark.xfail
def test_expected(): 1 / 0
@pytest.fixture
def torn():
    yield
    raise OSError("torn down")
def test_teardown(torn): pass
@pytest.fixture
def unmade(): raise OSError("not made")
def test_setup(unmade): pass
def test_last(): pass
"""


def test_a_file_that_runs_apart_tells_all(run, tmp_path):
    # As it would in the same process.
    for i in range(FEW):
        (tmp_path / ("test_few%d.py" % i)).write_text("def test_few(): pass\n")
    for name, here in (("test_as_ever", ""), (APART[0], "apart")):
        text = "HERE = %r\n" % here + APART_TEXT
        (tmp_path / (name + ".py")).write_text(text)
    output = run("def test_a(): pass\n", "-rA")
    wanted = {"test_place": "PASSED", "test_skip": "SKIPPED", "test_expected": "XFAIL"}
    wanted.update({"test_setup": "FAILED", "test_last": "PASSED", "test_teardown": "FAILED"})
    for name, word in wanted.items():
        found = re.findall(r"%s\.py::%s (\w+)" % (APART[0], name), output)
        assert found and found[0] == word, (name, found)
    words = re.findall(r"%s\.py::test_with\S.*? (PASSED|FAILED)" % APART[0], output)
    assert words == ["FAILED", "PASSED", "PASSED", "PASSED"]
    assert output.count("torn down") >= 2 and output.count("not made") >= 2
    assert output.count("AssertionError: the reason") >= 2
    assert run.status == 1
    total = re.findall(r"(\d+) failed, (\d+) passed, 2 skipped, 2 xfailed, 2 errors", output)
    assert total and int(total[0][0]) == 4, output[-300:]
    # No more than what was selected runs, there neither.
    (tmp_path / (APART[0] + ".py")).write_text(
        "def test_few(): assert 'CASE_MARK' in __import__('os').environ\n"
        "def test_other(): open(%r, 'w')\n" % str(tmp_path / "ran")
    )
    run("def test_a(): pass\n", "-k", "few")
    assert run.status == 0 and not (tmp_path / "ran").exists()
    (tmp_path / (APART[0] + ".py")).write_text(text)
    output = run("def test_a(): pass\n", "-rA", CI="true")
    assert re.search(r"%s\.py::test_skip FAILED" % APART[0], output)
    assert run.status == 1


def test_what_runs_apart_and_ends_fails(run, tmp_path):
    for i in range(FEW):
        (tmp_path / ("test_few%d.py" % i)).write_text("def test_few(): pass\n")
    (tmp_path / (APART[0] + ".py")).write_text(
        "import os\ndef test_a(): pass\ndef test_die(): os._exit(0)\ndef test_z(): pass\n"
    )
    output = run("def test_a(): pass\n")
    assert [run.results[name] for name in ("test_a", "test_die", "test_z")] == [
        "passed",
        "failed",
        "failed",
    ]
    assert "did not end: the interpreter ended (exit status 0)" in output
    (tmp_path / (APART[0] + ".py")).write_text("def test_a(): pass\nimport os\n" + _BREAKS)
    output = run("def test_a(): pass\n")
    assert run.results["test_a"] == "failed" and "only here" in output


_BREAKS = "if 'APART' in os.environ or 'CASE_MARK' in os.environ: raise ValueError('only here')\n"


def test_nothing_is_left_running(run, tmp_path):
    text = (
        'ONLY = "cpython"\nWHY = "subprocess"\nTIMEOUT_S = 12\n'
        "import subprocess, sys\n"
        "def test_a():\n"
        "    p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "    open(%r, 'w').write(str(p.pid))\n"
        "    p.wait()\n" % str(tmp_path / "pid")
    )
    run(text)
    assert run.results == {"test_a[cpython]": "failed"}
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid):
    def ended():
        try:
            # "Z": whoever is process 1 has not noticed.
            return Path("/proc/%d/stat" % pid).read_text().split()[2] == "Z"
        except OSError:
            return True

    try:
        return until(ended)
    except AssertionError:
        os.kill(pid, 9)
        return False


def test_what_a_case_writes_is_no_part_of_the_checkout(run):
    run("def test_a():\n    with open('left-over.txt', 'w') as f:\n        f.write('x')\n")
    expect(run, test_a="passed")
    assert not (setup.ROOT / "left-over.txt").exists()


def test_terminated_it_stops_what_runs(run, tmp_path):
    # The whole way: the entry program gets SIGTERM, the case's interpreter is gone.
    text = "import os\ndef test_a():\n    f = open(%r, 'w')\n    f.write(str(os.getpid()))\n"
    text += "    f.close()\n    while True: pass\n"
    text = 'ONLY = "cpython"\nWHY = "getpid"\n' + text % str(tmp_path / "pid")
    (tmp_path / "cases/test_it.py").write_text(text)
    code = "import setup, sys; sys.exit(setup.main(lambda args: setup.call(args)))"
    argv = [sys.executable, "-c", code, sys.executable, "-m", "pytest", str(tmp_path)]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(setup.ROOT / "tools"), str(tmp_path)]))
    entry = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    entry.terminate()
    assert entry.wait(LIMIT_S) == 130
    assert gone(int((tmp_path / "pid").read_text()))
