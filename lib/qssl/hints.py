# qssl.hints - the words of errors: what has happened, what to check. Loaded when one occurs.
# SPDX-License-Identifier: MIT
#
# Tables are text, which costs a third of the heap that dicts would; in pieces, as a heap that has
# been used for long may have no large one.

import errno

from micropython import const

from .errors import DeliveryUnknown, Error, Refused

# reason|errno|phase|hint. The reasons are what the driver keeps in its hot parts. errno: its name,
# nothing for ETIMEDOUT; "!" before it: the class is Refused, "?": DeliveryUnknown.
_PORT = const("""
busy||command|the AT port is busy with another command
no AT|!EINVAL|command|a command line begins with AT
control|!EINVAL|command|a command line can't hold control characters
no answer||command|no answer in time; if more time is no help: is the modem on, are RX, TX right?
silent||modem|it stopped answering; check its power, call modem.start()
restarted|ECONNRESET|modem|it restarted; call modem.start() again; if it does so whenever it \
transmits, check its supply (2 A)
transparent|EALREADY|modem|it is in transparent mode, where only the pipe may use it; \
pipe.escape() first, or, if it is being closed, try again in 3 s
asleep|EALREADY|modem|it sleeps; modem.wake() first
off|ENOTCONN|modem|it was switched off; call modem.start(), then connect again
unread||modem|a connection in push or transparent mode fills its buffer and holds the line; read it
pushing|!EALREADY|modem|a connection is in direct push mode; switch(False) or close() it first
opening|EALREADY|switch|the connection is not open yet
dropped|EIO|modem|transparent mode ended in disorder, data may be lost; reconnect
no escape||escape|the modem is still in transparent mode; it goes on, call escape() again
no resume|ENOTCONN|resume|the modem has nothing to resume; read what is left, then connect again
lost|EIO|command|bytes were lost on the UART; RTS/CTS or larger rxbuf?
too long|EIO|command|a line of the answer is longer than 256 bytes and was not kept; ask for less \
at once
data|EIO|command|the modem takes or gives data now, not commands, which command() is not \
for; it is called back, data may be lost
misheard|EIO|modem|it understood another command than was typed, as bytes were lost or changed \
on the UART; check TX, level and baud rate; reconnect
""")
_OPEN = const("""
sockets|!EINVAL|modem|sockets must be 1 to 12
pdp|!EINVAL|modem|pdp must be 1 to 20
timeout|!EINVAL|modem|timeout_ms must be 1 to 536870911 ms
id|!EINVAL|state|id must be 0 to 11
strays|!EINVAL|modem|size must be 64 or more
trace|!EINVAL|modem|size must be 256 to 65000
unreadable|EIO|state|the answer can't be read; ask again
ctx busy|EAGAIN|tls|another connection sets up or opens with this SSL context; use another ctx, \
0 to 5
not kept|EACCES|tls|the modem did not keep this setting; no connection is made, restart it
ctx lost|EAGAIN|tls|the modem forgot the settings of the SSL context while the connection opened, \
as an older one ended late; nothing was sent, connect again
port|!EINVAL|open|port must be a number, 1 to 65535
url|!EINVAL|open|host must be a name or an IPv4 address alone: no URL, no port in it
ctx|!EINVAL|open|ctx must be what modem.tls() returned
down|ENOTCONN|open|the PDP context is not active; call modem.start(), for another one \
modem.activate()
all used|ENOBUFS|open|all sockets are in use, as is one that was dropped without close(); close \
it, or use Modem(sockets=n)
closing|EAGAIN|open|an older connection is being closed, for 12 s at most; call open() again
ctx held|ENOBUFS|open|closing sockets of this SSL context are not released by the modem; use \
another ctx, 0 to 5, or restart it
unreleased|ENOBUFS|open|closing sockets are not released by the modem; wait, or restart it
refused|ECONNREFUSED|open|the connection was refused; modem.diagnose() looks into it
open late||open|did not answer in time; was that too short, is it reachable from here?
network|ENOTCONN|network|the PDP context was lost; call modem.start()
urc|EIO|open|it is open, but no URC said so: one was lost, or they go to another port \
(AT+QCFG="urc/port", AT+QURCCFG); connect again
""")
_DATA = const("""
late||receive|nothing came in time
middle||receive|time-out or interrupt in the middle of a read; reconnect
memory|ENOMEM|receive|no memory was left for what had come, some of it is lost; reconnect
unanswered||receive|the modem did not answer AT+QSSLRECV; reconnect
cut||receive|the modem's answer did not come whole; reconnect
garbled|EIO|receive|bytes were lost on the UART (RTS/CTS or larger rxbuf?); reconnect
stray|EIO|receive|a line came that may be the head of pushed data, damaged on the UART; reconnect
too much|EIO|receive|the length of pushed data was damaged on the UART, or is more than 1500 \
bytes, which buffer mode is for; reconnect
missed|EIO|receive|pushed data may be lost, as the link had to find its way again; reconnect
broken|?|modem|interrupted (Ctrl-C), delivery unknown; reconnect
gone|ENOTCONN|receive|the modem has no such connection; reconnect
security|EIO|tls|encrypt, decrypt or verify error; reconnect
full||send|the modem's send buffer stays full
half||send|time-out or interrupt in the middle of a write; reconnect
unflushed||send|not all was sent in time; it goes on
unasked||send|no prompt came, nothing was sent; reconnect
unknown|?|send|no SEND OK, delivery unknown; reconnect
unproven|?|send|the modem took other bytes than were written, as one was added on the UART, or \
gave two answers; delivery unknown; reconnect
reset|ECONNRESET|send|the connection is closed; reconnect
""")
_REST = const("""
datagrams|!EOPNOTSUPP|socket|TLS over TCP only, no datagrams
server|!EOPNOTSUPP|tls|the modem can't be a server
foreign|!EINVAL|tls|wrap_socket() takes a socket of qssl.compat
not here|!EOPNOTSUPP|tls| can't be given here; modem.tls() sets it
no sni|!EOPNOTSUPP|tls|this modem can't tell the server which name is meant (no sni in its \
AT+QSSLCFG); leave sni=True out, and let the server do without
no check|!EOPNOTSUPP|tls|this modem can't check the name in the server's certificate (no \
checkhost in its AT+QSSLCFG); leave check_host=True out, and give a CA of your own, which signs \
nobody else's
no pdp|!EINVAL|modem| PDP contexts are all that this modem has; give a lower pdp
host name|!EOPNOTSUPP|tls|the modem can't check the name in the server's certificate; leave \
check_hostname alone and load a CA of your own, which signs nobody else's
no room|!ENOMEM|tls|free; delete files there (qssl.files)
too large|!ENOMEM|tls|in all, so it can never fit; give the one CA that signs your server
damaged|EIO|tls|the upload was damaged on the UART; use RTS/CTS
unlisted|EIO|tls|the file went up whole, but AT+QFLST does not show it so; restart the modem
replaced|EIO|tls|the file was changed while it went up; connect again
second ca|!EOPNOTSUPP|tls|this context has a CA; give both in one file, or bytes, or make another
no ctx|ENOBUFS|tls|the six SSL contexts of the modem are all in use; close a connection, or let \
clients load the same CA
connected|EISCONN|connect|the socket is connected already
wrapped|EINVAL|tls|the socket is wrapped, used or closed already
unconnected|ENOTCONN|socket|connect() comes first
taken|ECONNABORTED|socket|it was not used, and another connection needed its place; reconnect, \
or use Modem(sockets=n)
two tasks|EALREADY|asyncio|another task reads or writes this socket already
nonblocking|EAGAIN|send|sendall needs a socket that blocks
unsent||close|not all was sent before closing
closed|EBADF|socket|it is closed
seconds|!EINVAL|socket|a time-out is 0 s or more; None: for ever
amounts|!EINVAL|uplink|batch, size, rejects and times must be above 0
close time|!EINVAL|close|the time-out must be 0 to 65535 s
""")
_CONNECT = const(16)  # results, as in qssl.wire.exchange
_TIMEOUT = const(64)
_RESTARTED = const(256)
_MISHEARD = const(512)
REASONS = (_PORT, _OPEN, _DATA, _REST)


