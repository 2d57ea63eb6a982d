# test_over_tls - the driver through ugsim to real servers, by real TLS.
# SPDX-License-Identifier: MIT

import time

import ugsim_case
from qssl import Modem

NEEDS_UGSIM = True
HOST = "127.0.0.1"


def started(chunk=None, **options):
    uart = ugsim_case.UART(chunk)
    modem = Modem(uart, **options)
    modem.start(apn="internet")
    modem.clock(time.gmtime()[:6])
    return uart, modem


def test_the_control_channel_answers():
    assert "send_fail" in ugsim_case.control("help")


def test_get_from_nginx():
    uart, modem = started()
    ctx = modem.tls(1, ca=ugsim_case.path("ca"))
    sock = modem.connect(HOST, ugsim_case.port("nginx"), ctx)
    sock.settimeout(20)
    sock.write(b"GET /mib.bin HTTP/1.0\r\nRange: bytes=1000-51999\r\n\r\n")
    assert sock.readline() == b"HTTP/1.1 206 Partial Content\r\n"
    while sock.readline() != b"\r\n":
        pass
    assert sock.read(51000) == ugsim_case.data(51000, 1000)
    assert sock.read(1) == b""
    sock.close()
    uart.close()


def test_client_certificate():
    uart, modem = started()
    paths = {"cert": ugsim_case.path("client_cert"), "key": ugsim_case.path("client_key")}
    ctx = modem.tls(2, ca=ugsim_case.path("ca"), **paths)
    sock = modem.connect(HOST, ugsim_case.port("nginx_auth"), ctx)
    sock.settimeout(20)
    sock.write(b"GET /x HTTP/1.0\r\n\r\n")
    assert sock.read().endswith(b"\r\n\r\nfor device-1\n")
    uart.close()


def test_echo_cut_into_single_bytes():
    uart, modem = started(chunk=1)
    sock = modem.connect(HOST, ugsim_case.port("echo"), modem.tls(3, ca=ugsim_case.path("ca")))
    sock.settimeout(20)
    # Not many: on a busy computer each byte has its turn, and all of them must come within 6 s.
    sent = ugsim_case.data(200)
    sock.write(sent)
    assert sock.read(200) == sent
    sock.close()
    uart.close()


def test_a_ca_that_did_not_issue_it_is_refused():
    uart, modem = started()
    ctx = modem.tls(4, ca=ugsim_case.path("other_ca"))
    try:
        modem.connect(HOST, ugsim_case.port("echo"), ctx)
    except OSError:
        pass
    else:
        assert False, "connected"
    uart.close()
