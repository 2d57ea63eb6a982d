# qssl.ask.info - what modem, SIM and network say they are.
# SPDX-License-Identifier: MIT
#
# 27.007: AT+CGSN (5.4), AT+CGMM (5.2), AT+CGMR (5.3), AT+COPS (7.3), AT+CREG (7.2), AT+CGREG
# (10.1.20), AT+CEREG (10.1.22), AT+CSQ (8.5). Quectel's: AT+QCCID, AT+QGMR.

from ..connect.arguments import printable, text
from ..start.network import REGISTERED, stat
from ..wire import link as _l
from ..wire.ascii import value

# What differs: (the firmware's full name, the SIM's number, which registrations know the cell).
_UGXX = (b"AT+CGMR", b"AT+QCCID", (b"+CGREG", b"+CREG"))
_LTE = (b"AT+QGMR", b"AT+QCCID", (b"+CEREG", b"+CGREG", b"+CREG"))
_FAMILIES = {"ugxx": _UGXX}
_ACTS = "GSM GSM UMTS EDGE HSDPA HSUPA HSPA LTE LTE-M NB-IoT"


def info(modem) -> dict:
    """What modem, SIM and network say they are, each by a command of its own; see Modem.info().

    Returns: {"imei", "iccid", "model", "firmware", "operator", "cell", "technology", "signal"}.
    Raises: nothing.
    Blocks: 5 s a command at most, about ten of them.
    Allocates: the dict.
    Since: 0.2.
    """
    return modem.link.drive(steps(modem))


def steps(modem):
    # The same as a generator for Link.drive.
    firmware, card, names = _FAMILIES.get(modem.dialect, _LTE)
    found = {"imei": (yield from _bare(modem, b"AT+CGSN", b"+CGSN:"))}
    if not _digits(found["imei"], 14, 17):
        found["imei"] = None
    found["iccid"] = yield from _bare(modem, card, b"+QCCID:")
    if not _digits(found["iccid"], 18, 22, "ABCDEFabcdef"):
        found["iccid"] = None
    found["model"] = modem.model or (yield from _bare(modem, b"AT+CGMM", b"+CGMM:"))
    found["firmware"] = yield from _bare(modem, firmware, b"+QGMR:")
    if found["firmware"] is None and firmware != b"AT+CGMR":
        found["firmware"] = yield from _bare(modem, b"AT+CGMR", b"+CGMR:")
    act = -1
    found["operator"] = None
    # +COPS: <mode>[,<format>,<operator>[,<act>]]
    if (yield from modem.at.ask(b"AT+COPS?", b"+COPS:")) == _l.OK and modem.at.lines:
        line = modem.at.lines[0]
        found["operator"] = text(line, 0, len(line), 2) or None
        act = value(line, 0, len(line), 3)
    found["cell"], more = yield from _cell(modem, names)
    acts = _ACTS.split()
    act = more if more >= 0 else act
    found["technology"] = acts[act] if 0 <= act < len(acts) else None
    found["signal"] = None
    if (yield from modem.at.ask(b"AT+CSQ", b"+CSQ:")) == _l.OK and modem.at.lines:
        n = value(modem.at.lines[0], 0, len(modem.at.lines[0]), 0)
        if 0 <= n <= 31:
            found["signal"] = 2 * n - 113
    return found


def _bare(modem, command, prefix):
    # The answer to a command that prints one line, with its name before it or without.
    if (yield from modem.at.ask(command, b"")) != _l.OK:
        return None
    for line in modem.at.lines:
        if line.startswith(prefix):
            line = line[len(prefix) :]
        shown = printable(line, 0, len(line)).strip().strip('"')
        if shown and line[:1] != b"+":
            return shown
    return None


def _digits(shown, low, high, more=""):
    if shown is None or not low <= len(shown) <= high:
        return False
    for c in shown:
        if not "0" <= c <= "9" and c not in more:
            return False
    return True


def _cell(modem, names):
    # ("area-cell", <act> or -1) of the first registration that knows it. Only <n> = 2 shows them
    # everywhere; it is put back.
    for name in names:
        question = b"AT" + name + b"?"
        if (yield from modem.at.ask(question, name + b":")) != _l.OK or not modem.at.lines:
            continue
        line = modem.at.lines[0]
        if stat(line) not in REGISTERED:
            continue
        cell = _place(line)
        n = value(line, 0, len(line), 0)
        if cell is None and value(line, 0, len(line), 1) >= 0 and 0 <= n < 2:
            if (yield from modem.at.ask(b"AT%s=2" % name)) == _l.OK:
                if (yield from modem.at.ask(question, name + b":")) == _l.OK and modem.at.lines:
                    cell = _place(modem.at.lines[0])
                yield from modem.at.ask(b"AT%s=%d" % (name, n))
        if cell is not None:
            return cell
    return None, -1


def _place(line):
    # ("area-cell", <act>) of a line behind +CREG:; None: it has none. There may be a field more
    # in the midst.
    fields = line.split(b",")[2:]
    found = []
    act = -1
    for part in fields:
        bare = part.strip().strip(b'"')
        if len(bare) > 3 or (part.strip()[:1] == b'"' and found and bare):
            found.append(printable(bare, 0, len(bare)))
        elif bare.isdigit() and found and part.strip()[:1] != b'"':
            act = int(bare)
    if len(found) < 2:
        return None
    return "-".join(found[:2]), act
