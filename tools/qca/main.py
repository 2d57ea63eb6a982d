# qca.main - tools/ca.py in the virtual environment.
# SPDX-License-Identifier: MIT

import datetime
import os
import re
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import setup
from qca import make, options
from qshared import ending
from qshared.problem import Problem

_DAY = datetime.timedelta(days=1)
_SOON = 30 * _DAY
# A name becomes a file's name and a part of a certificate.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.cert_path, self.key_path = folder / "ca.pem", folder / "ca.key"

    def load(self):
        # The CA's certificate and key; a Problem if there is none, or no good one.
        if not self.cert_path.exists() or not self.key_path.exists():
            raise Problem("There is no CA in %s: make one with `ca.py init`." % self.folder)
        cert, key = _cert(self.cert_path), _key(self.key_path)
        if key.public_key() != cert.public_key():
            raise Problem("%s and %s don't belong together." % (self.cert_path, self.key_path))
        return cert, key

    def paths(self, name):
        return self.folder / (name + ".pem"), self.folder / (name + ".key")

    def names(self):
        # What there is a certificate of, the CA first.
        found = sorted(path.stem for path in self.folder.glob("*.pem"))
        return sorted(found, key=lambda name: name != "ca")


def _cert(path):
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise Problem("%s is no certificate in PEM." % path) from None


def _key(path):
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        raise Problem("%s is no private key in PEM, or it has a password." % path) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Problem("%s is no RSA key, the only kind that the modem knows." % path)
    return key


def _dates(days, last, whose):
    # (begin, end) of something that is good for so many days from now. It begins a day ago, for
    # boards whose clock is behind, or set to local time. last: it can't be good longer.
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    end = now + days * _DAY
    if end > last:
        if last < now:
            raise Problem("%s is over: `ca.py renew ca` first." % whose)
        print("note: good until %s only, as %s is" % (last.date(), whose))
        end = last
    return now - _DAY, end


def _write(*files):
    # Makes files, (path, bytes), that are not there yet, for their owner alone: all or none.
    made = []
    try:
        for path, data in files:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made.append(path)
            with open(fd, "wb") as file:
                file.write(data)
    except BaseException as e:
        for one in made:
            one.unlink()
        if isinstance(e, FileExistsError):
            raise Problem("%s is there already and stays as it is." % path) from None
        if isinstance(e, OSError):
            raise Problem("Can't write %s: %s." % (path, e.strerror)) from None
        raise


def _replace(path, data):
    # The new file takes the old one's place at once, or not at all.
    fd, temp = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with open(fd, "wb") as file:
            file.write(data)
        os.replace(temp, path)
    except BaseException as e:
        os.unlink(temp)
        if isinstance(e, OSError):
            raise Problem("Can't write %s: %s." % (path, e.strerror)) from None
        raise


def _init(authority, chosen):
    text = chosen.name or "My devices CA"
    if not 1 <= len(text) <= 64 or not text.isprintable():
        raise Problem("The CA's name has to be of 1 to 64 characters.")
    for path in (authority.key_path, authority.cert_path):
        if path.exists():
            raise Problem(
                "%s is there already and stays as it is: use another --folder, or `ca.py renew "
                "ca`." % path
            )
    begin, end = _dates(chosen.days or options.DAYS["init"], make.LAST, "the last usable date")
    authority.folder.mkdir(parents=True, exist_ok=True)
    key = make.key()
    name = make.name(text)
    cert = make.sign(name, name, key.public_key(), key, make.CA, begin, end)
    _write((authority.key_path, make.key_pem(key)), (authority.cert_path, make.pem(cert)))
    _tell(authority.cert_path, "onto each board: python3 tools/board.py install --ca FILE")
    _tell(authority.key_path, "signs. It stays here, secret; keep a copy elsewhere")


