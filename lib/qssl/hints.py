# qssl.hints - what the modem's error numbers mean, and what to check. Loaded when one occurs.
# SPDX-License-Identifier: MIT

import errno as _e

from .errors import DeliveryUnknown, Error, Refused

# reason -> class, errno, phase, hint. The reasons are what the driver keeps in its hot parts.
REASONS = {
    # the AT port
    "busy": (Error, _e.ETIMEDOUT, "command", "the AT port is busy with another command"),
    "control": (Refused, _e.EINVAL, "command", "a command line can't hold control characters"),
    "no answer": (
        Error,
        _e.ETIMEDOUT,
        "command",
        "no answer; is the modem on, are RX, TX right?",
    ),
    "silent": (
        Error,
        _e.ETIMEDOUT,
        "modem",
        "it stopped answering; check its power, call modem.start()",
    ),
    "restarted": (Error, _e.ECONNRESET, "modem", "it restarted; call modem.start() again"),
    "transparent": (
        Error,
        _e.EALREADY,
        "modem",
        "it is in transparent mode, where only the pipe may use it; pipe.escape() first",
    ),
    "unread": (
        Error,
        _e.ETIMEDOUT,
        "modem",
        "a connection in push or transparent mode fills its buffer and holds the line; read it",
    ),
    "pushing": (
        Refused,
        _e.EALREADY,
        "modem",
        "a connection is in direct push mode; switch(False) or close() it first",
    ),
    "opening": (Error, _e.EALREADY, "switch", "the connection is not open yet"),
    "dropped": (
        Error,
        _e.EIO,
        "modem",
        "transparent mode ended in disorder, data may be lost; reconnect",
    ),
    "no escape": (
        Error,
        _e.ETIMEDOUT,
        "escape",
        "the modem is still in transparent mode; it goes on, call escape() again",
    ),
    "no resume": (
        Error,
        _e.ENOTCONN,
        "resume",
        "the modem has nothing to resume; read what is left, then connect again",
    ),
    "lost": (Error, _e.EIO, "command", "bytes were lost on the UART; RTS/CTS or larger rxbuf?"),
    # opening
    "sockets": (Refused, _e.EINVAL, "modem", "sockets must be 1 to 12"),
    "pdp": (Refused, _e.EINVAL, "modem", "pdp must be 1 to 20"),
    "id": (Refused, _e.EINVAL, "state", "id must be 0 to 11"),
    "unreadable": (Error, _e.EIO, "state", "the modem's answer can't be read; ask again"),
    "ctx busy": (
        Error,
        _e.EAGAIN,
        "tls",
        "another connection sets up or opens with this SSL context; use another ctx, 0 to 5",
    ),
    "port": (Refused, _e.EINVAL, "open", "port must be 1 to 65535"),
    "url": (Refused, _e.EINVAL, "open", "host must be a name or an IPv4 address, not a URL"),
    "ctx": (Refused, _e.EINVAL, "open", "ctx must be what modem.tls() returned"),
    "down": (
        Error,
        _e.ENOTCONN,
        "open",
        "the PDP context is not active; call modem.start(), for another one modem.activate()",
    ),
    "all used": (
        Error,
        _e.ENOBUFS,
        "open",
        "all sockets are in use; close one, or use Modem(sockets=n)",
    ),
    "unreleased": (Error, _e.ENOBUFS, "open", "closing sockets are not released by the modem"),
    "refused": (Error, _e.ECONNREFUSED, "open", "the connection was refused"),
    "open late": (Error, _e.ETIMEDOUT, "open", " did not answer in time; reachable from here?"),
    "network": (Error, _e.ENOTCONN, "network", "the PDP context was lost; call modem.start()"),
    # receiving
    "late": (Error, _e.ETIMEDOUT, "receive", "nothing came in time"),
    "middle": (Error, _e.ETIMEDOUT, "receive", "time-out in the middle of a read; reconnect"),
    "cut": (Error, _e.ETIMEDOUT, "receive", "the modem's answer did not come whole; reconnect"),
    "garbled": (Error, _e.EIO, "receive", "bytes were lost on the UART; RTS/CTS or larger rxbuf?"),
    "missed": (
        Error,
        _e.EIO,
        "receive",
        "pushed data may be lost, as the link had to find its way again; reconnect",
    ),
    "gone": (Error, _e.ENOTCONN, "receive", "the modem has no such connection; reconnect"),
    "security": (Error, _e.EIO, "tls", "encrypt, decrypt or verify error; reconnect"),
    # sending
    "full": (Error, _e.ETIMEDOUT, "send", "the modem's send buffer stays full"),
    "half": (Error, _e.ETIMEDOUT, "send", "time-out in the middle of a write; reconnect"),
    "unflushed": (Error, _e.ETIMEDOUT, "send", "not all was sent in time; it goes on"),
    "unasked": (
        Error,
        _e.ETIMEDOUT,
        "send",
        "no prompt came, nothing was sent; reconnect",
    ),
    "unknown": (DeliveryUnknown, _e.ETIMEDOUT, "send", "no SEND OK, delivery unknown; reconnect"),
    "reset": (Error, _e.ECONNRESET, "send", "the connection is closed; reconnect"),
    # qssl.compat
    "datagrams": (Refused, _e.EOPNOTSUPP, "socket", "TLS over TCP only, no datagrams"),
    "server": (Refused, _e.EOPNOTSUPP, "tls", "the modem can't be a server"),
    "foreign": (Refused, _e.EINVAL, "tls", "wrap_socket() takes a socket of qssl.compat"),
    "not here": (Refused, _e.EOPNOTSUPP, "tls", " can't be given here; modem.tls() sets it"),
    "connected": (Error, 106, "connect", "the socket is connected already"),  # EISCONN
    "wrapped": (Error, _e.EINVAL, "tls", "the socket is wrapped, used or closed already"),
    "unconnected": (Error, _e.ENOTCONN, "socket", "connect() comes first"),
    # qssl.aio
    "two tasks": (
        Error,
        _e.EALREADY,
        "asyncio",
        "another task reads or writes this socket already",
    ),
    "nonblocking": (Error, _e.EAGAIN, "send", "sendall needs a socket that blocks"),
    # closing
    "unsent": (Error, _e.ETIMEDOUT, "close", "not all was sent before closing"),
    "closed": (Error, _e.EBADF, "socket", "it is closed"),
    "close time": (Refused, _e.EINVAL, "close", "the time-out must be 0 to 65535 s"),
}

