# qlearn.sending - the prompt, what ends it, and what is echoed at it.
# SPDX-License-Identifier: MIT


from qlearn.bench import FIRST, Odd, Unasked
from qlearn.talk import without_urcs

_CTRL_Z = b"\x1a"
_ESC = b"\x1b"
_ECHOES = ("ate", "qisde", "never", "always")


def prompt(bench):
    # What the prompt looks like, fresh prompts, ESC.
    bench.need_connections()
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
    bench.need_connections()
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
    bench.need_connections()
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


def _echoed(how, obeys, e, q):
    typed = e == 1 if obeys == "yes" else obeys == "always"
    return {"ate": q == 1 and typed, "qisde": q == 1, "never": False, "always": typed}[how]


def at_the_prompt(bench):
    bench.need_connections()
    bench.opened()
    talk = bench.talk
    try:
        seen = talk.seen()
        bench.tell(FIRST, "wait:1000", "send:10")
        answer = talk.ask("AT+QSSLSEND=%d,5" % FIRST, 10000, True)
        if not answer.final.startswith(">"):
            raise Unasked("there is no prompt")
        before = bench.awaited(ms=4000, since=seen)
        talk.write(b"abcde")
        answer = talk.answer("", 15000)
        if answer.final != "SEND OK":
            raise Unasked("AT+QSSLSEND answers %s" % answer.told)
        if before:
            bench.settle("urc_at_prompt", "now")
        elif bench.awaited(ms=3000, since=seen):
            bench.settle("urc_at_prompt", "later")
        else:
            raise Odd("the URC is lost")
    finally:
        bench.close(FIRST)
