# test_ugsim_process - ugsim as a program: the manual by hand, ports, pacing, control, bad input.
# SPDX-License-Identifier: MIT

import calendar
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
import serial

import setup
import tls_peer
from patience import LIMIT_S, once, until
from servers import Nginx
from tls_peer import TlsPeer
from ugsim import trace
from ugsim.control import Control, ControlError
from ugsim.loop import Loop
from ugsim.net import Net
from ugsim_client import AtClient, Ugsim, run_ugsim

CLOCK = time.strftime("%y/%m/%d,%H:%M:%S+00", time.gmtime())
EVERY = bytes(range(256))


def prepare(at, certs, **settings):
    # Context 1 as in manual 3.1 and 3.2.
    at.activate(CLOCK)
    at.upload("RAM:ca.pem", certs.ca.read_bytes())
    values = {"sslversion": 3, "ciphersuite": '"0X0035"', "seclevel": 1, "ignorelocaltime": 0}
    values["cacert"] = '"RAM:ca.pem"'
    values.update(settings)
    for key, value in values.items():
        assert at.command('AT+QSSLCFG="%s",1,%s' % (key, value)) == "OK"


# The manual by hand


def test_chapter_3_1_to_3_3_typed_by_hand(certs):
    # As a person types it, echo on, with the manual's misprints put right: the connection opened
    # is 1, QISEND is QSSLSEND, the context is 1.
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    def serve(link):
        while b"\r\n\r\n" not in link.received:
            link.recv()
        link.send(page)
        link.recv()

    with TlsPeer(certs.server, serve, 1, (0x0035,)) as peer, Ugsim("--control") as sim:
        with AtClient(sim.at, echo=True) as at, sim.control() as modem:

            def typed(text, answer):
                at.write(text.encode() + b"\r")
                assert at.exactly(len(text) + 1 + len(answer)) == text.encode() + b"\r" + answer

            ok = b"\r\nOK\r\n"
            typed('AT+CCLK="%s"' % CLOCK, ok)
            # 3.1
            typed('AT+QICSGP=1,1,"UNINET","","",1', ok)
            typed("AT+QIACT=1", ok)
            typed("AT+QIACT?", b'\r\n+QIACT: 1,1,1,"10.7.157.1"\r\n' + ok)
            # 3.2
            at.upload("RAM:ca.pem", certs.ca.read_bytes())
            typed('AT+QSSLCFG="sslversion",1,1', ok)
            typed('AT+QSSLCFG="ciphersuite",1,"0X0035"', ok)
            typed('AT+QSSLCFG="seclevel",1,1', ok)
            typed('AT+QSSLCFG="cacert",1,"RAM:ca.pem"', ok)
            # 3.3.1
            typed('AT+QSSLOPEN=1,1,1,"127.0.0.1",%d,0' % peer.port, ok)
            assert at.until(rb"\n\+QSSLOPEN: .*?\r\n") == b"\r\n+QSSLOPEN: 1,0\r\n"
            at.write(b"AT+QSSLSTATE\r")
            state = at.until(rb"OK\r\n").decode()
            pattern = r'\+QSSLSTATE: 1,"SSL CLIENT","127.0.0.1",%d,\d+,3,1,1,0,"usbmodem",1\r\n'
            assert re.search(pattern % peer.port, state)
            # 3.3.2: changeable length; each line typed begins behind a prompt
            at.write(b"AT+QSSLSEND=1\r")
            at.until(rb"> ")
            at.write(b"GET /4M.txt HTTP/1.1\r\n")
            at.until(rb"> ")
            at.write(b"HOST: 220.180.239.201:8011\r\n")
            at.until(rb"> ")
            at.write(b"\x1a")
            at.until(rb"\r\nSEND OK\r\n")
            # fixed length
            at.write(b"AT+QSSLSEND=1,2\r")
            at.until(rb"> ")
            at.write(b"\r\n")
            at.until(rb"\r\nSEND OK\r\n")
            # 3.3.3
            at.until(rb'\r\n\+QSSLURC: "recv",1\r\n')
            # TLS 1.0 sends the first byte in a record of its own.
            until(lambda: "%d bytes unread" % len(page) in modem.command("state"))
            typed("AT+QSSLRECV=1,1500", b"\r\n+QSSLRECV: %d\r\n%s\r\n" % (len(page), page) + ok)
            typed("AT+QSSLRECV=1,1500", b"\r\n+QSSLRECV: 0\r\n" + ok)
            # 3.3.4 and 3.1.3
            typed("AT+QSSLCLOSE=1", ok)
            typed("AT+QSSLSTATE", ok)
            typed("AT+QIDEACT=1", ok)
        link = peer.wait(1)
        assert link.received == b"GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n"
        assert (link.version, link.suite) == (1, 0x0035)


