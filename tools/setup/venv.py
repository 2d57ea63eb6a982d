# setup.venv - the virtual environment .venv and the pinned packages in it.
# SPDX-License-Identifier: MIT

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys

from .common import ROOT, SetupError, last_words, lock, run, say
from .debs import ensure_system

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
_PROJECT = ROOT / "pyproject.toml"


def requirements(group):
    # The pinned requirements of a dependency group of pyproject.toml, in order, with the groups
    # that it includes (PEP 735).
    import tomllib

    with open(_PROJECT, "rb") as f:
        groups = tomllib.load(f)["dependency-groups"]
    if group not in groups:
        raise SetupError(
            "pyproject.toml has no dependency group %r; it has %s." % (group, ", ".join(groups))
        )
    found = []
    for entry in groups[group]:
        found += requirements(entry["include-group"]) if isinstance(entry, dict) else [entry]
    return found


def ensure_venv(*groups):
    # Makes .venv if needed, installs the groups' packages, returns the path of its python.
    wanted = []
    for group in groups:
        wanted += [r for r in requirements(group) if r not in wanted]
    if not _ready(wanted):
        with lock("venv"):
            if not _works():
                _make()
            _install(wanted)
            with contextlib.suppress(OSError):
                (VENV / ".complete").write_text(_identity())
    return PYTHON


def _ready(wanted):
    # What a set-up has found to work is there unchanged, and has all: tools that start at the same
    # time need not wait for each other.
    try:
        return (VENV / ".complete").read_text() == _identity() and not _missing(wanted)
    except OSError:
        return False


def _identity():
    # Of the interpreter that .venv is made of. OSError: it has gone.
    program = PYTHON.resolve(strict=True)
    facts = program.stat()
    return "%d.%d %s %d" % (*sys.version_info[:2], program, facts.st_mtime_ns)


def _works():
    # False also when the interpreter that made it has gone or is of another version.
    if not PYTHON.exists() or not (VENV / ".complete").exists():
        return False
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True)
    return done.stdout.strip() == "%d.%d" % sys.version_info[:2]


def _make():
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and Ubuntu have it in a package of its own.
        ensure_system(["python3.%d-venv" % sys.version_info[1]])
    say("making the virtual environment .venv")
    if VENV.exists():
        shutil.rmtree(VENV)
    run([sys.executable, "-m", "venv", VENV], "make the virtual environment .venv")
    (VENV / ".complete").touch()


def _have():
    # The stamp of what has been installed makes the second run fast and offline.
    stamp = VENV / ".installed"
    return stamp.read_text().split("\n") if stamp.exists() else []


def _missing(wanted):
    have = _have()
    return [r for r in wanted if r not in have]


def _install(wanted):
    missing = _missing(wanted)
    if not missing:
        return
    say("installing " + ", ".join(missing))
    argv = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--retries",
        "2",
        "--progress-bar",
        "off",
        *missing,
    ]
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    pip = subprocess.Popen(
        [str(a) for a in argv],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    output = []
    for line in pip.stdout:
        output.append(line)
        if line.startswith("Downloading "):
            say("  " + line.strip())
    if pip.wait():
        text = "".join(output)
        why = last_words(text)
        if "Retrying (" in text:
            why = "the package index can't be reached; try again with a network."
        raise SetupError("Can't install the Python packages: " + why)
    # A pin that has changed replaces its older line.
    names = [r.split("==")[0] for r in missing]
    keep = [r for r in _have() if r and r.split("==")[0] not in names]
    (VENV / ".installed").write_text("\n".join(keep + missing) + "\n")
