# qbench.modem - a simulated modem whose peers cost nothing: only the AT port's time counts.
# SPDX-License-Identifier: MIT
#
#     python -m qbench.modem BAUD
#
# Hosts: source (150000 bytes, then closes), sink, echo, mqtt (a broker that agrees to all), http
# (a server that answers 200 to every request, and keeps the connection if it is HTTP/1.1). Prints
# its addresses as JSON. Ends by SIGTERM.

import json
import re
import signal
import sys

from ugsim.fakenet import FakeNet
from ugsim.fakepeers import EchoPeer, Peer, SinkPeer, SourcePeer
from ugsim.port.tcp import TcpPort
from ugsim.session import Session

CHUNKS = 100
TOTAL = CHUNKS * 1500
_CONNACK = b"\x20\x02\x00\x00"
_PUBACK = b"\x40\x02"
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_OK = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Broker(Peer):
    # Takes each piece that comes for one packet, which is true if the driver merges writes.
    def on_data(self, conn, data):
        kind = data[0] >> 4
        if kind == 1:
            conn.push(_CONNACK)
        elif kind == 3 and data[0] & 6:
            topic = data[2] << 8 | data[3]
            conn.push(_PUBACK + data[4 + topic : 6 + topic])


class HttpServer(Peer):
    # Answers once a request has come whole.
    def __init__(self):
        self._come = {}  # connection: what has come of the request

    def on_data(self, conn, data):
        data = self._come.pop(conn, b"") + bytes(data)
        head, end, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length.group(1))):
            self._come[conn] = data
        elif b" HTTP/1.1" in head:
            conn.push(_OK.replace(b"1.0", b"1.1"))
        else:
            conn.push(_OK)
            conn.peer_close()


class Net(FakeNet):
    # What ugsim.loop asks of a network, besides what the model does. Nothing happens by itself
    # here, so there is nothing to watch.
    stirred = False
    history = ()

    def __init__(self):
        super().__init__(EchoPeer())
        self.add("source", SourcePeer(TOTAL, close=True))
        self.add("sink", SinkPeer())
        self.add("mqtt", Broker())
        self.add("http", HttpServer())

    @property
    def connections(self):
        return [c for c in self.conns if c.state != "closed"]

    def watch(self):
        return ()

    def wake(self):
        pass

    def hush(self):
        pass

    def close(self):
        pass


def main(baud):
    session = Session(TcpPort("127.0.0.1", 0), baud, control=("127.0.0.1", 0), net=Net())
    signal.signal(signal.SIGTERM, lambda *_: session.loop.stop())
    print(json.dumps(session.addresses()), flush=True)
    try:
        session.run()
    finally:
        session.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
