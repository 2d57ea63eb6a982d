# qssl.connect.pemhints - the words for PEM files that are refused, each with the command that
# helps.
# SPDX-License-Identifier: MIT

import errno
from binascii import a2b_base64, b2a_base64
from io import BytesIO

from micropython import const

from ..errors import Refused
from .pem import CERTIFICATES, KEYS

# reason|words; "key" behind the reason: for a key. @: the file's name, ~ one for the file that the
# command makes, $ near which line. The command stands at the end, behind ": ".
_WORDS = const("""
type|must be a file's path or PEM bytes
path|is no PEM, but bytes, which have to be the PEM itself; a file's path is a str
empty|is empty; is it the right file?
folder|is a folder; give the file in it
short|is cut short, there is no -----END; copy the file again
end|is damaged$: its block does not end with its -----END line; copy the file again
rtf|is a word processor's file (RTF); save it as plain text
stray|has an -----END line$ without its -----BEGIN line; is that damaged? Copy the file again
base64|is damaged$: that is no base64 (PEM has only letters, digits, + / =); copy the file again
quoted|is quoted, as by mail: sed 's/^[> ]*//' @ > ~
diff|is a piece of a diff: sed 's/^+//' @ > ~
numbered|has its lines numbered: sed 's/^ *[0-9][0-9]*[:[:blank:]] *//' @ > ~
prefix|has text before each row: cut -c%- @ > ~
joined|has a backslash behind each row: tr -d '\\\\' < @ > ~
colour|has a terminal's colours in it: sed 's/.\\[[0-9;]*m//g' @ > ~
remark|has -----BEGIN or -----END in a remark$; take out what is none of the PEM: \
sed '/[^- ].*-----[BE]/d' @ > ~
outed|is a remark as a whole: sed 's,^ *% *,,' @ > ~
headers|has headers or remarks within its block$: sed '/[:#]/d' @ > ~
foreign|has characters$ that are not of ASCII, such as blanks of a word processor: \
LC_ALL=C tr -s '\\200-\\377 ' ' ' < @ > ~
strings|is in quotes row by row, as a program's text: sed "s/[^-A-Za-z0-9+/= ]//g" @ > ~
url|is written for URLs: python3 -c \
"import sys, urllib.parse as u; print(u.unquote%(open(sys.argv[1]).read()))" @ > ~
page|is written for web pages: python3 -c \
"import html, re, sys; print(html.unescape(re.sub('<[^>]*>', '', open(sys.argv[1]).read())))" @ > ~
written|has its line ends written out as \\n$: \
sed 's/^ *b*"//; s/\\\\r//g; s/\\\\n/\\n/g; s/["\\\\]//g' @ > ~
writtenbytes|has its line ends written out as \\n; put them right: .replace(b"\\\\n", b"\\n")
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
private|has a private key in it, which must not go where a certificate belongs; take it out: \
sed '/PRIVATE KEY/,/PRIVATE KEY/d' @ > ~
key|is a private key, where the PEM of a certificate belongs
keycert|is a certificate, where the PEM of its private key belongs
locked|is encrypted with a password, which the modem can't read; decrypt it: \
openssl pkey -in @ -out ~
lockedder|is encrypted with a password, which the modem can't read; decrypt it: \
openssl pkey -inform DER -in @ -out ~
openssh|is in OpenSSH's own form; this makes it PEM in its place: ssh-keygen -p -m PEM -N "" -f @
putty|is a private key in PuTTY's own form, where the PEM of a certificate belongs
puttykey|is in PuTTY's own form; make it PEM: puttygen @ -O private-openssh -o ~
pvkkey|is in Microsoft's form PVK; make it PEM: openssl rsa -inform PVK -in @ -out ~
trusted|is in OpenSSL's own form, TRUSTED CERTIFICATE; make it plain PEM: openssl x509 -in @ -out ~
pkcs7|is PKCS#7; make it PEM: openssl pkcs7 -print_certs -in @ -out ~
pkcs7der|is PKCS#7; make it PEM: openssl pkcs7 -inform DER -print_certs -in @ -out ~
request|is a request (CSR), no certificate yet; the CA makes it of it: \
openssl x509 -req -in @ -CA ca.pem -CAkey ca.key -CAcreateserial -out ~
requestkey|is a request (CSR), no key; give the key that it was made with
crl|is a revocation list (CRL), no certificate; the modem has no use for it
crlkey|is a revocation list (CRL), no key
public|is a public key without a certificate
publickey|is a public key, where the private one belongs
parameters|holds parameters only
other|is none, but a % (PEM)
utf16|is UTF-16 text; make it UTF-8: iconv -f UTF-16% -t UTF-8 @ > ~
utf32|is UTF-32 text; make it UTF-8: iconv -f UTF-32 -t UTF-8 @ > ~
twice|is base64 around a PEM, as secrets of Kubernetes are; take it off: base64 -d @ > ~
hex|is DER, written in hexadecimal; make it binary: xxd -r -p @ > new.der
dump|is a dump in hexadecimal; make it a file again: xxd -r @ > ~
merge|has the marks of a merge that failed (<<<<<<<) within its block$; settle it and take them out
packed|is packed; unpack it first: %
binary|is no PEM, but binary; is it the right file?
certder|is DER; make it PEM: openssl x509 -inform DER -in @ -out ~
keyder|is DER; make it PEM: openssl pkey -inform DER -in @ -out ~
pkcs12ca|is in PKCS#12; take it out: openssl pkcs12 -in @ -cacerts -nokeys -out ~
pkcs12cert|is in PKCS#12; take it out: openssl pkcs12 -in @ -clcerts -nokeys -out ~
pkcs12key|is in PKCS#12; take it out: openssl pkcs12 -in @ -nocerts -nodes -out ~
jks|is in a Java key store; make it PKCS#12, then PEM: \
keytool -importkeystore -srckeystore @ -destkeystore new.p12 -deststoretype PKCS12
html|is a web page or XML, no PEM; was the download refused?
shown|is what openssl shows of it (-text), without its PEM; have that shown again without -noout
marks|has a damaged -----BEGIN line, so it is no PEM: five hyphens, BEGIN, what it is in \
capitals, five hyphens; copy the file again
text|is no PEM, there is no -----BEGIN in it; is it the right file?
""")
_PIECE = const(128)  # longest part of a line that is looked at
_PIECES = const(2000)  # most of them


