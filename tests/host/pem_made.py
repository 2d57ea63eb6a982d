# pem_made - certificates and keys by openssl, in all their forms; what may happen to such files.
# SPDX-License-Identifier: MIT

import base64
import itertools
import re
import subprocess
import urllib.parse
from pathlib import Path

from cryptography.hazmat.primitives import serialization

import servers

PASSWORD = "secret"
END = b"-----END CERTIFICATE-----\n"


def openssl(*args, data=None):
    # What the command prints.
    argv = [str(a) for a in (servers.program("openssl"), *args)]
    done = subprocess.run(argv, input=data, capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError("%s: %s" % (" ".join(argv), done.stderr.decode()))
    return done.stdout


class Kinds:
    # folder: where everything goes, as NAME.pem and NAME.key. Attributes are what stands in files
    # of pem_ca_files and pem_pair_files.
    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key = self.root("ca", "qssl test CA")
        self.other_ca, _ = self.root("other-ca", "another test CA")
        self.old_ca, _ = self.root("old-ca", "a third test CA", bits=1024)
        self.server, _ = self.issue("server", "ca", "localhost")
        self.client, self.client_key = self.issue("client", "ca", "device-1")
        self.inner, _ = self.issue("inner", "ca", "qssl inner CA", ca=True)
        self.below, self.below_key = self.issue("below", "inner", "device-2")
        self.stray_key = openssl("genrsa", 2048)
        self.stray_ca, self.stray_ca_key = self.root(
            "ed-ca", "Ed25519 CA", new=["-newkey", "ed25519"]
        )
        self.pss, self.pss_key = self.root("pss", "PSS CA", new=["-newkey", "rsa-pss"])
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self.ec_client, _ = self.issue("ec", "ca", "device-3", new=ec)
        self.root("far-ca", "far CA", days=36500)
        self.issue("far", "far-ca", "localhost", days=36000)

    def path(self, name):
        return self.folder / name

    def put(self, name, data):
        path = self.path(name)
        path.write_bytes(data)
        return path

    def root(self, name, cn, bits=2048, new=None, days=30):
        # (certificate, key) of a root, PEM.
        cert, key = self.path(name + ".pem"), self.path(name + ".key")
        openssl("req", "-x509", *(new or ["-newkey", "rsa:%d" % bits]), "-noenc", "-keyout", key,
                "-out", cert, "-days", days, "-subj", "/CN=" + cn,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
        return cert.read_bytes(), key.read_bytes()

    def issue(self, name, by, cn, new=None, ca=False, days=30):
        # (certificate, key) that the CA of that name has issued, PEM.
        cert, key, csr = (self.path(name + end) for end in (".pem", ".key", ".csr"))
        openssl("req", *(new or ["-newkey", "rsa:2048"]), "-noenc", "-keyout", key, "-out", csr,
                "-subj", "/CN=" + cn)  # fmt: skip
        text = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
        if not ca:
            text = "basicConstraints=CA:FALSE\n"
        conf = self.put(name + ".cnf", text.encode())
        openssl("x509", "-req", "-in", csr, "-CA", self.path(by + ".pem"),
                "-CAkey", self.path(by + ".key"), "-CAcreateserial", "-days", days,
                "-extfile", conf, "-out", cert)  # fmt: skip
        return cert.read_bytes(), key.read_bytes()


def rows_of(pem, width):
    first, *body, last, _ = pem.split(b"\n")
    text = b"".join(body)
    cut = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([first, *cut, last, b""])


def without(pem, row, count=1):
    lines = pem.split(b"\n")
    return b"\n".join(lines[:row] + lines[row + count :])


def twice(pem, row):
    lines = pem.split(b"\n")
    return b"\n".join(lines[: row + 1] + lines[row:])


def swapped(pem, row):
    lines = pem.split(b"\n")
    lines[row], lines[row + 1] = lines[row + 1], lines[row]
    return b"\n".join(lines)


def p12(k, *more):
    return openssl("pkcs12", "-export", "-in", k.path("client.pem"), "-inkey",
                   k.path("client.key"), "-certfile", k.path("ca.pem"), "-passout",
                   "pass:" + PASSWORD, *more)  # fmt: skip


def p12_text(k, *what):
    k.put("pair.p12", p12(k))
    return openssl("pkcs12", "-in", k.path("pair.p12"), "-passin", "pass:" + PASSWORD, *what)


def p7(k, form):
    return openssl("crl2pkcs7", "-nocrl", "-certfile", k.path("ca.pem"), "-outform", form)


def crl(k):
    k.put("index.txt", b"")
    conf = "[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=30\n"
    conf = k.put("crl.cnf", (conf % k.path("index.txt")).encode())
    return openssl("ca", "-gencrl", "-config", conf, "-keyfile", k.path("ca.key"),
                   "-cert", k.path("ca.pem"))  # fmt: skip


def openssh(k):
    key = serialization.load_pem_private_key(k.client_key, None)
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def locked(k, *how):
    return openssl(*how, "-in", k.path("client.key"), "-passout", "pass:" + PASSWORD)


def line_by_line(pem, change):
    # With change(number, line) instead of each line.
    rows = pem.split(b"\n")[:-1]
    return b"".join([change(i + 1, row) + b"\n" for i, row in enumerate(rows)])


def within(pem, text):
    # With text as the first line in each block.
    return re.sub(b"(-----BEGIN .*-----\n)", lambda found: found[1] + text, pem)


def der_of(pem):
    return base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))


def dumped(data):
    # As xxd does it.
    rows = [data[i : i + 16] for i in range(0, len(data), 16)]
    text = ["%08x: %s  x\n" % (i * 16, row.hex(" ", 2)) for i, row in enumerate(rows)]
    return "".join(text).encode()


def url_quoted(text):
    # As encodeURIComponent() does it.
    return urllib.parse.quote(text, safe="").encode()


def labelled(pem, old, new):
    return pem.replace(b"BEGIN " + old, b"BEGIN " + new).replace(b"END " + old, b"END " + new)


TEXT = b"exported from the portal by operations, do not edit\n"
DH = (
    b"-----BEGIN DH PARAMETERS-----\n"
    b"MEYCQQDaWDwW2YUiidDkr3VvTMqS3UvlM7gE+w/tlO+cikQD7VdGUNNpmdsp13Yn\n"
    b"a6LT1BLiGPTdHghM9tgAPnxHdOgzAgEC\n-----END DH PARAMETERS-----\n"
)


_numbers = itertools.count()


def write(folder, contents):
    # A file; its name, which stands in errors, says nothing.
    path = Path(folder) / ("f%d" % next(_numbers))
    path.write_bytes(contents)
    return path
