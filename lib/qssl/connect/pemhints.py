# qssl.connect.pemhints - the words for PEM files that are refused, each with the command that
# helps.
# SPDX-License-Identifier: MIT

import errno

from micropython import const

from ..errors import Refused
from .pem import CERTIFICATES, KEYS

# reason|words. @: the file's name, ~ one for the file that the command makes. The command stands
# at the end, behind ": ".
_WORDS = const("""
type|must be a file's path or PEM bytes
empty|is empty; is it the right file?
short|is cut short, there is no -----END; copy the file again
end|is damaged$: its block does not end with its -----END line; copy the file again
base64|is damaged$: that is no base64 (PEM has only letters, digits, + / =); copy the file again
written|has its line ends written out as \\n$: \
sed 's/\\\\r//g; s/\\\\n/\\n/g; s/["\\\\]//g' @ > ~
missing|is damaged: % bytes are missing before line &, as if a line were lost; copy the file again
more|is damaged: % bytes too many before line &; copy the file again
der|is damaged$: the rows of its PEM do not fit together; copy the file again
label|is not what its -----BEGIN line says; was that changed by hand? Have the file made again
two|holds more than one private key; give the one that belongs to cert
pair|does not belong to the certificate (cert); were both renewed? Compare what these two say: \
openssl pkey -pubout -in key.pem; openssl x509 -pubkey -noout -in cert.pem
order|belongs to another certificate of cert than the first; the client's own comes first, \
then those that issued it
kind|is of a kind that the modem's TLS does not know (Ed25519, DSA or the like); take RSA: \
openssl genrsa -out new.key 2048
private|has a private key in it, which must not go where a certificate belongs; take the \
certificate alone: openssl x509 -in @ -out ~
key|is a private key, where the PEM of a certificate belongs
keycert|is a certificate, where the PEM of its private key belongs
locked|is encrypted with a password, which the modem can't read; decrypt it: \
openssl pkey -in @ -out ~
lockedder|is encrypted with a password, which the modem can't read; decrypt it: \
openssl pkey -inform DER -in @ -out ~
openssh|is in OpenSSH's own form; this makes it PEM in its place: ssh-keygen -p -m PEM -N "" -f @
trusted|is in OpenSSL's own form, TRUSTED CERTIFICATE; make it plain PEM: openssl x509 -in @ -out ~
pkcs7|is PKCS#7; make it PEM: openssl pkcs7 -print_certs -in @ -out ~
pkcs7der|is PKCS#7; make it PEM: openssl pkcs7 -inform DER -print_certs -in @ -out ~
request|is a request (CSR), no certificate yet; the CA makes it of it: \
openssl x509 -req -in @ -CA ca.pem -CAkey ca.key -CAcreateserial -out ~
crl|is a revocation list (CRL), no certificate; the modem has no use for it
public|is a public key without a certificate
parameters|holds parameters only
other|is none, but a % (PEM)
utf16|is UTF-16 text; make it UTF-8: iconv -f UTF-16% -t UTF-8 @ > ~
utf32|is UTF-32 text; make it UTF-8: iconv -f UTF-32 -t UTF-8 @ > ~
twice|is base64 around a PEM, as secrets of Kubernetes are; take it off: base64 -d @ > ~
binary|is no PEM, but binary; is it the right file?
certder|is DER; make it PEM: openssl x509 -inform DER -in @ -out ~
keyder|is DER; make it PEM: openssl pkey -inform DER -in @ -out ~
pkcs12ca|is in PKCS#12; take it out: openssl pkcs12 -in @ -cacerts -nokeys -out ~
pkcs12cert|is in PKCS#12; take it out: openssl pkcs12 -in @ -clcerts -nokeys -out ~
pkcs12key|is in PKCS#12; take it out: openssl pkcs12 -in @ -nocerts -nodes -out ~
jks|is in a Java key store; make it PKCS#12, then PEM: \
keytool -importkeystore -srckeystore @ -destkeystore new.p12 -deststoretype PKCS12
html|is a web page, no PEM; was the download refused?
marks|has a damaged -----BEGIN line, so it is no PEM: five hyphens, BEGIN, what it is, five \
hyphens; copy the file again
text|is no PEM, there is no -----BEGIN in it; is it the right file?
""")


