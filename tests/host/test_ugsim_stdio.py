# test_ugsim_stdio - ugsim at a terminal and in a pipe.
# SPDX-License-Identifier: MIT

import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

import setup
from patience import LIMIT_S
from ugsim.control import Control
from ugsim_client import run_ugsim


def test_stdio():
    code, out, err = run_ugsim("--stdio", "--baud", "0", input=b"AT\rAT+CPIN?\r")
    assert code == 0
    assert out == "AT\r\r\nOK\r\nAT+CPIN?\r\r\n+CPIN: READY\r\n\r\nOK\r\n"
    assert err == "ready at=stdio\n"


def test_stdio_takes_lf_for_enter():
    csq = "AT+CSQ\r\r\n+CSQ: 21,0\r\n\r\nOK\r\n"
    for end in ("\n", "\r\n", "\r"):
        text = "AT" + end + "AT+CSQ" + end
        code, out, _ = run_ugsim("--stdio", "--baud", "0", input=text.encode())
        assert (code, out) == (0, "AT\r\r\nOK\r\n" + csq), repr(end)


def test_stdio_through_a_pipe_loses_no_line():
    # Nobody waits for the answers there; AT+QIACT takes a second.
    lines = ["ATE0", 'AT+QICSGP=1,1,"internet"', "AT+QIACT=1", "AT+CSQ", "AT+CGREG?"]
    lines += ['AT+QIDNSGIP=1,"localhost"']
    code, out, _ = run_ugsim("--stdio", input="\n".join(lines).encode() + b"\n")
    assert code == 0 and out.count("OK\r\n") == len(lines)
    words = ("+CSQ: ", "+CGREG: ", '+QIURC: "dnsgip",0', '"127.0.0.1"')
    assert [out.count(word) for word in words] == [1] * 4, out
    order = [out.index(word) for word in words]
    assert order == sorted(order)


def test_stdio_through_a_pipe_waits_for_a_connection():
    lines = ['AT+QICSGP=1,1,"internet"', "AT+QIACT=1", 'AT+QSSLCFG="seclevel",1,0']
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()

        def refuse():
            server.accept()[0].close()

        threading.Timer(4, refuse).start()
        lines.append('AT+QSSLOPEN=1,1,1,"127.0.0.1",%d,0' % server.getsockname()[1])
        code, out, _ = run_ugsim("--stdio", input="\n".join(lines).encode() + b"\n")
    assert code == 0 and out.endswith("+QSSLOPEN: 1,566\r\n"), out


def test_stdio_through_a_pipe_loses_lines_if_asked_to():
    options = ("--stdio", "--switch", "busy_input=drop")
    code, out, _ = run_ugsim(*options, input=b'ATE0\nAT+QICSGP=1,1,"x"\nAT+QIACT=1\nAT+CSQ\n')
    assert code == 0 and "+CSQ" not in out


class Typist:
    # A person at a terminal that runs ugsim --stdio.
    def __init__(self, *options):
        self.master, slave = os.openpty()
        env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"), TERM="dumb")
        argv = [sys.executable, "-m", "ugsim", "--stdio", "--control", *options]
        self.process = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.seen = ""  # without CR: the terminal adds some
        self.until("control=")
        self.address = re.search(r"control=(\S+:\d+)\s", self.until("\n"))[1]

    def until(self, text, since=0):
        end = time.monotonic() + LIMIT_S
        while text not in self.seen[since:]:
            ready = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            assert ready, self.seen
            self.seen += os.read(self.master, 1000).decode().replace("\r", "")
        return self.seen[since:]

    def type(self, text, answer):
        since = len(self.seen)
        os.write(self.master, text.encode())
        return self.until(answer, since)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(LIMIT_S)
        os.close(self.master)


def test_a_view_beside_the_typing():
    with Typist("--view") as person, Control(person.address, LIMIT_S) as modem:
        # The answers are on the terminal anyway: once.
        assert person.type("AT+CSQ\r", "OK\n").count("+CSQ: 21,0") == 1
        # What happens while a line is being typed waits until it has ended.
        person.type("AT+CR", "AT+CR")
        since = len(person.seen)
        modem.command("coverage off")
        time.sleep(0.3)
        person.type("EG?", "EG?")
        assert person.seen[since:] == "EG?"
        person.type("\r", "searching (2)")
        assert "+CREG: 0,2\n" in person.until("OK\n", since)
        assert person.seen.count("searching (2)") == 1
        # With nothing half typed it is shown at once.
        since = len(person.seen)
        modem.command("coverage on")
        person.until("registered (1)", since)


def test_a_hint_when_the_modem_is_off():
    with Typist() as person:
        person.type("AT+QPOWD\r", "POWERED DOWN\n")
        hint = person.until("power on.")
        assert re.search(r"DOWN\nugsim: the modem is off\. Ctrl-C ends this program; ", hint)
        command = re.search(r"ugsim (control \S+ power on)\.", hint)[1]
        assert run_ugsim(*command.split())[:2] == (0, "ok\n")
        person.until("RDY")
        # A restart is none, and nothing is said twice.
        person.type("AT+CFUN=1,1\r", "RDY")
        assert person.seen.count("the modem is off") == 1
        with Control(person.address, LIMIT_S) as modem:
            modem.command("power off")
        person.until("is off", person.seen.rindex("RDY"))


def test_the_hint_where_the_power_goes_in_the_middle_of_a_line():
    with Typist("--fault", "cut at=3 do=off") as person:
        os.write(person.master, b"AT+GMI\r")
        hint = person.until("power on.")
        assert re.search(r"\nAT\+\nugsim: the modem is off\. ", hint), hint
