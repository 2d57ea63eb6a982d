# lte_kit - what the cases of the simulated LTE modems share.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal
from ugsim.model import MODELS
from ugsim.model.family import load

# One model of each family.
FAMILIES = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
LTE = [name for name in MODELS if load(name).lte]


def modem(model, net=None, **switches):
    # Its URCs come to where it is typed at.
    t = Terminal(net, model=model, **switches)
    assert t.at('AT+QURCCFG="urcport","%s"' % t.model.sw["at_port"]) == OK
    return t


def again(t):
    # It restarts; what it says at that.
    t.control("restart")
    said = t.wait(15000)
    t.model.echo = False
    return said


def each(table):
    # (terminal, what the table has for its model)
    for model in FAMILIES:
        yield modem(model), table[model]


def put(t, name, data, size=None):
    # AT+QFUPL; what follows the CONNECT.
    assert t.at('AT+QFUPL="%s",%d,1' % (name, size or len(data))) == b"\r\nCONNECT\r\n"
    return t.type(data) + t.wait(1100)
