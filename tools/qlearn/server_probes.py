# qlearn.server_probes - what connections tell: needs a server that runs `learn.py serve`.
# SPDX-License-Identifier: MIT

import re

from qlearn import script
from qlearn.bench import CTX, FIRST, PDP, SECOND, TRAILERS, Odd, Unasked
from qlearn.plain import setting
from qlearn.talk import without_urcs

_CTRL_Z = b"\x1a"
_ESC = b"\x1b"


def fresh(bench):
    # The SSL context as a program sets it, without authentication; put back in the end.
    for key, value in _OPEN:
        old = setting(bench, key)
        bench.talk.undo(_setting(key, old))
        _set(bench, key, value)


_OPEN = (("sslversion", "3"), ("ciphersuite", "0XFFFF"), ("seclevel", "0"))


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


def _awaited(bench, number=FIRST, ms=10000, since=0):
    return bench.talk.urc('+QSSLURC: "recv",%d' % number, ms, since)


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
    if not _awaited(bench, since=seen):
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


def _need(bench):
    if not bench.works and bench.value("recv_trailer") is None:
        found = bench.results.get("recv_trailer")
        raise Unasked(found.text if found else "the connection to the server does not work")


def buffered(bench):
    # How much surely waits in the modem: all that can be read behind the server's end.
    bench.opened()
    seen = bench.talk.seen()
    try:
        bench.tell(FIRST, "send:%d" % _BURST, "wait:3000", "close")
        if not bench.ended(FIRST, 15000, seen):
            return 0
        return len(bench.drain(FIRST))
    finally:
        bench.close(FIRST)


_BURST = 3200


def largest_read(bench):
    _need(bench)
    if bench.most < 1500:
        raise Odd("AT+QSSLRECV takes %d bytes, and refuses more" % bench.most)
    bench.opened()
    bench.tell(FIRST, "send:%d" % _BURST)
    bench.talk.rest(4000)
    counts = []
    for _ in range(2):
        data, _ = bench.recv(FIRST)
        counts.append(len(data or b""))
    bench.close(FIRST)
    bench.measured["buffered_at_least"] = buffered(bench)
    if counts[0] == 1500:
        bench.settle("recv_max", 0)
    elif not counts[0] or len(set(counts)) > 1:
        raise Unasked("reads of different sizes: %s" % counts)
    elif bench.measured["buffered_at_least"] > counts[0]:
        bench.settle("recv_max", counts[0])
    else:
        raise Unasked("reads of %d bytes: what it buffers may be no more" % counts[0])


def rearm(bench):
    # When is "recv" told again?
    _need(bench)
    bench.opened()
    talk = bench.talk
    try:
        seen = talk.seen()
        bench.tell(FIRST, "send:20", "wait:2500", "send:20")
        text = _awaited(bench, since=seen)
        if not text:
            raise Unasked('there was no "recv"')
        if text != '+QSSLURC: "recv",%d' % FIRST:
            raise Odd("data are told as %s" % text)
        talk.hear(1000)
        if len(_recvs(bench, seen)) > 1:
            raise Odd('"recv" comes %d times for the same data' % len(_recvs(bench, seen)))
        seen = talk.seen()
        if _awaited(bench, ms=4500, since=seen):
            bench.settle("recv_rearm", "always")
            return
        got = 0
        while got < 40:
            data, _ = bench.recv(FIRST, min(bench.most, 1500 if got else 10))
            if not data:
                raise Unasked("40 bytes were sent, and %d came" % got)
            if not got:
                talk.hear(1500)
                if _recvs(bench, seen):
                    raise Odd('"recv" comes again when a read leaves data')
            got += len(data)
        seen = talk.seen()
        bench.tell(FIRST, "send:20")
        if _awaited(bench, ms=6000, since=seen):
            bench.settle("recv_rearm", "empty")
            return
        if bench.drain(FIRST) != b"abcdefghijklmnopqrst":
            raise Unasked("data were lost")
        seen = talk.seen()
        bench.tell(FIRST, "send:20")
        if not _awaited(bench, ms=10000, since=seen):
            raise Odd('"recv" does not come again')
        bench.settle("recv_rearm", "zero")
    finally:
        bench.close(FIRST)


def _recvs(bench, since):
    start = '+QSSLURC: "recv",%d' % FIRST
    return [text for _, text in bench.talk.urcs[since:] if text.startswith(start)]


