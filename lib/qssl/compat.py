# qssl.compat - `socket`, `ssl` and `tls` as existing clients know them, over the modem.
# SPDX-License-Identifier: MIT
"""
    compat.install(modem, ctx)  # for every module that is imported from now on, or
    umqtt.simple.socket = compat.socket_for(modem, ctx)  # for one module only

Each socket is a TLS connection with the settings of ctx, whether its client calls wrap_socket()
or not. Nothing goes out at connect(): libraries call it before they wrap, and the modem opens TCP
and TLS in one command. The modem resolves names.
"""

import errno
import sys
from time import ticks_add, ticks_ms

from micropython import const

from .errors import error
from .socket import Socket, _plain
from .wire.dialect import CLOSE_S, OPEN_MS

_POLL = const(3)  # stream ioctls and poll bits: MicroPython's py/stream.h
_CLOSE = const(4)
_ERR = const(8)
_HUP = const(16)
_NEW = const(-1)  # of Socket's states
_CLOSED = const(3)
_REQUIRED = const(2)
_SERVER = const(1)
_CLOSE_MS = const(15000)  # AT+QSSLCLOSE takes 12 s at most
_IGNORED = ("server_hostname", "do_handshake", "do_handshake_on_connect")


def socket_for(modem, ctx, start=None, timeout_s: float | None = None):
    """What a module takes for `socket`, `ssl` or `tls`. start(): called when a connection is
    wanted and the modem is not up, e.g. after it has restarted; it should call modem.start().
    If that shows only when the connection fails, start() is called and the connection tried
    once more. In a program with asyncio it may be a coroutine, such as one that awaits
    aio.start(). timeout_s: the limit of each call where the client sets none (umqtt.simple
    doesn't).

    Returns: an object for `socket`, `ssl` or `tls` in a module.
    Raises: nothing.
    Blocks: no.
    Allocates: the object.
    Since: 0.1.
    """
    return Shim(modem, ctx, start, timeout_s)


def install(modem, ctx, start=None, timeout_s: float | None = None):
    """Every `import socket`, `ssl` or `tls` from now on, also inside of functions, is one of ours.

    Arguments as for socket_for().

    Returns: None.
    Raises: nothing.
    Blocks: no.
    Allocates: the object.
    Since: 0.1.
    """
    shim = Shim(modem, ctx, start, timeout_s)
    for name in ("socket", "usocket", "ssl", "ussl", "tls"):
        sys.modules[name] = shim
    return shim


class Shim:
    # Stands for all of the modules at once.
    AF_INET, AF_INET6 = 2, 10
    SOCK_STREAM, SOCK_DGRAM = 1, 2
    IPPROTO_TCP = 6
    SOL_SOCKET = SO_REUSEADDR = SO_KEEPALIVE = TCP_NODELAY = 1
    CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = 0, 1, _REQUIRED
    PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER = 0, _SERVER

    def __init__(self, modem, ctx, start, timeout_s):
        self.modem = modem
        self.ctx = ctx
        self.start = start
        self.timeout_s = timeout_s

    def getaddrinfo(self, host, port, af=0, kind=0, proto=0, flags=0):
        # Resolves nothing: connect() gets the name.
        return [(2, 1, 0, "", (host, port))]

    def socket(self, af=2, kind=1, proto=0):
        if kind != 1:
            raise error("datagrams")
        return _Lazy(self)

    def SSLContext(self, protocol=0):
        if protocol == _SERVER:
            raise error("server")
        return _Context(self)

    def wrap_socket(
        self, sock, server_side=False, key=None, cert=None, cert_reqs=0, cadata=None, **params
    ):
        context = _Context(self)
        context.verify_mode = cert_reqs
        cafile = params.pop("ca_certs", None)
        if cafile is not None or cadata is not None:
            context.load_verify_locations(cafile, cadata)
        if key is not None or cert is not None:
            context.load_cert_chain(cert, key)
        ciphers = params.pop("ciphers", None)
        if ciphers is not None:
            context.set_ciphers(ciphers)
        return context.wrap_socket(sock, server_side, **params)


