# qssl.tls - SSL contexts, fail-closed: what can't be read back as set refuses the connection.
# SPDX-License-Identifier: MIT

import errno
from time import ticks_add, ticks_ms

from micropython import const

from .dialect import CTX_MAX, SUITES, VERSIONS
from .errors import Error, Refused, error

_CLOSING_MS = const(15000)  # AT+QSSLCLOSE takes 12 s at most


class Context:
    # Settings of one SSL context (manual 2.2.1). They are checked here, sent to the modem before
    # the first connection that uses them, and again whenever the modem has restarted.

    def __init__(
        self,
        modem,
        ctx: int = 0,
        ca: str | bytes | None = None,
        cert: str | bytes | None = None,
        key: str | bytes | None = None,
        version: str = "TLS1.2",
        suite: str = "AES256-SHA256",
        auth: bool = True,
        check_time: bool = True,
        negotiate_s: int = 60,
        where: str = "RAM:",
        allow_weak: bool = False,
    ) -> None:
        # ctx: 0..5. ca, cert, key: PEM, as bytes or as the path of a file on the board. version,
        # suite: names of qssl.dialect. auth=False: the server is not authenticated at all.
        # check_time=False: certificates don't expire (no clock needed). negotiate_s: limit of the
        # handshake, 10 to 300 s. where: "RAM:" or "UFS:" (the modem's flash). allow_weak: needed
        # for SSL3.0, TLS1.0, TLS1.1, RC4, 3DES, "all", and auth=False.
        if not isinstance(ctx, int) or not 0 <= ctx <= CTX_MAX:
            raise Refused(errno.EINVAL, "tls", "ctx must be 0 to %d" % CTX_MAX)
        if version not in VERSIONS:
            raise Refused(errno.EINVAL, "tls", "version must be one of " + _names(VERSIONS))
        if suite not in SUITES:
            raise Refused(errno.EINVAL, "tls", "suite must be one of " + _names(SUITES))
        if not isinstance(negotiate_s, int) or not 10 <= negotiate_s <= 300:
            raise Refused(errno.EINVAL, "tls", "negotiate_s must be 10 to 300")
        if where not in ("RAM:", "UFS:"):
            raise Refused(errno.EINVAL, "tls", 'where must be "RAM:" or "UFS:"')
        if not allow_weak:
            if VERSIONS[version][1]:
                raise Refused(errno.EACCES, "tls", version + " is weak; allow_weak=True to use it")
            if SUITES[suite][1]:
                raise Refused(errno.EACCES, "tls", suite + " is weak; allow_weak=True to use it")
            if not auth:
                raise Refused(
                    errno.EACCES,
                    "tls",
                    "auth=False trusts anybody; allow_weak=True to use it",
                )
        if auth and ca is None:
            raise Refused(errno.EINVAL, "tls", "ca is missing: the PEM of your server's CA")
        if (cert is None) != (key is None):
            raise Refused(errno.EINVAL, "tls", "cert and key go together")
        from .files import pem

        self._sources = (
            pem(ca, "ca") if ca is not None else None,
            pem(cert, "cert") if cert is not None else None,
            pem(key, "key", True) if key is not None else None,
        )
        self.id = ctx
        self._modem = modem
        self._version = VERSIONS[version][0]
        self._suite = SUITES[suite][0]
        self._seclevel = 0 if not auth else 2 if cert is not None else 1
        self._check_time = check_time
        self._negotiate_s = negotiate_s
        self._where = where
        self._epoch = -1  # of the modem, when it was last told

    def apply(self) -> None:
        # Makes the modem's context what this one says, unless it is already. Blocks.
        self._modem.link.drive(self.applying())

    def applying(self):
        # The same as a generator for Link.drive.
        modem = self._modem
        # A restart may have gone unseen in what the quarantine passed over.
        epoch = modem.epoch + modem.stats.resyncs
        settings = (
            (b"sslversion", b"%d" % self._version),
            (b"ciphersuite", b'"%s"' % self._suite.encode()),
            (b"seclevel", b"%d" % self._seclevel),
            (b"ignorelocaltime", b"0" if self._check_time else b"1"),
            (b"negotiatetime", b"%d" % self._negotiate_s),
        )
        if self._epoch == epoch and modem.contexts[self.id] is self:
            # The modem releases a context with its last connection (manual 2.2.5). Should it
            # forget the settings then, the one that protects most shows it.
            due = modem.at.until
            if due is None:
                due = ticks_add(ticks_ms(), _CLOSING_MS)
            while True:
                states = [s.state() for s in modem.sockets if s is not None and s.ctx is self]
                if 1 in states:
                    return
                if 2 not in states:
                    break
                if not (yield due):  # what closes later would release it behind the look
                    raise error("unreleased")
            if (yield from self._holds(*settings[2 if self._seclevel else 1])):
                if modem.contexts[self.id] is self:
                    return
        if modem.caps is not None:
            from .probe import check

            check(modem.caps, self.id, settings)
        # A connection that is still opening may go by the settings of this moment.
        for sock in modem.sockets:
            if sock is not None and sock.ctx.id == self.id and not sock.state():
                raise error("ctx busy")
        mine = modem.contexts[self.id] = [self]
        if self._seclevel and self._check_time:
            yield from self._check_clock()
        from .files import ensuring

        for key, source in zip((b"cacert", b"clientcert", b"clientkey"), self._sources):
            if source is not None:
                name = yield from ensuring(modem, source, "tls", self._where)
                yield from self._set(key, b'"%s"' % name)
        for key, val in settings:
            yield from self._set(key, val)
        # While this waited, a callback or another task may have set up the same context.
        if modem.contexts[self.id] is not mine:
            modem.contexts[self.id] = None
            raise error("ctx busy")
        modem.contexts[self.id] = self
        self._epoch = epoch

    def _set(self, key, val):
        # Sets one parameter and reads it back.
        yield from self._modem.at.want(
            b'AT+QSSLCFG="%s",%d,%s' % (key, self.id, val),
            "tls",
            "the modem refused %s=%s" % (key.decode(), val.decode()),
        )
        if not (yield from self._holds(key, val)):
            raise Error(
                errno.EACCES,
                "tls",
                "the modem did not keep %s=%s; no connection is made with it"
                % (key.decode(), val.decode()),
            )

    def _holds(self, key, val):
        # Whether the modem has this value.
        lines = yield from self._modem.at.want(
            b'AT+QSSLCFG="%s",%d' % (key, self.id), "tls", "can't be read back", b"+QSSLCFG:"
        )
        want = b'"%s",%d,%s' % (key, self.id, val)
        return len(lines) == 1 and _bare(lines[0]) == _bare(want)

    def _check_clock(self):
        from .clock import get

        if (yield from get(self._modem)) is None:
            raise Refused(
                errno.EACCES,
                "tls",
                "the modem's clock was never set: modem.clock((y, m, d, h, mi, s)) in UTC, "
                "or check_time=False",
            )


def _bare(line):
    # A setting without what firmwares write differently: quotes, blanks, upper or lower case.
    return line.replace(b'"', b"").replace(b" ", b"").upper()


def _names(table):
    return ", ".join(sorted(table))