def refuse(phase, what, reason, value="", line=1):
    # Raises Refused for a PEM file. what: its path (str), or what it holds, which is not shown.
    # value: goes into the words. line: where that is.
    at = _WORDS.find("\n%s|" % reason) + len(reason) + 2
    words = _WORDS[at : _WORDS.find("\n", at)]
    key = phase == "key"
    subject = "the key" if key else "the certificate"
    name = "FILE"
    if isinstance(what, str):
        name = what.split("/")[-1]
        subject += " (%s)" % name
    words = words.replace("%", value).replace("&", str(line))
    words = words.replace("$", " near line %d" % line if line > 1 else "")
    words = words.replace("@", name).replace("~", "new.key" if key else "new.pem")
    raise Refused(errno.EINVAL, phase, "%s %s" % (subject, words))


def which(phase, other, head, marked):
    # (reason, value): what a file is that has no block of the kind that is wanted. other: the
    # label of its first block. head: its first bytes. marked: BEGIN is in it.
    if other:
        if b"CERTIFICATE REQUEST" in other:
            return "request", ""
        if b" ".join(other.split()) in CERTIFICATES + KEYS:
            if phase == "key" and b"CERTIFICATE" in other:
                return "keycert", ""
            return "marks", ""  # blanks that don't belong there
        if b"CERTIFICATE" in other and phase == "key":
            return "keycert", ""
        if b"CRL" in other:
            return "crl", ""
        if b"PUBLIC KEY" in other:
            return "public", ""
        if b"PARAMETERS" in other:
            return "parameters", ""
        if b"PKCS" in other or other == b"CMS":
            return "pkcs7", ""
        return "other", "".join([chr(c) for c in other if c == 32 or 65 <= c <= 90])
    if head[:4] == b"\xff\xfe\0\0" or head[:4] == b"\0\0\xfe\xff":
        return "utf32", ""
    if head[:2] == b"\xff\xfe" or head[:2] == b"\xfe\xff":
        return "utf16", ""
    if head[:4] == b"\xfe\xed\xfe\xed":
        return "jks", ""
    if head[:1] == b"\x30" and len(head) > 8:
        reason = _der(head, phase)
        if reason:
            return reason, ""
    if len(head) > 3 and any(head):
        if not any(head[i] for i in range(1, len(head), 2)):
            return "utf16", "LE"
        if not any(head[i] for i in range(0, len(head), 2)):
            return "utf16", "BE"
    if b"\0" in head:
        return "binary", ""
    if head.startswith(b"LS0tLS1CRUdJTi"):
        return "twice", ""
    start = head.lstrip().lower()
    if start.startswith(b"<!doctype") or start.startswith(b"<html"):
        return "html", ""
    return ("marks" if marked else "text"), ""


def _der(head, phase):
    # The kind of a DER file, by its first bytes; "" if it is none.
    key = phase == "key"
    at = 2 + (head[1] & 127 if head[1] & 128 else 0)
    first = head[at : at + 4]
    if first[:1] == b"\x06":
        return "pkcs7der"
    if first[:1] == b"\x02":  # a version: what follows it tells
        after = head[at + 3 : at + 4]
        if first[2:3] == b"\x03":
            return "pkcs12" + phase
        if after == b"\x30" or after == b"\x02" or after == b"\x04":
            return "keyder" if key else "key"
    if first[:1] != b"\x30":
        return ""
    at += 2 + (first[1] & 127 if len(first) > 1 and first[1] & 128 else 0)
    inner = head[at : at + 2]
    if inner[:1] == b"\x06":  # an algorithm: PKCS#5 or PKCS#12 for a locked key
        if head[at + 9 : at + 10] not in (b"\x05", b"\x0c"):
            return "public"
        return "lockedder" if key else "key"
    if key:
        return "keycert"
    if inner == b"\x02\x01":
        # Version 0: a request; 1: a revocation list; else the serial number of a version 1
        # certificate, if it is so short.
        if head[at + 2 : at + 4] == b"\0\x30":
            return "request"
    return "certder"
