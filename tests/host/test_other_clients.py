# test_other_clients - ugsim and an AT client that was not written for it: a session over TLS.
# SPDX-License-Identifier: MIT
#
# atlib parses replies by 27.007 and V.250 alone, keeps the echo on, and ends lines with CR LF.

import atlib
import pytest

from tls_peer import TlsPeer
from ugsim_client import Ugsim

OK = atlib.Status.OK
PAYLOAD = "a line\r\nand another one\r\n"


def text_of(device, command):
    # The information lines of a command that must succeed.
    return device.command(command).raise_for_status().lines


@pytest.fixture
def device():
    with Ugsim("--pty") as sim:
        device = atlib.GSM_Device(sim.at, 115200)
        yield device
        device.serial.close()


def test_it_finds_its_way(device):
    assert device.get_sim_status() == OK
    assert text_of(device, "ATI")[0] == "Quectel"
    assert device.command("AT+CSQ").value("+CSQ") == "21,0"
    assert device.command("AT+CREG?").fields("+CREG") == ["0", "1"]
    assert device.command("AT+NOTHING").status == atlib.Status.ERROR
    assert device.command('AT+QFLST="RAM:none"').error.code == 417
    assert device._execute("AT") == OK


def test_a_session_over_tls(device, certs):
    text_of(device, 'AT+QICSGP=1,1,"internet","","",0')
    text_of(device, "AT+QIACT=1")
    assert device.command("AT+QIACT?").fields("+QIACT")[:3] == ["1", "1", "1"]
    pem = certs.ca.read_text()
    begun = device.command('AT+QFUPL="RAM:ca.pem",%d' % len(pem), stopterm="CONNECT\r\n")
    assert "CONNECT" in begun.tokens
    device.write(pem, endline=False)
    assert device.read()[-1] == OK
    for setting in (
        '"sslversion",1,3',
        '"ciphersuite",1,"0X003D"',
        '"seclevel",1,1',
        '"cacert",1,"RAM:ca.pem"',
        '"ignorelocaltime",1,1',
    ):
        text_of(device, "AT+QSSLCFG=" + setting)
    with TlsPeer(certs.server, suites=(0x003D,)) as peer:
        text_of(device, 'AT+QSSLOPEN=1,1,0,"%s",%d,0' % (peer.host, peer.port))
        assert device.await_urc("+QSSLOPEN") == "+QSSLOPEN: 0,0"
        prompt = device.command("AT+QSSLSEND=0,%d" % len(PAYLOAD), stopterm=">")
        assert prompt.tokens[-1].startswith(">")
        device.write(PAYLOAD, endline=False)
        assert device.await_urc("SEND OK") == "SEND OK"
        assert device.await_urc("+QSSLURC") == '+QSSLURC: "recv",0'
        answer = device.command("AT+QSSLRECV=0,1500")
        assert answer.status == OK
        assert answer.value("+QSSLRECV") == str(len(PAYLOAD))
        assert answer.lines[1:] == PAYLOAD.split("\r\n")[:2]
        text_of(device, "AT+QSSLCLOSE=0")
        assert peer.wait(1).received == PAYLOAD.encode()
    assert text_of(device, "AT+QSSLSTATE") == []
