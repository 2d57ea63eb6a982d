# test_probe - test commands (AT+...=?) as a probe of what the firmware has (manual 2.1, 2.2).
# SPDX-License-Identifier: MIT

from driver_kit import CA, Log, raised, tls, up, works
from qssl.ask.probe import listed
from ugsim.model.commands import sslcfg

# Manual 2.2.1 to 2.2.6
PRINTED = {
    "QSSLOPEN": b"(1-20),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]",
    "QSSLSEND": b"(0-11)[,(1-1460)]",
    "QSSLRECV": b"(0-11),(1-1500)",
    "QSSLCLOSE": b"(0-11)[,(0-65535)]",
}


class Firmware:
    # A firmware with other ranges for one key of QSSLCFG; text None: without the key.
    def __init__(self, key, text):
        self._key, self._text = key, text

    def __enter__(self):
        self._keys, self._order = dict(sslcfg.KEYS), sslcfg.ORDER
        if self._text is None:
            sslcfg.ORDER = tuple([k for k in self._order if k != self._key])
        else:
            sslcfg.KEYS[self._key] = self._keys[self._key][:4] + (self._text,)

    def __exit__(self, *exc):
        sslcfg.KEYS.update(self._keys)
        sslcfg.ORDER = self._order


def test_every_test_command_of_the_manual():
    rig, modem = up()
    caps = modem.probe()
    assert modem.caps is caps
    for name, text in PRINTED.items():
        assert [line.strip() for line in caps[name]] == [text], name
    assert caps["QSSLSTATE"] == []  # OK alone, 2.2.6
    assert [line.split(b'"')[1] for line in caps["QSSLCFG"]] == [
        b"sslversion",
        b"ciphersuite",
        b"cacert",
        b"clientcert",
        b"clientkey",
        b"seclevel",
        b"ignorelocaltime",
        b"negotiatetime",
    ]
    for name in ("QICSGP", "QIACT", "QIDEACT", "QIDNSCFG", "QISWTMD", "QFUPL", "QFDEL", "CCLK"):
        assert caps[name] is not None, name
    works(modem)


def test_all_settings_pass_on_the_manuals_firmware():
    rig, modem = up()
    modem.probe()
    for ctx in range(6):
        for version in ("SSL3.0", "TLS1.0", "TLS1.1", "TLS1.2", "all"):
            modem.tls(
                ctx, ca=CA, version=version, suite="all", allow_weak=True, check_time=False
            ).apply()
    for suite in ("AES256-SHA256", "AES256-SHA", "AES128-SHA", "3DES-SHA", "RC4-SHA", "RC4-MD5"):
        modem.tls(suite=suite, allow_weak=True, auth=False, negotiate_s=300).apply()


def test_settings_that_the_firmware_lacks_are_refused_before_they_are_sent():
    for key, text in (
        ("sslversion", "(0-2)"),
        ("sslversion", "(0,1,2)"),
        ("ciphersuite", '("0X0035","0X002F")'),
        ("ciphersuite", "(0X0035,0X002F)"),
        ("seclevel", "(0)"),
        ("negotiatetime", "(10-30)"),
        ("ignorelocaltime", "(0)"),
        ("ignorelocaltime", None),
    ):
        with Firmware(key, text):
            rig, modem = up()
            ctx = tls(modem)
            modem.probe()
            log = Log(rig)
            error = raised(modem.connect, "server.example", 443, ctx)
            assert error.phase == "tls" and key in error.hint and "firmware" in error.hint, error
            assert log.at == ["AT+QIACT?"], log.at  # it has not restarted
            raised(modem.connect, "server.example", 443, ctx)  # and again
        modem.probe()
        works(modem)


def test_other_forms_of_lists_pass():
    for key, text in (
        ("ciphersuite", '("0X0035","0x003d")'),
        ("ciphersuite", "(0X003D)"),
        ("ciphersuite", "<cipher_suites>"),
        ("negotiatetime", "( 10 - 300 )"),
        ("sslversion", "( 0, 1, 2, 3 ,4)"),
    ):
        with Firmware(key, text):
            rig, modem = up()
            modem.probe()
            log = Log(rig)
            works(modem)
            # It was set, and answered OK.
            assert log.count('AT+QSSLCFG="%s",0,' % key) == 1, log.at
            used = rig.net.conns[-1].tls
            assert list(used.suites) == [0x3D] and used.version == 3 and used.seclevel == 1


def test_a_firmware_without_tls():
    rig, modem = up()
    rig.model.command("fault error cmd=+QSSLCFG")
    caps = modem.probe()
    assert caps["QSSLCFG"] is None
    assert "no TLS" in raised(tls(modem).apply).hint
    modem.caps = None
    works(modem)


def test_a_firmware_that_lists_nothing_is_not_judged():
    rig, modem = up()
    caps = modem.probe()
    caps["QSSLCFG"] = []
    log = Log(rig)
    works(modem)
    for key in ("cacert", "sslversion", "ciphersuite", "seclevel", "negotiatetime"):
        assert log.count('AT+QSSLCFG="%s",0,' % key) == 1, log.at
    assert modem.caps is caps


def test_what_is_in_a_list():
    assert listed(b"(0-4)", b"0") and listed(b"(0-4)", b"4") and not listed(b"(0-4)", b"5")
    assert listed(b"(10-300)", b"60") and not listed(b"(10-300)", b"9")
    assert listed(b'("0X0035","0XFFFF")', b'"0XFFFF"') and not listed(b'("0X0035")', b'"0X003D"')
    assert listed(b"(0x0035)", b'"0X0035"') and listed(b" (0,1) ", b"1")
    assert not listed(b"(0,2)", b"1") and not listed(b"()", b"1") and listed(b"", b"1")
    assert listed(b"<path>", b'"RAM:ca.pem"')


def test_a_modem_that_is_silent():
    rig, modem = up()
    rig.model.command("fault mute ms=20000")
    raised(modem.probe)
    assert modem.caps is None
    rig.model.command("clear")
    modem.probe()
    works(modem)
