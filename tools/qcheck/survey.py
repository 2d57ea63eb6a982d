# qcheck.survey - asks the server all there is to ask, and notes what it did.
# SPDX-License-Identifier: MIT

import os
import socket
import threading
import time

from qcheck import attempt, modern, papers
from qcheck.attempt import GONE, NO_TLS, OPEN, SILENT, Attempt
from qshared.problem import Problem
from ugsim.net.hello import VERSIONS

_SILENT_MAX = 2  # so many attempts without an answer end the asking
_MQTT = 8883


class Survey:
    # What was found. In the words of the attributes:
    #   address       as connected to; IPv4, as the modem's
    #   taken         {(version, suite name): True, False or why not tried}
    #   together      the Attempt of the newest version with all suites, without a server name
    #   whole         the Attempt with all versions and suites, as the modem's "all"
    #   named         as `together`, with a server name; None if the server has none
    #   today         what modern.look() got: {"": without name, "name": with it, "1.2": TLS 1.2}
    #   chain         certificates of the server, its own first
    #   asked         it wants a client's certificate: "", "optional", "required"
    #   pair_taken    the one that was given works: None if none was
    #   protocol      "http", "mqtt", ""      software  of the Server header     refusal  of HTTP
    #   record        length of the longest record with data, 0 if none came
    #   idle          seconds until it closes an idle connection, None if not within `waited`
    def __init__(self, chosen, model, tell):
        self.host, self.port = chosen.where
        self.chosen = chosen
        self.model = model
        self.tell = tell
        self.name = chosen.name or (None if _is_address(self.host) else self.host)
        self.address = ""
        self.taken = {}
        self.together = self.named = self.whole = None
        self.today = {}
        self.chain = []
        self.asked = ""
        self.pair = (None, None)
        self.pair_bytes = (b"", b"")
        self.pair_taken = None
        self.protocol = self.software = self.refusal = ""
        self.record = 0
        self.idle = None
        self.waited = 0.0
        self.best = None  # (version, suite) for modem.tls()
        self.silent = 0
        if chosen.cert:
            self.pair, self.pair_bytes = papers.pair(chosen.cert, chosen.key)

    def run(self):
        self._resolve()
        self.together = self._try(self._newest(), self._offered())
        if self.together.end == GONE:
            raise Problem(
                "Can't connect to %s port %d: %s." % (self.host, self.port, self.together.why)
            )
        if self.together.end in (SILENT, NO_TLS):
            return
        self.tell("TLS from %s" % self.address)
        self._suites()
        self.whole = self._try(None, self._offered())
        self._names()
        self._look()
        self._client()
        self._talk()

    def reachable(self):
        return self.together is not None and self.together.end not in (SILENT, NO_TLS)

    def works(self):
        return [key for key, taken in self.taken.items() if taken is True]

    def _resolve(self):
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Problem(
                "Can't connect to %s: %s." % (self.host, attempt.reason(error))
            ) from None
        four = [entry[4] for entry in found if entry[0] == socket.AF_INET]
        if not four:
            raise Problem(
                "%s has an IPv6 address only, and the modem's PDP context is IPv4: "
                "give the server an IPv4 address." % self.host
            )
        self.address = four[0][0]

    def _target(self):
        return self.address, self.port

    def _newest(self):
        return self.model.versions[0]

    def _offered(self, version=(3, 3)):
        return self.model.offered(version)

    def _try(self, version, suites, sni=None, keep=False, pair=None):
        # version: of the model, or None for all of them.
        number = 4
        if version:
            number = next(n for n, span in VERSIONS.items() if span == (version[1], version[1]))
        if self.model.sni:
            sni = self.name
        pair = pair or self.pair
        modern = self.model.modern
        found = Attempt(self._target(), number, suites, sni, pair, self.chosen.timeout, modern)
        if not keep:
            found.close()
        return found

    def _suites(self):
        # Each version with each suite. An older version is only asked about each if it takes
        # anything at all.
        for version in self.model.versions:
            name, wire, _ = version
            offered = self._offered(wire)
            whole = self.together if version is self._newest() else None
            if whole is None:
                whole = self._try(version, offered)
                self._note(whole)
            for suite in self.model.suites:
                if suite.number not in offered:
                    continue
                key = (name, suite.name)
                if self.silent >= _SILENT_MAX:
                    self.taken[key] = "not tried"
                elif self._negotiated(whole) or version is self._newest():
                    one = self._try(version, [suite.number])
                    self._note(one)
                    self.taken[key] = self._negotiated(one)
                    self.tell("%s %s" % key)
                else:
                    self.taken[key] = False
        for version in self.model.versions:
            for suite in self.model.suites:
                if not self.best and self.taken.get((version[0], suite.name)) is True:
                    self.best = (version, suite)

    def _negotiated(self, found):
        # A server that wants a certificate agrees on a suite first.
        return found.end == OPEN or (bool(found.chain) and found.asked)

    def _note(self, found):
        if found.end in (SILENT, GONE):
            self.silent += 1

    def _names(self):
        # What a server name changes, and what clients of today get.
        limit = self.chosen.timeout
        if self.name and not self.model.sni:
            self.named = self._try(self._newest(), self._offered(), sni=self.name)
        self.today[""] = modern.look(self._target(), None, timeout=limit)
        self.today["1.2"] = modern.look(self._target(), self.name, "1.2", limit)
        if self.name:
            self.today["name"] = modern.look(self._target(), self.name, timeout=limit)

    def _look(self):
        shown = self.together.chain
        if self.best:
            version, suite = self.best
            found = self._try(version, [suite.number])
            shown = found.chain or shown
            self.asked = "" if not found.asked else "required"
            if found.asked and found.end == OPEN:
                self.asked = "optional"
        self.chain = papers.parse(shown)

    def _client(self):
        # A certificate that was given: is it taken, and would it go without?
        if not self.best or not self.asked or not self.chosen.cert:
            return
        version, suite = self.best
        self.pair_taken = self.asked == "optional"
        without = self._try(version, [suite.number], pair=(None, None))
        self.asked = "optional" if without.end == OPEN else "required"

    def _talk(self):
        # A request, and connections that are left alone, at the same time.
        if not self.best:
            return
        idle = None
        if self.chosen.idle:
            idle = threading.Thread(target=self._wait, daemon=True)
            idle.start()
        if not self.chosen.no_ask:
            self._ask()
        if idle:
            self.tell("waiting whether it closes an idle connection (%g s)" % self.chosen.idle)
            idle.join()

    def _open(self):
        version, suite = self.best
        return self._try(version, [suite.number], keep=True)

    def _ask(self):
        first, second = (self._mqtt, self._http)
        if self.port != _MQTT:
            first, second = second, first
        if not first() and self.port != 443:
            second()

    def _http(self):
        found = self._open()
        if found.end != OPEN:
            return False
        text = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: qssl-check\r\nConnection: close\r\n\r\n"
        host = self.name or self.host
        came = found.ask((text % (self.chosen.get, host)).encode(), self.chosen.timeout)
        found.close()
        self.record = max(self.record, found.wire.longest)
        if not came.startswith(b"HTTP/"):
            return False
        self.protocol = "http"
        head, _, body = came.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n")[1:]:
            key, _, value = line.decode("latin-1").partition(":")
            if key.strip().lower() == "server":
                self.software = papers.printable(value.strip())
        if (
            head[9:12] in (b"400", b"401", b"403", b"495", b"496")
            and b"certificate" in body.lower()
        ):
            self.refusal = papers.printable(head.split(b"\r\n")[0].decode("latin-1"))
            self.asked = "required"
            if self.pair_taken:
                self.pair_taken = False
        return True

    def _mqtt(self):
        found = self._open()
        if found.end != OPEN:
            return False
        name = b"qssl-check-" + os.urandom(4).hex().encode()
        body = b"\0\4MQTT\4\2\0\x3c" + len(name).to_bytes(2, "big") + name
        came = found.ask(bytes([0x10, len(body)]) + body, min(5, self.chosen.timeout))
        found.close()
        self.record = max(self.record, found.wire.longest)
        if came[:2] != b"\x20\x02":
            return False
        self.protocol = "mqtt"
        return True

    def _wait(self):
        found = self._open()
        if found.end != OPEN:
            return
        begin = time.monotonic()
        self.idle = found.wait(self.chosen.idle)
        self.waited = time.monotonic() - begin
        found.close()


def _is_address(host):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
            return True
        except OSError:
            pass
    return False
