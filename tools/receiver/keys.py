# receiver.keys - secrets and certificates in the receiver's folder.
# SPDX-License-Identifier: MIT

import base64
import contextlib
import datetime
import hashlib
import os
import re
import secrets
import ssl
from pathlib import Path

from qshared.problem import Problem
from receiver.options import SETTINGS

# What a UGxx takes, behind what all others prefer.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20:AES256-SHA256:AES256-SHA:AES128-SHA"
_DAY = datetime.timedelta(days=1)
_YEARS = 20  # of a CA whose key stays here
_MOSQUITTO_ROUNDS = 101
BROKER_USER = "receiver"  # of the receiver itself


def new_token():
    return secrets.token_urlsafe(24)


def mosquitto_password(token):
    # As mosquitto_passwd writes it: PBKDF2 with SHA-512.
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", token.encode(), salt, _MOSQUITTO_ROUNDS)
    parts = [base64.b64encode(b).decode() for b in (salt, digest)]
    return "$7$%d$%s$%s" % (_MOSQUITTO_ROUNDS, *parts)


def folder(path):
    # Makes it, for its owner alone.
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise Problem("Can't make the folder %s: %s." % (path, e.strerror)) from None


def opened(chosen):
    # The store, opened, and the folder that it may be in. Where it can't be used none is left.
    from receiver.store import Store

    there = chosen.folder.exists()
    folder(chosen.folder)
    try:
        store = Store(chosen.database)
        store.open()
    except BaseException:
        if not there:
            with contextlib.suppress(OSError):
                chosen.folder.rmdir()
        raise
    return store


def master(path):
    # The key that those of devices come from; made once. Whoever has it can sign for every device.
    file = path / "master.key"
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        write(file, secrets.token_hex(32).encode() + b"\n")
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise Problem("Can't read %s: %s." % (file, getattr(e, "strerror", e))) from None
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise Problem("%s does not hold 64 hexadecimal digits: put back the copy of it." % file)
    return bytes.fromhex(text)


def certificate(chosen, say):
    # (certificate, key): paths. Without --cert one is made, in the folder, by the CA there; with
    # none there, with a CA.
    if chosen.cert:
        return chosen.cert, chosen.key
    cert, key = chosen.folder / "server.pem", chosen.folder / "server.key"
    if not cert.exists() or not key.exists():
        if _make(chosen, cert, key):
            say("made a CA, onto each board: %s" % (chosen.folder / "ca.pem"))
    else:
        lacks = _lacking(chosen, cert)
        if lacks:
            how = "%s is not for %s: move it away, and it is made anew by the same CA"
            say(how % (cert, ", ".join(lacks)))
    return cert, key


def _loaded(path):
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as e:
        raise Problem("Can't read %s: %s." % (path, e.strerror)) from None
    except ValueError:
        raise Problem("%s is no certificate in PEM: put back the copy of it." % path) from None


def _names(chosen):
    names = [n.strip() for n in chosen.names.split(",") if n.strip()]
    if getattr(chosen, "address", None) and chosen.address[0] not in names:
        names.insert(0, chosen.address[0])  # where boards come to
    return names


def _lacking(chosen, cert):
    # Of the names that were asked for those that the certificate is not for.
    from cryptography import x509

    wanted = _names(chosen)
    if chosen.names == SETTINGS["names"][1]:
        # Nobody has asked for these; where boards come to is another matter.
        wanted = [name for name in wanted if name not in chosen.names.split(",")]
    if not wanted:
        return []
    try:
        of = _loaded(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        of = ()
    has = {str(one.value).lower() for one in of}
    return [name for name in wanted if name.lower() not in has]


def end(cert):
    # When a certificate is over, in seconds since 1970.
    return _loaded(Path(cert)).not_valid_after_utc.timestamp()


def _make(chosen, cert, key):
    # Returns whether there was no CA.
    from qca import make  # takes its time

    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    end = min(now + _YEARS * 365 * _DAY, make.LAST)
    names = _names(chosen)
    try:
        hosts = [make.alternative(n) for n in names]
    except ValueError:
        hosts = []
    if not hosts:
        raise Problem("--names %s: give host names or addresses, with commas." % chosen.names)
    name = make.name("qssl")  # short: it is in what each connection carries
    ca_file, ca_key_file = chosen.folder / "ca.pem", chosen.folder / "ca.key"
    fresh = not ca_file.exists()
    if not fresh and not ca_key_file.exists():
        how = "%s is not here, and no other key signs a %s for %s: put it back, or give --cert."
        raise Problem(how % (ca_key_file, cert.name, ca_file))
    ca_key = _key(ca_key_file)
    if fresh:
        of_ca = (name, name, ca_key.public_key(), ca_key, make.CA, now - _DAY, end)
        ca = make.sign(*of_ca, small=True)
        write(ca_file, make.pem(ca))
    else:
        ca = _loaded(ca_file)
        if ca.public_key() != ca_key.public_key():
            raise Problem("%s is not the key of %s: put back the copy." % (ca_key_file, ca_file))
    own = _key(key)
    of_server = (make.name(names[0]), ca, own.public_key(), ca_key, make.SERVER)
    end = min(end, ca.not_valid_after_utc)
    server = make.sign(*of_server, now - _DAY, end, hosts, small=True)
    replace(cert, make.pem(server))
    return fresh


def _key(path):
    # The private key that is there, else a new one.
    from cryptography.hazmat.primitives import serialization

    from qca import make

    if not path.exists():
        write(path, make.key_pem(make.key()))
    try:
        return serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as e:
        raise Problem("Can't read %s: %s." % (path, e.strerror)) from None
    except (ValueError, TypeError):
        raise Problem("%s is no key in PEM: put back the copy of it." % path) from None


def context(cert, key, modem):
    # An SSL context. modem: also with what a UGxx can.
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.minimum_version = ssl.TLSVersion.TLSv1_2
    if modem:
        try:
            ctx.set_ciphers(SUITES)
        except ssl.SSLError:
            raise Problem(
                "This system's OpenSSL (%s) refuses RSA key exchange, the only one a UGxx knows: "
                "run it with another Python, or with a proxy in front." % ssl.OPENSSL_VERSION
            ) from None
    try:
        ctx.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as e:
        why = getattr(e, "reason", None) or getattr(e, "strerror", None) or e
        if isinstance(e, FileNotFoundError):
            why = "there is no such file"
        raise Problem(
            "The certificate %s with the key %s can't be used: %s." % (cert, key, why)
        ) from None
    return ctx


def _no_password():
    raise ValueError("the key has a password")


def write(path, data, sync=True):
    # Readable by its owner alone; what is there stays. sync: on the disk when this returns:
    # a power cut right after the first start must not take the master key.
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            if sync:
                _sync(path.parent)
        except BaseException:
            path.unlink()  # a part of it would be taken for all
            raise
    except FileExistsError:
        raise Problem("%s is there already and stays as it is: move it away." % path) from None
    except OSError as e:
        raise Problem("Can't write %s: %s." % (path, e.strerror)) from None


def _sync(folder):
    # The names in it.
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path, data, sync=True):
    # The new file takes the old one's place at once, or not at all.
    part = path.with_name(path.name + ".new")
    try:
        part.unlink(missing_ok=True)
        write(part, data, sync)
        os.replace(part, path)
        if sync:
            _sync(path.parent)
    except OSError as e:
        raise Problem("Can't write %s: %s." % (path, e.strerror)) from None
