# qssl.ask - what the modem says when it is asked, or unasked; what its numbers mean.
# SPDX-License-Identifier: MIT
