# pem_ca_files - CA files of all kinds that people have: those that connect, and those that don't.
# SPDX-License-Identifier: MIT

import base64
import bz2
import gzip
import json
import lzma

from pem_made import (
    DH,
    END,
    TEXT,
    crl,
    der_of,
    dumped,
    labelled,
    line_by_line,
    locked,
    openssh,
    openssl,
    p7,
    p12,
    p12_text,
    rows_of,
    swapped,
    twice,
    url_quoted,
    within,
    without,
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
    "rows of 76": lambda k: rows_of(k.ca, 76),
    "one row": lambda k: rows_of(k.ca, 9999),
    "rows of 1": lambda k: rows_of(k.ca, 1),
    "line ends lost": lambda k: k.ca.replace(b"\n", b" "),
    "X509 CERTIFICATE": lambda k: labelled(k.ca, b"CERT", b"X509 CERT"),
    "pkcs12 with bag attributes": lambda k: p12_text(k, "-cacerts", "-nokeys"),
    "pkcs7 -print_certs": lambda k: openssl(
        "pkcs7", "-print_certs", data=p7(k, "PEM")
    ),
    "old and new CA": lambda k: k.old_ca + k.ca,
    "ten CAs": lambda k: (k.old_ca + k.other_ca) * 5 + k.ca,
    "a revocation list behind": lambda k: k.ca + crl(k),
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
    "PKCS#12": (p12, "PKCS#12|openssl pkcs12 -in {} -cacerts -nokeys -out new.pem"),
    "PKCS#7": (
        lambda k: p7(k, "PEM"),
        "PKCS#7|openssl pkcs7 -print_certs -in {} -out new.pem",
    ),
    "PKCS#7 DER": (
        lambda k: p7(k, "DER"),
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
        lambda k: labelled(k.ca, b"CERT", b"ATTRIBUTE CERT"),
        "none, but a ATTRIBUTE CERTIFICATE",
    ),
    "two blanks behind BEGIN": (
        lambda k: k.ca.replace(b"BEGIN ", b"BEGIN  "),
        "damaged -----BEGIN line",
    ),
    "first row missing": (lambda k: without(k.ca, 1), "damaged"),
    "a row missing": (lambda k: without(k.ca, 7), "damaged|48 bytes are missing"),
    "two rows missing": (lambda k: without(k.ca, 7, 2), "damaged|96 bytes are missing"),
    "last row missing": (lambda k: without(k.ca, -3), "damaged|missing"),
    "a row twice": (lambda k: twice(k.ca, 5), "damaged|48 bytes too many"),
    "a row of another": (
        lambda k: b"\n".join(k.ca.split(b"\n")[:5] + k.server.split(b"\n")[5:]),
        "damaged",
    ),
    "rows swapped": (lambda k: swapped(k.ca, 2), "damaged"),
    "a row missing in the second": (lambda k: k.other_ca + without(k.ca, 7), "damaged|48 bytes"),
    "cut in a row": (lambda k: k.ca[:500], "cut short|no -----END"),
    "cut in END": (lambda k: k.ca[:-8], "cut short|no -----END"),
    "END missing": (lambda k: k.ca.replace(END, b"") + TEXT, "damaged|copy"),
    "END missing before the next": (lambda k: k.ca.replace(END, b"") + k.other_ca, "END line"),
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
    "nothing in it": (lambda k: k.ca[:28] + END, "damaged"),
    "with its private key": (
        lambda k: k.ca + k.ca_key,
        "private key in it|sed '/PRIVATE KEY/,/PRIVATE KEY/d' {} > new.pem",
    ),
    "with its private key before": (lambda k: k.ca_key + k.ca, "private key in it"),
    "with an encrypted private key": (
        lambda k: k.ca + locked(k, "pkcs8", "-topk8"),
        "private key in it",
    ),
    "with an OpenSSH key": (lambda k: k.ca + openssh(k), "private key in it"),
    "a private key": (lambda k: k.ca_key, "is a private key|PEM of a certificate"),
    "a private key, DER": (
        lambda k: openssl("pkey", "-in", k.path("ca.key"), "-outform", "DER"),
        "is a private key",
    ),
    "an encrypted private key, DER": (
        lambda k: locked(k, "pkcs8", "-topk8", "-outform", "DER"),
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
        lambda k: labelled(
            k.path("client.csr").read_bytes(), b"CERTIFICATE REQUEST", b"CERTIFICATE"
        ),
        "is not what its -----BEGIN line says",
    ),
    "a key named certificate": (
        lambda k: labelled(k.ca_key, b"PRIVATE KEY", b"CERTIFICATE"),
        "is not what its -----BEGIN line says",
    ),
    "a revocation list": (crl, "revocation list"),
    "a revocation list named certificate": (
        lambda k: labelled(crl(k), b"X509 CRL", b"CERTIFICATE"),
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
        lambda k: line_by_line(k.other_ca + k.ca, lambda i, row: b"> " + row),
        "quoted, as by mail|sed 's/^[> ]*//' {} > new.pem",
    ),
    "quoted twice": (lambda k: line_by_line(k.ca, lambda i, row: b">> " + row), "sed| > new.pem"),
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
        lambda k: line_by_line(k.ca, lambda i, row: b"%6d\t%s" % (i, row)),
        "numbered|sed 's/^ *[0-9][0-9]*[:[:blank:]] *//' {} > new.pem",
    ),
    "grep -n": (
        lambda k: line_by_line(k.ca, lambda i, row: b"%d:%s" % (i, row)),
        "numbered|sed| > new.pem",
    ),
    "diff": (
        lambda k: line_by_line(k.ca, lambda i, row: b"+" + row),
        "diff|sed 's/^+//' {} > new.pem",
    ),
    "no-break spaces behind": (
        lambda k: line_by_line(k.ca, lambda i, row: row + b"\xc2\xa0"),
        "not of ASCII|tr -s| {} > new.pem",
    ),
    "a no-break space in BEGIN": (
        lambda k: k.ca.replace(b"BEGIN ", b"BEGIN\xc2\xa0"),
        "not of ASCII|tr -s| {} > new.pem",
    ),
    "a zero-width space in row 9": (
        lambda k: line_by_line(k.ca, lambda i, row: row + b"\xe2\x80\x8b" * (i == 9)),
        "not of ASCII|near line| {} > new.pem",
    ),
    "line separators of Unicode": (
        lambda k: k.ca.replace(b"\n", b"\xe2\x80\xa8"),
        "not of ASCII| {} > new.pem",
    ),
    "a comment within": (
        lambda k: within(k.ca, b"Comment: from the portal\n"),
        "headers or remarks within|sed '/[:#]/d' {} > new.pem",
    ),
    "headers of RFC 1421 within": (
        lambda k: within(k.old_ca + k.ca, b"Proc-Type: 4,MIC-CLEAR\nOriginator: x\n\n"),
        "headers or remarks within| {} > new.pem",
    ),
    "a remark within": (lambda k: within(k.ca, b"# mine\n"), "headers or remarks| > new.pem"),
    "BEGIN in a remark": (
        lambda k: b"# the -----BEGIN CERTIFICATE----- line comes first\n" + k.ca,
        "in a remark|sed '/[^- ].*-----[BE]/d' {} > new.pem",
    ),
    "BEGIN in a text": (
        lambda k: b"Paste from -----BEGIN CERTIFICATE----- on:\n\n" + k.ca,
        "in a remark| {} > new.pem",
    ),
    "another CA in remarks": (
        lambda k: line_by_line(k.other_ca, lambda i, row: b"#" + row) + k.ca,
        "in a remark| {} > new.pem",
    ),
    "in remarks as a whole": (
        lambda k: line_by_line(k.ca, lambda i, row: b"# " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "a program's text": (
        lambda k: b"ca =\n" + line_by_line(k.ca, lambda i, row: b'  "%s"' % row),
        "in quotes row by row|sed| {} > new.pem",
    ),
    "rows of Python": (
        lambda k: b"CA = (\n" + line_by_line(k.ca, lambda i, row: b'    b"%s\\n"' % row) + b")\n",
        "written out|" + SED,
    ),
    "encoded for URLs": (lambda k: url_quoted(k.ca), "for URLs|unquote(| {} > new.pem"),
    "encoded for forms": (
        lambda k: url_quoted(k.ca).replace(b"%20", b"+"),
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
        lambda k: base64.encodebytes(p12(k)),
        "PKCS#12 in base64|base64 -d {} > new.der; openssl pkcs12 -in new.der -cacerts",
    ),
    "hexadecimal": (lambda k: der_of(k.ca).hex().encode(), "hexadecimal|xxd -r -p {} > new.der"),
    "openssl x509 -noout -text": (
        lambda k: openssl("x509", "-noout", "-text", "-in", k.path("ca.pem")),
        "what openssl shows|-noout",
    ),
    "zip": (lambda k: b"PK\3\4" + bytes(60), "packed|unzip {}"),
    "a revocation list, DER": (
        lambda k: openssl("crl", "-outform", "DER", data=crl(k)),
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
        lambda k: line_by_line(k.ca, lambda i, row: b" * " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "in remarks of SQL": (
        lambda k: line_by_line(k.ca, lambda i, row: b"-- " + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "in remarks of LaTeX": (
        lambda k: line_by_line(k.ca, lambda i, row: b"%" + row),
        "remark as a whole|sed| {} > new.pem",
    ),
    "quoted on a web page": (
        lambda k: line_by_line(k.ca, lambda i, row: b"&gt; " + row),
        "for web pages",  # and quoted
    ),
    "a merge that failed": (
        lambda k: line_by_line(
            k.ca,
            lambda i, row: b"<<<<<<< HEAD\n%s\n=======\nMII\n>>>>>>> x" % row if i == 4 else row,
        ),
        "a merge that failed|near line",
    ),
    "six hyphens": (lambda k: k.ca.replace(b"-----", b"------"), "damaged -----BEGIN line"),
    "label in small letters": (
        lambda k: labelled(k.ca, b"CERTIFICATE", b"Certificate"),
        "damaged -----BEGIN line|capitals",
    ),
    "a dump": (lambda k: dumped(k.ca), "a dump in hexadecimal|xxd -r {} >"),
    "a text that begins with 0": (lambda k: b"0" * 300, "no PEM"),
    "bzip2": (lambda k: bz2.compress(k.ca), "packed|bunzip2 < {} > new.pem"),
    "xz": (lambda k: lzma.compress(k.ca), "packed|unxz < {} > new.pem"),
    "random bytes": (lambda k: bytes(range(200, 256)) * 20, "no PEM"),
}
