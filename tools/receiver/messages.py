# receiver.messages - what goes down to a device: its form, and its signature.
# SPDX-License-Identifier: MIT
#
# docs/protocol.md says what each is for.

import hashlib
import hmac
import json
import math
import re

KINDS = ("message", "settings", "update", "ask")
BODY_MAX = 4096  # bytes
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


class Refused(Exception):
    # The text says why.
    pass


def device_key(master, name):
    # A device's own key: of the master key, so that the database holds none.
    return hmac.digest(master, b"qssl device key\n" + name.encode(), "sha256")


def sign(key, device, m, kind, until, body):
    # Hexadecimal. The number is signed, too: it only grows, and so nothing counts twice.
    signed = "qssl1\n%s\n%d\n%s\n%d\n%s" % (device, m, kind, until, body)
    return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()


def text(row):
    # The message as it goes over the wire, in UTF-8: shorter than \uXXXX, and not every reader of
    # JSON joins the two halves of a character.
    message = {"m": row.m, "kind": row.kind, "until": row.until, "body": row.body, "mac": row.mac}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def checked(kind, body):
    # The body as text, if it is one that a device can use. Raises Refused.
    if kind not in KINDS:
        raise Refused("the kind is none of %s" % ", ".join(KINDS))
    if not isinstance(body, str):
        body = json.dumps(body, separators=(",", ":"))
    try:
        size = len(body.encode())
    except UnicodeEncodeError:
        raise Refused("the body is no text") from None
    if not 0 < size <= BODY_MAX or "\0" in body:
        raise Refused("the body has to have 1 to %d bytes, and none of them 0" % BODY_MAX)
    if kind != "message":
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not value:
            raise Refused("the body of kind %s is a JSON object" % kind)
        if kind == "settings":
            for name, item in value.items():
                if not _SETTING.fullmatch(name):
                    raise Refused("a setting's name is like interval_s")
                # null: the default again.
                if not isinstance(item, (str, int, float, bool, type(None))):
                    raise Refused("the setting %s is no number, text, true, false or null" % name)
                if isinstance(item, float) and not math.isfinite(item):
                    raise Refused("the setting %s is a number that JSON does not have" % name)
    return body
