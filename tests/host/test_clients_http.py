# test_clients_http - the unmodified urequests, and HTTP/1.1 by hand, against a real nginx.
# SPDX-License-Identifier: MIT

import json

import pytest

from client_kit import Counter, Script, modem, running
from patience import once
from servers import Nginx, TlsPeer

BIG = 400  # times 256 bytes
BYTES = bytes(range(256))

HTTP = """
import urequests
url = "https://localhost:%d/" % board.setting("http", 0)
"""

# One connection, several requests: what requests and aiohttp do with HTTP/1.1.
BY_HAND = """
import socket, ssl
def opened():
    s = socket.socket()
    s.connect(socket.getaddrinfo("localhost", board.setting("http", 0))[0][-1])
    return ssl.wrap_socket(s, server_hostname="localhost")
def get(s, path, more=""):
    s.write("GET /%s HTTP/1.1\\r\\nHost: localhost\\r\\n%s\\r\\n" % (path, more))
def head(s):
    status = int(s.readline().split()[1])
    fields = {}
    while True:
        line = s.readline()
        if line == b"\\r\\n":
            return status, fields
        name, value = line.decode().split(":", 1)
        fields[name.lower()] = value.strip()
"""


@pytest.fixture(scope="module")
def sim():
    with modem() as sim:
        yield sim


@pytest.fixture(scope="module")
def nginx(certs):
    files = {
        "a.txt": b"hello\n",
        "empty": b"",
        "big.bin": BYTES * BIG,
        "put/index.html": b"redirected\n",
        "data.json": b'{"on": true}',
    }
    with running(Nginx(certs, files=files)) as nginx:
        yield nginx


@pytest.fixture
def run(sim, certs, nginx):
    def run(text, **settings):
        return Script(sim, certs, text, http=settings.pop("http", nginx.port), **settings)

    return run


# --- urequests -----------------------------------------------------------------------------------


def test_get(run):
    text = HTTP + (
        "r = urequests.get(url + 'a.txt')\n"
        "assert r.status_code == 200 and r.reason == b'OK' and r.text == 'hello\\n'\n"
        "assert urequests.get(url + 'empty').content == b''\n"
        "assert urequests.get(url + 'data.json').json() == {'on': True}\n"
        "r = urequests.get(url + 'none', headers={'X-A': 'str', b'X-B': b'bytes'})\n"
        "assert r.status_code == 404\n"
        "r.close()\n"
        "assert urequests.head(url + 'a.txt').status_code == 200\n"
    )
    with run(text) as script:
        script.end()


def test_large_bodies_both_ways(run, nginx):
    text = HTTP + (
        "data = bytes(range(256)) * 400\n"
        "assert urequests.get(url + 'big.bin').content == data\n"
        "r = urequests.post(url + 'post', data=data)\n"
        "assert (r.status_code, r.text) == (200, 'accepted\\n')\n"
        "r = urequests.put(url + 'put/x', data=data)\n"
        "assert r.status_code == 201\n"
        "r.close()\n"
        "assert urequests.get(url + 'put/x').content == data\n"
    )
    with run(text, heap="4m") as script:
        script.end(60)
    assert nginx.posts()[-1] == BYTES * BIG


def test_a_small_post_is_one_send(sim, run, nginx):
    text = HTTP + (
        "for i in range(10):\n"
        "    say('ready')\n"
        "    hear()\n"
        "    r = urequests.post(url + 'post', json={'celsius': 21.5, 'id': 'sensor-7'},\n"
        "                       headers={'Authorization': 'Bearer 0123456789abcdef'})\n"
        "    assert r.text == 'accepted\\n'\n"
        "    say('ready')\n"
        "    hear()\n"
        "    assert urequests.get(url + 'a.txt').text == 'hello\\n'\n"
        "say('ready')\n"
        "hear()\n"
    )
    with run(text) as script:
        assert script.line() == "ready"
        counter = Counter(sim)
        counts = []
        for _ in range(20):
            script.say()
            assert script.line() == "ready"
            counts.append(counter.look()["+QSSLSEND"])
        script.say()
        script.end()
        assert min(counts[::2]) == min(counts[1::2]) == 1  # a pause of 50 ms may make it two
    assert json.loads(nginx.posts()[-1]) == {"celsius": 21.5, "id": "sensor-7"}


def test_redirects_and_dropped_sockets(run):
    # urequests never closes the socket of a redirect: more redirects than the modem has sockets.
    text = HTTP + (
        "for i in range(5):\n"
        "    assert urequests.get(url + 'put').text == 'redirected\\n'\n"
        "    urequests.get(url + 'a.txt')\n"  # and this answer is never read
    )
    with run(text) as script:
        script.end()


