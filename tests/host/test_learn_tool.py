# test_learn_tool - tools/learn.py as a program: the whole way with real TLS, mistakes, ports.
# SPDX-License-Identifier: MIT

import os
import re
import socket
import subprocess
import sys
import threading
import types

import pytest

import setup
from qlearn import profile
from qlearn.server import Server
from qshared.problem import Problem
from ugsim.model import SWITCHES
from ugsim_client import Ugsim


def tool(*words, stdin=subprocess.DEVNULL):
    argv = [sys.executable, str(setup.ROOT / "tools/learn.py"), *[str(w) for w in words]]
    done = subprocess.run(argv, stdin=stdin, capture_output=True, text=True, timeout=400)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_whole_way_with_real_tls(tmp_path):
    # As a person does it: the server, the modem on a port, the profile, ugsim with the profile.
    server = Server(("127.0.0.1", 0))
    path = tmp_path / "p.json"
    changes = [
        "--switch",
        "recv_trailer=short",
        "--switch",
        "pem=lenient",
        "--switch",
        "anchor=any",
    ]
    sim = Ugsim("--tcp", "127.0.0.1:0", "--baud", "0", *changes)
    try:
        where = "socket://" + sim.at
        words = ["--port", where, "--out", path]
        done = tool(*words)
        assert done.returncode == 2 and "Nobody is there to agree" in done.stderr
        assert "not be" not in done.stdout and "switches to settle" in done.stdout
        assert not path.exists()
        more = ["--yes", "--apn", "internet", "--server", "localhost:%d" % server.port]
        done = tool(*words, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "recv_trailer=short" in done.stdout
        found = profile.load(path)
        assert found["contradictory"] == {} and found["model"] == "UG96"
        for name, value in (
            ("recv_trailer", "short"),
            ("pem", "lenient"),
            ("anchor", "any"),
            ("security_then_closed", "yes"),
        ):
            assert found["switches"][name] == value
        for name, value in found["switches"].items():
            if name not in ("recv_trailer", "pem", "anchor", "baud_default"):
                assert str(value) == str(SWITCHES[name][0]), name
        shown = tool("show", path)
        assert shown.returncode == 0 and "pem=lenient" in shown.stdout
    finally:
        sim.stop()
        server.close()
    sim = Ugsim("--tcp", "127.0.0.1:0", "--profile", path, "--switch", "anchor=root")
    try:
        port = socket.create_connection((sim.at.split(":")[0], int(sim.at.split(":")[1])), 10)
        port.close()
    finally:
        sim.stop()
    assert profile.switches(path)["recv_trailer"] == "short"
    assert "baud_default" not in profile.switches(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no profile of learn.py, or was cut short"),
        ('{"format": "qssl-profile", "ver', "is no profile of learn.py, or was cut short"),
        ("[" * 100000, "is no profile of learn.py, or was cut short"),
        ("[]", "is no profile of learn.py."),
        ('{"format": "qssl-profile", "version": 99}', "is a profile of version 99"),
        ('{"format": "qssl-profile", "version": 1}', "has no switches"),
        (
            '{"format": "qssl-profile", "version": 1, "switches": {"warp": 9}}',
            "has the switch 'warp'",
        ),
        (
            '{"format": "qssl-profile", "version": 1, "switches": {"pem": 9}}',
            "has '9' for the switch pem",
        ),
        (None, "No such file"),
    ],
)
def test_a_profile_that_is_none(tmp_path, text, said):
    path = tmp_path / "p.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Problem, match=re.escape(said)):
        profile.load(path)
    done = subprocess.run(
        [sys.executable, str(setup.ROOT / "tools/ugsim"), "--pty", "--profile", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and said in done.stderr, (
        done.stderr
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--port is missing"),
        (["sing"], "invalid choice: 'sing'"),
        (["show"], "Show wants a FILE"),
        (["show", "/nothing"], "Can't read /nothing: No such file"),
        (["serve", "--port", "x"], "--port x is no port to listen on"),
        (["serve", "--port", "0", "--listen", "203.0.113.9"], "Can't listen on 203.0.113.9"),
        (["--port", "/dev/nothing", "--yes"], "There is no port /dev/nothing"),
        (["--port", "/dev/null", "--yes"], "Can't open /dev/null"),
        (["--port", __file__, "--yes"], "it is no serial port"),
        (["--board", __file__, "--yes"], "is no serial port"),
        (
            ["--port", "socket://127.0.0.1:1", "--yes"],
            "Nothing answers at socket://127.0.0.1:1: Connection refused.",
        ),
        (["--port", "socket://x", "--yes"], "socket://x is no port"),
        (["--port", "warp://x", "--yes"], "warp://x"),
        (["--port", "x", "--server", "a"], "'a' is not HOST:PORT"),
        (["--port", "x", "--server", "a:1"], "--apn is missing"),
        (["--port", "x", "--apn", 'a"b'], "--apn can't have quotes"),
        (["--port", "x", "--baud", "7"], "7 is not a number from 1200"),
        (["--port", "x", "--ntp", "a b", "--apn", "x"], "'a b' is no host name"),
    ],
)
def test_a_mistake_is_one_sentence(words, said):
    done = tool(*words)
    assert done.returncode == 2 and done.stdout == "", done.stdout
    assert done.stderr.startswith("learn.py: ") and done.stderr.count("\n") == 1, done.stderr
    assert said.lower() in done.stderr.lower()


def test_a_port_that_is_no_modem_or_goes_away():
    # A server that talks nonsense, one that hangs up, another family.
    def answer(sock, replies):
        with sock:
            sock.settimeout(30)
            for reply in replies:
                if not sock.recv(100):
                    return
                sock.sendall(reply)

    cases = (
        ([b"220 mail.example ESMTP\r\n"] * 9, "is no modem, or at another rate"),
        ([b"\r\nOK\r\n", b""], "has gone in the middle: was it unplugged?"),
        (
            [b"\r\nOK\r\n", b"\r\nQuectel\r\nM95\r\nRevision: M95X\r\n\r\nOK\r\n"],
            "It is a M95: learn.py knows",
        ),
    )
    for replies, said in cases:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve(replies=replies, listener=listener):
                answer(listener.accept()[0], replies)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            done = tool("--port", "socket://127.0.0.1:%d" % listener.getsockname()[1], "--yes")
            assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
            assert said in done.stderr


def test_a_port_that_another_program_has():
    import serial

    sim = Ugsim("--pty")
    try:
        with serial.Serial(sim.at, exclusive=True):
            done = tool("--port", sim.at, "--yes")
        assert done.returncode == 2, done.stderr
        assert "(process %d): end that" % os.getpid() in done.stderr or (
            "Another program has" in done.stderr and not os.path.isdir("/proc/self/fd")
        ), done.stderr
    finally:
        sim.stop()


def test_a_port_that_a_program_has_without_a_lock(monkeypatch):
    from qlearn import main
    from ugsim.port import owner

    monkeypatch.setattr(owner, "others", lambda path: ["picocom (process 7)"])
    chosen = types.SimpleNamespace(board=None, port="/dev/ttyX", baud=0, rtscts=False)
    with pytest.raises(Problem, match=r"/dev/ttyX is in use by picocom .process 7.: end that"):
        main._port(chosen)
