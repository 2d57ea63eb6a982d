# ugsim.model.commands.lte - commands that LTE modules have and UGxx has not.
# SPDX-License-Identifier: MIT

from ugsim.model.commands import qicfg
from ugsim.model.commands.radio import registration
from ugsim.model.errors import GENERAL, OK, TCPIP, Refused

# 24.008 10.5.5.32: ms of an eDRX cycle, by its four bits; those of other bits are the third.
_CYCLES = {
    "0000": 5120,
    "0001": 10240,
    "0010": 20480,
    "0011": 40960,
    "0100": 61440,
    "0101": 81920,
    "1001": 163840,
    "1010": 327680,
    "1011": 655360,
    "1100": 1310720,
    "1101": 2621440,
    "1110": 5242880,
    "1111": 10485760,
}
_WINDOW_MS = 5120  # of each cycle, in which the modem can be reached
_AWAKE_MS = 10000  # after traffic
_T3324_S = (2, 60, 360, 60, 60, 60, 60, 0)  # 24.008 10.5.7.4: seconds of a unit, 0 deactivated
_T3412_S = (600, 3600, 36000, 2, 30, 60, 1152000, 0)  # 24.008 10.5.7.4a


def qurccfg(m, form, args):
    # AT+QURCCFG="urcport"[,"<port>"]: kept at once, also over a restart
    if form == "test":
        ports = ",".join(['"%s"' % name for name in m.family.ports])
        m.out.info('+QURCCFG: "urcport",(%s)' % ports)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    if args.string(0).lower() != "urcport":
        raise Refused
    if len(args) == 1:
        m.out.info('+QURCCFG: "urcport","%s"' % m.kept.get("urcport", m.sw["at_port"]))
        return OK
    port = args.string(1).lower()
    if port not in m.family.ports:
        raise Refused
    m.kept["urcport"] = port
    return OK


def cgact(m, form, args):
    # AT+CGACT (27.007 10.1.10): which contexts the network has
    if form == "test":
        m.out.info("+CGACT: (0,1)")
        return OK
    if form == "read":
        for c in m.pdp.all[1:]:
            if c.configured or c.active or c.number in (1, m.pdp.drift):
                up = c.active or c.number == m.pdp.drift
                m.out.info("+CGACT: %d,%d" % (c.number, 1 if up else 0))
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    up = args.number(0, 0, 1)
    c = m.pdp.all[args.number(1, 1, m.family.contexts)]
    if up:
        if not m.radio.up() or m.pdp.drift:
            raise Refused(30)
        if not c.active:
            m.pdp.activated(c)
    elif c.number == m.pdp.drift:
        m.pdp.settled()
    elif c.active or c.broken:
        m.sockets.context_closed(c.number)
        m.pdp.deactivated(c)
    return OK


def _seconds(text, units):
    # The time of a timer in the bits of 24.008, or 0.
    if len(text) != 8 or [c for c in text if c not in "01"]:
        raise Refused
    return int(text[3:], 2) * units[int(text[:3], 2)]


def cpsms(m, form, args):
    # AT+CPSMS=<mode>[,,,"<T3412>"[,"<T3324>"]] (27.007 7.38): kept over a restart
    saved = m.kept.get("psm", (0, "", ""))
    if form == "test":
        m.out.info("+CPSMS: (0-2),,,(00000000-11111111),(00000000-11111111)")
        return OK
    if form == "read":
        m.out.info('+CPSMS: %d,,,"%s","%s"' % saved)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 5)
    mode = args.number(0, 0, 2)
    tau = args.string(3, saved[1])
    active = args.string(4, saved[2])
    for text, units in ((tau, _T3412_S), (active, _T3324_S)):
        if text:
            _seconds(text, units)
    m.kept["psm"] = (1, tau, active) if mode == 1 else (0, "", "")
    m.power.rest()
    return OK


def psm_times(m):
    # (seconds without traffic until it sleeps, seconds until it wakes by itself, 0: never); None:
    # it does not sleep.
    mode, tau, active = m.kept.get("psm", (0, "", ""))
    if not mode or not active or m.sw["psm"] == "refused":
        return None
    return _seconds(active, _T3324_S), _seconds(tau, _T3412_S) if tau else 0


def reached_at(m, active_ms):
    # With eDRX: when the network can next reach the modem, whose last traffic was then; 0: now.
    cycle = m.kept.get("edrx")
    if not cycle or m.sw["edrx"] == "refused" or m.now - active_ms < _AWAKE_MS:
        return 0
    ms = _CYCLES.get(cycle, 20480)
    into = m.now % ms
    return 0 if into < _WINDOW_MS else m.now - into + ms


def cedrxs(m, form, args):
    # AT+CEDRXS=<mode>[,<act>[,"<cycle>"]] (27.007 7.40): may be refused without a word
    act = 5 if m.family.act == 9 else 4
    if form == "test":
        m.out.info('+CEDRXS: (0-3),(4,5),("0000"-"1111")')
        return OK
    if form == "read":
        if m.kept.get("edrx"):
            m.out.info('+CEDRXS: %d,"%s"' % (act, m.kept["edrx"]))
        return OK
    if form != "write":
        raise Refused
    args.count(1, 3)
    mode = args.number(0, 0, 3)
    args.number(1, 4, 5, act)
    cycle = args.string(2, "0010", 4)
    if len(cycle) != 4 or [c for c in cycle if c not in "01"]:
        raise Refused
    m.kept["edrx"] = cycle if mode in (1, 2) else ""
    return OK


def cedrxrdp(m, form, args):
    # AT+CEDRXRDP (27.007 7.41): the cycle asked for and the one that the network gives
    if form == "test":
        return OK
    if form != "exec":
        raise Refused
    asked = m.kept.get("edrx")
    if not asked or m.sw["edrx"] == "refused":
        m.out.info("+CEDRXRDP: 0")
    else:
        act = 5 if m.family.act == 9 else 4
        m.out.info('+CEDRXRDP: %d,"%s","%s","0011"' % (act, asked, asked))
    return OK


def add(table, family):
    # Puts them into a table of commands.
    table["+QURCCFG"] = (qurccfg, TCPIP)
    table["+QICFG"] = (qicfg.qicfg, TCPIP)
    table["+CGACT"] = (cgact, GENERAL)
    table["+CEREG"] = (registration("CEREG"), GENERAL)
    if family.psm:
        table["+CPSMS"] = (cpsms, GENERAL)
        table["+CEDRXS"] = (cedrxs, GENERAL)
        table["+CEDRXRDP"] = (cedrxrdp, GENERAL)
    return table
