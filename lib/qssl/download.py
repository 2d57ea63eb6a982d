# qssl.download - files on the modem read back and verified: AT+QFDWL.
# SPDX-License-Identifier: MIT

import errno

from .connect.arguments import quoted
from .connect.source import Source, checksum
from .errors import Error, Refused
from .files import size
from .wire import link as _l
from .wire.command import Exchange


class _Download(Exchange):
    # The command and, as its counted payload, the file.
    def __init__(self, want, keep, *args):
        super().__init__(*args)
        self._want = want
        self.data = bytearray(want) if keep else None
        self.n = self.sum = 0

    def done(self, result):
        if result == _l.CONNECT:
            self._link.job = self
            self._link.parser.expect(self._want, self, None)
        else:
            self.result = result

    def write(self, buf, off, n):
        self.sum = checksum(self.sum, self.n, buf, off, n)
        if self.data is not None:
            self.data[self.n : self.n + n] = memoryview(buf)[off : off + n]
        self.n += n
        return n


def _fetching(modem, name, want, keep):
    # Generator: the _Download of one file of `want` bytes.
    x = modem.at.post(
        b'AT+QFDWL="%s"' % name,
        b"+QFDWL:",
        10000 + want,
        None,
        lambda *args: _Download(want, keep, *args),
    )
    return (yield from modem.at.wait(x))


def _whole(x, want):
    # Whether all of it came as the modem has it.
    try:
        n, _, check = x.lines[0].partition(b",")
        return int(n) == x.n == want and int(check, 16) == x.sum
    except (ValueError, IndexError):
        return False


def proven(modem, source, name, shown, fine):
    # Generator: whether the modem's file is that source, as its bytes tell. Some firmware of LTE
    # modems does not say what it took, some does not list what it has. shown: the size that it
    # lists, fine: it has not said otherwise.
    if not (modem.link.lte and fine and shown in (-1, source.size)):
        return False
    x = yield from _fetching(modem, name, source.size, False)
    return x.result == _l.OK and _whole(x, source.size) and x.sum == source.sum


def fetch(modem, name, keep: bool = True) -> tuple:
    """A file of the modem: "RAM:ca.pem", "UFS:...", or plain for flash.

    Its bytes are checked against the modem's checksum. keep=False: only counted and summed.

    Returns: (bytes, checksum); with keep=False (size, checksum).
    Raises: qssl.Error if it is not there or was damaged on the way.
    Blocks: 30 s at most.
    Allocates: the file, unless keep=False.
    Since: 0.1.
    """
    name = quoted(name, "files", "name", 80)
    want = size(modem, name)
    if want < 0:
        raise Error(errno.ENOENT, "files", "%s is not on the modem" % name.decode(), 405)
    x = modem.link.drive(_fetching(modem, name, want, keep))
    if x.result != _l.OK:
        from .hints import explain

        modem.at.fail(x.result, "files", explain(modem.link.cme))
    if not _whole(x, want):
        raise Error(errno.EIO, "files", "the file came damaged over the UART; use RTS/CTS")
    return (bytes(x.data) if keep else x.n), x.sum


def verify(modem, name: str, what) -> bool:
    """Whether the modem's file is, byte for byte as its checksum tells, `what`: bytes, or the path
    of a file on the board.

    Returns: bool.
    Raises: qssl.Error if the modem does not answer; OSError of the file system.
    Blocks: 30 s at most.
    Allocates: little.
    Since: 0.1.
    """
    if not isinstance(what, (str, bytes, bytearray, memoryview)):
        raise Refused(errno.EINVAL, "files", "what must be a path or bytes")
    source = Source(what, "files")
    return fetch(modem, name, False) == (source.size, source.sum)
