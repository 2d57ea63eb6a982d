# test_model_rig - the test rig itself: virtual time, the UART's limits, the fake network.
# SPDX-License-Identifier: MIT

import sys

from rig import Rig
from ugsim.fakenet import ClosingPeer, FakeNet, RefusingPeer, ScriptPeer, SourcePeer, StallingPeer

OK = b"\r\nOK\r\n"


def read(rig):
    out = b""
    buf = bytearray(300)
    while rig.uart.any():
        n = rig.uart.readinto(buf)
        out += bytes(buf[:n])
    return out


def at(rig, text, ms=0):
    rig.uart.write(text.encode() + b"\r")
    rig.sleep(ms)
    return read(rig)


def test_time_is_virtual():
    import time

    rig = Rig()
    assert sys.modules["time"] is time
    start = time.ticks_ms()
    assert time.ticks_diff(time.ticks_ms(), start) == 0
    time.sleep_ms(7)
    assert rig.now == 7
    assert time.ticks_diff(time.ticks_ms(), start) == 7
    time.sleep(1)
    time.sleep_us(1500)
    assert rig.now == 1009
    assert time.ticks_diff(time.ticks_add(start, 50), start) == 50
    before = time.ticks_us()
    time.sleep_ms(2)
    assert time.ticks_diff(time.ticks_us(), before) == 2000
    # Ticks wrap soon after the start, as on a 32-bit port after twelve days.
    time.sleep_ms(6000)
    assert time.ticks_ms() < start
    assert time.ticks_diff(time.ticks_ms(), start) == 7011
    assert time.time() == 1735689600 + rig.now // 1000


def test_a_busy_loop_ends():
    import time

    rig = Rig()
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < 3:
        pass
    assert rig.now == 3


def test_unpaced_answers_at_once():
    rig = Rig(echo=False)
    assert at(rig, "AT") == OK
    assert rig.now == 0
    assert rig.uart.any() == 0
    assert rig.uart.readinto(bytearray(5)) is None


def test_forms_of_write_and_readinto():
    rig = Rig(echo=False)
    buf = b"xxATyy"
    assert rig.uart.write(buf[2:], 2) == 2
    assert rig.uart.write(memoryview(b"\r")) == 1
    out = bytearray(10)
    assert rig.uart.readinto(out, 4) == 4
    assert bytes(out[:5]) == b"\r\nOK\0"
    assert rig.uart.read() == b"\r\n"
    assert rig.uart.write(buf, 2, 2) == 2
    assert rig.uart.write(b"\r") == 1
    assert read(rig) == OK


def test_single_bytes():
    rig = Rig(echo=False, chunk=1, write_max=3)
    assert rig.uart.write(b"AT+CSQ\r") == 3
    assert rig.uart.write(b"CSQ\r", 4) == 3
    assert rig.uart.write(b"\r") == 1
    assert rig.uart.any() == 1
    buf = bytearray(100)
    assert rig.uart.readinto(buf) == 1
    assert read(rig) == b"\n+CSQ: 21,0\r\n\r\nOK\r\n"


def test_pacing():
    # 46 bytes take 4 ms at 115200 baud.
    for baud in (115200, 9600):
        rig = Rig(baud=baud, echo=False)
        rig.uart.write(b"ATI\r")
        assert rig.uart.any() == 0
        rig.sleep(1000)
        size = rig.uart.any()
        read(rig)
        start = rig.now
        rig.uart.write(b"ATI\r")
        while rig.uart.any() < size:
            rig.sleep(1)
        expected = (size + 4) * 10000 // baud
        assert expected <= rig.now - start <= expected + 3, (baud, rig.now - start)


def test_wrong_rate_garbles():
    rig = Rig(baud=9600, switches={"baud_default": 115200}, echo=False)
    assert at(rig, "AT", 100) == b""
    rig.uart.init(baudrate=115200)
    assert at(rig, "AT", 100) == OK
    rig = Rig(echo=False)
    rig.uart.init(baudrate=9600)
    assert at(rig, "AT") == b""


def test_receive_ring_overflows_without_flow_control():
    for flow in (False, True):
        rig = Rig(FakeNet(SourcePeer(5000)), baud=115200, echo=False, rxbuf=256, flow=flow)
        at(rig, "AT+IFC=2,2", 100)
        at(rig, 'AT+QICSGP=1,1,"a"', 100)
        at(rig, "AT+QIACT=1", 500)
        at(rig, 'AT+QSSLOPEN=1,0,0,"host.example",443', 10)
        rig.sleep(100)
        read(rig)
        rig.uart.write(b"AT+QSSLRECV=0,1500\r")
        rig.sleep(1000)
        got = rig.uart.any()
        if flow:
            assert rig.lost == 0 and 192 <= got <= 256
            out = b""
            for _ in range(50):
                out += read(rig)
                rig.sleep(10)
            assert len(out) == len(b"\r\n+QSSLRECV: 1500\r\n") + 1500 + 8
        else:
            assert got == 256 and rig.lost > 1200


def test_peers():
    net = FakeNet(latency_ms=50)
    net.add("closes.example", ClosingPeer(0, b"bye"))
    net.add("refuses.example", RefusingPeer(566, "opening"), 443)
    net.add("stalls.example", StallingPeer())
    script = ScriptPeer([("expect", b"abc"), ("wait", 100), ("send", b"def"), ("close",)])
    net.add("script.example", script)

    def conn(host, port=443):
        c = net.connect(None, host, port, 0)
        for now in range(0, 200, 10):
            net.poll(now)
            c.poll(now)
        return c

    c = conn("closes.example")
    assert c.state == "open" and not c.eof
    assert c.recv(2) == b"by" and c.recv(9) == b"e" and c.eof
    c = conn("refuses.example")
    assert (c.state, c.error) == ("closed", 566)
    assert conn("refuses.example", 444).state == "open"
    assert conn("stalls.example").state == "handshake"
    c = conn("script.example")
    assert c.send(b"abc") == 3
    assert not script.done()
    for now in range(200, 400, 10):
        c.poll(now)
    assert c.recv(10) == b"def" and c.eof and script.done()
    c = conn("echo.example")
    assert c.send(b"abc") == 3 and c.recv(10) == b"abc"
    c.close()
    assert c.state == "closed" and c.send(b"abc") == 0


def test_script_peer_notices_wrong_bytes():
    script = ScriptPeer([("expect", b"abc")])
    c = FakeNet(script).connect(None, "a", 1, 0)
    c.poll(0)
    c.send(b"abx")
    assert "abx" in script.error


def test_a_megabyte_takes_no_quadratic_time():
    rig = Rig(FakeNet(SourcePeer(1 << 20)), echo=False)
    at(rig, 'AT+QICSGP=1,1,"a"')
    at(rig, "AT+QIACT=1", 500)
    at(rig, 'AT+QSSLOPEN=1,0,0,"host.example",443')
    count = 0
    buf = bytearray(2000)
    while True:
        rig.uart.write(b"AT+QSSLRECV=0,1500\r")
        size = 0
        while rig.uart.any():
            size += rig.uart.readinto(buf)
        if buf.find(b"+QSSLRECV: 0") >= 0:
            break
        count += size
    assert count > 1 << 20
