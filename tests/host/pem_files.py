# pem_files - certificate and key files of all kinds that people have, made by openssl.
# SPDX-License-Identifier: MIT
#
# Each is one file that goes wrong, or could, beside right ones: the CA of the server, or the pair
# of a client.

import base64
import bz2
import gzip
import itertools
import json
import lzma
import re
import subprocess
import urllib.parse
from pathlib import Path

from cryptography.hazmat.primitives import serialization

import servers

PASSWORD = "secret"
_END = b"-----END CERTIFICATE-----\n"


def openssl(*args, data=None):
    # What the command prints.
    argv = [str(a) for a in (servers.program("openssl"), *args)]
    done = subprocess.run(argv, input=data, capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError("%s: %s" % (" ".join(argv), done.stderr.decode()))
    return done.stdout


class Kinds:
    # folder: where everything goes. Attributes are what stands in the files below.
    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key = self.root("ca", "qssl test CA")
        self.other_ca, _ = self.root("other-ca", "another test CA")
        self.old_ca, _ = self.root("old-ca", "a third test CA", bits=1024)
        self.server, self.server_key = self.issue("server", "ca", "localhost")
        self.client, self.client_key = self.issue("client", "ca", "device-1")
        self.inner, _ = self.issue("inner", "ca", "qssl inner CA", ca=True)
        self.below, self.below_key = self.issue("below", "inner", "device-2")
        self.stray_key = openssl("genrsa", 2048)
        self.stray_ca, self.stray_ca_key = self.root(
            "ed-ca", "Ed25519 CA", new=["-newkey", "ed25519"]
        )
        self.pss, self.pss_key = self.root("pss", "PSS CA", new=["-newkey", "rsa-pss"])
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self.ec_client, self.ec_key = self.issue("ec", "ca", "device-3", new=ec)
        self.far_ca, self.far_key = self.root("far-ca", "far CA", days=36500)
        self.far, self.far_server_key = self.issue("far", "far-ca", "localhost", days=36000)

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


def _rows(pem, width):
    first, *body, last, _ = pem.split(b"\n")
    text = b"".join(body)
    cut = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([first, *cut, last, b""])


def _without(pem, row, count=1):
    lines = pem.split(b"\n")
    return b"\n".join(lines[:row] + lines[row + count :])


def _twice(pem, row):
    lines = pem.split(b"\n")
    return b"\n".join(lines[: row + 1] + lines[row:])


def _swapped(pem, row):
    lines = pem.split(b"\n")
    lines[row], lines[row + 1] = lines[row + 1], lines[row]
    return b"\n".join(lines)


def _p12(k, *more):
    return openssl("pkcs12", "-export", "-in", k.path("client.pem"), "-inkey",
                   k.path("client.key"), "-certfile", k.path("ca.pem"), "-passout",
                   "pass:" + PASSWORD, *more)  # fmt: skip


def _p12_text(k, *what):
    k.put("pair.p12", _p12(k))
    return openssl("pkcs12", "-in", k.path("pair.p12"), "-passin", "pass:" + PASSWORD, *what)


def _p7(k, form):
    return openssl("crl2pkcs7", "-nocrl", "-certfile", k.path("ca.pem"), "-outform", form)


def _crl(k):
    k.put("index.txt", b"")
    conf = "[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=30\n"
    conf = k.put("crl.cnf", (conf % k.path("index.txt")).encode())
    return openssl("ca", "-gencrl", "-config", conf, "-keyfile", k.path("ca.key"),
                   "-cert", k.path("ca.pem"))  # fmt: skip


def _openssh(k):
    key = serialization.load_pem_private_key(k.client_key, None)
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _locked(k, *how):
    return openssl(*how, "-in", k.path("client.key"), "-passout", "pass:" + PASSWORD)


def _lines(pem, change):
    # With change(number, line) instead of each line.
    rows = pem.split(b"\n")[:-1]
    return b"".join([change(i + 1, row) + b"\n" for i, row in enumerate(rows)])


def _within(pem, text):
    # With text as the first line in each block.
    return re.sub(b"(-----BEGIN .*-----\n)", lambda found: found[1] + text, pem)


def _der(pem):
    return base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))


