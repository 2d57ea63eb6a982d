# qssl.wire.dialect - what is UGxx and not AT in general, as data.
# SPDX-License-Identifier: MIT
#
# Ranges of the UGxx SSL manual V1.2; its words are in settings and status. Another family of
# modems is other files like these.

from micropython import const

PDP_MAX = const(20)  # PDP contexts 1..20 (manual 2.2.2)
CTX_MAX = const(5)  # SSL contexts 0..5 (2.2.1)
ID_MAX = const(11)  # sockets 0..11 (2.2.2)
SEND_MAX = const(1460)  # bytes of one AT+QSSLSEND (2.2.3)
RECV_MAX = const(1500)  # bytes of one AT+QSSLRECV (2.2.4)
HOST_MAX = const(150)  # bytes of a host name; the modems of this maker take no more
OPEN_MS = const(150000)  # AT+QSSLOPEN (2.2.2)
DEACT_MS = const(40000)  # AT+QIDEACT
CLOSE_S = const(10)  # AT+QSSLCLOSE (2.2.5)
NO_PDP = const((570, 572))  # AT+QIGETERROR of AT+QSSLOPEN: the PDP context is not active
IN_USE = const(563)  # AT+QIGETERROR: the socket id is still open
STUCK = const(552)  # the same: LTE firmware that opens no more until it restarts
