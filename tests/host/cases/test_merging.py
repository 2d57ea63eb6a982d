# test_merging - writes of any size leave in the fewest AT+QSSLSEND.
# SPDX-License-Identifier: MIT

from driver_kit import Log, Recorder, connected

TIMEOUT_S = 300


def sends(size, total, baud, latency):
    # How many AT+QSSLSEND `total` bytes take in writes of `size`.
    rig, modem, sock = connected(
        Recorder(), baud=baud, switches={"reply_ms": latency, "tx_size": 100000}
    )
    log = Log(rig)
    piece = bytes(size)
    for _ in range(total // size):
        sock.write(piece)
    sock.flush()
    assert len(rig.net.default.received) == total // size * size
    return log.count("AT+QSSLSEND")


def test_the_fewest():
    for baud, latency in ((115200, 0), (921600, 0), (115200, 60), (921600, 30)):
        for size in (100, 500, 512, 1024, 1460, 1500, 4096):
            total = 57 * 1024
            least = -(-(total // size * size) // 1460)
            n = sends(size, total, baud, latency)
            assert n <= least * 1.03 + 1, (baud, latency, size, n, least)


def test_what_lingers_goes_out():
    rig, modem, sock = connected(Recorder(), baud=115200)
    sock.write(bytes(1500))
    modem.sleep_ms(400)
    assert len(rig.net.default.received) == 1500
    sock.write(b"x")
    modem.sleep_ms(45)
    assert len(rig.net.default.received) == 1500
    modem.sleep_ms(60)
    assert len(rig.net.default.received) == 1501
