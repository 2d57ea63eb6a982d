# contract - what a TLS socket does, checked on the built-in ones and on those of qssl.
# SPDX-License-Identifier: MIT
#
# test_contract_native.py and test_contract_qssl.py run each function of this file and of
# contract_poll.py with their Kit, against the same servers. Where the two may differ, the check
# asks kit.differs(): what it names is in DIFFERENCES, and docs/sockets.md tells it to the user.

import array
import errno
import json
import time

PATTERN = bytes(range(256))
LIMIT_MS = 60000  # for what comes at once on an idle computer

DIFFERENCES = (
    "late connect",
    "always TLS",
    "time-out",
    "errno",
    "end",
    "reset",
)


def raised(function, *args):
    # The errno of the OSError that the call raises; nothing else may come.
    try:
        value = function(*args)
    except OSError as e:
        assert e.args[0], e
        return e.args[0]
    raise AssertionError("no error, but %r" % (value,))


def errors(kit, function, *args):
    # The same; the built-in TLS gives negative numbers.
    code = raised(function, *args)
    return -code if code < 0 and kit.differs("errno") else code


def order(sock, text):
    # Tells the server what to do, see script_peer.py.
    sock.write(text.encode() + b"\n")


def waited(start, least_ms):
    ms = time.ticks_diff(time.ticks_ms(), start)
    assert least_ms <= ms <= LIMIT_MS, ms


def until(function):
    # Calls it until it gives something other than None.
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < LIMIT_MS:
        value = function()
        if value is not None:
            return value
        time.sleep_ms(1)
    raise AssertionError("nothing within %d ms" % LIMIT_MS)


def fill(kit, sock):
    # Lets the server stop reading, then writes without blocking until for more than a second (qssl
    # tries again at least once a second) nothing more went in. Returns the bytes, and a function
    # that lets the server go on.
    name = "%d" % time.ticks_us()
    order(sock, "stall " + name)
    sock.setblocking(False)
    total = 0
    last = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), last) < 1100:
        n = sock.write(PATTERN * 64)
        assert n is None or 0 < n <= 16384, n
        if n:
            total += n
            last = time.ticks_ms()

    def go():
        other = kit.connect()
        order(other, "go " + name)
        other.close()

    return total, go


# --- reading, blocking ---------------------------------------------------------------------------


def read_gives_exactly_n(kit):
    s = kit.connect()
    order(s, "text 0 ab")
    order(s, "text 50 cd")
    order(s, "text 50 efg")
    assert s.read(1) == b"a"
    assert s.read(5) == b"bcdef"
    assert s.read(1) == b"g"
    s.close()


def read_of_nothing(kit):
    s = kit.connect()
    assert s.read(0) == b""
    assert s.readinto(bytearray(0)) in (0, None)
    order(s, "text 0 x")
    assert s.read(1) == b"x"
    s.close()


def read_more_than_any_buffer(kit):
    s = kit.connect()
    order(s, "send 40000")
    data = s.read(40000)
    assert data == (PATTERN * 157)[:40000]
    s.close()


def read_until_the_end(kit):
    s = kit.connect()
    order(s, "send 5000")
    order(s, "close")
    assert s.read() == (PATTERN * 20)[:5000]
    assert s.read() == b"" and s.read(1) == b"" and s.readline() == b""
    assert s.readinto(bytearray(4)) == 0
    s.close()


def read_is_short_only_at_the_end(kit):
    s = kit.connect()
    order(s, "text 0 abc")
    order(s, "close 50")
    assert s.read(10) == b"abc"
    assert s.read(10) == b""
    s.close()


def readinto_fills_the_buffer(kit):
    s = kit.connect()
    order(s, "text 0 ab")
    order(s, "text 50 cdefgh")
    order(s, "close")
    buf = bytearray(5)
    assert s.readinto(buf) == 5 and buf == b"abcde"
    assert s.readinto(buf, 2) == 2 and buf == b"fgcde"
    assert s.readinto(memoryview(buf)[1:4]) == 1 and buf == b"fhcde"
    assert s.readinto(buf) == 0
    s.close()


def readline_gives_lines(kit):
    s = kit.connect()
    order(s, "text 0 one\\ntwo")
    order(s, "text 50  halves\\n\\nrest")
    order(s, "close")
    assert s.readline() == b"one\n"
    assert s.readline() == b"two halves\n"
    assert s.readline() == b"\n"
    assert s.readline(2) == b"re"
    assert s.readline() == b"st"
    assert s.readline() == b""
    s.close()


def every_byte_value(kit):
    s = kit.connect()
    order(s, "echo 1024")
    s.write(PATTERN * 4)
    assert s.read(1024) == PATTERN * 4
    s.close()


# --- writing, blocking ---------------------------------------------------------------------------


def write_takes_what_it_is_given(kit):
    s = kit.connect()
    order(s, "echo 24")
    buf = bytearray(b"0123456789")
    assert s.write(b"bytes") == 5
    assert s.write(buf, 4) == 4
    assert s.write(buf, 5, 3) == 3
    assert s.write(buf, 8, 100) == 2
    assert s.write(memoryview(buf)[2:4]) == 2
    assert s.write("str") == 3
    assert s.write(b"") == 0
    assert s.write(buf, 0) == 0
    assert s.write(b"minus", -1) == 5
    assert s.read(24) == b"bytes0123567" + b"89" + b"23" + b"str" + b"minus"
    s.close()


