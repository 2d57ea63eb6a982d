# test_search - tools/search.py: no schedule breaks a promise, and one that does is found.
# SPDX-License-Identifier: MIT

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

import setup
import tool
from qsearch import run

CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
# NEW_SEEDS=1: each commit plays others.
NEW = os.environ.get("NEW_SEEDS", "") == "1"
SCHEDULES = 6000 if CI and NEW else 3000 if CI else 600
SEED = 1000000


def search(*args, timeout=1500):
    status, out, err = tool.call("search.py", *args, timeout=timeout)
    return status, out + err


def test_an_interruption_is_no_failure(capsys):
    # The workers end with it, and nothing more begins.
    program = ("cpython", ["/bin/sh", "-c", "exec sleep 60"], None)
    options = argparse.Namespace(seed=0, schedules=500, jobs=2, forms="all", model="ug96")
    one = run.Search([program], options)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        one.run()
    assert time.monotonic() - begin < 30 and not one.workers
    assert one.failures == [] and "FAILED" not in capsys.readouterr().out


def test_ctrl_c_at_any_moment_is_one_sentence():
    # To the parent twice, and to a worker: none of them ends with a traceback, or a failure.
    code = (
        "import os, signal, sys, threading, time\n"
        "import setup\nfrom qsearch import run\n"
        "def strike():\n"
        "    time.sleep(float(sys.argv[1]))\n"
        "    for process in [*made[0].workers]:\n        os.kill(process.pid, signal.SIGINT)\n"
        "    for _ in range(2):\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "def program(args):\n"
        "    one = run.Search([run.cpython()], options)\n    made.append(one)\n"
        "    threading.Thread(target=strike, daemon=True).start()\n    return one.run()\n"
        "import argparse\nmade = []\n"
        "options = argparse.Namespace(seed=0, schedules=500, jobs=2, forms='all', model='ug96')\n"
        "sys.exit(setup.main(program))\n"
    )
    for delay in (0, 0.001, 0.05, 0.4):
        env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
        argv = [sys.executable, "-c", code, str(delay)]
        done = subprocess.run(argv, env=env, cwd=setup.ROOT, capture_output=True, text=True)
        assert done.stderr == "\nInterrupted; run it again to go on.\n", (delay, done.stderr)
        assert done.returncode == 130 and "FAILED" not in done.stdout, (delay, done.stdout)


def seed():
    # With NEW_SEEDS each commit plays schedules that nobody has seen, and the same ones when it is
    # played again. Elsewhere, and where there is no commit, those that are known to hold.
    if not NEW:
        return SEED
    try:
        argv = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(argv, cwd=setup.ROOT, capture_output=True, text=True)
    except OSError:
        return SEED
    return int(done.stdout[:7], 16) if done.returncode == 0 else SEED


@pytest.mark.timeout(1800)
def test_every_promise_holds():
    words = ["--schedules", str(SCHEDULES), "--seed", str(seed())]
    status, output = search(*words)
    print(output[-3000:])
    print("to play them again: python3 tools/search.py " + " ".join(words))
    assert status == 0 and "every promise held" in output
    found = re.search(r"(\d+) schedules \(cpython (\d+), micropython (\d+)\)", output)
    assert found and int(found[1]) == SCHEDULES and 0 < int(found[3]) < int(found[2])


def test_where_there_is_no_commit_the_seed_is_fixed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "NEW", True)
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty"]
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert seed() == SEED
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert seed() == SEED
    found = set()
    for i in range(2):
        subprocess.run([*argv, "-m", str(i)], cwd=tmp_path, check=True)
        found.add(seed())
        assert seed() in found
    assert len(found) == 2 and SEED not in found
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seed() == SEED


def test_a_schedule_that_fails_is_shown_and_can_be_replayed(tmp_path):
    plan = {"switches": {}, "rig": {}, "ops": [["connect", 0, 30, 5], ["nonsense"]]}
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    # Where it fails is shown.
    words = ("--replay", file, "--interpreter", "cpython")
    status, _, err = tool.call("search.py", *words, traceback=True)
    assert status == 1 and "op_nonsense" in err
    plan["ops"].pop()
    file.write_text(json.dumps({"seed": 1, "why": "", "plan": plan}))
    status, output = search("--replay", str(file))
    assert status == 0 and output.count("holds") == 2


def test_every_form_plays_on_both_interpreters():
    # That they hold is for a longer search to show.
    from qsearch.plan import ALL_FORMS

    words = ["--schedules", "4", "--seed", "4", "--jobs", "1", "--interpreter"]
    for form in ALL_FORMS:
        for name in ("cpython", "micropython"):
            status, output = search("--forms", form, *words, name)
            if form == "aio" and name == "cpython":
                assert status == 2 and "need MicroPython" in output
                continue
            assert "4 schedules (%s 4), seeds 4 to 7" % name in output, output
            assert "without a result" not in output and "Traceback" not in output, output


def test_asyncio_is_played_by_micropython(tmp_path):
    # Whoever has the others of a piece: none is left out, none is played twice.
    words = ["--schedules", "20", "--seed", "5", "--jobs", "1", "--forms", "foreign,aio"]
    status, output = search(*words)
    assert "20 schedules (cpython 10, micropython 10), seeds 5 to 24" in output, output
    status, output = search(*words, "--interpreter", "cpython")
    assert "10 schedules (cpython 10)" in output and "need MicroPython" in output, output
    plan = {"form": "aio", "switches": {}, "rig": {}, "ops": [["trouble", 1, "restart"]]}
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    status, output = search("--replay", str(file))
    assert status == 0 and output.count("holds") == 1 and "on micropython" in output, output
    # The modem is down when its tasks are done: it comes back as for any other program.
    plan["ops"] = [["trouble", 3, "fault crash do=quiet by=300"]]
    file.write_text(json.dumps(plan))
    status, output = search("--replay", str(file))
    assert status == 0 and output.count("holds") == 1, output


