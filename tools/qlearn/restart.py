# qlearn.restart - what the modem says when it starts, and what it has forgotten (AT+CFUN=1,1).
# SPDX-License-Identifier: MIT

import re

from qlearn.bench import FIRST, PDP, Odd, Unasked
from qlearn.network import active, registered
from qlearn.plain import clock, setting

_START_MS = 60000
_NAME = "RAM:qlearn-e"
_DATES = {"80/01/06": "80/01/06", "04/01/01": "04/01/01", "70/01/01": "70/01/01"}


def leave(bench):
    # The radio goes off under an open connection, as if the network took the context.
    if not bench.options.server or bench.value("recv_trailer") is None:
        raise Unasked("needs a connection: --server")
    if PDP not in active(bench):
        raise Unasked("context 1 is not active")
    bench.opened()
    talk = bench.talk
    seen = talk.seen()
    talk.undo("AT+CFUN=1")
    bench.want("AT+CFUN=4", 15000)
    if not talk.urc('+QIURC: "pdpdeact",%d' % PDP, 20000, seen):
        raise Unasked("the network's end of the context is not told")
    talk.settle(1000)
    bench.ended(FIRST, 0, seen)  # in a known form, if at all
    texts = [text for _, text in talk.urcs[seen:]]
    at = texts.index('+QIURC: "pdpdeact",%d' % PDP)
    closed = '+QSSLURC: "closed",%d' % FIRST
    if closed in texts[:at]:
        bench.settle("pdpdeact_also_closed", "yes")
    elif closed in texts:
        bench.odd("pdpdeact_also_closed", '"closed" comes behind "pdpdeact"')
    else:
        bench.settle("pdpdeact_also_closed", "no")


def again(bench):
    # The restart itself.
    talk = bench.talk
    gone, _ = bench.put(_NAME, b"x")
    off = bench.want("AT+CFUN?").field("+CFUN:") == "4"
    talk.settle(200)
    bench.begin()
    seen = talk.seen()
    bench.want("AT+CFUN=1,1", 15000)
    begin = talk.port.now()
    talk.forget((gone, "AT+CFUN=1", "ATE1", "AT+CMEE="))
    texts, first = _comes_up(talk, seen, begin)
    bench.facts["lines of the start"] = " / ".join(texts) or "none"
    _of_the_start(bench, texts, first)
    _defaults(bench)
    _clock(bench)
    power = bench.talk.ask("AT+CFUN?").field("+CFUN:")
    if off and power == "4":
        bench.settle("radio_kept", "yes")
        if bench.talk.ask("AT+CFUN=1", 15000).ok:
            bench.talk.done("AT+CFUN=1")
    bench.open("radio_kept", "AT+CFUN=1,1 may switch it on by itself")
    bench.want("AT+CMEE=1")
    answer = bench.talk.ask('AT+QFLST="%s"' % _NAME)
    if answer.ok and any(re.search(r'qlearn-e"', line) for line in answer.lines):
        bench.settle("ram_survives_reset", "yes")
        bench.remove(gone)
    elif answer.code in (405, 417):
        bench.settle("ram_survives_reset", "no")
        bench.talk.done(gone)


def _comes_up(talk, seen, begin):
    # Waits until it talks again. (What it has said since, ms until the first of that or None)
    first = None
    while talk.port.now() - begin < _START_MS:
        came = talk.read(1000)
        cut = talk.came.rfind(b"\r\n") + 2
        if cut > 2:
            talk.keep(talk.take(cut))
        texts = [text for _, text in talk.urcs[seen:]]
        if first is None and ("RDY" in texts or any(t.startswith("+CFUN") for t in texts)):
            first = talk.port.now() - begin
        if sum(text.startswith("+QIND:") for text in texts) >= 2:
            break
        if not came and first is None and talk.port.now() - begin > 25000:
            break
    talk.settle(500)
    talk.alive()
    return [text for _, text in talk.urcs[seen:]], first


def _of_the_start(bench, texts, first):
    # What echo and lines tell.
    bare = bench.talk.ask("AT").echoed
    if bench.value("echo_obeys") == "yes":
        bench.settle("echo_default", "1" if bare else "0")
    else:
        bench.open("echo_default", "the echo does not obey ATE")
    bench.talk.ask("ATE0")
    if first is not None:
        bench.settle("start_urcs", "here")
        bench.measured["boot_ms"] = first
    elif bench.talk.ask("AT+IPR?").field("+IPR:") not in (None, "0"):
        bench.settle("start_urcs", "elsewhere")
    order = [text for text in texts if text in ("+QIND: SMS DONE", "+QIND: PB DONE")]
    if len(order) == 2:
        bench.settle("qind_order", "sms" if "SMS" in order[0] else "pb")


def _defaults(bench):
    # What settings are behind a restart.
    rate = bench.talk.ask("AT+IPR?").field("+IPR:") or ""
    if rate.isdigit():
        bench.settle("baud_default", int(rate))
    for name, command in (("cmee_default", "CMEE"), ("qisde_default", "QISDE")):
        text = bench.talk.ask("AT+%s?" % command).field("+%s:" % command)
        if text in ("0", "1", "2"):
            bench.settle(name, text)
    for key in ("ignorelocaltime", "sslversion"):
        text = _shown(bench, key)
        if text in ("0", "1", "2", "3", "4"):
            bench.settle(key, text)
    for key in ("ciphersuite", "seclevel", "negotiatetime", "cacert", "clientcert", "clientkey"):
        bench.facts["default of %s" % key] = _shown(bench, key)
    for command in ("QICSGP=1", "QIACT?", "CREG?", "QISDE?", "CSCS?", "IFC?"):
        answer = bench.talk.ask("AT+" + command)
        text = " / ".join(answer.lines) or answer.final
        bench.facts["AT+%s behind a restart" % command] = text


def _clock(bench):
    text = bench.talk.ask("AT+CCLK?").field("+CCLK:") or ""
    date = text.strip('"').partition(",")[0]
    if date in _DATES:
        bench.settle("rtc_default", date)
    else:
        bench.open("rtc_default", "the clock ran on (%s)" % date)


def _shown(bench, key):
    try:
        return setting(bench, key)
    except (Unasked, Odd) as error:
        return str(error)


_AFTER = ("echo_default", "start_urcs", "qind_order", "baud_default", "cmee_default")
_AFTER += ("qisde_default", "ignorelocaltime", "sslversion", "rtc_default", "radio_kept")
_AFTER += ("ram_survives_reset",)


def told(bench):
    # The network tells its time with the registration.
    if registered(bench, 60):
        bench.talk.rest(6000)
    for name in _TIME:
        found = bench.results.get(name)
        if found and found.state == "open":
            del bench.results[name]
    clock(bench)


_TIME = ("nitz", "qlts_year", "qlts_summer", "qlts_empty")
PROBES = (
    (leave, ("pdpdeact_also_closed",), 15),
    (again, _AFTER, 40),
    (told, _TIME, 10),
)
