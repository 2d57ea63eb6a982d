# qssl.uplink.statuses - an HTTP status that is no success, in words.
# SPDX-License-Identifier: MIT
#
# Loaded by the first one.

from micropython import const

# Status of HTTP: number|what to check; a digit alone is for all that begin with it.
_STATUS = const("""
3|it has moved: give host and path of where it sends (its Location)
400|does it read what is sent, with its Content-Type?
401|is the device's token or login right?
403|may this device, with its token or certificate?
404|is the path right?
405|does it take a POST at this path?
407|a proxy is in between, and wants a login
411|a proxy in between wants another form
413|less at a time: batch= and size= of Uplink
415|is the content_type= of the carrier right?
429|too many at once; it is tried again
4|its log says why
5|its log says why; it is tried again
""")


def answer(status):
    # What to say of an HTTP status that is no success.
    from ..hints import _find

    step = _find((_STATUS,), status) or _find((_STATUS,), status // 100)
    return "%d%s" % (status, step and "; " + step)
