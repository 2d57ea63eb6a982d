# qssl.errors - the one OSError family that everything above raises.
# SPDX-License-Identifier: MIT
#
# Every error carries errno (of module errno), phase (what was being done), code (the modem's own:
# AT+QIGETERROR or +CME ERROR; 0 if it gave none) and hint (what to check). str(error) has it all.


class Error(OSError):
    """An OSError of the driver; every one of its errors is one.

    errno: as in the module errno. phase: what was being done. hint: what to check. code: the
    modem's own number (AT+QIGETERROR, +CME ERROR), 0 if it gave none. str() has it all.

    Raises: nothing.
    Blocks: no.
    Allocates: the text.
    Since: 0.1.
    """

    def __init__(self, errno: int, phase: str, hint: str, code: int = 0) -> None:
        super().__init__(errno, "%s: %s%s" % (phase, hint, " [modem %d]" % code if code else ""))
        self.phase = phase
        self.hint = hint
        self.code = code


class DeliveryUnknown(Error):
    """Bytes were handed to the modem and their fate is not known.

    They are never sent again on their own. The connection is of no further use.

    Raises: nothing.
    Blocks: no.
    Allocates: the text.
    Since: 0.1.
    """


class Refused(Error):
    """Refused by the driver before anything was sent: an argument or a setting is wrong.

    Raises: nothing.
    Blocks: no.
    Allocates: the text.
    Since: 0.1.
    """


def error(reason: str, code: int = 0, detail: str = "") -> Error:
    # The error for a reason: a key of qssl.hints, where the words are. That module is loaded when
    # something goes wrong, not before.
    from .hints import error

    return error(reason, code, detail)
