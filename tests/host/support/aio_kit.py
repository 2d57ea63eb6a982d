# aio_kit - what the cases of qssl.aio share: a modem in a task, connections, peers.
# SPDX-License-Identifier: MIT

from driver_kit import HOST, Log, bare, tls
from qssl import aio
from ugsim.fakenet import EchoPeer, FakeNet, Peer

PATTERN = bytes(range(256))
SLOW = {"reply_ms": 2}  # several passes of the event loop for each command


def made(net=None, **options):
    # (rig, modem, ctx), not started; an echo if net is None. rig.log: what reaches the modem.
    rig, modem = bare(FakeNet(EchoPeer()) if net is None else net, **options)
    rig.log = Log(rig)
    return rig, modem, tls(modem)


async def started(net=None, **options):
    rig, modem, ctx = made(net, **options)
    await aio.start(modem, apn="internet")
    return rig, modem, ctx


async def connected(net=None, **options):
    rig, modem, ctx = await started(net, **options)
    r, w = await aio.open_connection(modem, HOST, 8883, ctx)
    return rig, modem, ctx, r, w


async def works(modem, ctx):
    # The next connection works: an echo.
    modem.link.uart._rig.net.add("after.example", EchoPeer())
    r, w = await aio.open_connection(modem, "after.example", 443, ctx)
    w.write(PATTERN * 3)
    await w.drain()
    assert await r.readexactly(768) == PATTERN * 3
    w.close()
    await w.wait_closed()


async def raised(awaitable):
    # The OSError that it raises.
    try:
        value = await awaitable
    except OSError as e:
        assert e.errno > 0 and str(e), e
        return e
    raise AssertionError("no error, but %r" % (value,))


class Hold(Peer):
    # Keeps the connection for the test to push into.
    def on_open(self, conn):
        self.conn = conn
