# test_guarantees - every test that the docs name exists, and every risk has one.
# SPDX-License-Identifier: MIT

import re

import pytest

import setup

DOCS = setup.ROOT / "docs"
HOST = setup.ROOT / "tests" / "host"
NAME = re.compile(r"`([a-z0-9_]+)/([a-z0-9_]+)`")


def known():
    tests = set()
    for path in [*HOST.glob("test_*.py"), *HOST.glob("cases/test_*.py")]:
        for name in re.findall(r"^def test_(\w+)", path.read_text("utf-8"), re.M):
            tests.add((path.stem[5:], name))
    return tests


@pytest.mark.parametrize("file", ["guarantees.md", "security.md"])
def test_every_named_test_exists(file):
    named = NAME.findall((DOCS / file).read_text("utf-8"))
    missing = sorted(set(named) - known())
    assert len(named) > 5 and not missing, missing


def test_every_promise_and_every_risk_has_a_test():
    text = (DOCS / "guarantees.md").read_text("utf-8")
    promises = re.split(r"^## G", text, flags=re.M)[1:]
    assert [p[0] for p in promises] == list("12345678")
    for promise in promises:
        assert len(NAME.findall(promise.split("**Tests.**")[1])) >= 5
    rows = re.findall(r"^\| R(\d+) \|(.*)$", text, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 35))
    for number, row in rows:
        assert NAME.search(row), "R" + number
