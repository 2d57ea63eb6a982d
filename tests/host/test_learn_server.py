# test_learn_server - the server of tools/learn.py: what it understands, and what it stands.
# SPDX-License-Identifier: MIT

import contextlib
import socket
import ssl

import pytest

from patience import LIMIT_S, until
from qlearn import script
from qlearn.server import Server


def test_the_scripts_of_the_server():
    assert script.parse(b"qlearn wait:10 send:5 close break certs") == [
        ("wait", 10),
        ("send", 5),
        ("close", 0),
        ("break", 0),
        ("certs", 0),
    ]
    for bad in (
        b"",
        b"x",
        b"qlearn send:99999",
        b"qlearn wait:x9:9999999",
        b"qlearn rm",
        b"qlearn close:5",
        b"qlearn " + b"send:1 " * 21,
        b"qlearn \xff",
    ):
        with pytest.raises(script.Wrong):
            script.parse(bad)


def test_the_server_stands_wrong_words():
    server = Server(("127.0.0.1", 0))
    try:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES256-SHA256")
        with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            plain.settimeout(LIMIT_S)
            with contextlib.suppress(ConnectionResetError):
                while plain.recv(100):
                    pass
        for line, want in (
            (b"abcdeqlearn send:3\n", b"abc"),
            (b"qlearn send:9999999\n", b""),
            (b"x" * 5000 + b"\n", None),
        ):
            with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as plain:
                with context.wrap_socket(plain) as sock:
                    sock.sendall(line)
                    if want is None:
                        sock.sendall(b"qlearn send:2\n")
                        want = b"ab"
                    assert sock.recv(100) == want
        until(lambda: not server._live)
    finally:
        server.close()
