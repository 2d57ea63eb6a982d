# test_model_lte_files - files of the simulated LTE modems.
# SPDX-License-Identifier: MIT

from lte_kit import FAMILIES, modem, put
from terminal import OK, lines

STORES = {
    "ec25": (16777216, 16777216, True),
    "bg96": (12987840, 14483456, False),
    "bg770a": (3776512, 3776512, False),
    "eg800k": (180224, 286720, False),
}


def test_files():
    for model, (free, total, ram) in STORES.items():
        t = modem(model)
        assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: %d,%d" % (free, total))
        assert put(t, "a.pem", b"x" * 5000) == lines("+QFUPL: 5000,0"), model
        block = 8192 if model == "eg800k" else 5000
        assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: %d,%d" % (free - block, total))
        assert t.at('AT+QFUPL="a.pem",9') == b"\r\n+CME ERROR: 407\r\n"
        prefix = "UFS:" if model == "eg800k" else ""
        want = lines('+QFLST: "%sa.pem",5000' % prefix)
        assert t.at('AT+QFLST="a.pem"') == want
        assert t.at('AT+QFLST="UFS:a.pem"') == want
        assert t.at('AT+QFDEL="UFS:a.pem"') == OK
        if ram:
            assert put(t, "RAM:b.pem", b"ab") == lines("+QFUPL: 2,6162")
            assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "b.pem",2')
        else:
            assert t.at('AT+QFUPL="RAM:b.pem",2') == b"\r\n+CME ERROR: 406\r\n"
            assert t.at('AT+QFLDS="RAM"') == b"\r\n+CME ERROR: 419\r\n"


def test_sums_have_no_zeros_in_front():
    # 26 bytes that sum up to 0372 in hexadecimal, and to 0f5f.
    for data, text in ((b"\x03\x72" + b"ab" * 12, "372"), (b"\x0f\x5f" + b"ab" * 12, "f5f")):
        for model in FAMILIES:
            assert put(modem(model), "a", data) == lines("+QFUPL: 26,%s" % text)


def test_uploads_that_end_too_early():
    for model, code in (("ec25", 0), ("bg96", 0), ("eg800k", 421), ("ec200u", 421)):
        t = modem(model)
        said = put(t, "a.pem", b"ab", 9)
        if code:
            assert said == b"\r\n+QFUPL: 2,6162\r\n\r\n+CME ERROR: 421\r\n"
        else:
            assert said == lines("+QFUPL: 2,6162")
        assert b'a.pem",2\r\n' in t.at("AT+QFLST")  # it is kept
    t = modem("eg800k")
    assert t.at("AT+CMEE=2") == OK
    put(t, "a.pem", b"ab")
    assert t.at('AT+QFUPL="a.pem",2') == b"\r\n+CME ERROR: file already exist\r\n"


def test_files_that_are_not_there():
    for model, code in (("ec25", 418), ("bg95", 405)):
        assert modem(model).at('AT+QFDEL="no.pem"') == b"\r\n+CME ERROR: %d\r\n" % code
    t = modem("ec25", qfdel_prefix="400")
    put(t, "a.pem", b"ab")
    assert t.at('AT+QFDEL="ufs:a.pem"') == b"\r\n+CME ERROR: 400\r\n"
    assert t.at('AT+QFDEL="a.pem"') == OK


def test_folders():
    t = modem("bg95")
    assert put(t, "/security/ca.pem", b"ab") == lines("+QFUPL: 2,6162")
    assert t.at('AT+QFLST="/security/ca.pem"') == lines('+QFLST: "security/ca.pem",2')
    assert t.model.read_file("/security/ca.pem") == b"ab"
    assert modem("bg770a").at("AT+QFLST") == lines('+QFLST: "security/",0')
    assert modem("bg96").at('AT+QFUPL="/security/ca.pem",2') == b"\r\n+CME ERROR: 406\r\n"