def test_get_from_nginx(certs, start):
    nginx = start(Nginx(certs, files={"a.txt": EVERY * 60}))
    with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
        prepare(at, certs, ciphersuite='"0X003D"')
        assert at.open(1, nginx.port) == 0
        at.send(1, b"GET /a.txt HTTP/1.0\r\n\r\n")
        # The page is larger than the modem's buffer: "closed" comes once the rest has room.
        data = piece = b""
        while piece or '+QSSLURC: "closed",1' not in at.urcs:
            piece = at.recv(1)
            data += piece
        assert data.endswith(b"\r\n\r\n" + EVERY * 60)


@pytest.mark.parametrize(
    ("identity", "clock", "expected"),
    [
        ("untrusted", CLOCK, 566),
        ("expired", CLOCK, 566),
        ("not_yet_valid", CLOCK, 566),
        ("server", "80/01/06,00:00:00+00", 566),
        ("chained", CLOCK, 0),
    ],
)
def test_certificates_against_the_modems_clock(certs, identity, clock, expected):
    with TlsPeer(getattr(certs, identity)) as peer, Ugsim("--baud", "0") as sim:
        with AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.command('AT+CCLK="%s"' % clock) == "OK"
            assert at.open(0, peer.port) == expected
            assert at.command("AT+QSSLCLOSE=0") == "OK"
            assert at.command('AT+QSSLCFG="ignorelocaltime",1,1') == "OK"
            ignored = 566 if identity == "untrusted" else 0
            assert at.open(0, peer.port) == ignored


def test_mutual_authentication_with_nginx(certs, start):
    nginx = start(Nginx(certs, files={"a.txt": b"hello"}, client_ca=certs.ca))
    with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
        prepare(at, certs, seclevel=2, clientcert='"RAM:c.pem"', clientkey='"RAM:k.pem"')
        at.upload("RAM:c.pem", certs.client.cert_pem)
        at.upload("RAM:k.pem", certs.client.key_pem)
        assert at.open(1, nginx.port) == 0
        at.send(1, b"GET /a.txt HTTP/1.0\r\n\r\n")
        at.until(rb'\+QSSLURC: "closed",1\r\n')
        assert at.recv(1).endswith(b"hello")


def test_negotiatetime(certs):
    with TlsPeer(None, serve=tls_peer.sink, tls="none") as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs, negotiatetime=10)
            start = time.monotonic()
            assert at.open(0, peer.port) == 569
            assert 9.5 < time.monotonic() - start < LIMIT_S  # 300 unless set
            assert at.command("AT") == "OK"


# A mebibyte each way, byte by byte the same


@pytest.mark.parametrize(("size", "options"), [(1 << 20, ()), (1 << 17, ("--chunk", "1"))])
def test_a_mebibyte_down(certs, size, options):
    data = os.urandom(size)
    with TlsPeer(certs.server, serve=tls_peer.source(data)) as peer:
        with Ugsim("--baud", "0", "--control", *options) as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.open(3, peer.port) == 0
            got = bytearray()
            while len(got) < len(data):
                got += at.recv(3)
            assert got == data
            stats = sim.control().stats()
            assert stats["payload_bytes_received"] == len(data)
            assert stats["connections"][0]["version"] == "TLS1.2"
            assert stats["connections"][0]["suite"] == "TLS_RSA_WITH_AES_256_CBC_SHA"


