# qssl.sslcfg - the settings of SSL contexts, fail-closed: what can't be read back as set refuses
# the connection. AT+QSSLCFG (manual 2.2.1), loaded while a connection is made.
# SPDX-License-Identifier: MIT

import errno
from time import ticks_add, ticks_ms

from micropython import const

from .dialect import CTX_MAX
from .errors import Error, Refused, error

_CLOSING_MS = const(15000)  # AT+QSSLCLOSE takes 12 s at most
_KEYS = const((b"sslversion", b"ciphersuite", b"seclevel", b"ignorelocaltime", b"negotiatetime"))
_FILES = const((b"cacert", b"clientcert", b"clientkey"))

# <sslversion> and <cipher_suites> by name: (value, weak). 2.2.1 and tables 1 and 2.
VERSIONS = {
    "SSL3.0": (0, True),
    "TLS1.0": (1, True),
    "TLS1.1": (2, True),
    "TLS1.2": (3, False),
    "all": (4, True),
}
SUITES = {
    "AES256-SHA256": ("0X003D", False),
    "AES256-SHA": ("0X0035", False),
    "AES128-SHA": ("0X002F", False),
    "3DES-SHA": ("0X000A", True),
    "RC4-SHA": ("0X0005", True),
    "RC4-MD5": ("0X0004", True),
    "all": ("0XFFFF", True),
}


def check(
    ctx: int,
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
) -> tuple:
    # ctx: 0..5. ca, cert, key: PEM, as bytes or as the path of a file on the board. version,
    # suite: names of the tables above. auth=False: the server is not authenticated at all.
    # check_time=False: certificates don't expire (no clock needed). negotiate_s: limit of the
    # handshake, 10 to 300 s. where: "RAM:" or "UFS:" (the modem's flash). allow_weak: needed
    # for SSL3.0, TLS1.0, TLS1.1, RC4, 3DES, "all", and auth=False.
    # Returns what a Context keeps of them: seclevel, values of _KEYS, files, where.
    if not isinstance(ctx, int) or not 0 <= ctx <= CTX_MAX:
        _refuse("ctx must be 0 to %d" % CTX_MAX)
    if version not in VERSIONS:
        _refuse("version must be one of " + _names(VERSIONS))
    if suite not in SUITES:
        _refuse("suite must be one of " + _names(SUITES))
    if not isinstance(negotiate_s, int) or not 10 <= negotiate_s <= 300:
        _refuse("negotiate_s must be 10 to 300")
    if where not in ("RAM:", "UFS:"):
        _refuse('where must be "RAM:" or "UFS:"')
    if not allow_weak:
        how = "%s is weak; allow_weak=True to use it"
        if VERSIONS[version][1]:
            _refuse(how % version, errno.EACCES)
        if SUITES[suite][1]:
            _refuse(how % suite, errno.EACCES)
        if not auth:
            _refuse("auth=False trusts anybody; allow_weak=True to use it", errno.EACCES)
    if auth and ca is None:
        _refuse("ca is missing: the PEM of your server's CA")
    if (cert is None) != (key is None):
        _refuse("cert and key go together")
    from .pemcheck import load

    level = 0 if not auth else 2 if cert is not None else 1
    settings = (
        VERSIONS[version][0],
        '"%s"' % SUITES[suite][0],
        level,
        int(not check_time),
        negotiate_s,
    )
    return level, settings, load(ca, cert, key), where


def _changed(ctx):
    # Whether a file of the context is no longer what it was. One that is just being replaced, so
    # that it is not there, has not changed yet.
    from .files import stamp

    for file in ctx._pems:
        if file is not None and isinstance(file[0], str):
            now = stamp(file[0])
            if now is not None and now != file[1:3]:
                return True
    return False


