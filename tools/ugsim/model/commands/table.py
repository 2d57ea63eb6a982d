# ugsim.model.commands.table - which handler serves which command, and how its errors are reported.
# SPDX-License-Identifier: MIT

from ugsim.model.commands import (
    clock,
    dns,
    filehandle,
    files,
    general,
    identity,
    modes,
    pdp,
    phone,
    port,
    power,
    radio,
    sim,
    ssl,
    sslcfg,
)
from ugsim.model.errors import FILE, GENERAL, TCPIP

# name -> (handler(model, form, args) -> final result or None when it comes later, family)
COMMANDS = {}


def _add(commands, family):
    for name in commands:
        COMMANDS[name] = (commands[name], family)


for _module in (general, identity, port, power, radio, sim, clock, phone):
    _add(_module.COMMANDS, GENERAL)
_add(modes.BASIC, GENERAL)
for _module in (pdp, dns, modes, sslcfg, ssl):
    _add(_module.COMMANDS, TCPIP)
for _module in (files, filehandle):
    _add(_module.COMMANDS, FILE)
