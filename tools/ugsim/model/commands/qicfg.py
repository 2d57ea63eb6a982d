# ugsim.model.commands.qicfg - AT+QICFG of LTE modules: settings that change what sockets say.
# SPDX-License-Identifier: MIT
#
# Of the TCP sockets by their manuals; whether of SSL sockets too, the switch qicfg_ssl says.

from ugsim.model.errors import OK, Refused

# name -> (values at power-up, ranges (low, high) of each)
NAMES = {
    "transpktsize": ((1024,), ((1, 1460),)),
    "transwaittm": ((2,), ((0, 20),)),
    "dataformat": ((0, 0), ((0, 1), (0, 1))),
    "viewmode": ((0,), ((0, 1),)),
    "recvind": ((0,), ((0, 1),)),
    "sendinfo": ((0,), ((0, 1),)),
    "close/mode": ((0,), ((0, 1),)),
    "formatcfg": ((0,), ((0, 1),)),
    "passiveclosed": ((0,), ((0, 1),)),
    "qisend/timeout": ((5,), ((0, 3600),)),
    "tcp/retranscfg": ((12, 3), ((3, 20), (2, 10))),
    "tcp/sendmode": ((0,), ((0, 4),)),
    "dns/cache": ((1,), ((0, 1),)),
    "udp/readmode": ((0,), ((0, 1),)),
    "udp/sendmode": ((0,), ((0, 1),)),
    "tcp/accept": ((1,), ((0, 1),)),
    "tcp/keepalive": ((0, 7200, 75, 9), ((0, 1), (1, 7200), (1, 100), (3, 10))),
    "recv/buffersize": ((102400,), ((10240, 524288),)),
    "send/buffersize": ((10240,), ((1460, 10240),)),
    "window/scale": ((1,), ((0, 1),)),
}


class Settings:
    # settings["name"]: the first value as it counts for SSL sockets; .values has all of each name.

    def __init__(self, model):
        self._m = model
        self.values = {}

    def __getitem__(self, name):
        return self.of(name, 0)

    def of(self, name, index):
        if name in self.values and self._m.sw["qicfg_ssl"] == "yes":
            return self.values[name][index]
        return NAMES[name][0][index]


def prompt_timeout_ms(m):
    # After so long without a byte QSSLSEND gives up; 0: never.
    if "qisend/timeout" in m.qicfg.values and m.sw["qicfg_ssl"] == "yes":
        return m.qicfg.values["qisend/timeout"][0] * 1000
    return m.sw["prompt_timeout_ms"]


def _ranges(m, name):
    if name == "qisend/timeout":
        return ((0, m.family.prompt_most_s),)
    return NAMES[name][1]


def qicfg(m, form, args):
    # AT+QICFG="<name>"[,<value>...]: kept until a restart, and shown
    known = m.family.qicfg
    if form == "test":
        for name in known:
            shown = ",".join(["(%d-%d)" % pair for pair in _ranges(m, name)])
            m.out.info('+QICFG: "%s",%s' % (name, shown))
        return OK
    if form != "write" or not len(args):
        raise Refused
    name = args.string(0).lower()
    if name not in known:
        raise Refused
    start, ranges = NAMES[name][0], _ranges(m, name)
    if len(args) == 1:
        values = m.qicfg.values.get(name, start)
        m.out.info('+QICFG: "%s",%s' % (name, ",".join([str(value) for value in values])))
        return OK
    args.count(2, 1 + len(ranges))
    new = []
    for i in range(len(ranges)):
        low, high = ranges[i]
        new.append(args.number(1 + i, low, high, m.qicfg.values.get(name, start)[i]))
    m.qicfg.values[name] = tuple(new)
    return OK
