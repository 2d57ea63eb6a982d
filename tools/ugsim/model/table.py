# ugsim.model.table - which handler serves which command, and how its errors are reported.
# SPDX-License-Identifier: MIT

from ugsim.model import (
    clock,
    dns,
    filecmd,
    filehandle,
    general,
    identity,
    modecmd,
    pdp,
    portcfg,
    power,
    radio,
    sslcfg,
    sslcmd,
)

# Families: how a refused command answers.
GENERAL = 0  # ERROR or +CME ERROR, as AT+CMEE says
TCPIP = 1  # bare ERROR, the code is kept for AT+QIGETERROR
FILE = 2  # +CME ERROR with a 4xx code

# name -> (handler(model, form, args) -> final result or None when it comes later, family)
COMMANDS = {}


def _add(commands, family):
    for name in commands:
        COMMANDS[name] = (commands[name], family)


for _module in (general, identity, portcfg, power, radio, clock):
    _add(_module.COMMANDS, GENERAL)
_add(modecmd.BASIC, GENERAL)
for _module in (pdp, dns, modecmd, sslcfg, sslcmd):
    _add(_module.COMMANDS, TCPIP)
for _module in (filecmd, filehandle):
    _add(_module.COMMANDS, FILE)
