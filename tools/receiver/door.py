# receiver.door - lets devices in as fast as they can be served, and no faster.
# SPDX-License-Identifier: MIT
#
# A device gives up after a minute. A server that lets all in at once that come after an outage
# works on each of them for longer than that, and for nothing. So one connection is let in each
# time the event loop comes round: those who are in set the pace. None is let in while more
# deliveries wait for the database than go into one transaction. Who waits outside does so in the
# system's queue, which is short: beyond it their first packet is not answered, and comes again.

import asyncio
import contextlib
import logging
import socket
import ssl
import time

import uvicorn

QUEUE = 256  # connections that wait to be let in
_ENTERING = 4000  # connections without a whole handshake: whoever says nothing keeps nobody out
_CLOSE_WAIT = 8  # tcp_info of Linux: the other side has closed
_REST_S = 0.5
_TELL_S = 60
# What a device says of the certificate, and what to look at.
_DOUBTS = {
    "UNKNOWN_CA": "has it this receiver's ca.pem",
    "CERTIFICATE_EXPIRED": "is its clock right",
    "BAD_CERTIFICATE": "has it this receiver's ca.pem, is its clock right",
}
_log = logging.getLogger("receiver")


class Server(uvicorn.Server):
    # room: an asyncio.Event; while it is not set nobody is let in.
    def __init__(self, config, room):
        super().__init__(config)
        self._room = room
        self._entering = {}  # tasks, the oldest first
        self._told = 0  # when a doubt was told

    @contextlib.contextmanager
    def capture_signals(self):
        yield  # more than one in a process: the signals are not theirs

    async def startup(self, sockets=None):
        self.servers = []
        self._door = asyncio.create_task(self._open(*sockets))
        self.started = True

    async def shutdown(self, sockets=None):
        tasks = [self._door, *self._entering]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().shutdown(sockets)

    async def _open(self, sock):
        loop = asyncio.get_running_loop()
        while True:
            await self._room.wait()
            try:
                conn, _ = await loop.sock_accept(sock)
            except ConnectionError:
                continue
            except OSError as e:
                # Out of files or memory: that passes, or those who are in are served.
                _log.error("no connection can be let in: %s", e.strerror)
                await asyncio.sleep(_REST_S)
                continue
            if _left(conn):
                conn.close()
            else:
                task = asyncio.create_task(self._enter(loop, conn))
                self._entering[task] = True
                task.add_done_callback(lambda task: self._entering.pop(task, None))
                if len(self._entering) > _ENTERING:
                    oldest = next(iter(self._entering))
                    del self._entering[oldest]
                    oldest.cancel()  # it has had its time
            await asyncio.sleep(0)

    async def _enter(self, loop, conn):
        # Until its handshake is over; the rest is the protocol's.
        def made():
            return self.config.http_protocol_class(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        try:
            conn.setblocking(False)
            peer = conn.getpeername()[0]
            await loop.connect_accepted_socket(made, conn, ssl=self.config.ssl)
        except ssl.SSLError as e:
            self._tell(peer, e.reason or "")
        except OSError:
            pass  # a scanner, or it gave up; it is closed

    def _tell(self, peer, reason):
        # Of a device that does not come nothing else would show. Scanners say other things.
        alert = reason.partition("_ALERT_")[2]
        now = time.monotonic()
        if alert in _DOUBTS and now >= self._told:
            self._told = now + _TELL_S
            _log.warning(
                "%s does not take the certificate (%s): %s? (more within a minute are not told)",
                *(peer, alert, _DOUBTS[alert]),
            )


def _left(conn):
    # Whether it has given up while it waited.
    option = getattr(socket, "TCP_INFO", None)
    return option is not None and conn.getsockopt(socket.IPPROTO_TCP, option, 1)[0] == _CLOSE_WAIT
