# qcheck.verdict - from what was found to yes or no, and what has to be changed.
# SPDX-License-Identifier: MIT

from qcheck import papers
from qcheck.attempt import BROKEN, CLOSED, NO_TLS, REFUSED, SILENT
from ugsim.model.commands.sslcfg import TlsSettings
from ugsim.net.hello import VERSIONS
from ugsim.net.tls import TlsClient


class Finding:
    # key: what has to be changed (qcheck.advice).   hard: it does not work like this.
    def __init__(self, key, hard, text):
        self.key = key
        self.hard = hard
        self.text = text


class Verdict:
    # findings, anchor (qcheck.papers), line: the modem.tls(...) call, "" if none can work.
    # good: the line was tried, and works.
    def __init__(self, survey, ca, save):
        self._survey = survey
        self.findings = []
        self.anchor = None
        self.line = ""
        self.good = False
        if not survey.reachable():
            self._no_tls()
            return
        if not survey.best:
            self._refused()
        self._server_name()
        if survey.chain:
            for key, hard, text in papers.remarks(
                survey.chain, survey.name or survey.host, survey.model
            ):
                self._say(key, hard, text)
            self._trust(ca)
        if survey.best:
            self._client()
            self._data()
            self._write(save or ca or "ca.pem")
            if not self._hard():
                self._prove()

    def hard(self):
        return [finding for finding in self.findings if finding.hard]

    def keys(self):
        return {finding.key for finding in self.findings}

    def _hard(self):
        return bool(self.hard())

    def _say(self, key, hard, text):
        self.findings.append(Finding(key, hard, text))

    def _no_tls(self):
        found = self._survey.together
        if found.end == NO_TLS:
            first = papers.printable(found.wire.first.decode("latin-1"))[:40]
            text = "what listens there speaks no TLS on this port; it begins with '%s'" % first
            self._say("tls", True, text)
        else:
            what = "nothing" if found.why == "nothing" else "no more than the beginning"
            text = "it takes the connection, but %s comes within %g s: no TLS there, or overloaded"
            self._say("silent", True, text % (what, self._survey.chosen.timeout))

    def _refused(self):
        # Nothing of what the modem offers was taken. Why: what a client of today gets tells.
        survey = self._survey
        today = survey.today
        named = survey.named
        if named is not None and (named.chain or named.end == "open"):
            self._say("sni", True, "it refuses a client that names no host (SNI)")
            return
        twelve = today.get("1.2")
        newest = today.get("name") or today.get("")
        if twelve:
            if not self._wrong_key(twelve):
                text = "it takes none of the modem's cipher suites; a client of today gets %s"
                self._say("suites", True, text % twelve["suite"])
        elif newest:
            text = "it speaks %s only, the modem %s at most"
            text %= (newest["version"], survey.model.versions[0][0])
            self._say("version", True, text)
            self._wrong_key(newest)
        elif survey.together.end == CLOSED and not survey.together.wire.received:
            text = (
                "it closes the connection at the first words of TLS, to clients of today as well"
            )
            self._say("tls", True, text)
        else:
            text = "it refuses the modem, and clients of today as well: %s; its own log tells why"
            self._say("suites", True, text % how(survey.together))

    def _wrong_key(self, found):
        # Whether the certificate that a client of today got has a key that no suite of the modem
        # goes with; then that is said.
        leaf = papers.parse([found["leaf"]])[0]
        kind = papers.key_words(leaf) if leaf else "unknown"
        if kind.startswith("RSA") or self._survey.model.ecdsa:
            return False
        text = "its certificate has a key of %s: the modem's cipher suites need RSA"
        self._say("key", True, text % kind)
        return True

    def _server_name(self):
        survey = self._survey
        plain, named = survey.together, survey.named
        if named is None or not plain.chain or not named.chain:
            return
        if plain.chain[0] != named.chain[0]:
            certs = papers.parse([plain.chain[0], named.chain[0]])
            shown = [papers.words(cert.subject) if cert else "?" for cert in certs]
            text = "without a server name (SNI), which the modem can't send, it shows the "
            text += "certificate of %s and not that of %s: another host may answer"
            self._say("sni", False, text % tuple(shown))

    def _trust(self, ca):
        survey = self._survey
        enciphers = not (survey.best and survey.best[1].name.startswith("ECDHE"))
        self.anchor = papers.anchor(survey.chain, ca, enciphers)
        found = self.anchor
        if not found.certs:
            self._say("chain", True, found.why)
        elif not found.fits:
            if "dates" in self.keys() and ("expired" in found.why or "not valid" in found.why):
                return  # said already
            key = "usage" if "key usage" in found.why else "chain"
            what = "%s does not fit: " % ca if found.source == "file" and key == "chain" else ""
            self._say(key, True, what + found.why)
        elif found.strict:
            text = "some firmware trusts a self-signed certificate only, and %s"
            self._say("strict", False, text % found.strict)
        if found.fits and found.source == "store" and not survey.model.host:
            text = "its CA is a public one: the modem looks at no name, so it trusts each server "
            text += "that this CA has signed. A CA of your own is better: tools/ca.py"
            self._say("public", False, text)

    def _client(self):
        survey = self._survey
        if survey.asked == "required" and survey.pair_taken is None:
            text = "it wants a client's certificate%s: --cert and --key try one"
            self._say("client", True, text % (" (%s)" % survey.refusal if survey.refusal else ""))
        elif survey.pair_taken is False:
            self._say("client", True, "it does not accept the certificate of --cert")
        elif survey.asked == "optional" and survey.pair_taken is None:
            self._say("client", False, "it asks for a client's certificate, but goes without")

    def _data(self):
        survey = self._survey
        if survey.record > survey.model.record:
            text = (
                "its records are up to %d bytes long; the modem buffers about %d for a connection"
            )
            self._say("record", False, text % (survey.record, survey.model.record))
        if survey.idle is not None and survey.idle < 5:
            text = "it closes a connection that says nothing for %.1f s"
            self._say("idle", False, text % survey.idle)
        version, suite = survey.best
        if version[2] or suite.weak:
            self._say("weak", False, "%s with %s is weak" % (version[0], suite.name))

    def _write(self, ca):
        survey = self._survey
        version, suite = survey.best
        words = ['ca="%s"' % getattr(ca, "name", ca)]
        if survey.pair_taken or survey.asked == "required":
            cert, key = survey.chosen.cert, survey.chosen.key
            words += ['cert="%s"' % (cert.name if cert else "client.pem")]
            words += ['key="%s"' % (key.name if key else "client.key")]
        if version[0] != "TLS1.2":
            words.append('version="%s"' % version[0])
        if suite.name != survey.model.usual:
            words.append('suite="%s"' % suite.name)
        if version[2] or suite.weak:
            words.append("allow_weak=True")
        self.line = "ctx = modem.tls(%s)" % ", ".join(words)

    def _prove(self):
        # The simulated modem connects with what the line says.
        survey = self._survey
        version, suite = survey.best
        pair = survey.pair_bytes if survey.pair_taken else (b"", b"")
        why = prove(survey, version, suite, self.anchor.pem(), pair)
        self.good = not why
        if why:
            self._say("other", True, "with that the connection fails: %s" % why)


