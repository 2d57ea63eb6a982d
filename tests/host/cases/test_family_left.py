# What another program has left in an LTE modem is taken away.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import CA, HOST, arm, raised, works
from family_kit import LTE, echoed, made, started, typed, values


def test_what_another_program_has_left():
    for model, _ in LTE:
        switches = {"ignorecert_default": "1"}
        rig, modem, log = made(model, switches=switches)
        family = rig.model.family
        for key, value in (
            ("viewmode", 1),
            ("recvind", 1),
            ("sendinfo", 1),
            ("close/mode", 1),
            ("formatcfg", 1),
        ):
            if key in family.qicfg:
                answer = typed(rig, 'AT+QICFG="%s",%d\r' % (key, value))
                assert b"OK" in answer, (model, key, answer)
        kept = [key for key in ("session", "session_cache") if key in family.keys]
        for key in kept:
            assert b"OK" in typed(rig, 'AT+QSSLCFG="%s",0,1\r' % key), (model, key)
        modem.start(apn="internet")
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        for key in ("ignorecertchain", "ignoremulticertchainverify", "ignoreinvalidcertsign"):
            if key in family.keys:
                assert values(rig)[key] == 0, (model, key)
        assert not [key for key in kept if values(rig)[key]], (model, kept)
        assert kept or model == "bg96"
        echoed(sock)
        sock.close()
        works(modem)
        assert not modem.stats.garbled and modem.stats.resyncs == 1, model  # that of start()


def test_power_saving_that_another_program_has_left():
    # With AT+CPSMS=1, which outlives restarts, it goes off once nothing comes for a while:
    # legatoproject/legato-af issue 46, ARMmbed/mbed-os issue 11088.
    for model in ("bg96", "bg95"):
        rig, modem, log = made(model)
        assert b"OK" in typed(rig, 'AT+CPSMS=1,,,"00000100","00000101"\r')
        modem.start(apn="internet")
        rig.sleep(600000)
        works(modem)
        assert modem.up and not modem.stats.restarts, model
        begun = log.count("AT+CPSMS=")
        modem.start(apn="internet")
        assert log.count("AT+CPSMS=") == begun, model  # it is kept: not written again


