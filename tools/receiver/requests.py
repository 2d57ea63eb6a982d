# receiver.requests - what a request of the page or the API brings, and how it is refused.
# SPDX-License-Identifier: MIT

import json
import urllib.parse

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from receiver.updates import FILE_MAX

_BODY_MAX = 65536
_DRAIN_MAX = 64 << 20  # bytes of a form that is too long which are read


class Refused(Exception):
    def __init__(self, status, text, headers=None):
        super().__init__(text)
        self.status = status
        self.headers = headers


class Json(JSONResponse):
    # In ASCII: half a character, which JSON may hold, has no UTF-8.
    def render(self, content):
        return json.dumps(content, separators=(",", ":")).encode()


async def form_of(request):
    # The fields of a form, which a page of this server has sent.
    origin = request.headers.get("origin")
    host = request.headers.get("host")
    if origin is not None and urllib.parse.urlsplit(origin).netloc != host:
        raise Refused(403, "This form is of another site.")
    if request.url.path == "/updates":
        return await _form_with_file(request)
    text = (await body_of(request)).decode("ascii", "replace")
    try:
        pairs = urllib.parse.parse_qsl(text, True, max_num_fields=20)
    except ValueError:
        raise Refused(400, "This is no form.") from None
    return dict(pairs)


async def _form_with_file(request):
    # The fields of a form as texts, and its file as bytes.
    size = request.headers.get("content-length", "")
    size = int(size) if size.isascii() and size.isdigit() and len(size) < 9 else 1 << 30
    if size > FILE_MAX + _BODY_MAX:
        if size <= _DRAIN_MAX:
            async for _ in request.stream():
                pass  # so that the browser comes to read the answer
        raise Refused(413, "That is too long.", {"Connection": "close"})
    try:
        async with request.form(max_files=1, max_fields=10, max_part_size=_BODY_MAX) as form:
            return {
                name: value if isinstance(value, str) else await value.read()
                for name, value in form.items()
                if isinstance(value, str) or name == "file"
            }
    except HTTPException:
        raise Refused(400, "This is no form.") from None


async def body_of(request, most=_BODY_MAX):
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise Refused(413, "That is too long.", {"Connection": "close"})
    return bytes(data)


async def json_of(request):
    try:
        value = json.loads(await body_of(request))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "the body is no JSON object")
    return value
