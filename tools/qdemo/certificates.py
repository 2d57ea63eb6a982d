# qdemo.certificates - a certificate authority and a server certificate, made for one run.
# SPDX-License-Identifier: MIT

import datetime

from qca import make

OTHER = "other.example"
_HOUR = datetime.timedelta(hours=1)


class Certificates:
    # Files in `folder`: .ca (what the modem trusts), .cert and .key (the server's, for localhost
    # and 127.0.0.1). They are good from an hour ago, for a day. shared: another host is served at
    # the same address; .other is its certificate (with the same key), else None.
    def __init__(self, folder, shared=False):
        self.ca = folder / "ca.pem"
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        self.other = folder / "other.pem" if shared else None
        now = datetime.datetime.now(datetime.timezone.utc)
        dates = (now - _HOUR, now + 24 * _HOUR)
        ca_key, key = make.key(), make.key()
        name = make.name("qssl demo CA")
        ca = make.sign(name, name, ca_key.public_key(), ca_key, make.CA, *dates)
        hosts = [make.alternative(text) for text in ("localhost", "127.0.0.1")]
        of_server = (make.name("localhost"), name, key.public_key(), ca_key, make.SERVER, *dates)
        self.ca.write_bytes(make.pem(ca))
        self.cert.write_bytes(make.pem(make.sign(*of_server, hosts)))
        if shared:
            of_other = (make.name(OTHER), name, key.public_key(), ca_key, make.SERVER, *dates)
            pem = make.pem(make.sign(*of_other, [make.alternative(OTHER)]))
            self.other.write_bytes(pem)
        self.key.touch(0o600)
        self.key.write_bytes(make.key_pem(key))