def test_a_further_ca_that_another_program_has_left():
    # It would be trusted as well. As some modems list it, it is the CA by another name.
    for model in ("ec25", "eg800k"):
        for meaning in ("more", "cacert"):
            for quoted in ("yes", "no"):
                switches = {"cacertex": meaning, "cfg_quoted": quoted}
                rig, modem, log = started(model, switches=switches)
                rig.model.files.ufs.put("other.pem", CA)
                assert b"OK" in typed(rig, 'AT+QSSLCFG="cacertex",0,"other.pem"\r')
                for host in (HOST, "192.0.2.1", HOST):  # set up anew each time
                    modem.connect(host, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                    tls = rig.net.conns[-1].tls
                    assert tls.more_ca == () and tls.ca == CA, (model, meaning, quoted)
                found = "".join(values(rig)["cacertex" if meaning == "more" else "cacert"])
                assert (found == "") == (meaning == "more"), (model, meaning, found)
    # Two of six.
    rig, modem, log = started("eg800k")
    rig.model.files.ufs.put("other.pem", CA)
    line = 'AT+QSSLCFG="cacertex",0,"","other.pem","other.pem"\r'
    assert b"OK" in typed(rig, line)
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    assert rig.net.conns[-1].tls.more_ca == ()
    # A firmware that does not let go of it.
    rig, modem, log = started("ec25")
    typed(rig, 'AT+QSSLCFG="cacertex",0,"other.pem"\r')
    arm(rig, "cfg_ignored key=cacertex n=0")
    e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    assert e.errno == errno.EACCES and "cacertex" in e.hint and not rig.net.conns, e


def test_what_another_program_has_left_of_alpn_psk_and_renegotiation():
    # The server refuses a protocol that it does not speak; a PSK would be offered beside the
    # certificates; a server that may negotiate again can show another one.
    left = (
        ('"renegotiation",%d,1', "renegotiation", 0),
        ('"alpn",%d,"h2"', "alpn", ("",)),
        ('"psk",%d,"other","313233"', "psk", ("", "")),
    )
    for model, _ in LTE:
        for quoted in ("yes", "no"):
            rig, modem, log = started(model, switches={"cfg_quoted": quoted})
            rig.net.alpn[HOST] = ("http/1.1",)
            mine = [row for row in left if row[1] in rig.model.family.keys]
            assert bool(mine) == (model not in ("bg96", "ec200u")), model
            for text, _, _ in mine:
                assert b"OK" in typed(rig, "AT+QSSLCFG=" + text % 0 + "\r"), (model, text)
            for _ in range(2):
                modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                tls = rig.net.conns[-1].tls
                assert (tls.alpn, tls.psk, tls.renegotiation) == ("", ("", ""), False), model
            for _, key, value in mine:
                assert tuple(values(rig)[key] or ()) == value if value else not values(rig)[key]
    # A firmware that does not let go of it.
    for key, text in (("psk", '"psk",0,"other","313233"'), ("alpn", '"alpn",0,"h2"')):
        for fault in ("cfg_ignored key=%s n=0", "cfg_error key=%s n=0"):
            rig, modem, log = started("ec25")
            typed(rig, "AT+QSSLCFG=%s\r" % text)
            arm(rig, fault % key)
            e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            assert key in e.hint and "restart it" in e.hint and not rig.net.conns, e


def test_a_byte_of_what_was_left_is_lost():
    # The line that tells it is damaged, and nobody's; its value is lost.
    for key in ("ignoremulticertchainverify", "session_cache", "psk"):
        value = '"other","313233"' if key == "psk" else "1"
        line = '\r\n+QSSLCFG: "%s",0,' % key  # the value follows
        for at in (4, len(line) + 1):
            rig, modem, log = started("ec25")
            typed(rig, 'AT+QSSLCFG="%s",0,%s\r' % (key, value))
            armed = []

            def event(kind, text, rig=rig, log=log, armed=armed, key=key, at=at):
                log(kind, text)
                if text == 'AT+QSSLCFG="%s",0' % key and not armed:
                    armed.append(arm(rig, "lose at=%d" % at))  # behind the echo

            rig.model.on_event = event
            modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
            assert armed and not rig.model.faults.armed(), key
            now = values(rig)[key]
            assert not now or tuple(now) == ("", ""), (key, at, now)


def test_the_port_of_urcs():
    for model, port in (("ec25", "uart1"), ("eg800k", "uart1"), ("bg770a", "main")):
        rig, modem, log = made(model, switches={"urc_port": "elsewhere"})
        modem.start(apn="internet")
        assert log.count('AT+QURCCFG="urcport","%s"' % port) == 1, log.at
        works(modem)
        n = log.count('AT+QURCCFG="urcport","')
        modem.start(apn="internet")  # it is kept, and not written again
        assert log.count('AT+QURCCFG="urcport","') == n
    # A question that was damaged is refused: no proof that the firmware has no such setting.
    for model in ("ec25", "eg800k", "bg770a"):
        rig, modem, log = made(model, switches={"urc_port": "elsewhere", "echo_obeys": "never"})
        arm(rig, "error cmd=+QURCCFG n=1")
        modem.start(apn="internet")
        assert not rig.model.faults.armed()
        works(modem)
    # Firmware that can't be asked for a URC: the port's name is set all the same, once.
    for model in ("ec25", "eg800k", "bg770a"):
        rig, modem, log = made(model, switches={"urc_port": "elsewhere"})
        arm(rig, "error cmd=+QIDNSGIP n=0")
        for _ in range(2):
            modem.start(apn="internet")
            assert log.count('AT+QURCCFG="urcport","') == 1, (model, log.at)
        works(modem)
    # A PC on the modem's USB port: what comes at the UART is not for it.
    rig, modem, log = made("ec25", switches={"at_port": "usbmodem"})
    modem.start(apn="internet")
    works(modem)