def applying(ctx, modem):
    # Generator for Link.drive, see tls.Context.apply.
    # A restart may have gone unseen in what the quarantine passed over.
    epoch = modem.epoch + modem.stats.resyncs
    id = ctx.id
    settings = [(key, str(val).encode()) for key, val in zip(_KEYS, ctx._settings)]
    level = ctx._seclevel
    if _changed(ctx):
        from .pemcheck import load

        ctx._pems = load(*[file and file[0] for file in ctx._pems])
        ctx._epoch = -1
    if ctx._epoch == epoch and modem.contexts[id] is ctx:
        # The modem releases a context with its last connection (manual 2.2.5). Should it forget
        # the settings then, the one that protects most shows it.
        due = modem.at.until
        if due is None:
            due = ticks_add(ticks_ms(), _CLOSING_MS)
        while True:
            states = [s.state() for s in modem.sockets if s is not None and s.ctx is ctx]
            if 1 in states:
                return
            if 2 not in states:
                break
            if not (yield due):  # what closes later would release it behind the look
                raise error("unreleased")
        if (yield from _holds(modem, id, *settings[2 if level else 1])):
            if modem.contexts[id] is ctx:
                return
    if modem.caps is not None:
        from .probe import check

        check(modem.caps, id, settings)
    # A connection that is still opening may go by the settings of this moment.
    for sock in modem.sockets:
        if sock is not None and sock.ctx.id == id and not sock.state():
            raise error("ctx busy")
    mine = modem.contexts[id] = [ctx]
    if level and not ctx._settings[3]:
        from .clock import adopt, get

        if (yield from get(modem)) is None and not (yield from adopt(modem)):
            _refuse(
                "the modem's clock was never set (%s): modem.clock((y, m, d, h, mi, s)) in UTC, "
                "NTP by qssl.timekeeper, or check_time=False"
                % (modem.keeper.why() if modem.keeper else "the network tells no usable time"),
                errno.EACCES,
            )
    names = yield from _uploads(ctx, modem)
    pems = [(key, b'"%s"' % name) for key, name in zip(_FILES, names) if name]
    for key, val in pems + settings:
        shown = "%s=%s" % (key.decode(), val.decode())
        line = b'AT+QSSLCFG="%s",%d,%s' % (key, id, val)
        yield from modem.at.want(line, "tls", "the modem refused " + shown, tries=3)
        if not (yield from _holds(modem, id, key, val)):
            how = "the modem did not keep %s; no connection is made with it"
            raise Error(errno.EACCES, "tls", how % shown)
    # While this waited, a callback or another task may have set up the same context.
    if modem.contexts[id] is not mine:
        modem.contexts[id] = None
        raise error("ctx busy")
    modem.contexts[id] = ctx
    ctx._epoch = epoch


def _uploads(ctx, modem):
    # Generator: the files' names on the modem, where they are now; None for what is not used.
    from .files import _delete, ensuring, named
    from .pem import Clean

    where = ctx._where
    names = [file and named(where, file[3], file[5]) for file in ctx._pems]
    # What was replaced goes first, as there may be no room for both; keys should not stay.
    others = [c[0] if isinstance(c, list) else c for c in modem.contexts if c is not None]
    others = [c._names for c in others if c is not ctx]
    for name in ctx._names:
        if name and name not in names and not [1 for those in others if name in those]:
            yield from _delete(modem, name, True)
    ctx._names = names
    for file, phase in zip(ctx._pems, ("ca", "cert", "key")):
        if file is not None:
            yield from ensuring(modem, Clean(file[0], phase, file[3:]), "tls", where)
    return names


def _holds(modem, id, key, val):
    # Whether the modem has this value.
    line = b'AT+QSSLCFG="%s",%d' % (key, id)
    lines = yield from modem.at.want(line, "tls", "can't be read back", b"+QSSLCFG:")
    return len(lines) == 1 and _bare(lines[0]) == _bare(b'"%s",%d,%s' % (key, id, val))


def _bare(line):
    # A setting without what firmwares write differently: quotes, blanks, upper or lower case.
    return line.replace(b'"', b"").replace(b" ", b"").upper()


def _names(table):
    return ", ".join(sorted(table))


def _refuse(hint, number=errno.EINVAL):
    raise Refused(number, "tls", hint)