def refuse(phase, what, reason, value="", line=1):
    # Raises Refused for a PEM file. what: its path (str), or what it holds, which is not shown.
    # reason: "none" if there is no block of the kind that is wanted. value: goes into the words.
    # line: where that is.
    key = phase == "key"
    coded = False
    if reason == "none":
        reason, value, coded = _which(phase, what)
        line = 1
    if reason in ("base64", "end", "stray", "marks"):
        reason, value = _spoilt(reason, *_around(what, line))
    if reason == "written" and not isinstance(what, str):
        reason = "writtenbytes"
    if reason == "empty" and isinstance(what, str) and _folder(what):
        reason = "folder"
    at = _WORDS.find("\n%s|" % (reason + "key")) if key else -1
    if at < 0:
        at = _WORDS.find("\n%s|" % reason)
    at = _WORDS.find("|", at) + 1
    words = _WORDS[at : _WORDS.find("\n", at)]
    subject = "the key" if key else "the certificate"
    name = "FILE"
    if isinstance(what, str):
        name = what.split("/")[-1]
        subject += " (%s)" % name
    if coded:
        words = words.replace("@", "new.der").replace("; ", " in base64; ", 1)
        words = words.replace(": openssl", ": base64 -d %s > new.der; openssl" % name)
    words = words.replace("%", value).replace("&", str(line))
    words = words.replace("$", " near line %d" % line if line > 1 else "")
    words = words.replace("@", name).replace("~", "new.key" if key else "new.pem")
    raise Refused(errno.EINVAL, phase, "%s %s" % (subject, words))


