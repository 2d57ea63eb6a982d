# qssl.sitepower - what the files of boards/ share about power: sleep, a watchdog, what is kept.
# SPDX-License-Identifier: MIT
"""
power = board.power()
dog = power.watchdog(900)
modem = board.modem(idle=dog.idle)
while True:
    dog.alive()
    ...                      # measure, put, send
    power.sleep(300000)      # light: goes on here
    power.keep(data)         # or deep: the program begins anew, and finds power.kept()
    power.sleep(300000, deep=True)
"""

import os
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const

_LIGHT_MS = const(3600000)  # the longest light sleep of an RP2040 is 71 min
_MOST_MS = const(432000000)  # five days: ticks count no more than six
_KEPT_MAX = const(512)
_FILE = "/kept"


class Power:
    """Sleep, watchdog and memory of a board, for the files of boards/.

    machine: the module; None on a PC. watchdog_ms: the longest that its watchdog can wait; 0: it
    has none. What a board lacks is done as well as can be: sleep waits, and kept() is a file.

    Raises: nothing.
    Blocks: no.
    Allocates: nothing.
    Since: 0.2.
    """

    def __init__(self, machine, watchdog_ms: int = 0, path: str = _FILE) -> None:
        self._machine = machine
        self._most = watchdog_ms
        self._waits = watchdog_ms  # what the one that runs does
        self._path = path
        self._dog = None

    def sleep(self, ms: int, deep: bool = False) -> None:
        """Sleeps. What comes at the UART meanwhile is lost: send the modem to sleep, or switch it
        off, before.

        deep: all that is in RAM is lost, and the program begins anew, as main.py; on a PC it ends.
        A watchdog that runs is fed in between where it would not wait so long.

        Returns: None; after a deep sleep not at all.
        Raises: SystemExit on a PC, for a deep sleep.
        Blocks: ms milliseconds.
        Allocates: nothing.
        Since: 0.2.
        """
        machine = self._machine
        dog = self._dog
        light = getattr(machine, "lightsleep", None) or sleep_ms
        deeply = getattr(machine, "deepsleep", None) if deep else None
        # A watchdog that can wait for long does not run in deep sleep; a short one is an RP2040's,
        # which goes on, and whose deep sleep is a light one and a restart.
        short = dog is not None and self._most < 60000
        if deeply is not None and not short:
            deeply(ms)
        while ms > _MOST_MS:  # more than ticks can tell
            self.sleep(_MOST_MS)
            ms -= _MOST_MS
        due = ticks_add(ticks_ms(), ms)
        piece = _LIGHT_MS if dog is None else self._waits // 2
        while True:
            if dog is not None:
                dog.feed()
            left = ticks_diff(due, ticks_ms())
            if left <= 0:
                break
            light(min(left, piece))
        if dog is not None:
            dog.alive()
        if deeply is not None:
            deeply(1)
        elif deep:
            raise SystemExit

    def watchdog(self, patience_s: int):
        """Starts the board's watchdog, which then can't be stopped: not even to work at the
        prompt. Its idle() goes to Modem(idle=), and the program's loop calls alive() each time
        round: only while it does the board is not restarted.

        patience_s: the longest time that a round of the loop may take, sleep() apart. 0: none, and
        no watchdog.

        Returns: Watchdog.
        Raises: nothing.
        Blocks: no.
        Allocates: the object.
        Since: 0.2.
        """
        made = getattr(self._machine, "WDT", None)
        wdt = None
        if made is not None and patience_s and self._most:
            self._waits = min(patience_s * 1000, self._most)
            wdt = made(timeout=self._waits)
        dog = Watchdog(wdt, patience_s * 1000)
        if wdt is not None:
            self._dog = dog
        return dog

    def keep(self, data: bytes) -> None:
        """Keeps so many bytes, 512 at most, over a deep sleep: in the memory of an ESP32's RTC,
        which a power cut clears, else in a file, which outlives that.

        Returns: None.
        Raises: qssl.Refused for more than that; OSError of the file system.
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.2.
        """
        if len(data) > _KEPT_MAX:
            from .site import _stop

            _stop("keep() takes 512 bytes, not %d; a FileQueue takes more" % len(data))
        rtc = self._rtc()
        if rtc is not None:
            rtc.memory(data)
            return
        with open(self._path, "wb") as f:
            f.write(data)

    def kept(self) -> bytes:
        """What keep() was given before the deep sleep; b"": nothing.

        Returns: bytes.
        Raises: nothing.
        Blocks: while the file system reads.
        Allocates: the bytes.
        Since: 0.2.
        """
        rtc = self._rtc()
        if rtc is not None:
            return rtc.memory()
        try:
            with open(self._path, "rb") as f:
                data = f.read(_KEPT_MAX)
            os.remove(self._path)  # once: after a power cut it would be old
            return data
        except OSError:
            return b""

    def _rtc(self):
        made = getattr(self._machine, "RTC", None)
        rtc = None if made is None else made()
        return rtc if hasattr(rtc, "memory") else None


class Watchdog:
    """A watchdog that only a working loop feeds; made by Power.watchdog().

    Raises: nothing.
    Blocks: no.
    Allocates: nothing.
    Since: 0.2.
    """

    def __init__(self, wdt, patience_ms: int) -> None:
        self._wdt = wdt
        self._patience = patience_ms
        self._seen = ticks_ms()

    def alive(self) -> None:
        """The loop goes round.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        self._seen = ticks_ms()
        self.feed()

    def idle(self) -> None:
        """For Modem(idle=): feeds, unless the loop has not gone round for too long.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        if ticks_diff(ticks_ms(), self._seen) < self._patience:
            self.feed()

    def feed(self) -> None:
        """Feeds, whatever the loop does.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        if self._wdt is not None:
            self._wdt.feed()
