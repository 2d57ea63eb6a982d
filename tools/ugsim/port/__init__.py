# ugsim.port - what the modem's UART is connected to, and the line in between.
# SPDX-License-Identifier: MIT
