# ugsim.net - the network behind the modem: real names, real TCP, real TLS.
# SPDX-License-Identifier: MIT

from ugsim.net.network import Net

__all__ = ["Net"]
