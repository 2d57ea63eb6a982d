# qcheck.main - tools/check_server.py in the virtual environment.
# SPDX-License-Identifier: MIT

import json
import os
import sys

import setup
from qcheck import options, report
from qcheck.models import MODELS
from qcheck.survey import Survey
from qcheck.verdict import Verdict
from qshared import ending
from qshared.problem import Problem


def _tell(text):
    # How far it is, on a terminal alone.
    if sys.stderr.isatty():
        print("\r\x1b[K%s ..." % text if text else "\r\x1b[K", end="", file=sys.stderr, flush=True)


def _save(path, anchor):
    if anchor is None or not anchor.certs:
        raise Problem("There is no CA to save in %s: give one with --ca." % path)
    pem = anchor.pem()
    try:
        if path.exists():
            if path.read_bytes() == pem:
                return
            raise Problem("%s is there already and is another one: it stays as it is." % path)
        part = path.with_name(path.name + ".part")
        part.write_bytes(pem)
        os.replace(part, path)
    except OSError as error:
        raise Problem("Can't write %s: %s." % (path, error.strerror)) from None


def run(chosen):
    # Exit status; Problem if it could not be tried.
    survey = Survey(chosen, MODELS[chosen.model], _tell)
    try:
        survey.run()
        verdict = Verdict(survey, chosen.ca, chosen.save)
    finally:
        _tell("")
    saved = None
    problem = None
    if chosen.save and survey.reachable():
        try:
            _save(chosen.save, verdict.anchor)
            saved = chosen.save
        except Problem as error:
            problem = error
    found = report.data(survey, verdict, chosen.lines)
    if chosen.json:
        print(json.dumps(found, indent=2))
    else:
        report.show(found, survey, saved, print)
    if problem:
        raise problem
    return 0 if verdict.good else 1


def main(args):
    chosen = options.parse(args)
    return ending.run("check_server.py", lambda stack: run(chosen))


if __name__ == "__main__":
    sys.exit(setup.main(main))
