# test_model_files - FILE commands: upload with checksum, download, list, delete, open files.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, lines
from ugsim.model.commands.storage import checksum

# A public certificate whose sums real modems have reported.
AMAZON_ROOT_CA_1 = b"""-----BEGIN CERTIFICATE-----
MIIDQTCCAimgAwIBAgITBmyfz5m/jAo54vB4ikPmljZbyjANBgkqhkiG9w0BAQsF
ADA5MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRkwFwYDVQQDExBBbWF6
b24gUm9vdCBDQSAxMB4XDTE1MDUyNjAwMDAwMFoXDTM4MDExNzAwMDAwMFowOTEL
MAkGA1UEBhMCVVMxDzANBgNVBAoTBkFtYXpvbjEZMBcGA1UEAxMQQW1hem9uIFJv
b3QgQ0EgMTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALJ4gHHKeNXj
ca9HgFB0fW7Y14h29Jlo91ghYPl0hAEvrAIthtOgQ3pOsqTQNroBvo3bSMgHFzZM
9O6II8c+6zf1tRn4SWiw3te5djgdYZ6k/oI2peVKVuRF4fn9tBb6dNqcmzU5L/qw
IFAGbHrQgLKm+a/sRxmPUDgH3KKHOVj4utWp+UhnMJbulHheb4mjUcAwhmahRWa6
VOujw5H5SNz/0egwLX0tdHA114gk957EWW67c4cX8jJGKLhD+rcdqsq08p8kDi1L
93FcXmn/6pUCyziKrlA4b9v7LWIbxcceVOF34GfID5yHI9Y/QCB/IIDEgEw+OyQm
jgSubJrIqg0CAwEAAaNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
AYYwHQYDVR0OBBYEFIQYzIU07LwMlJQuCFmcx7IQTgoIMA0GCSqGSIb3DQEBCwUA
A4IBAQCY8jdaQZChGsV2USggNiMOruYou6r4lK5IpDB/G/wkjUu0yKGX9rbxenDI
U5PMCCjjmCXPI6T53iHTfIUJrU6adTrCC2qJeHZERxhlbI1Bjjt/msv0tadQ1wUs
N+gDS63pYaACbvXy8MWy7Vu33PqUXHeeE6V/Uq2V8viTO96LXFvKWlJbYK8U90vv
o/ufQJVtMVT8QtPHRh8jrdkPSHCa2XV4cdFyQzR1bldZwgJcJmApzyMZFo6IQ6XU
5MsI+yMRQ+hDKXJioaldXgjUkK642M4UwtBV8ob2xJNDd2ZhwLnoQdeXeGADbkpy
rqXRfboQnoZsG4q5WTP468SQvvG5
-----END CERTIFICATE-----
"""


def cme(code):
    return b"\r\n+CME ERROR: %d\r\n" % code


def upload(t, name, data):
    assert t.at('AT+QFUPL="%s",%d' % (name, len(data))) == b"\r\nCONNECT\r\n"
    return t.type(data)


def plain_sum(data):
    # The checksum as the FILE manual describes it, word by word.
    total = 0
    for i in range(0, len(data), 2):
        total ^= data[i] << 8 | (data[i + 1] if i + 1 < len(data) else 0)
    return total


def test_checksum():
    assert checksum(b"") == 0
    assert checksum(b"\x12") == 0x1200
    assert checksum(b"\x12\x34") == 0x1234
    assert checksum(b"\x12\x34\x56") == 0x1234 ^ 0x5600
    # Seen on a modem for ten bytes (+QFDWL: 10,613e): a text with this sum.
    assert checksum(b"\x61\x3e" + b"\0" * 8) == 0x613E
    data = bytes([i * 7 % 251 for i in range(5000)])
    for size in list(range(40)) + [1022, 1023, 1024, 1025, 1026, 2047, 2048, 4999, 5000]:
        assert checksum(data[:size]) == plain_sum(data[:size]), size


def test_checksums_that_modems_have_reported():
    data = AMAZON_ROOT_CA_1
    for given, size, total in (
        (data, 1188, "2d13"),
        (data[:-1], 1187, "2d19"),
        (data.replace(b"\n", b"\r\n"), 1208, "5769"),
    ):
        assert upload(Terminal(), "RAM:ca.pem", given) == lines("+QFUPL: %d,%s" % (size, total))


