# test_field_clients - programs that people have, in bad weather, over a modem that knows no ugsim:
# it restarts, seen or not, loses bytes, gets messages, the network and the server hang up.
# SPDX-License-Identifier: MIT

import rig as _rig  # noqa: F401  first: it brings the virtual time
from driver_kit import CA
from field_faults import Faulty
from field_peers import Web
from qssl import uplink
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

uplink.urandom = lambda n: b"\x80" * n  # no jitter


def test_an_uplink_in_bad_weather():
    for seed in range(2):
        server = Web()
        field = Faulty(seed, server)
        modem = field.modem()
        ctx = modem.tls(0, ca=CA, check_time=False)
        carrier = Https("server.example", "/in")
        recovery = Recovery(modem, apn="internet")
        up = Uplink(modem, "server.example", 443, ctx, carrier, RamQueue(), recovery)
        n = 0
        while field.now < 900000:
            up.put(b'{"n":%d}' % n)
            n += 1
            assert up.run(120) < 10, (seed, up.error)
            modem.sleep_ms(5000)
        field.every = 0
        assert up.run(600) == 0, (seed, up.error)
        assert [server.ledger[key] for key in sorted(server.ledger)] == list(range(n)), seed
