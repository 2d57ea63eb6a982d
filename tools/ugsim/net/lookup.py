# ugsim.net.lookup - a host name on its way to addresses.
# SPDX-License-Identifier: MIT

import ipaddress
import socket
import threading

ERR_DNS = 565  # TCP/IP error code: DNS parse failed
TIMEOUT_MS = 60000


class Lookup:
    # poll() -> None, or (error code, [address, ...]).
    def __init__(self, host, now_ms, wake=None):
        self._deadline_ms = now_ms + TIMEOUT_MS
        self._answer = None
        try:
            self._answer = (0, [str(ipaddress.IPv4Address(host))])
        except ValueError:
            # The system's resolver has no non-blocking call.
            threading.Thread(target=self._ask, args=(host, wake), daemon=True).start()

    def _ask(self, host, wake):
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
            self._answer = (0, [entry[4][0] for entry in found])
        except (OSError, UnicodeError):
            self._answer = (ERR_DNS, [])
        if wake:
            wake()

    def poll(self, now_ms=None):
        if self._answer is None and now_ms is not None and now_ms >= self._deadline_ms:
            self._answer = (ERR_DNS, [])
        return self._answer
