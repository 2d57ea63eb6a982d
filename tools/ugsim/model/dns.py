# ugsim.model.dns - DNS servers of a PDP context and name look-up.
# SPDX-License-Identifier: MIT


def is_address(text):
    # True for a dotted IPv4 address.
    parts = text.split(".")
    if len(parts) != 4:
        return False
    for part in parts:
        if not part.isdigit() or len(part) > 3 or int(part) > 255:
            return False
    return True


class Dns:
    def __init__(self, model):
        self._m = model

    def can_resolve(self, host, context):
        # False when the context has no usable DNS server for a name (manual 1.5, item 2).
        if is_address(host):
            return True
        for server in self._m.pdp.all[context].dns:
            if is_address(server) and server not in ("0.0.0.0", "255.255.255.255"):
                return True
        return False
