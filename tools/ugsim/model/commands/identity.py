# ugsim.model.commands.identity - who the modem and its SIM are.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

MAKER = "Quectel"
MODEL = "UG96"
REVISION = "UG96LNAR02A06E1G"
IMEI = "861107030000016"
IMSI = "262011234567890"
ICCID = "898600220909A0206023"


def ati(m, form, args):
    # The manufacturer's three lines and an empty one.
    m.out.info(MAKER)
    m.out.info(MODEL)
    m.out.info("Revision: " + REVISION)
    return OK


def _line(text, needs_sim=False):
    # Handler of an execution command that prints one bare line.
    def handler(m, form, args):
        if form == "test":
            return OK
        if form != "exec":
            raise Refused
        if needs_sim:
            m.sim.need()
        m.out.info(text)
        return OK

    return handler


COMMANDS = {
    "I": ati,
    "+CGMI": _line(MAKER),
    "+GMI": _line(MAKER),
    "+CGMM": _line(MODEL),
    "+GMM": _line(MODEL),
    "+CGMR": _line(REVISION),
    "+GMR": _line(REVISION),
    "+QGMR": _line(REVISION),
    "+CGSN": _line(IMEI),
    "+GSN": _line(IMEI),
    "+CIMI": _line(IMSI, True),
    "+QCCID": _line("+QCCID: " + ICCID, True),
}
