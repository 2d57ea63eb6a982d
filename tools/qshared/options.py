# qshared.options - what all command lines are made of. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse
import os

from ugsim.model.family import DEFAULT, MODELS

MODEL_HELP = "the modem: %s (default: %s)" % (", ".join(MODELS), DEFAULT)
BAUD_HELP = "rate of the AT port; 0: as fast as it goes (default: 115200)"
_RATES = (0, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)


class Parser(argparse.ArgumentParser):
    # Texts as they are written, no abbreviations, and one sentence for a mistake.
    def __init__(self, **settings):
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names, **settings):
        if settings.get("nargs") == "*":
            settings.setdefault("default", [])  # else errors say that it is required
        return super().add_argument(*names, **settings)

    def error(self, message):
        self.exit(2, "%s: %s. See --help.\n" % (self.prog, message[0].upper() + message[1:]))


def number(low, high):
    def convert(text):
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(
                "%s is not a number from %d to %d" % (text, low, high)
            )
        return int(text)

    return convert


def seconds(low, high, what="number of seconds"):
    def convert(text):
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                "%s is not a %s from %g to %g" % (text, what, low, high)
            )
        return value

    return convert


def model(text):
    if text.lower() not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise argparse.ArgumentTypeError("unknown model '%s'; known are %s" % (text, known))
    return text.lower()


def readable(path):
    try:
        with open(path, encoding="utf-8") as file:
            file.read()
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError("%s is no text" % path) from None
    except OSError as e:
        raise argparse.ArgumentTypeError("can't read %s: %s" % (path, e.strerror)) from None
    return path


def writable(path):
    # It is made later: another argument may be wrong.
    there = os.path.exists(path)
    try:
        open(path, "a").close()
        if not there:
            os.unlink(path)
    except OSError as e:
        raise argparse.ArgumentTypeError("can't write %s: %s" % (path, e.strerror))
    return path


def baud(text):
    if not text.isdecimal() or int(text) not in _RATES:
        rates = ", ".join(str(rate) for rate in _RATES)
        raise argparse.ArgumentTypeError("%s is no baud rate; choose of %s" % (text, rates))
    return int(text)
