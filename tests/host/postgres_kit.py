# postgres_kit - PostgreSQL as a process on loopback, in a folder of its own.
# SPDX-License-Identifier: MIT
#
# It refuses to run as root: then another user runs it, out of a copy if need be.

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

import servers
import setup
from patience import LIMIT_S, until

_USER = "nobody"


class Postgres:
    # .url: of an empty database.
    def __init__(self):
        self._program = servers.program("postgres")
        self._process = None
        self._who = {}
        self.folder = Path(tempfile.mkdtemp(prefix="qssl-postgres-"))
        if os.geteuid() == 0:
            entry = pwd.getpwnam(_USER)
            self._who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._program = self._reachable(self._program)
        self.port = servers.free_port()
        password = secrets.token_hex(8)
        self.url = "postgresql://qssl:%s@127.0.0.1:%d/postgres" % (password, self.port)
        (self.folder / "password").write_text(password)
        os.chmod(self.folder / "password", 0o644)  # in a folder that is its owner's alone
        self._data = self.folder / "data"

    def _reachable(self, program):
        # Where the user that is not root gets at it.
        if all(path.stat().st_mode & 1 for path in program.resolve().parents):
            return program
        copy = self.folder / "program"
        shutil.copytree(program.parent, copy, symlinks=True)
        return copy / program.name

    def __enter__(self):
        try:
            argv = [setup.beside(self._program, "initdb"), "-D", self._data, "-U", "qssl", "-N"]
            argv += ["-A", "scram-sha-256", "--pwfile", self.folder / "password"]
            argv += ["--locale=C", "-E", "UTF8"]
            done = subprocess.run(
                [str(a) for a in argv],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT_S,
                **self._who,
            )
            assert done.returncode == 0, done.stdout
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        # After a kill its children may need a moment to go.
        argv = [self._program, "-D", self._data, "-p", str(self.port), "-k", self.folder]
        argv += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=40"]
        end = time.monotonic() + LIMIT_S
        while True:
            with open(self.folder / "log", "ab") as log:
                self._process = subprocess.Popen(
                    [str(a) for a in argv],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self._who,
                )
            while self._process.poll() is None:
                try:
                    psycopg.connect(self.url, connect_timeout=5).close()
                    return
                except psycopg.OperationalError:
                    assert time.monotonic() < end, self.log()
                    time.sleep(0.05)
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        # As if the power were cut, but for what the kernel writes later.
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def __exit__(self, *_):
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # ends its connections
            try:
                self._process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        if (self._data / "postmaster.pid").exists():
            until(lambda: not self._children())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _children(self):
        # Those that have outlived it.
        found = []
        for path in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if os.readlink(path) == str(self._data):
                    found.append(path)
            except OSError:
                pass
        return found
