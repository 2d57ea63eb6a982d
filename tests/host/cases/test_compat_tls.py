# test_compat_tls - TLS contexts that clients make themselves, as contexts of the modem.
# SPDX-License-Identifier: MIT

import errno
import os
from binascii import a2b_base64, hexlify

from certificate_kit import certificate, der, pem
from driver_kit import CA, KEY, Log, raised, up
from qssl import compat
from ugsim.fakenet import EchoPeer, FakeNet

HOST = "broker.example"
# The interpreters run at the same time.
PATH = "/tmp/qssl-compat-tls-%s.pem" % hexlify(os.urandom(6)).decode()
SUITES = {"AES256-SHA256": 0x3D, "AES256-SHA": 0x35, "AES128-SHA": 0x2F}


def authority(n):
    # A CA other than driver_kit's.
    return certificate("20200101000000Z", "20491231235959Z", issuer=2 + n, ca=True, sign=16)


def bare(text):
    # The DER of a PEM.
    return a2b_base64(b"".join(line for line in text.split(b"\n") if b"-----" not in line))


def made(sockets=2, **settings):
    rig, modem = up(FakeNet(EchoPeer()), sockets=sockets)
    settings = settings or {"ca": CA, "check_time": False}
    return rig, modem, compat.socket_for(modem, modem.tls(0, **settings))


def context(shim, *ca, **params):
    # As the examples of umqtt, requests and aiohttp have it.
    ctx = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
    ctx.verify_mode = shim.CERT_REQUIRED
    if ca or params:
        ctx.load_verify_locations(*ca, **params)
    return ctx


def opened(shim, ctx):
    sock = shim.socket()
    sock.connect((HOST, 8883))
    return ctx.wrap_socket(sock, server_hostname=HOST)


def used(rig):
    # The settings of the newest connection.
    return rig.net.conns[-1].tls


def text_of(data):
    # What of a file counts.
    return b"".join(bytes(data).split())


# --- CA ------------------------------------------------------------------------------------------


def test_a_ca_in_every_form():
    mine = authority(1)
    with open(PATH, "wb") as f:
        f.write(mine)
    with open(PATH + ".der", "wb") as f:
        f.write(bare(mine))
    rig, modem, shim = made()
    try:
        for n, load in enumerate(
            (
                lambda c: c.load_verify_locations(cafile=PATH),
                lambda c: c.load_verify_locations(PATH),  # of ssl
                lambda c: c.load_verify_locations(None, mine),
                lambda c: c.load_verify_locations(mine),  # of tls
                lambda c: c.load_verify_locations(cadata=mine),
                lambda c: c.load_verify_locations(cadata=bytearray(mine)),
                lambda c: c.load_verify_locations(cadata=mine.decode()),
                lambda c: c.load_verify_locations(cadata=bare(mine)),
                lambda c: c.load_verify_locations(cafile=PATH + ".der"),
            )
        ):
            ctx = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
            load(ctx)
            load(ctx)  # once more says nothing new
            sock = opened(shim, ctx)
            assert used(rig).seclevel == 1 and used(rig).version == 3, n
            assert used(rig).suites == (0x3D,) and used(rig).ignore_time, n
            assert text_of(used(rig).ca) == text_of(mine), n
            sock.write(b"x")
            assert sock.read(1) == b"x"
            sock.close()
    finally:
        os.remove(PATH)
        os.remove(PATH + ".der")


def test_the_function_takes_the_same():
    mine = authority(1)
    rig, modem, shim = made()
    for params in (
        {"cadata": mine},
        {"cadata": bare(mine), "cert_reqs": shim.CERT_REQUIRED},
        {"ca_certs": mine.decode(), "cert_reqs": shim.CERT_NONE},
    ):
        sock = shim.socket()
        sock.connect((HOST, 8883))
        sock = shim.wrap_socket(sock, server_hostname=HOST, **params)
        assert used(rig).seclevel == 1 and text_of(used(rig).ca) == text_of(mine), params
        sock.close()


def test_a_second_ca():
    rig, modem, shim = made()
    ctx = context(shim, cadata=authority(1))
    e = raised(ctx.load_verify_locations, cadata=authority(2))
    assert e.errno == errno.EOPNOTSUPP and "one file" in str(e), e
    opened(shim, context(shim, cadata=authority(1) + authority(2)))
    assert text_of(used(rig).ca) == text_of(authority(1) + authority(2))


def test_a_ca_that_is_none():
    rig, modem, shim = made()
    for params in ({}, {"capath": "/ca"}, {"cafile": PATH, "capath": "/ca"}):
        ctx = shim.SSLContext(0)
        assert raised(ctx.load_verify_locations, **params).errno == errno.EOPNOTSUPP, params
    e = raised(shim.SSLContext(0).load_verify_locations, PATH + "-none")
    assert e.errno == errno.ENOENT and PATH in str(e), e
    for data in (b"no certificate", KEY, CA + KEY, b"\x30\x82", CA[:80], b""):
        e = raised(opened, shim, context(shim, cadata=data))
        assert e.errno == errno.EINVAL, (data[:40], e)
    assert not rig.net.conns


