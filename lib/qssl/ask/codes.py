# qssl.ask.codes - what the modem's error numbers mean, and what to check. See qssl.hints.explain.
# SPDX-License-Identifier: MIT

from micropython import const

# AT+QIGETERROR and +QSSLOPEN: number|text; hint.
_TCPIP = const("""
550|unknown error; try again; if it stays, restart the modem
551|operation blocked; another operation runs; try again
552|invalid parameters; a value is out of the firmware's range; where the same ones have worked, \
it opens no more connections, as some LTE modems do after twenty: restart the modem
553|memory not enough; close sockets, or restart the modem
554|create socket failed; close sockets, or restart the modem
555|operation not supported; the firmware lacks this function
556|socket bind failed; restart the PDP context: modem.start()
557|socket listen failed; restart the PDP context: modem.start()
558|socket write failed; the connection is dead; connect again
559|socket read failed; the connection is dead; connect again
560|socket accept failed; the connection is dead; connect again
561|open PDP context failed; check APN, user, password, SIM and coverage
562|close PDP context failed; restart the modem
563|socket identity has been used; the id is open, or closes, which may take seconds; close it, \
try again; if it stays, restart it
564|DNS busy; try again in a moment
565|DNS parse failed; check the host name and the DNS server (AT+QIDNSCFG)
566|socket connect failed; check host, port and server; then TLS: version, RSA cipher suite, CA, \
certificate chain, dates; modem.diagnose() looks into it
567|socket has been closed; the server closed; connect again
568|operation busy; try again in a moment
569|operation timeout; the server or the network did not answer; check coverage
570|PDP context broken down; call modem.start() again
571|cancel send; the send was cancelled
572|operation not allowed; is the PDP context active? call modem.start() again
573|APN not configured; pass apn= to modem.start()
574|port busy; another AT port uses it
""")
# +CME ERROR of the FILE commands: number|text.
_FILES = const("""
400|invalid input value
401|larger than the file
402|read zero byte
403|drive full
405|file not found
406|invalid file name
407|file already exists
409|writing failed
410|opening failed
411|reading failed
413|too many files open
414|the file is read-only
416|invalid file descriptor
417|listing failed
418|deleting failed; is it there?
419|no disk info
420|no space
421|time out
423|file too large
425|invalid parameter
426|file already open
""")
# +CME ERROR of 27.007 9.2 and 9.3, as the network gives them: number|text; hint.
_NETWORK = const("""
3|operation not allowed; another program may use the modem
4|operation not supported; check APN and auth
5|the modem is locked to another SIM (PH-SIM PIN); only its seller has the code
10|SIM not inserted; check card and holder
11|SIM PIN required; pass pin= to modem.start()
12|SIM PUK required; put the card into a phone and enter its PUK
13|SIM failure; check card and holder
14|SIM busy; try again
15|SIM wrong; the modem is locked to another one
16|incorrect password
20|SIM memory full
23|SIM memory failure
30|no network service; check antenna and coverage
31|network time-out; the network did not answer; try again
32|network not allowed, emergency calls only; check the SIM's contract
33|service not subscribed; check the APN and the SIM's contract
50|incorrect parameters; check APN, user and password
100|unknown error; check APN, user, password, the SIM's contract and coverage
103|illegal SIM; the network does not know it; check its contract
106|illegal modem; the network bars its IMEI
107|GPRS not allowed; check the SIM's contract for data
111|network not allowed; check roaming
112|area not allowed; check roaming
113|roaming not allowed in this area; check the SIM's contract
132|service not supported; check the APN
133|service not subscribed; check the APN and the SIM's contract
134|service out of order for now; try again
148|unspecified GPRS error; check the APN
149|PDP authentication failed; check user, password and auth
150|invalid class of modem; check the SIM's contract
515|the modem is still busy with starting up; try again
""")
TABLES = (_TCPIP, _FILES)
NETWORK = (_NETWORK,)


def refusal(code, cme):
    # The hint for AT+QSSLOPEN that was refused: with a number, and by +CME ERROR (0 or less: not).
    from ..hints import explain

    hint = explain(code)
    if 0 < cme != code:
        hint += "; +CME %d: %s" % (cme, explain(cme))
    elif ";" not in hint:
        hint += "; try again, then restart it"
    return hint


def activation(code, cme, denied):
    # (hint, number) for a PDP context that was refused: by AT+QIGETERROR, by +CME ERROR. denied:
    # the network has denied packet data, though it took the modem.
    from ..hints import _find

    step = "check APN, user, password, the SIM's contract and coverage"
    code = max(code, 0)
    texts = []
    for number in (code, cme):
        if number:
            known = _find((_TCPIP, _NETWORK), number)
            texts.append("%d %s" % (number, known or "is in no document known here; " + step))
    if not texts:
        why = "AT+QIACT had no answer; " if cme is None else "the modem gave no number; "
        texts.append(why + step)
    if denied:
        texts.append("packet data is denied (AT+CGREG?): has the SIM's contract data?")
    return "the PDP context was not activated: " + " and ".join(texts), code or cme or 0
