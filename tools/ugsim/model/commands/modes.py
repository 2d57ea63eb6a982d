# ugsim.model.commands.modes - QISWTMD, ATO and DTR: in and out of the access modes (manual 1.3).
# SPDX-License-Identifier: MIT

from ugsim.model.commands import datamode, sslsocket
from ugsim.model.errors import OK, Refused


def qiswtmd(m, form, args):
    # AT+QISWTMD=<id>,<mode>: OK, for mode 2 CONNECT
    if form == "test":
        m.out.info("+QISWTMD: (0-11),(0-2)")
        return OK
    if form != "write":
        raise Refused
    args.count(2, 2)
    number = args.number(0, 0, sslsocket.COUNT - 1)
    mode = args.number(1, 0, 2)
    s = m.sockets.slots[number]
    if s is None or s.state != sslsocket.CONNECTED:
        raise Refused(567)
    if mode == sslsocket.TRANSPARENT:
        datamode.connect(m, s)
        return None
    m.sockets.set_mode(s, mode)
    m.event("mode", "socket %d: mode %d" % (number, mode))
    return OK


def ato(m, form, args):
    # ATO: the connection that left transparent mode last gets the port again, else NO CARRIER
    s = m.sockets.resumable
    if s is None or s.state != sslsocket.CONNECTED or m.faults.hit("ato_refused") is not None:
        return "NO CARRIER"
    datamode.connect(m, s)
    return None


def dtr_dropped(m):
    # DTR went from on to off. AT&D1: command mode, AT&D2: and the connection is dropped.
    s = m.sockets.owner
    if s is None or m.dtr_mode == 0:
        return
    leave = m.sockets.leave
    if m.dtr_mode == 1:
        leave(OK)
        return
    leave(OK if m.sw["dtr2_answer"] == "ok" else "NO CARRIER")
    m.sockets.free(s)


COMMANDS = {"+QISWTMD": qiswtmd}
BASIC = {"O": ato}