def _dump(data):
    # As xxd does it.
    rows = [data[i : i + 16] for i in range(0, len(data), 16)]
    text = ["%08x: %s  x\n" % (i * 16, row.hex(" ", 2)) for i, row in enumerate(rows)]
    return "".join(text).encode()


def _quoted(text):
    # As encodeURIComponent() does it.
    return urllib.parse.quote(text, safe="").encode()


def _label(pem, old, new):
    return pem.replace(b"BEGIN " + old, b"BEGIN " + new).replace(b"END " + old, b"END " + new)


TEXT = b"exported from the portal by operations, do not edit\n"
DH = (
    b"-----BEGIN DH PARAMETERS-----\n"
    b"MEYCQQDaWDwW2YUiidDkr3VvTMqS3UvlM7gE+w/tlO+cikQD7VdGUNNpmdsp13Yn\n"
    b"a6LT1BLiGPTdHghM9tgAPnxHdOgzAgEC\n-----END DH PARAMETERS-----\n"
)

# name: contents as of Kinds. These are as good as a right CA file.
GOOD_CA = {
    "as it is": lambda k: k.ca,
    "CR LF": lambda k: k.ca.replace(b"\n", b"\r\n"),
    "CR": lambda k: k.ca.replace(b"\n", b"\r"),
    "CR CR LF": lambda k: k.ca.replace(b"\n", b"\r\r\n"),
    "byte order mark": lambda k: b"\xef\xbb\xbf" + k.ca,
    "byte order mark and CR LF": lambda k: b"\xef\xbb\xbf" + k.ca.replace(b"\n", b"\r\n"),
    "openssl x509 -text": lambda k: openssl("x509", "-text", "-in", k.path("ca.pem")),
    "text behind": lambda k: k.ca + TEXT * 9,
    "text before, between and behind": lambda k: TEXT + k.other_ca + TEXT + k.ca + TEXT,
    "a comment with hyphens": lambda k: b"# ----- the CA -----\n" + k.ca + b"# -----\n",
    "no line end behind": lambda k: k.ca[:-1],
    "blanks behind each row": lambda k: k.ca.replace(b"\n", b"  \t\n"),
    "set in, as in YAML": lambda k: b"ca: |\n  " + k.ca.replace(b"\n", b"\n  "),
    "in quotes, as in JSON": lambda k: b'"' + k.ca + b'"',
    "empty lines": lambda k: k.ca.replace(b"\n", b"\n\n"),
    "rows of 76": lambda k: _rows(k.ca, 76),
    "one row": lambda k: _rows(k.ca, 9999),
    "rows of 1": lambda k: _rows(k.ca, 1),
    "line ends lost": lambda k: k.ca.replace(b"\n", b" "),
    "X509 CERTIFICATE": lambda k: _label(k.ca, b"CERT", b"X509 CERT"),
    "pkcs12 with bag attributes": lambda k: _p12_text(k, "-cacerts", "-nokeys"),
    "pkcs7 -print_certs": lambda k: openssl(
        "pkcs7", "-print_certs", data=_p7(k, "PEM")
    ),
    "old and new CA": lambda k: k.old_ca + k.ca,
    "ten CAs": lambda k: (k.old_ca + k.other_ca) * 5 + k.ca,
    "a revocation list behind": lambda k: k.ca + _crl(k),
    "parameters behind": lambda k: k.ca + DH,
    "intermediate and root": lambda k: k.inner + k.ca,
    "comments in Windows-1252": lambda k: b"# f\xfcr Ger\xe4te \x96\r\n" + k.ca + b"# \xe4\n",
    "marks between, CR": lambda k: (
        b"\xef\xbb\xbf" + k.other_ca + b"\xef\xbb\xbf" + k.ca.replace(b"\n", b"\r")
    ),
    "NULs behind": lambda k: k.ca + bytes(2000),
    "erased flash behind": lambda k: k.ca + b"\xff" * 2000,
    "Ctrl-Z behind": lambda k: k.ca + b"\x1a",
    "a hyphen more": lambda k: b"-" + k.ca[:-1] + b"--\n",
    "a very long comment": lambda k: b"#" + b"x" * 20000 + b"\n" + k.ca,
    "a heading of its own": lambda k: b"-----BEGIN " + b"x" * 500 + b"-----\n" + k.ca,
}  # fmt: skip

