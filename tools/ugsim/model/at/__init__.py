# ugsim.model.at - the AT port: command lines in, framed replies and URCs out.
# SPDX-License-Identifier: MIT
