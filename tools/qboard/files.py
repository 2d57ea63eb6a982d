# qboard.files - the settings and the certificate that go to a board, looked at before they do.
# SPDX-License-Identifier: MIT

import ast
import codecs
import difflib
import json
import re

from cryptography import x509

from qshared.problem import Problem

_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_FORMS = {  # settings of docs/boards.md that can be wrong on sight: form, least, most, words
    "port": (r"\d+", 1, 65535, "a number from 1 to 65535"),
    "pin": (r"\d{4,8}", 0, 99999999, 'the 4 to 8 digits of the SIM\'s PIN, in quotes: "0042"'),
    "apn_auth": (r"\d", 0, 3, "0 (none), 1 (PAP), 2 (CHAP) or 3"),
    "baud": (r"\d+", 0, 4000000, "a baud rate such as 115200"),
    "utc_offset_min": (r"-?\d+", -900, 900, "minutes, such as 120 or -300"),
}
_TEXTS = {  # those that are text: form, words
    "apn": (r"[^\s:/*#,;]*", "the APN alone, no URL and no number to dial"),
    "host": (r"[^\s:/,;*@]+", "a name or an IPv4 address alone: no URL, no port in it"),
    "ca": (".*", "the name of a file"),
}
# All of docs/boards.md. A script may ask for others.
_NAMES = [*_FORMS, *_TEXTS, "apn_user", "apn_password", "user", "password", "topic"]


def check(chosen):
    if chosen.board:
        board_file(chosen.board)
    if chosen.settings:
        settings(chosen.settings)
    if chosen.ca:
        ca(chosen.ca)


def board_file(path):
    # What becomes board.py has to be one: scripts ask it for modem() and setting().
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as e:
        where = ", line %d," % e.lineno if getattr(e, "lineno", None) else ""
        raise Problem("%s%s is no Python: take a file of boards/." % (path, where)) from None
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.alias)):
            names.add(getattr(node, "asname", None) or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    for name in ("modem", "setting"):
        if name not in names:
            how = "%s has no %s(), so it is no board file: take one of boards/."
            raise Problem(how % (path, name))


def settings(path):
    # The settings in the file, as a dict. What the board could not read is a Problem.
    return read(path.read_bytes(), path)


def read(data, path):
    # The same of the file's bytes.
    if data.startswith(_BOMS[1:]) or b"\0" in data[:4]:
        raise Problem("%s is UTF-16: save it as UTF-8, without a byte order mark." % path)
    if data.startswith(_BOMS[0]):
        raise Problem("%s begins with a byte order mark: save it as UTF-8 without." % path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Problem("%s is not UTF-8: save it as UTF-8." % path) from None
    try:
        value = json.loads(text)
    except ValueError as e:
        comma = re.search(r",\s*[}\]]", text)
        if comma:
            line = text.count("\n", 0, comma.start()) + 1
            raise Problem(
                "%s, line %d: take away the comma before the }." % (path, line)
            ) from None
        raise Problem("%s, line %d, is not JSON (%s)." % (path, e.lineno, e.msg.lower())) from None
    if not isinstance(value, dict):
        raise Problem('%s has to be like {"apn": "internet", "port": 8883}.' % path)
    for name, what in value.items():
        if not isinstance(what, (str, int, float)) and what is not None:
            raise Problem('%s: "%s" has to be text or a number.' % (path, name))
        if name in _FORMS and what is not None:
            form, least, most, words = _FORMS[name]
            if not re.fullmatch(form, str(what), re.A) or not least <= int(what) <= most:
                raise Problem('%s: "%s" has to be %s.' % (path, name, words))
        if name in _TEXTS and what is not None:
            form, words = _TEXTS[name]
            if not isinstance(what, str) or not re.fullmatch(form, what, re.A | re.S):
                raise Problem('%s: "%s" has to be %s.' % (path, name, words))
        right = name.strip().lower()
        if right in _NAMES and right != name:
            raise Problem('%s: "%s" has to be written "%s".' % (path, name, right))
    return value


def misspelt(value):
    # A sentence for each name that nobody asks for, if it looks like one of ours.
    found = []
    for name in value:
        near = difflib.get_close_matches(name.lower(), _NAMES, 1, 0.75)
        if name not in _NAMES and near and near[0] not in value:
            found.append('the setting "%s" is none of the driver\'s: "%s"?' % (name, near[0]))
    return found


def ca(path):
    # A CA's certificate, and no private key.
    data = path.read_bytes()
    if b"PRIVATE KEY" in data:
        raise Problem("%s has a private key in it: give the certificate alone." % path)
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise Problem(
            "%s is no certificate in PEM; from DER: openssl x509 -inform DER -in FILE -out ca.pem"
            % path
        ) from None
    for cert in found:
        try:
            good = cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            good = cert.subject == cert.issuer  # version 1
        if not good:
            raise Problem(
                "%s is no CA's certificate but that of %s: give the one that signed it."
                % (path, cert.subject.rfc4514_string())
            )
