# qcheck - tools/check_server.py: would this server take the modem?
# SPDX-License-Identifier: MIT
