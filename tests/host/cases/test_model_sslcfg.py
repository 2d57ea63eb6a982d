# test_model_sslcfg - AT+QSSLCFG: eight parameters, three forms, strict ranges (manual 2.2.1).
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready

# key -> (printed at power-up, values to set, as printed then, values to refuse)
KEYS = {
    "sslversion": ("4", ("0", "1", "2", "3", "4"), None, ("5", "-1", '"3"', "x")),
    "ciphersuite": (
        '"0XFFFF"',
        ('"0X0035"', '"0X002F"', '"0X0005"', '"0X0004"', '"0X000A"', '"0X003D"', '"0XFFFF"'),
        None,
        ('"0XC02F"', '"0X35"', '"53"', "0X0035", "53", '""', "x"),
    ),
    "cacert": (
        '""',
        ('"RAM:ca.pem"', '"ca.pem"', '"UFS:x"', '""'),
        None,
        ("x", '"' + 85 * "n" + '"'),
    ),
    "clientcert": ('""', ('"RAM:c.pem"', '""'), None, ("x", "1")),
    "clientkey": ('""', ('"RAM:k.pem"', '""'), None, ("x", "1")),
    "seclevel": ("0", ("0", "1", "2"), None, ("3", '"1"')),
    "ignorelocaltime": ("1", ("0", "1"), None, ("2", '"0"')),
    "negotiatetime": ("300", ("10", "299", "300"), None, ("9", "0", "301")),
}


def test_test_form():
    assert Terminal().at("AT+QSSLCFG=?") == lines(
        '+QSSLCFG: "sslversion",(0-5),(0-4)',
        '+QSSLCFG: "ciphersuite",(0-5),'
        '("0X0035","0X002F","0X0005","0X0004","0X000A","0X003D","0XFFFF")',
        '+QSSLCFG: "cacert",(0-5),<cacert_path>',
        '+QSSLCFG: "clientcert",(0-5),<client_cert_path>',
        '+QSSLCFG: "clientkey",(0-5),<client_key_path>',
        '+QSSLCFG: "seclevel",(0-5),(0-2)',
        '+QSSLCFG: "ignorelocaltime",(0-5),(0,1)',
        '+QSSLCFG: "negotiatetime",(0-5),(10-300)',
    )


def test_values_at_power_up():
    t = Terminal()
    for key in KEYS:
        for ctx in range(6):
            assert t.at('AT+QSSLCFG="%s",%d' % (key, ctx)) == lines(
                '+QSSLCFG: "%s",%d,%s' % (key, ctx, KEYS[key][0])
            )


def test_set_and_query_in_each_context_of_its_own():
    t = Terminal()
    for key in KEYS:
        values = KEYS[key][1]
        for ctx in range(6):
            value = values[ctx % len(values)]
            assert t.at('AT+QSSLCFG="%s",%d,%s' % (key, ctx, value)) == OK, (key, value)
        for ctx in range(6):
            assert t.at('AT+QSSLCFG="%s",%d' % (key, ctx)) == lines(
                '+QSSLCFG: "%s",%d,%s' % (key, ctx, values[ctx % len(values)])
            )
        for value in values:
            assert t.at('AT+QSSLCFG="%s",0,%s' % (key, value)) == OK
            assert t.at('AT+QSSLCFG="%s",0' % key).find(("," + value).encode()) > 0


def test_wrong_values_are_refused_and_change_nothing():
    t = Terminal()
    for key in KEYS:
        before = t.at('AT+QSSLCFG="%s",2' % key)
        for value in KEYS[key][3] + ("", "1,1"):
            assert t.at('AT+QSSLCFG="%s",2,%s' % (key, value)) == ERROR, (key, value)
            assert t.error() == 552
        assert t.at('AT+QSSLCFG="%s",2' % key) == before


def test_wrong_contexts_and_keys():
    t = Terminal()
    for text in (
        '"sslversion",6,1',
        '"sslversion",6',
        '"sslversion",-1,1',
        '"sslversion"',
        '"sslversion",,1',
        "sslversion,1,1",
        '"version",1,1',
        '"sni",1,1',
        '"",1,1',
        "",
    ):
        assert t.at("AT+QSSLCFG=" + text) == ERROR, text
        assert t.error() == 552
    assert t.at("AT+QSSLCFG?") == ERROR
    assert t.at("AT+QSSLCFG") == ERROR


def test_small_letters_in_key_and_suite():
    t = Terminal()
    assert t.at('AT+QSSLCFG="CipherSuite",1,"0x003d"') == OK
    assert t.at('AT+QSSLCFG="ciphersuite",1') == lines('+QSSLCFG: "ciphersuite",1,"0X003D"')


def test_switches():
    t = Terminal(
        cfg_quoted="no",
        cfg_unquoted_set="ok",
        ignorelocaltime="0",
        sslversion="3",
        cacert_unchecked="no",
    )
    assert t.at('AT+QSSLCFG="ciphersuite",1,0X0035') == OK
    assert t.at('AT+QSSLCFG="ciphersuite",1') == lines('+QSSLCFG: "ciphersuite",1,0X0035')
    assert t.at('AT+QSSLCFG="ignorelocaltime",1') == lines('+QSSLCFG: "ignorelocaltime",1,0')
    assert t.at('AT+QSSLCFG="sslversion",1') == lines('+QSSLCFG: "sslversion",1,3')
    assert t.at('AT+QSSLCFG="cacert",1,"RAM:nosuch"') == ERROR


def test_a_connection_takes_the_settings_of_its_context():
    t = ready()
    t.at('AT+CCLK="25/01/01,01:00:00+04"')
    for name, data in (("RAM:ca", b"CA"), ("cert", b"CERT"), ("RAM:key", b"KEY")):
        t.at('AT+QFUPL="%s",%d' % (name, len(data)))
        t.type(data)
    for text in (
        '"sslversion",3,2',
        '"ciphersuite",3,"0X003D"',
        '"cacert",3,"RAM:ca"',
        '"clientcert",3,"cert"',
        '"clientkey",3,"RAM:key"',
        '"seclevel",3,2',
        '"ignorelocaltime",3,0',
        '"negotiatetime",3,10',
    ):
        assert t.at("AT+QSSLCFG=" + text) == OK
    t.open(1, ctx=3)
    t.open(2, ctx=4)
    tls = t.net.conns[0].tls
    assert (tls.version, tls.suites, tls.seclevel) == (2, (0x3D,), 2)
    assert (tls.ca, tls.cert, tls.key) == (b"CA", b"CERT", b"KEY")
    assert (tls.ignore_time, tls.negotiate_ms) == (False, 10000)
    assert tls.clock == 1735689600
    tls = t.net.conns[1].tls
    assert (tls.version, tls.seclevel, tls.ca) == (4, 0, None)
    assert tls.suites == (0x35, 0x2F, 0x05, 0x04, 0x0A, 0x3D)
    assert (tls.ignore_time, tls.negotiate_ms) == (True, 300000)


def test_server_authentication_needs_the_ca_file():
    t = ready()
    t.at('AT+QSSLCFG="seclevel",0,1')
    t.at('AT+QSSLCFG="cacert",0,"RAM:nosuch"')
    reply = t.at('AT+QSSLOPEN=1,0,0,"host.example",443')
    assert reply == OK + b"\r\n+QSSLOPEN: 0,566\r\n"
    assert t.net.conns == []
