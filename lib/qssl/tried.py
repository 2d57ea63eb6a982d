# qssl.tried - PINs that are never typed again. Stays in memory, once a PIN was typed.
# SPDX-License-Identifier: MIT

# PIN (bytes): (tries left before it was typed: -1 unknown, None: it was refused; times typed;
# whether the SIM has not looked at it, as far as is known)
PINS = {}

# A PIN is only typed while the SIM stands so many wrong ones, or if it was this program that typed
# the wrong one. With less than 2 none ever is.
least = 3