def arrays_are_their_bytes(kit):
    s = kit.connect()
    kit.settimeout(s, 30)
    order(s, "echo 12")
    data = array.array("H", (0x4142, 0x4344, 0x4546))
    assert s.write(data) == 6
    assert s.write(data) == 6
    buf = array.array("H", (0, 0, 0))
    assert s.readinto(buf) == 6 and buf == data
    assert s.read(6) == bytes(data)
    s.close()


def written_bytes_may_be_changed(kit):
    s = kit.connect()
    order(s, "echo 6")
    buf = bytearray(b"abc")
    s.write(buf)
    buf[:] = b"xyz"
    s.write(buf)
    assert s.read(6) == b"abcxyz"
    s.close()


def write_more_than_any_buffer(kit):
    s = kit.connect()
    order(s, "echo 40000")
    data = (PATTERN * 157)[:40000]
    assert s.write(data) == 40000
    assert s.read(40000) == data
    s.close()


def request_is_out_before_the_read_waits(kit):
    s = kit.connect()
    kit.settimeout(s, 30)
    for n in range(1, 7):
        s.write(b"echo ")
        s.write(b"%d\n" % n)
        for _ in range(n):
            s.write(b"x")
        assert s.read(n) == b"x" * n
    s.close()


def stream_functions_of_other_modules(kit):
    if kit.cpython:
        return  # its print() and json want a text stream
    s = kit.connect()
    order(s, "echo 11")
    print("a", 1, file=s)
    json.dump({"b": 2}, s)
    assert s.read(11) in (b'a 1\n{"b": 2}'[:11],)
    s.close()


# --- not blocking --------------------------------------------------------------------------------


def nonblocking_read_gives_none(kit):
    s = kit.connect()
    s.setblocking(False)
    assert s.read(1) is None
    assert s.readinto(bytearray(1)) is None
    assert s.readline() is None
    s.setblocking(True)
    order(s, "text 0 abc")
    assert s.read(1) == b"a"
    s.setblocking(False)
    got = until(lambda: s.read(10))
    assert got + (b"" if got == b"bc" else until(lambda: s.read(10))) == b"bc"
    assert s.read(1) is None
    s.setblocking(True)
    order(s, "close")
    assert s.read(1) == b""
    s.setblocking(False)
    if not kit.differs("end"):
        assert s.read(1) == b"" and s.readinto(bytearray(1)) == 0
    s.close()


# --- time-outs -----------------------------------------------------------------------------------


def time_out_of_a_read(kit):
    s = kit.connect()
    kit.settimeout(s, 0.2)
    start = time.ticks_ms()
    assert errors(kit, s.read, 1) == errno.ETIMEDOUT
    waited(start, 190)
    if not kit.differs("time-out"):  # a built-in one is of no use any more
        assert raised(s.readinto, bytearray(1)) == errno.ETIMEDOUT
        assert raised(s.readline) == errno.ETIMEDOUT
        waited(start, 590)
        kit.settimeout(s, 30)
        order(s, "text 0 on")
        assert s.read(2) == b"on"
    s.close()


# --- ends ----------------------------------------------------------------------------------------


def nobody_listens(kit):
    def connect():
        s = kit.socket()
        s.connect(kit.address("127.0.0.1", 1))
        return kit.wrap(s)

    assert raised(connect) == errno.ECONNREFUSED


def name_that_does_not_exist(kit):
    def connect():
        s = kit.socket()
        s.connect(kit.address("no-such-host.invalid", 8883))
        return kit.wrap(s)

    code = raised(connect)
    assert isinstance(code, str) or kit.differs("late connect"), code


def not_connected(kit):
    s = kit.socket()
    assert raised(s.read, 1) == errno.ENOTCONN
    s.close()


def connect_twice(kit):
    s = kit.socket()
    s.connect(kit.address("127.0.0.1", kit.port("script")))
    assert raised(s.connect, kit.address("127.0.0.1", kit.port("script"))) == 106  # EISCONN
    s.close()


def wrap_twice(kit):
    s = kit.connect()
    kit.settimeout(s, 30)
    if kit.differs("always TLS"):
        return  # the built-in one starts a second TLS inside the first and never ends
    assert raised(kit.wrap, s) == errno.EINVAL
    order(s, "text 0 still there")
    assert s.read(11) == b"still there"
    s.close()


def closed_socket(kit):
    s = kit.connect()
    s.close()
    s.close()
    for call in (lambda: s.read(1), lambda: s.write(b"x"), lambda: s.readinto(bytearray(1))):
        code = raised(call)
        assert code == errno.EBADF or kit.differs("errno"), code


def peer_closes_in_the_middle(kit):
    s = kit.connect()
    order(s, "text 0 HTTP/1.1 200 OK\\nhalf a l")
    order(s, "close")
    assert s.readline() == b"HTTP/1.1 200 OK\n"
    assert s.readline() == b"half a l"
    assert s.readline() == b""
    s.close()


def peer_closed_and_we_write(kit):
    s = kit.connect()
    order(s, "close")
    assert s.read(1) == b""

    def write():
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < LIMIT_MS:
            s.write(b"x" * 1000)
            time.sleep_ms(10)

    assert errors(kit, write) in (errno.ECONNRESET, 32)  # EPIPE
    try:
        s.close()
    except OSError:
        pass


def peer_resets(kit):
    s = kit.connect()
    kit.settimeout(s, 30)
    order(s, "reset 100")
    if kit.differs("reset"):
        assert errors(kit, s.read, 1) == errno.ECONNRESET
    else:
        assert s.read(1) == b""  # the modem doesn't tell it from an end
    s.close()


def checks():
    # The names of all checks.
    return [n for n, f in globals().items() if callable(f) and n not in _HELPERS]


_HELPERS = ("raised", "fill", "errors", "order", "waited", "until", "checks")
