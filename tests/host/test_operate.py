# test_operate - docs/operate.md: its alarms by the parsers of YAML and PromQL, its commands.
# SPDX-License-Identifier: MIT

import json
import re
import subprocess
import sys

import promql_parser
import yaml

import setup
from receiver import options
from receiver.metrics import Metrics

PAGE = (setup.ROOT / "docs/operate.md").read_text()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, PAGE, re.M | re.S)


def selectors(text):
    # Names of the metrics that an expression reads; ValueError if it is none.
    found = []

    def look(node):
        if isinstance(node, promql_parser.VectorSelector):
            matchers = [(m.name, m.value) for m in node.matchers.matchers]
            found.append((node.name, matchers))

    promql_parser.walk(promql_parser.parse(text), look)
    return found


def test_the_alarms_read_metrics_that_there_are():
    metrics = Metrics()
    metrics.records.labels("https")
    metrics.refused.labels("https", "token")
    page = metrics.page({"devices": 0, "seen_day": 0, "waiting": 0, "missing": 0}).decode()
    there = set(re.findall(r"^(\w+)[{ ]", page, re.M)) | {"up"}
    scrape, rules = [yaml.safe_load(text) for text in blocks("yaml")]
    (group,) = rules["groups"]
    read = set()
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for"}, rule
        assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        names = selectors(rule["expr"])
        assert names and {name for name, _ in names} <= there, rule
        read |= {name for name, _ in names}
    assert len(group["rules"]) == len({rule["alert"] for rule in group["rules"]}) > 9
    assert "qssl_database_usable" in read and "qssl_ids_missing" in read
    (job,) = scrape["scrape_configs"]
    assert selectors('up{job="%s"}' % job["job_name"]) == [("up", [("job", "qssl")])]


def test_a_broker_that_is_not_wanted_makes_no_alarm():
    counts = {"devices": 0, "seen_day": 0, "waiting": 0, "missing": 0}
    assert "qssl_broker_connected NaN\n" in Metrics().page(counts).decode()


def test_the_commands_are_such():
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        words = subprocess.run(
            ["bash", "-c", "printf '%s\\n' " + line], capture_output=True, text=True, check=True
        ).stdout.split("\n")[:-1]
        assert words[:2] == ["python3", "tools/receiver"]
        chosen = options.parse(words[2:])
    assert len(chosen.who) == 500 and chosen.who[499] == "north-500"
    assert chosen.address == ("receiver.example", 8443)


def test_a_trace_out_of_records(tmp_path):
    (code,) = re.findall(r'python3 -c "(.*?)" >', PAGE, re.S)
    records = [{"record": {"t": 1}}, {"record": {"trace": "0.0 > AT"}}]
    (tmp_path / "records.json").write_text(json.dumps({"records": records}))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "0.0 > AT\n"), done.stderr
