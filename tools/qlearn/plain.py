# qlearn.plain - what the modem tells without a network: settings, files, SIM.
# SPDX-License-Identifier: MIT

import re

from qlearn.bench import CTX, Odd, Unasked
from qlearn.talk import without_urcs

_NONE = "RAM:qlearn-none"
_SIM_WORDS = {
    "READY": "ready",
    "SIM PIN": "pin",
    "SIM PUK": "puk",
    "SIM PIN2": "pin2",
    "SIM PUK2": "puk2",
    "PH-SIM PIN": "ph-sim",
    "PH-NET PIN": "ph-net",
    "PH-NETSUB PIN": "ph-netsub",
    "PH-SP PIN": "ph-sp",
    "PH-CORP PIN": "ph-corp",
}
_SIM_CODES = {11: "pin", 12: "puk", 17: "pin2", 18: "puk2", 5: "ph-sim", 40: "ph-net"}
_SIM_CODES.update({42: "ph-netsub", 44: "ph-sp", 46: "ph-corp"})
_SIM_GONE = {10: "none", 15: "wrong"}


def echo(bench):
    # Both settings are tried; how it was at first is put back by qlearn.run.
    talk = bench.talk
    seen = []
    for setting in (0, 1):
        if not talk.ask("ATE%d" % setting).ok:
            raise Unasked("ATE%d is refused" % setting)
        seen.append(talk.ask("AT").echoed)
    talk.ask("ATE0")
    bench.choose(
        "echo_obeys",
        tuple(seen),
        {(False, True): "yes", (False, False): "never", (True, True): "always"},
    )


def noise(bench):
    bench.talk.write(b"xyzzy\r")
    came = bench.talk.until(lambda data: b"ERROR\r\n" in data, 3000)
    rest = bench.talk.settle(300)
    bench.talk.alive()
    text = re.sub(rb"xyzzy\r", b"", without_urcs(rest)).strip()
    bench.choose("noise_line", "an error" if came else text, {"an error": "error", b"": "ignore"})


def close_free(bench):
    state = bench.want("AT+QSSLSTATE")
    used = {line.partition(":")[2].partition(",")[0].strip() for line in state.lines}
    free = [str(number) for number in range(11, 5, -1) if str(number) not in used]
    if not free:
        raise Unasked("all sockets are in use")
    answer = bench.talk.ask("AT+QSSLCLOSE=%s,0" % free[0], 15000)
    bench.choose("close_free_id", answer.final, {"OK": "ok", "ERROR": "error"})


def state_style(bench):
    bench.want("AT+QSSLSTATE=11")
    answer = bench.talk.ask("AT+QSSLSTATE=1,11")
    bench.choose("state_style", answer.final, {"OK": "yes", "ERROR": "no"})


def error_form(bench):
    text = bench.want("AT+QIGETERROR").field("+QIGETERROR:")
    found = re.fullmatch(r"\d+,( ?)\S.*", text or "")
    if not found:
        raise Odd("it writes %r" % text)
    bench.settle("geterror_space", "yes" if found[1] else "no")


def setting(bench, key):
    # A value of the SSL context as it is printed.
    text = bench.want('AT+QSSLCFG="%s",%d' % (key, CTX)).field('+QSSLCFG: "%s",%d,' % (key, CTX))
    if text is None:
        raise Odd("AT+QSSLCFG does not show %s in a known form" % key)
    return text


def config(bench):
    suite = setting(bench, "ciphersuite")
    bench.settle("cfg_quoted", "yes" if suite.startswith('"') else "no")
    bare = suite.strip('"')
    bench.want('AT+QSSLCFG="ciphersuite",%d,"%s"' % (CTX, bare))
    answer = bench.talk.ask('AT+QSSLCFG="ciphersuite",%d,%s' % (CTX, bare))
    bench.choose("cfg_unquoted_set", answer.final, {"OK": "ok", "ERROR": "error"})


