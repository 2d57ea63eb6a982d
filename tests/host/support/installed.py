# installed - existing clients on the modem, as a program has them that calls compat.install().
# SPDX-License-Identifier: MIT

import sys

from driver_kit import CA
from qssl import compat

_SHIMMED = ("socket", "usocket", "ssl", "ussl", "tls")
_CLIENTS = ("umqtt", "urequests", "requests", "aiohttp")


class Installed:
    # Inside of it, imports of sockets are the modem's; clients are imported anew, from these
    # folders of the checkout. start: of compat.install().
    def __init__(self, modem, folders, start):
        self._args = modem, modem.tls(0, ca=CA, check_time=False), start, 30
        self._folders = folders

    def __enter__(self):
        self._before = {name: sys.modules.get(name) for name in _SHIMMED}
        self._path = list(sys.path)
        for name in list(sys.modules):
            if name.split(".")[0] in _CLIENTS:
                del sys.modules[name]
        checkout = __file__.rpartition("tests/")[0]
        sys.path[:0] = [checkout + folder for folder in self._folders]
        compat.install(*self._args)

    def __exit__(self, *_):
        sys.path[:] = self._path
        for name in _SHIMMED:
            del sys.modules[name]
            if self._before[name]:
                sys.modules[name] = self._before[name]
