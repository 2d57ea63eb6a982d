# test_trace - modem.trace(): what driver and modem said last, and what must not be in it.
# SPDX-License-Identifier: MIT

import json

from driver_kit import LOOKALIKES, LTE, arm, bare, connected, pattern, raised, tls
from ugsim.fakenet import EchoPeer, FakeNet


def dumped(trace, error=None):
    # The lines as ugsim.trace reads them: [(kind, text)], each an object of the right form.
    lines = []
    trace.dump(error, lines.append)
    found = []
    last = 0
    for line in lines:
        record = json.loads(line)
        assert record["at"] >= last and line.startswith('{"at": '), line
        last = record["at"]
        found.append((record["kind"], record["text"]))
    assert found[0][0] == "start" and found[0][1].startswith("qssl ")
    return found[1:]


def test_a_conversation():
    rig, modem, sock = connected()
    sock.write(b"x")
    assert sock.read(1) == b"x"  # how the firmware ends a payload is learned by one byte
    trace = modem.trace()
    trace.note("here it begins")
    sock.write(b"hello")
    assert sock.read(5) == b"hello"
    lines = dumped(trace)
    expected = [
        ("program", "here it begins"),
        ("at", "AT+QSSLSEND=0,5"),
        ("prompt", ">"),
        ("up", "5 bytes"),
        ("final", "SEND OK"),
        ("urc", '+QSSLURC: "recv",0'),
        ("info", "+QSSLRECV: 5"),
        ("down", "5 bytes"),
        ("final", "OK"),
    ]
    at = 0
    for line in lines:
        if line == expected[at]:
            at += 1
            if at == len(expected):
                break
    assert at == len(expected), (expected[at], lines)
    assert dumped(trace) == []  # taken
    assert "hello" not in str(lines)


def test_payload_on_demand():
    for keep in (3, 4, 120, 1000):
        rig, modem, sock = connected()
        trace = modem.trace(4096, keep)
        data = b"\xff\0" + pattern(198)
        sock.write(data)
        assert sock.read(200) == data
        lines = []
        trace.dump(None, lines.append)
        import binascii

        for kind in ("up", "down"):
            got = b""
            for line in lines:
                record = json.loads(line)
                if record["kind"] == kind and record["n"] > 1:
                    assert record["n"] in (199, 200), record  # the first byte is read alone
                    got = binascii.a2b_base64(record["data"])
                    break
            assert 1 < len(got) <= min(keep, 120) and data.find(got) in (0, 1), (kind, got)


def test_lookalikes_are_no_lines():
    rig, modem, sock = connected()
    trace = modem.trace(8192)
    for data in LOOKALIKES:
        sock.write(data)
        assert sock.read(len(data)) == data
    for kind, text in dumped(trace):
        assert kind in ("at", "info", "prompt", "final", "urc", "up", "down"), (kind, text)
        assert kind != "final" or text in ("OK", "SEND OK")
        assert kind != "urc" or text == '+QSSLURC: "recv",0', text


SECRETS = ("1234", "7351", "hunter2", "carla", "s3cret", "80123456", "490154203237518")


def test_nothing_secret():
    rig, modem = bare()
    rig.model.command("sim pin")
    trace = modem.trace(16000)
    modem.start("internet", "carla", "hunter2", 1, pin="1234")
    for text in (
        "AT+CPIN?",
        "AT+QICSGP=1",
        'AT+CPWD="SC","7351","80123456"',
        'AT+CLCK="SC",2,"7351"',
        'AT+CMEE=1;+CPIN="7351"',
        "ATE1+CPIN=7351",
        'AT+QSSLCFG="psk",0,"s3cret"',
        'AT+QSSLCFG="clientkey",0,"RAM:key.pem","s3cret"',
        'AT+QFTPCFG="account","carla","hunter2"',
        "AT+XYZ=7351,hunter2",
        "AT+CGSN",
        "ATD490154203237518;",
        "at+cpin=7351",
    ):
        try:
            modem.command(text, b"", 300)
        except OSError:
            pass
    for line in ('+CMT: "+490154203237518",,""', '+CUSD: 0,"pin 7351 hunter2"', "+XCPIN=7351"):
        rig.model.command("say " + line)
        modem.sleep_ms(30)
    kinds = dumped(trace)
    said = str(kinds)
    for secret in SECRETS:
        assert secret not in said, (secret, [k for k in kinds if secret in k[1]])
    assert "internet" in said and '"***"' in said and "AT+CPIN=***" in said
    assert ("at", "AT+CPIN?") in kinds and ("info", "+CPIN: READY") in kinds


