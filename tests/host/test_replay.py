# test_replay - tools/replay.py: what real modems said, to the simulated one and to the driver.
# SPDX-License-Identifier: MIT

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import setup
import tool
from patience import until

TRANSCRIPTS = sorted((setup.ROOT / "tests" / "transcripts").glob("*.txt"))


def replay(*args):
    return tool.call("replay.py", *args)


def written(tmp_path, text):
    path = tmp_path / "x.txt"
    path.write_text(text)
    return path


def test_without_a_transcript_it_asks_for_one():
    wanted = (2, "", "replay.py: The following arguments are required: FILE. See --help.\n")
    assert replay() == wanted and replay("-v") == wanted


def test_a_mistake_is_one_sentence(tmp_path):
    # Nothing is replayed then.
    path = written(tmp_path, "AT\nOK\n")
    for args, said in (
        (["--bogus", path], "Unrecognized arguments: --bogus"),
        (["--only", "both", path], "choose from 'ugsim', 'driver'"),
        ([path, "--only"], "expected one argument"),
    ):
        code, out, err = replay(*args)
        assert (code, out) == (2, "") and said in err and err.count("\n") == 1, err


def test_every_transcript():
    assert len(TRANSCRIPTS) > 8
    code, out, err = replay(*TRANSCRIPTS)
    assert (code, err) == (0, ""), out
    of_each = re.split(r"^(?=/)", out, flags=re.M)[1:]
    assert len(of_each) == len(TRANSCRIPTS)
    known = (setup.ROOT / "lib" / "qssl" / "family").is_dir()
    for path, text in zip(TRANSCRIPTS, of_each):
        assert text.startswith("%s: " % path)
        assert re.search(r"^  ugsim: \d+ same$", text, re.M), text
        if known or "model: UG" in path.read_text():
            assert "  driver: copes: " in text, text
        else:
            assert re.search(r"^  driver: does not know \S+ yet$", text, re.M), text


def test_transcripts_are_of_their_model(tmp_path):
    # Asked the same, a UG96 answers otherwise: so they do hold the model to something.
    lte = [path for path in TRANSCRIPTS if "model: UG" not in path.read_text()]
    assert len(lte) >= 7
    for path in lte:
        text = re.sub(r"^# model: .*", "# model: UG96", path.read_text(), flags=re.M)
        (tmp_path / path.name).write_text(re.sub(r"^# switches: .*\n", "", text, flags=re.M))
    code, out, _ = replay("--only", "ugsim", *[tmp_path / path.name for path in lte])
    assert code == 1
    counts = re.findall(r"^  ugsim: .*", out, re.M)
    assert len(counts) == len(lte)
    for line in counts:
        assert re.search("OTHER FORM|UNKNOWN|other result", line), out


def test_every_transcript_names_its_source():
    for path in TRANSCRIPTS:
        text = path.read_text()
        assert text.startswith("# source: ") and "\n# model: " in text, path


def test_an_answer_of_another_form(tmp_path):
    lines = "> AT+CSQ\n< +CSQ: 14\n< OK\n> AT+QIGETERROR\n< +QIGETERROR: 0,operate\n< OK\n"
    code, out, _ = replay("--only", "ugsim", written(tmp_path, lines + "> AT+CIMI\n< ERROR\n"))
    assert code == 1 and "driver" not in out
    assert "  OTHER FORM    AT+CSQ\n      recorded    +CSQ: 14 / OK\n" in out
    assert "simulation  +QIGETERROR: 0, operate" in out  # a blank more
    assert "  other result  AT+CIMI\n" in out
    assert "  ugsim: 2 OTHER FORM, 1 other result\n" in out


def test_what_is_masked_may_have_been_anything(tmp_path):
    # As boards and tap.py write it; what stands around it counts.
    text = "> AT+CIMI\n< ***\n< OK\n> AT+QCCID\n< +QCCID: ***\n< OK\n"
    code, out, _ = replay("--only", "ugsim", written(tmp_path, text))
    assert code == 0 and "ugsim: 2 same\n" in out, out
    text = "> AT+CIMI\n< ***\n< more\n< OK\n> AT+QCCID\n< +CCID: ***\n< OK\n"
    code, out, _ = replay("--only", "ugsim", written(tmp_path, text))
    assert code == 1 and "ugsim: 2 OTHER FORM\n" in out, out


def test_the_trace_of_an_example_that_fails(tmp_path):
    # As docs/trouble.md has it: a board's trace, with echoes, and of a name that is not found.
    argv = [sys.executable, setup.ROOT / "tools/run.py", "--server", "https"]
    argv += [setup.ROOT / "examples/https_get.py", "--", "trace=4096", "host=no-such-host.invalid"]
    if setup.find_micropython() is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    assert '"kind": "start"' in done.stdout, done.stdout + done.stderr
    code, out, err = replay(written(tmp_path, done.stdout))
    assert (code, err) == (0, "") and "OTHER FORM" not in out, out
    assert "open failed with 565, as recorded" in out


def test_of_another_family_what_is_common(tmp_path):
    text = "# model: XY7\n> AT+CSQ\n< +CSQ: 14\n< OK\n> AT+COPS?\n< +COPS: 1\n< OK\n"
    code, out, _ = replay(written(tmp_path, text + "> AT+QNEW\n< OK\n"))
    assert code == 1 and "ugsim: 1 OTHER FORM, 2 of its family\n" in out