# AT+QIGETERROR and +QSSLOPEN: number -> text, hint.
_TCPIP = {
    550: ("unknown error", "try again; if it stays, restart the modem"),
    551: ("operation blocked", "another operation runs; try again"),
    552: ("invalid parameters", "a value is out of the firmware's range"),
    553: ("memory not enough", "close sockets, or restart the modem"),
    554: ("create socket failed", "close sockets, or restart the modem"),
    555: ("operation not supported", "the firmware lacks this function"),
    556: ("socket bind failed", "restart the PDP context: modem.start()"),
    557: ("socket listen failed", "restart the PDP context: modem.start()"),
    558: ("socket write failed", "the connection is dead; connect again"),
    559: ("socket read failed", "the connection is dead; connect again"),
    560: ("socket accept failed", "the connection is dead; connect again"),
    561: ("open PDP context failed", "check APN, user, password, SIM and coverage"),
    562: ("close PDP context failed", "restart the modem"),
    563: ("socket identity has been used", "the id is still open; close it first"),
    564: ("DNS busy", "try again in a moment"),
    565: ("DNS parse failed", "check the host name and the DNS server (AT+QIDNSCFG)"),
    566: (
        "socket connect failed",
        "check host, port and server; then TLS: version, RSA cipher suite, CA, certificate dates; "
        "modem.diagnose() looks into it",
    ),
    567: ("socket has been closed", "the server closed; connect again"),
    568: ("operation busy", "try again in a moment"),
    569: ("operation timeout", "the server or the network did not answer; check coverage"),
    570: ("PDP context broken down", "call modem.start() again"),
    571: ("cancel send", "the send was cancelled"),
    572: ("operation not allowed", "is the PDP context active? call modem.start() again"),
    573: ("APN not configured", "pass apn= to modem.start()"),
    574: ("port busy", "another AT port uses it"),
}

# +CME ERROR of the FILE commands.
_FILES = {
    400: "invalid input value",
    401: "larger than the file",
    402: "read zero byte",
    403: "drive full",
    405: "file not found",
    406: "invalid file name",
    407: "file already exists",
    409: "writing failed",
    410: "opening failed",
    411: "reading failed",
    413: "too many files open",
    414: "the file is read-only",
    416: "invalid file descriptor",
    417: "listing failed",
    418: "deleting failed",
    419: "no disk info",
    420: "no space",
    421: "time out",
    423: "file too large",
    425: "invalid parameter",
    426: "file already open",
}


def explain(code: int) -> str:
    # One sentence for a number of AT+QIGETERROR, +QSSLOPEN or a file's +CME ERROR.
    if code in _TCPIP:
        return "%s; %s" % _TCPIP[code]
    if code in _FILES:
        return _FILES[code]
    return "the modem refused without a reason" if code <= 0 else "error %d of the modem" % code
