# qssl.start - from any state of the modem to an active PDP context; let go once that is reached.
# SPDX-License-Identifier: MIT
