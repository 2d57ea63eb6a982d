# ugsim_client - ugsim as a process, and a plain AT client for its port.
# SPDX-License-Identifier: MIT
"""
with Ugsim("--control") as sim:                # --pty, paced at 115200, unless told otherwise
    with AtClient(sim.at) as at:
        assert at.command("AT") == "OK"
    sim.control().stats()
"""

import json
import os
import re
import select
import socket
import subprocess
import sys
import time

import setup
from patience import LIMIT_S
from ugsim.control import Control


class Ugsim:
    # at: the AT port's address; control(): a connection to the control channel.
    def __init__(self, *options, module=True):
        how = ["-m", "ugsim"] if module else [str(setup.ROOT / "tools/ugsim")]
        argv = [sys.executable, *how, "--ready-json", "--quiet", *options]
        env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
        if not module:
            del env["PYTHONPATH"]
        self.process = subprocess.Popen(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE
        )
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            raise RuntimeError("ugsim did not start: %s" % self.process.stderr.read().decode())
        self.ready = json.loads(line)
        self.at = self.ready["at"]

    def control(self):
        return Control(self.ready["control"], LIMIT_S)

    def stop(self):
        # Returns (exit code, what it wrote to standard error).
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        errors = self.process.stderr.read().decode()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return self.process.returncode, errors

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if not self.process.stderr.closed:
            code, errors = self.stop()
            assert (code, errors) == (0, "")


def run_ugsim(*options, timeout=LIMIT_S, **more):
    # To its end: (exit code, standard output, standard error).
    env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
    done = subprocess.run(
        [sys.executable, "-m", "ugsim", *options],
        env=env,
        capture_output=True,
        timeout=timeout,
        **more,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class AtClient:
    # The host's end of the line: a pty's path, or HOST:PORT.
    def __init__(self, address, echo=False):
        self._socket = None
        if address.startswith("/"):
            self.fd = os.open(address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        else:
            host, _, port = address.rpartition(":")
            self._socket = socket.create_connection((host, int(port)), LIMIT_S)
            self._socket.setblocking(False)
            self.fd = self._socket.fileno()
        self.buffer = b""
        self.urcs = []  # as text, those that until() and the commands went past
        if not echo:
            self.command("ATE0")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self._socket:
            self._socket.close()
        else:
            os.close(self.fd)

    def write(self, data):
        while data:
            try:
                data = data[os.write(self.fd, data) :]
            except BlockingIOError:
                select.select([], [self.fd], [], 1)

    def read(self, timeout_s=0.5):
        # What comes next, b"" if nothing does.
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        return os.read(self.fd, 65536) if ready else b""

    def until(self, pattern, timeout_s=LIMIT_S):
        # Everything up to the end of the first match of the bytes pattern.
        end = time.monotonic() + timeout_s
        while True:
            match = re.search(pattern, self.buffer, re.DOTALL)
            if match:
                found = self.buffer[: match.end()]
                self.buffer = self.buffer[match.end() :]
                self.urcs += [
                    urc.decode() for urc in re.findall(rb"\+Q(?:SSL|I)URC: [^\r]*", found)
                ]
                return found
            if time.monotonic() > end:
                raise TimeoutError("%r is not in %r" % (pattern, self.buffer[-500:]))
            self.buffer += self.read()

    def exactly(self, count, timeout_s=LIMIT_S):
        end = time.monotonic() + timeout_s
        while len(self.buffer) < count:
            if time.monotonic() > end:
                raise TimeoutError("%d bytes, not %d" % (len(self.buffer), count))
            self.buffer += self.read()
        found = self.buffer[:count]
        self.buffer = self.buffer[count:]
        return found

    def command(self, text, timeout_s=LIMIT_S):
        # The lines of the answer, "OK" or the error last, as one text.
        self.write(text.encode() + b"\r")
        answer = self.until(rb"(^|\r\n)(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n", timeout_s)
        return "\n".join(line for line in answer.decode().splitlines() if line)

    # The manual's chapter 3 in short

    def activate(self, clock=None):
        # Context 1 up; clock: text for AT+CCLK.
        if clock:
            assert self.command('AT+CCLK="%s"' % clock) == "OK"
        assert self.command('AT+QICSGP=1,1,"UNINET","","",1') == "OK"
        assert self.command("AT+QIACT=1") == "OK"

    def upload(self, name, data):
        self.write(b'AT+QFUPL="%s",%d\r' % (name.encode(), len(data)))
        self.until(rb"CONNECT\r\n")
        self.write(data)
        return self.until(rb"\+QFUPL: (\d+),([0-9a-fA-F]+)\r\n\r\nOK\r\n")

    def open(self, socket, port, host="127.0.0.1", context=1, mode=0, timeout_s=LIMIT_S):
        # The error code of +QSSLOPEN; 0 is success.
        text = 'AT+QSSLOPEN=1,%d,%d,"%s",%d,%d' % (context, socket, host, port, mode)
        assert self.command(text) == "OK"
        found = self.until(rb"\+QSSLOPEN: %d,\d+\r\n" % socket, timeout_s)
        return int(found.rpartition(b",")[2])

    def send(self, socket, data):
        # "SEND OK", "SEND FAIL" or "ERROR".
        self.write(b"AT+QSSLSEND=%d,%d\r" % (socket, len(data)))
        self.until(rb"\r\n> ?")
        self.write(data)
        return self.until(rb"\r\n(SEND OK|SEND FAIL|ERROR)\r\n").split()[-2:]

    def recv(self, socket, size=1500):
        # Up to `size` bytes; b"" when the modem has none.
        self.write(b"AT+QSSLRECV=%d,%d\r" % (socket, size))
        head = self.until(rb"\+QSSLRECV: \d+\r\n")
        data = self.exactly(int(head.rpartition(b" ")[2]))
        self.until(rb"\r\nOK\r\n")
        return data