def unread(bench):
    # Data that were not read when the server closed.
    _need(bench)
    bench.opened()
    seen = bench.talk.seen()
    try:
        bench.tell(FIRST, "send:50", "wait:2000", "close")
        if not _awaited(bench, since=seen):
            raise Unasked('there was no "recv"')
        if not bench.ended(FIRST, 15000, seen):
            if len(bench.drain(FIRST)) != 50:
                raise Unasked("the server does not do as it is told: does it run learn.py serve?")
            raise Odd('"closed" does not come while data wait')
        bench.state(FIRST, "once the server has closed")
        data, _ = bench.recv(FIRST)
        if data:
            data += bench.drain(FIRST)
        kept = None if data is None else len(data)
        if kept not in (None, 0, 50):
            raise Odd("of 50 bytes that waited %d are left" % kept)
        bench.choose("closed_keeps_data", kept, {50: "keep", 0: "drop", None: "error"})
    finally:
        bench.close(FIRST)


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
    _need(bench)
    error = bench.connect(FIRST, quoted=True)
    bench.close(FIRST)
    bench.choose("port_text", error, {0: "ok", 552: "error"})


def prompt(bench):
    # What the prompt looks like, fresh prompts, ESC.
    _need(bench)
    bench.opened()
    talk = bench.talk
    try:
        fresh = []
        for length in (",5", ""):
            answer = talk.ask("AT+QSSLSEND=%d%s" % (FIRST, length), 10000, True)
            if not answer.final.startswith(">"):
                raise Unasked("there is no prompt (%s)" % answer.told)
            if b"\r\n>" not in answer.raw:
                raise Odd("no line end stands before the prompt")
            blank = talk.until(lambda came: came[:1] == b" ", 400)
            behind = without_urcs(talk.settle(200))
            if behind.strip(b" "):
                raise Odd("behind the prompt stands %r" % behind)
            bench.settle("prompt_space", "yes" if blank else "no")
            talk.write(b"ab\rcd" + (b"" if length else _CTRL_Z))
            answer = talk.answer("", 15000)
            if answer.final != "SEND OK":
                raise Unasked("AT+QSSLSEND answers %s" % answer.told)
            fresh.append(b"\r\n>" in answer.raw)
            talk.settle(200)
        bench.choose(
            "prompt_again",
            tuple(fresh),
            {(False, True): "variable", (True, True): "both", (False, False): "no"},
        )
        answer = talk.ask("AT+QSSLSEND=%d" % FIRST, 10000, True)
        if answer.final.startswith(">"):
            talk.settle(300)
            talk.write(b"ab" + _ESC)
            answer = talk.answer("", 4000)
            if not talk.ask("AT", 1500).ok:
                talk.write(_CTRL_Z)
                talk.settle(1000)
                talk.alive()
                raise Odd("ESC does not end the prompt")
            if not answer.final and without_urcs(answer.raw).replace(b"ab", b"").strip():
                raise Odd("ESC is answered by %s" % answer.told)
            bench.choose(
                "esc_answer", answer.final, {"OK": "ok", "": "nothing", "SEND FAIL": "fail"}
            )
    finally:
        bench.close(FIRST)


def patience(bench):
    # Does an open prompt end by itself?
    _need(bench)
    bench.opened()
    talk = bench.talk
    try:
        answer = talk.ask("AT+QSSLSEND=%d,5" % FIRST, 10000, True)
        if not answer.final.startswith(">"):
            raise Unasked("there is no prompt")
        begin = talk.port.now()
        answer = talk.answer("", 30000)
        if answer.final == "ERROR":
            bench.measured["prompt_timeout_ms"] = talk.port.now() - begin
            raise Unasked("it gave up after about %d ms" % bench.measured["prompt_timeout_ms"])
        talk.write(b"abcde")
        talk.answer("", 15000)
        raise Unasked("it waits for at least 30 s")
    finally:
        bench.close(FIRST)


def payload_echo(bench):
    # With each of AT+QISDE and ATE: is what is sent echoed?
    _need(bench)
    obeys = bench.value("echo_obeys")
    if obeys is None:
        raise Unasked("what ATE does is not known")
    talk = bench.talk
    old = bench.want("AT+QISDE?").field("+QISDE:")
    undo = talk.undo("AT+QISDE=%s" % old)
    bench.opened()
    seen = {}
    try:
        for e, q in ((1, 1), (1, 0), (0, 1)):
            bench.want("AT+QISDE=%d" % q)
            bench.want("ATE%d" % e)
            answer = talk.ask("AT+QSSLSEND=%d,6" % FIRST, 10000, True)
            if not answer.final.startswith(">"):
                raise Unasked("there is no prompt")
            talk.settle(200)
            talk.write(b"uvwxyz")
            answer = talk.answer("", 15000)
            if answer.final != "SEND OK":
                raise Unasked("AT+QSSLSEND answers %s" % answer.told)
            echoed, result, _ = without_urcs(answer.raw).partition(b"\r\nSEND OK")
            if echoed not in (b"", b"uvwxyz"):
                raise Odd("between payload and SEND OK stands %r" % echoed)
            seen[(e, q)] = bool(echoed)
    finally:
        talk.ask("ATE0")
        bench.remove(undo)
        bench.close(FIRST)
    fits = [how for how in _ECHOES if all(_echoed(how, obeys, *key) == seen[key] for key in seen)]
    if not fits:
        raise Odd("payload is echoed with (ATE, AT+QISDE) = %s" % [k for k in seen if seen[k]])
    if len(fits) > 1:
        raise Unasked("%s look the same here" % " and ".join(fits))
    bench.settle("payload_echo", fits[0])


