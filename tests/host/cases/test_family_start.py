# The families of LTE modems: restarts, PDP contexts, PWRKEY.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, arm, raised, works
from family_kit import LTE, echoed, made, say, started
from mode_kit import Pin
from qssl.errors import Refused
from qssl.start.pdp import deactivate
from qssl.timekeeper import Timekeeper

INSIDE = (
    "test_a_restart_that_nobody_saw",
    "test_pdp_contexts_of_a_family",
    "test_switched_off",
    "test_switched_off_by_the_key_that_was_to_wake_it",
)


def test_a_restart_that_nobody_saw():
    # The attach has activated the context again: only a setting that is gone shows it.
    for model, _ in LTE:
        rig, modem, log = started(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        echoed(sock, 100)
        rig.model.power.restart(True, True)
        rig.sleep(20000)
        epoch = modem.epoch
        sock.settimeout(60)
        e = raised(sock.recv, 1)
        assert "restart" in str(e) or "no such connection" in str(e), (model, e)
        modem.sleep_ms(3000)
        assert not modem.up and modem.gone == "restarted" and modem.epoch > epoch, (
            model,
            modem.gone,
        )
        modem.start(apn="internet")
        works(modem)


def test_words_of_a_restart():
    for model, words in (("bg95", "APP RDY"), ("bg95", "PSM POWER DOWN"), ("ec25", "RDY")):
        rig, modem, log = started(model)
        modem.sleep_ms(30000)
        restarts = modem.stats.restarts
        # true
        rig.model.power.restart(True, True)
        rig.sleep(15000)
        say(rig, words)
        modem.sleep_ms(5000)
        assert modem.stats.restarts == restarts + 1 and not modem.up, (model, words)
        modem.start(apn="internet")
        works(modem)
        # not true
        modem.sleep_ms(30000)
        say(rig, words)
        modem.sleep_ms(5000)
        assert modem.stats.restarts == restarts + 1 and modem.up, (model, words)
        works(modem)


def test_app_rdy_belongs_to_rdy():
    rig, modem, log = started("bg95")
    sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    rig.model.power.restart(True)
    modem.sleep_ms(10000)
    assert modem.stats.restarts == 1 and not modem.up
    raised(sock.recv, 1)
    modem.start(apn="internet")
    works(modem)
    assert modem.stats.restarts == 1


def test_a_context_that_is_active_already():
    for model, _ in LTE:
        for addresses, dots in (("4", True), ("46", True), ("6", False)):
            rig, modem, log = made(model, switches={"addresses": addresses})
            modem.start()  # any APN will do
            assert modem.up and (modem.address.count(".") == 3) == dots, modem.address
            assert not log.count("AT+QIDEACT") and not log.count("AT+QIACT="), log.at
            assert modem.ip() == modem.address
            rig, modem, log = made(model, switches={"addresses": addresses})
            modem.start(apn="internet")
            assert modem.up and modem.address, (model, addresses)
            works(modem)


def test_a_context_whose_address_hangs_on_another_one():
    for show in ("none", "stale"):
        rig, modem, log = started("eg800k")
        works(modem)
        arm(rig, "pdp_drift show=" + show)
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(3):
            try:
                modem.connect(HOST, 8883, ctx).close()
                break
            except OSError:
                if not modem.up:
                    modem.start(apn="internet")
        else:
            raise AssertionError("no connection in three tries: " + show)
        assert modem.up
        works(modem)


def test_a_firmware_that_hangs_at_cgact():
    # BG96 since BG96MAR02A07 was seen to hang at AT+CGACT until it is reset.
    rig, modem, log = made("bg96")
    arm(rig, "crash cmd=+CGACT do=mute n=0")
    modem.start(apn="other", timeout_ms=60000)
    assert log.count("AT+QIDEACT=1"), log.at
    works(modem)


def test_pdp_contexts_of_a_family():
    for model, most in (("ec25", 16), ("bg770a", 5), ("ec200u", 7), ("eg800k", 15)):
        rig, modem, log = started(model)
        e = raised(modem.activate, most + 1, "internet")
        assert isinstance(e, Refused) and str(most) in str(e), e
        assert not log.count("AT+QICSGP=%d" % (most + 1))
        ctx = modem.tls(0, ca=CA, check_time=False)
        sent = len(log.at)
        pdp = {"pdp": most + 1}
        for call, args in (
            (modem.connect, (HOST, 1, ctx)),
            (modem.open, (HOST, 1, ctx)),
            (modem.transparent, (HOST, 1, ctx)),
            (deactivate, (modem,)),
            (modem.diagnose, ()),
            (Timekeeper, (modem, None, "ntp.example")),
        ):
            e = raised(call, *args, **pdp)
            assert isinstance(e, Refused) and e.hint.startswith("1 to %d: PDP" % most), e
        assert {text[:3] for text in log.at[sent:]} <= {"ATE"}, log.at[sent:]
        address = modem.activate(2, "other")
        assert address and 2 in modem.pdps
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False), pdp=2)
        echoed(sock, 100)
        sock.close()


def test_switched_off():
    # Nobody knows the modem yet; or its name was given.
    for model in ("ug96", "ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k"):
        took = []
        for dialect in (None, model):
            rig, modem, log = made(model, powered=False, dialect=dialect)
            modem.pins = (Pin(rig, "pwrkey"), Pin(rig, "status")) + (None,) * 4
            modem.start(apn="internet")
            took.append(rig.now)
            works(modem)
        # Longer pulses are tried when the short ones have not helped.
        assert took[0] < 150000 and took[1] < 40000, (model, took)


def test_switched_off_by_the_key_that_was_to_wake_it():
    # Its AT port is deaf, and nothing tells that it is on: PWRKEY switches it off, then on.
    for model in ("bg96", "ec200u"):
        rig, modem, log = started(model)
        modem.pins = (Pin(rig, "pwrkey"),) + (None,) * 5
        arm(rig, "lose_in n=0")

        def hears(rig=rig):
            if not rig.model.power.alive():
                rig.model.command("clear lose_in")

        modem.link.idle = hears
        begun = rig.now
        modem.start(apn="internet")
        assert rig.now - begun < 90000, (model, rig.now - begun)
        works(modem)


def test_start_asks_no_more_than_it_needs():
    # A modem may take seconds for each answer. What a registration shows is not asked, nor what
    # the first answer told.
    for model, most in (
        ("ec25", 34),
        ("bg96", 29),
        ("bg95", 31),
        ("bg770a", 31),
        ("ec200u", 36),
        ("eg800k", 37),
    ):
        rig, modem, log = started(model)
        assert len(log.at) <= most, (model, len(log.at), log.at)
        twice = [line for line in log.at if log.at.count(line) > 1]
        for line in ("AT", "AT+QIACT?", 'AT+QICFG="transpktsize"'):
            while line in twice:
                twice.remove(line)
        assert not twice and not log.count("AT+CPIN") and not log.count("AT+CFUN"), (model, twice)
    rig, modem, log = made("eg800k")
    arm(rig, "delay what=final by=3000 n=0")
    modem.start(apn="internet")
    assert modem.up and rig.now < 128000, rig.now


def test_a_sim_for_data_alone():
    # AT+CEREG counts: AT+CREG says that it is not registered.
    for model, _ in LTE:
        for stat in ("0", "2"):
            rig, modem, log = started(model, switches={"cs_stat": stat})
            assert modem.up and modem.registration(), (model, stat)
            assert not log.count("AT+CREG?") and not log.count("AT+CGREG?"), (model, log.at)
