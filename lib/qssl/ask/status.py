# qssl.ask.status - the modem's own view of its TLS connections: AT+QSSLSTATE (manual 2.2.6).
# SPDX-License-Identifier: MIT

from collections import namedtuple

from ..connect.arguments import text
from ..errors import error
from ..wire import link as _l
from ..wire.ascii import value
from ..wire.dialect import ID_MAX

# <socket_state> by number (2.2.6), <access_mode> by number (2.2.2)
STATES = "initial opening handshake connected listening closing"
_LTE = "initial opening connected listening closing"  # of LTE modems
MODES = "buffer push transparent"

# state and mode are words of these; ip is the server's address. A program has no use for
# server_id: the manual calls it reserved.
State = namedtuple(
    "State", "id type ip port local_port state pdp server_id mode at_port ctx".split()
)


def state(modem, id: int | None = None) -> list | tuple | None:
    """The connections as the modem sees them (AT+QSSLSTATE, manual 2.2.6).

    Returns: a list of State, ordered as the modem has it; with an id its State, or None if nothing
        is open there.
    Raises: qssl.Error if the modem does not answer or refuses it.
    Blocks: 5 s at most.
    Allocates: the list.
    Since: 0.1.
    """
    at = modem.at
    if id is None:
        result = at.run(b"AT+QSSLSTATE", b"")
    elif isinstance(id, int) and 0 <= id <= ID_MAX:
        result = at.run(b"AT+QSSLSTATE=%d" % id, b"")
        if result == _l.ERROR:  # some firmware takes one parameter for another: ask for all
            result = at.run(b"AT+QSSLSTATE", b"")
    else:
        raise error("id")
    if result != _l.OK:
        at.fail(result, "state", "the modem refused it")
    # Firmware was seen to answer with the prefix of AT+QISTATE.
    states = (_LTE if modem.link.lte else STATES).split()
    found = []
    for b in at.lines:
        if b.startswith(b"+QSSLSTATE:") or b[:9] == b"+QISTATE:":
            found.append(_parsed(b, states))
    if id is None:
        return found
    for one in found:
        if one.id == id:
            return one
    return None


def _parsed(line, states):
    n = len(line)
    at = line.find(b":") + 1
    v = [value(line, at, n, k) for k in range(11)]
    if min(v[0], v[3], v[4], v[5], v[6], v[8], v[10]) < 0:
        raise error("unreadable")
    for k in (1, 2, 9):
        v[k] = text(line, at, n, k)
    for k, words in ((5, states), (8, MODES.split())):
        v[k] = words[v[k]] if v[k] < len(words) else str(v[k])
    return State(*v)