class _Settings(TlsSettings):
    # Of an SSL context, as ugsim.net.tls wants them.
    def __init__(self, version, suite, ca, pair, survey):
        TlsSettings.__init__(self)
        self.version = version
        self.suites = [suite]
        self.seclevel = 2 if pair[0] else 1
        self.ca = ca
        self.cert, self.key = pair
        self.anchor = "any"
        self.ignore_time = False
        self.clock = papers.now().timestamp()
        name = survey.name or survey.host
        self.modern = survey.model.modern
        self.server_name = survey.name if survey.model.sni and survey.name else ""
        self.check_name = name if survey.model.host else ""


def prove(survey, version, suite, ca, pair):
    # "" if the simulated modem gets through the handshake, else why not.
    import socket
    import time

    number = next(n for n, span in VERSIONS.items() if span == (version[1], version[1]))
    client = TlsClient(_Settings(number, suite.number, ca, pair, survey))
    end = time.monotonic() + survey.chosen.timeout
    try:
        with socket.create_connection((survey.address, survey.port), 10) as sock:
            while client.state == "handshake":
                client.step()
                if client.outgoing:
                    sock.sendall(client.outgoing)
                    client.outgoing.clear()
                if client.state != "handshake":
                    break
                sock.settimeout(max(0.01, end - time.monotonic()))
                data = sock.recv(65536)
                client.feed(data)
                if not data:
                    client.feed_eof()
    except OSError as error:
        return papers.printable(str(error))
    return "" if client.state == "open" else client.why


def how(found):
    # An Attempt that failed, in words.
    return {
        REFUSED: "alert %s" % found.why,
        CLOSED: "it closes the connection",
        SILENT: "it is silent",
        NO_TLS: "it speaks no TLS",
        BROKEN: papers.printable(found.why),
    }.get(found.end, found.end)