def test_upload():
    t = Terminal()
    data = bytes(range(256)) * 4 + b"odd"
    assert upload(t, "RAM:ca.pem", data) == lines("+QFUPL: 1027,%x" % plain_sum(data))
    assert t.model.read_file("RAM:ca.pem") == data
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "RAM:ca.pem",1027')
    assert t.at('AT+QFUPL="RAM:ca.pem",5') == cme(407)
    assert t.at("AT+QFUPL=?") == lines("+QFUPL: <filename>[,(1-1048576)[,(1-65535)[,(0,1)]]]")


def test_checksum_is_printed_without_leading_zeros():
    t = Terminal()
    assert upload(t, "a", b"\x00\xab") == lines("+QFUPL: 2,ab")
    assert upload(t, "b", b"ABAB") == lines("+QFUPL: 4,0")
    t = Terminal(checksum_case="upper")
    assert upload(t, "a", b"\x00\xab") == lines("+QFUPL: 2,AB")


def test_upload_takes_any_byte_in_any_portions():
    data = b"\x1a\x1b\x00\xff+++\r\nOK\r\nAT\r+++"
    for cut in range(len(data) + 1):
        t = Terminal(echo=True)
        t.at('AT+QFUPL="a",%d' % len(data))
        out = t.type(data[:cut]) + t.type(data[cut:] + b"AT\r")
        assert out == lines("+QFUPL: %d,%x" % (len(data), plain_sum(data))) + b"AT\r" + OK
        assert t.model.read_file("a") == data


def test_upload_ends_when_nothing_comes():
    t = Terminal()
    assert t.at('AT+QFUPL="a",100,3') == b"\r\nCONNECT\r\n"
    t.type("abc")
    assert t.wait(2999) == b""
    t.type("d")
    assert t.wait(2999) == b""
    assert t.wait(1) == lines("+QFUPL: 4,%x" % plain_sum(b"abcd"))
    assert t.model.read_file("a") == b"abcd"
    # Default time-out 5 s, default size 10240.
    assert t.at('AT+QFUPL="b"') == b"\r\nCONNECT\r\n"
    assert t.wait(4999) == b""
    assert t.wait(1) == lines("+QFUPL: 0,0")


def test_upload_ends_with_plus_plus_plus():
    t = Terminal()
    assert t.at('AT+QFUPL="a",100,60') == b"\r\nCONNECT\r\n"
    t.type("abc")
    t.wait(1000)
    t.type("+++")
    assert t.wait(999) == b""
    assert t.wait(1) == lines("+QFUPL: 3,%x" % plain_sum(b"abc"))
    # Without silence around it is data.
    assert t.at('AT+QFUPL="b",100,3') == b"\r\nCONNECT\r\n"
    t.type("abc")
    t.type("+++")
    assert t.wait(5000) == lines("+QFUPL: 6,%x" % plain_sum(b"abc+++"))


def test_upload_with_acknowledgement():
    t = Terminal()
    assert t.at('AT+QFUPL="a",2500,5,1') == b"\r\nCONNECT\r\n"
    assert t.type(b"x" * 1023) == b""
    assert t.type(b"x") == b"A"
    assert t.type(b"x" * 1024) == b"A"
    assert t.type(b"x" * 452) == lines("+QFUPL: 2500,0")


def test_acknowledgement_of_the_last_block():
    for switch, reply in (("yes", b"A"), ("no", b"")):
        t = Terminal(qfupl_last_ack=switch)
        t.at('AT+QFUPL="a",2048,5,1')
        assert t.type(b"x" * 1024) == b"A"
        assert t.type(b"x" * 1024) == reply + lines("+QFUPL: 2048,0")


def test_upload_that_ends_in_plus_signs_after_a_pause():
    t = Terminal()
    t.at('AT+QFUPL="a",5')
    t.type("ab")
    t.wait(1500)
    assert t.type("+++") == lines("+QFUPL: 5,%x" % plain_sum(b"ab+++"))


def test_urcs_wait_for_the_end_of_an_upload():
    t = Terminal()
    assert t.at('AT+QFUPL="a",4') == b"\r\nCONNECT\r\n"
    t.control("say +CUSD: 2")
    assert t.read() == b""
    assert t.type("abcd") == lines("+QFUPL: 4,%x" % plain_sum(b"abcd")) + b"\r\n+CUSD: 2\r\n"


def test_upload_parameters():
    t = Terminal()
    for text, code in (
        ("a", 425),
        ('"a",0', 425),
        ('"a",10,0', 425),
        ('"a",10,65536', 425),
        ('"a",10,5,2', 425),
        ('"a",10,5,0,1', 425),
        ('""', 406),
        ('"RAM:"', 406),
        ('"a:b",10', 406),
        ('"' + 81 * "n" + '",10', 406),
        ('"RAM:a",200000', 423),
    ):
        assert t.at("AT+QFUPL=" + text) == cme(code), text
    assert t.at('AT+QFUPL="' + 80 * "n" + '",1') == b"\r\nCONNECT\r\n"


