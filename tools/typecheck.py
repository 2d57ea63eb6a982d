# typecheck - checks the driver's types against the boards' stubs.
# SPDX-License-Identifier: MIT

import setup  # first: from here on Ctrl-C shows no traceback

# isort: split
import os
import re
import subprocess
import sys

from qshared.options import Parser
from setup.venv import requirements

_ABOUT = """\
Checks lib/qssl and boards with mypy against MicroPython's stubs for RP2040, ESP32 and the unix
port: that what is called is there, and is called as it may be. The stubs are fetched at the first
run, under .cache.

Exit status: 0 nothing is wrong, 1 something is, 2 it could not run.
"""
# State that is None or 0 before it is something else is no mistake here.
_CONFIG = """\
[mypy]
python_version = 3.11
check_untyped_defs = True
strict_optional = False
local_partial_types = False
no_site_packages = True
disable_error_code = assignment,type-var,has-type,var-annotated,override
"""
# Where the stubs know less than MicroPython does.
_KNOWN = (
    ("lib/qssl/.*", r'"None" has no attribute "\w+"'),  # an attribute that is None at first
    ("(lib|boards)/.*", 'Too many arguments for "write" of "RingIO"'),  # write(buf, off, n)
    ("lib/qssl/ask/status.py", r"second argument to \"namedtuple\(\)\""),  # fields by split()
    ("lib/qssl/aio.py", 'Module "asyncio" has no attribute "core"'),  # asyncio's own module
    ("boards/unix.py", r'Module has no attribute "(setraw|tc\w+)"'),
)
PORTS = ("rp2", "esp32", "unix")
_ERROR = re.compile(r"(\S+?):\d+: error: (.*)")


def stubs(port):
    # The folder of a port's stubs. Each has files of the same names, so they can't share one.
    package = next(r for r in requirements("types") if "-%s-" % port in r)
    name = "stubs-" + re.sub(r"\W+", "-", package)

    def fill(folder):
        setup.say("fetching %s (under .cache)" % package)
        argv = [setup.ensure_venv("test"), "-m", "pip", "install", "-q", "--no-input"]
        setup.run([*argv, "--target", folder / "stubs", package], "install " + package)

    return setup.cached(name, fill) / "stubs"


def check(port, root=setup.ROOT):
    # The lines of what mypy found below root, without what is known.
    folder = stubs(port)
    config = setup.CACHE / "mypy.ini"
    config.write_text(_CONFIG)
    boards = ["boards/unix.py"] if port == "unix" else ["boards/pico.py"]
    argv = [setup.ensure_venv("test"), "-m", "mypy", "--config-file", config]
    argv += ["--custom-typeshed-dir", folder, "--cache-dir", setup.CACHE / ("mypy-" + port)]
    done = subprocess.run(
        [str(a) for a in [*argv, "lib/qssl", *boards]],
        cwd=root,
        env=dict(os.environ, MYPYPATH="lib:%s" % folder),
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        raise setup.SetupError("mypy does not run: %s" % (done.stderr or done.stdout).strip())
    if "checked" not in done.stdout and "no issues found" not in done.stdout:
        raise setup.SetupError("mypy checked nothing: %s" % done.stdout.strip())
    found = []
    for line in done.stdout.splitlines():
        match = _ERROR.match(line)
        mine = match and match.group(1).startswith(("lib/", "boards/"))  # not in the stubs
        if mine and not _known(*match.groups()):
            found.append(line)
    return found


def _known(path, text):
    return any(re.fullmatch(p, path) and re.search(t, text) for p, t in _KNOWN)


def main(args):
    p = Parser(
        prog="typecheck.py",
        description=_ABOUT,
    )
    p.parse_args(args)
    bad = 0
    for port in PORTS:
        for line in check(port):
            print("%s: %s" % (port, line))
            bad = 1
    if not bad:
        print("The types agree with the stubs of %s." % ", ".join(PORTS))
    return bad


if __name__ == "__main__":
    sys.exit(setup.main(main))
