# test_info - Modem.info(): what modem, SIM and network say they are.
# SPDX-License-Identifier: MIT

from driver_kit import arm, bare
from ugsim.fakenet import FakeNet

IMEI = "861107030000016"
ICCID = "898600220909A0206023"


def up(**keywords):
    rig, modem = bare(FakeNet(), **keywords)
    modem.start(apn="internet")
    return rig, modem


def test_what_a_ug96_tells():
    _, modem = up()
    assert modem.info() == {
        "imei": IMEI,
        "iccid": ICCID,
        "model": "UG96",
        "firmware": "UG96LNAR02A06E1G",
        "operator": "TEST NET",
        "cell": "5650-29A7DF4",
        "technology": "UMTS",
        "signal": -71,
    }


def test_the_registration_is_asked_as_it_was():
    # For the cell <n> is 2 for a moment, and then what it was.
    for n in (0, 1, 2):
        _, modem = up()
        modem.command("AT+CGREG=%d" % n)
        assert modem.info()["cell"] == "5650-29A7DF4"
        assert modem.command("AT+CGREG?", "+CGREG: ")[0][:1] == b"%d" % n


def test_each_form_of_the_registration():
    for style in ("full", "short", "plain", "area"):
        _, modem = up(switches={"creg_style": style})
        want = None if style == "short" else "5650-29A7DF4"
        assert modem.info()["cell"] == want, style


def test_what_a_modem_does_not_know_is_none():
    rig, modem = up()
    rig.model.network.coverage = False
    rig.model.radio.set_stat(2)
    found = modem.info()
    assert (found["imei"], found["iccid"]) == (IMEI, ICCID)
    assert found["operator"] is None and found["cell"] is None and found["technology"] is None
    for name, key in (
        ("CGSN", "imei"),
        ("QCCID", "iccid"),
        ("CGMR", "firmware"),
        ("CSQ", "signal"),
    ):
        rig, modem = up()
        arm(rig, "error cmd=%s n=9" % name)
        found = modem.info()
        assert found[key] is None and found["model"] == "UG96", (name, found)


def test_other_families():
    for model, act in (("ec25", "LTE"), ("bg95", "LTE-M"), ("ec200u", "LTE")):
        _, modem = up(model=model)
        found = modem.info()
        assert found["imei"] == IMEI and found["iccid"] == ICCID
        assert found["technology"] == act and found["cell"] == "5650-29A7DF4"
        assert found["firmware"].endswith("_01.001.01.001")  # with its build