_ECHOES = ("ate", "qisde", "never", "always")


def _echoed(how, obeys, e, q):
    typed = e == 1 if obeys == "yes" else obeys == "always"
    return {"ate": q == 1 and typed, "qisde": q == 1, "never": False, "always": typed}[how]


def at_the_prompt(bench):
    _need(bench)
    bench.opened()
    talk = bench.talk
    try:
        seen = talk.seen()
        bench.tell(FIRST, "wait:1000", "send:10")
        answer = talk.ask("AT+QSSLSEND=%d,5" % FIRST, 10000, True)
        if not answer.final.startswith(">"):
            raise Unasked("there is no prompt")
        before = _awaited(bench, ms=4000, since=seen)
        talk.write(b"abcde")
        answer = talk.answer("", 15000)
        if answer.final != "SEND OK":
            raise Unasked("AT+QSSLSEND answers %s" % answer.told)
        if before:
            bench.settle("urc_at_prompt", "now")
        elif _awaited(bench, ms=3000, since=seen):
            bench.settle("urc_at_prompt", "later")
        else:
            raise Odd("the URC is lost")
    finally:
        bench.close(FIRST)


def push(bench):
    _need(bench)
    bench.opened(FIRST, 1)
    talk = bench.talk
    try:
        bench.tell(FIRST, "wait:1000", "send:30")
        talk.settle(3000)
        came = b"".join(data for _, who, data in talk.since(bench.mark) if who == "<")
        found = list(re.finditer(rb'\+QSSLURC: "recv",%d,(\d+)\r\n' % FIRST, came))
        if not found:
            raise Unasked("nothing was pushed")
        behind = without_urcs(came[found[-1].end() + int(found[-1][1]) :])
        if behind in (b"", b"\r\n"):
            bench.settle("push_trailer", "crlf" if behind else "none")
        else:
            bench.odd("push_trailer", "behind the data stands %r" % behind[:20])
        bench.begin()
        bench.tell(FIRST, "wait:1000", "send:7000")
        talk.settle(5000)
        came = b"".join(data for _, who, data in talk.since(bench.mark) if who == "<")
        sizes = re.findall(rb'\+QSSLURC: "recv",%d,(\d+)\r\n' % FIRST, came)
        sizes = [int(size) for size in sizes]
        if sum(sizes) == 7000 and len(sizes) > 2 and len(set(sizes[:-1])) == 1:
            if sizes[-1] <= sizes[0] <= bench.measured.get("buffered_at_least", 0):
                bench.settle("push_max", sizes[0])
        bench.open("push_max", "pieces of %s bytes: what it buffers may be the reason" % sizes[:5])
    finally:
        bench.close(FIRST)


def transparent(bench):
    # Data mode: how CONNECT is spelled, URCs during it, the end by the server.
    _need(bench)
    talk = bench.talk
    bench.opened(SECOND)
    try:
        answer = bench.connect(FIRST, 2)
        if not answer.final.startswith("CONNECT"):
            raise Unasked("there is no CONNECT (%s)" % answer.told)
        _leave(bench)
        if answer.final in ("CONNECT", "CONNECT 150000000"):
            bench.settle("connect_text", answer.final)
        else:
            bench.odd("connect_text", "it writes %r" % answer.final)
        bench.close(FIRST)
        # Data for the other socket, while this one has the port.
        bench.begin()
        seen = talk.seen()
        bench.tell(SECOND, "wait:4000", "send:10")
        answer = bench.connect(FIRST, 2)
        if not answer.final.startswith("CONNECT"):
            raise Unasked("there is no second CONNECT")
        talk.rest(7000)
        inside = b'+QSSLURC: "recv",%d' % SECOND in talk.came
        _leave(bench)
        told = _awaited(bench, SECOND, 3000, seen)
        waits = bench.drain(SECOND)
        if inside:
            bench.odd("urc_in_data", "the URC stands between the data")
        elif waits != b"abcdefghij":
            bench.open("urc_in_data", "the data did not arrive in time")
        else:
            bench.settle("urc_in_data", "later" if told else "drop")
        bench.close(FIRST)
        bench.begin()
        answer = bench.connect(FIRST, 2)
        if answer.final.startswith("CONNECT"):
            seen = talk.seen()
            talk.write(script.line("wait:1500", "close"))
            if talk.until(lambda came: b"\r\nNO CARRIER\r\n" in came, 15000):
                told = bench.ended(FIRST, 4000, seen)
                bench.settle("closed_after_no_carrier", "yes" if told else "no")
            else:
                _leave(bench)
                bench.open("closed_after_no_carrier", "there was no NO CARRIER")
    finally:
        bench.close(FIRST)
        bench.close(SECOND)