def unread(phase, path, e):
    # Refused for a file that can't be opened. e: why.
    number = e.errno or errno.ENOENT
    if len(path) > 64:  # a key without its marks, which is not to be shown
        hint = "can't open a file whose path has %d characters; if that is what is in the file, "
        hint = (hint + "its marks (-----BEGIN ...) are missing") % len(path)
    elif "://" in path:
        hint = "%s is a URL; the file itself has to be on the board" % path
    elif path[:4] in ("RAM:", "UFS:"):
        hint = "%s is a file of the modem; give the one on the board, or its bytes" % path
    elif number == errno.EISDIR or _folder(path):
        hint = "%s is a folder; give the file in it" % path
    else:
        hint = "can't open the file %s; was it copied here?" % path
    return Refused(number, phase, hint)


def _folder(path):
    try:
        import os

        return os.stat(path)[0] & 0xF000 == 0x4000
    except OSError:
        return False


def _open(what):
    return open(what, "rb") if isinstance(what, str) else BytesIO(what)


def _lines(what):
    # (number, line) of a path or of bytes; long lines in pieces. CR ends one, but LF counts.
    try:
        f = _open(what)
    except OSError:
        return
    n = 1
    try:
        for _ in range(_PIECES):
            line = f.readline(_PIECE)
            if not line:
                break
            for part in line.split(b"\r"):
                yield n, part
            n += line.endswith(b"\n")
    except OSError:  # a folder
        pass
    finally:
        f.close()


def _around(what, line):
    # What stands around a line: the line with BEGIN before it, the one behind that, the others
    # near it; whether there is a BEGIN at the begin of a line.
    begin = row = near = b""
    clean = inside = False
    for n, part in _lines(what):
        if b"-BEGIN" in part:
            clean = clean or part.startswith(b"-----BEGIN")
            if n <= line + 1 and not inside:
                begin = part
                row = b""
            inside = True
        elif not row:
            row = part.strip()
        inside = inside and b"-END" not in part
        if line - 1 <= n < line + 4:
            near += part
    return begin, row, near, clean


def _spoilt(reason, begin, row, near, clean):
    # (reason, value): what makes a block unreadable.
    before, _, rest = begin.partition(b"-----")
    before = before.strip()
    behind = (rest.split(b"-----") + [b""])[1].split()
    first = before[:1]
    if b"ENCRYPTED" in row:
        return "locked", ""
    if b"%2" in near or b"%0" in near or b"BEGIN%20" in begin:
        return "url", "_plus" if b"BEGIN+" in begin else ""
    if b"<br" in near or b"&#" in near or b"&gt" in near:
        return "page", ""
    if b"\\n" in near:
        return "written", ""
    if first == b">":
        return "quoted", ""
    if first == b"+":
        return "diff", ""
    if before.rstrip(b":").isdigit():
        return "numbered", ""
    if b"\x1b[" in near:
        return "colour", ""
    if (first.isalpha() or first.isdigit()) and len(row.split()) == len(before.split()) + 1:
        return "prefix", str(begin.find(b"-----") + 1)
    if b"{\\rtf" in begin:
        return "rtf", ""
    if row.endswith(b"\\"):
        return "joined", ""
    if row[:1] in (b'"', b"'"):
        return "strings", ""
    if before == b"--" or (first and first in b"#;/*%"):
        if clean:
            return "remark", ""
        return "outed", "[%s]*" % chr(first[0]) if first in b"#;*%" else chr(first[0]) * 2
    if before and behind and len(behind[0]) < 20 and behind[0][:1].isalpha():
        return "remark", ""
    # Blanks of Unicode or Latin-1, a byte order mark.
    seen = begin + near
    if [1 for c in b"\xa0\xc2\xe2\xef" if c in seen] and b"-----BEGIN" in begin:
        return "foreign", ""
    if b":" in row or row.startswith(b"#"):
        return "headers", ""
    if b"<<<<" in near or b">>>>" in near:
        return "merge", ""
    if rest.partition(b"-----")[2][:1] == b"-":
        return "marks", ""  # more than five hyphens
    return reason, ""


