# ugsim.model.commands.ssl - QSSLOPEN to QSSLSTATE (manual 2.2.2 to 2.2.6).
# SPDX-License-Identifier: MIT

from ugsim.model.commands import datamode, sslcfg, sslsocket
from ugsim.model.errors import ERROR, OK, Refused

_LAST = sslsocket.COUNT - 1
_SEND_MAX = 1460
_RECV_MAX = 1500
_HOST_MAX = 150  # no document gives the longest <serveraddr>


def _host(text):
    # A name or an address; quotes can't be in it, blanks and control characters may not.
    if not text:
        raise Refused
    for c in text:
        if ord(c) <= 32 or ord(c) == 127:
            raise Refused
    return text


def qsslopen(m, form, args):
    # Manual 2.2.2: AT+QSSLOPEN=<pdp>,<sslctx>,<client>,"<host>",<port>[,<mode>]
    if form == "test":
        m.out.info(m.family.open_test)
        return OK
    if form != "write":
        raise Refused
    args.count(5, 6)
    context = args.number(0, 1, m.family.contexts)
    ctx = args.number(1, 0, sslcfg.COUNT - 1)
    number = args.number(2, 0, _LAST)
    host = _host(args.string(3, longest=_HOST_MAX))
    if args.is_string(4) and m.sw["port_text"] == "ok":
        text = args.string(4)
        args.items[4] = text
    port = args.number(4, 1, 65535)
    mode = args.number(5, 0, 2, 0)
    if not m.pdp.all[context].active:
        raise Refused(570 if m.pdp.all[context].broken else 572)
    if m.sockets.slots[number] is not None:
        if mode != sslsocket.TRANSPARENT and m.faults.hit("open_busy") is not None:
            m.finish(OK, lambda: _opened(m, number, 563))
            return None
        raise Refused(563)
    fault = m.faults.hit("open_error")
    if fault is not None:
        raise Refused(fault.number("code"))
    s = sslsocket.Socket(number, context, ctx, host, port, mode)
    m.sockets.put(s)
    if mode == sslsocket.TRANSPARENT:
        s.opened = lambda error: _opened_transparent(m, s, error)
        m.sockets.start(s)
        return None
    s.opened = lambda error: _opened(m, number, error)
    if m.faults.hit("open_early") is not None:
        _opened(m, number, 0)
        s.opened = None
    m.finish(OK, lambda: m.sockets.start(s))
    return None


def _opened(m, number, error):
    if error and m.sw["geterror_after_urc"] == "code":
        m.last_error = error
    fault = m.faults.hit("open_other")
    if fault is not None:
        m.out.urc("+QSSLOPEN: %d,0" % fault.number("id"))
    text = "+QSSLOPEN: %d,%d" % (number, error)
    wait = m.faults.delay("open", text)
    if wait:
        m.timers.at(m.now + wait, lambda: m.out.tell("open", text))
    else:
        m.out.tell("open", text)


def _opened_transparent(m, s, error):
    if error:
        m.last_error = error
        m.finish(ERROR)
    else:
        datamode.connect(m, s)


def _socket(m, args, connected):
    # The socket that parameter 0 names; refused unless it is open (or, if asked, connected).
    s = m.sockets.slots[args.number(0, 0, _LAST)]
    if s is None or (connected and s.state != sslsocket.CONNECTED):
        raise Refused(567)
    return s


def qsslsend(m, form, args):
    # Manual 2.2.3: AT+QSSLSEND=<client>[,<length>]
    if form == "test":
        m.out.info("+QSSLSEND: (0-11)[,(1-1460)]")
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    length = args.number(1, 1, _SEND_MAX) if len(args) == 2 else 0
    s = _socket(m, args, True)
    if s.mode == sslsocket.TRANSPARENT:
        raise Refused(572)
    datamode.Entry(m, s, length).begin()
    return None


