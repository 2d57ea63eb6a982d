# test_families_tls - each family of LTE modems with servers as they are today: what is negotiated.
# SPDX-License-Identifier: MIT
#
# Driver and simulated modem in one process, real TLS between the modem and a server in it.

import pathlib
import ssl
import tempfile

import trustme

import certificates  # before the virtual clock
import rig as _rig
from driver_kit import pattern, raised, reads
from memory_net import MemoryNet
from qssl import Modem
from qssl.connect import settings
from qssl.family import choose, suites, table

ONLY = "cpython"
WHY = "the servers are Python's ssl"

MODELS = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
HOST = "a.example"
OLD = ("TLS1.0", "TLS1.1")
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
        _made.update(server=server, ca=certs.ca.read_bytes(), other=certs.other_ca.read_bytes())
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    net = MemoryNet()
    for host in (HOST, "b.example", "192.0.2.1"):
        net.serve(host, _made["server"])
    return net, _made["ca"]


def started(model):
    net, ca = servers()
    rig = _rig.Rig(net, model=model)
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


def test_versions_and_suites():
    # Each that a server of today still has, by name, is what both ends agree on; each suite with
    # one of the families that have it, the versions with all.
    server = servers() and _made["server"]
    offered = {int(c["id"]) & 0xFFFF: c["name"] for c in server.get_ciphers()}
    names = dict(settings.SUITES, **suites.SUITES)
    todo = {model: [] for model in MODELS}
    for i, (name, (value, _)) in enumerate(sorted(names.items())):
        if int(value.strip('"'), 16) in offered:
            having = [m for m in MODELS if value.strip('"')[2:] in family(m).suites.split()]
            assert having, name
            todo[having[i % len(having)]].append(name)
    assert sum([len(those) for those in todo.values()]) >= 15, todo
    for model in MODELS:
        rig, modem, net, ca = started(model)
        for name in todo[model]:
            ctx = modem.tls(0, ca=ca, check_time=False, suite=name, allow_weak=True)
            echoed(modem.connect(HOST, 443, ctx), 100)
            number = int(names[name][0].strip('"'), 16)
            assert net.seen[-1].suite == offered[number], (model, name, net.seen[-1].suite)
            modem.sockets[0].close()
        for version in OLD:
            ctx = modem.tls(
                1, ca=ca, check_time=False, version=version, suite="AES128-SHA", allow_weak=True
            )
            modem.connect(HOST, 443, ctx).close()
            assert net.seen[-1].version == "TLSv1" + version[4:].replace(".0", ""), (
                model,
                net.seen[-1].version,
            )
