# transparent - two requests in transparent mode, and a look at the signal between them.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote run examples/transparent.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/transparent.py
#
# In transparent mode the serial line belongs to the connection: what is written goes to the
# server, what it sends is there to be read, without a command in between. Everything else has to
# wait until pipe.escape(). See docs/access-modes.md.

import board

host = board.setting("host")
port = board.setting("port", 443)
path = board.setting("path", "/")

modem = board.modem(sockets=1)
modem.start(**board.access())
if modem.clock() is None:  # certificates are checked against it
    modem.clock(board.utc())
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))

pipe = modem.transparent(host, port, ctx)
pipe.settimeout(30)


def get():
    # One request of HTTP/1.1; the connection stays open. Returns the size of the page.
    pipe.write("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host))
    line = pipe.readline()
    print(line.decode().strip())
    size = 0
    while line.strip():  # headers end at an empty line
        line = pipe.readline()
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    return len(pipe.read(size))


print("%d bytes" % get())
pipe.escape()  # to command mode: takes about 3 s; what comes meanwhile is kept
print("signal %s dBm" % modem.signal())
pipe.resume()
print("%d bytes" % get())
pipe.close()
