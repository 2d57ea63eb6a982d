# setup.debs - Debian packages: unpacked under a folder, or, as root, installed.
# SPDX-License-Identifier: MIT

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from .common import SetupError, extract_all, run, say

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_STATUS = Path("/var/lib/dpkg/status")

# apt with folders of its own: reads the system's sources but changes none of its lists, caches or
# settings, and needs no root. APT_CONFIG is read before /etc/apt/apt.conf.d.
_CONF = """\
Dir::State "{apt}";
Dir::State::lists "{apt}/lists";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}/cache";
Dir::Cache::archives "{apt}/cache/archives";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Update::Post-Invoke-Success "";
APT::Update::Post-Invoke "";
DPkg::Post-Invoke "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "2";
"""
# For another suite: the sources below instead of the system's.
_CONF_SUITE = """\
Dir::Etc::main "/dev/null";
Dir::Etc::parts "{apt}/parts";
Dir::Etc::sourcelist "{apt}/sources.list";
Dir::Etc::sourceparts "{apt}/parts";
Dir::Etc::preferencesparts "{apt}/parts";
"""


# Debian's architecture: (library folder, dynamic loader)
LOADERS = {
    "amd64": ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "i386": ("i386-linux-gnu", "ld-linux.so.2"),
    "arm64": ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
    "armhf": ("arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
}

# Packages of this system: only the libraries that it lacks lie beside the program.
_RUN_WITH_SYSTEM = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
lib=$(echo "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu* "$root"/usr/lib \\
  "$root"/usr/lib/*-linux-gnu*/pulseaudio | tr ' ' ':')
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_FILE="$root/fonts.conf"
LD_LIBRARY_PATH=$lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}} exec "$root/{program}" "$@"
"""
# Where a system has no fonts: those that came with a program.
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
# Packages of another suite: libraries and loader are their own, as the system's may be older.
_RUN_ALONE = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
lib=$root/usr/lib/{triplet}
exec "$lib/{loader}" --argv0 "$0" --library-path "$lib" "$root/{program}" "$@"
"""


def have_apt():
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def architecture():
    return run(["dpkg", "--print-architecture"], "tell this machine's architecture").strip()


def mirror():
    # The address of the Debian mirror this system uses, "" if it uses none.
    named = os.environ.get("DEBIAN_MIRROR", "")
    if named:
        return named
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    for line in run(argv, "read the system's package sources").split():
        if "/debian" in line and not any(w in line for w in ("security", "updates", "backports")):
            return line
    return ""


def unpack(folder, packages, suite=None, arch=None):
    # Downloads packages with all they depend on and unpacks them under folder/root.
    # suite None: from the system's own sources, without what the system has installed already.
    # suite NAME: from that Debian suite, complete down to the C library.
    what = "fetch the Debian package %s" % packages[0]
    apt, env = _private_apt(folder, suite, arch)
    _download(["-y", "--download-only", "install", *packages], what, env)
    archives = sorted((apt / "cache/archives").glob("*.deb"))
    if not archives:
        raise SetupError("Can't %s: it is already installed, yet does not run." % what)
    (folder / "root").mkdir()
    for deb in archives:
        run(["dpkg-deb", "-x", deb, folder / "root"], "unpack " + deb.name)
    (folder / "root/fonts.conf").write_text(_FONTS)
    (folder / "packages.txt").write_text("".join(deb.name + "\n" for deb in archives))
    shutil.rmtree(apt)


def unpack_source(folder, package, suite):
    # Downloads the upstream source of a package of a Debian suite and unpacks it; returns the
    # folder inside `folder` that it makes. Debian's own changes are not applied.
    what = "fetch the source package " + package
    apt, env = _private_apt(folder, suite, None)
    _download(["--download-only", "source", package], what, env, folder)
    shutil.rmtree(apt)
    archives = list(folder.glob(package + "_*.orig.tar.*"))
    if len(archives) != 1:
        raise SetupError("Can't %s: its source archive is not there." % what)
    with tarfile.open(archives[0]) as tar:
        extract_all(tar, folder)
    for old in folder.glob(package + "_*"):
        old.unlink()
    return next(p for p in folder.iterdir() if p.is_dir())


def _private_apt(folder, suite, arch):
    # An apt of its own under folder/apt: (that path, the environment that makes apt-get use it).
    if not have_apt():
        raise SetupError("This system has no apt-get, so Debian packages can't be unpacked.")
    apt = folder / "apt"
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (apt / name).mkdir(parents=True)
    conf = _CONF
    status = b""
    if suite:
        conf += _CONF_SUITE
        (apt / "sources.list").write_text(_source(suite))
    elif _STATUS.exists():
        status = _STATUS.read_bytes()
    (apt / "status").write_bytes(status)
    (apt / "apt.conf").write_text(conf.format(apt=apt, arch=arch or architecture()))
    return apt, dict(os.environ, APT_CONFIG=str(apt / "apt.conf"), LC_ALL="C.UTF-8")


def _download(words, what, env, cwd=None):
    # Sources of the system that fail are no error here, unless the package is not found then.
    updated = run(["apt-get", "-q", "update"], what, env)
    try:
        run(["apt-get", "-q", *words], what, env, cwd)
    except SetupError:
        failed = [line for line in updated.splitlines() if "Failed to fetch" in line]
        if not failed:
            raise
        words = failed[0].replace("W: ", "").strip(" .")
        raise SetupError("Can't %s without the network: %s." % (what, words))


def write_starter(path, program, arch=None):
    # path: a script beside the folder `root` that unpack() made, to start root/program.
    # arch: as given to unpack() together with a suite.
    if arch:
        triplet, loader = LOADERS[arch]
        text = _RUN_ALONE.format(triplet=triplet, loader=loader, program=program)
    else:
        text = _RUN_WITH_SYSTEM.format(program=program)
    path.write_text(text)
    path.chmod(0o755)


def _source(suite):
    address = mirror()
    if not address:
        raise SetupError(
            "This system's package sources name no Debian mirror: "
            "set DEBIAN_MIRROR to the address of one and try again."
        )
    if not KEYRING.exists():
        ensure_system(["debian-archive-keyring"])
    line = "%%s [signed-by=%s] %s %s main\n" % (KEYRING, address, suite)
    return line % "deb" + line % "deb-src"


def ensure_system(packages):
    # Installs system packages; the caller knows that they are missing.
    # Raises SetupError with the command to type where this may not be done.
    command = "apt-get install --no-install-recommends " + " ".join(packages)
    if not have_apt():
        raise SetupError(
            "Missing on this system: what Debian calls %s; install it with the system's package "
            "manager and try again." % " and ".join(packages)
        )
    if os.geteuid() != 0:
        raise SetupError("Missing on this system: run `sudo %s` and try again." % command)
    say("installing the system package " + ", ".join(packages))
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    argv = ["-q", "-y", "--no-install-recommends", "install", *packages]
    first = subprocess.run(
        ["apt-get", *argv], env=env, stdin=subprocess.DEVNULL, capture_output=True
    )
    if first.returncode:
        # Most often the package lists are missing or old.
        what = "install " + " ".join(packages)
        run(["apt-get", "-q", "update"], what, env)
        run(["apt-get", *argv], what, env)
