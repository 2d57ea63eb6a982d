# test_demo - tools/demo.py from end to end, and that it fails when it has to.
# SPDX-License-Identifier: MIT

import io
import re
import signal
import socket
import subprocess
import xml.etree.ElementTree

import pytest
from rich.console import Console

import setup
import tool
from patience import LIMIT_S, once, until
from qdemo.judge import AGAIN, NEW, WRONG, Judge
from qdemo.screen import Screen
from qdemo.senml import Record, parse
from ugsim import view

FAST = ("--baud", "0", "--interval", "0.05", "--records", "4")
# Slow enough that the trouble after half of them finds some that are still to come.
PACED = ("--baud", "0", "--interval", "0.4", "--records", "8")
_EXAMPLE = setup.ROOT / "examples/telemetry_https.py"


@pytest.mark.parametrize("transport", [(), ("--mqtt",)])
def test_all_records_arrive(tmp_path, transport):
    status, out, err = tool.run(tmp_path, "demo.py", *FAST, *transport)
    assert status == 0, out + err
    for n in range(1, 5):
        assert len(re.findall(r" board   \* record %d: 2\d\.\d Cel\n" % n, out)) == 1
        assert len(re.findall(r" server  \* record %d: 2\d\.\d Cel, \d+ bytes\n" % n, out)) == 1
        assert len(re.findall(r" board   \* record %d: confirmed\n" % n, out)) == 1
    assert " host    > AT" not in out
    assert re.search(r"^records +4 sent, 4 received, each once and in order$", out, re.M)
    assert re.search(r"^TLS +TLS1\.2, TLS_RSA_WITH_AES_256_CBC_SHA256, 1 connection$", out, re.M)
    assert re.search(r"^AT commands +\d+: .*\d+ QSSLCFG", out, re.M)
    sent = re.search(r"^to modem +([\d,]+) bytes on the AT port, ([\d,]+) of them", out, re.M)
    wire, payload = (int(text.replace(",", "")) for text in sent.groups())
    assert wire > payload > 4 * 100
    assert re.search(r"^heap +\d+ kB in use", out, re.M)
    assert out.endswith("\nAll 4 records arrived once and in order.\n")
    assert "\x1b" not in out  # not a terminal


def test_a_fleet_with_receiver_and_page(tmp_path):
    status, out, err = tool.run(tmp_path, "demo.py", *FAST, "--fleet", "2")
    assert status == 0, out + err
    assert re.search(r"^page +http://127\.0\.0\.1:\d+/  user demo, password \S+$", out, re.M)
    for n in (1, 2):
        assert " board   * device-%d: 5 records delivered\n" % n in out  # one is about health
    assert out.endswith("\nAll 8 records of 2 devices arrived, each once.\n")
    status, out, err = tool.run(tmp_path, "demo.py", "--fleet", "2", "--restart")
    assert status == 2 and "--fleet goes with" in err and out == ""


@pytest.mark.parametrize("model", ["ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k"])
def test_lte_modems_and_a_server_as_they_are_today(tmp_path, model):
    # By a name beside another one, with ECDHE and AES-GCM.
    status, out, err = tool.run(tmp_path, "demo.py", *FAST, "--model", model)
    assert status == 0, out + err
    suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert re.search(r"^TLS +TLS1\.2, %s, 1 connection$" % suite, out, re.M), out
    assert re.search(r"server +.* on localhost:\d+, TLS 1.2, ECDHE and AES-GCM, another", out)
    assert out.endswith("\nAll 4 records arrived once and in order.\n")


def test_at_shows_the_conversation(tmp_path):
    def run():
        status, out, err = tool.run(tmp_path, "demo.py", *FAST, "--at")
        assert status == 0, out + err
        return out

    def times(out):
        return [float(text) for text in re.findall(r"^ +(\d+\.\d{3})  \w", out, re.M)]

    # What comes more than 60 ms late, of a busy computer, is shown late.
    out = once(run, lambda out: times(out) == sorted(times(out)))
    assert len(times(out)) > 80
    sends = re.findall(r" host    > AT\+QSSLSEND=0,\d+\n", out)
    # Four records: of each the head, the body but its last byte, and that byte alone.
    assert len(sends) == 12
    assert ' host    > AT+QSSLCFG="sslversion",0,3\n' in out
    assert re.search(r' URC     < \+QSSLURC: "recv",0\n', out)


