# apart - a plugin for the pytest that runs one test file apart, see background.FileGroup.
# SPDX-License-Identifier: MIT
#
# $APART: the tests to run, as JSON. Prints what run_case.py prints, with their numbers as names.

import json
import os

_MARK = os.environ["CASE_MARK"]
_NUMBERS = {nodeid: i for i, nodeid in enumerate(json.loads(os.environ.pop("APART")))}
_out = os.fdopen(os.dup(1), "w", encoding="utf-8")  # pytest has not taken it yet
_found = {}  # nodeid: (word, text), the worst of its phases


def _say(*words):
    print("\n" + _MARK, *words, file=_out, flush=True)


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.nodeid in _NUMBERS]


def pytest_runtest_logstart(nodeid):
    _say("run", _NUMBERS[nodeid])


def pytest_runtest_logreport(report):
    word, text = _found.get(report.nodeid, ("pass", ""))
    if report.failed:
        # Of a test that has failed, its teardown may tell more.
        sections = ["--- %s\n%s" % section for section in report.sections]
        text = "\n".join([part for part in (text, report.longreprtext, *sections) if part])
        word = "fail"
    elif report.skipped and word == "pass":
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        text = getattr(report, "wasxfail", "") or why
        word = "xfail" if hasattr(report, "wasxfail") else "skip"
    _found[report.nodeid] = word, text


def pytest_runtest_logfinish(nodeid):
    word, text = _found.pop(nodeid)
    if text:
        print("\n" + text, file=_out)
    _say(word, _NUMBERS[nodeid])
