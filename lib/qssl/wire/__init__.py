# qssl.wire - what may be needed at any moment: UART, lines, commands, a connection's exchanges.
# SPDX-License-Identifier: MIT
