# qlearn.passing - runs on a board: passes bytes between the PC and the UART of board.py.
# SPDX-License-Identifier: MIT
#
# From the PC come frames, each answered before the next: length + 32, that many bytes. 0x03 (which
# is Ctrl-C) is never among them, as 0xDB 0x23 stands for it; so Ctrl-C still ends this. Length 0
# and any byte below end it, too; 0x1F says that the PC is there. To the PC go 0x01, length, bytes;
# 0x06 for each frame that has left for the modem; 0x02 once in the beginning.

BAUD = 0  # the PC puts its own here
PATIENCE_MS = 600000  # so long the PC may be silent


def uart(baud):
    # The UART as the board's file makes it, and the lines of the modem; no modem is made of them.
    import qssl
    import qssl.modem

    def instead(uart, **options):
        return uart, options

    qssl.Modem = qssl.modem.Modem = instead
    import board

    return board.modem(**({"baud": baud} if baud else {}))


def wake(port, lines):
    # Switches the modem on, if it does not answer and its PWRKEY is wired.
    import time

    key = lines.get("pwrkey")
    for _ in range(3):
        port.write(b"AT\r")
        time.sleep_ms(400)
        if port.any():
            break
    else:
        if key is not None:
            key.on()
            time.sleep_ms(500)
            key.off()
            begin = time.ticks_ms()
            while not port.any() and time.ticks_diff(time.ticks_ms(), begin) < 12000:
                time.sleep_ms(100)
    time.sleep_ms(300)
    while port.any():
        port.read(64)


def give(port, data):
    # All of it to the modem; False if it takes nothing for long.
    import time

    begin = time.ticks_ms()
    while data:
        n = port.write(data) or 0
        data = data[n:]
        if time.ticks_diff(time.ticks_ms(), begin) > 10000:
            return False
    return True


def run(port):
    import select
    import sys
    import time

    source, out = sys.stdin.buffer, sys.stdout.buffer
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    rx = bytearray(66)
    rx[0] = 1
    view = memoryview(rx)
    heard = time.ticks_ms()
    out.write(b"\x02")
    need = -1
    frame = b""
    while time.ticks_diff(time.ticks_ms(), heard) < PATIENCE_MS:
        n = min(port.any(), 64)
        if n:
            rx[1] = port.readinto(view[2 : n + 2]) or 0
            if rx[1]:
                out.write(view[: rx[1] + 2])
        if not poll.poll(0 if n else 1):
            continue
        byte = source.read(1)
        heard = time.ticks_ms()
        if need < 0:
            if byte[0] == 31:
                continue
            need = byte[0] - 32
            frame = b""
            if need <= 0:
                return
            continue
        frame += byte
        if len(frame) == need:
            need = -1
            data = frame.replace(b"\xdb\x23", b"\x03").replace(b"\xdb\xfb", b"\xdb")
            if not give(port, data):
                return
            out.write(b"\x06")


def main():
    port, lines = uart(BAUD)
    wake(port, lines)
    run(port)