def test_a_mebibyte_up(certs):
    data = os.urandom(1 << 20)
    with TlsPeer(certs.server, serve=tls_peer.sink) as peer:
        with Ugsim("--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.open(3, peer.port) == 0
            at_byte = 0
            while at_byte < len(data):
                answer = at.send(3, data[at_byte : at_byte + 1460])
                if answer == [b"SEND", b"OK"]:
                    at_byte += 1460
            assert at.command("AT+QSSLCLOSE=3") == "OK"
        assert peer.wait(1).received == data


# The line


@pytest.mark.parametrize("baud", [9600, 115200])
def test_pacing_towards_the_host(baud):
    with Ugsim("--baud", str(baud)) as sim, AtClient(sim.at) as at:

        def rate():
            start = time.monotonic()
            size = 0
            while time.monotonic() - start < 0.5:
                at.write(b"AT+QSSLCFG=?\r")
                size += 13 + len(at.until(rb"\r\nOK\r\n"))
            rate = size * 10 / (time.monotonic() - start)
            assert rate < 1.02 * baud
            return rate

        rate()
        once(rate, lambda rate: 0.7 * baud < rate)


def test_pacing_towards_the_modem():
    # 3000 bytes of an upload at 19200 baud take 1.56 s, though the pty takes them at once.
    with Ugsim("--baud", "19200") as sim, AtClient(sim.at) as at:

        def seconds():
            at.write(b'AT+QFUPL="RAM:x",3000\r')
            at.until(rb"CONNECT\r\n")
            start = time.monotonic()
            at.write(bytes(3000))
            at.until(rb"\+QFUPL: 3000,0\r\n\r\nOK\r\n")
            spent = time.monotonic() - start
            assert spent > 1.5
            assert at.command('AT+QFDEL="RAM:x"') == "OK"
            return spent

        once(seconds, lambda s: s < 2.5)


def test_rate_follows_ipr():
    with Ugsim("--baud", "9600") as sim, AtClient(sim.at) as at:
        assert at.command("AT+IPR?") == "+IPR: 9600\nOK"
        assert at.command("AT+IPR=921600") == "OK"

        def seconds():
            start = time.monotonic()
            at.command("AT+QSSLCFG=?")  # half a second at 9600 baud
            return time.monotonic() - start

        once(seconds, lambda s: s < 0.35)


def test_a_host_at_the_wrong_rate_hears_garbage():
    with Ugsim("--baud", "115200", "--control") as sim, sim.control() as modem:
        with serial.Serial(sim.at, 9600, timeout=0.3) as port:
            port.write(b"AT\r")
            assert b"OK" not in port.read(100)
        with serial.Serial(sim.at, 115200, timeout=LIMIT_S) as port:
            port.write(b"\rAT\r")
            assert b"OK" in port.read_until(b"OK\r\n")
        with serial.Serial(sim.at, 9600):
            pass
        modem.command("state")  # it has noticed
        with AtClient(sim.at) as at:  # sets no rate: what another one set is forgotten
            assert at.command("AT") == "OK"


def test_client_that_goes_and_comes_back():
    with Ugsim("--control", "--baud", "0") as sim, sim.control() as modem:
        for i in range(5):
            with AtClient(sim.at) as at:
                assert at.command("AT") == "OK"
                at.write(b"AT+QSSLCFG=?\r")  # leaves without reading the answer
                until(lambda: modem.stats()["commands"].get("+QSSLCFG") == i + 1)  # noqa: B023
            modem.command("state")  # it has noticed
        with AtClient(sim.at, echo=True) as at:
            at.write(b"AT\r")
            assert at.until(rb"OK\r\n") == b"\r\nOK\r\n"


def test_what_nobody_hears_is_lost_as_on_a_line():
    with Ugsim("--off", "--control", "--switch", "boot_ms=50") as sim:
        with sim.control() as modem:
            modem.command("power on")
            # RDY and what follows it go nowhere.
            until(lambda: "registration 1" in modem.command("state"))
            modem.command("state")
        with AtClient(sim.at, echo=True) as at:
            at.write(b"AT\r")
            assert b"RDY" not in at.until(rb"OK\r\n")


def test_tcp_port():
    with Ugsim("--tcp", "127.0.0.1:0") as sim:
        for _ in range(3):
            with AtClient(sim.at) as at:
                assert at.command("AT+CPIN?") == "+CPIN: READY\nOK"
                host, _, port = sim.at.rpartition(":")
                with socket.create_connection((host, int(port))) as second:
                    second.settimeout(LIMIT_S)
                    assert second.recv(1) == b""
                assert at.command("AT") == "OK"


def test_serial_port():
    # A pty takes the place of the device.
    master, slave = os.openpty()
    with Ugsim("--serial", os.ttyname(slave)):
        os.write(master, b"AT\r")
        got = b""
        while b"OK\r\n" not in got:
            assert select.select([master], [], [], LIMIT_S)[0]
            got += os.read(master, 100)
        assert got == b"AT\r\r\nOK\r\n"
    os.close(master)
    os.close(slave)


def test_link_to_the_pty(tmp_path):
    link = str(tmp_path / "modem")
    with Ugsim("--link", link) as sim:
        assert sim.at == link
        with AtClient(link) as at:
            assert at.command("AT") == "OK"
    assert not os.path.lexists(link)


def test_the_network_tells_the_time_of_this_pc():
    with Ugsim("--control", "--baud", "0", "--switch", "boot_ms=50") as sim:
        with sim.control() as modem, AtClient(sim.at) as at:
            modem.command("restart")
            at.until(rb"\r\nRDY\r\n")
            until(lambda: '+QLTS: "2' in at.command("AT+QLTS=1"))
            text = re.search(r'\+QLTS: "([\d/,:]+)', at.command("AT+QLTS=1"))[1]
            told = calendar.timegm(time.strptime(text, "%y/%m/%d,%H:%M:%S"))
            assert abs(told - time.time()) < LIMIT_S


# Control, trace, ready


def test_control_channel(certs):
    with Ugsim("--control", "--baud", "0") as sim, AtClient(sim.at) as at, sim.control() as modem:
        assert "send_fail" in modem.command("help")
        with pytest.raises(ControlError, match="unknown command"):
            modem.command("dance")
        with TlsPeer(certs.server, serve=tls_peer.sink) as peer:
            prepare(at, certs)
            assert at.open(0, peer.port) == 0
            modem.command("fault send_fail n=2")
            answers = [at.send(0, b"hello") for _ in range(3)]
            assert answers == [[b"SEND", b"FAIL"]] * 2 + [[b"SEND", b"OK"]]
            assert at.command("AT+QSSLCLOSE=0") == "OK"
            assert peer.wait(1).received == b"hello"
        stats = modem.stats()
        assert stats["commands"]["+QSSLSEND"] == 3
        assert stats["results"]["SEND FAIL"] == 2
        assert stats["payload_bytes_sent"] == 5
        assert stats["uart_bytes_to_modem"] > stats["commands_total"]


def test_two_control_clients_and_one_that_vanishes():
    with Ugsim("--control") as sim:
        first, second = sim.control(), sim.control()
        second.command("state")
        second.close()
        assert first.command("state")
        first.close()
        with sim.control() as third:
            assert third.stats()["commands_total"] == 0


def test_control_by_a_person(tmp_path):
    path = str(tmp_path / "control")
    with Ugsim("--control", path) as sim:
        assert sim.ready["control"] == path
        env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
        argv = [sys.executable, "-m", "ugsim.control", path]
        done = subprocess.run(argv + ["fault", "send_fail", "ms=2000"], env=env)
        assert done.returncode == 0
        done = subprocess.run(argv + ["dance"], env=env, capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout.startswith("error: ")
        done = subprocess.run(argv, env=env, input="stats\nquit\n", capture_output=True, text=True)
        stats, quit = done.stdout.splitlines()
        assert json.loads(stats)["connections"] == [] and quit == "ok"
        assert sim.process.wait(LIMIT_S) == 0
        done = subprocess.run(argv + ["state"], env=env, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("ugsim control: no simulated modem answers at")
        done = subprocess.run(argv[:-1], env=env, capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.startswith("ugsim control: name the ADDRESS")
    assert not os.path.exists(path)


def test_faults_and_switches_from_the_command_line():
    options = ["--fault", "error cmd=+CSQ", "--switch", "echo_default=0", "--baud", "0"]
    with Ugsim(*options) as sim, AtClient(sim.at, echo=True) as at:
        at.write(b"AT+CSQ\r")
        assert at.until(rb"\r\n.*\r\n") == b"\r\nERROR\r\n"


def test_a_wake_up_in_the_middle_of_a_turn_is_not_lost():
    # A name is resolved by a thread, which may end while the loop is at work.
    net = Net()

    class Model:
        def run(self, now_ms):
            net.wake()

    class Port:
        fileno_out = bool

        def lines(self, model):
            pass

    class Uart:
        def receive(self, now):
            return False

        def transmit(self, now):
            pass

        wants_read = wants_write = bool

    loop = Loop(Model(), net, Port(), Uart())
    try:
        loop.turn(0)
        start = time.monotonic()
        loop.turn(10)
        assert time.monotonic() - start < 9
    finally:
        net.close()


def test_trace_and_its_viewer(tmp_path, certs):
    path = tmp_path / "trace"
    with TlsPeer(certs.server, serve=tls_peer.source(b"hello\r\n")) as peer:
        with Ugsim("--trace", str(path), "--baud", "0") as sim, AtClient(sim.at) as at:
            prepare(at, certs)
            assert at.open(0, peer.port) == 0
            at.until(rb"closed")
            at.recv(0)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert records[0]["kind"] == "start"
    kinds = {record["kind"] for record in records}
    assert {"at", "info", "final", "urc", "tls", "down"} <= kinds
    times = [record["at"] for record in records]
    assert times == sorted(times)
    env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
    argv = [sys.executable, "-m", "ugsim.trace", str(path)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0
    assert "TLS1.2, TLS_RSA_WITH_AES_256_CBC_SHA" in done.stdout
    assert r"7 bytes 'hello\r\n'" in done.stdout
    done = subprocess.run([*argv, "urc"], env=env, capture_output=True, text=True)
    assert all("URC" in line for line in done.stdout.splitlines()) and done.stdout
    done = subprocess.run([*argv, "urcs"], env=env, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert "has nothing of the kind urcs; it has at, " in done.stderr
    for kind in kinds:  # all of them are named by --help
        assert re.search(r"\b%s\b" % kind, trace.parser().format_help().partition("Kinds:")[2])


@pytest.mark.parametrize("text", ["no trace\n", '{"t": 1}\n', "[1, 2]\n"])
def test_viewer_of_what_is_no_trace(tmp_path, text):
    path = tmp_path / "other"
    path.write_text(text)
    for words in ([path], [tmp_path / "missing"], []):
        env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
        argv = [sys.executable, "-m", "ugsim.trace", *map(str, words)]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("ugsim trace: ") and done.stderr.count("\n") == 1
        assert words or "required: FILE. See --help." in done.stderr


def test_ready_file_and_running_as_a_folder(tmp_path):
    path = tmp_path / "ready"
    with Ugsim(
        "--tcp", "127.0.0.1:0", "--control", "--ready-file", str(path), module=False
    ) as sim:
        assert json.loads(path.read_text()) == sim.ready
        assert sim.ready["pid"] == sim.process.pid
        with AtClient(sim.at) as at:
            assert at.command("AT") == "OK"
    assert not path.exists()


def test_ctrl_c():
    sim = Ugsim()
    sim.process.send_signal(signal.SIGINT)
    assert sim.process.wait(LIMIT_S) == 0
    assert sim.stop() == (0, "")


def test_idle_uses_no_processor():
    with Ugsim() as sim, AtClient(sim.at) as at:
        at.command("AT")

        def used():
            fields = open("/proc/%d/stat" % sim.process.pid).read().rsplit(") ", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before = used()
        time.sleep(1)
        assert used() - before < 0.1


# Bad input: one sentence, exit code 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dance"], "--dance"),
        (["--baud", "fast"], "'fast' is not a whole number"),
        (["--tcp", "nowhere"], "'nowhere' is not HOST:PORT"),
        (["--tcp", "127.0.0.1:70000"], "not HOST:PORT"),
        (["--tcp", "192.0.2.1:0"], "can't listen on 192.0.2.1:0"),
        (["--serial", "/dev/none"], "can't open the serial port /dev/none"),
        (["--serial", "/dev/null"], "can't open the serial port /dev/null"),
        (["--switch", "echo"], "'echo' is not NAME=VALUE"),
        (["--switch", "no=1"], "unknown switch 'no'"),
        (["--switch", "echo_default=7"], "echo_default"),
        (["--switch", "auto_pdp=no"], "auto_pdp is one of LTE models"),
        (["--model", "bg97"], "unknown model 'bg97'; known are bg77, bg770a, bg95, bg96, ec200a"),
        (["--fault", "dance"], "unknown fault 'dance'"),
        (["--fault", "send_fail color=red"], "no parameter 'color'"),
        (["--control", "x"], "not HOST:PORT"),
        (["--control", "/no/such/folder/x"], "can't open the control channel"),
        (["--trace", "/no/such/folder/x"], "can't write the trace"),
        (["--ready-file", "/no/such/folder/x"], "can't write"),
        (["--link", "/no/such/folder/x"], "can't make the link"),
        (["--tcp", "127.0.0.1:0", "--link", "x"], "--link goes with --pty"),
        (["--pty", "--stdio"], "not allowed with"),
        (["--serial", "x", "--wired", "cd"], "neither rts nor dtr"),
        (["--pty", "--wired", "rts"], "--wired goes with --serial"),
    ],
)
def test_wrong_options(options, words):
    code, out, err = run_ugsim(*options, "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("ugsim: ") and err.count("\n") == 1
    assert words in err


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        for option in ("--tcp", "--control"):
            code, out, err = run_ugsim(option, address, "--quiet")
            assert (code, out) == (2, "")
            assert "in use" in err and err.count("\n") == 1


def test_help_lists_faults_and_switches():
    from ugsim.model import FAULTS, MODELS, SWITCHES, faults, switches

    code, out, _ = run_ugsim("--help")
    assert code == 0
    for name in [*FAULTS, *faults.LTE, *SWITCHES, *switches.LTE]:
        assert "\n  %s" % name in out
    for name in MODELS:
        assert re.search(r"\b%s\b" % name, out)


def test_another_model():
    with Ugsim("--model", "BG770A") as sim, AtClient(sim.at) as at:
        at.command("ATE0")
        assert at.command("ATI") == "Quectel\nBG770A-GL\nRevision: BG770AGLAAR01A05\nOK"


def test_faults_that_the_page_names_can_be_armed():
    from ugsim.fakenet import FakeNet
    from ugsim.model import FAULTS, SWITCHES, UGxx

    page = (setup.ROOT / "docs" / "ugsim.md").read_text(encoding="utf-8")
    table = page.partition("| to show |")[2].partition("\n\n")[0]
    model = UGxx(FakeNet())
    named = re.findall("`([^`]+)`", table)
    faults = [text for text in named if text.split()[0] in FAULTS]
    assert len(faults) > 12
    for text in faults:
        assert model.command("fault " + text) == "ok", text
    for text in named:
        if text not in faults and not text.startswith(("AT+", "restart")):
            assert text in SWITCHES, text


def test_control_client_without_a_modem():
    with pytest.raises(ControlError, match="no simulated modem"):
        Control("127.0.0.1:1")
    with pytest.raises(ControlError, match="not HOST:PORT"):
        Control("here")