def test_storage_is_finite():
    t = Terminal(ram_total=1000)
    assert t.at('AT+QFLDS="RAM"') == lines("+QFLDS: 1000,1000")
    upload(t, "RAM:a", b"x" * 600)
    assert t.at('AT+QFLDS="RAM"') == lines("+QFLDS: 400,1000")
    assert t.at('AT+QFUPL="RAM:b",500') == cme(403)
    t.control("storage full")
    assert t.at('AT+QFUPL="RAM:b",1') == cme(403)
    assert t.at('AT+QFUPL="b",1') == cme(403)
    t.control("storage free")
    assert upload(t, "RAM:b", b"ab") == lines("+QFUPL: 2,6162")


def test_qflds():
    t = Terminal()
    assert t.at("AT+QFLDS=?") == lines('+QFLDS: ("UFS","RAM")')
    assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: 1048576,1048576")
    upload(t, "a", b"12345")
    upload(t, "RAM:b", b"123")
    assert t.at("AT+QFLDS") == lines("+QFLDS: 5,1")
    assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: 1048571,1048576")
    assert t.at('AT+QFLDS="SD"') == cme(419)


def test_list_and_delete():
    t = Terminal()
    for name in ("ca.pem", "UFS:key.pem", "RAM:ca.pem", "RAM:x"):
        upload(t, name, b"ab")
    every = lines('+QFLST: "ca.pem",2', '+QFLST: "key.pem",2')
    assert t.at("AT+QFLST") == every
    assert t.at('AT+QFLST="*"') == every
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "RAM:ca.pem",2', '+QFLST: "RAM:x",2')
    assert t.at('AT+QFLST="RAM:ca*"') == lines('+QFLST: "RAM:ca.pem",2')
    assert t.at('AT+QFLST="ca.pem"') == lines('+QFLST: "ca.pem",2')
    assert t.at('AT+QFLST="nosuch"') == cme(417)
    assert t.at('AT+QFLST="RAM:nosuch*"') == OK
    assert t.at("AT+QFLST=?") == lines("+QFLST: <pattern>")
    assert t.at('AT+QFDEL="nosuch"') == cme(418)
    assert t.at('AT+QFDEL="RAM:ca.pem"') == OK
    assert t.at('AT+QFDEL="RAM:ca.pem"') == cme(418)
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "RAM:x",2')
    assert t.at('AT+QFDEL="*"') == OK
    assert t.at("AT+QFLST") == OK
    assert t.at('AT+QFDEL="RAM:*"') == OK
    assert t.at('AT+QFLST="RAM:*"') == OK
    assert t.at('AT+QFDEL="RAM:*"') == OK
    assert t.at("AT+QFDEL=?") == lines("+QFDEL: <filename>")


def test_errors_follow_cmee():
    t = Terminal(echo=False)
    t.at("AT+CMEE=2")
    assert t.at('AT+QFLST="nosuch"') == b"\r\n+CME ERROR: Fail to list the file\r\n"
    t.at("AT+CMEE=0")
    assert t.at('AT+QFLST="nosuch"') == cme(417)
    t = Terminal(file_cme="cmee")
    t.at("AT+CMEE=0")
    assert t.at('AT+QFLST="nosuch"') == b"\r\nERROR\r\n"


def test_switches_of_files():
    t = Terminal(file_missing="405", file_prefix="none", qfupl_exists="replace")
    assert t.at('AT+QFDEL="nosuch"') == cme(405)
    assert t.at('AT+QFLST="nosuch"') == cme(405)
    upload(t, "RAM:a", b"ab")
    assert upload(t, "RAM:a", b"cd") == lines("+QFUPL: 2,6364")
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "a",2')
    t = Terminal(file_prefix="all", ram_survives_reset="yes")
    upload(t, "a", b"ab")
    upload(t, "RAM:b", b"ab")
    assert t.at("AT+QFLST") == lines('+QFLST: "UFS:a",2')
    t.control("restart")
    t.wait(10000)
    t.at("ATE0")
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "RAM:b",2')


