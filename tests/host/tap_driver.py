# tap_driver - moves bytes both ways through the driver; runs on MicroPython's unix port.
# SPDX-License-Identifier: MIT
#
# Settings: host, port, kib (each way), baud. The server is qdevice.peer.

import board

_PIECE = 4096
_ROUND = 1 << 16


def whole():
    return bytearray((i * 7 + (i >> 8) * 13) & 255 for i in range(_ROUND + _PIECE))


def main():
    size = board.setting("kib", 64) * 1024
    modem = board.modem(sockets=1)
    modem.start(**board.access())
    tls = modem.tls(0, auth=False, allow_weak=True)
    pattern = memoryview(whole())
    sock = modem.connect(board.setting("host"), board.setting("port", 443), tls)
    sock.settimeout(60)
    sock.write(b"sink %d\n" % size)
    for at in range(0, size, _PIECE):
        begin = at % _ROUND
        sock.write(pattern[begin : begin + _PIECE])
    sock.flush()
    answer = sock.readline()
    assert answer == b"ok\n", answer
    sock.write(b"send %d\n" % size)
    sock.flush()
    view = memoryview(bytearray(_PIECE))
    got = 0
    while got < size:
        n = sock.readinto(view[: min(_PIECE, size - got)])
        assert n, "the server has closed after %d bytes" % got
        begin = got % _ROUND
        assert view[:n] == pattern[begin : begin + n], "other bytes near %d" % got
        got += n
    sock.close()
    modem.stop()
    assert modem.stats.garbled == 0, modem.stats.garbled
    print("%d bytes each way" % size)


main()
