# qssl.site - what the files of boards/ share: settings in a file, the time, the modem by its pins.
# SPDX-License-Identifier: MIT

import errno
import time

from micropython import const

from .errors import Refused

_FILE = "/settings.json"  # {"apn": "internet", "host": "server.example", "port": 8883}
_FIRST_YEAR = const(2024)  # a clock before this was never set
_EPOCH_2000 = const(946684800)  # seconds from 1970 to 2000, which some ports count from
_LINES = const(("pwrkey", "status", "dtr", "dcd", "reset", "off"))
_INPUTS = const(("status", "dcd"))
_WIRES = {"tx": "the modem's RXD", "rx": "the modem's TXD"}


def _stop(hint):
    raise Refused(errno.EINVAL, "board", hint)


def setting(name: str, default=None):
    """The value of a setting of /settings.json; a number if the default is one.

    Without default it must be there.

    Returns: what the file says, else the default.
    Raises: qssl.Refused if it is missing, or the file can't be read.
    Blocks: no.
    Allocates: while it reads the file.
    Since: 0.1.
    """
    import json

    data = b"{}"
    try:
        with open(_FILE, "rb") as f:
            data = f.read()
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ENODEV):
            _stop("%s can't be read: %s" % (_FILE, e))
    try:
        # MicroPython's json takes NULs for text, and a file that was cut for a whole one.
        if b"\0" in data or data.rstrip()[-1:] != b"}":
            raise ValueError
        found = json.loads(data.decode())
        value = found.get(name)
    except (ValueError, AttributeError):
        from .sitewords import unreadable

        _stop(_FILE + unreadable(data))
    if value is None:
        for other in found:
            if other.strip().lower() == name != other:
                _stop("the setting %s is written %r in %s" % (name, other, _FILE))
        if default is None:
            _stop("the setting %s is missing; put it into %s" % (name, _FILE))
        return default
    if isinstance(default, int):
        try:
            if type(value) in (int, str, type(default)):  # true would be 1, and 443.7 443
                return int(value)
        except ValueError:
            pass
        _stop("the setting %s must be a number, not %s" % (name, value))
    return value


def access() -> dict:
    """What the SIM's network wants, out of the settings apn, apn_user, apn_password, apn_auth and
    pin: the arguments of that for Modem.start() and qssl.recovery.Recovery.

    A setting that is missing is left at what start() takes without it, the APN at "internet". Does
    not block; raises qssl.Refused for settings that can't be read.

    Returns: a dictionary.
    Raises: qssl.Refused for settings that can't be read.
    Blocks: no.
    Allocates: the dictionary.
    Since: 0.2.
    """
    found = {"auth": setting("apn_auth", 0)}
    for name, argument in (
        ("apn", "apn"),
        ("apn_user", "user"),
        ("apn_password", "password"),
        ("pin", "pin"),
    ):
        value = setting(name, "internet" if name == "apn" else "")
        # As a number it has lost its zeros in front, and a wrong PIN would be typed.
        if not isinstance(value, str) and (name == "pin" or type(value) is not int):
            _stop('the setting %s must stand in quotes, like "%s": "0123"' % (name, name))
        found[argument] = str(value)
    return found


def _ahead():
    # Seconds by which the board's clock is ahead of UTC, by the setting utc_offset_min.
    ahead = setting("utc_offset_min", 0)
    if abs(ahead) > 900:
        _stop("the setting utc_offset_min must be minutes")
    return ahead * 60


def utc() -> tuple | None:
    """(year, month, day, hour, minute, second) in UTC; None if this board does not know.

    MicroPython's clock has no zone. Here it is taken for UTC; if it keeps local time, as after
    `mpremote rtc --set`, the setting utc_offset_min tells how many minutes it is ahead of UTC.
    Does not block; raises qssl.Refused for a setting that is no number.

    Returns: a tuple or None.
    Raises: qssl.Refused for a setting that is no number.
    Blocks: no.
    Allocates: the tuple.
    Since: 0.1.
    """
    ahead = _ahead()
    t = (time.gmtime(time.time() - ahead) if ahead else time.gmtime())[:6]
    return t if t[0] >= _FIRST_YEAR else None


def now() -> int | None:
    """Seconds since 1970-01-01 UTC on every port; None if this board does not know.

    Returns: int or None.
    Raises: qssl.Refused for a setting that is no number.
    Blocks: no.
    Allocates: little.
    Since: 0.1.
    """
    if utc():
        epoch = _EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0
        return int(time.time()) - _ahead() + epoch
    return None


def set_utc(machine, t: tuple) -> None:
    """Sets the board's clock to (year, month, day, hour, minute, second) in UTC, so that utc() and
    now() tell it: in local time if the setting utc_offset_min says so. Raises qssl.Refused for
    what is no time.

    Returns: None.
    Raises: qssl.Refused for what is no time.
    Blocks: no.
    Allocates: little.
    Since: 0.2.
    """
    from .clock import civil, seconds

    y, m, d, hh, mm, ss, weekday, _ = civil(seconds(t) + _ahead())
    machine.RTC().datetime((y, m, d, weekday, hh, mm, ss, 0))


def modem(machine, port, pins, low, options):
    """A qssl.Modem on machine.UART(port), for the files of boards/.

    pins: the GPIO of each wire, None or left out: not wired. low: names of the lines that are
    asserted at low level. options: those of Modem.

    Returns: qssl.modem.Modem.
    Raises: qssl.Refused for pins that can't be.
    Blocks: no.
    Allocates: the UART's rings and the modem.
    Since: 0.1.
    """
    from .modem import Modem

    for name in pins:
        if name not in ("tx", "rx", "rts", "cts") + _LINES:
            _stop("board.py names a pin %s, which is no line of the modem" % name)
    for name, goal in _WIRES.items():
        if pins.get(name) is None:
            _stop("board.py names no pin for %s, which goes to %s" % (name, goal))
    wired = {name: pins[name] for name in ("tx", "rx", "rts", "cts") if pins.get(name) is not None}
    flow = 0
    if "rts" in wired:
        flow |= machine.UART.RTS
    if "cts" in wired:
        flow |= machine.UART.CTS
    if flow:
        wired["flow"] = flow
    options.setdefault("flow", "rts" in wired)
    baud = options.setdefault("baud", setting("baud", 0))  # 0: start() looks at no other rate
    name = "uart %s" % port
    try:
        uart = machine.UART(port, baud or 115200, rxbuf=2048, txbuf=2048, timeout=0, **wired)
        for name in _LINES:
            if pins.get(name) is not None and name not in options:
                options[name] = _signal(machine, pins[name], name in _INPUTS, name in low.split())
    except (ValueError, TypeError) as e:
        _stop("%s can't be on the pins that board.py names for it (%s)" % (name, e))
    return Modem(uart, **options)


def _signal(machine, pin, reads, low):
    # A line that is 1 when asserted. An output begins not asserted.
    Pin = machine.Pin
    pin = Pin(pin, Pin.IN) if reads else Pin(pin, Pin.OUT, value=low)
    return machine.Signal(pin, invert=low)