class _Context:
    # ssl.SSLContext. As it is made, it stands for the context of socket_for(); what a client loads
    # makes it one of its own, see qssl.connect.clienttls. Neither can be weakened: CERT_NONE is
    # without effect.
    def __init__(self, shim):
        self._shim = shim
        self._own = [None] * 5  # CA, certificate, key, ciphers, check of the name
        self.verify_mode = _REQUIRED if shim.ctx._seclevel else 0

    @property
    def check_hostname(self):
        return bool(self._own[4])

    @check_hostname.setter
    def check_hostname(self, flag):
        if flag:
            from .connect.clienttls import checks

            if not checks(self._shim.modem):
                raise error("host name")
        self._own[4] = flag or None

    def load_verify_locations(self, cafile=None, cadata=None, capath=None):
        from .connect.clienttls import loaded

        what = cadata if cafile is None else cafile
        if what is None or capath is not None:
            _refuse("a folder of CAs")
        what = loaded(what, "ca")
        if self._own[0] not in (None, what):
            raise error("second ca")
        self._own[0] = what

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        from .connect.clienttls import loaded

        if password is not None:
            _refuse("a password")
        self._own[1] = None if certfile is None else loaded(certfile, "cert")
        self._own[2] = None if keyfile is None else loaded(keyfile, "key")

    def set_ciphers(self, ciphers):
        from .connect.clienttls import suite

        self._own[3] = suite(self._shim.modem, ciphers)

    def get_ciphers(self):
        from .connect.clienttls import suites

        return suites(self._shim.modem)

    def wrap_socket(self, sock, server_side=False, **params):
        shim = self._shim
        for name, value in params.items():
            if name not in _IGNORED and value is not None:
                _refuse(name)
        if server_side:
            raise error("server")
        if not isinstance(sock, _Lazy):
            raise error("foreign")
        ctx = shim.ctx
        if self._own != [None] * 5:
            from .connect.clienttls import context

            ctx = context(shim, *self._own)
        if self.verify_mode and not ctx._seclevel:
            _refuse("CERT_REQUIRED")
        sock.wrap(shim, ctx)
        return sock


def _refuse(name):
    raise error("not here", 0, name)


