# qshared.process - programs that a tool starts and that end with it, come what may.
# SPDX-License-Identifier: MIT

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

_GRACE_S = 3
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def start(argv, **options):
    # A subprocess.Popen in a session of its own, so that Ctrl-C reaches only this program, which
    # then stops the others in order. Where the kernel can, they end also when this one is killed.
    if sys.platform == "linux":
        options["preexec_fn"] = _bind_to(os.getpid())
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(a) for a in argv], start_new_session=True, **options)


def stop(process):
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _bind_to(parent):
    # What the new process does before it becomes its program.
    prctl = ctypes.CDLL(None).prctl

    def bind():
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind
