# requests - a double of the client in micropython-lib, main branch: HTTP/1.1, bodies by length.
# SPDX-License-Identifier: MIT
#
# No package index has that version. Names and arities are its own, and so are the calls on socket
# and tls: which, in which order, with which arguments. The code is not.

import socket


class _Body:
    # `raw`: reads no further than the body.
    def __init__(self, sock, fields):
        self._sock = sock
        self._left = int(fields["content-length"]) if "content-length" in fields else None
        self._chunked = "chunked" in fields.get("transfer-encoding", "")
        if self._chunked:
            self._left = 0

    def read(self, n=-1):
        if n < 0:
            parts = []
            while True:
                part = self.read(256)
                if not part:
                    return b"".join(parts)
                parts.append(part)
        if self._chunked and not self._left:
            self._left = int(self._sock.readline().split(b";")[0], 16)
            if not self._left:
                self._sock.readline()
                return b""
        data = self._sock.read(n if self._left is None else min(n, self._left))
        if self._left is not None:
            if n and self._left and not data:
                raise ValueError("the connection was closed in the body")
            self._left -= len(data)
            if self._chunked and not self._left:
                self._sock.readline()
        return data

    def close(self):
        self._sock.close()


class Response:
    encoding = "utf-8"

    def __init__(self, raw):
        self.raw = raw
        self._cached = None

    def close(self):
        if self.raw:
            self.raw.close()
            self.raw = None

    @property
    def content(self):
        if self._cached is None:
            try:
                self._cached = self.raw.read()
            finally:
                self.close()
        return self._cached

    @property
    def text(self):
        return str(self.content, self.encoding)

    def json(self):
        import json

        return json.loads(self.content)


def request(method, url, data=None, json=None, headers=None, stream=None, auth=None, timeout=None):
    headers = dict(headers or {})
    proto, _, host, path = (url + "/").split("/", 3)
    path = path[:-1]
    port = 80
    if proto == "https:":
        import tls

        port = 443
    name = host
    if ":" in host:
        host, _, port = host.partition(":")
        port = int(port)
    ai = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    s = socket.socket(ai[0], socket.SOCK_STREAM, ai[2])
    if timeout is not None:
        s.settimeout(timeout)
    try:
        s.connect(ai[-1])
        if proto == "https:":
            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_NONE
            s = context.wrap_socket(s, server_hostname=host)
        s.write(b"%s /%s HTTP/1.1\r\n" % (method.encode(), path.encode()))
        headers.setdefault("Host", name)
        if json is not None:
            from json import dumps

            data = dumps(json)
            headers.setdefault("Content-Type", "application/json")
        if data:
            headers.setdefault("Content-Length", str(len(data)))
        headers.setdefault("Connection", "close")
        for key in headers:
            s.write(key)
            s.write(b": ")
            s.write(headers[key])
            s.write(b"\r\n")
        s.write(b"\r\n")
        if data:
            s.write(data)
        line = s.readline().split(None, 2)
        if len(line) < 2:
            raise ValueError("no status line")
        status = int(line[1])
        fields = {}
        while True:
            line = s.readline()
            if not line or line == b"\r\n":
                break
            key, _, value = str(line, "utf-8").partition(":")
            fields[key.lower()] = value.strip()
    except OSError:
        s.close()
        raise
    if status in (301, 302, 303, 307, 308) and "location" in fields:
        s.close()
        return request("GET" if status < 304 else method, fields["location"])
    response = Response(_Body(s, fields))
    response.status_code = status
    response.headers = fields
    return response


def get(url, **kw):
    return request("GET", url, **kw)


def post(url, **kw):
    return request("POST", url, **kw)
