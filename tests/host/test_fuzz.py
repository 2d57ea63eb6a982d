# test_fuzz - any byte stream from the modem: no error outside the family, no hang, no growth.
# SPDX-License-Identifier: MIT

import os
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import setup

CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
EXAMPLES = 800 if CI else 150  # others in each run


def _driver():
    # The driver wants MicroPython's modules; the virtual clock comes with the rig. Done in a
    # process of its own, as both change modules of the interpreter.
    sys.path[:0] = [
        str(setup.ROOT / p)
        for p in ("lib", "tools", "tests/host", "tests/host/support", "tests/host/cpython")
    ]
    import upy

    upy.install()


# Pieces of which a modem's stream is made, and what it never says.
LINES = [
    b"OK",
    b"ERROR",
    b"SEND OK",
    b"SEND FAIL",
    b"CONNECT",
    b"NO CARRIER",
    b"RDY",
    b"POWERED DOWN",
    b"+CME ERROR: 10",
    b"+QSSLOPEN: 0,0",
    b"+QSSLOPEN: 0,566",
    b"+QSSLOPEN: 1,0",
    b'+QSSLURC: "recv",0',
    b'+QSSLURC: "recv",0,5',
    b'+QSSLURC: "recv",0,1500',
    b'+QSSLURC: "closed",0',
    b'+QSSLURC: "security",0,1',
    b"+QSSLRECV: 0",
    b"+QSSLRECV: 5",
    b"+QSSLRECV: 1500",
    b"+QSSLRECV: 99999999999999999999",
    b"+QSSLRECV: -1",
    b'+QIURC: "pdpdeact",1',
    b"+QIURC: ",
    b"+QSSLURC: ",
    b'+QSSLURC: "',
    b"+QIGETERROR: 566, x",
    b'+CCLK: "80/01/06,00:00:00+00"',
    b"+CGREG: 0,1",
    b'+QSSLCFG: "sslversion",0,3',
    b"+CPIN: READY",
    b'+QIACT: 1,1,1,"10.0.0.1"',
    b'+QFLST: "RAM:x",1',
]
PIECE = st.one_of(
    st.sampled_from(LINES).map(lambda line: b"\r\n" + line + b"\r\n"),
    st.sampled_from(LINES),
    st.sampled_from([b"\r\n", b"\r", b"\n", b"> ", b">", b"\0", b"\xff", b"AT", b"x" * 300]),
    st.binary(max_size=40),
)
STREAM = st.lists(PIECE, max_size=30).map(b"".join)
CALLS = st.lists(
    st.sampled_from(
        ["signal", "clock", "registration", "connect", "write", "recv", "close", "state", "pump"]
    ),
    max_size=4,
)


def test_parser():
    run("parser")


def test_link():
    run("link")


def run(what):
    import subprocess

    done = subprocess.run(
        [sys.executable, __file__, what],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([str(setup.ROOT / "tools")])),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def check_parser():
    from qssl.wire.parser import LINE_MAX, Parser

    class Owner:
        def on_line(self, buf, lo, hi):
            assert 0 <= lo < hi <= len(buf) and hi - lo <= 4096
            assert b"\n" not in bytes(buf[lo:hi])
            self.lines.append(bytes(buf[lo:hi]))

        def on_prompt(self):
            self.lines.append("prompt")

        def on_tail(self):
            self.lines.append("tail")

    class Sink:
        def __init__(self):
            self.data = b""

        def write(self, buf, off, n):
            self.data += bytes(buf[off : off + n])
            return n

    @settings(max_examples=EXAMPLES * 4, deadline=None)
    @given(STREAM, st.lists(st.integers(1, 40), max_size=40), st.integers(0, 60), st.booleans())
    def split_anywhere(stream, cuts, need, prompt):
        # However the stream is cut, the same comes out.
        results = []
        for pieces in ([len(stream)], cuts):
            owner = Owner()
            owner.lines = []
            parser = Parser(owner)
            sink = Sink()
            parser.prompt = prompt
            if need:
                parser.expect(need, sink, None)
            at = 0
            for n in [*pieces, len(stream)]:
                chunk = stream[at : at + n]
                at += len(chunk)
                buf = bytearray(chunk) + bytearray(8)
                assert parser.feed(buf, 0, len(chunk)) == len(chunk)
            assert parser.part.any() <= LINE_MAX
            # A line longer than LINE_MAX is given out where it came whole, and counted else.
            short = [x for x in owner.lines if len(x) <= LINE_MAX - 2]
            results.append((short, sink.data, parser.need))
        assert results[0] == results[1]

    split_anywhere()


def check_link():
    import driver_kit
    from qssl.errors import Error

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(STREAM, CALLS), min_size=1, max_size=4), st.booleans())
    def any_stream(rounds, connected):
        # The stream comes while calls run, from a modem that says nothing else or goes on too.
        watch = driver_kit.Watch(39)
        rig, modem = driver_kit.up(idle=watch)
        context = driver_kit.tls(modem)
        sock = None
        if connected:
            sock = modem.connect("a.example", 443, context)
            sock.settimeout(5)
        for stream, calls in rounds:
            rig.model.out.emit(stream, "urc")
            for name in calls or ["pump"]:
                start = rig.now
                watch.start()
                try:
                    if name == "connect":
                        if sock is None:
                            sock = modem.connect("a.example", 443, context, 5000)
                            sock.settimeout(5)
                    elif name in ("write", "recv", "close"):
                        if sock is None:
                            continue
                        if name == "write":
                            sock.write(b"hello")
                            sock.flush()
                        elif name == "recv":
                            sock.recv(100)
                        else:
                            sock.close()
                            sock = None
                    else:
                        getattr(modem, name)()
                except Error:
                    pass
                assert watch.stop() <= 100
                assert rig.now - start <= 31000, (name, rig.now - start)
        assert len(modem.link.sources) <= 4 and len(modem.link.urcs) < 20
        rig.sleep(1000)
        modem.start("internet", timeout_ms=60000)
        if sock is not None:
            try:
                sock.close()
            except Error:
                pass
        driver_kit.works(modem)

    any_stream()


if __name__ == "__main__":
    _driver()
    {"parser": check_parser, "link": check_link}[sys.argv[1]]()
