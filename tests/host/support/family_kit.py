# family_kit - what the driver's cases of the families of modems share.
# SPDX-License-Identifier: MIT

from driver_kit import Log, bare, pattern, reads
from ugsim.fakenet import EchoPeer, FakeNet

# One model a family, as ugsim names it, and the family.
MODELS = (
    ("ug96", "ugxx"),
    ("ec25", "ec2x"),
    ("bg96", "bg96"),
    ("bg95", "bg95"),
    ("bg770a", "bg770a"),
    ("ec200u", "ec200u"),
    ("eg800k", "ec200a"),
)
LTE = MODELS[1:]


def made(model, net=None, **keywords):
    # (rig, modem, log), not started.
    rig, modem = bare(net or FakeNet(EchoPeer()), model=model, **keywords)
    return rig, modem, Log(rig)


def started(model, net=None, **keywords):
    rig, modem, log = made(model, net, **keywords)
    modem.start(apn="internet")
    return rig, modem, log


def values(rig, ctx=0):
    # What the modem holds.
    return rig.model.sslctx[ctx]


def echoed(sock, n=3000):
    data = pattern(n)
    sock.settimeout(30)
    sock.write(data)
    sock.flush()
    assert reads(sock, n) == data


def say(rig, words):
    rig.rx.append(b"\r\n" + words.encode() + b"\r\n")


def typed(rig, text):
    # What the modem answers to a line that another program types.
    rig.model.feed(text.encode())
    rig.sleep(300)
    return rig.rx.take(4096)
