# qssl.rare - methods of Modem that are rarely called: in the compiled driver they are here.
# SPDX-License-Identifier: MIT
#
# In the source they stand in modem.py. tools/package.py moves those of them here that only load
# another module and call it, and gives Modem a __getattr__ that looks here for what it lacks: so
# they take no memory until one of them is called, and are let go with the next connection. A class
# derived from Modem gets all of them with its first object.


class Rare:
    pass
