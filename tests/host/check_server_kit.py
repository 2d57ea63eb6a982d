# check_server_kit - tools/check_server.py as tests call it, and nginx with blocks of their own.
# SPDX-License-Identifier: MIT

import contextlib
import io
import json

import servers
import setup
import tool
from qcheck import main, options


def check(*words, status=0):
    # (output, errors)
    ended, out, err = tool.call("check_server.py", *words, cwd=setup.ROOT)
    assert ended == status, out + err
    return out, err


def found(port, *words, status=0, host="localhost", idle="0"):
    # As data; in this process, as starting one takes longer than asking.
    words = ["%s:%d" % (host, port), "--json", "--idle", idle, *[str(word) for word in words]]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        ended = main.run(options.parse(words))
    assert ended == status, out.getvalue()
    return json.loads(out.getvalue())


def taken(data):
    return {(t["version"], t["suite"]) for t in data["taken"] if t["taken"] is True}


def hard(data):
    return {f["what"] for f in data["findings"] if f["hard"]}


def soft(data):
    return {f["what"] for f in data["findings"] if not f["hard"]}


class Conf(servers.Nginx):
    # nginx with server blocks of one's own; {port}, {folder}, {cert} and {key} are filled in.
    def __init__(self, certs, blocks, identity=None):
        super().__init__(certs)
        self.blocks = blocks
        self.identity = identity or certs.server

    def prepare(self):
        argv = super().prepare()
        conf = self.folder / "nginx.conf"
        head = conf.read_text().partition("    server {")[0]
        blocks = self.blocks
        values = {"port": self.port, "folder": self.folder}
        values.update(cert=self.identity.cert, key=self.identity.key)
        for name, value in values.items():
            blocks = blocks.replace("{%s}" % name, str(value))
        (self.folder / "www/index.html").write_text("hello")
        conf.write_text(head + blocks + "}\n")
        return argv


SNI_ONLY = """
server {
    listen 127.0.0.1:{port} ssl default_server;
    ssl_protocols TLSv1.2; ssl_ciphers AES256-SHA256;
    ssl_reject_handshake on;
}
server {
    listen 127.0.0.1:{port} ssl;
    server_name localhost;
    ssl_certificate {cert}; ssl_certificate_key {key};
    ssl_protocols TLSv1.2; ssl_ciphers AES256-SHA256;
}
"""


MODERN = """
server {
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    root {folder}/www;
}
"""