def path(bench):
    # A path is told back as quoted or not, and set in quotes.
    old = setting(bench, "cacert").strip('"')
    undo = bench.talk.undo('AT+QSSLCFG="cacert",%d,"%s"' % (CTX, old))
    gone, _ = bench.put("RAM:qlearn-ca", b"x")
    bench.want('AT+QSSLCFG="cacert",%d,"RAM:qlearn-ca"' % CTX)
    bench.talk.ask('AT+QFDEL="%s"' % _NONE)
    answer = bench.talk.ask('AT+QSSLCFG="cacert",%d,"%s"' % (CTX, _NONE))
    bench.choose("cacert_unchecked", answer.final, {"OK": "yes", "ERROR": "no"})
    if bench.talk.ask(undo).ok:
        bench.talk.done(undo)
    bench.remove(gone)


def _numbered(bench, answer):
    # The number of an error; None of what is none. Unasked if this modem tells it in words.
    if answer.error and answer.code is None and bench.value("cmee_obeys") in ("words", "bare"):
        raise Unasked("the errors of this modem have no numbers")
    return answer.code


def upload(bench):
    gone, first = bench.put("RAM:qlearn-a", b"\xab\xcd")
    text = first.field("+QFUPL:") or ""
    bench.choose(
        "checksum_case", text.partition(",")[2].strip(), {"abcd": "lower", "ABCD": "upper"}
    )
    again, asked = bench.upload("RAM:qlearn-a", b"efg")
    try:
        if asked:
            lines = bench.want('AT+QFLST="RAM:qlearn-a"').lines
            size = lines[0].rpartition(",")[2].strip() if lines else "none"
            if not again.ok or size != "3":
                raise Odd("2 bytes, and 3 more to the same name: a file of %s" % size)
            bench.settle("qfupl_exists", "replace")
        elif _numbered(bench, again) != 407:
            raise Odd("it answers %s" % again.told)
        else:
            bench.settle("qfupl_exists", "error")
    finally:
        bench.remove(gone)


def acknowledged(bench):
    talk = bench.talk
    talk.ask('AT+QFDEL="RAM:qlearn-b"')
    undo = talk.undo('AT+QFDEL="RAM:qlearn-b"')
    answer = talk.ask('AT+QFUPL="RAM:qlearn-b",2048,5,1', 5000, True)
    if not answer.final.startswith("CONNECT"):
        raise Unasked("AT+QFUPL answers %s" % answer.told)
    talk.write(b"x" * 1024)
    if not talk.until(lambda came: b"A" in came, 3000):
        talk.write(b"x" * 1024)
        talk.answer("", 10000)
        bench.remove(undo)
        raise Odd("there is no A after the first 1024 bytes")
    talk.write(b"x" * 1024)
    answer = talk.answer("", 10000)
    count = answer.raw.partition(b"+QFUPL")[0].count(b"A")
    bench.remove(undo)
    bench.choose("qfupl_last_ack", count, {2: "yes", 1: "no"})


def handle(bench):
    gone, _ = bench.put("RAM:qlearn-c", b"0123456789")
    text = bench.want('AT+QFOPEN="RAM:qlearn-c",2').field("+QFOPEN:") or ""
    if not text.isdigit():
        raise Unasked("AT+QFOPEN tells no handle")
    undo = bench.talk.undo("AT+QFCLOSE=%s" % text)
    answer = bench.talk.ask("AT+QFREAD=%s,10" % text)
    line = next(
        (line for line in answer.raw.decode("latin-1").split("\r\n") if "CONN" in line), ""
    )
    bench.remove(undo)
    bench.remove(gone)
    bench.choose("qfread_connect", line, {"CONNECT 10": "length", "CONNECT": "bare"})