def test_as_a_terminal_keeps_it(tmp_path):
    text = (
        "RDY\r\n\r\n[12:00:01.123] AT\r\r\nOK\r\n[12:00:02.500] ATI\r\nATI\r\nQuectel\r\nUG95\r\n"
        "Revision: UG95ENAR02A01E1G\r\n\r\nOK\r\nAT+CREG?\r\n+CREG: 0,1\r\n\r\nOK\r\n+CREG: 5\r\n"
    )
    code, out, _ = replay("-v", written(tmp_path, text))
    assert code == 0, out
    assert "ugsim: 3 same\n" in out and out.count("  same ") == 3


def test_the_driver_hears_what_was_recorded(tmp_path):
    # Its own words for what this modem said.
    text = 2 * "> AT+CPIN?\n< +CPIN: SIM PIN\n< OK\n"  # start() asks again before it refuses
    code, out, _ = replay("--only", "driver", written(tmp_path, text))
    assert code == 0 and "it ends by name: [Errno 13] start: the SIM asks for its PIN" in out
    text = '> AT+QSSLOPEN=1,0,0,"x.example",443,0\n< OK\n< +QSSLOPEN: 0,565\n'
    code, out, _ = replay("--only", "driver", written(tmp_path, text))
    assert code == 0 and "driver: copes: open failed with 565, as recorded" in out


def test_switches_that_a_modem_has_settled(tmp_path):
    text = "# model: EC25\n%s> AT+QIACT?\n< OK\n"
    assert replay("--only", "ugsim", written(tmp_path, text % ""))[0] == 1
    with_it = written(tmp_path, text % "# switches: auto_pdp=no boot_ms=9\n")
    assert replay("--only", "ugsim", with_it)[0] == 0
    code, _, err = replay(written(tmp_path, text % "# switches: no=1\n"))
    assert code == 2 and err.startswith("replay.py: unknown switch 'no'") and err.count("\n") == 1


def test_a_driver_that_does_not_cope(tmp_path):
    # Nothing was as recorded, and it ends all the same; one that lets another error out.
    path = written(tmp_path, "> AT\n< OK\n")
    code = (
        "import upy; upy.install()\n"
        "from qreplay import scripted\n"
        "from qreplay.transcript import Transcript\n"
        "import driver_kit\n"
        "def start(*args, **keywords): raise WHAT\n"
        "driver_kit.Modem.start = start\n"
        "print(scripted.play(Transcript(%r)))\n" % str(path)
    )
    tests = setup.ROOT / "tests" / "host"
    folders = [setup.ROOT / "lib", setup.ROOT / "tools", tests, tests / "support"]
    env = {"PYTHONPATH": ":".join(str(p) for p in [*folders, tests / "cpython"])}
    for what, words in (
        ("KeyError('x')", "(False, \"the driver let KeyError escape: 'x'"),
        ("driver_kit.Error(5, 'start', 'check it')", "(False, 'it ends though nothing was as"),
    ):
        argv = [sys.executable, "-c", code.replace("WHAT", what)]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        assert done.stdout.startswith(words), done.stdout + done.stderr


def test_a_trace_is_a_transcript(tmp_path):
    lines = ["AT+CSQ", "AT+CREG?"]
    with open(tmp_path / "x", "w") as file:
        file.write('{"at": 0, "kind": "start", "text": "ugsim 0.1.0"}\n')
        for i, text in enumerate(lines):
            said = text[2:].strip("?")
            file.write('{"at": %d, "kind": "at", "text": "%s"}\n' % (i, text))
            file.write('{"at": %d, "kind": "info", "text": "%s: 9,9"}\n' % (i, said))
            file.write('{"at": %d, "kind": "final", "text": "OK"}\n' % i)
        file.write('{"at": 9, "kind": "ur')
    code, out, err = replay(tmp_path / "x")
    assert (code, err) == (0, "") and "ugsim: 2 same\n" in out
    assert "ends in the middle of line 8" in out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no command in it"),
        (b"\0\1\2", "is no text"),
        (b"hello\nworld\n", "has no command in it"),
        (b"x" * (2 << 20), "is longer than a transcript may be"),
        (b'{"at": 0, "kind": "start", "text": "x"}\n{"at"\n{}\n', "is not a trace of ugsim"),
    ],
)
def test_what_is_no_transcript(tmp_path, content, words):
    path = tmp_path / "x"
    path.write_bytes(content)
    code, out, err = replay(path)
    assert code == 2 and words in err and err.count("\n") == 1


def test_wrong_options():
    for args in (["/no/such/file"], ["--only", "x", "y"], ["--dance"], ["-v"]):
        code, out, err = replay(*args)
        assert code == 2 and err.count("\n") == 1, err
    assert replay("--help")[0] == replay("-v", "--help")[0] == 0


def test_an_output_that_nobody_reads():
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "tools/replay.py", "-v", "tests/transcripts/ug96-start.txt"]
    done = subprocess.run(argv, cwd=setup.ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_ctrl_c(tmp_path):
    # As the interpreter of the replay starts, while it imports its parts, at work.
    path = written(tmp_path, "> AT+QIACT=1\n< OK\n> AT+QIDEACT=1\n< OK\n" * 5000)
    for wait_s in (0, 0.1, 0.5, None):
        argv = [sys.executable, setup.ROOT / "tools" / "replay.py", "-v", path]
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, process_group=0)
        command = Path("/proc/%d/cmdline" % process.pid)
        if wait_s is None:
            process.stdout.readline()
        else:
            until(lambda: b"qreplay" in command.read_bytes(), every=0.001)  # noqa: B023
            time.sleep(wait_s)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=tool.LIMIT_S)
        assert process.returncode in (130, -signal.SIGINT) and "Traceback" not in err, err
