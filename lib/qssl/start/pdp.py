# qssl.start.pdp - PDP contexts beside the one of start(), and the way out (manual 1.2, steps 2, 6,
# 7).
# SPDX-License-Identifier: MIT

from micropython import const

from ..connect.arguments import text
from ..errors import Error
from ..wire import link as _l
from ..wire.ascii import field, value
from ..wire.dialect import DEACT_MS

_LOCIP_MS = const(2000)
_DEACT_MS = const(10000)  # then it is asked whether it has worked


def activate(
    modem,
    pdp: int,
    apn: str,
    user: str = "",
    password: str = "",
    auth: int = 0,
    timeout_ms: int = 150000,
) -> str:
    """Configures and activates PDP context `pdp` (1..20) and returns its IP address, a str. The
    modem must be started. Settings other than those it is active with restart it: its
    connections fail. Most modems have at most three contexts active.

    Returns: the IP address.
    Raises: qssl.Error with the modem's reason; qssl.Refused for arguments.
    Blocks: timeout_ms at most, 150 s.
    Allocates: little.
    Since: 0.1.
    """
    _check(modem, pdp)
    from .context import settings

    setting = settings(apn, user, password, auth)
    address = modem.at.within(timeout_ms, _activating(modem, timeout_ms, pdp, setting))
    if pdp == modem.pdp:
        modem.address = address
        modem.up = True
    elif pdp not in modem.pdps:
        modem.pdps.append(pdp)
    return address


def _activating(modem, timeout_ms, pdp, setting):
    from .bringup import Bringup

    step = Bringup(modem, timeout_ms, pdp)
    try:
        if modem.link.lte:
            from ..family.attach import activate

            yield from activate(step, *setting)
        else:
            yield from step.activate(*setting)
    except Error as e:
        raise step.ends().failed(step, e)
    return step.address


def deactivate(modem, pdp: int | None = None) -> None:
    """AT+QIDEACT: every connection of the context fails from now on. Of one that is not active: no
    error.

    Returns: None.
    Raises: qssl.Error if the modem refuses it.
    Blocks: 40 s at most.
    Allocates: little.
    Since: 0.1.
    """
    pdp = pdp or modem.pdp
    _check(modem, pdp)
    result = modem.at.run(b"AT+QIDEACT=%d" % pdp, None, _DEACT_MS)
    if result != _l.OK:
        code = modem.last_error() if result == _l.ERROR else 0
        # Its answer may be lost, or take longer.
        if result == _l.RESTARTED or pdp in active(modem, DEACT_MS - _DEACT_MS):
            from ..hints import explain

            modem.at.fail(result, "stop", explain(code), code)
    modem.lose(pdp)


def stop(modem) -> None:
    # Steps 6 and 7 of manual 1.2: closes every socket, which sends what was written, then
    # deactivates every PDP context. All of it is tried; then the first error is raised.
    failure = None
    steps = [sock.close for sock in modem.sockets if sock is not None]
    for pdp in [modem.pdp] + modem.pdps:
        steps.append(lambda n=pdp: deactivate(modem, n))
    for step in steps:
        try:
            step()
        except OSError as e:
            failure = failure or e
    if failure:
        raise failure


def active(modem, timeout_ms: int = 150000) -> dict:
    """{context: IP address} of the active PDP contexts (AT+QIACT?, manual 3.1.2).

    Returns: {context: IP address}.
    Raises: qssl.Error if the modem does not answer or refuses it.
    Blocks: timeout_ms at most, 150 s.
    Allocates: the dictionary.
    Since: 0.1.
    """
    found = {}
    for line in modem.at.need(b"AT+QIACT?", "pdp", "the modem refused it", b"+QIACT:", timeout_ms):
        n = len(line)
        if value(line, 0, n, 1) == 1:
            found[value(line, 0, n, 0)] = text(line, field(line, 0, n, 3), n, 0)
    return found


def ip(modem, pdp: int | None = None) -> str | None:
    # The IP address of a PDP context, a str; None if it is not active. Of the one of start() as
    # AT+QILOCIP tells it (manual 1.2, step 2); where the firmware doesn't, and for others, from
    # AT+QIACT?.
    if pdp is None and not modem.pdps:
        # Some firmware gives the bare address and no OK: then only the time-out ends the command.
        modem.at.run(b"AT+QILOCIP", b"", _LOCIP_MS)
        for line in modem.at.lines:
            if dotted(line):
                return line.decode()
    return active(modem).get(pdp or modem.pdp)


def dotted(b):
    # True for the bytes of an IPv4 address.
    parts = b.split(b".")
    return len(parts) == 4 and all(p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts)


def _check(modem, pdp):
    from ..family.contexts import within

    within(modem, pdp)