def missing(bench):
    codes = []
    finals = []
    for command in ("QFLST", "QFDEL"):
        answer = bench.talk.ask('AT+%s="%s"' % (command, _NONE))
        codes.append(_numbered(bench, answer))
        finals.append(answer.told)
    table = {(417, 418): "own", (405, 405): "405"}
    if tuple(codes) not in table:
        raise Odd("AT+QFLST of a file that is not there answers %s, AT+QFDEL %s" % tuple(finals))
    bench.settle("file_missing", table[tuple(codes)])


def quiet_errors(bench):
    old = bench.want("AT+CMEE?").field("+CMEE:")
    if bench.talk.ask('AT+QFLST="%s"' % _NONE).code is None:
        raise Unasked("AT+QFLST of no file tells no code")
    bench.want("AT+CMEE=0")
    undo = bench.talk.undo("AT+CMEE=%s" % old)
    answer = bench.talk.ask('AT+QFLST="%s"' % _NONE)
    seen = "a code" if answer.final.startswith("+CME ERROR") else answer.final
    bench.remove(undo)
    bench.choose("file_cme", seen, {"a code": "always", "ERROR": "cmee"})


def error_words(bench):
    # A value that no modem takes, with errors in words (AT+CMEE=2) and as numbers (1).
    old = bench.want("AT+CMEE?").field("+CMEE:")
    if old not in ("0", "1", "2"):
        raise Odd("AT+CMEE? writes %r" % old)
    seen = []
    undo = bench.talk.undo("AT+CMEE=%s" % old)
    for level in (2, 1):
        bench.want("AT+CMEE=%d" % level)
        answer = bench.talk.ask("AT+CMEE=9")  # if that is taken, it is put back all the same
        number = answer.code is not None
        seen.append(
            "number" if number else "words" if answer.final[:4] == "+CME" else answer.final
        )
    bench.remove(undo)
    if "OK" in seen:
        raise Unasked("a wrong value is taken (AT+CMEE=9)")
    if seen[0] == "ERROR":
        raise Unasked("a wrong value is answered by ERROR, whatever AT+CMEE is")
    bench.choose(
        "cmee_obeys",
        tuple(seen),
        {("words", "number"): "yes", ("words", "words"): "words", ("words", "ERROR"): "bare"},
    )


def prefixes(bench):
    shown = []
    for name in ("RAM:qlearn-d", "UFS:qlearn-d"):
        gone, _ = bench.put(name, b"x")
        lines = bench.want('AT+QFLST="%s"' % name).lines
        bench.remove(gone)
        found = re.search(r'"([^"]*)"', lines[0]) if lines else None
        if not found or found[1] not in (name, name[4:]):
            raise Odd("it lists %s" % lines)
        shown.append(found[1] == name)
    bench.choose(
        "file_prefix",
        tuple(shown),
        {(True, False): "ram", (True, True): "all", (False, False): "none"},
    )


def sizes(bench):
    for name in ("RAM", "UFS"):
        text = bench.want('AT+QFLDS="%s"' % name).field("+QFLDS:") or ""
        found = re.fullmatch(r"(\d+), ?(\d+)", text)
        if not found:
            bench.odd(name.lower() + "_total", "it writes %r" % text)
        else:
            bench.settle(name.lower() + "_total", int(found[2]))


def sim(bench):
    if bench.want("AT+CFUN?").field("+CFUN:") != "1":
        raise Unasked("the radio is off (AT+CFUN?)")
    answer = bench.talk.ask("AT+CPIN?", 10000)
    word = answer.field("+CPIN:")
    if word in _SIM_WORDS:
        bench.settle("sim", _SIM_WORDS[word])
        if word not in ("READY",):
            bench.settle("cpin_style", "word")
    elif answer.code in _SIM_CODES:
        bench.settle("sim", _SIM_CODES[answer.code])
        bench.settle("cpin_style", "number")
    elif answer.code in _SIM_GONE:
        bench.settle("sim", _SIM_GONE[answer.code])
    elif answer.code == 13:
        bench.settle("sim", "failed")
    bench.open("cpin_style", "shows with a SIM that asks for its PIN alone")


