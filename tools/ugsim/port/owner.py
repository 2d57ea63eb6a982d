# ugsim.port.owner - which other program has a serial port open.
# SPDX-License-Identifier: MIT
#
# Two programs at one port take the bytes from each other: each sees half of the answers, and what
# goes wrong then looks like anything but that. Programs that lock the port (mpremote, our own)
# notice each other; others (screen, cat, picocom) do not, so the kernel is asked.

import contextlib
import fcntl
import os
import re
import stat

_MEMORY = 1  # major number of /dev/null and its like, which everybody has open
_PTS = re.compile(r"/dev/pts/(\d+)")


def others(path):
    # The other programs that have the port open, as ["picocom (process 123)"]. [] also where the
    # kernel does not tell: not Linux, or programs of another user.
    try:
        found = os.stat(path)
    except OSError:
        return []
    device = found.st_rdev
    if not stat.S_ISCHR(found.st_mode) or os.major(device) == _MEMORY:
        return []
    pts = _PTS.fullmatch(os.path.realpath(path))
    found = []
    for pid in _numbers("/proc"):
        if pid != os.getpid() and _has(pid, device, pts and pts.group(1)):
            found.append("%s (process %d)" % (_name(pid), pid))
    return found


def taken(path):
    # A sentence that says who has the port; "" if nobody is known to.
    there = others(path)
    if not there:
        return ""
    return "%s is in use by %s: end that first, as two programs take each other's bytes" % (
        path,
        ", ".join(there),
    )


@contextlib.contextmanager
def held(path):
    # Keeps the port locked meanwhile, against programs that ask. BlockingIOError: it is locked.
    # Ports that can't be locked, or opened, are left to who opens them next.
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        yield
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _numbers(folder):
    try:
        return [int(name) for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return []


def _has(pid, device, index):
    # Whether the process has the device open. Who has the other end of a pty (index) is no rival:
    # it is the one to talk to.
    rival = False
    for fd in _numbers("/proc/%d/fd" % pid):
        try:
            link = os.readlink("/proc/%d/fd/%d" % (pid, fd))
            if not link.startswith("/dev/"):
                continue
            if index is not None and link.endswith("/ptmx"):
                with open("/proc/%d/fdinfo/%d" % (pid, fd)) as info:
                    if re.search(r"^tty-index:\s*%s$" % index, info.read(), re.M):
                        return False
            rival = rival or os.stat("/proc/%d/fd/%d" % (pid, fd)).st_rdev == device
        except OSError:
            continue
    return rival


def _name(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        return "another program"
    program = os.path.basename(words[0]) or "another program"
    for word in words[1:] if program.startswith("python") else ():
        if word in ("-c", "-"):
            break
        if word and not word.startswith("-"):
            return os.path.basename(word)  # python3 -m mpremote, python3 tools/ugsim
    return program
