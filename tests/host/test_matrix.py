# test_matrix - every version and suite, authentication and time, really negotiated by the driver.
# SPDX-License-Identifier: MIT
#
# The driver runs on MicroPython, ugsim is a process on a pty, the servers are real: tlslite-ng for
# what OpenSSL no longer does, nginx for the rest. Version and suite are asked at the server's end
# (manual, tables 1 and 2; 2.2.1; 1.4).

import datetime
import json
import os
import select
import ssl
import subprocess

import pytest

import setup
import tls_peer
from patience import until
from servers import Nginx
from tls_peer import TlsPeer
from ugsim_client import Ugsim

VERSIONS = {"SSL3.0": 0, "TLS1.0": 1, "TLS1.1": 2, "TLS1.2": 3}
SUITES = {
    "AES256-SHA": 0x0035,
    "AES128-SHA": 0x002F,
    "RC4-SHA": 0x0005,
    "RC4-MD5": 0x0004,
    "3DES-SHA": 0x000A,
    "AES256-SHA256": 0x003D,
}
PAIRS = [
    (version, suite)
    for version in VERSIONS
    for suite in SUITES
    if suite != "AES256-SHA256" or version == "TLS1.2"  # RFC 5246 brought it
]
TEXT = "GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n" * 3


class DriverError(Exception):
    def __init__(self, answer):
        super().__init__(answer["error"])
        self.code = answer["code"]
        self.phase = answer["phase"]


