# qssl.sitewords - what is wrong with a file of settings, for qssl.site; loaded when something is.
# SPDX-License-Identifier: MIT


def unreadable(data):
    # Goes behind the name of the file. A comma too many is nothing to MicroPython's json.
    start = data[:4]
    if start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"{\0\0\0", b"\0\0\0{"):
        return " is UTF-32; save it as UTF-8"
    two = start[:2]
    if two in (b"\xff\xfe", b"\xfe\xff") or (b"\0" in two and any(two)):
        return " is UTF-16; save it as UTF-8"
    if start[:3] == b"\xef\xbb\xbf":
        return " begins with a byte order mark; save it as UTF-8 without one"
    if start[:1] == b"{" and data.rstrip()[-1:] != b"}":
        if b"}" in data:
            return " does not end with }: is it cut short, or is there something behind?"
        return " is cut short, there is no } at its end; copy it again"
    try:
        text = data.decode()
    except ValueError:
        return " is not UTF-8; save it as UTF-8"
    text = "\n" + text
    why = ""
    if [c for c in "\u201c\u201d\u201e" if c in text]:
        why = "; it has a word processor's quotes"
    elif "\n//" in text or " //" in text or "\n#" in text:
        why = "; it has remarks, which JSON does not know"
    elif '"' not in text and "'" in text:
        why = "; it needs double quotes"
    return ' is not JSON like {"apn": "internet", "port": 8883}' + why
