# test_model_chapter3 - the examples of the manual's chapter 3, replayed.
# SPDX-License-Identifier: MIT
#
# The simulated modem answers as printed, with these misprints of the manual (V1.2) corrected:
#
#   3.3.1  "AT+QSSLOPEN=2,1,1,..." answered by "+QSSLOPEN: 0,0": the socket opened is 1, as 3.4.1
#          prints for the same command.
#   3.3.1, 3.4.1, 3.5.1  pdpctxID 2: 3.1 activates context 1, and the state line shows context 1
#          at the place of <pdpctxID> (and 2 at that of <serverID>): the two numbers are swapped.
#   3.3.1, 3.4.1  serverID 2 in the state line: reserved; UG96 prints the socket's own id.
#   3.4.1, 3.5.1  blank before the first parameter: typed by the author, accepted.
#   3.3.2, 3.4.2  "AT+QISEND=1,52": a command of plain TCP sockets. AT+QSSLSEND is meant; 52 is
#          the length of the two lines with their line ends and the empty line.
#   3.3.2, 3.4.2  "> " before each line also with a fixed length: an editor's copy. In data of
#          fixed length every byte is payload; the switch prompt_again=both gives the listing.
#   3.3.3, 3.4.3  length 291: the header as printed has 290 bytes with its empty line; a blank was
#          lost somewhere. The lengths here are those of the text.
#   3.3.4, 3.4.4  nothing wrong.
#   3.5.4  AT+QSSLCLOSE straight after transparent data: "+++" has to come first (1.3).

from terminal import OK, lines, ready
from ugsim.fakenet import FakeNet, ScriptPeer, SinkPeer

HOST = "220.180.239.201"
STATE = '+QSSLSTATE: 1,"SSL CLIENT","220.180.239.201",8712,4100,3,1,1,%d,"usbmodem",1'
REQUEST = b"GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n"
REPLY = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Tue, 03 Sep 2013 11:04:13 GMT\r\n"
    b"Server: Apache/2.2.22 (Win32) PHP/5.2.4 mod_ssl/2.2.22 OpenSSL/0.9.8t\r\n"
    b"Last-Modified: Mon, 02 Sep 2013 03:30:38 GMT\r\n"
    b'ETag: "f70000001e36d-406538-4e55e322ae3bc"\r\n'
    b"Accept-Ranges: bytes\r\n"
    b"Content-Length: 4220216\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
)


def configured(net=None, **switches):
    # Chapters 3.1 and 3.2.
    t = ready(net, **switches)
    t.at('AT+QFUPL="RAM:ca.pem",2')
    t.type("CA")
    for text in (
        '"sslversion",1,1',
        '"ciphersuite",1,"0X0035"',
        '"seclevel",1,1',
        '"cacert",1,"RAM:ca.pem"',
    ):
        assert t.at("AT+QSSLCFG=" + text) == OK
    return t


def server():
    return FakeNet(ScriptPeer([("expect", REQUEST), ("send", REPLY)]))


def test_3_1_configure_activate_deactivate():
    t = ready()
    assert t.at("AT+QIDEACT=1") == OK
    assert t.at('AT+QICSGP=1,1,"UNINET","","",1') == OK
    assert t.at("AT+QIACT=1") + t.wait(150000) == OK
    assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,1,"10.7.157.1"')
    assert t.at("AT+QIDEACT=1") == OK


def test_3_2_configure_ssl_context():
    t = configured()
    t.open(1, HOST, 8712, ctx=1)
    tls = t.net.conns[0].tls
    assert (tls.version, tls.suites, tls.seclevel, tls.ca) == (1, (0x35,), 1, b"CA")


def test_3_3_buffer_access_mode():
    t = configured(server())
    # 3.3.1
    reply = t.at('AT+QSSLOPEN=1,1,1,"220.180.239.201",8712,0')
    assert reply == OK + b"\r\n+QSSLOPEN: 1,0\r\n"
    assert t.at("AT+QSSLSTATE") == lines(STATE % 0)
    # 3.3.2: fixed length, 52 bytes as the manual says
    assert len(REQUEST) == 52
    assert t.at("AT+QSSLSEND=1,52") == b"\r\n> "
    assert t.type(REQUEST) == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",1\r\n'
    # 3.3.3
    assert t.at("AT+QSSLRECV=1,1500") == (
        b"\r\n+QSSLRECV: %d\r\n" % len(REPLY) + REPLY + b"\r\n\r\nOK\r\n"
    )
    assert len(REPLY) == 290
    assert t.at("AT+QSSLRECV=1,1500") == lines("+QSSLRECV: 0")
    # 3.3.4
    assert t.at("AT+QSSLCLOSE=1") == OK


def test_3_3_2_changeable_length_typed_by_hand():
    # With a terminal program that ends lines with CR; the prompt comes again for each.
    sink = SinkPeer()
    t = configured(FakeNet(sink))
    t.open(1, HOST, 8712, ctx=1)
    t.model.echo = True
    assert t.at("AT+QSSLSEND=1") == b"AT+QSSLSEND=1\r\r\n> "
    assert t.type("GET /4M.txt HTTP/1.1\r") == b"GET /4M.txt HTTP/1.1\r\r\n> "
    assert t.type("HOST: 220.180.239.201:8011\r") == b"HOST: 220.180.239.201:8011\r\r\n> "
    assert t.type("\r") == b"\r\r\n> "
    assert t.type("\x1a") == b"\r\nSEND OK\r\n"
    assert sink.received == b"GET /4M.txt HTTP/1.1\rHOST: 220.180.239.201:8011\r\r"


def test_3_3_2_fixed_length_as_listed():
    t = configured(FakeNet(SinkPeer()), prompt_again="both")
    t.open(1, HOST, 8712, ctx=1)
    assert t.at("AT+QSSLSEND=1,52") == b"\r\n> "
    assert t.type(REQUEST) == b"\r\n> \r\n> \r\n> \r\nSEND OK\r\n"


def test_3_4_direct_push_mode():
    t = configured(server())
    # 3.4.1, with its blank
    reply = t.at('AT+QSSLOPEN= 1,1,1,"220.180.239.201",8712,1')
    assert reply == OK + b"\r\n+QSSLOPEN: 1,0\r\n"
    assert t.at("AT+QSSLSTATE") == lines(STATE % 1)
    # 3.4.2, 3.4.3
    assert t.at("AT+QSSLSEND=1,52") == b"\r\n> "
    assert t.type(REQUEST) == (b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",1,290\r\n' + REPLY + b"\r\n")
    # 3.4.4
    assert t.at("AT+QSSLCLOSE=1") == OK


def test_3_5_transparent_access_mode():
    t = configured(server())
    # 3.5.1
    assert t.at('AT+QSSLOPEN= 1,1,1,"220.180.239.201",8712,2') == b"\r\nCONNECT\r\n"
    # 3.5.2, 3.5.3
    assert t.type(REQUEST) == REPLY
    # 3.5.4
    t.wait(1000)
    t.type("+++")
    assert t.wait(1000) == OK
    assert t.at("AT+QSSLCLOSE=1") == OK
    assert t.at("AT+QSSLSTATE") == OK
