# ugsim.model.commands.sslsocket - one SSL socket: its buffers and its state (manual 2.2.6).
# SPDX-License-Identifier: MIT

from binascii import hexlify

from ugsim.model.base.bytequeue import ByteQueue

COUNT = 12  # manual 2.2.2: <clientID> 0-11

# <socket_state> of manual 2.2.6
INITIAL = 0
OPENING = 1
HANDSHAKE = 2
CONNECTED = 3
CLOSING = 5

BUFFER = 0
PUSH = 1
TRANSPARENT = 2


def told(m, data):
    # Data as they are printed: as they are, or in hexadecimal (AT+QICFG="dataformat").
    return hexlify(data).upper() if m.qicfg.of("dataformat", 1) else data


class Socket:
    def __init__(self, number, pdp, ctx, host, port, mode):
        self.number = number
        self.pdp = pdp
        self.ctx = ctx
        self.host = host
        self.port = port
        self.mode = mode
        self.former = self._state = OPENING
        self.conn = None
        self.tls = None
        self.ip = ""
        self.local_port = 0
        self.rx = ByteQueue()  # from the network, not yet read by the host
        self.tx = ByteQueue()  # from the host, not yet taken by the network
        self.armed = True  # the next arrival makes a "recv" URC
        self.untold = False  # the "closed" URC waits for the data that are still to be pushed
        self.since = 0  # ms at which the present state of the opening began
        self.opened = None  # function(error): how the result of the opening is told
        self.closing = None  # function(): the local close is done
        self.lingers = False  # it is, but the id can't be used yet

    def _get(self):
        return self._state

    def _set(self, state):
        self.former = self._state
        self._state = state

    state = property(_get, _set)  # manual 2.2.6; what it was before: former