def _which(phase, what):
    # (reason, value, whether it is in base64): what a file is that has no block of the kind that
    # is wanted.
    key = phase == "key"
    other = b""
    marked = dashes = False
    for _, piece in _lines(what):
        marked = marked or b"BEGIN" in piece or b"--begin " in piece.lower()
        dashes = dashes or b"--" in piece
        if not other:
            label = piece.partition(b"-----BEGIN ")[2].partition(b"-----")
            other = label[0] if label[1] else b""
    if other:
        if b"CERTIFICATE REQUEST" in other:
            return "request", "", False
        other = b" ".join(other.split())
        if other.upper() in CERTIFICATES + KEYS:
            if key and b"CERTIFICATE" in other:
                return "keycert", "", False
            return "marks", "", False  # blanks, or small letters, that don't belong there
        if b"CERTIFICATE" in other and key:
            return "keycert", "", False
        if b"CRL" in other:
            return "crl", "", False
        if b"PUBLIC KEY" in other:
            return "public", "", False
        if b"PARAMETERS" in other:
            return "parameters", "", False
        if b"PKCS" in other or other == b"CMS":
            return "pkcs7", "", False
        kind = "".join([chr(c) for c in other if c == 32 or 65 <= c <= 90])
        return "other", kind, False
    f = _open(what)
    head = f.read(_PIECE)
    f.close()
    reason, value = _first(head, phase)
    if reason == "text" and not dashes:
        bare = b"".join(head.split())[:40]
        try:
            plain = a2b_base64(bare)
        except ValueError:
            plain = b""
        if b2a_base64(plain)[:-1] == bare and plain[:1] == b"\x30":
            inner = _der(plain, phase)
            if inner:
                return inner, "", True
        if not isinstance(what, str) and len(what) < 64 and b"\n" not in what:
            reason = "path"
    return ("marks" if marked and reason == "text" else reason), value, False


def _first(head, phase):
    # (reason, value) by the first bytes.
    if head[:4] == b"\xff\xfe\0\0" or head[:4] == b"\0\0\xfe\xff":
        return "utf32", ""
    if head[:2] == b"\xff\xfe" or head[:2] == b"\xfe\xff":
        return "utf16", ""
    if head[:4] == b"\xfe\xed\xfe\xed" or head[:4] == b"\xce\xce\xce\xce":
        return "jks", ""
    if head[:4] == b"\x1e\xf1\xb5\xb0":
        return ("pvk" if phase == "key" else "key"), ""
    if head[:2] == b"\x1f\x8b":
        return "packed", "gunzip < @ > ~"
    if head[:4] == b"PK\3\4":
        return "packed", "unzip @"
    if head[:3] == b"BZh":
        return "packed", "bunzip2 < @ > ~"
    if head[:4] == b"\xfd7zX":
        return "packed", "unxz < @ > ~"
    # A text may begin with 0, too: a short one has its length there.
    if head[:1] == b"\x30" and len(head) > 8 and (head[1] & 128 or head[1] + 2 == len(head)):
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
    start = head.replace(b"\xef\xbb\xbf", b"").lstrip()
    if start.startswith(b"LS0tLS1CRUdJTi"):
        return "twice", ""
    if start.startswith(b"PuTTY-User-Key"):
        return "putty", ""
    if start.startswith(b"---- BEGIN SSH2 "):
        return ("public" if b"PUBLIC" in start else "putty"), ""
    if start.startswith(b"ssh-") or start.startswith(b"ecdsa-"):
        return "public", ""
    if start.startswith(b"<"):
        return "html", ""
    if start.startswith(b"Certificate:") or start.startswith(b"Private-Key:"):
        return "shown", ""
    if start.startswith(b"3082"):
        return "hex", ""
    if start.startswith(b"00000000: "):
        return "dump", ""
    return "text", ""


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
    if inner[:1] == b"\x30":
        return "crl"  # of version 1
    if key:
        return "keycert"
    if inner == b"\x02\x01":
        # Version 0: a request. 1: a revocation list, if a time is behind algorithm and issuer;
        # else the serial number of a version 1 certificate.
        if head[at + 2 : at + 4] == b"\0\x30":
            return "request"
        if head[at + 2 : at + 4] == b"\1\x30":
            at += 3
            for _ in range(2):
                at += 2 + head[at + 1] if at + 1 < len(head) else 0
            if head[at : at + 1] == b"\x17":
                return "crl"
    return "certder"
