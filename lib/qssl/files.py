# qssl.files - certificates and keys on the modem: upload, verify, list, delete (FILE commands).
# SPDX-License-Identifier: MIT
#
# The name on the modem says what is in the file ("RAM:<CRC-32>-<size>.pem"): a file that is there
# already is not sent again, and two programs can't mix up theirs.

from micropython import const

from .connect.arguments import quoted, text
from .errors import error
from .wire import link as _l
from .wire.ascii import value

_UPLOAD_S = const(20)  # the modem gives up when no byte comes for that long
_PATIENCE_MS = const(8000)  # from its last byte, or from the command, to the modem's answer
_LIST_MS = const(12000)


def ensure(modem, source, phase, where="RAM:"):
    # Brings the source onto the modem unless it is there; returns its name (bytes). The size that
    # the modem lists afterwards and the checksum of the upload are compared; on any difference
    # the file is removed and the call fails.
    return modem.link.drive(ensuring(modem, source, phase, where))


def named(where, size, crc):
    # The name on the modem of what has this size and CRC-32.
    return b"%s%08x-%d.pem" % (where.encode(), crc, size)


def ensuring(modem, source, phase, where, name=None):
    # The same as a generator for Link.drive. name: as the modem writes it.
    name = name or named(where, source.size, source.crc)
    if (yield from _size(modem, name)) == source.size:
        return name
    for _ in range(2):  # a digit of it may have been lost
        free, total = yield from _room(modem, where)
        if not 0 <= free < source.size:
            break
    else:
        why = "no room"
        if 0 <= total < source.size:
            free = total
            why = "too large"
        raise error(why, 0, "a file of %d bytes, but the modem has %d " % (source.size, free))
    # An upload whose answer is lost, or that was damaged, is done once more.
    for last in (False, True):
        yield from _delete(modem, name, True)
        x = yield from _uploading(modem, source, name)
        if x.result == _l.ERROR and (last or not x.lines):
            from .hints import explain

            code = modem.link.cme
            yield from _delete(modem, name, True)
            modem.link.cme = code  # not the deletion's
            modem.at.fail(x.result, phase, "upload failed: " + explain(code))
        fine = x.lines and _matches(x.lines[0], source)
        if x.result == _l.OK:
            shown = yield from _size(modem, name)
            if fine and shown == source.size:
                return name
            from .download import proven

            if (yield from proven(modem, source, name, shown, fine or not x.lines)):
                return name
        if x.result == _l.RESTARTED or source.differs():
            break
        if last and x.result == _l.OK:
            break
    yield from _delete(modem, name, True)
    if x.result != _l.OK:
        modem.at.fail(x.result, phase, "")
    raise error("replaced" if source.differs() else "unlisted" if fine else "damaged")


def _uploading(modem, source, name):
    # Generator: the Exchange of one upload.
    at = modem.at
    line = b'AT+QFUPL="%s",%d,%d' % (name, source.size, _UPLOAD_S)
    source.rewind()
    try:
        x = at.post(line, b"+QFUPL:", 60000 + source.size, source.typed)
        x.patience = _PATIENCE_MS
        return (yield from at.wait(x))
    finally:
        source.close()


def _matches(line, source):
    # +QFUPL: <size>,<checksum in hex, without leading zeros>
    n, _, check = line.partition(b",")
    try:
        return int(n) == source.size and int(check, 16) == source.sum
    except ValueError:
        return False


def listed(modem, pattern: str = "*") -> list:
    """The files of the modem that match: "RAM:*", "*" for flash, one name.

    Returns: [(name, size)]; none found: [].
    Raises: qssl.Error if the modem does not answer or refuses it.
    Blocks: 30 s at most.
    Allocates: the list.
    Since: 0.1.
    """
    return modem.link.drive(_listed(modem, pattern))


def _listed(modem, pattern):
    pattern = quoted(pattern, "files", "pattern", 80)
    result = yield from modem.at.ask(b'AT+QFLST="%s"' % pattern, b"+QFLST:", _LIST_MS)
    if result == _l.ERROR:
        return []
    if result != _l.OK:
        modem.at.fail(result, "files", "")
    return [(text(b, 0, len(b), 0), value(b, 0, len(b), 1)) for b in modem.at.lines]


def size(modem, name: str) -> int:
    """Size of a file on the modem in bytes; -1 if it is not there.

    Returns: bytes; -1 if it is not there.
    Raises: qssl.Error if the modem does not answer or refuses it.
    Blocks: 30 s at most.
    Allocates: little.
    Since: 0.1.
    """
    return modem.link.drive(_size(modem, name))


def _size(modem, name):
    found = yield from _listed(modem, name)
    return found[0][1] if len(found) == 1 else -1


def space(modem, where: str = "RAM:") -> int | None:
    """Free bytes of a storage, "RAM:" or "UFS:".

    Returns: bytes; None if the firmware doesn't say, or there is no answer.
    Raises: qssl.Refused for a name with control characters.
    Blocks: 30 s at most.
    Allocates: little.
    Since: 0.1.
    """
    free = modem.link.drive(_room(modem, where))[0]
    return free if free >= 0 else None


def _room(modem, where):
    # (free, total) bytes; -1 for what the firmware doesn't say.
    line = b'AT+QFLDS="%s"' % quoted(where, "files", "where", 80).rstrip(b":")
    if (yield from modem.at.ask(line, b"+QFLDS:")) != _l.OK or not modem.at.lines:
        return -1, -1
    line = modem.at.lines[0]
    return value(line, 0, len(line), 0), value(line, 0, len(line), 1)


def delete(modem, name: str, quiet: bool = False) -> None:
    """Deletes a file. With quiet, one that is not there is no error.

    Returns: None.
    Raises: qssl.Error if the modem refuses it.
    Blocks: 30 s at most.
    Allocates: little.
    Since: 0.1.
    """
    modem.link.drive(_delete(modem, name, quiet))


def _delete(modem, name, quiet):
    name = quoted(name, "files", "name", 80)
    result = yield from modem.at.ask(b'AT+QFDEL="%s"' % name, tries=3)
    if result == _l.ERROR and name.startswith(b"UFS:"):  # some firmware takes no prefix here
        result = yield from modem.at.ask(b'AT+QFDEL="%s"' % name[4:], tries=3)
    if result == _l.ERROR and quiet:
        return
    if result != _l.OK:
        from .hints import explain

        modem.at.fail(result, "files", explain(modem.link.cme))