# As the search has shown them, each shortened; and what was wrong.
ONCE = {
    "a queue that could not be written counted what it had not written": {
        "form": "mail",
        "carrier": "https",
        "reads": False,
        "rig": {"seed": 407},
        "ops": [
            ["record"],
            ["work", 70],
            ["settings", {"interval_s": 60, "host": "nobody.example"}],
            ["work", 70],
            ["settings", {"volume": 62, "label": "c", "host": "server.example"}],
            ["record"],
            ["work", 70],
            ["full", 13],
            ["work", 70],
            ["record"],
            ["record"],
            ["work", 5],
        ],
    },
    "a zero behind the prompt was taken for an echo of the payload": {
        "ops": [
            ["connect", 0, 5, 20],
            ["write", 0, 2],
            ["fault", "before before=final n=4 size=3000 what=nul"],
            ["close", 0],
        ],
    },
    "bytes that came one by one kept the idle hook from its turn": {
        "sockets": 12,
        "form": "twelve",
        "switches": {"reply_ms": 300},
        "ops": [
            ["connect", 0, 30, 1],
            ["connect", 1, 30, 20],
            ["connect", 3, 30, 1],
            ["mark", 0, 100],
            ["mark", 3, 1461],
            ["flush", 1],
            ["end", 0, "close"],
        ],
    },
    "the text of a message hid SEND OK behind payload that was echoed": {
        "form": "foreign",
        "switches": {"payload_echo": "always"},
        "ops": [
            ["connect", 0, 100, 5],
            ["connect", 1, 100, 5],
            ["fault", "foreign before=echo lines=several first=19 n=3"],
            ["mark", 1, 1460],
            ["line", 0, 1],
        ],
    },
    "what wakes a modem was typed into an open prompt": {
        "ops": [
            ["connect", 0, 30, 0],
            ["write", 0, 1500],
            ["fault", "mute ms=25000"],
            ["start"],
        ],
    },
    "a time-out that is shorter than the modem's answers was held against lines of others": {
        "form": "foreign",
        "switches": {"reply_ms": 300},
        "ops": [["connect", 0, 100, 1], ["mark", 0, 1460], ["mark", 0, 3000]],
    },
}


@pytest.mark.parametrize("why", ONCE)
def test_what_once_failed(tmp_path, why):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(dict({"switches": {}, "rig": {}}, **ONCE[why])))
    status, output = search("--replay", str(file))
    assert status == 0 and output.count("holds") == 2, output


def test_shrinking_leaves_what_matters():
    from qsearch.shrink import shrink

    def attempt(plan):
        words = [op[0] for op in plan["ops"]]
        bad = "b" in words and "d" in words and "s" in plan["switches"]
        return None, "Violation: G2: %s" % words if bad else None

    plan = {
        "switches": {"r": 1, "s": 2, "t": 3},
        "rig": {"chunk": 64},
        "ops": [[c] for c in "aabacadaa"],
    }
    small = shrink(plan, "Violation: G2: x", attempt)
    assert small == {"switches": {"s": 2}, "rig": {}, "ops": [["b"], ["d"]]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--schedules", "0"], "Argument --schedules: 0 is not a number from 1 to"),
        (["--interpreter", "jython"], "Argument --interpreter: invalid choice: 'jython'"),
        (["--forms", "raw,none"], "Argument --forms: there is no form none"),
        (["--seed"], "Argument --seed: expected one argument"),
        (["--replay", "/nowhere"], "can't read /nowhere: No such file"),
        (["--replay", "README.md"], "README.md holds no schedule"),
    ],
)
def test_wrong_use_is_one_sentence(words, said):
    status, output = search(*words)
    assert status == 2 and said in output and output.count("\n") == 1


def test_schedules_of_lte_models():
    # The same ones as for a UG96, with a model and its switches.
    from qsearch import plan
    from ugsim.model.switches import LTE

    models = set()
    for first in range(300):
        old, new = plan.generate(first), plan.generate(first, plan.FORMS, "any")
        models.add(new["rig"].pop("model", "ug96"))
        switches = {n: v for n, v in new["switches"].items() if n not in LTE}
        assert (new["ops"], new["rig"]) == (old["ops"], old["rig"])
        assert switches == {n: v for n, v in old["switches"].items() if n in switches}
    assert models == {"ug96", *plan.LTE}
    # A search that says nothing else draws the model, and tells how many each has played.
    status, output = search("--schedules", "60", "--seed", "5000", "--interpreter", "cpython")
    assert status == 0 and "every promise held" in output, output
    told = dict(re.findall(r"(\w+) (\d+)", output.partition("\nwith ")[2].partition("\n")[0]))
    assert set(told) == models and 20 < int(told["ug96"]) < 40, output
    status, output = search("--model", "bg95", "--schedules", "4", "--seed", "5000")
    assert status == 0 and "\nwith bg95 4\n" in output, output
    status, output = search("--model", "bg97")
    assert status == 2 and "unknown model 'bg97'" in output and output.count("\n") == 1
