# qlearn.opening - how connections open, fail and end, and what an SSL context keeps.
# SPDX-License-Identifier: MIT

import re

from qlearn.bench import CTX, FIRST, PDP, TRAILERS, Odd, Unasked
from qlearn.plain import setting

_OPEN = (("sslversion", "3"), ("ciphersuite", "0XFFFF"), ("seclevel", "0"))


def fresh(bench):
    # The SSL context as a program sets it, without authentication; put back in the end.
    for key, value in _OPEN:
        old = setting(bench, key)
        bench.talk.undo(_setting(key, old))
        _set(bench, key, value)


def again(bench):
    # The same once more, where the modem has forgotten it.
    for key, value in _OPEN:
        _set(bench, key, value)


def _setting(key, value):
    # The commands that set it, in the order in which they are tried: some take no quotes.
    bare = 'AT+QSSLCFG="%s",%d,%s' % (key, CTX, value.strip('"'))
    if key != "ciphersuite":
        return bare
    return 'AT+QSSLCFG="%s",%d,"%s"' % (key, CTX, value.strip('"')), bare


def _set(bench, key, value):
    commands = _setting(key, value)
    if isinstance(commands, str):
        bench.want(commands)
    elif not bench.talk.ask(commands[0]).ok:
        bench.want(commands[1])


def first(bench):
    # One connection: does it work at all, and what does AT+QSSLSTATE say of it.
    bench.opened()
    bench.state(FIRST, "while connected")
    line = bench.want("AT+QSSLSTATE=%d" % FIRST).lines
    fields = re.fullmatch(r"(\+Q\w+STATE|\+QISTATE): ?(.*)", line[0] if line else "")
    if not fields:
        for name in ("state_prefix", "state_server_id", "at_port"):
            bench.odd(name, "AT+QSSLSTATE answers %s" % line)
    else:
        table = {"+QSSLSTATE": "qssl", "+QISTATE": "qi"}
        if fields[1] in table:
            bench.settle("state_prefix", table[fields[1]])
        values = [value.strip().strip('"') for value in fields[2].split(",")]
        if len(values) == 11:
            if values[7] == str(FIRST):
                bench.settle("state_server_id", "own")
            elif values[7] == "0":
                bench.settle("state_server_id", "zero")
            if values[9] in ("usbmodem", "usbat", "uart1"):
                bench.settle("at_port", values[9])
            else:
                bench.odd("at_port", "it is called %s" % values[9])
    seen = bench.talk.seen()
    bench.tell(FIRST, "send:10")
    if not bench.awaited(since=seen):
        bench.close(FIRST)
        raise Unasked("no data came from the server: does it run learn.py serve?")
    bench.begin()
    try:
        data, behind = bench.largest(FIRST)
        if data:
            bench.works = True
            if behind in TRAILERS:
                bench.settle("recv_trailer", TRAILERS[behind])
            else:
                bench.odd("recv_trailer", "behind the data stands %r" % behind)
    finally:
        bench.close(FIRST)


def release(bench):
    # Whether an SSL context keeps its settings once its last connection is closed.
    bench.need_connections()
    old = setting(bench, "negotiatetime")
    undo = bench.talk.undo('AT+QSSLCFG="negotiatetime",%d,%s' % (CTX, old))
    bench.want('AT+QSSLCFG="negotiatetime",%d,77' % CTX)
    bench.opened()
    bench.close(FIRST)
    now = setting(bench, "negotiatetime")
    if now == "77":
        bench.settle("context_release", "kept")
    elif now == "300":
        bench.settle("context_release", "reset")
        again(bench)
    else:
        bench.odd("context_release", "77 s have become %s" % now)
    if bench.talk.ask(undo).ok:
        bench.talk.done(undo)


def failed(bench):
    # Authentication without a CA fails before anything is sent.
    bench.want('AT+QSSLCFG="seclevel",%d,1' % CTX)
    old = setting(bench, "cacert").strip('"')
    undo = bench.talk.undo('AT+QSSLCFG="cacert",%d,"%s"' % (CTX, old))
    try:
        bench.want('AT+QSSLCFG="cacert",%d,""' % CTX)
        error = bench.connect(FIRST)
        if error is None:
            raise Unasked("nothing tells how the opening ended")
        if not error:
            raise Unasked("it connects without the CA that it was told to check")
        if error == 563:
            raise Unasked("the id is in use already (563)")
        if error < 500:
            raise Unasked("there is no error number in +QSSLOPEN")
        code = bench.last_error()
        if code == 0:
            bench.settle("geterror_after_urc", "zero")
        elif code == error:
            bench.settle("geterror_after_urc", "code")
        else:
            bench.odd("geterror_after_urc", "%d after %d" % (code, error))
        bench.state(FIRST, "when it could not be opened")
        seen = bench.talk.seen()
        answer = bench.talk.ask(
            'AT+QSSLOPEN=%d,%d,%d,"%s",%d,0' % (PDP, CTX, FIRST, *bench.options.server), 150000
        )
        if answer.ok:
            start = "+QSSLOPEN: %d," % FIRST
            text = answer.field(start)
            if text is None:
                text = bench.talk.urc(start, 150000, seen)
            if text is None:
                raise Unasked("the same id was taken again, and nothing tells what came of it")
            if text.endswith("563"):
                raise Odd("the same id is taken again, and then refused (563)")
            bench.settle("failed_open_claims", "no")
        elif answer.error and bench.last_error() == 563:
            bench.settle("failed_open_claims", "yes")
    finally:
        bench.close(FIRST)
        bench.want('AT+QSSLCFG="seclevel",%d,0' % CTX)
        if bench.talk.ask(undo).ok:
            bench.talk.done(undo)


def quoted_port(bench):
    bench.need_connections()
    error = bench.connect(FIRST, quoted=True)
    bench.close(FIRST)
    bench.choose("port_text", error, {0: "ok", 552: "error"})


def broken(bench):
    bench.need_connections()
    bench.opened()
    seen = bench.talk.seen()
    try:
        bench.tell(FIRST, "wait:500", "break")
        if not bench.talk.urc('+QSSLURC: "security",%d' % FIRST, 10000, seen):
            raise Unasked('there is no "security" for a record that no key fits')
        told = bench.ended(FIRST, 4000, seen)
        bench.settle("security_then_closed", "yes" if told else "no")
    finally:
        bench.close(FIRST)