class Driver:
    # The driver in a process of its own: driver.clock(...) and so on, see matrix_client.py.
    def __init__(self, path):
        micropython = setup.find_micropython()
        if micropython is None:
            pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
        here = setup.ROOT / "tests/host/support"
        parts = [".frozen", setup.ROOT / "lib", setup.ROOT / "boards"]
        env = dict(os.environ, MICROPYPATH=os.pathsep.join(str(p) for p in parts))
        self.process = subprocess.Popen(
            [str(micropython), "-X", "heapsize=1m", str(here / "matrix_client.py"), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
        )
        assert self._answer() == "ready"

    def __getattr__(self, name):
        def call(*args):
            self.process.stdin.write(json.dumps([name, args]).encode() + b"\n")
            self.process.stdin.flush()
            return self._answer()

        return call

    def _answer(self, timeout_s=120):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        line = self.process.stdout.readline() if ready else b""
        assert line, "the driver's process said nothing in %d s" % timeout_s
        answer = json.loads(line)
        if "error" in answer:
            raise DriverError(answer)
        return answer["value"]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def driver():
    with Ugsim("--pty", "--baud", "0") as sim:
        driver = Driver(sim.at)
        try:
            driver.clock(now())
            yield driver
        finally:
            driver.close()


def now(days=0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return t.timetuple()[:6]


def tls(certs, **settings):
    return dict({"ca": str(certs.ca), "negotiate_s": 20}, **settings)


def exchange(driver, peer, settings, ctx=0):
    # An echo through the modem; returns the connection as the server saw it.
    before = len(peer.links)
    assert driver.exchange(peer.host, peer.port, ctx, settings, TEXT, len(TEXT)) == TEXT
    link = peer.wait(before + 1)
    assert bytes(link.received) == TEXT.encode() and link.error is None
    return link


def refused(driver, server, settings, code=566):
    with pytest.raises(DriverError) as caught:
        driver.exchange("127.0.0.1", server.port, 0, settings, TEXT, 1)
    assert caught.value.phase == "open" and caught.value.code == code, caught.value


# Versions and suites


@pytest.mark.parametrize(("version", "suite"), PAIRS)
def test_version_and_suite(driver, certs, version, suite):
    wanted = tls(certs, version=version, suite=suite, allow_weak=True)
    suites = (SUITES[suite],)
    with TlsPeer(certs.server, version=VERSIONS[version], suites=suites, tls="tlslite") as peer:
        link = exchange(driver, peer, wanted, ctx=SUITES[suite] % 6)
        assert (link.version, link.suite) == (VERSIONS[version], SUITES[suite])


@pytest.mark.parametrize("version", VERSIONS)
def test_all_suites_and_all_versions(driver, certs, version):
    # "0XFFFF" with each version, and version 4 with each suite list, which the server narrows.
    theirs = tuple(number for name, number in SUITES.items() if (version, name) in PAIRS)
    with TlsPeer(certs.server, version=VERSIONS[version], suites=theirs, tls="tlslite") as peer:
        one = exchange(driver, peer, tls(certs, version=version, suite="all", allow_weak=True))
        two = exchange(driver, peer, tls(certs, version="all", suite="all", allow_weak=True))
        three = exchange(
            driver, peer, tls(certs, version="all", suite="AES128-SHA", allow_weak=True)
        )
    for link in (one, two, three):
        assert link.version == VERSIONS[version] and link.suite in theirs
    assert three.suite == SUITES["AES128-SHA"]


@pytest.mark.parametrize("suite", SUITES)
def test_all_suites_holds_each(driver, certs, suite):
    with TlsPeer(certs.server, suites=(SUITES[suite],), tls="tlslite") as peer:
        link = exchange(driver, peer, tls(certs, suite="all", allow_weak=True))
        assert (link.version, link.suite) == (3, SUITES[suite])


def test_all_versions_takes_the_best(driver, certs, start):
    nginx = start(TlsNginx(certs))
    assert asked(
        driver, nginx, tls(certs, version="all", suite="all", allow_weak=True)
    ).startswith("TLSv1.2 AES")


@pytest.mark.parametrize("suite", ["AES256-SHA256", "AES256-SHA", "AES128-SHA"])
def test_modern_suites_against_nginx(driver, certs, start, suite):
    nginx = start(TlsNginx(certs))
    assert asked(driver, nginx, tls(certs, suite=suite)) == "TLSv1.2 %s NONE " % suite


def test_nothing_in_common_is_refused(driver, certs, start):
    with TlsPeer(certs.server, version=3, suites=(0x0035,), tls="tlslite") as peer:
        refused(driver, peer, tls(certs, suite="AES128-SHA"))
        refused(driver, peer, tls(certs, version="TLS1.1", suite="AES256-SHA", allow_weak=True))
        # The suite exists in TLS 1.2 only.
        refused(driver, peer, tls(certs, version="TLS1.1", suite="AES256-SHA256", allow_weak=True))
        exchange(driver, peer, tls(certs, suite="AES256-SHA"))
    nginx = start(TlsNginx(certs))
    refused(driver, nginx, tls(certs, suite="RC4-SHA", allow_weak=True))
    refused(driver, nginx, tls(certs, version="SSL3.0", suite="AES256-SHA", allow_weak=True))


# Authentication (seclevel)


class TlsNginx(Nginx):
    # GET /tls: how the server sees the connection.
    def prepare(self):
        argv = super().prepare()
        conf = self.folder / "nginx.conf"
        text = conf.read_text()
        where = "location = /post {"
        assert text.count(where) == 1
        say = '"$ssl_protocol $ssl_cipher $ssl_client_verify $ssl_client_s_dn"'
        conf.write_text(
            text.replace(where, "location = /tls { return 200 %s; }\n%s" % (say, where))
        )
        return argv


def asked(driver, nginx, settings):
    # The body of GET /tls, or the status line if it is not 200.
    request = "GET /tls HTTP/1.0\r\n\r\n"
    answer = driver.exchange("127.0.0.1", nginx.port, 1, settings, request)
    head, _, body = answer.partition("\r\n\r\n")
    return body if " 200 " in head.splitlines()[0] else head.splitlines()[0]


def test_mutual_authentication(driver, certs, start):
    nginx = start(TlsNginx(certs, client_ca=certs.ca))
    client = {"cert": str(certs.client.cert), "key": str(certs.client.key)}
    seen = asked(driver, nginx, tls(certs, **client))
    assert seen.startswith("TLSv1.2 AES256-SHA256 SUCCESS ") and "CN=device-1" in seen
    # Without a certificate, and with one of another CA: nginx takes the connection and says no.
    assert " 400 " in asked(driver, nginx, tls(certs))
    other = {"cert": str(certs.untrusted_client.cert), "key": str(certs.untrusted_client.key)}
    assert " 400 " in asked(driver, nginx, tls(certs, **other))


def test_mutual_authentication_with_each_version(driver, certs):
    client = {"cert": str(certs.client.cert), "key": str(certs.client.key)}
    der = ssl.PEM_cert_to_DER_cert(certs.client.cert_pem.decode().split("-----END")[0] + PEM_END)
    for version, number in VERSIONS.items():
        with TlsPeer(
            certs.server, version=number, suites=(0x002F,), client_ca=certs.ca, tls="tlslite"
        ) as peer:
            wanted = tls(certs, version=version, suite="AES128-SHA", allow_weak=True, **client)
            assert exchange(driver, peer, wanted).client_cert == der


PEM_END = "-----END CERTIFICATE-----\n"


def test_a_server_that_asks_for_no_client_gets_none(driver, certs, start):
    nginx = start(TlsNginx(certs))
    client = {"cert": str(certs.client.cert), "key": str(certs.client.key)}
    assert asked(driver, nginx, tls(certs, **client)) == "TLSv1.2 AES256-SHA256 NONE "


def test_server_authentication(driver, certs, start):
    good = start(TlsNginx(certs))
    chained = start(TlsNginx(certs, identity=certs.chained))
    foreign = start(TlsNginx(certs, identity=certs.untrusted))
    nobody = {"auth": False, "allow_weak": True, "negotiate_s": 20}
    for server in (good, chained, foreign):
        assert asked(driver, server, nobody).startswith("TLSv1.2")  # seclevel 0 trusts anybody
    for server in (good, chained):
        assert asked(driver, server, tls(certs)).startswith("TLSv1.2")
        refused(driver, server, tls(certs, ca=str(certs.other_ca)))
    refused(driver, foreign, tls(certs))
    assert asked(driver, foreign, tls(certs, ca=str(certs.other_ca))).startswith("TLSv1.2")


# Time (manual 1.4)


def test_certificates_and_the_clock(driver, certs, start):
    expired = start(TlsNginx(certs, identity=certs.expired))
    early = start(TlsNginx(certs, identity=certs.not_yet_valid))
    good = start(TlsNginx(certs))
    try:
        # (days from now, what is accepted then)
        for days, accepted in ((0, [good]), (-10, [good, expired]), (10, [good, early])):
            driver.clock(now(days))
            for server in (good, expired, early):
                if server in accepted:
                    assert asked(driver, server, tls(certs)).startswith("TLSv1.2"), days
                else:
                    refused(driver, server, tls(certs))
        driver.clock(now())
        for server in (expired, early):  # ignorelocaltime
            assert asked(driver, server, tls(certs, check_time=False)).startswith("TLSv1.2")
    finally:
        driver.clock(now())


def test_a_server_that_stalls_the_handshake(driver, certs):
    # negotiatetime, at its least: 10 s.
    with TlsPeer(certs.server, serve=tls_peer.hold, tls="none") as peer:
        refused(driver, peer, tls(certs, negotiate_s=10), code=569)
        spent = driver.spent_ms()
        assert 9500 <= spent <= 60000, spent  # the modem's own is 300 s
        hello = bytes(peer.wait(1).received)
        assert hello[:1] == b"\x16"  # a handshake was begun
    until(lambda: driver.states() == [])  # given back in the background


# What is said when it goes wrong


def test_diagnose_with_real_names_and_certificates(driver, certs, start):
    nginx = start(TlsNginx(certs, identity=certs.untrusted))
    refused(driver, nginx, tls(certs))
    found = driver.diagnose("localhost")
    assert not [what for ok, what, _ in found if ok is False], found
    assert [what for ok, what, _ in found if ok and what == "localhost is 127.0.0.1"]
    ca = next(what for ok, what, _ in found if what.startswith("cacert"))
    from cryptography import x509

    real = x509.load_pem_x509_certificate(certs.ca.read_bytes())
    days = [t.strftime("%Y-%m-%d") for t in (real.not_valid_before_utc, real.not_valid_after_utc)]
    assert ca.endswith("valid %s to %s" % tuple(days))
    found = driver.diagnose("no-such-host.invalid")
    assert [what for ok, what, _ in found if ok is False and "does not resolve" in what]


def test_dates_of_the_client_certificate(driver, certs, start):
    old = certs.issue(
        "old-client",
        "device-3.example",
        not_before=datetime.datetime(2019, 12, 31, 23, 59, 58, tzinfo=datetime.timezone.utc),
        not_after=datetime.datetime(2021, 2, 28, tzinfo=datetime.timezone.utc),
    )
    nginx = start(TlsNginx(certs, client_ca=certs.ca))
    settings = tls(certs, cert=str(old.cert), key=str(old.key))
    assert " 400 " in asked(driver, nginx, settings)
    found = driver.diagnose("127.0.0.1")
    wrong = [what for ok, what, _ in found if ok is False]
    assert len(wrong) == 1 and "2019-12-31 to 2021-02-28: expired" in wrong[0], found


def test_probe_of_the_simulated_firmware(driver, certs):
    assert {"QSSLCFG", "QSSLOPEN", "QSSLSEND", "QSSLRECV", "QSSLCLOSE"} <= set(driver.probe())
    with TlsPeer(certs.server, suites=(0x003D,)) as peer:
        exchange(driver, peer, tls(certs))