class _Lazy(Socket):
    # A socket that opens its connection when it is wrapped or first used.
    def __init__(self, shim):
        self._shim = shim
        self._ctx = shim.ctx
        self._link = None  # until the connection is opened
        self._state = _NEW
        self.settimeout(None)
        self._address = None
        self._wrapped = False
        self._late = False  # the last call ended with an error, such as a time-out
        self._failure = None  # of an attempt to open, within a poll or a task
        self._task = None  # opens it
        self.seen = 0  # ticks: the last call or poll, None while one reads ...
        self.bare = False  # ... gave nothing: see aio.Hub.spare
        self.over = False  # the end was told

    def settimeout(self, seconds):
        Socket.settimeout(self, self._shim.timeout_s if seconds is None else seconds)

    def setblocking(self, flag):
        self.settimeout(None if flag else 0)

    def connect(self, address):
        if self._state > 1:
            raise error("closed")
        if self._address is not None:
            raise error("connected")
        self._address = address
        if self._wrapped:
            self._open()

    def wrap(self, shim, ctx):
        if self._wrapped or self._state != _NEW:
            raise error("wrapped")
        self._shim = shim
        self._ctx = ctx
        self._wrapped = True
        if self._address is not None:
            self._open()

    def _make(self, modem, cid, slot, line):
        timeout = self._timeout
        Socket.__init__(self, modem, cid, slot, line)
        self._timeout = timeout
        return self

    def _open(self):
        if self._state == _CLOSED:
            raise error("closed")
        if self._address is None:
            raise error("unconnected")
        self.seen = ticks_ms()
        shim = self._shim
        modem = shim.modem
        host, port = self._address
        timeout = self._timeout
        if timeout == 0:
            core = sys.modules.get("asyncio.core")
            if getattr(core, "cur_task", None) is None:
                try:
                    modem.open(host, port, self._ctx, self._make)
                except OSError as e:
                    if e.errno != errno.EAGAIN:
                        raise  # else the next call tries again
            else:
                from .aio import opening

                self._task = core.create_task(opening(self, shim, host, port, self._ctx))
            return
        ms = OPEN_MS if timeout is None else timeout
        again = shim.start is not None
        while True:
            if not modem.up and shim.start is not None:
                shim.start()
                self._settle()
            try:
                modem.connect(host, port, self._ctx, ms, self._make)
                return
            except OSError:
                if modem.up or not again:
                    raise
                again = False  # only now it was seen that the modem has restarted

    def _settle(self):
        # Until the modem has done with an attempt that has failed: the next one uses this object.
        link = self._link
        if link is not None:
            due = ticks_add(ticks_ms(), _CLOSE_MS)
            while self._state != _CLOSED and link.wait(due):
                link.pump()

    def _usable(self):
        # False: a task is opening it, perhaps for the second time, and the socket does not block.
        self.seen = ticks_ms()
        if self._failure is not None:
            raise self._failure
        if self._task is not None and self._timeout != 0:
            raise error("opening")
        if self._link is None and self._task is None:
            self._open()
        return self._task is None and self._link is not None

    def _check(self):
        if self._usable():
            Socket._check(self)

    def _await(self, n, due=-1, goes=0):
        self._late = self.bare = True
        if self._usable():
            self.seen = None
            try:
                n = Socket._await(self, n, due, goes)
            finally:
                self.seen = ticks_ms()
        else:
            n = -1
        self._late = False
        self.bare = n < 0
        self.over = n == 0
        return n

    def spent(self):
        # Existing clients leave it to the garbage collector to close what they are done with:
        # after an error, a time-out, a redirect. What may be a task's is asked by aio.Hub.spare.
        if self.seen is None:
            return False  # what opens another one is called by its wait
        if self._timeout == 0 and getattr(self._link, "hub", None) is not None:
            return self._told if self._dead() else self.over
        return self._late or self._shut or Socket.spent(self)

    def ioctl(self, op, arg):
        if op == _POLL:
            timeout = self._timeout
            self._timeout = 0
            try:
                bare = not self._usable()
            except Exception as e:
                if self._address is None or (self._link is None and self._state == _CLOSED):
                    return _HUP
                self._failure = e
                return arg & 5 | _ERR
            finally:
                self._timeout = timeout
            if not bare:
                arg = Socket.ioctl(self, op, arg)
            self.bare = bare or not arg
            return 0 if bare else arg
        if op == _CLOSE:
            self.close()
            return 0
        return -1

    def _answered(self):
        # Whether the peer has closed and what it sent before that is there to be read. Then what
        # is written goes nowhere, without an error, as with built-in sockets: existing clients
        # give up at an error, and would not see the answer of a server that refuses what still
        # goes out. None: not known yet, and the socket does not block.
        if self._link is None or not self._shut:
            return False
        link = self._link
        link.pump()
        due = self._due()
        while not (self._ready or self._eof or self._dead() or self._state > 1):
            if self._timeout == 0:
                return None
            if not link.wait(due):
                break
            link.pump()
        return self._ready > 0

    def _confirm(self):
        # Until it is known whether the peer has closed, as a URC says: clients that send again
        # after an error, such as umqtt.robust, are told before they have written anything.
        link = self._link
        link.pump()
        due = self._due()
        while self._state == 1 and not self.why and self._claims and link.wait(due):
            link.pump()

    def write(self, buf, off=None, n=None):
        self.bare = False
        try:
            if self._usable():
                if self._timeout != 0:
                    self._confirm()
                return Socket.write(self, buf, off, n)
            self.bare = True
            return None
        except OSError:
            answered = self._answered()
            if answered:
                left = len(_plain(buf))
                if n is None:
                    n = off
                else:
                    left -= off
                return left if n is None or not 0 <= n < left else n
            if answered is None:
                return None
            raise

    def flush(self):
        try:
            if self._usable():
                Socket.flush(self)
        except OSError:
            if self._answered() is False:
                raise

    def close(self, timeout_s=CLOSE_S):
        # Never raises, as built-in sockets: what goes wrong is told by the calls that move data.
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._link is None:
            self._state = _CLOSED
            return
        try:
            Socket.close(self, timeout_s)
        except OSError:
            if self._state < 2:
                self.abandon()  # the wire is not free; it is closed when it is

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __del__(self):
        # As built-in sockets have it; it does not wait.
        self._timeout = 0
        self.close()

    def makefile(self, *args, **params):
        return self

    def setsockopt(self, *args):
        pass
