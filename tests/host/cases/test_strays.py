# test_strays - lines that nobody knows are passed over, counted, and kept on demand.
# SPDX-License-Identifier: MIT

from driver_kit import Recorder, arm, connected, pattern, raised, reads


def test_they_are_kept_on_demand():
    rig, modem, sock = connected(Recorder(pattern(2000)))
    kept = modem.strays()
    arm(rig, 'before before=info n=2 text=+QNTP: 0,"26/11/22,10:00:00+00"')
    assert reads(sock, 2000) == pattern(2000)
    assert kept.lines() == [b'+QNTP: 0,"26/11/22,10:00:00+00"'] * 2
    assert kept.lines() == [] and not modem.stats.garbled
    rig.model.command("say +QPING: 569")
    modem.sleep_ms(20)
    assert kept.lines() == [b"+QPING: 569"]


def test_they_are_bounded():
    rig, modem, sock = connected()
    kept = modem.strays(64)
    for i in range(50):
        rig.model.command("say +QPING: 0,4,%d" % i)
        rig.model.command("say +QXXX: " + "y" * (i * 4))
        modem.sleep_ms(5)
        assert kept._ring.any() <= 64
    assert kept.dropped > 10
    assert kept.lines()[-1].startswith(b"+QXXX: yyy")
    assert raised(modem.strays, 5).phase == "modem"
    sock.write(b"fine")
    assert sock.read(4) == b"fine"
