# The families of LTE modems: lines that a UGxx has not, prompts that give up.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, arm, pattern, raised, reads, works
from family_kit import LTE, echoed, made, started
from qssl.errors import DeliveryUnknown


def test_a_recv_urc_with_a_length():
    # In buffer mode nothing follows it. Another program sets it while a connection is open.
    for model in ("ec25", "bg95", "ec200u", "eg800k"):
        rig, modem, log = started(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        modem.command('AT+QICFG="recvind",1')
        for _ in range(3):
            echoed(sock, 2000)
            modem.sleep_ms(500)
        assert not modem.stats.garbled and modem.stats.resyncs == 1
        sock.close()


def test_direct_push_and_transparent_mode():
    for model, _ in LTE:
        rig, modem, log = started(model)
        ctx = modem.tls(0, ca=CA, check_time=False)
        sock = modem.connect(HOST, 8883, ctx, push=True)
        echoed(sock, 1000)
        sock.switch(False)
        echoed(sock, 1000)
        sock.close()
        pipe = modem.transparent(HOST, 8883, ctx)
        echoed(pipe, 1000)
        pipe.escape()
        echoed(pipe, 1000)
        pipe.resume()
        echoed(pipe, 1000)
        pipe.close()
        works(modem)
        assert not modem.stats.garbled, model


def test_data_that_reads_like_the_end_of_data_mode():
    # NO CARRIER is taken for the modem's answer to +++ only where that can stand.
    from mode_kit import piped, takes

    words = b"\r\nNO CARRIER\r\n"
    for model in ("ec25", "bg95", "ec200u"):
        for after in (500, 1095, 1500, 1900):
            rig, modem, pipe, peer = piped(model=model)
            rig.model.timers.at(rig.now + after, lambda peer=peer: peer.say(words))
            pipe.escape()
            takes(pipe, words)
            pipe.resume()
            peer.say(b"more")
            takes(pipe, b"more")
            pipe.close()
            assert not modem.stats.garbled, (model, after)


class Busy:
    # An idle hook that takes `ms` once, when a command of AT+QSSLSEND is out.
    def __init__(self, ms):
        self.rig = None
        self.log = None
        self.ms = ms

    def __call__(self):
        if self.log is not None and self.log.count("AT+QSSLSEND") and self.ms:
            ms = self.ms
            self.ms = 0
            self.rig.sleep(ms)


def impatient(model, **keywords):
    # A modem whose prompt gives up after 5 s, whatever AT+QICFG is told.
    rig, modem, log = made(model, **keywords)
    family = rig.model.family
    family.qicfg = tuple([key for key in family.qicfg if key != "qisend/timeout"])
    rig.model.sw.set("prompt_timeout_ms", "5000")
    modem.start(apn="internet")
    return rig, modem, log


def test_a_program_that_is_busy_while_the_modem_waits_for_data():
    # What is typed too late would be run as commands.
    data = b"AT+CFUN=1,1\r\n" * 20
    for model in ("ec25", "ec200u", "eg800k"):
        for late in ("error", "nothing", "fail"):
            for ms in (5500, 9000):
                idle = Busy(ms)
                rig, modem, log = impatient(model, idle=idle, switches={"prompt_late": late})
                sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
                sock.settimeout(60)
                idle.log = log
                sock.write(data)
                e = raised(sock.flush)
                assert not idle.ms and e.phase in ("send", "modem"), (model, late, e)
                modem.sleep_ms(20000)
                assert not log.count("AT+CFUN=1,1") and modem.up, (model, late, log.at[-5:])
                works(modem)


def test_the_prompt_is_told_to_be_patient():
    for model in ("ec25", "ec200u", "eg800k"):
        idle = Busy(3500)
        rig, modem, log = made(model, idle=idle)
        modem.start(apn="internet")
        assert log.count('AT+QICFG="qisend/timeout",120') == 1
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        idle.log = log
        echoed(sock, 1000)
        assert not idle.ms


def test_a_prompt_in_a_call_that_has_little_time():
    # What counts is how long the modem has waited, not what is left of the call.
    from qssl.ctrl_z import send

    for model in ("ec25", "ec200u", "eg800k"):
        rig, modem, log = impatient(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        assert send(sock, b"short of time", 2000) == 13, model
        assert reads(sock, 13) == b"short of time"


def test_a_byte_that_is_lost_behind_the_prompt():
    # The modem waits for it in vain: nobody knows what was sent.
    for model in ("ec25", "ec200u", "eg800k"):
        for late in ("error", "nothing"):
            rig, modem, log = impatient(model, switches={"prompt_late": late})
            sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            sock.settimeout(60)
            echoed(sock, 100)
            data = pattern(700)
            sock.write(data)
            arm(rig, "lose_in at=60")
            e = raised(sock.flush)
            assert isinstance(e, DeliveryUnknown), (model, late, e)
            works(modem)


def test_a_text_that_reads_like_a_restart_before_a_prompt():
    # The prompt is not late for that, nor is one believed that is.
    for model in ("ec25", "ec200u", "eg800k"):
        for word in ("RDY", "POWERED DOWN", "NORMAL POWER DOWN", "PSM POWER DOWN", "APP RDY"):
            rig, modem, log = started(model)
            sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            echoed(sock, 10)
            modem.sleep_ms(25000)
            arm(rig, "before before=prompt text=" + word)
            echoed(sock, 10)
            assert modem.up and not modem.stats.restarts and not modem.stats.timeouts, word
    for word in ("RDY", "PSM POWER DOWN"):
        idle = Busy(5500)
        rig, modem, log = impatient(model, idle=idle, switches={"prompt_late": "nothing"})
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        idle.log = log
        arm(rig, "before before=prompt text=" + word)
        sock.write(b"AT+CFUN=1,1\r\n" * 20)
        raised(sock.flush)
        modem.sleep_ms(20000)
        assert not log.count("AT+CFUN=1,1"), word