def qsslrecv(m, form, args):
    # Manual 2.2.4: AT+QSSLRECV=<client>,<length>
    if form == "test":
        m.out.info("+QSSLRECV: (0-11),(%d-1500)" % (0 if m.family.recv_zero else 1))
        return OK
    if form != "write":
        raise Refused
    args.count(2, 2)
    limit = args.number(1, 0 if m.family.recv_zero else 1, _RECV_MAX)
    s = _socket(m, args, False)
    if s.state < sslsocket.CONNECTED:
        raise Refused(567)
    if s.state == sslsocket.CLOSING and m.sw["closed_keeps_data"] == "error":
        raise Refused(567)
    if s.mode != sslsocket.BUFFER:
        raise Refused(572)
    fault = m.faults.hit("recv_error")
    if fault is not None:
        raise Refused(fault.number("code"))
    if m.sw["recv_max"]:
        limit = min(limit, m.sw["recv_max"])
    fault = m.faults.hit("recv_short")
    if fault is not None:
        limit = min(limit, fault.number("size"))
    data = m.sockets.read(s, limit)
    if not data:
        if s.state == sslsocket.CLOSING:
            fault = m.faults.hit("recv_end")
            if fault is not None:
                raise Refused(fault.number("code"))
        m.out.info("+QSSLRECV: 0")
        return OK
    fault = m.faults.hit("recv_nul")
    count = len(data)
    if fault is not None:
        data = data[: data.find(b"\0")] if b"\0" in data else data
        count = count if fault.text("count") == "told" else len(data)
    data = sslsocket.told(m, data)
    m.reply_counted("+QSSLRECV: %d" % count, data, m.sw["recv_trailer"] == "short")
    return None


def qsslclose(m, form, args):
    # Manual 2.2.5: AT+QSSLCLOSE=<client>[,<timeout in s>]
    if form == "test":
        m.out.info(m.family.close_test)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 1 if m.sw["close_timeout"] == "error" else 2)
    timeout = args.number(1, 0, 65535, 10)
    s = m.sockets.slots[args.number(0, 0, _LAST)]
    if s is None:
        if m.sw["close_free_id"] == "error":
            raise Refused(567)
        return OK
    if m.faults.hit("close_error") is not None:
        raise Refused(550)
    if not (len(args) > 1 and m.sslctx[s.ctx].get("closetimemode")):  # else it is milliseconds
        timeout *= 1000
    if m.qicfg["close/mode"]:
        m.finish(OK, lambda: m.sockets.close(s, timeout, lambda: _closed(m, s.number)))
    else:
        m.sockets.close(s, timeout, lambda: m.finish(OK))
    return None


def _closed(m, number):
    # The end of a close that was answered before (AT+QICFG="close/mode",1).
    m.timers.at(m.now + 20, lambda: m.out.urc("+QSSLCLOSE: %d" % number))


def qsslstate(m, form, args):
    # Manual 2.2.6: AT+QSSLSTATE[=<client>]. Nothing open: OK alone.
    if form == "test":
        return OK
    wanted = None
    if form == "write":
        args.count(1, 2)
        index = 0
        if len(args) == 2:
            if m.sw["state_style"] == "no":
                raise Refused
            args.number(0, 1, 1)
            index = 1
        wanted = args.number(index, 0, _LAST)
    prefix = "+QSSLSTATE" if m.sw["state_prefix"] == "qssl" else "+QISTATE"
    lags = m.faults.hit("state_lags") is not None
    for s in m.sockets.live:
        if wanted is not None and s.number != wanted:
            continue
        server = s.number if m.sw["state_server_id"] == "own" else 0
        state = s.former if lags else s.state
        m.out.info(
            '%s: %d,"%s","%s",%d,%d,%d,%d,%d,%d,"%s",%d'
            % (
                prefix,
                s.number,
                m.family.state_word,
                s.ip or s.host,
                s.port,
                s.local_port if m.family.local_port is None else m.family.local_port,
                state if m.family.states is None else m.family.states[state],
                s.pdp,
                server,
                s.mode,
                m.sw["at_port"],
                s.ctx,
            )
        )
    return OK


COMMANDS = {
    "+QSSLOPEN": qsslopen,
    "+QSSLSEND": qsslsend,
    "+QSSLRECV": qsslrecv,
    "+QSSLCLOSE": qsslclose,
    "+QSSLSTATE": qsslstate,
}
