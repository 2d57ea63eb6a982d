# qfleet.drivers - tools/fleet.py --drivers: whole drivers on simulated modems and virtual clocks,
# and the receiver's own code behind a simulated network.
# SPDX-License-Identifier: MIT
#
# One device after the other lives through the same days: what happens to all of them at once (the
# receivers' outage, a power cut everywhere) has its time on the common calendar, all else is the
# device's own. So the time in which this runs is a device's, and parts can run by themselves.

import contextlib
import functools
import sys
import tempfile
import time
from pathlib import Path

import setup
from postgres_kit import Postgres
from qfleet import begin
from qfleet.days import Calendar, Days
from qfleet.histogram import histogram
from qfleet.inside import Inside

_TELL_S = 30


class Fleet:
    def __init__(self, chosen):
        self._chosen = chosen

    def run(self, stack):
        chosen = self._chosen
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-fleet-")))
        url = "sqlite:///%s" % (folder / "receiver.db")
        if chosen.database == "postgresql":
            url = stack.enter_context(Postgres()).url
        inside = stack.enter_context(contextlib.closing(Inside(folder, url)))
        part, parts = chosen.part
        numbers = range(
            chosen.devices * (part - 1) // parts + 1, chosen.devices * part // parts + 1
        )
        calendar = Calendar(chosen.days, time.time() - chosen.days * 86400)
        print(
            "devices %d to %d of %d, %g days, a record every %d s"
            % (numbers[0], numbers[-1], chosen.devices, chosen.days, chosen.every)
            if numbers
            else "no devices in this part",
            flush=True,
        )
        begin = told = time.monotonic()
        faults = []
        total = {}
        for done, number in enumerate(numbers, 1):
            device = Days(number, chosen, calendar, inside)
            faults += ["%s: %s" % (device.name, fault) for fault in device.run()]
            for name, value in device.sums.items():
                total[name] = total.get(name, 0) + value
            if time.monotonic() > told + _TELL_S:
                told = time.monotonic()
                print(
                    "... %d of %d devices in %.0f s" % (done, len(numbers), told - begin),
                    flush=True,
                )
        return self._judge(total, calendar, faults, time.monotonic() - begin)

    def _judge(self, total, calendar, faults, seconds):
        for name in sorted(total):
            print("%-22s %d" % (name, total[name]))
        for what, times in calendar.came.items():
            print("after %s," % what)
            for line in histogram(times):
                print("  " + line)
        for fault in faults[:20]:
            print("Failed: " + fault)
        print("in %.0f s" % seconds)
        if faults:
            print("Failed: %d faults." % len(faults))
            return 1
        print(
            "Each of %d records is there once, each of %d messages came once."
            % (total.get("records", 0), total.get("messages", 0))
        )
        return 0


if __name__ == "__main__":
    sys.exit(setup.main(functools.partial(begin.main, Fleet)))