def test_the_screen_as_a_picture(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    path = tmp_path / "demo.svg"
    status, out, err = tool.run(folder, "demo.py", *FAST, "--picture", path)
    assert status == 0, out + err
    svg = path.read_text(encoding="utf-8")
    text = "".join(xml.etree.ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")
    assert "All 4 records arrived once and in order." in text
    assert "@font-face" not in svg  # nothing is fetched when somebody looks at it
    status, out, err = tool.run(folder, "demo.py", "--picture", tmp_path / "no" / "demo.svg")
    assert status == 2 and "can't write" in err and out == ""


def test_what_is_said_is_bright_and_words_stay_whole():

    console = Console(record=True, width=60, color_system="truecolor", file=io.StringIO())
    screen = Screen(1, keep=True)
    screen._console = console
    screen.begin(0)
    screen.line(0, "board", "record 4: not confirmed, the modem restarted; call start() again")
    screen.modem(0, "tls", "TLS1.2")
    lines = console.export_text(styles=True).splitlines()
    assert "\x1b[2m" in lines[1] and "\x1b[36m* record 4" in lines[1]  # the head alone is dim
    assert [line for line in lines if "restarted;" in line], lines
    assert not view.line(0, "tls", "TLS1.2").style


def test_a_restart_of_the_modem_loses_nothing(tmp_path):
    status, out, err = tool.run(tmp_path, "demo.py", *PACED, "--restart")
    assert status == 0, out + err
    assert " control ! restart\n" in out
    assert "2 connections" in out


def test_a_hole_in_the_coverage_loses_nothing(tmp_path):
    status, out, err = tool.run(tmp_path, "demo.py", *PACED, "--coverage-hole", "2")
    assert status == 0, out + err
    assert out.index("coverage off") < out.index("coverage on") < out.index("record 8: confirmed")


def test_a_fault_strikes(tmp_path):
    status, out, err = tool.run(tmp_path, "demo.py", *PACED, "--at", "--fault", "send_fail n=2")
    assert status == 0, out + err
    assert out.count("< SEND FAIL\n") == 2


# What has to fail: the example with one line changed.


def changed(folder, old, new):
    text = _EXAMPLE.read_text()
    assert text.count(old) == 1
    path = folder / "changed.py"
    path.write_text(text.replace(old, new))
    return path


_PUT = "        up.put(senml(n, celsius))\n"
_BAD = {
    "lost": (
        "        if n == 2:\n            up.delivered += 1\n        else:\n    " + _PUT,
        "Record 2 never arrived.",
    ),
    "doubled": (
        "        if n == 2:\n            up.delivered -= 1\n    " + _PUT + _PUT,
        "Record 2 arrived more often than the board sent it.",
    ),
    "out of order": (
        "        up.put(senml((1, 3, 2, 4)[n - 1], celsius))\n",
        "They arrived out of order: 1, 3, 2, 4.",
    ),
    "altered": (
        "        up.put(senml(n, celsius + (n == 3)))\n",
        "Record 3 arrived with other contents than were sent.",
    ),
    "too many": (
        _PUT
        + "        if n == 4:\n            up.put(senml(5, celsius))\n            up.run(20)\n",
        "Record 5 arrived, but should not exist.",
    ),
    "unconfirmed": (
        _PUT + "        if n == 4:\n            up.run(20)\n            raise SystemExit\n",
        " 4 arrived, but the board never learned it.",  # on a busy computer, nor of those before
    ),
    "broken": (
        "        if n == 4:\n            1 // 0\n" + _PUT,
        "The script ended with exit status 1.",
    ),
}


@pytest.mark.parametrize("name", _BAD)
def test_what_went_wrong_is_told(tmp_path, tmp_path_factory, name):
    new, sentence = _BAD[name]
    script = changed(tmp_path_factory.mktemp("script"), _PUT, new)
    status, out, err = tool.run(tmp_path, "demo.py", *FAST, "--script", script)
    last = out.splitlines()[-1]
    assert last.startswith("Failed. ") and sentence in last
    assert status == 1


# Mistakes of the person


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--nonsense"], "Unrecognized arguments: --nonsense"),
        (["--records", "0"], "0 is not a number from 1 to 10000"),
        (["--records", "many"], "many is not a number"),
        (["--interval", "-1"], "number of seconds"),
        (["--baud", "12345"], "12345 is no baud rate"),
        (["--script", "/nowhere/x.py"], "can't read /nowhere/x.py"),
        (["--fault", "earthquake"], "unknown fault 'earthquake'"),
        (["--fault", "send_fail n=x"], "wants a number"),
        (["--fault", "upload_line"], "fault upload_line is one of LTE models"),
        (["--model", "bg97"], "unknown model 'bg97'; known are bg77, bg770a, bg95, bg96"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, args, said):
    status, out, err = tool.run(tmp_path, "demo.py", *args)
    assert (status, out) == (2, "")
    assert err.startswith("demo.py: ") and said in err and err.count("\n") == 1


def test_a_mistake_leaves_no_empty_file(tmp_path):
    page, screen = tmp_path / "page.html", tmp_path / "screen.svg"
    status, _, _ = tool.run(
        tmp_path, "demo.py", "--html", page, "--picture", screen, "--records", "x"
    )
    assert status == 2 and not page.exists() and not screen.exists()


@pytest.mark.parametrize("transport", [(), ("--mqtt",)])
def test_port_in_use(tmp_path, transport):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, out, err = tool.run(tmp_path, "demo.py", "--port", port, *transport)
    assert status == 2
    assert err.startswith("demo.py: Port %d " % port) and err.count("\n") == 1
    assert "--port" in err


@pytest.mark.parametrize("name", ["demo.py", "run.py"])
def test_help(tmp_path, name):
    status, out, err = tool.run(tmp_path, name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith("usage: " + name)
    assert max(len(line) for line in out.splitlines()) <= 80


# The end before the end


def after_first_record(process):
    for line in process.stdout:
        if "record 1: confirmed" in line:
            return
    pytest.fail(process.stderr.read())


@pytest.mark.parametrize("transport", [(), ("--mqtt",)])
def test_ctrl_c_leaves_nothing_behind(tmp_path, transport):
    process = tool.start(tmp_path, "demo.py", "--records", "100", *transport)
    after_first_record(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert re.fullmatch(r"demo\.py: Interrupted: [1-9]\d* of 100 records had arrived\.\n", err)
    assert tool.left(tmp_path) == []


def test_termination_leaves_nothing_behind(tmp_path):
    process = tool.start(tmp_path, "demo.py", "--records", "100")
    after_first_record(process)
    process.terminate()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert tool.left(tmp_path) == []


def test_when_killed_its_processes_end_too(tmp_path):
    process = tool.start(tmp_path, "demo.py", "--records", "100")
    after_first_record(process)
    process.kill()
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == -signal.SIGKILL
    # The folder itself stays.
    until(lambda: [text for text in tool.left(tmp_path) if " " in text] == [])


def test_a_reader_that_goes_away_is_no_drama(tmp_path):
    process = tool.start(tmp_path, "demo.py", *FAST)
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise
    assert "Traceback" not in err
    assert tool.left(tmp_path) == []


# The judge


def judged(count, arrivals, failed=()):
    judge = Judge(count)
    for n in range(1, count + 1):
        judge.on_sent(n, "20.0 Cel")
        judge.on_confirmed(n)
    for n in failed:
        judge.on_failed(n)
    results = [judge.on_arrived(Record(n, "20.0 Cel", 100)) for n in arrivals]
    return judge, results


def test_judge_takes_a_repetition_only_after_a_failure():
    judge, results = judged(3, [1, 2, 2, 3], failed=[2])
    assert results == [NEW, NEW, AGAIN, NEW]
    assert judge.faults() == [] and judge.repeats() == 1 and judge.complete()
    assert judged(3, [1, 2, 2, 2, 3], failed=[2])[0].faults() != []
    assert judged(3, [1, 2, 2, 3], failed=[3])[0].faults() != []


def test_judge_names_what_is_missing():
    judge, results = judged(3, [1, 7])
    assert results == [NEW, WRONG] and not judge.complete()
    assert judge.faults() == [
        "Records 2, 3 never arrived.",
        "Record 7 arrived, but should not exist.",
    ]


def test_senml():
    record = parse(
        b'[{"n": "seq", "u": "count", "v": 7}, {"u": "Cel", "v": 20.50, "n": "temperature"}]'
    )
    assert (record.n, record.text, record.size) == (7, "20.50 Cel", 82)
    for bad in (b"", b"[]", b"{}", b"7", b"\xff", b'[{"n": "seq", "v": 1}]', b'[{"n": "x"}]'):
        with pytest.raises(ValueError, match="not a SenML record"):
            parse(bad)
