# qssl.errors - the one OSError family that everything above raises.
# SPDX-License-Identifier: MIT
#
# Every error carries errno (of module errno), phase (what was being done), code (the modem's own:
# AT+QIGETERROR or +CME ERROR; 0 if it gave none) and hint (what to check). str(error) has it all.


class Error(OSError):
    def __init__(self, errno: int, phase: str, hint: str, code: int = 0) -> None:
        super().__init__(errno, "%s: %s%s" % (phase, hint, " [modem %d]" % code if code else ""))
        self.phase = phase
        self.hint = hint
        self.code = code


class DeliveryUnknown(Error):
    # Bytes were handed to the modem and their fate is not known: they are never sent again on
    # their own. The connection is of no further use.
    pass


class Refused(Error):
    # Refused by the driver before anything was sent: an argument or a setting is wrong.
    pass


def error(reason: str, code: int = 0, detail: str = "") -> Error:
    # The error for a reason: a key of qssl.hints, where the words are. That module is loaded when
    # something goes wrong, not before.
    from .hints import error

    return error(reason, code, detail)