# --- certificates --------------------------------------------------------------------------------


def test_a_client_certificate():
    rig, modem, shim = made()
    key = bare(KEY)
    rsa = pem(b"RSA PRIVATE KEY", key) if b"RSA" in KEY else KEY
    for cert, secret in ((CA, KEY), (bare(CA), key), (CA.decode(), KEY.decode()), (CA, rsa)):
        ctx = context(shim, cadata=CA)
        ctx.load_cert_chain(cert, secret)
        opened(shim, ctx).close()
        assert used(rig).seclevel == 2
        assert text_of(used(rig).cert) == text_of(CA) and text_of(used(rig).key) == text_of(KEY)
    sock = shim.socket()
    sock.connect((HOST, 1))
    shim.wrap_socket(sock, key=KEY, cert=CA).close()  # with the CA of the program
    assert used(rig).seclevel == 2 and text_of(used(rig).ca) == text_of(CA)


def test_keys_of_all_kinds_as_der():
    # Their PEM says which they are.
    from qssl.connect.clienttls import loaded

    number = der(2, b"\0" + bytes(range(128, 200)))
    for label, body in (
        (b"RSA PRIVATE KEY", der(2, b"\0") + number),
        (b"PRIVATE KEY", der(2, b"\0") + der(0x30, der(6, b"\x2a"), der(5)) + number),
        (b"EC PRIVATE KEY", der(2, b"\1") + der(4, bytes(32))),
    ):
        for more in (b"", bytes(200), bytes(2000)):
            data = der(0x30, body + der(4, more))
            got = loaded(data, "key")
            assert got.startswith(b"-----BEGIN %s-----\n" % label), (label, got[:40])
            assert bare(got) == data and max(len(row) for row in got.split(b"\n")) <= 64


def test_a_certificate_without_a_key():
    rig, modem, shim = made()
    for chain in ((CA,), (CA, None), (None, KEY)):
        ctx = context(shim, cadata=CA)
        ctx.load_cert_chain(*chain)
        assert raised(opened, shim, ctx).errno == errno.EINVAL
    e = raised(context(shim).load_cert_chain, CA, KEY, "secret")
    assert e.errno == errno.EOPNOTSUPP and "password" in str(e)
    assert not rig.net.conns


def test_a_client_without_a_certificate_shows_none():
    # Not even that of the program.
    rig, modem, shim = made(ca=CA, cert=CA, key=KEY, check_time=False)
    opened(shim, shim.SSLContext(0)).close()
    assert used(rig).seclevel == 2
    opened(shim, context(shim, cadata=authority(1))).close()
    assert used(rig).seclevel == 1


# --- never weaker --------------------------------------------------------------------------------


def test_nothing_turns_verification_off():
    for settings in ({"ca": CA, "check_time": False}, {"auth": False, "allow_weak": True}):
        rig, modem, shim = made(**settings)
        modem.clock((2026, 1, 1, 0, 0, 0))
        for mode in (shim.CERT_NONE, shim.CERT_OPTIONAL, shim.CERT_REQUIRED):
            ctx = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
            ctx.load_verify_locations(cadata=authority(1))
            ctx.verify_mode = mode
            ctx.check_hostname = False
            opened(shim, ctx).close()
            assert used(rig).seclevel == 1 and used(rig).version == 3, (settings, mode)
            assert text_of(used(rig).ca) == text_of(authority(1))
            assert used(rig).ignore_time == (settings.get("check_time") is False)


def test_no_ca_at_all():
    rig, modem, shim = made(auth=False, allow_weak=True)
    assert raised(opened, shim, context(shim)).errno == errno.EOPNOTSUPP
    for load in (
        lambda c: c.load_cert_chain(CA, KEY),
        lambda c: c.set_ciphers(["AES128-SHA"]),
    ):
        ctx = shim.SSLContext(0)
        load(ctx)
        e = raised(opened, shim, ctx)
        assert e.errno == errno.EINVAL and "ca is missing" in str(e), e
    assert not rig.net.conns


def test_what_the_program_chose_holds():
    rig, modem, shim = made(
        ca=CA, suite="AES128-SHA", version="TLS1.1", allow_weak=True, negotiate_s=30, where="UFS:"
    )
    modem.clock((2026, 1, 1, 0, 0, 0))
    log = Log(rig)
    opened(shim, context(shim, cadata=authority(1))).close()
    tls = used(rig)
    assert tls.suites == (0x2F,) and tls.version == 2 and not tls.ignore_time
    assert tls.negotiate_ms == 30000
    assert log.count("AT+QFUPL") == 1 and not log.count('AT+QFUPL="RAM:')