def _issue(authority, chosen):
    is_server = chosen.what == "server"
    name = chosen.names[0]
    hosts = _hosts(chosen.names) if is_server else ()
    if not _NAME.fullmatch(name.replace(":", "-")) or len(name) > 64:
        raise Problem(
            "%s can't be a name: at most 64 of letters, digits, '.', '-' and '_'." % name
        )
    if name == "ca":
        raise Problem("The name ca is the CA's.")
    ca, ca_key = authority.load()
    cert_path, key_path = authority.paths(name.replace(":", "-"))
    for path in (key_path, cert_path):
        if path.exists():
            raise Problem(
                "%s is there already and stays as it is: `ca.py renew %s` makes a new "
                "certificate for it." % (path, name)
            )
    days = chosen.days or options.DAYS[chosen.what]
    begin, end = _dates(days, ca.not_valid_after_utc, "the CA")
    key = make.key()
    usage = make.SERVER if is_server else make.CLIENT
    args = (make.name(name), ca, key.public_key(), ca_key, usage, begin, end, hosts)
    cert = make.sign(*args)
    _write((key_path, make.key_pem(key)), (cert_path, make.pem(cert)))
    if is_server:
        _tell(cert_path, "to the server (nginx: ssl_certificate, mosquitto: certfile)")
        _tell(key_path, "to the server (ssl_certificate_key, keyfile), secret")
    else:
        _tell(cert_path, 'onto the board: modem.tls(ca="ca.pem", cert="%s", ' % cert_path.name)
        _tell(key_path, 'onto the board: key="%s"), secret' % key_path.name)
        _tell(authority.cert_path, "to the server (ssl_client_certificate, cafile)")


def _hosts(names):
    found = []
    for name in names:
        try:
            found.append(make.alternative(name))
        except ValueError:
            raise Problem(
                "%s is no host name and no address; give it as clients type it, without https:// "
                "and without a port." % name
            ) from None
    return found


def _renew(authority, chosen):
    name = chosen.names[0]
    ca, ca_key = authority.load()
    cert_path, key_path = authority.paths(name.replace(":", "-"))
    if not cert_path.exists() or not key_path.exists():
        raise Problem(
            "There is no %s with its key in %s; there is %s."
            % (name, authority.folder, ", ".join(authority.names()))
        )
    old, key = _cert(cert_path), _key(key_path)
    if key.public_key() != old.public_key():
        raise Problem("%s and %s don't belong together." % (cert_path, key_path))
    usage = _usage(old)
    hosts = ()
    if usage is make.CA:
        begin, end = _dates(chosen.days or options.DAYS["init"], make.LAST, "the last usable date")
    else:
        kind = "server" if usage is make.SERVER else "client"
        days = chosen.days or options.DAYS[kind]
        begin, end = _dates(days, ca.not_valid_after_utc, "the CA")
        hosts = _alternatives(old)
    issuer = old if usage is make.CA else ca
    _replace(
        cert_path,
        make.pem(
            make.sign(old.subject, issuer, key.public_key(), ca_key, usage, begin, end, hosts)
        ),
    )
    _tell(cert_path, "in place of the old one, which is overwritten")
    if usage is make.CA:
        print("What it has signed stays good: it has the same name and the same key.")


def _usage(cert):
    try:
        if cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return make.CA
    except x509.ExtensionNotFound:
        pass
    return make.SERVER if _alternatives(cert) else make.CLIENT


def _alternatives(cert):
    try:
        return list(cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _list(authority):
    names = authority.names()
    if not names:
        raise Problem("There is nothing in %s: `ca.py init` makes a CA." % authority.folder)
    now = datetime.datetime.now(datetime.timezone.utc)
    bad = 0
    for name in names:
        cert = _cert(authority.folder / (name + ".pem"))
        end = cert.not_valid_after_utc
        usage = _usage(cert)
        kind = "CA" if usage is make.CA else "server" if usage is make.SERVER else "client"
        days = (end - now).days
        note = "over" if end < now else "%d days left" % days
        mark = " : ca.py renew %s" % name if end < now + _SOON else ""
        bad |= bool(mark)
        print("%-24s %-7s until %s, %s%s" % (name, kind, end.date(), note, mark))
    return int(bad)


def _tell(path, what):
    print("%-28s %s" % (path, what))


def _run(chosen):
    os.umask(0o077)
    authority = Authority(chosen.folder)
    try:
        if chosen.what == "list":
            return _list(authority)
        commands = {"init": _init, "server": _issue, "client": _issue, "renew": _renew}
        commands[chosen.what](authority, chosen)
    except OSError as e:
        raise Problem("Can't use %s: %s." % (e.filename, e.strerror)) from None
    return 0


def main(args):
    chosen = options.parse(args)
    return ending.run("ca.py", lambda stack: _run(chosen))


if __name__ == "__main__":
    sys.exit(setup.main(main))
