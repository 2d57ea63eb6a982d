# ugsim.model.table - which handler serves which command, and how its errors are reported.
# SPDX-License-Identifier: MIT

from ugsim.model import general, pdp, radio, sslcfg, sslcmd

# Families: how a refused command answers.
GENERAL = 0  # ERROR or +CME ERROR, as AT+CMEE says
TCPIP = 1  # bare ERROR, the code is kept for AT+QIGETERROR
FILE = 2  # +CME ERROR with a 4xx code

# name -> (handler(model, form, args) -> final result or None when it comes later, family)
COMMANDS = {}


def _add(commands, family):
    for name in commands:
        COMMANDS[name] = (commands[name], family)


_add(general.COMMANDS, GENERAL)
_add(radio.COMMANDS, GENERAL)
_add(pdp.COMMANDS, TCPIP)
_add(sslcfg.COMMANDS, TCPIP)
_add(sslcmd.COMMANDS, TCPIP)