def test_a_damaged_echo_tells_nothing():
    rig, modem = bare()
    modem.start("internet")
    for fault in ("corrupt in=echo n=1 at=%d" % at for at in range(1, 15)):
        trace = modem.trace(8192)
        arm(rig, fault)
        try:
            modem.command('AT+CPIN="7351"', b"", 3000)
        except OSError:
            pass
        modem.sleep_ms(3000)
        assert "7351" not in str(dumped(trace)), fault


def test_errors_and_states():
    rig, modem, sock = connected()
    trace = modem.trace(4096)
    rig.model.command("restart quiet")
    sock.write(b"x")
    e = raised(sock.flush)
    lines = dumped(trace, e)
    assert lines[-1] == ("error", str(e)), lines
    assert any(kind == "error" and text.startswith("socket 00: ") for kind, text in lines)


def test_a_modem_that_does_not_answer():
    rig, modem, sock = connected()
    trace = modem.trace(4096)
    rig.model.command("power off")
    sock.settimeout(40)
    sock.write(b"x")
    e = raised(sock.flush)
    kinds = dumped(trace, e)
    assert ("error", "no answer in time") in kinds and ("state", "quarantine") in kinds


def test_it_is_bounded():
    rig, modem, sock = connected()
    for size in (256, 300, 1000):
        trace = modem.trace(size)
        for i in range(60):
            sock.write(pattern(i + 1))
            assert sock.read(i + 1) == pattern(i + 1)
            assert trace._ring.any() <= size
        lines = []
        trace.dump(None, lines.append)
        assert json.loads(lines[1])["kind"] == "gap" and "older lines" in lines[1]
        assert len(lines) > 8 and json.loads(lines[-1])["kind"] in ("final", "info", "urc")
    for size in (0, 255, 65001):
        assert raised(modem.trace, size).phase == "modem"


def test_as_a_record():
    rig, modem, sock = connected()
    trace = modem.trace()
    for _ in range(20):
        sock.write(b"x")
        assert sock.read(1) == b"x"
    text = trace.take(900)
    assert 500 < len(text) <= 900
    kinds = [json.loads(line)["kind"] for line in text.split("\n")]
    assert kinds[0] == "start" and len(kinds) > 6


def test_it_ends_and_leaves_no_trace():
    rig, modem, sock = connected()
    link = modem.link
    before = sorted(link.__dict__) if hasattr(link, "__dict__") else None
    trace = modem.trace()
    other = modem.trace()  # takes its place
    trace.stop()
    sock.write(b"abc")
    assert sock.read(3) == b"abc"
    assert dumped(trace) == [] and len(dumped(other)) > 5
    other.stop()
    other.stop()
    sock.write(b"abc")
    assert sock.read(3) == b"abc"
    assert dumped(other) == []
    after = sorted(link.__dict__) if before is not None else None
    assert before is None or [name for name in after if name != "trace"] == before


def test_with_push_and_every_kind_of_work():
    peers = FakeNet(EchoPeer())
    rig, modem = bare(peers)
    trace = modem.trace(20000)
    modem.start("internet")
    sock = modem.connect("server.example", 443, tls(modem), push=True)
    sock.write(b"hello push")
    assert sock.read(10) == b"hello push"
    sock.close()
    kinds = dumped(trace)
    assert ("down", "10 bytes") in kinds or ("down", "12 bytes") in kinds, kinds[-12:]
    assert any(text.startswith("AT+QSSLOPEN=1,0,0,") for kind, text in kinds)
    name = "+CEREG:" if LTE else "+CGREG:"
    assert any(text.startswith(name) for _, text in kinds)


def test_times():
    # Over the end of the ticks, which is five seconds after a rig's start.
    rig, modem = bare()
    trace = modem.trace(4096)
    lines = []
    for i in range(10):
        trace.note("%d" % i)
        modem.sleep_ms(1240)
    trace.dump(None, lines.append)
    times = [json.loads(line)["at"] for line in lines[1:]]
    assert [round(t * 1000) for t in times] == [i * 1240 for i in range(10)], times
