# test_families_tls - each family of LTE modems with servers as they are today: what is negotiated.
# SPDX-License-Identifier: MIT
#
# Driver and simulated modem in one process, real TLS between the modem and a server in it.

import atexit
import os
import pathlib
import shutil
import ssl
import tempfile
import warnings

import trustme

import certificates  # before the virtual clock
import rig as _rig
from driver_kit import pattern, raised, reads
from memory_net import MemoryNet
from old_server import OldServer
from qssl import Modem
from qssl.connect import sslcheck
from qssl.family import choose, suites, table
from ugsim.net.hello import suite_name

ONLY = "cpython"
WHY = "the servers are Python's ssl"

# EVERY_SUITE=1: each suite with each version that has it, which takes half a minute.
EVERY = os.environ.get("EVERY_SUITE", "") == "1"
MODELS = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
HOST = "a.example"
_made = {}


def servers():
    # (net, CA): HOST has a certificate of RSA and one of ECDSA, of its own name alone, and answers
    # to b.example too.
    if not _made:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="qssl-families-"))
        certs = certificates.Certificates(folder)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.minimum_version = ssl.TLSVersion.TLSv1
        server.maximum_version = ssl.TLSVersion.TLSv1_2
        server.set_ciphers("ALL:@SECLEVEL=0")
        rsa = certs.issue("rsa", HOST)
        leaf = certs._ca.issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
        ecdsa = certificates.Identity(folder, "ecdsa", leaf)
        for one in (rsa, ecdsa):
            server.load_cert_chain(one.cert, one.key)
        _made.update(server=server, rsa=rsa, ecdsa=ecdsa)
        _made.update(ca=certs.ca.read_bytes(), other=certs.other_ca.read_bytes())
        atexit.register(shutil.rmtree, folder, True)
    net = MemoryNet()
    for host in (HOST, "b.example", "192.0.2.1"):
        net.serve(host, _made["server"])
    return net, _made["ca"]


def started(model, **switches):
    net, ca = servers()
    rig = _rig.Rig(net, model=model, switches=switches)
    modem = Modem(rig.uart)
    modem.link._poll = _rig.RigPoll(rig)
    modem.link.rate = 1000
    modem.start(apn="internet")
    return rig, modem, net, ca


def family(model):
    # Of a model, before there is a modem.
    name = choose._match(model.upper())
    return __import__("qssl.family." + name, None, None, ("Family",)).Family


def echoed(sock, n=2000):
    sock.settimeout(30)
    data = pattern(n)
    sock.write(data)
    sock.flush()
    assert reads(sock, n) == data


def test_what_is_usual_today():
    # Without a word: TLS 1.2, ECDHE with GCM, the name told; checked where the family can.
    for model in MODELS:
        rig, modem, net, ca = started(model)
        ctx = modem.tls(0, ca=ca, check_time=False)
        sock = modem.connect(HOST, 443, ctx)
        echoed(sock)
        sock.close()
        seen = net.seen[-1]
        assert seen.version == "TLSv1.2" and seen.name == HOST, (model, seen.version, seen.name)
        assert seen.suite == "ECDHE-RSA-AES128-GCM-SHA256", (model, seen.suite)
        checks = table(modem).host or model == "eg800k"
        try:
            modem.connect("b.example", 443, ctx).close()
            assert not checks, model
        except OSError as e:
            assert checks and e.code == 566 and "certificate" in str(e), (model, e)
        # given up by name, where that can be
        if table(modem).host:
            loose = modem.tls(1, ca=ca, check_time=False, check_host=False)
            modem.connect("b.example", 443, loose).close()
        assert net.seen[-1].name == "b.example"
        # an address is no name; the CA counts all the same
        try:
            modem.connect("192.0.2.1", 443, modem.tls(2, ca=ca, check_time=False)).close()
            assert not checks, model
        except OSError as e:
            assert checks and e.code == 566, (model, e)
        assert net.seen[-1].name is None
        other = modem.tls(3, ca=_made["other"], check_time=False)
        assert raised(modem.connect, HOST, 443, other).code == 566, model


def test_access_modes():
    for model in MODELS:
        rig, modem, net, ca = started(model)
        ctx = modem.tls(0, ca=ca, check_time=False)
        sock = modem.connect(HOST, 443, ctx, push=True)
        echoed(sock, 1400)
        sock.close()
        pipe = modem.transparent(HOST, 443, ctx)
        echoed(pipe, 1400)
        pipe.escape()
        echoed(pipe, 300)
        pipe.close()
        assert not modem.stats.garbled, model


# --- every version and suite ---------------------------------------------------------------------

VERSIONS = ("SSL3.0", "TLS1.0", "TLS1.1", "TLS1.2")
_OPENSSL = (
    ssl.TLSVersion.SSLv3,
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
)


# Suites that a program can name, by model; and how many of those a newer firmware has not.
NAMED = {"ec25": 20, "bg96": 13, "bg95": 20, "bg770a": 20, "ec200u": 21, "eg800k": 21}
LACKING = {"ec25": 3, "ec200u": 3, "eg800k": 3}


def number(name):
    # Of a suite, as in modem.tls(suite=).
    return int((sslcheck.SUITES.get(name) or suites.SUITES[name])[0], 16)


def named(model):
    # The suites that a program can name with a modem of the family, and those that it can't.
    have = ["0005", "0004", "000A", "002F", "0035", "003D"]
    if model != "ug96":
        have = family(model).suites.split()
    names = [name for table in (sslcheck.SUITES, suites.SUITES) for name in table if name != "all"]
    mine = [name for name in names if "%04X" % number(name) in have]
    return mine, [name for name in names if name not in mine]


