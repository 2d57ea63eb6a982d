# qcheck.modern - what a client of today gets from the server; says why the modem is refused.
# SPDX-License-Identifier: MIT

import contextlib
import socket
import ssl
import threading
import warnings


def look(target, sni, version=None, timeout=10):
    # {"version", "suite", "leaf": DER} or None. version: "1.2" allows no later one.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        if version == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
    clock = None
    try:
        with socket.create_connection(target, timeout) as plain:
            with context.wrap_socket(
                plain, server_hostname=sni, do_handshake_on_connect=False
            ) as sock:
                # The time-out of a socket is for each read; this one is for all.
                clock = threading.Timer(timeout, _shut, (sock,))
                clock.start()
                sock.do_handshake()
                return {
                    "version": sock.version().replace("v", ""),
                    "suite": sock.cipher()[0],
                    "leaf": sock.getpeercert(True),
                }
    except (OSError, ValueError):
        return None
    finally:
        if clock:
            clock.cancel()


def _shut(sock):
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
