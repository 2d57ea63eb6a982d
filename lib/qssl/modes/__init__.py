# qssl.modes - the access modes beside the buffered one: direct push, transparent.
# SPDX-License-Identifier: MIT
