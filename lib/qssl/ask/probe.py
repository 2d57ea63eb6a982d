# qssl.ask.probe - what this firmware has, by its test commands (AT+...=?, manual 2.1).
# SPDX-License-Identifier: MIT

import errno

from micropython import const

from ..errors import Refused
from ..wire import link as _l

_COMMANDS = (
    "QSSLCFG QSSLOPEN QSSLSEND QSSLRECV QSSLCLOSE QSSLSTATE QISWTMD QICSGP QIACT QIDEACT QIDNSCFG "
    "QIDNSGIP QILOCIP QIGETERROR QFUPL QFDWL QFLST QFDEL QFLDS CCLK"
)
_LIST_MS = const(15000)  # more than 1000 bytes, at 1200 baud
_CUT = b"..."  # in the place of lines that were too long


def probe(modem) -> dict:
    """Asks the firmware what it has, by test commands (manual 2.1).

    Kept as modem.caps: from now on a TLS context with a setting that is not there is refused.

    Returns: {command: what it answers, a list of bytes; None: the firmware lacks it}.
    Raises: nothing.
    Blocks: 15 s a command at most.
    Allocates: the dictionary.
    Since: 0.1.
    """
    caps = {}
    for name in _COMMANDS.split():
        result = modem.at.run(b"AT+%s=?" % name.encode(), b"+%s:" % name.encode(), _LIST_MS)
        if result not in (_l.OK, _l.ERROR):
            modem.at.fail(result, "probe", "")
        lines = modem.at.lines
        if modem.at.cut:
            lines.append(_CUT)
        caps[name] = lines if result == _l.OK else None
    modem.caps = caps
    return caps


def check(caps, ctx, settings):
    # Refuses the settings (key, value) of SSL context ctx that the firmware does not list. One
    # that lists nothing can't be judged.
    lines = caps.get("QSSLCFG")
    if lines is None:
        raise Refused(errno.EINVAL, "tls", "this firmware has no TLS (AT+QSSLCFG)")
    for key, val in settings:
        mine = [b for b in lines if b.strip().startswith(b'"%s",' % key)]
        # '"seclevel",(0-5),(0-2)': the contexts, then the values
        _, _, rest = (mine[0] if mine else b"").partition(b",")
        ids, _, values = rest.partition(b"),")
        if not mine and _CUT in lines:
            continue  # the list of suites may be longer than a line may be
        if lines and not (mine and listed(ids, b"%d" % ctx) and listed(values, val)):
            raise Refused(
                errno.EINVAL,
                "tls",
                "this firmware has no %s=%s in context %d; it lists %s"
                % (key.decode(), val.decode(), ctx, rest.decode() or "no " + key.decode()),
            )


def listed(text, val):
    # Whether val is in a list as b'(0-4)', b'(0,1)', b'("0X0035","0XFFFF")'; True for all that is
    # no list.
    text = text.replace(b" ", b"")
    if not text.startswith(b"("):
        return True
    val = val.replace(b'"', b"").upper()
    for item in text.strip(b"()").replace(b'"', b"").upper().split(b","):
        low, dash, high = item.partition(b"-")
        if item == val:
            return True
        if dash and val.isdigit() and low.isdigit() and high.isdigit():
            if int(low) <= int(val) <= int(high):
                return True
    return False
