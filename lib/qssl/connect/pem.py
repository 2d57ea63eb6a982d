# qssl.connect.pem - PEM as people have it, read in pieces and cleaned for the modem.
# SPDX-License-Identifier: MIT
#
# What comes out is what any TLS code takes (RFC 7468): the blocks alone, rows of 64 characters
# that end in LF. Left out are a byte order mark, text around the blocks (openssl x509 -text, "Bag
# Attributes", comments) and blocks of other kinds that do no harm. connect.pemcheck has looked at
# all of it before anything is sent.

from binascii import crc32

from micropython import const

from .source import Source

_PIECE = const(64)
_LABEL = const(80)  # longest "-----BEGIN ...-----" that is looked at
_ROW = const(64)
_BEGIN = const(b"-----BEGIN ")
_DASHES = const(b"-----")
KEYS = (b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY")
CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE")  # two names of one thing


class Clean(Source):
    # As a Source, what goes to the modem of a file. phase: "ca", "cert" or "key". It holds a few
    # hundred bytes, however long the file is.
    def __init__(self, what, phase, measured=None):
        self._buf = bytearray(_PIECE)
        self.raw_size = self.raw_crc = 0  # of the file as it is, see sslcfg._stamp()
        super().__init__(what, phase, measured)

    def rewind(self):
        super().rewind()
        self.raw_size = self.raw_crc = 0
        self._in = b""  # read, not looked at
        self._out = b""  # cleaned, not handed out
        self._row = b""  # begin of a row
        self._tail = None  # in a block: the line that ends it
        self._ended = False

    def fill(self, buf):
        while not self._out and self._step():
            pass
        n = min(len(buf), len(self._out))
        buf[:n] = self._out[:n]
        self._out = self._out[n:]
        return n

    def _step(self):
        # Goes on by one marker or piece; False at the end of the file.
        if self._ended:
            return False
        text = self._in
        if self._tail is None:
            at = text.find(_BEGIN)
            if at < 0:
                self._drop(max(len(text) - len(_BEGIN) + 1, 0))
            else:
                lo = at + len(_BEGIN)
                hi = text.find(_DASHES, lo, at + _LABEL)
                label = text[lo:hi]
                if hi >= 0 and len(label.split(b"\n")) < 2:
                    self._drop(hi + len(_DASHES))
                    name = self.begins(label)
                    if name:
                        self._tail = b"-----END %s-----" % label
                        self._name = name
                        self._row = b""
                        self._out += b"-----BEGIN %s-----\n" % name
                    return True
                self._drop(lo if len(text) >= at + _LABEL else at)
        else:
            at = text.find(b"-")
            n = at if at >= 0 else len(text)
            self._rows(b"".join(text[:n].split()))
            self._drop(n)
            text = self._in
            if len(text) >= len(self._tail):
                if not text.startswith(self._tail):
                    # A hyphen stands for + where base64 is for URLs.
                    return self.wrong(b"end" if text.startswith(b"--") else b"base64")
                self._drop(len(self._tail))
                self._tail = None
                if self._row:
                    self._emit(self._row)
                self._out += b"-----END %s-----\n" % self._name
                self.ends()
                return True
        n = super().fill(self._buf)
        if n:
            piece = memoryview(self._buf)[:n]
            self.raw_crc = crc32(piece, self.raw_crc)
            self.raw_size += n
            self._in += piece
            return True
        self._ended = True
        if self._tail is not None:
            return self.wrong(b"short" if self._tail.startswith(self._in) else b"end")
        self._drop(len(self._in))
        return False

    def _rows(self, text):
        text = self._row + text
        while len(text) >= _ROW:
            self._emit(text[:_ROW])
            text = text[_ROW:]
        self._row = text

    def _emit(self, row):
        self.row(row)
        self._out += row
        self._out += b"\n"

    def _drop(self, n):
        self.passed(self._in[:n])
        self._in = self._in[n:]

    # What qssl.connect.pemcheck looks at.

    def begins(self, label):
        # The label of a block as it goes to the modem, None if it is left out.
        if self._phase == "key":
            return label if label in KEYS else None
        return CERTIFICATES[0] if label in CERTIFICATES else None

    def row(self, row):
        # A row of base64.
        pass

    def ends(self):
        pass

    def passed(self, text):
        # What was read and is done with.
        pass

    def wrong(self, reason):
        # The file has changed since it was checked: it ends here, which the upload finds out.
        self._ended = True
        return False