def has(rig, name):
    # Whether this firmware has a suite.
    return rig.model.family.suites is None or "0X%04X" % number(name) in rig.model.family.suites


def openssl():
    # {number: name} of what Python's ssl still has.
    servers()
    return {int(c["id"]) & 0xFFFF: c["name"] for c in _made["server"].get_ciphers()}


def alone(version, name):
    # A server with this version and suite and nothing else.
    key = version, name
    if key not in _made:
        suite = number(name)
        identity = _made["ecdsa" if "ECDSA" in name else "rsa"]
        if version and suite in openssl():
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                server.minimum_version = server.maximum_version = _OPENSSL[version]
            server.set_ciphers(openssl()[suite] + ":@SECLEVEL=0")
            server.load_cert_chain(identity.cert, identity.key)
        else:
            server = OldServer(identity, version, suite)
        _made[key] = server
    return _made[key]


def pairs(name):
    # The versions that have the suite. ECDHE came with TLS 1.0, SHA-256 and GCM with TLS 1.2.
    if name.endswith(("SHA256", "SHA384")):
        return (3,)
    return (1, 2, 3) if "ECDHE" in name else (0, 1, 2, 3)


def fits(net, modem, version, name, ctx=0):
    # A connection by this version and suite, to a server that has nothing else.
    net.serve(HOST, alone(version, name))
    tls = modem.tls(
        ctx,
        ca=_made["ca"],
        check_time=False,
        version=VERSIONS[version],
        suite=name,
        allow_weak=True,
    )
    sock = modem.connect(HOST, 443, tls)
    echoed(sock, 100)
    sock.close()
    seen = net.seen[-1]
    suite = number(name)
    assert seen.suite in (openssl().get(suite), suite_name(suite)), (name, seen.suite)
    shown = VERSIONS[version].replace("TLS1.0", "TLS1"), VERSIONS[version]
    assert seen.version.replace("TLSv", "TLS") in shown, (version, seen.version)
    return tls


def unfit(net, modem, tls, server, why):
    # The same settings, with a server that has others: no connection, and words for it.
    net.serve(HOST, server)
    e = raised(modem.connect, HOST, 443, tls)
    assert e.code == 566 and e.phase == "open" and HOST in e.hint, e
    assert "version" in e.hint and "cipher suite" in e.hint, e
    assert [word for word in why if word in net.seen[-1].error], net.seen[-1].error
    assert not net.seen[-1].got


def lacking(net, modem, name):
    # The family's table has the suite, this firmware does not: told at the first connection.
    net.serve(HOST, alone(3, name))
    tls = modem.tls(0, ca=_made["ca"], check_time=False, suite=name, allow_weak=True)
    n = len(net.seen)
    e = raised(modem.connect, HOST, 443, tls)
    assert e.phase == "tls" and "ciphersuite=0X%04X" % number(name) in e.hint, e
    assert "no connection is made" in e.hint and "modem.probe()" in e.hint, e
    assert len(net.seen) == n


def test_every_suite_of_every_family():
    # By name, with a server of that one alone; and with one that has another one alone.
    for model, firmware in zip(("ug96", "ec25", *MODELS), ("", "old", *[""] * len(MODELS))):
        rig, modem, net, ca = started(model, **{"firmware": firmware} if firmware else {})
        mine, others = named(model)
        without = len([name for name in mine if not has(rig, name)])
        assert len(mine) == (6 if model == "ug96" else NAMED[model]), (model, mine)
        assert without == (0 if firmware else LACKING.get(model, 0)), (model, without)
        for i, name in enumerate(mine):
            if not has(rig, name):
                lacking(net, modem, name)
                continue
            tls = fits(net, modem, 3, name, i % 6)
            other = "AES256-SHA" if "AES128" in name else "AES128-SHA"
            unfit(net, modem, tls, alone(3, other), ("SHARED_CIPHER",))
        for name in others:
            e = raised(modem.tls, 0, ca=ca, suite=name, allow_weak=True)
            assert e.hint.startswith("suite must be one of "), e
            assert name not in e.hint.split(":")[-1].replace(",", "").split(), e
            assert [n for n in mine if n not in e.hint] == [], e


def test_every_version_of_every_family():
    for k, model in enumerate(("ug96", *MODELS)):
        rig, modem, net, ca = started(model)
        mine = [name for name in named(model)[0] if has(rig, name)]
        for version in range(4):
            those = [name for name in mine if version in pairs(name)]
            if not EVERY:  # one of them, another one for each family
                those = [those[(3 * k + version) % len(those)]]
            for name in those:
                fits(net, modem, version, name)
            tls = fits(net, modem, version, "AES128-SHA", 2)
            wrong = 3 if version < 3 else 2
            unfit(net, modem, tls, alone(wrong, "AES128-SHA"), ("PROTOCOL", "VERSION"))
        # All of them: the best that both have.
        tls = modem.tls(1, ca=ca, check_time=False, version="all", suite="all", allow_weak=True)
        for version, name in ((0, "RC4-SHA"), (1, "AES128-SHA"), (3, "AES256-SHA256")):
            if name in mine:
                net.serve(HOST, alone(version, name))
                modem.connect(HOST, 443, tls).close()
                assert net.seen[-1].suite in (
                    openssl().get(number(name)),
                    suite_name(number(name)),
                )
