# qssl.ask.diagnose - why a connection can't be opened: the walk of manual 1.5, in words.
# SPDX-License-Identifier: MIT

import errno
from binascii import a2b_base64
from time import ticks_add, ticks_ms

from micropython import const

from ..connect.arguments import quoted, text
from ..connect.sslcheck import SUITES, VERSIONS
from ..errors import Refused
from ..hints import explain
from ..start.pdp import active, dotted
from ..tls import Context
from ..wire import link as _l
from ..wire.ascii import value

_DNS_MS = const(15000)  # AT+QIDNSGIP has 60 s, but is known to give no answer at all
_BEGIN = const(b"-----BEGIN CERTIFICATE-----")
_RSA = const(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
_BASIC = const(b"\x06\x03\x55\x1d\x13")  # basicConstraints
_KEYS = const("sslversion ciphersuite seclevel ignorelocaltime cacert clientcert clientkey")


def diagnose(modem, host: str | None = None, ctx=None, tell=None, pdp: int | None = None) -> list:
    """Looks for what is wrong when a connection can't be opened (manual 1.5).

    host: the server. ctx: what modem.tls() returned, or the number of an SSL context; None: the
    first that was used. tell: called with each finding as a line of text, at once. pdp: the PDP
    context, if not that of start().

    Returns: a list of (ok, what, what to do); ok True, False, or None for a caution or what can't
        be told.
    Raises: qssl.Refused for arguments, nothing else.
    Blocks: about 20 s at most while the modem answers.
    Allocates: while it runs, and the list.
    Since: 0.1.
    """
    if host is not None:
        host = quoted(host, "diagnose", "host name")
        if b"/" in host or b":" in host:
            _refuse("host must be a name or an IPv4 address alone: no URL, no port in it")
    if ctx is not None and type(ctx) is not int and not isinstance(ctx, Context):
        _refuse("ctx must be what modem.tls() returned, or the number of an SSL context, 0 to 5")
    if pdp is None:
        pdp = modem.pdp
    else:
        from ..family.contexts import within

        within(modem, pdp)
    d = _Diagnosis(modem, tell, pdp)
    try:
        if modem.at.run(b"AT") != _l.OK:
            d.note(False, "the modem does not answer", "check power, RX, TX; call modem.start()")
            return d.found
        d.network(host)
        d.context(ctx)
    except OSError as e:
        d.note(False, str(e), "diagnose again when this is solved")
    if not [1 for ok, _, _ in d.found if ok is False]:
        d.note(
            None,
            "nothing %swrong on this side"
            % (
                "else "
                if [1 for ok, what, _ in d.found if ok is None and "cert: " in what]
                else ""
            ),
            "the server can't be seen from here: check its port, %sthis suite, chain from this "
            "CA, dates, and what clients it lets in"
            % ("" if modem.link.lte else "RSA key exchange with "),
        )
    return d.found


def _refuse(hint):
    raise Refused(errno.EINVAL, "diagnose", hint)


def words(found: list) -> str:
    """What diagnose() has found, as text.

    Returns: str, a line a finding.
    Raises: nothing.
    Blocks: no.
    Allocates: the text.
    Since: 0.1.
    """
    return "\n".join([_line(*finding) for finding in found])


def _line(ok, what, do):
    mark = "ok" if ok else "--" if ok is None else "NO"
    return "%s  %s%s" % (mark, what, do and "\n    -> " + do)


class _Diagnosis:
    def __init__(self, modem, tell, pdp):
        self.modem = modem
        self.found = []
        self._tell = tell
        self._pdp = pdp

    def note(self, ok, what, do=""):
        self.found.append((ok, what, do if ok is not True else ""))
        if self._tell is not None:
            self._tell(_line(*self.found[-1]))

    def ask(self, line, prefix):
        # The first information line, b"" if there is none or the modem refuses.
        at = self.modem.at
        result = at.run(line, prefix)
        if result not in (_l.OK, _l.ERROR):
            at.fail(result, "diagnose", "")
        return at.lines[0] if at.lines else b""

    # --- manual 1.5, items 1 and 2 ---

    def network(self, host):
        modem = self.modem
        pdp = self._pdp
        dbm = modem.signal()
        self.note(
            modem.registration(),
            "registered, signal %s" % ("unknown" if dbm is None else "%d dBm" % dbm),
            "not so: check antenna, coverage and SIM",
        )
        address = active(modem).get(pdp)
        if address is None:
            line = self.ask(b"AT+QICSGP=%d" % pdp, b"+QICSGP:")
            self.note(
                False,
                'PDP context %d is not active, its APN is "%s"'
                % (pdp, text(line, 0, len(line), 1) or ""),
                "call modem.start(apn=...), for another one modem.activate()",
            )
        else:
            self.note(True, "PDP context %d is active, %s" % (pdp, address))
        if host is None or dotted(host):
            return
        line = self.ask(b"AT+QIDNSCFG=%d" % pdp, b"+QIDNSCFG:")
        servers = [text(line, 0, len(line), k) or "" for k in (1, 2)]
        usable = [
            s for s in servers if dotted(s.encode()) and s not in ("0.0.0.0", "255.255.255.255")
        ]
        self.note(
            True if usable else False if line else None,
            "DNS server " + (", ".join(usable) or "not set" if line else "not told"),
            "modem.command('AT+QIDNSCFG=%d,\"<address>\"'), or connect to an IP address" % pdp,
        )
        if address is not None:
            self._resolve(host)

    def _resolve(self, host):
        link = self.modem.link
        name = host.decode()
        got = []
        entry = (
            b'+QIURC: "dnsgip",',
            lambda buf, lo, hi: got.append(bytes(buf[lo + 17 : hi]).strip()),
        )
        link.urcs = (entry,) + link.urcs
        try:
            at = self.modem.at
            if at.run(b'AT+QIDNSGIP=%d,"%s"' % (self._pdp, host)) != _l.OK:
                got.append(b"%d" % self.modem.last_error())
            due = ticks_add(ticks_ms(), _DNS_MS)
            # 0,<count>,<ttl>, then the addresses in quotes; or an error number
            while not (got and (len(got) > 1 or not got[0].startswith(b"0,"))) and link.wait(due):
                link.pump()
        finally:
            link.urcs = tuple([row for row in link.urcs if row is not entry])
        if len(got) > 1:
            self.note(True, "%s is %s" % (name, text(got[1], 0, len(got[1]), 0)))
        elif got and not got[0].startswith(b"0,"):
            code = value(got[0], 0, len(got[0]), 0)
            self.note(False, "%s does not resolve [modem %d]" % (name, code), explain(code))
        else:
            self.note(
                None,
                "no answer about %s in %d s" % (name, _DNS_MS // 1000),
                "some firmware never answers: connect to the server's IP address to compare",
            )

    # --- item 3, and manual 1.4 ---

    def context(self, ctx):
        modem = self.modem
        if ctx is None:
            ctx = ([c for c in modem.contexts if c is not None] + [None])[0]
            if isinstance(ctx, list):  # its set-up did not come to an end
                ctx = ctx[0]
        if ctx is None:
            self.note(None, "no TLS context to look at", "pass ctx=, what modem.tls() returned")
            return
        if not isinstance(ctx, int):
            try:
                ctx.apply()
            except OSError as e:
                self.note(False, "the TLS context can't be set up", str(e))
                return
            ctx = ctx.id
        cfg = {}
        for key in _KEYS.split():
            line = self.ask(b'AT+QSSLCFG="%s",%d' % (key.encode(), ctx), b"+QSSLCFG:")
            cfg[key] = text(line, 0, len(line), 2) or ""
            if not line:
                self.note(
                    False, "%s of SSL context %d can't be read" % (key, ctx), "ctx is 0 to 5"
                )
                return
        self._suite(cfg)
        level = cfg["seclevel"]
        checked = level != "0" and cfg["ignorelocaltime"] == "0"
        if level != "0":
            self._names(ctx)
        if level == "0":
            self.note(None, "the server is not authenticated", "auth=True and ca= of its CA")
        elif not cfg["cacert"]:
            self.note(False, "no CA certificate is set", "pass ca= to modem.tls()")
        now = self._clock(checked)
        files = {}
        for key in ("cacert", "clientcert", "clientkey") if level == "2" else ("cacert",):
            if cfg[key]:
                files[key] = self._file(key, cfg[key], now, checked)
        if files.get("clientcert") and files.get("clientkey"):
            self._usable("clientkey", cfg["clientkey"], files["clientcert"], files["clientkey"])
        if level != "2":  # what may be left of another set-up does not count then
            self.note(None, "no client certificate", "only a server that requires one needs it")
        elif not (cfg["clientcert"] and cfg["clientkey"]):
            self.note(False, "the client's certificate or key is missing", "pass cert= and key=")

    def _names(self, ctx):
        # Whose certificate it takes, and whether the server knows which one is meant.
        told = {}
        for key in (b"checkhost", b"sni") if self.modem.link.lte else ():
            line = self.ask(b'AT+QSSLCFG="%s",%d' % (key, ctx), b"+QSSLCFG:")
            told[key] = text(line, 0, len(line), 2)
        checks = told.get(b"checkhost") == "1"
        if self.modem.link.lte and not checks:
            from ..family import table

            checks = self.modem.model.split("-")[0] in table(self.modem).hosts.split()
        self.note(
            True if checks else None,
            "the name in the server's certificate is %schecked" % ("" if checks else "not "),
            "ca= should be a CA of your own, which signs nobody else's servers",
        )
        if self.modem.link.lte:
            sends = told[b"sni"] == "1"
            self.note(
                True if sends else None,
                "the server is %stold which name is meant (SNI)" % ("" if sends else "not "),
                "one with several names may show the certificate of another",
            )

    def _suite(self, cfg):
        version, old = _named(VERSIONS, cfg["sslversion"])
        names = dict(SUITES)
        if self.modem.link.lte:
            from ..family.suites import SUITES as more

            names.update(more)
        suite, weak = _named(names, cfg["ciphersuite"].upper())
        what = "%s, %s" % (version, suite)
        if suite == "AES256-SHA256" and cfg["sslversion"] in ("0", "1", "2"):
            self.note(False, what + ": this suite needs TLS1.2", 'suite="AES256-SHA"')
        else:
            do = "many servers refuse it; take TLS1.2 and an AES suite"
            self.note(None if old or weak else True, what, do)

    def _clock(self, checked):
        # The modem's time in UTC as seconds, see stamp(); None if it has none.
        t = self.modem.clock()
        if t is None:
            self.note(
                False if checked else None,
                "the modem's clock is not set",
                "modem.clock((year, month, day, hour, minute, second)) in UTC",
            )
            return None
        zone = t[6]
        east = "%s%d:%02d" % ("-" if zone < 0 else "+", abs(zone) // 4, abs(zone) % 4 * 15)
        shown = "%04d-%02d-%02d %02d:%02d:%02d UTC" % t[:6] + (east if zone else "")
        self.note(True, "the modem's clock says " + shown)
        return stamp(*t[:6]) - zone * 900

    def _file(self, key, name, now, checked):
        from ..download import fetch
        from ..files import size

        if size(self.modem, name) < 0:
            self.note(
                False,
                "%s: %s is not on the modem" % (key, name),
                'files in RAM are lost when it restarts: connect again, or where="UFS:"',
            )
            return
        data = fetch(self.modem, name)[0]
        if key == "clientkey":
            if not self._usable(key, name, None, data):
                return None
            self.note(True, "%s: %s" % (key, name))
            return data
        if not self._usable(key, name, data):
            return None
        try:
            facts = [_facts(der) for der in _ders(data)]
        except (ValueError, IndexError):
            facts = ()
        if not facts:
            self.note(None, "%s: %s, dates can't be read" % (key, name), "look at them on a PC")
            return data
        good = now is not None and [
            1 for d, _, _, _ in facts if stamp(*d[0]) <= now <= stamp(*d[1])
        ]
        for (low, high), _, _, _ in facts:
            what = "%s: %s, valid %s to %s" % (key, name, _day(low), _day(high))
            if now is None:
                self.note(None, what, "no clock to compare it with")
            elif stamp(*low) <= now <= stamp(*high):
                self.note(True, what)
            else:
                do = "correct the modem's clock, or get a new certificate"
                if good and key == "cacert":
                    do = "no harm if the server's comes from another one of this file; else " + do
                self.note(
                    False if checked and not (good and key == "cacert") else None,
                    what + (": not yet valid" if now < stamp(*low) else ": expired"),
                    do,
                )
        self._kinds(key, name, facts)
        return data

    def _usable(self, key, name, cert, private=None):
        # Whether the file is as qssl.connect.pemcheck wants it; another program may have left it.
        from ..connect.pemcheck import load

        try:
            found = load(None if private else cert, cert if private else None, private)
        except OSError as e:
            what = "certificate" if private is None else "key"
            hint = getattr(e, "hint", str(e))
            self.note(False, "%s: %s holds no %s that can be used" % (key, name, what), hint)
            return False
        if cert and private:
            return True
        raw_size, raw_crc, size, _, crc = (found[2] if private else found[0])[1:]
        if (raw_size, raw_crc) != (size, crc):
            self.note(
                None,
                "%s: %s is not in the form that every modem reads" % (key, name),
                "upload it by modem.tls(), which takes out what does not belong into PEM",
            )
        return True

    def _kinds(self, key, name, found):
        # What differs from modem to modem. found: _facts() of each certificate.
        which = "%s: %s " % (key, name)
        rsa = [alg == _RSA for _, _, _, alg in found]
        if self.modem.link.lte and False in rsa:
            self.note(
                None,
                which + "has no RSA key",
                "the suite must be one of ECDSA then (ECDHE-ECDSA-...), where the modem has one",
            )
            rsa = [True] * len(rsa)
        if key == "clientcert":
            if not rsa[0]:
                self.note(
                    None,
                    which + "has no RSA key",
                    "the modem has suites of RSA alone; if this fails, take an RSA key",
                )
            return
        if not [1 for _, root, _, _ in found if root]:
            authority = found[0][2]
            self.note(
                None,
                which
                + ("is an intermediate CA" if authority else "is a server's own certificate"),
                "some modems trust it, others only a root (self-signed), and answer 566; give "
                "the root that it comes from",
            )
            if not authority and not rsa[0]:
                self.note(False, which + "has no RSA key", "the server needs an RSA key")
        elif False in rsa:
            self.note(
                None,
                which + "has no RSA key",
                "not every modem can check what such a CA has signed; the server needs an RSA key "
                "in any case",
            )


def _named(table, val):
    # (name, weak) of a value in a table of qssl.connect.sslcheck.
    for name in table:
        if str(table[name][0]) == val:
            return name, table[name][1]
    return val, True


def _day(t):
    return "%04d-%02d-%02d" % t[:3]


def stamp(y, m, d, hh, mm, ss):
    # Seconds since some day of the Gregorian calendar.
    if m < 3:
        y -= 1
        m += 12
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m - 457) // 5 + d
    return ((days * 24 + hh) * 60 + mm) * 60 + ss


def validity(pem):
    # [(not before, not after)] of the certificates in a PEM file, each as (year, month, day, hour,
    # minute, second) in UTC. ValueError or IndexError if one can't be read.
    return [_facts(der)[0] for der in _ders(pem)]


def _ders(pem):
    # The certificates of a PEM file in DER.
    found = []
    at = pem.find(_BEGIN)
    while at >= 0:
        end = pem.find(b"-----END", at)
        found.append(a2b_base64(pem[at + len(_BEGIN) : max(end, 0)]))
        at = pem.find(_BEGIN, max(end, at + 1))
    return found


def _facts(der):
    # RFC 5280, 4.1: ((not before, not after), issued by itself, is a CA, OID of its key).
    _, at, end = _tlv(der, _tlv(der, 0)[1])
    parts = []
    while at < end:
        parts.append(_tlv(der, at))
        at = parts[-1][2]
    if parts[0][0] == 0xA0:  # version
        parts.pop(0)
    issuer, subject = [der[lo:hi] for _, lo, hi in (parts[2], parts[4])]
    at = parts[3][1]
    both = []
    for _ in range(2):
        tag, lo, hi = _tlv(der, at)
        t = der[lo:hi].decode()
        if tag == 23:  # UTCTime: two digits of the year
            t = ("20" if t < "5" else "19") + t
        both.append(tuple([int(t[0:4])] + [int(t[i : i + 2]) for i in range(4, 14, 2)]))
        at = hi
    _, lo, hi = _tlv(der, _tlv(der, parts[5][1])[1])
    authority = issuer == subject  # of version 1, without extensions
    if len(parts) > 6:
        authority = False
        at = der.find(_BASIC, parts[-1][1])
        if at >= 0:
            at += len(_BASIC)
            if der[at] == 1:  # critical
                at += 3
            _, at, end = _tlv(der, _tlv(der, at)[1])
            authority = at < end and der[at] == 1
    return tuple(both), issuer == subject, authority, der[lo:hi]


def _tlv(der, at):
    # (tag, start of the content, its end) of the DER element at `at`.
    n = der[at + 1]
    lo = at + 2
    if n & 128:
        k = n & 127
        n = int.from_bytes(der[lo : lo + k], "big")
        lo += k
    return der[at], lo, lo + n
