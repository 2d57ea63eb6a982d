# ugsim.model.commands.identity - who the modem and its SIM are.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

IMEI = "861107030000016"
IMSI = "262011234567890"
ICCID = "898600220909A0206023"


def ati(m, form, args):
    # The manufacturer's three lines and an empty one.
    m.out.info(m.family.maker)
    m.out.info(m.family.model)
    m.out.info("Revision: " + m.family.revision)
    return OK


def line(text, needs_sim=False):
    # Handler of an execution command that prints one bare line, or none; text: it, or
    # function(family).
    def handler(m, form, args):
        if form == "test":
            return OK
        if form != "exec":
            raise Refused
        if needs_sim:
            m.sim.need()
        if text:
            m.out.info(text if isinstance(text, str) else text(m.family))
        return OK

    return handler


_maker = line(lambda family: family.maker)
_model = line(lambda family: family.model)
_revision = line(lambda family: family.revision)

COMMANDS = {
    "I": ati,
    "+CGMI": _maker,
    "+GMI": _maker,
    "+CGMM": _model,
    "+GMM": _model,
    "+CGMR": _revision,
    "+GMR": _revision,
    "+QGMR": line(lambda family: family.revision + family.build),
    "+CGSN": line(IMEI),
    "+GSN": line(IMEI),
    "+CIMI": line(IMSI, True),
    "+QCCID": line("+QCCID: " + ICCID, True),
}
