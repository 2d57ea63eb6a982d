# diagnose - says why a TLS connection can't be opened, step by step.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote run examples/diagnose.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/diagnose.py

import board

host = board.setting("host")
port = board.setting("port", 443)

modem = board.modem(sockets=1)
try:
    modem.start(**board.access())
    if modem.clock() is None and board.utc():
        modem.clock(board.utc())
except OSError as e:
    print("start:", e)

# As your program has it: diagnose() looks at what the modem makes of these settings.
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
try:
    modem.connect(host, port, ctx).close()
    print("%s:%d can be reached" % (host, port))
except OSError as e:
    print("connect:", e)

print()
modem.diagnose(host, ctx, tell=print)
