# aiohttp - a double of the client in micropython-lib, main branch.
# SPDX-License-Identifier: MIT
#
# No package index has it. Names and arities are its own, and so are the calls on asyncio's
# streams: which, in which order, with which arguments; and what is left open when a task is
# cancelled. The code is not.

import asyncio


class ClientResponse:
    def __init__(self, reader, status, headers):
        self.content = reader
        self.status = status
        self.headers = headers

    async def read(self, sz=-1):
        return await self.content.read(sz)

    async def text(self, encoding="utf-8"):
        return (await self.read(int(self.headers.get("Content-Length", -1)))).decode(encoding)

    async def json(self):
        import json

        return json.loads(await self.text())


class _Manager:
    # `async with session.get(...) as response`: nothing is closed before it is entered.
    def __init__(self, session, steps):
        self._session = session
        self._steps = steps

    async def __aenter__(self):
        return await self._steps

    async def __aexit__(self, *args):
        await self._session.reader.aclose()
        await asyncio.sleep(0)


class ClientSession:
    def __init__(self, base_url="", headers=None):
        self._base_url = base_url
        self._headers = {"Connection": "close", "User-Agent": "compat"}
        self._headers.update(headers or {})
        self.reader = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *args):
        await asyncio.sleep(0)

    async def _request(self, method, url, data=None, json=None, ssl=None, headers=None):
        if json:
            from json import dumps

            data = dumps(json)
        proto, _, host, path = (url + "/").split("/", 3)
        port = 80
        if proto == "https:":
            port = 443
            ssl = True if ssl is None else ssl
        name = host
        if ":" in host:
            host, _, port = host.partition(":")
            port = int(port)
        reader, writer = await asyncio.open_connection(host, port, ssl=ssl)
        fields = dict(self._headers, Host=name)
        fields.update(headers or {})
        if data:
            data = data if isinstance(data, bytes) else data.encode()
            fields["Content-Length"] = len(data)
        head = "%s /%s HTTP/1.0\r\n" % (method, path[:-1])
        head += "".join("%s: %s\r\n" % item for item in fields.items())
        await writer.awrite(head.encode() + b"\r\n" + (data or b""))
        status = int((await reader.readline()).split(None, 2)[1])
        got = {}
        while True:
            line = await reader.readline()
            if not line or line == b"\r\n":
                break
            key, _, value = line.decode().partition(":")
            got[key] = value.strip()
        self.reader = reader
        return ClientResponse(reader, status, got)

    def request(self, method, url, **kw):
        return _Manager(self, self._request(method, self._base_url + url, **kw))

    def get(self, url, **kw):
        return self.request("GET", url, **kw)

    def post(self, url, **kw):
        return self.request("POST", url, **kw)