def test_the_name_in_the_certificate():
    rig, modem, shim = made()
    ctx = context(shim, cadata=CA)
    assert ctx.check_hostname is False
    ctx.check_hostname = False

    def demand():
        ctx.check_hostname = True

    e = raised(demand)
    assert e.errno == errno.EOPNOTSUPP and "CA of your own" in str(e), e
    opened(shim, ctx).close()


def test_no_server():
    rig, modem, shim = made()
    assert raised(shim.SSLContext, shim.PROTOCOL_TLS_SERVER).errno == errno.EOPNOTSUPP


# --- ciphers -------------------------------------------------------------------------------------


def test_ciphers():
    rig, modem, shim = made()
    names = shim.SSLContext(0).get_ciphers()
    assert len(names) == 3
    for ciphers, suite in (
        (names, "AES256-SHA256"),
        (names[1:], "AES256-SHA"),
        ([names[2]], "AES128-SHA"),
        ((names[2], names[1]), "AES256-SHA"),
        ("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-SHA", "AES256-SHA"),
        (["TLS_RSA_WITH_AES_128_CBC_SHA"], "AES128-SHA"),
        (["tls-rsa-with-aes-256-cbc-sha256"], "AES256-SHA256"),
    ):
        for given in (False, True):
            ctx = context(shim, cadata=authority(1)) if given else shim.SSLContext(0)
            ctx.set_ciphers(ciphers)
            opened(shim, ctx).close()
            assert used(rig).suites == (SUITES[suite],) and used(rig).seclevel == 1
    for ciphers in (["TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"], "RC4-SHA", "DEFAULT", [], ""):
        e = raised(shim.SSLContext(0).set_ciphers, ciphers)
        assert e.errno == errno.EOPNOTSUPP and "AES256-SHA256" in str(e), e


# --- six of them ---------------------------------------------------------------------------------


def test_equal_settings_share_one():
    rig, modem, shim = made()
    other = compat.socket_for(modem, shim.ctx)
    for n in range(6):
        opened(shim if n & 1 else other, context(shim, cadata=authority(1))).close()
        modem.sleep_ms(100)
    assert [c is not None for c in modem.contexts] == [True, False, False, False, False, True]
    with open(PATH, "wb") as f:
        f.write(authority(1))
    try:
        for _ in range(3):
            opened(shim, context(shim, PATH)).close()
            modem.sleep_ms(100)
    finally:
        os.remove(PATH)
    assert [c is not None for c in modem.contexts] == [True, False, False, False, True, True]


def test_the_program_s_own_contexts_are_left_alone():
    rig, modem, shim = made()
    mine = [modem.tls(id, ca=CA, check_time=False) for id in (1, 4, 5)]
    for n in range(4):
        opened(shim, context(shim, cadata=authority(n))).close()
        modem.sleep_ms(100)
    assert [modem.contexts[id] for id in (1, 4, 5)] == mine


def test_many_more_than_six_one_after_the_other():
    rig, modem, shim = made()
    for n in range(14):
        sock = opened(shim, context(shim, cadata=authority(n % 7)))
        assert text_of(used(rig).ca) == text_of(authority(n % 7))
        sock.write(b"x")
        assert sock.read(1) == b"x"
        sock.close()


def test_more_than_six_at_once():
    rig, modem, shim = made(sockets=12)
    socks = [opened(shim, context(shim, cadata=authority(n))) for n in range(5)]
    e = raised(opened, shim, context(shim, cadata=authority(5)))
    assert e.errno == errno.ENOBUFS and "same CA" in str(e), e
    socks.append(opened(shim, context(shim, cadata=authority(3))))  # shared
    socks.append(opened(shim, shim.SSLContext(0)))
    socks.pop(1).close()
    modem.sleep_ms(100)
    socks.append(opened(shim, context(shim, cadata=authority(5))))
    for n, sock in enumerate(socks):
        sock.write(b"%d" % n)
        assert sock.read(1) == b"%d" % n
    assert text_of(used(rig).ca) == text_of(authority(5))


def test_a_context_is_kept_for_many_connections():
    # As a program has it that makes one and gives it to its client for ever: also when others have
    # taken its place meanwhile, and after a restart.
    rig, modem, shim = made()
    ctx = context(shim, cadata=authority(9))
    for _ in range(3):
        opened(shim, ctx).close()
        assert text_of(used(rig).ca) == text_of(authority(9))
        for k in range(6):
            opened(shim, context(shim, cadata=authority(k))).close()
        rig.model.command("restart")
        rig.sleep(8000)
        modem.start(apn="internet")