def _find(tables, key):
    # What stands behind "key|" in one of the tables; "" if it is in none.
    key = "\n%s|" % key
    for table in tables:
        at = table.find(key)
        if at >= 0:
            at += len(key)
            return table[at : table.find("\n", at)]
    return ""


def error(reason: str, code: int, detail: str) -> Error:
    # The error for a reason, see qssl.errors.
    number, phase, hint = _find(REASONS, reason).split("|")
    kind = {"!": Refused, "?": DeliveryUnknown}.get(number[:1], Error)
    number = getattr(errno, number.lstrip("!?") or "ETIMEDOUT", 106)  # no port has EISCONN
    return kind(number, phase, detail + hint, code)


def _ended(result):
    # The reason for how a command ended, other than with OK or ERROR.
    if result == _TIMEOUT:
        return "no answer"
    if result == _RESTARTED:
        return "restarted"
    if result == _MISHEARD:
        return "misheard"
    return "data" if result == _CONNECT else "lost"


def explain(code: int) -> str:
    """One sentence for a number of AT+QIGETERROR, +QSSLOPEN or a file's +CME ERROR.

    Returns: str.
    Raises: nothing.
    Blocks: no.
    Allocates: the text.
    Since: 0.1.
    """
    from .ask.codes import NETWORK, TABLES

    if not isinstance(code, int) or code <= 0:
        return "the modem refused without a reason"
    # Of the last, without its advice, which is for a PDP context.
    return (
        _find(TABLES, code)
        or _find(NETWORK, code).split(";")[0]
        or "error %d, which no public document of the modem explains; try again, then restart it"
        % code
    )
