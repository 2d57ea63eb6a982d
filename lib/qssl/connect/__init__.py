# qssl.connect - from a host name to a socket; TLS settings, certificates. Let go once it is open.
# SPDX-License-Identifier: MIT
