# setup.programs - finds or fetches the programs that tests start: nginx, mosquitto, PostgreSQL,
# openssl and others that errors name, a browser.
# SPDX-License-Identifier: MIT

import os
import shutil
import subprocess
from pathlib import Path

from .common import CACHE, SetupError, cached, say
from .debs import have_apt, unpack, write_starter

# Program: (where its package puts it, one of these; arguments that print its name; packages)
_SERVERS = {
    "nginx": ("usr/sbin/nginx", ["-v"], ["nginx"]),
    "mosquitto": ("usr/sbin/mosquitto", ["-h"], ["mosquitto"]),
    # Of the newest version that is there; its other programs lie beside it.
    "postgres": ("usr/lib/postgresql/*/bin/postgres", ["--version"], ["postgresql"]),
    "openssl": ("usr/bin/openssl", ["version"], ["openssl"]),
    "bunzip2": ("usr/bin/bunzip2 bin/bunzip2", ["--help"], ["bzip2"]),
    "unxz": ("usr/bin/unxz", ["--help"], ["xz-utils"]),
    "xxd": ("usr/bin/xxd", ["-v"], ["xxd"]),
    "chromium": (
        "usr/lib/chromium/chromium-headless-shell",
        ["--version"],
        ["chromium-headless-shell"],
    ),
}
_BESIDE = {"postgres": ["initdb"]}
_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin", "/usr/local/bin")


def _runs(name, program):
    try:
        done = subprocess.run(
            [str(program), *_SERVERS[name][1]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return name.encode() in done.stdout.lower() and b"error while loading" not in done.stdout


def find_server(name):
    # Path of the server program that is here already, None if there is none. Fetches nothing.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_FOLDERS))
    program = shutil.which(name, path=path)
    if not program and "*" in _SERVERS[name][0]:
        program = _newest(Path("/"), _SERVERS[name][0])
    if program and _runs(name, program):
        return Path(program)
    program = CACHE / name / name
    return program if program.exists() and _runs(name, program) else None


def _newest(root, patterns):
    # The path of the highest version, None if there is none.
    found = [path for pattern in patterns.split() for path in root.glob(pattern)]
    found.sort(key=lambda path: [len(str(path)), str(path)])
    return found[-1] if found else None


def beside(program, name):
    # The path of another program of the same package.
    for folder in (program.parent, program.resolve().parent):
        if (folder / name).exists():
            return folder / name
    raise SetupError("There is no %s beside %s." % (name, program))


def server(name):
    # Path of the server program. Unpacked under .cache rather than installed: the tests start it
    # with a configuration of their own, so no service, user or file of the system is needed.
    program = find_server(name)
    if program:
        return program
    if not have_apt():
        raise SetupError("%s is missing: install it with the system's package manager." % name)
    folder = CACHE / name
    if folder.exists():
        shutil.rmtree(folder)  # it is there but does not run
    say("fetching %s (this system's package, under .cache)" % name)

    def fill(temp):
        unpack(temp, _SERVERS[name][2])
        program = temp / name
        found = _newest(temp / "root", _SERVERS[name][0])
        if found is None:
            raise SetupError("The package of %s does not hold it." % name)
        write_starter(program, str(found.relative_to(temp / "root")))
        for other in _BESIDE.get(name, ()):
            write_starter(temp / other, str(found.with_name(other).relative_to(temp / "root")))
        if not _runs(name, program):
            raise SetupError(
                "The unpacked %s does not run here: run `sudo apt-get install %s` and try again."
                % (name, name)
            )

    return cached(name, fill) / name
