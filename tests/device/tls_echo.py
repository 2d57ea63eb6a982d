# tls_echo - what goes in comes out: all sizes around the limits, all bytes, two sockets at once.
# SPDX-License-Identifier: MIT

from kit import SET, clean, complaint, connect, context, done, modem, pattern

m = modem(sockets=2)
ctx = context(m)
a = connect(m, ctx, "echo")
b = connect(m, ctx, "echo")
for n in (1, 2, 63, 64, 255, 256, 257, 1459, 1460, 1461, 1500, 1501, 3001):
    data = pattern(n, n)
    assert a.write(data) == n
    assert a.read(n) == data, n

# What looks like the protocol, a piece at a time on one socket and all together on the other.
LOOKALIKES = (
    b"\r\nOK\r\n",
    b"\r\n\r\nOK\r\n",
    b"\r\nERROR\r\n",
    b"\r\nSEND OK\r\n",
    b'\r\n+QSSLURC: "closed",0\r\n',
    b"\r\n+QSSLRECV: 5\r\n",
    b"\r\nRDY\r\n",
    b"\r\n> ",
    b"+++",
    b"\x1a\x1b\0\r\n",
)
for piece in LOOKALIKES:
    a.write(piece)
    b.write(piece)
    assert a.read(len(piece)) == piece, piece
both = b"".join(LOOKALIKES)
assert b.read(len(both)) == both

# Both directions of both sockets at the same time.
for sock in (a, b):
    sock.write(pattern(0, 1000))
    sock.flush()
for sock in (b, a):
    assert sock.read(1000) == pattern(0, 1000)

# The end of the stream, and after it.
a.close()
c = connect(m, ctx, "close")
assert c.read() == b"" and c.read(1) == b""
c.close()

# A certificate of an authority that nobody trusts is refused.
other = SET.get("other_ca")
if other:
    text = complaint(connect, m, context(m, 1, other))
    print("another CA:", text)
    assert "566" in text
b.close()
clean(m)
done()