def test_nobody_there(run):
    text = HTTP + (
        "for bad in ('https://localhost:1/', 'https://no-such-host.invalid/'):\n"
        "    try:\n"
        "        urequests.get(bad)\n"
        "        assert False\n"
        "    except OSError as e:\n"
        "        assert e.errno > 0\n"
        "assert urequests.get(url + 'a.txt').text == 'hello\\n'\n"
    )
    with run(text) as script:
        script.end()


def test_plain_http_is_tls_all_the_same(run):
    # There is no way to send in the clear by mistake.
    text = HTTP + (
        "assert urequests.get(url.replace('https', 'http') + 'a.txt').text == 'hello\\n'\n"
    )
    with run(text) as script:
        script.end()


def test_server_closes_in_the_middle(run, certs):
    # Status line and half a body; nothing but a status line; half a header; not a byte.
    answers = [
        b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Le",
        b"",
    ]

    def serve(link):
        request = b""
        while b"\r\n\r\n" not in request:
            request += link.recv()
        link.send(answers[int(request.split()[1][1:])])

    text = HTTP + (
        "assert urequests.get(url + '0').content == b'half'\n"
        "assert urequests.get(url + '1').content == b''\n"
        "for path in ('2', '3'):\n"
        "    try:\n"
        "        r = urequests.get(url + path)\n"
        "        say(path, r.status_code)\n"
        "    except (OSError, ValueError, IndexError) as e:\n"
        "        say(path, type(e).__name__)\n"
    )
    with TlsPeer(certs.server, serve) as peer, run(text, http=peer.port) as script:
        assert script.end() == ["2 ValueError", "3 IndexError"]


@pytest.mark.parametrize("size", [1400, 3000, 60000])
def test_an_early_answer_is_read(run, certs, size):
    # The server refuses what is still going out, and closes. urequests knows no error of write().
    def serve(link):
        request = b""
        while b"\r\n\r\n" not in request:
            request += link.recv(1024)
        link.send(b"HTTP/1.0 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad")

    text = HTTP + (
        "for n in range(20):\n"
        "    r = urequests.post(url, data=bytes(%d))\n"
        "    assert (r.status_code, r.content) == (400, b'bad'), n\n" % size
    )
    with TlsPeer(certs.server, serve) as peer, run(text, http=peer.port) as script:
        script.end(60)


# --- HTTP/1.1 by hand ----------------------------------------------------------------------------


def test_keep_alive(sim, run):
    text = BY_HAND + (
        "s = opened()\n"
        "for i in range(10):\n"
        "    get(s, 'a.txt')\n"
        "    status, fields = head(s)\n"
        "    assert status == 200 and s.read(int(fields['content-length'])) == b'hello\\n'\n"
        "s.close()\n"
    )

    def sends():
        with run(text) as script:
            counter = Counter(sim)
            script.end()
            counts = counter.look()
            assert counts["+QSSLOPEN"] == 1
            return counts["+QSSLSEND"]

    once(sends, lambda n: n == 10)  # a pause of 50 ms makes two of one


def test_chunked_answer(run, certs):
    body = BYTES * 40

    def serve(link):
        while b"\r\n\r\n" not in link.recv():
            pass
        link.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        at = 0
        for size in (1, 3, 1500, 4096, 0):
            part = body[at:] if not size else body[at : at + size]
            at += len(part)
            link.send(b"%x\r\n%s\r\n" % (len(part), part))
        link.send(b"0\r\n\r\n")
        link.recv()

    text = BY_HAND + (
        "s = opened()\n"
        "get(s, '')\n"
        "assert head(s)[1]['transfer-encoding'] == 'chunked'\n"
        "body = b''\n"
        "while True:\n"
        "    n = int(s.readline(), 16)\n"
        "    body += s.read(n)\n"
        "    assert s.readline() == b'\\r\\n'\n"
        "    if not n:\n"
        "        break\n"
        "assert body == bytes(range(256)) * 40\n"
        "s.close()\n"
    )
    with TlsPeer(certs.server, serve) as peer, run(text, http=peer.port) as script:
        script.end()


def test_server_closes_a_kept_connection(run, certs, start):
    nginx = start(Nginx(certs, files={"a.txt": b"hello\n"}, keepalive_s=1))
    text = BY_HAND + (
        "s = opened()\n"
        "get(s, 'a.txt')\n"
        "status, fields = head(s)\n"
        "assert s.read(6) == b'hello\\n'\n"
        "assert s.read(1) == b''\n"  # about a second later
        "assert s.read(1) == b'' and s.readline() == b'' and s.read() == b''\n"
        "try:\n"
        "    get(s, 'a.txt')\n"
        "    assert False\n"
        "except OSError as e:\n"
        "    assert e.errno == 104, e\n"
        "s.close()\n"
        "s = opened()\n"
        "get(s, 'a.txt', 'Connection: close\\r\\n')\n"
        "assert s.read().endswith(b'\\r\\n\\r\\nhello\\n')\n"
        "s.close()\n"
    )
    with run(text, http=nginx.port) as script:
        script.end()
