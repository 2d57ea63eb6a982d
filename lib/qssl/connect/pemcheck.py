# qssl.connect.pemcheck - whether PEM files are what they are given for, before anything is sent.
# SPDX-License-Identifier: MIT
#
# Read in pieces, in bounded memory: base64, the lengths of the DER in it, which kind of object it
# is, and whether the key is the certificate's. Signatures and dates are for the modem to check.

from binascii import a2b_base64, b2a_base64, crc32

from micropython import const

from .pem import CERTIFICATES, KEYS, Clean

_END_MAX = const(20)  # longest of Checked._end, less one
_CERTIFICATES = const(10)  # of a client, so many keys are remembered
_DEPTH = const(24)
_RSA = const(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
_PSS = const(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")  # keys that may sign so alone
_DSA = const(b"\x2a\x86\x48\xce\x38\x04\x01")
_EDWARDS = const(b"\x2b\x65")  # 1.3.101: Ed25519, Ed448 and their like


def load(ca, cert, key):
    # Checks the files of a TLS context, None for one that is not used. Each as (what, size, CRC-32
    # of the file, size, checksum, CRC-32 of what goes to the modem). Refused with what is wrong.
    found = []
    ids = None
    for what, phase in ((ca, "ca"), (cert, "cert"), (key, "key")):
        if what is None:
            found.append(None)
            continue
        if isinstance(what, str) and what and ("-----" in what or min(what.encode()) < 32):
            what = what.encode()  # no path, and a key must not get into an error's text
        elif isinstance(what, bytearray):
            what = bytes(what)  # it may change
        if not isinstance(what, bytes) and not (what and isinstance(what, str)):
            from .pemhints import refuse

            refuse(phase, None, "type")
        source = Checked(what, phase)
        if phase == "cert":
            ids = source.ids
        elif phase == "key" and source.ids and source.ids[0] and ids and ids[0]:
            if _differ(source.ids[0], ids[0]):
                source.wrong(b"order" if source.ids[0] in ids else b"pair")
        raw, crc = source.raw_crc, source.crc
        raw = crc if raw == crc else raw  # once in the heap
        found.append((source._what, source.raw_size, raw, source.size, source.sum, crc))
    return found


def _differ(a, b):
    # Whether two keys are not the same. Of EC keys one may be compressed, which can't be told.
    if not a[0] and not b[0] and max(a[1], b[1]) - 2 == 2 * (min(a[1], b[1]) - 2):
        return False
    return a != b


class Checked(Clean):
    # A file that is looked at while it is measured.
    def __init__(self, what, phase):
        self.ids = []  # (kind of key, length, CRC-32) of each certificate, or of the key
        self._line = 1  # of what is looked at
        self._last = b""  # of what was passed over
        # An END whose BEGIN is damaged: a certificate would be lost unseen.
        self._end = b"--END " + (KEYS[0] if phase == "key" else CERTIFICATES[0]) + b"--"
        self._stray = 0  # the line of that
        self._private = False  # a private key where none belongs
        self._blocks = 0
        self._der = None
        super().__init__(what, phase)
        if not self.raw_size:
            self.wrong(b"empty")
        if self._private:
            self.wrong(b"private" if self._blocks else b"key")
        if not self._blocks:
            self.wrong(b"none")
        if self._stray:
            self._line = self._stray
            self.wrong(b"stray")

    def begins(self, label):
        key = label.endswith(b"PRIVATE KEY")
        if self._phase == "key":
            if label == b"ENCRYPTED PRIVATE KEY":
                self.wrong(b"locked")
            if key and label not in KEYS:
                self.wrong(b"openssh" if b"OPENSSH" in label else b"kind")
        else:
            self._private = self._private or key
            if label == b"TRUSTED CERTIFICATE":
                self.wrong(b"trusted")
            if label == b"PKCS7" or label == b"CMS" or label.startswith(b"PKCS #7"):
                self.wrong(b"pkcs7")
        name = super().begins(label)
        if not name:
            return None
        self._blocks += 1
        if self._phase == "key" and self._blocks > 1:
            self.wrong(b"two")
        self._der = Walk(label if key else CERTIFICATES[0])
        self._padded = False
        return name

    def row(self, row):
        try:
            data = a2b_base64(row)
        except ValueError:
            data = b""
        # Decoders pass over what is not base64.
        if self._padded or b2a_base64(data)[:-1] != row:
            self.wrong(b"written" if b"\\n" in row else b"base64")
        self._padded = row[-1] == 61  # "="
        self._der.feed(data)

    def ends(self):
        der = self._der
        if der.size and der.size != der.at:
            self.wrong(b"missing" if der.size > der.at else b"more")
        if der.bad or not der.size:
            self.wrong(b"der")
        if not der.oid:
            self.wrong(b"label")
        if der.oid == _DSA or der.oid == _PSS or der.oid[:2] == _EDWARDS:
            self.wrong(b"kind")
        if len(self.ids) < _CERTIFICATES:
            self.ids.append(der.id)

    def passed(self, text):
        self._line += text.count(b"\n")
        if self._tail is None:
            self._last = (self._last + text)[-len(text) - _END_MAX :]
            if self._end in self._last:
                self._stray = self._stray or self._line

    def wrong(self, reason):
        from .pemhints import refuse

        self.close()
        value = ""
        if reason == b"missing":
            value = str(self._der.size - self._der.at)
        elif reason == b"more":
            value = str(self._der.at - self._der.size)
        refuse(self._phase, self._what, reason.decode(), value, self._line)


class Walk:
    # Goes through the DER of one block as it comes. `at`: bytes that came. `size`: bytes that the
    # outer SEQUENCE says, 0 if there is none. `bad`: an element does not fit. `oid`: of the public
    # key, b"" while the object is not what the label says. `id`: what tells this key from others,
    # None if nothing does.
    def __init__(self, label):
        self._label = label
        self.at = 0
        self.size = 0
        self.bad = False
        self.oid = b""
        self.id = None
        self._open = []  # [end, children so far, tag] of the elements that are open
        self._header = b""
        self._left = 0  # of what has no elements in it
        self._keep = 0  # what is done with that: 1 it is the OID, 2 it goes into `id`
        self._spki = 6  # which child of a certificate's body has the key
        if label == KEYS[1]:
            self._kind = _RSA
        elif label == KEYS[2]:
            self._kind = b"EC"
        else:
            self._kind = b""  # of the key, once known

    def feed(self, data):
        i = 0
        while i < len(data) and not self.bad:
            if self._left:
                n = min(self._left, len(data) - i)
                if self._keep:
                    self._content(data[i : i + n])
                self._left -= n
                i += n
                self.at += n
            else:
                self._header += data[i : i + 1]
                i += 1
                self.at += 1
                self._element()
            while not self._left and self._open and self._open[-1][0] == self.at:
                self._open.pop()
                self.bad = self.bad or len(self._header) > 0
            if not self._open and 0 < self.size <= self.at:
                break
        self.at += len(data) - i

    def _content(self, data):
        if self._keep == 1:
            self._kind += data
        else:
            kind, size, crc = self.id
            self.id = (kind, size, crc32(data, crc))

    def _element(self):
        # Looks whether the header of an element is complete.
        header = self._header
        if len(header) < 2:
            self.bad = header[0] & 31 == 31
            return
        n = header[1]
        if n & 128:
            k = n & 127
            self.bad = not 0 < k < 4
            if len(header) < 2 + k:
                return
            n = int.from_bytes(header[2:], "big")
        tag = header[0]
        self._header = b""
        end = self.at + n
        path = ()
        if self._open:
            self._open[-1][1] += 1
            path = tuple([entry[1] for entry in self._open])
            if end > self._open[-1][0] or len(path) > _DEPTH:
                self.bad = True
                return
        else:
            if tag != 0x30 or not n:
                self.bad = True
                return
            self.size = end
        self._keep = 0
        self._left = 0
        if tag & 32:
            if path == (1, 1) and tag == 0xA0:
                self._spki = 7
            if n:
                self._open.append([end, 0, tag])
            return
        self._left = n
        self._look(path, tag, n, end)

    def _look(self, path, tag, n, end):
        # An element without others in it begins: is it the key, or is the key in it?
        rsa = self._kind == _RSA
        key = ()  # where the modulus is
        if self._label == CERTIFICATES[0]:
            spki = (1, self._spki)
            if tag == 6 and path == spki + (1, 1) and not self._kind:
                self._keep = 1
            elif tag == 3 and path == spki + (2,):
                self.oid = self._kind
                if rsa:
                    self._open.append([end, 0, tag])
                    self._left = 1  # unused bits
                else:
                    self._name(n)
            key = spki + (2, 1, 1)
        elif self._label == KEYS[0]:
            if tag == 6 and path == (2, 1) and not self._kind:
                self._keep = 1
            elif tag == 4 and path == (3,):
                self.oid = self._kind
                self._open.append([end, 0, tag])
                self._left = 0
            key = (3, 1, 2)
        else:
            if path == (2,) and tag == (2 if rsa else 4):
                self.oid = self._kind
            key = (2,)
        if tag == 2 and rsa and path == key:
            self._name(n)
        elif tag == 3 and self._label != CERTIFICATES[0] and self._open[-1][2] == 0xA1:
            self._name(n)  # the public key beside an EC key

    def _name(self, n):
        self._keep = 2
        self.id = (self._kind == _RSA, n, 0)
