# wrong - mistakes of wiring and settings: each is one sentence, within ten seconds.
# SPDX-License-Identifier: MIT

import time

import board

import qssl
from kit import SET, complaint, context, done, modem
from qssl import Modem, site


def refused(words, function, *args, **options):
    start = time.ticks_ms()
    text = complaint(function, *args, **options)
    ms = time.ticks_diff(time.ticks_ms(), start)
    print("%5d ms  %s" % (ms, text))
    assert words in text, words
    assert "\n" not in text
    assert ms <= 10000, "too long"


class Machine:
    # A machine with pins of a real board, for the emulated one has none.
    class Pin:
        IN, OUT = 0, 1

        def __init__(self, pin, mode, value=None):
            if pin > 40:
                raise ValueError("invalid pin")

    class Signal:
        def __init__(self, pin, invert):
            pass

    class UART:
        RTS, CTS = 1, 2

        def __init__(self, *args, **options):
            pass


PINS = {"tx": 4, "rx": 5}
refused("names no pin for rx", site.modem, Machine, 1, {"tx": 4}, "", {})
refused("names no pin for tx", site.modem, Machine, 1, dict(PINS, tx=None), "", {})
refused("names a pin rst", site.modem, Machine, 1, dict(PINS, rst=3), "", {})
refused("invalid pin", site.modem, Machine, 1, dict(PINS, pwrkey=99), "", {})
refused("the setting nothing is missing", board.setting, "nothing")

m = board.modem(sockets=1)
if SET["emulated"]:
    import machine

    # UART 0 of the emulated board goes nowhere: no modem, or its pins are swapped.
    alone = Modem(machine.UART(0, 115200, rxbuf=2048, txbuf=2048, timeout=0), sockets=1)
    refused("nothing answers", alone.start, apn="internet", timeout_ms=9000)
    small = Modem(machine.UART(1, 115200, rxbuf=256, txbuf=2048, timeout=0), sockets=1)
    refused("rxbuf is too small", small.start, apn="internet")

# Left in data mode by the run before: that a new start() finds its way out is all there is to it.
m = modem(sockets=1)
ctx = context(m)
ctx.apply()
line = b'AT+QSSLOPEN=1,0,0,"%s",%d,2\r' % (SET["host"].encode(), SET["port"])
m.link.uart.write(line)
time.sleep_ms(3000)
m.link.uart.write(b"echo\n")
start = time.ticks_ms()
m = modem(sockets=1)
print("%5d ms  out of data mode" % time.ticks_diff(time.ticks_ms(), start))

# Firmware that is too old to have TLS.
m.probe()
m.caps["QSSLCFG"] = None
refused("this firmware has no TLS", m.connect, SET["host"], SET["port"], context(m))
assert qssl.__version__
done()