def _leave(bench):
    # Back to commands.
    talk = bench.talk
    talk.rest(1200)
    talk.keep(talk.take())
    talk.write(b"+++")
    answer = talk.answer("", 3000)
    if not answer.ok:
        raise Odd("+++ answers %s" % answer.told)


def broken(bench):
    _need(bench)
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


def release(bench):
    # Whether an SSL context keeps its settings once its last connection is closed.
    _need(bench)
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
        _again(bench)
    else:
        bench.odd("context_release", "77 s have become %s" % now)
    if bench.talk.ask(undo).ok:
        bench.talk.done(undo)


def _again(bench):
    for key, value in _OPEN:
        _set(bench, key, value)


def _certificates(bench):
    # The server's, over a connection that checks nothing.
    bench.opened()
    bench.tell(FIRST, "certs")
    data = b""
    for _ in range(20):
        bench.talk.rest(500)
        data += bench.drain(FIRST)
        head, newline, body = data.partition(b"\n")
        if newline and head.isdigit() and len(body) >= int(head):
            break
    bench.close(FIRST)
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", data, re.S)
    if len(found) != 3:
        raise Unasked("the server shows no certificates: does it run learn.py serve?")
    return found  # its own, the one that signed it, the root


def _trusts(bench, pem):
    # Whether the connection is made with this CA file.
    name = "RAM:qlearn-ca"
    gone, _ = bench.put(name, pem)
    try:
        _again(bench)
        for key, value in (
            ("seclevel", "1"),
            ("ignorelocaltime", "1"),
            ("cacert", '"%s"' % name),
        ):
            bench.want('AT+QSSLCFG="%s",%d,%s' % (key, CTX, value))
        error = bench.connect(FIRST)
        bench.close(FIRST)
        return error
    finally:
        bench.remove(gone)


def trust(bench):
    _need(bench)
    _again(bench)
    leaf, middle, root = _certificates(bench)
    for key in ("cacert", "ignorelocaltime"):
        old = setting(bench, key).strip('"')
        old = '"%s"' % old if key == "cacert" else old
        bench.talk.undo('AT+QSSLCFG="%s",%d,%s' % (key, CTX, old))
    bench.begin()
    if _trusts(bench, root) != 0:
        raise Unasked("it does not connect with the root either")
    wrong = _trusts(bench, root.replace(b"-----BEGIN", b"-----BEGUN"))
    if wrong == 0:
        raise Unasked("it connects with a CA file that is none: it checks nothing")
    bench.begin()
    sloppy = _trusts(bench, b"\xef\xbb\xbf" + root)
    bench.choose("pem", sloppy, {0: "lenient", wrong: "strict"})
    bench.begin()
    for other in (middle, leaf):
        error = _trusts(bench, other)
        bench.choose("anchor", error, {0: "any", wrong: "root"})
    _again(bench)


PROBES = (
    (first, ("recv_trailer", "state_prefix", "state_server_id", "at_port"), 10),
    (release, ("context_release",), 10),
    (largest_read, ("recv_max",), 15),
    (rearm, ("recv_rearm",), 25),
    (unread, ("closed_keeps_data",), 15),
    (failed, ("geterror_after_urc", "failed_open_claims"), 5),
    (quoted_port, ("port_text",), 8),
    (prompt, ("prompt_space", "prompt_again", "esc_answer"), 12),
    (payload_echo, ("payload_echo",), 10),
    (at_the_prompt, ("urc_at_prompt",), 12),
    (push, ("push_trailer", "push_max"), 20),
    (transparent, ("connect_text", "urc_in_data", "closed_after_no_carrier"), 50),
    (broken, ("security_then_closed",), 10),
    (trust, ("pem", "anchor"), 40),
    (patience, ("prompt_timeout_ms",), 35),
)
