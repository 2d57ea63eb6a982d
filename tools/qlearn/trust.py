# qlearn.trust - which certificates the modem takes for a CA, and how strictly it reads them.
# SPDX-License-Identifier: MIT

import re

from qlearn.bench import CTX, FIRST, Unasked
from qlearn.opening import again
from qlearn.plain import setting


def trust(bench):
    bench.need_connections()
    again(bench)
    leaf, middle, root = _certificates(bench)
    for key in ("cacert", "ignorelocaltime"):
        old = setting(bench, key).strip('"')
        old = '"%s"' % old if key == "cacert" else old
        bench.talk.undo('AT+QSSLCFG="%s",%d,%s' % (key, CTX, old))
    bench.begin()
    if _trusts(bench, root) != 0:
        raise Unasked("it does not connect with the root either")
    wrong = _trusts(bench, root.replace(b"-----BEGIN", b"-----BEGUN"))
    if wrong == 0:
        raise Unasked("it connects with a CA file that is none: it checks nothing")
    bench.begin()
    sloppy = _trusts(bench, b"\xef\xbb\xbf" + root)
    bench.choose("pem", sloppy, {0: "lenient", wrong: "strict"})
    bench.begin()
    for other in (middle, leaf):
        error = _trusts(bench, other)
        bench.choose("anchor", error, {0: "any", wrong: "root"})
    again(bench)


def _certificates(bench):
    # The server's, over a connection that checks nothing.
    bench.opened()
    bench.tell(FIRST, "certs")
    data = b""
    for _ in range(20):
        bench.talk.rest(500)
        data += bench.drain(FIRST)
        head, newline, body = data.partition(b"\n")
        if newline and head.isdigit() and len(body) >= int(head):
            break
    bench.close(FIRST)
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", data, re.S)
    if len(found) != 3:
        raise Unasked("the server shows no certificates: does it run learn.py serve?")
    return found  # its own, the one that signed it, the root


def _trusts(bench, pem):
    # Whether the connection is made with this CA file.
    name = "RAM:qlearn-ca"
    gone, _ = bench.put(name, pem)
    try:
        again(bench)
        for key, value in (
            ("seclevel", "1"),
            ("ignorelocaltime", "1"),
            ("cacert", '"%s"' % name),
        ):
            bench.want('AT+QSSLCFG="%s",%d,%s' % (key, CTX, value))
        error = bench.connect(FIRST)
        bench.close(FIRST)
        return error
    finally:
        bench.remove(gone)