SED = "sed 's/^ *b*\"//; s/\\\\r//g; s/\\\\n/\\n/g; s/[\"\\\\]//g' {} > new.pem"
# name: (contents, words that must stand in the error). Nothing is sent.
BAD_CA = {
    "empty": (lambda k: b"", "empty"),
    "blanks": (lambda k: b" \n\n", "no PEM"),
    "DER": (
        lambda k: openssl("x509", "-in", k.path("ca.pem"), "-outform", "DER"),
        "is DER|openssl x509 -inform DER -in {} -out new.pem",
    ),
    "PKCS#12": (_p12, "PKCS#12|openssl pkcs12 -in {} -cacerts -nokeys -out new.pem"),
    "PKCS#7": (
        lambda k: _p7(k, "PEM"),
        "PKCS#7|openssl pkcs7 -print_certs -in {} -out new.pem",
    ),
    "PKCS#7 DER": (
        lambda k: _p7(k, "DER"),
        "PKCS#7|openssl pkcs7 -inform DER -print_certs -in {} -out new.pem",
    ),
    "TRUSTED CERTIFICATE": (
        lambda k: openssl("x509", "-in", k.path("ca.pem"), "-trustout"),
        "TRUSTED|openssl x509 -in {} -out new.pem",
    ),
    "UTF-16 with a mark": (
        lambda k: k.ca.decode().encode("utf-16"),
        "UTF-16|iconv -f UTF-16 -t UTF-8 {} > new.pem",
    ),
    "UTF-16LE": (
        lambda k: k.ca.decode().encode("utf-16-le"),
        "UTF-16|iconv -f UTF-16LE -t UTF-8 {} > new.pem",
    ),
    "UTF-16BE": (
        lambda k: k.ca.decode().encode("utf-16-be"),
        "UTF-16|iconv -f UTF-16BE -t UTF-8 {} > new.pem",
    ),
    "line ends written out": (
        lambda k: k.ca.replace(b"\n", b"\\n"),
        "written out|" + SED,
    ),
    "line ends written out as CR LF": (
        lambda k: k.ca.replace(b"\n", b"\\r\\n"),
        "written out|" + SED,
    ),
    "a string of C": (
        lambda k: b"".join(b'  "%s\\n" \\\n' % row for row in k.ca.split(b"\n")[:-1]),
        "written out|" + SED,
    ),
    "a string of JSON": (
        lambda k: json.dumps({"ca": k.ca.decode()}).replace("/", "\\/").encode(),
        "written out|" + SED,
    ),
    "UTF-32": (
        lambda k: k.ca.decode().encode("utf-32"),
        "UTF-32|iconv -f UTF-32 -t UTF-8 {} > new.pem",
    ),
    "a secret of Kubernetes": (
        lambda k: base64.b64encode(k.ca),
        "base64 around a PEM|base64 -d {} > new.pem",
    ),
    "gzip": (lambda k: gzip.compress(k.ca), "packed|gunzip < {} > new.pem"),
    "NULs alone": (lambda k: bytes(1200), "binary"),
    "one NUL": (lambda k: b"\0", "binary"),
    "an attribute certificate": (
        lambda k: _label(k.ca, b"CERT", b"ATTRIBUTE CERT"),
        "none, but a ATTRIBUTE CERTIFICATE",
    ),
    "two blanks behind BEGIN": (
        lambda k: k.ca.replace(b"BEGIN ", b"BEGIN  "),
        "damaged -----BEGIN line",
    ),
    "first row missing": (lambda k: _without(k.ca, 1), "damaged"),
    "a row missing": (lambda k: _without(k.ca, 7), "damaged|48 bytes are missing"),
    "two rows missing": (lambda k: _without(k.ca, 7, 2), "damaged|96 bytes are missing"),
    "last row missing": (lambda k: _without(k.ca, -3), "damaged|missing"),
    "a row twice": (lambda k: _twice(k.ca, 5), "damaged|48 bytes too many"),
    "a row of another": (
        lambda k: b"\n".join(k.ca.split(b"\n")[:5] + k.server.split(b"\n")[5:]),
        "damaged",
    ),
    "rows swapped": (lambda k: _swapped(k.ca, 2), "damaged"),
    "a row missing in the second": (lambda k: k.other_ca + _without(k.ca, 7), "damaged|48 bytes"),
    "cut in a row": (lambda k: k.ca[:500], "cut short|no -----END"),
    "cut in END": (lambda k: k.ca[:-8], "cut short|no -----END"),
    "END missing": (lambda k: k.ca.replace(_END, b"") + TEXT, "damaged|copy"),
    "END missing before the next": (lambda k: k.ca.replace(_END, b"") + k.other_ca, "END line"),
    "another END": (lambda k: k.ca.replace(b"END CERT", b"END X509 CERT"), "END line"),
    "BEGIN missing": (lambda k: k.ca[28:], "no PEM|no -----BEGIN"),
    "BEGIN with four hyphens": (lambda k: k.ca[1:], "damaged -----BEGIN line"),
    "BEGIN with dashes": (lambda k: k.ca.replace(b"-----", "——–".encode()), "damaged -----BEGIN"),
    "BEGIN in small letters": (lambda k: k.ca.lower(), "PEM"),
    "a wrong character": (lambda k: k.ca[:300] + b"?" + k.ca[301:], "damaged near line|base64"),
    "a letter with an accent": (lambda k: k.ca[:300] + b"\xc3\xa9" + k.ca[302:], "base64"),
    "a NUL": (lambda k: k.ca[:300] + b"\0" + k.ca[301:], "base64"),
    "base64 of URLs": (lambda k: k.ca[:300] + b"-_" + k.ca[302:], "base64"),
    "quoted-printable": (lambda k: k.ca.replace(b"\n", b"=20\n"), "base64"),
    "nothing in it": (lambda k: k.ca[:28] + _END, "damaged"),
    "with its private key": (
        lambda k: k.ca + k.ca_key,
        "private key in it|sed '/PRIVATE KEY/,/PRIVATE KEY/d' {} > new.pem",
    ),
    "with its private key before": (lambda k: k.ca_key + k.ca, "private key in it"),
    "with an encrypted private key": (
        lambda k: k.ca + _locked(k, "pkcs8", "-topk8"),
        "private key in it",
    ),
    "with an OpenSSH key": (lambda k: k.ca + _openssh(k), "private key in it"),
    "a private key": (lambda k: k.ca_key, "is a private key|PEM of a certificate"),
    "a private key, DER": (
        lambda k: openssl("pkey", "-in", k.path("ca.key"), "-outform", "DER"),
        "is a private key",
    ),
    "an encrypted private key, DER": (
        lambda k: _locked(k, "pkcs8", "-topk8", "-outform", "DER"),
        "is a private key",
    ),
    "a public key": (
        lambda k: openssl("pkey", "-in", k.path("ca.key"), "-pubout"),
        "is a public key",
    ),
    "a public key, DER": (
        lambda k: openssl("pkey", "-in", k.path("ca.key"), "-pubout", "-outform", "DER"),
        "is a public key",
    ),
    "a request": (
        lambda k: k.path("client.csr").read_bytes(),
        "request (CSR)|openssl x509 -req -in {}",
    ),
    "a request, DER": (
        lambda k: openssl("req", "-in", k.path("client.csr"), "-outform", "DER"),
        "request (CSR)",
    ),
    "a request named certificate": (
        lambda k: _label(
            k.path("client.csr").read_bytes(), b"CERTIFICATE REQUEST", b"CERTIFICATE"
        ),
        "is not what its -----BEGIN line says",
    ),
    "a key named certificate": (
        lambda k: _label(k.ca_key, b"PRIVATE KEY", b"CERTIFICATE"),
        "is not what its -----BEGIN line says",
    ),
    "a revocation list": (_crl, "revocation list"),
    "a revocation list named certificate": (
        lambda k: _label(_crl(k), b"X509 CRL", b"CERTIFICATE"),
        "is not what its -----BEGIN line says",
    ),
    "parameters": (lambda k: DH, "parameters only"),
    "a PGP key": (
        lambda k: (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----"
        ),
        "public key",
    ),
    "a message": (
        lambda k: b"-----BEGIN PGP MESSAGE-----\n\nmQ==\n-----END PGP MESSAGE-----",
        "PGP MESSAGE",
    ),
    "a web page": (lambda k: b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
    "JSON": (lambda k: b'{"message": "forbidden"}', "no PEM"),
    "an OpenSSH public key": (lambda k: b"ssh-rsa AAAAB3Nza x@y\n", "is a public key"),
    "a Java key store": (lambda k: b"\xfe\xed\xfe\xed\0\0\0\2" + bytes(200), "Java|keytool"),
    "Ed25519": (lambda k: k.stray_ca, "RSA"),
    "RSA for PSS alone": (lambda k: k.pss, "of a kind that the modem's TLS does not know"),
    "quoted by mail": (
        lambda k: _lines(k.other_ca + k.ca, lambda i, row: b"> " + row),
        "quoted, as by mail|sed 's/^[> ]*//' {} > new.pem",
    ),
    "quoted twice": (lambda k: _lines(k.ca, lambda i, row: b">> " + row), "sed| > new.pem"),
    "a log": (
        lambda k: b"".join(b"11-28 10:00 app: %s\n" % r for r in k.ca.splitlines()),
        "has text before each row|cut -c18- {} > new.pem",
    ),
    "a backslash behind each row": (
        lambda k: k.ca.replace(b"\n", b"\\\n"),
        "a backslash behind each row|tr -d '\\\\' < {} > new.pem",
    ),
    "a terminal's colours": (
        lambda k: b"\x1b[1;32m" + k.ca.replace(b"\n", b"\x1b[0m\n\x1b[32m"),
        "colours|sed 's/.\\[[0-9;]*m//g' {} > new.pem",
    ),
    "cat -n": (
        lambda k: _lines(k.ca, lambda i, row: b"%6d\t%s" % (i, row)),
        "numbered|sed 's/^ *[0-9][0-9]*[:[:blank:]] *//' {} > new.pem",
    ),
    "grep -n": (
        lambda k: _lines(k.ca, lambda i, row: b"%d:%s" % (i, row)),
        "numbered|sed| > new.pem",
    ),
    "diff": (
        lambda k: _lines(k.ca, lambda i, row: b"+" + row),
        "diff|sed 's/^+//' {} > new.pem",
    ),
    "no-break spaces behind": (
        lambda k: _lines(k.ca, lambda i, row: row + b"\xc2\xa0"),
        "not of ASCII|tr -s| {} > new.pem",
    ),
    "a no-break space in BEGIN": (
        lambda k: k.ca.replace(b"BEGIN ", b"BEGIN\xc2\xa0"),
        "not of ASCII|tr -s| {} > new.pem",
    ),
    "a zero-width space in row 9": (
        lambda k: _lines(k.ca, lambda i, row: row + b"\xe2\x80\x8b" * (i == 9)),
        "not of ASCII|near line| {} > new.pem",
    ),
    "line separators of Unicode": (
        lambda k: k.ca.replace(b"\n", b"\xe2\x80\xa8"),
        "not of ASCII| {} > new.pem",
    ),
    "a comment within": (
        lambda k: _within(k.ca, b"Comment: from the portal\n"),
        "headers or remarks within|sed '/[:#]/d' {} > new.pem",
    ),
    "headers of RFC 1421 within": (
        lambda k: _within(k.old_ca + k.ca, b"Proc-Type: 4,MIC-CLEAR\nOriginator: x\n\n"),
        "headers or remarks within| {} > new.pem",
    ),
    "a remark within": (lambda k: _within(k.ca, b"# mine\n"), "headers or remarks| > new.pem"),
    "BEGIN in a remark": (
        lambda k: b"# the -----BEGIN CERTIFICATE----- line comes first\n" + k.ca,
        "in a remark|sed '/[^- ].*-----[BE]/d' {} > new.pem",
    ),
    "BEGIN in a text": (
        lambda k: b"Paste from -----BEGIN CERTIFICATE----- on:\n\n" + k.ca,
        "in a remark| {} > new.pem",
    ),
    "another CA in remarks": (
        lambda k: _lines(k.other_ca, lambda i, row: b"#" + row) + k.ca,
        "in a remark| {} > new.pem",
    ),
    "in remarks as a whole": (
        lambda k: _lines(k.ca, lambda i, row: b"# " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "a program's text": (
        lambda k: b"ca =\n" + _lines(k.ca, lambda i, row: b'  "%s"' % row),
        "in quotes row by row|sed| {} > new.pem",
    ),
    "rows of Python": (
        lambda k: b"CA = (\n" + _lines(k.ca, lambda i, row: b'    b"%s\\n"' % row) + b")\n",
        "written out|" + SED,
    ),
    "encoded for URLs": (lambda k: _quoted(k.ca), "for URLs|unquote(| {} > new.pem"),
    "encoded for forms": (
        lambda k: _quoted(k.ca).replace(b"%20", b"+"),
        "for URLs|unquote_plus(| {} > new.pem",
    ),
    "encoded for web pages": (
        lambda k: b"<pre>" + k.ca.replace(b"+", b"&#43;").replace(b"\n", b"<br/>") + b"</pre>",
        "for web pages| {} > new.pem",
    ),
    "a word processor's file": (
        lambda k: b"{\\rtf1\\ansi " + k.ca.replace(b"\n", b"\\\n") + b"}",
        "RTF|plain text",
    ),
    "XML": (lambda k: b"\xef\xbb\xbf<?xml version='1.0'?>\n<Error/>", "web page or XML"),
    "marks missing": (
        lambda k: b"\n".join(k.ca.split(b"\n")[1:-2]),
        "DER in base64|base64 -d {} > new.der; openssl x509 -inform DER -in| -out new.pem",
    ),
    "PKCS#12 in base64": (
        lambda k: base64.encodebytes(_p12(k)),
        "PKCS#12 in base64|base64 -d {} > new.der; openssl pkcs12 -in new.der -cacerts",
    ),
    "hexadecimal": (lambda k: _der(k.ca).hex().encode(), "hexadecimal|xxd -r -p {} > new.der"),
    "openssl x509 -noout -text": (
        lambda k: openssl("x509", "-noout", "-text", "-in", k.path("ca.pem")),
        "what openssl shows|-noout",
    ),
    "zip": (lambda k: b"PK\3\4" + bytes(60), "packed|unzip {}"),
    "a revocation list, DER": (
        lambda k: openssl("crl", "-outform", "DER", data=_crl(k)),
        "revocation list",
    ),
    "PuTTY's": (
        lambda k: b"PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\n",
        "is a private key",
    ),
    "a hyphen missing in the second": (
        lambda k: k.old_ca + k.ca[1:],
        "END line near line|without its -----BEGIN",
    ),
    "a hyphen missing in the first": (
        lambda k: k.old_ca[1:] + k.ca,
        "END line near line|without its -----BEGIN",
    ),
    "hyphens shared": (lambda k: k.old_ca[:-6] + k.ca, "without its -----BEGIN"),
    "in remarks of C": (
        lambda k: _lines(k.ca, lambda i, row: b" * " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "in remarks of SQL": (
        lambda k: _lines(k.ca, lambda i, row: b"-- " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "in remarks of LaTeX": (
        lambda k: _lines(k.ca, lambda i, row: b"%" + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "quoted on a web page": (
        lambda k: _lines(k.ca, lambda i, row: b"&gt; " + row),
        "for web pages",  # and quoted
    ),
    "a merge that failed": (
        lambda k: _lines(
            k.ca,
            lambda i, row: b"<<<<<<< HEAD\n%s\n=======\nMII\n>>>>>>> x" % row if i == 4 else row,
        ),
        "a merge that failed|near line",
    ),
    "six hyphens": (lambda k: k.ca.replace(b"-----", b"------"), "damaged -----BEGIN line"),
    "label in small letters": (
        lambda k: _label(k.ca, b"CERTIFICATE", b"Certificate"),
        "damaged -----BEGIN line|capitals",
    ),
    "a dump": (lambda k: _dump(k.ca), "a dump in hexadecimal|xxd -r {} >"),
    "a text that begins with 0": (lambda k: b"0" * 300, "no PEM"),
    "bzip2": (lambda k: bz2.compress(k.ca), "packed|bunzip2 < {} > new.pem"),
    "xz": (lambda k: lzma.compress(k.ca), "packed|unxz < {} > new.pem"),
    "random bytes": (lambda k: bytes(range(200, 256)) * 20, "no PEM"),
}

# name: (certificate, key) of a client. These connect.
GOOD_PAIR = {
    "PKCS#8": lambda k: (k.client, k.client_key),
    "PKCS#1": lambda k: (
        k.client,
        openssl("rsa", "-traditional", "-in", k.path("client.key")),
    ),
    "marks and CR LF": lambda k: (
        b"\xef\xbb\xbf" + k.client.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + k.client_key.replace(b"\n", b"\r\n"),
    ),
    "CR": lambda k: (k.client.replace(b"\n", b"\r"), k.client_key.replace(b"\n", b"\r")),
    "pkcs12 with bag attributes": lambda k: (
        _p12_text(k, "-clcerts", "-nokeys"),
        _p12_text(k, "-nocerts", "-noenc"),
    ),
    "key and certificate in the key's file": lambda k: (k.client, k.client + k.client_key),
    "with its CA": lambda k: (k.client + k.ca, k.client_key),
    "through an intermediate": lambda k: (k.below + k.inner, k.below_key),
    "openssl -text": lambda k: (
        openssl("x509", "-text", "-in", k.path("client.pem")),
        openssl("pkey", "-text", "-in", k.path("client.key")),
    ),
}  # fmt: skip

# name: ((certificate, key), which of them, words that must stand in the error). Nothing is sent.
BAD_PAIR = {
    "encrypted PKCS#8": (
        lambda k: (k.client, _locked(k, "pkcs8", "-topk8")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "encrypted PKCS#1": (
        lambda k: (k.client, _locked(k, "rsa", "-traditional", "-aes128")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "encrypted PKCS#8, DER": (
        lambda k: (k.client, _locked(k, "pkcs8", "-topk8", "-outform", "DER")),
        "key",
        "encrypted|openssl pkey -inform DER -in {} -out new.key",
    ),
    "key in DER": (
        lambda k: (k.client, openssl("pkey", "-in", k.path("client.key"), "-outform", "DER")),
        "key",
        "is DER|openssl pkey -inform DER -in {} -out new.key",
    ),
    "PKCS#1 in DER": (
        lambda k: (
            k.client,
            openssl("rsa", "-traditional", "-in", k.path("client.key"), "-outform", "DER"),
        ),
        "key",
        "is DER|openssl pkey -inform DER -in {} -out new.key",
    ),
    "key in PKCS#12": (
        lambda k: (k.client, _p12(k)),
        "key",
        "PKCS#12|openssl pkcs12 -in {} -nocerts -nodes -out new.key",
    ),
    "certificate in PKCS#12": (
        lambda k: (_p12(k), k.client_key),
        "cert",
        "PKCS#12|openssl pkcs12 -in {} -clcerts -nokeys -out new.pem",
    ),
    "PuTTY 2": (
        lambda k: (k.client, b"PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\n"),
        "key",
        "PuTTY's own form|puttygen {} -O private-openssh -o",
    ),
    "PuTTY 3": (
        lambda k: (k.client, b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\n"),
        "key",
        "PuTTY's own form|puttygen {} -O private-openssh -o",
    ),
    "SSH2": (
        lambda k: (k.client, b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\nAA==\n"),
        "key",
        "PuTTY's own form|puttygen",
    ),
    "PVK": (
        lambda k: (k.client, b"\x1e\xf1\xb5\xb0" + bytes(60)),
        "key",
        "PVK|openssl rsa -inform PVK -in {}",
    ),
    "encrypted, CR": (
        lambda k: (k.client, _locked(k, "rsa", "-traditional", "-aes256").replace(b"\n", b"\r")),
        "key",
        "encrypted|openssl pkey -in {}",
    ),
    "encrypted by scrypt": (
        lambda k: (k.client, _locked(k, "pkcs8", "-topk8", "-scrypt")),
        "key",
        "encrypted|openssl pkey -in {} -out new.key",
    ),
    "headers of RFC 1421, clear": (
        lambda k: (k.client, _within(k.client_key, b"Proc-Type: 4,CLEAR\n\n")),
        "key",
        "headers or remarks within|sed '/[:#]/d' {} > new.key",
    ),
    "key quoted by mail": (
        lambda k: (k.client, _lines(k.client_key, lambda i, row: b"> " + row)),
        "key",
        "quoted, as by mail|sed 's/^[> ]*//' {} > new.key",
    ),
    "key without marks": (
        lambda k: (k.client, b"\n".join(k.client_key.split(b"\n")[1:-2])),
        "key",
        "in base64|base64 -d {} > new.der; openssl pkey -inform DER -in new.der -out new.key",
    ),
    "request as key": (
        lambda k: (k.client, k.path("client.csr").read_bytes()),
        "key",
        "request (CSR), no key|made with",
    ),
    "revocation list as key": (
        lambda k: (k.client, _crl(k)),
        "key",
        "revocation list (CRL), no key",
    ),
    "OpenSSH": (lambda k: (k.client, _openssh(k)), "key", "OpenSSH|ssh-keygen -p -m PEM"),
    "another key": (lambda k: (k.client, k.stray_key), "key", "does not belong"),
    "the CA's key": (lambda k: (k.client, k.ca_key), "key", "does not belong"),
    "another certificate": (lambda k: (k.server, k.client_key), "key", "does not belong"),
    "the CA first": (lambda k: (k.ca + k.client, k.client_key), "key", "comes first"),
    "two keys": (lambda k: (k.client, k.stray_key + k.client_key), "key", "more than one"),
    "swapped": (lambda k: (k.client_key, k.client), "cert", "is a private key"),
    "the certificate twice": (lambda k: (k.client, k.client), "key", "is a certificate"),
    "certificate in DER as key": (
        lambda k: (k.client, openssl("x509", "-in", k.path("client.pem"), "-outform", "DER")),
        "key",
        "is a certificate",
    ),
    "public key": (
        lambda k: (k.client, openssl("pkey", "-in", k.path("client.key"), "-pubout")),
        "key",
        "is a public key",
    ),
    "public key in DER": (
        lambda k: (
            k.client,
            openssl("pkey", "-in", k.path("client.key"), "-pubout", "-outform", "DER"),
        ),
        "key",
        "is a public key",
    ),
    "request as certificate": (
        lambda k: (k.path("client.csr").read_bytes(), k.client_key),
        "cert",
        "request (CSR)",
    ),
    "combined as certificate": (
        lambda k: (k.client + k.client_key, k.client_key),
        "cert",
        "private key in it|sed '/PRIVATE KEY/,/PRIVATE KEY/d' {} > new.pem",
    ),
    "key with a row missing": (
        lambda k: (k.client, _without(k.client_key, 4)),
        "key",
        "damaged|48 bytes are missing",
    ),
    "key cut short": (lambda k: (k.client, k.client_key[:-30]), "key", "cut short"),
    "PKCS#1 named PKCS#8": (
        lambda k: (
            k.client,
            _label(
                openssl("rsa", "-traditional", "-in", k.path("client.key")),
                b"RSA PRIVATE",
                b"PRIVATE",
            ),
        ),
        "key",
        "is not what its -----BEGIN line says",
    ),
    "PKCS#8 named PKCS#1": (
        lambda k: (k.client, _label(k.client_key, b"PRIVATE", b"RSA PRIVATE")),
        "key",
        "is not what its -----BEGIN line says",
    ),
    "Ed25519": (lambda k: (k.stray_ca, k.stray_ca_key), "cert", "RSA"),
    "Ed25519 key": (lambda k: (k.client, k.stray_ca_key), "key", "RSA"),
    "RSA key for PSS alone": (lambda k: (k.client, k.pss_key), "key", "RSA"),
    "UTF-16 key": (
        lambda k: (k.client, k.client_key.decode().encode("utf-16")),
        "key",
        "UTF-16|iconv -f UTF-16 -t UTF-8 {} > new.key",
    ),
    "EC certificate, RSA key": (lambda k: (k.ec_client, k.client_key), "key", "does not belong"),
}


_numbers = itertools.count()


def write(folder, contents):
    # A file; its name, which stands in errors, says nothing.
    path = Path(folder) / ("f%d" % next(_numbers))
    path.write_bytes(contents)
    return path