def tries(bench):
    answer = bench.talk.ask("AT+QPINC?")
    if answer.ok:
        text = answer.field("+QPINC:") or ""
        if re.fullmatch(r"SC , \d+ , \d+", text):
            bench.settle("sim_tries", "plain")
            return
        found = re.fullmatch(r'"SC",(\d+),\d+', text)
        if not found:
            raise Odd("it writes %r" % text)
        if found[1] != "3":
            bench.settle("sim_tries", "qpinc")
            return
        raise Unasked("AT+QPINC? shows 3: whether it counts, a wrong PIN would tell")
    if bench.value("sim") not in _SIM_WORDS.values():
        raise Unasked("needs a SIM that answers")
    second = bench.talk.ask("AT+CPINR")
    if second.ok and second.field("+CPINR:"):
        bench.settle("sim_tries", "cpinr")
    elif second.error and answer.error:
        bench.settle("sim_tries", "no")


def characters(bench):
    old = (bench.want("AT+CSCS?").field("+CSCS:") or "").strip('"')
    name = "GSM"
    hexed = 'AT+CSCS="%s"' % "".join("%04X" % ord(c) for c in name)
    undo = bench.talk.undo(('AT+CSCS="GSM"', hexed))
    bench.want('AT+CSCS="UCS2"')
    answer = bench.talk.ask('AT+CSCS="GSM"')
    if answer.ok:
        bench.settle("cscs_name", "plain")
    elif bench.talk.ask(hexed).ok:
        bench.settle("cscs_name", "hex")
    else:
        bench.odd("cscs_name", "there is no way back from UCS2")
        return
    bench.talk.done(undo)
    if old and old != name:
        bench.talk.ask('AT+CSCS="%s"' % old)


def clock(bench):
    answer = bench.talk.ask("AT+QLTS")
    text = answer.field("+QLTS:")
    if answer.ok and text not in (None, "", '""'):
        found = re.fullmatch(r'"(\d\d|\d{4})/\d\d/\d\d,\d\d:\d\d:\d\d[+-]\d\d(,\d)?"', text)
        if not found:
            bench.odd("qlts_year", "it writes %r" % text)
            bench.odd("qlts_summer", "it writes %r" % text)
            return
        bench.settle("nitz", "yes")
        bench.settle("qlts_year", str(len(found[1])))
        bench.settle("qlts_summer", "yes" if found[2] else "no")
        bench.open("qlts_empty", "the network has told its time")
        return
    for name in ("nitz", "qlts_year", "qlts_summer"):
        bench.open(name, "the network has not told its time yet")
    if not answer.ok and not bench.talk.ask("AT+QLTS=?").ok:
        raise Unasked("there is no AT+QLTS")
    if answer.ok:
        bench.choose("qlts_empty", text, {'""': "quotes", "": "bare", None: "nothing"})
    elif answer.error:
        bench.settle("qlts_empty", "error")


PROBES = (
    (echo, ("echo_obeys",), 2),
    (error_words, ("cmee_obeys",), 1),
    (noise, ("noise_line",), 4),
    (close_free, ("close_free_id",), 1),
    (state_style, ("state_style",), 1),
    (error_form, ("geterror_space",), 1),
    (config, ("cfg_quoted", "cfg_unquoted_set"), 1),
    (path, ("cacert_unchecked",), 2),
    (upload, ("checksum_case", "qfupl_exists"), 2),
    (acknowledged, ("qfupl_last_ack",), 2),
    (handle, ("qfread_connect",), 2),
    (missing, ("file_missing",), 1),
    (quiet_errors, ("file_cme",), 1),
    (prefixes, ("file_prefix",), 2),
    (sizes, ("ram_total", "ufs_total"), 1),
    (sim, ("sim", "cpin_style"), 1),
    (tries, ("sim_tries",), 1),
    (characters, ("cscs_name",), 1),
    (clock, ("nitz", "qlts_year", "qlts_summer", "qlts_empty"), 1),
)
