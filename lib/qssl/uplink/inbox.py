# qssl.uplink.inbox - messages to the device: each is safe in a file before it is acknowledged, and
# given to the program once.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.inbox import Inbox

inbox = Inbox(up, "inbox", key=board.setting("key"), device="n1", ask_s=900)
up.on_message = lambda number, body: print(number, body)
"""
#
# A message, as JSON: {"m":NUMBER,"kind":"message","until":SECONDS,"body":TEXT,"mac":HEX}. Numbers
# grow, with gaps; the highest one is all that is remembered of what came. The files are those of
# qssl.queue, a message's number is its id there; so what is done, and the highest number, survive
# power cuts by the same means as records do. What is of no more use but for its number is an entry
# of one zero byte.
#
# Uplink knows nothing of this: the inbox stands in the place of its _once(), and calls that.

import errno
import json
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Refused
from ..queue import FileQueue
from . import unexpected
from .seconds import Seconds

_NUMBER_MAX = const(0xFFFFFFFE)
_ROOM = const(1024)  # what the server sends at a time if it is told nothing
_EXTRA = const(64)  # of a segment, beside a message
_AGAIN_MS = const(60000)  # after the file system failed, or the inbox was full; it doubles
_AGAIN_MAX_MS = const(3600000)
_LONGEST_S = const(536870)  # ticks_add() takes no more
_KINDS = const(16)  # characters
_DONE = b"\0"


class Inbox:
    """Messages from the server to this device, for an Uplink whose carrier can bring them.

    folder: its files, which survive a power cut; limit: their bytes. size: bytes of the longest
    message, as JSON. key: the device's own, bytes or hexadecimal; device: its name. With them only
    messages that are signed for this device count; without, anybody's who is taken for the server,
    and none that changes settings. ask_s: the server is asked so often when there are no records
    to send (MQTT: whether there is a connection); 0: messages come with the answers to records.

    up.on_message(number, body) gets each message while the uplink works; it counts as done when
    that has returned, or raised. Without it they wait for up.receive(). Messages that nobody takes
    fill the inbox, and what comes later has to wait, settings too: a program that takes none says
    messages=False.

    Counters: taken, repeats, refused (reason: the last one's); error: the last error of the file
    system or of on_message, None after a message that was kept.

    Raises: qssl.Refused for arguments; OSError of the file system.
    Blocks: while it reads the files.
    Allocates: a buffer of size bytes.
    Since: 0.1.
    """

    def __init__(
        self,
        up,
        folder: str = "/inbox",
        key=None,
        device: str = "",
        ask_s: int = 0,
        size: int = 1024,
        limit: int = 8192,
        messages: bool = True,
    ) -> None:
        if size < 128 or limit < 2 * (size + _EXTRA) or ask_s < 0:
            why = "size is 128 at least, limit twice that and 128, ask_s 0"
            raise Refused(errno.EINVAL, "inbox", why)
        if not hasattr(up._carrier, "inbox"):
            raise Refused(errno.EINVAL, "inbox", "the carrier takes none: Https, or Subscriber")
        self.signed = key is not None
        if self.signed:
            from .signed import key_of

            if not device:
                raise Refused(errno.EINVAL, "inbox", "key needs the device's name, too")
            self._key = key_of(key)
        self._device = device.encode()
        self._queue = FileQueue(folder, limit, "refuse", max(size + _EXTRA, limit // 4))
        self._queue._next -= self._queue._skipped  # numbers are the server's
        self.size = size
        self.buf = bytearray(size)
        self._up = up
        self._carrier = up._carrier
        self._carrier.inbox = self
        self._plain = up._once
        up._once = self._once
        up.receive = self.receive
        up.on_message = None
        self.handlers = {}  # kind: function(number, body), see _good()
        self._ask_s = ask_s
        self._time = Seconds().now
        self._due = 0  # when to ask
        self._given = 0  # number of the message that receive() has given
        self._reads = messages
        self._new = True  # there may be messages to give
        self._want = False  # to ask, whatever ask_s is
        self._asks = 0
        self._shut = None  # ticks: until then nothing can be kept
        self._freed = False  # something was done since then
        self._again_ms = _AGAIN_MS
        self._behind = False  # something was not kept: nothing later may be
        self._answer = None
        self._before = 0  # the number before that answer
        self._told = (0, "")  # the last refusal that the server was told of
        self._until = 0  # records that must have gone before the next one is told
        self.taken = self.repeats = self.refused = 0
        self.reason = self.error = None

    @property
    def number(self) -> int:
        """The highest number of a message that came: what the server is told.

        Returns: int.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        return self._queue._next - 1

    def receive(self) -> tuple | None:
        """The next message. It is done with when the next one is asked for: until then it comes
        again after a power cut. Also up.receive().

        Returns: (number, body), body as str; None: there is none.
        Raises: OSError of the file system.
        Blocks: while the file system works.
        Allocates: the message.
        Since: 0.1.
        """
        if self._given:
            self._drop(self._given)
            self._given = 0
        entry = self._first()
        if entry is not None:
            self._given = entry[0]
        return entry

    def _first(self):
        # (number, body) of the oldest message that is not done.
        while True:
            found = self._queue.peek(1)
            if not found:
                if self._freed and self._shut is not None:
                    self._open()
                return None
            number, data = found[0]
            if data[:1] != _DONE:
                return number, str(data, "utf-8")
            self._drop(number)

    def _drop(self, number):
        self._queue.drop(number)
        self._freed = True

    def _open(self):
        # There is room again: what did not find any comes again.
        self._shut = None
        self._freed = False
        self._want = True

    def _give(self):
        up = self._up
        while self._new and up.on_message is not None:
            entry = self._first()
            if entry is None:
                self._new = False
                return
            try:
                up.on_message(*entry)
            except OSError as e:
                self.error = e  # the program's; not one of the way to the server
            finally:
                self._drop(entry[0])

    def ask(self, timeout_s: float = 60) -> bool:
        """Asks the server for messages now, once the records have gone, until it has no more.

        Returns: False: it did not answer in that time.
        Raises: nothing.
        Blocks: timeout_s at most.
        Allocates: while it asks.
        Since: 0.1.
        """
        up = self._up
        due = ticks_add(ticks_ms(), int(min(timeout_s, _LONGEST_S) * 1000))
        asks = self._asks
        self._want = True
        while self._want or self._asks == asks or (self._new and up.on_message is not None):
            up.step()
            if not up._modem.link.wait(due):
                return False
        return True

    # --- in the place of Uplink._once() ---

    def _once(self):
        up = self._up
        try:
            self._give()
        except OSError as e:
            self.error = e
        if self._shut is not None and not 0 < ticks_diff(self._shut, ticks_ms()) <= self._again_ms:
            self._open()
        want = self._want or (self._ask_s and self._time() >= self._due)
        if want and self._shut is None and not len(up.queue):
            status = yield from up._post(())
            if not 200 <= status < 300:
                raise unexpected(status)
            up.failures = 0
            up.error = None
            self._asked()
            return
        before = up.delivered
        yield from self._plain()
        if up.delivered != before:
            self._asked()

    def _asked(self):
        # There is more; but none of it would come if nothing of this one could be taken.
        self._want = self._answer is not None and self._answer.more and self.number > self._before
        self._due = self._time() + self._ask_s
        self._answer = None
        self._asks += 1

    def due_s(self):
        # In how many seconds the server is to be asked, 0 or less: now; None: it is not.
        if self._shut is not None or not (self._want or self._ask_s):
            return None
        return 0 if self._want else self._due - self._time()

    # --- for carriers ---

    def begin(self):
        # Messages may come, from the oldest on that is not acknowledged.
        self._behind = False

    def shut(self):
        # There is no room, or was none a short while ago.
        return self._shut is not None

    def lines(self):
        # Header lines of a POST: that it takes messages, and what it has. None while it is full.
        self.begin()
        if self._shut is not None:
            return b""
        room = b"" if self.size == _ROOM else b"Qssl-Room: %d\r\n" % self.size
        return b"Qssl-Ack: %d\r\n%s" % (self.number, room)

    def asking(self):
        # The body of a POST without records.
        return b'{"ack":%d}' % self.number

    def answer(self):
        # A function for the parts of an answer's body; b"" at its end.
        from .answer import Answer

        self._answer = Answer(self.buf, self.take)
        self._before = self.number
        return self._parts

    def _parts(self, part):
        self._answer.feed(part)
        if not part and self._answer.bad:
            self.refuse("form", 0)

    def take(self, data, whole=True):
        # A message as it came: JSON in a buffer. False: it could not be kept; it must not be
        # acknowledged, nor anything after it.
        if self._behind:
            return False
        try:
            self._take(data, whole)
        except OSError as e:
            self.error = e
            self._behind = True
            self._shut = ticks_add(ticks_ms(), self._again_ms)
            self._again_ms = min(self._again_ms * 2, _AGAIN_MAX_MS)
            return False
        return True

    def _take(self, data, whole):
        data = bytes(data)
        if not whole:
            self.refuse("size", _number_in(data))
            return
        try:
            what = json.loads(data)
            m, body = what["m"], what["body"]
            kind, until, mac = (
                what.get("kind", "message"),
                what.get("until", 0),
                what.get("mac", ""),
            )
            found = isinstance(m, int) and isinstance(until, int) and 0 < len(kind) <= _KINDS
            found = found and isinstance(kind, str) and isinstance(body, str) and m > 0
            body = _joined(body.encode())
        except Exception:  # whatever parsers make of what comes from outside
            found = False
        if not found:
            self.refuse("form", _number_in(data))
        elif m > _NUMBER_MAX:
            self.refuse("number", m)
        elif m <= self.number:
            self.repeats += 1
        elif self.signed and not self._genuine(mac, m, kind, until, body):
            self.refuse("mac", m)
        else:
            self._good(m, kind, until, body)

    def _genuine(self, mac, m, kind, until, body):
        from binascii import unhexlify

        from .signed import mac as made
        from .signed import same

        try:
            mac = unhexlify(mac)
        except (ValueError, TypeError):
            return False
        head = "%d\n%s\n%d\n" % (m, kind, until)
        return same(mac, made(self._key, (b"qssl1\n", self._device, b"\n", head.encode(), body)))

    def _good(self, m, kind, until, body):
        # It is for us, and from who may send it.
        clock = self._up._clock
        now = None if clock is None else clock.now()
        handler = self.handlers.get(kind)
        word = None
        if now is not None and 0 < until <= now:
            word = "late"
        elif handler is not None:
            # What it changes is safe when it returns; it may come with the same number again.
            word = handler(m, body)
        elif kind != "message" or not self._reads:
            word = "kind"
        elif body[:1] <= _DONE:
            word = "form"
        else:
            self._keep(m, body)
            self._new = True
            self._took()
            return
        if word and not self.refuse(word, m, True):
            raise OSError(errno.EAGAIN)  # nobody would ever know: it comes again
        idle = self._first() is None
        self._keep(m, _DONE)
        if idle:
            self._queue.drop(m)
        if not word:
            self._took()

    def _took(self):
        self.taken += 1
        self.error = None
        self._again_ms = _AGAIN_MS

    def _keep(self, m, data):
        queue = self._queue
        before = queue._next
        queue._next = m
        try:
            queue.put(data)
        except OSError:
            queue._next = before
            raise

    def refuse(self, word, m=0, sure=False):
        # sure: it is from who has the key. Of others the server is told so seldom that they can't
        # push the records out of the queue. False: it could not be told.
        self.refused += 1
        self.reason = "%s: message %d" % (word, m) if m else word
        up = self._up
        gone = up.delivered + up.rejected + up.queue.lost
        many = not sure and gone < self._until and len(up.queue)
        if (m, word) == self._told or many:
            return True
        try:
            up.put('{"qssl":"inbox","m":%d,"refused":"%s"}' % (m, word))
        except OSError:
            return False  # full; it is told when it is refused once more
        self._told = (m, word)
        self._until = gone + len(up.queue)
        return True


def _number_in(data):
    # The number of a message of which only the beginning is there; 0: not found.
    at = data.find(b'"m":')
    number = 0
    if at >= 0:
        for c in data[at + 4 : at + 16].strip():
            if not 48 <= c <= 57:
                break
            number = number * 10 + c - 48
    return number if number <= _NUMBER_MAX else 0


def _joined(data):
    # MicroPython's json leaves the halves of a character that came as two \uXXXX apart.
    at = data.find(b"\xed")
    while 0 <= at < len(data) - 5:
        a, b, c, d = data[at + 1], data[at + 2], data[at + 4], data[at + 5]
        if a & 0xF0 == 0xA0 and data[at + 3] == 0xED and c & 0xF0 == 0xB0:
            code = 0x10000 + ((a & 15) << 16 | (b & 63) << 10 | (c & 15) << 6 | d & 63)
            tail = [code >> 18 | 0xF0] + [code >> n & 63 | 128 for n in (12, 6, 0)]
            data = data[:at] + bytes(tail) + data[at + 6 :]
        at = data.find(b"\xed", at + 1)
    return data
