# receiver.wire - connections that end, and requests that can be read in one way only.
# SPDX-License-Identifier: MIT
#
# A modem that loses its network says no goodbye: without a limit the connection would stay here
# for ever, with its memory, and 4000 of them are all that there are.

from uvicorn.protocols.http.h11_impl import H11Protocol

_HEAD_S = 120  # from a request's first byte to the end of its head: 9600 baud, with pauses
_BODY_S = 900  # from there to the end of its body: 4 MB from a slow line

_HEAD, _BODY, _ANSWER = "head", "body", "answer"


class Protocol(H11Protocol):
    # uvicorn's, which waits for a request with no limit unless it is not the first.
    _limit = None  # a timer
    _at = None  # what is waited for

    def connection_made(self, transport):
        super().connection_made(transport)
        self._wait(None, self.timeout_keep_alive)

    def connection_lost(self, exc):
        self._wait(_ANSWER, None)
        super().connection_lost(exc)

    def data_received(self, data):
        super().data_received(data)
        self._look()

    def on_response_complete(self):
        super().on_response_complete()
        self._look()

    def _look(self):
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            at = _BODY if cycle.more_body else _ANSWER
        elif self.timeout_keep_alive_task is None:
            at = _HEAD  # a part of it
        else:
            at = _ANSWER  # nothing yet: uvicorn's own limit counts
        if at != self._at:
            self._wait(at, {_HEAD: _HEAD_S, _BODY: _BODY_S}.get(at))

    def _wait(self, at, seconds):
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._at = at
        if seconds is not None and not self.transport.is_closing():
            self._limit = self.loop.call_later(seconds, self.transport.close)


def strict(app):
    # Refuses a request with two lengths: what stands before this server may believe the other one,
    # and take what is left for the next request, of somebody else.
    async def answer(scope, receive, send):
        names = {name for name, _ in scope["headers"]}
        if not {b"content-length", b"transfer-encoding"} <= names:
            return await app(scope, receive, send)
        text = b"Content-Length and Transfer-Encoding: send one of them."
        headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return answer