def test_download():
    t = Terminal()
    data = b"\r\nOK\r\nten and more\0"
    upload(t, "RAM:a", data)
    assert t.at('AT+QFDWL="RAM:a"') == (
        b"\r\nCONNECT\r\n" + data + lines("+QFDWL: %d,%x" % (len(data), plain_sum(data)))
    )
    assert t.at('AT+QFDWL="nosuch"') == cme(405)
    assert t.at("AT+QFDWL=?") == lines("+QFDWL: <filename>")


def test_open_files():
    t = Terminal()
    assert t.at('AT+QFOPEN="a.txt"') == lines("+QFOPEN: 3000")
    assert t.at("AT+QFOPEN?") == lines('+QFOPEN: "a.txt",3000,0')
    assert t.at('AT+QFOPEN="a.txt"') == cme(426)
    assert t.at("AT+QFWRITE=3000,10") == b"\r\nCONNECT\r\n"
    assert t.type("0123456789") == lines("+QFWRITE: 10,10")
    assert t.at("AT+QFPOSITION=3000") == lines("+QFPOSITION: 10")
    assert t.at("AT+QFREAD=3000") == cme(402)
    assert t.at("AT+QFSEEK=3000,0") == OK
    assert t.at("AT+QFREAD=3000,4") == b"\r\nCONNECT 4\r\n0123\r\nOK\r\n"
    assert t.at("AT+QFSEEK=3000,-2,1") == OK
    assert t.at("AT+QFREAD=3000,100") == b"\r\nCONNECT 8\r\n23456789\r\nOK\r\n"
    assert t.at("AT+QFSEEK=3000,-3,2") == OK
    assert t.at("AT+QFPOSITION=3000") == lines("+QFPOSITION: 7")
    assert t.at("AT+QFSEEK=3000,11") == cme(401)
    assert t.at("AT+QFSEEK=3000,-1") == cme(401)
    assert t.at("AT+QFWRITE=3000,2") == b"\r\nCONNECT\r\n"
    assert t.type("XY") == lines("+QFWRITE: 2,10")
    assert t.model.read_file("a.txt") == b"0123456XY9"
    assert t.at("AT+QFTUCAT=3000") == OK
    assert t.model.read_file("a.txt") == b"0123456XY"
    assert t.at('AT+QFDEL="a.txt"') == cme(426)
    assert t.at("AT+QFCLOSE=3000") == OK
    for command in ("QFREAD", "QFWRITE", "QFPOSITION", "QFTUCAT", "QFCLOSE"):
        assert t.at("AT+%s=3000" % command) == cme(416)
        assert t.at("AT+%s=?" % command).startswith(b"\r\n+%s: <filehandle>" % command.encode())
    assert t.at("AT+QFSEEK=3000,0") == cme(416)
    assert t.at('AT+QFDEL="a.txt"') == OK


def test_open_modes():
    t = Terminal(qfread_connect="bare")
    assert t.at('AT+QFOPEN="a",2') == cme(405)
    upload(t, "a", b"abc")
    assert t.at('AT+QFOPEN="a",2') == lines("+QFOPEN: 3000")
    assert t.at("AT+QFREAD=3000") == b"\r\nCONNECT\r\nabc\r\nOK\r\n"
    assert t.at("AT+QFWRITE=3000,1") == cme(414)
    assert t.at("AT+QFTUCAT=3000") == cme(414)
    assert t.at("AT+QFCLOSE=3000") == OK
    assert t.at('AT+QFOPEN="a",1') == lines("+QFOPEN: 3001")
    assert t.model.read_file("a") == b""
    assert t.at('AT+QFOPEN="b",3') == cme(425)
    for i in range(9):
        assert t.at('AT+QFOPEN="f%d"' % i) == lines("+QFOPEN: %d" % (3002 + i))
    assert t.at('AT+QFOPEN="one more"') == cme(413)


def test_read_gives_at_most_1500_bytes():
    t = Terminal()
    upload(t, "a", b"z" * 2000)
    t.at('AT+QFOPEN="a"')
    assert t.at("AT+QFREAD=3000") == b"\r\nCONNECT 1500\r\n" + b"z" * 1500 + OK
    assert t.at("AT+QFREAD=3000,1501") == cme(425)
    assert t.at("AT+QFREAD=3000,1500") == b"\r\nCONNECT 500\r\n" + b"z" * 500 + OK


def test_write_that_gets_too_little():
    t = Terminal()
    t.at('AT+QFOPEN="a"')
    assert t.at("AT+QFWRITE=3000,10,2") == b"\r\nCONNECT\r\n"
    t.type("abc")
    assert t.wait(2000) == cme(421)
    assert t.model.read_file("a") == b"abc"
