# setup.common - paths, messages, running programs, and filling the cache.
# SPDX-License-Identifier: MIT

import contextlib
import errno
import fcntl
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from . import interrupt

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
_STOP_S = 20


class SetupError(Exception):
    # One sentence for the person, with the next step in it.
    pass


def say(text, what="set-up"):
    # A progress line. stderr, so that a tool's own output stays clean.
    print("%s: %s" % (what, text), file=sys.stderr, flush=True)


def run(argv, what, env=None, cwd=None):
    # Runs a program to its end and returns its output. what: what it does, for the error message.
    try:
        done = subprocess.run(
            [str(a) for a in argv],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as e:
        raise SetupError("Can't %s: %s: %s." % (what, argv[0], e.strerror))
    if done.returncode:
        raise SetupError("Can't %s: %s" % (what, last_words(done.stdout)))
    return done.stdout


def last_words(output):
    # The line of a program's output that says best why it failed, as a sentence.
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    found = lines[-1:] or ["it printed nothing"]
    # A compiler's errors come long before make's last line.
    found = [line for line in lines if ": error: " in line][:1] or found
    for mark in ("E: ", "ERROR: ", "error: "):
        found = [line[len(mark) :] for line in lines if line.startswith(mark)][:1] or found
    return found[0].rstrip(".") + "."


_DIGEST = re.compile("-[0-9a-f]{12}$")  # of what the content is made of
_QUIET_S = 5  # a shorter wait is not worth a word


def extract_all(tar, folder):
    # Pythons before 3.11.4 don't know the filter; newer ones want it.
    tar.extractall(folder, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))


@contextlib.contextmanager
def lock(name):
    # Two set-ups of one checkout at a time wait for each other.
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / (name + ".lock"), "w") as f:
        end = time.monotonic() + _QUIET_S
        while True:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    say("another set-up of this checkout is running; waiting for it")
                    fcntl.flock(f, fcntl.LOCK_EX)
                    break
                time.sleep(0.05)
        yield


def cached(name, fill):
    # The folder .cache/NAME. If it is not there, fill(folder) fills a temporary one, which gets
    # its name only when complete: an interrupted run leaves nothing that looks ready.
    folder = CACHE / name
    if folder.is_dir():
        return folder
    with lock(_DIGEST.sub("", name)):  # else each edit of the driver would leave a file
        if folder.is_dir():
            return folder
        for old in CACHE.glob(name + ".tmp-*"):
            shutil.rmtree(old, ignore_errors=True)
        temp = Path(tempfile.mkdtemp(prefix=name + ".tmp-", dir=CACHE))
        try:
            fill(temp)
            os.chmod(temp, 0o755)
            os.rename(temp, folder)
        finally:
            shutil.rmtree(temp, ignore_errors=True)
    return folder


class Terminated(KeyboardInterrupt):
    # SIGTERM, which unlike Ctrl-C has reached this process alone.
    pass


def call(argv, hold=False):
    # Runs a program on this terminal and returns its exit status. When this one is to end, that
    # one gets the time to stop what it has started. hold: a Ctrl-C that comes while it starts
    # waits until it imports setup.interrupt.
    child = None
    try:
        interrupt.hold(hold)
        try:
            child = subprocess.Popen([str(a) for a in argv], cwd=ROOT, stdin=subprocess.DEVNULL)
        finally:
            interrupt.hold(False)
        return child.wait()
    except KeyboardInterrupt as e:
        if child is None:
            raise
        if isinstance(e, Terminated):
            child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise


def enter(python, module, args, *folders):
    # Goes on as `python -m MODULE ARGUMENT...` in this process. It imports from tools, from these
    # folders of the checkout, and from those of $PYTHONPATH.
    path = [str(ROOT / folder) for folder in ("tools", *folders)]
    path += filter(None, [os.environ.get("PYTHONPATH")])
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(path))
    interrupt.become(python, [python, "-m", module, *args], env)


def call_module(python, *words):
    # The same for `python -m WORD...`: while it is imported, Ctrl-C shows no traceback either.
    return call([python, ROOT / "tools/setup/module.py", *words], hold=True)


def heard(function):
    # function() -> exit status. 1 where whoever read the output has gone: there is nobody to tell.
    # What is still held back goes out now, as Python complains about that at its end.
    try:
        try:
            return function()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as e:
        if sys.stdout is not None:
            with contextlib.suppress(io.UnsupportedOperation):  # that of a test is no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(e, BrokenPipeError):
            return 1
        raise


def _terminated(number, frame):
    raise Terminated


def main(function):
    # Runs an entry program: function(arguments) returns its exit status. What went wrong in the
    # set-up becomes one sentence.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return heard(lambda: function(sys.argv[1:]))
    except SetupError as e:
        print("%s: %s" % (Path(sys.argv[0]).name, e), file=sys.stderr)
        return 2
    except OSError as e:
        text = "%s." % (e.strerror or e)
        if e.filename:
            text = "Can't use %s: %s" % (e.filename, text)
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            text += " Use a checkout that belongs to you."
        elif e.errno == errno.ENOSPC:
            text += " Free some space and run it again."
        print("%s: %s" % (Path(sys.argv[0]).name, text), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # while Python ends, too
        print("\nInterrupted; run it again to go on.", file=sys.stderr)
        return 130
