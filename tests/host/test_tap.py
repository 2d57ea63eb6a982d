# test_tap - tools/tap.py: bytes pass untouched, what is told is right, and what differs is found.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import learn_rig
import setup
import tap_rig
from patience import LIMIT_S, once, until
from qdemo.certificates import Certificates
from qdevice.peer import Peer
from qlearn import run
from qlearn.server import certificates
from qlearn.talk import Talk
from qtap import mask, wire
from qtap.decode import Decoder
from qtap.frames import Frames
from qtap.shadow import Shadow
from test_learn import NUMBERS, least, options
from ugsim.model import SWITCHES
from ugsim.trace import Reader
from ugsim_client import AtClient, Ugsim

# The whole of it: TAP_MIB=10 moves 10 MiB each way (five minutes).
RUNS = int(os.environ.get("TAP_RUNS", "3"))
MIB = int(os.environ.get("TAP_MIB", "0"))


@pytest.fixture(scope="module")
def pems():
    return certificates()[0]


def passed(pems, real, sim=None, **changes):
    # Everything that learn.py asks passes the tap: a modem with these switches, and a simulation.
    model, port = learn_rig.modem(pems, real)
    tapped = tap_rig.Tapped(port, sim)
    learner = run.Learner(Talk(tapped), options(port, **changes))
    learner.identify()
    learner.run()
    tapped.finish()
    return tapped


# Switches that change a form of what learn.py sees, and what the list says for them. Of those that
# have more values each is tried.
FORMS = {
    "recv_trailer": r"\r\n\r\nOK",
    "closed_keeps_data": "AT+QSSLRECV=",
    "close_free_id": "AT+QSSLCLOSE=",
    "failed_open_claims": "AT+QSSLOPEN=",
    "state_prefix": "STATE",
    "state_server_id": "AT+QSSLSTATE=",
    "state_style": "AT+QSSLSTATE=",
    "at_port": "AT+QSSLSTATE=",
    "esc_answer": "AT+QSSLSEND=",
    "echo_obeys": "(echo of the command)",
    "payload_echo": "(echo payload)",
    "prompt_space": "> ",
    "prompt_again": "> ",
    "closed_after_no_carrier": "NO CARRIER",
    "push_trailer": '"recv" with data',
    "pdpdeact_also_closed": '"pdpdeact"',
    "security_then_closed": '"security"',
    "cfg_quoted": "AT+QSSLCFG=",
    "cfg_unquoted_set": "AT+QSSLCFG=",
    "context_release": '"negotiatetime"',
    "cacert_unchecked": "AT+QSSLCFG=",
    "geterror_after_urc": "AT+QIGETERROR",
    "geterror_space": "AT+QIGETERROR",
    "port_text": "AT+QSSLOPEN=",
    "qiact_when_active": "AT+QIACT=",
    "empty_apn": "AT+QIACT=",
    "qidnscfg_inactive": "AT+QIDNSCFG=",
    "qilocip_ok": "AT+QILOCIP",
    "qfupl_exists": "AT+QFUPL=",
    "qfupl_last_ack": "AT+QFUPL=",
    "qfread_connect": "AT+QFREAD=",
    "checksum_case": "+QFUPL: ",
    "file_missing": "+CME ERROR: ",
    "file_prefix": "AT+QFLST=",
    "file_cme": "AT+QFLST=",
    "cmee_obeys": "ERROR",
    "connect_text": "CONNECT",
    "noise_line": "a line without AT",
    "qlts_year": "AT+QLTS",
    "qlts_summer": "AT+QLTS",
    "qlts_empty": "AT+QLTS",
    "qntp_year": "+QNTP",
    "qntp_digits": "+QNTP",
    "creg_style": "REG?",
    "cpin_style": "AT+CPIN?",
    "sim_tries": "AT+Q",
    "cscs_name": "AT+CSCS=",
    "qind_order": "at the start",
}
# Values that make no form of what learn.py does.
UNSEEN = {
    ("closed_keeps_data", "drop"),  # nothing is there to be read, as if nothing had come
    ("qntp_digits", "local"),  # other digits of the same form
    ("qntp_digits", "network"),
    ("sim_tries", "stuck"),  # shows when a PIN was wrong
}
# Switches whose two values are no forms: times, sizes, numbers, what comes unasked or doesn't.
NO_FORM = set(
    "recv_rearm recv_max urc_port_kept urc_port_open start_urcs prompt_timeout_ms urc_at_prompt "
    "urc_in_data push_max ignorelocaltime sslversion pem anchor dnsgip ram_survives_reset "
    "cmee_default echo_default qisde_default atd_default dtr2_answer baud_default busy_input "
    "rtc_default rtc_digits nitz nitz_ms nitz_time qntp_sets creg_lost sim sim_busy_ms sim_lag_ms "
    "pin_wrong radio_kept operators sleep_wake sleep_after_ms sleep_wake_ms sleep_urc down_ms "
    "pwrkey_off pwrdwn pdpdeact_at_off open_limit "
    "rx_size tx_size reply_ms take_ms act_ms boot_ms register_ms ram_total ufs_total".split()
)
NEEDS = {"qlts_empty": {"nitz": "no"}, "cpin_style": {"sim": "pin"}}


def test_every_switch_is_a_form_or_none():
    # Those of other families of modems are looked at where their commands pass.
    assert not set(FORMS) & NO_FORM
    assert set(FORMS) | NO_FORM <= set(SWITCHES)


def told(tapped):
    return [
        d for d in tapped.shadow.found.values() if d.kind in ("form", "result") or d.real == ""
    ]


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_switch_is_found(pems, name):
    changes = {}
    if name in run.askable() and name not in ("qlts_year", "qlts_summer"):
        changes = least(name)
    for value in SWITCHES[name][1]:
        if value == SWITCHES[name][0] or (name, value) in UNSEEN:
            continue
        tapped = passed(pems, dict(NEEDS.get(name, {}), **{name: value}), **changes)
        found = told(tapped)
        text = "\n".join("%s %s | %s" % (d.what, d.real, d.sim) for d in found)
        assert FORMS[name] in text, (value, text)
        # A simulation with the same switch sees nothing in it.
        tapped = passed(pems, dict(NEEDS.get(name, {}), **{name: value}), {name: value}, **changes)
        assert [(d.what, d.real, d.sim) for d in told(tapped)] == [], value


def test_what_is_no_form_is_not_told(pems):
    for switches in (
        {},
        {"act_ms": 3000, "reply_ms": 40, "take_ms": 5, "register_ms": 9000, "boot_ms": 6000},
        {"rx_size": 1500, "tx_size": 2000, "recv_max": 700, "push_max": 200},
        {"recv_rearm": "zero", "nitz": "no", "start_urcs": "elsewhere", "urc_at_prompt": "later"},
        {"sslversion": "2", "ignorelocaltime": "0", "qisde_default": "0", "cmee_default": "2"},
        {"prompt_timeout_ms": 5000, "recv_rearm": "always", "anchor": "any", "pem": "lenient"},
    ):
        tapped = passed(pems, switches)
        assert [(d.what, d.real, d.sim) for d in told(tapped)] == [], switches
        counts = tapped.shadow.counts
        assert counts["same"] > 300 and counts["world"] < 30, counts


def test_with_every_switch_at_random_the_same_modem_is_the_same(pems):
    # No false alarm, whatever firmware: TAP_RUNS=200 for a long look.
    for seed in range(RUNS):
        rng = random.Random(seed)
        switches = {}
        for name, (usual, choices, _) in SWITCHES.items():
            switches[name] = rng.choice(choices or NUMBERS.get(name, (usual,)))
        if rng.random() < 0.9:
            switches["sim"] = "ready"
        tapped = passed(pems, switches, switches)
        assert [(d.what, d.real, d.sim) for d in told(tapped)] == [], seed


class Line:
    # Somebody types at a simulated modem, and the tap listens.
    def __init__(self, real=None, sim=None, change=lambda data: data, model=None):
        from ugsim.fakenet import FakeNet
        from ugsim.model import UGxx

        self.model = UGxx(FakeNet(), real or {}, model=model)
        self.model.run(0)
        self.port = learn_rig.SimPort(self.model)
        self.now = self.port.now
        self.change = change
        self.tapped = tap_rig.Tapped(self, sim)

    def write(self, data):
        self.port.write(data)

    def read(self, ms):
        data = self.port.read(ms)
        return self.change(data) if data else data

    def type(self, data, ms=300):
        self.tapped.write(data)
        end = self.now() + ms
        while self.now() < end:
            self.tapped.read(end - self.now())

    def found(self):
        self.tapped.finish()
        return [(d.what, d.real, d.sim) for d in self.tapped.shadow.found.values()]


def test_wrong_pin():
    for value, said in (("100", "+CME ERROR: 100"), ("busy", "+CME ERROR: 14")):
        line = Line({"sim": "pin", "pin_wrong": value})
        for text in (b"AT+CMEE=1\r", b"AT+CPIN?\r", b'AT+CPIN="9999"\r'):
            line.type(text)
        # The numbers of errors are no form, but of files.
        assert line.found() == [], said
    line = Line({"sim": "pin", "cpin_style": "number"})
    line.type(b"AT+CPIN?\r")
    line.type(b'AT+CPIN="1234"\r', 3000)
    assert line.found() == [("AT+CPIN?", "+CME ERROR: 11", "+CPIN: SIM PIN / OK")]


def test_a_modem_that_nobody_knows():
    # Other words, another line, other line ends: each is told, with what the simulation says.
    for old, new, want in (
        (b"+CSQ: 21,0", b"+CSQ: 21", ("AT+CSQ", "+CSQ: 21 / OK", "+CSQ: 21,0 / OK")),
        (b"\r\nOK\r\n", b"\r\nFINE\r\nOK\r\n", ("AT+CSQ", "+CSQ: 21,0 / FINE / OK", None)),
        (b"0\r\n\r\nOK", b"0\r\nOK", ("AT+CSQ", r"\r\n+CSQ: 21,0 OK", r"\r\n+CSQ: 21,0 \r\nOK")),
        (b"+CSQ: 21,0\r\n", b"", ("AT+CSQ", "OK", "+CSQ: 21,0 / OK")),
    ):
        line = Line(change=lambda data, old=old, new=new: data.replace(old, new))
        line.type(b"ATE0\r")
        line.type(b"AT+CSQ\r")
        found = [d for d in line.found() if d[0] == "AT+CSQ"]
        assert len(found) == 1 and found[0][:2] == want[:2], (found, want)
        assert want[2] is None or found[0][2] == want[2]
    # Line ends that differ are shown, also where a value does, which makes no form.
    line = Line(change=lambda data: data.replace(b"A06E1G\r\n", b"A09E2G\r\n\r\n\r\n"))
    line.type(b"ATE0\r")
    line.type(b"ATI\r")
    real = next(d[1:] for d in line.found() if d[0] == "ATI")
    assert real[0].endswith(r"A09E2G \r\n\r\n\r\nOK") and real[1].endswith(r"A06E1G \r\nOK"), real
    line = Line()
    line.type(b"AT+QNEW?\r")
    assert line.found() == [("AT+QNEW?", "ERROR", "it does not know the command")]


def test_a_name_that_nobody_knows_is_of_the_world():
    # The real one finds no address for it, the simulation's net knows every name.
    told = b'\r\n+QIURC: "dnsgip",565\r\n'
    for new, want in ((told, []), (told.replace(b"565", b"0"), ["+QIURC"])):
        line = Line(change=lambda data, new=new: re.sub(rb'\r\n\+QIURC: "dns[^\0]*', new, data))
        line.type(b'AT+QICSGP=1,1,"internet","","",0\r')
        line.type(b"AT+QIACT=1\r", 2000)
        line.type(b'AT+QIDNSGIP=1,"no.example"\r', 3000)
        assert [d[0] for d in line.found()] == want, line.found()


def test_the_simulation_becomes_the_model_that_it_is():
    for model in ("ec25", "bg95", "eg800k"):
        line = Line(model=model)
        line.type(b"AT\r")
        line.type(b"ATI\r")
        for text in (b"AT+QSSLCFG=?", b'AT+QSSLCFG="seclevel",0', b"AT+QSSLSTATE", b"AT+QIACT?"):
            line.type(text + b"\r")
        assert line.found() == [], model
        assert line.tapped.shadow.model.family.name == model
    line = Line(model="ec25")
    line.type(b"AT+QSSLCFG=?\r")
    assert [what for what, _, _ in line.found()] == ["AT+QSSLCFG=?"]


def test_payload_is_counted_and_lines_in_it_are_no_lines():
    items = []
    decoder = Decoder(items.append, lambda x: None)
    evil = b'\r\nOK\r\n\r\n+QSSLURC: "closed",0\r\nAT+CPIN="1234"\r\n> '
    talk = [
        ("m", b'\r\n+QSSLURC: "recv",0\r\n'),
        ("h", b"AT+QSSLRECV=0,1500\r"),
        ("m", b"\r\n+QSSLRECV: %d\r\n" % len(evil) + evil + b"\r\n\r\nOK\r\n"),
        ("h", b"AT+QSSLSEND=0,%d\r" % len(evil)),
        ("m", b"\r\n> "),
        ("h", evil),
        ("m", b"\r\nSEND OK\r\n"),
        ("h", b"AT+QSSLSEND=0\r"),
        ("m", b"\r\n> "),
        ("h", b"AT\rAT\r\x1a"),
        ("m", b"\r\nSEND OK\r\n"),
        ("m", b'\r\n+QSSLURC: "recv",1,%d\r\n' % len(evil) + evil + b"\r\n"),
        ("h", b'AT+QFUPL="RAM:a",%d\r' % len(evil)),
        ("m", b"\r\nCONNECT\r\n"),
        ("h", evil),
        ("m", b"\r\n+QFUPL: %d,1a2b\r\n\r\nOK\r\n" % len(evil)),
    ]
    want = None
    for size in (10000, 1, 2, 7):
        del items[:]
        for i, (who, data) in enumerate(talk):
            for at in range(0, len(data), size):
                part = data[at : at + size]
                (decoder.host if who == "h" else decoder.modem)(i, part)
        seen = [(i.kind, i.text, i.n) for i in items]
        want = want or seen
        assert seen == want, size
    n = len(evil)
    assert [x for x in want if x[0] in ("up", "down")] == [
        ("down", "%d bytes" % n, n),
        ("up", "%d bytes" % n, n),
        ("up", "6 bytes, then Ctrl-Z", 6),
        ("down", "%d bytes" % n, n),
        ("up", "%d bytes" % n, n),
    ]
    assert not [x for x in want if "CPIN" in x[1] or "closed" in x[1]]


def test_garbled_bytes_are_told():
    items = []
    decoder = Decoder(items.append, lambda x: None)
    for at in range(20):
        decoder.host(at, b"AT+CSQ\r")
        decoder.modem(at, b"\r\n+CSQ: 2\x801,0\r\n\r\nOK\r\n")
    assert decoder.told == set()  # a byte now and then is none of this
    decoder.modem(20, b"\xf8\x00\xe6\x9e" * 5)
    assert decoder.told == {"modem"}
    decoder.host(21, b"\xf8\x00\xe6\x9e" * 5)
    assert [i.text for i in items if "garbled" in i.text] == [
        "bytes of the modem are garbled: another rate?",
        "bytes of the board are garbled: another rate?",
    ]


def test_what_is_typed_to_get_to_commands():
    # As a driver does at first, to whatever state: ESC, "+++", an empty line. All are echoed.
    items = []
    decoder = Decoder(items.append, lambda x: None)
    for typed in (b"\x1b", b"\r", b"+++", b"AT\r"):
        decoder.host(0, typed)
    for byte in b"\x1b\r+++AT\r\r\nOK\r\n":
        decoder.modem(1, bytes([byte]))
    assert [(i.kind, i.text) for i in items] == [
        ("state", "typed: ESC"),
        ("state", "typed: +++"),
        ("at", "AT"),
        ("echo", ""),
        ("final", "OK"),
    ]


def test_data_mode():
    items = []
    decoder = Decoder(items.append, lambda x: None)
    decoder.host(0, b'AT+QSSLOPEN=1,0,0,"x",443,2\r')
    decoder.modem(1, b"\r\nCONNECT\r\n")
    decoder.modem(2, b"one\r\nOK\r\ntwo\r\nNO CARRIERx\r")
    decoder.host(3, b"AT+CSQ")
    decoder.modem(4, b"\nrest")
    decoder.host(5, b"+++")
    decoder.modem(6, b"\r\nOK\r\n")
    decoder.host(7, b"ATO\r")
    decoder.modem(8, b'\r\nCONNECT\r\nmore\r\nNO CARRIER\r\n\r\n+QSSLURC: "closed",0\r\n')
    seen = [(i.kind, i.text) for i in items]
    down = sum(i.n for i in items if i.kind == "down")
    assert down == len(b"one\r\nOK\r\ntwo\r\nNO CARRIERx\r\nrest") + 4
    assert seen[-5:] == [
        ("at", "ATO"),
        ("final", "CONNECT"),
        ("down", "4 bytes"),
        ("final", "NO CARRIER"),
        ("urc", '+QSSLURC: "closed",0'),
    ]


def test_random_bytes_never_break_it():
    for seed in range(30):
        rng = random.Random(seed)
        words = [
            b"AT+QSSLSEND=0,5\r",
            b"\r\n> ",
            b"\r\nOK\r\n",
            b"AT+QSSLRECV=0,9\r",
            b"+QSSLRECV",
        ]
        words += [
            b": 5\r\n",
            b"CONNECT\r\n",
            b"\x1b",
            b"\x1a",
            b"+++",
            b"AT\r",
            b'AT+QFUPL="a",9\r',
        ]
        words += [b'\r\n+QSSLURC: "recv",0,7\r\n', b"\r\nRDY\r\n", b"\r\n+QSSLOPEN: 0,0\r\n"]
        words += [
            b"AT+QIACT=1\r",
            b'AT+QSSLOPEN=1,0,0,"h",1,2\r',
            b"\r\nNO CARRIER\r\n",
            b"\xff\0",
        ]
        words += [
            b'+QSSLURC: "closed",99\r\n',
            b"AT+QIACT?\r",
            b"\r\n+QIACT: 77,1,1\r\n",
            b"\xff\0",
        ]
        shadow = Shadow()
        told = []

        def tell(item, told=told, shadow=shadow):
            told.append(item)
            shadow.item(item)

        decoder = Decoder(tell, shadow.exchange)
        shadow.host = decoder
        fed = 0
        for i in range(150):
            data = rng.choice(words) if rng.random() < 0.9 else rng.randbytes(rng.randrange(9))
            fed += len(data)
            (decoder.host if rng.random() < 0.5 else decoder.modem)(i / 10, data)
        decoder.finish(20)
        shadow.finish(20)
        # What was typed and said was told, no byte of payload twice, and nothing is left open.
        assert len(told) > 20 and decoder.open is None
        assert sum(t.n or 0 for t in told) <= fed


LINES = (
    ("AT+CPIN=1234", True),
    ('AT+CPIN="1234"', True),
    ('AT+QICSGP=1,1,"internet","me","secret",1', True),
    ('AT+QSSLCFG="psk",0,"id","key"', True),
    ('AT+QSSLCFG="cacert",0,"RAM:ca.pem"', True),
    ('AT+QSSLOPEN=1,0,0,"host.example",443,0', True),
    ("ATD+491701234567;", True),
    ("AT+CMGF=1;+CPIN=1234", True),
    ('AT+CCLK="25/11/28,10:00:00+04"', True),
    ('AT+QFUPL="RAM:a",100', True),
    ('AT+CLCK="SC",2,"1234"', True),
    ("AT", True),
    ("ATE0", True),
    ("+CSQ: 21,0", False),
    ('+CNUM: "","+4917012345678",145', False),
    ("861107030000016", False),
    ("+QCCID: 89860022090920602368", False),
    ('+COPS: 0,0,"Telenor",6', False),
    ('+CREG: 2,1,"5650","29A7DF4",2', False),
    ('+QLTS: "25/11/28,10:00:00+04,0"', False),
    ('+CUSD: 0,"your code is 4711",15', False),
    ('+QICSGP: 1,"internet","me","secret",1', False),
)


def test_masked_as_on_a_board():
    # The same lines through qssl.ask.trace, in a process of its own: it wants MicroPython's names.
    code = (
        "import upy; upy.install()\n"
        "import json, sys\n"
        "from qssl.ask.trace import Trace\n"
        "class T(Trace):\n"
        "    def __init__(self): self._text = bytearray(120)\n"
        "    def _put(self, kind, n, buf, lo, hi): self.out = bytes(buf[lo:hi]).decode()\n"
        "t = T()\n"
        "for text, command in json.load(sys.stdin):\n"
        "    data = text.encode()\n"
        "    masked = t._line(0, data, 0, len(data), command)\n"
        "    print(json.dumps([t.out, bool(masked)]))\n"
    )
    path = [setup.ROOT / "lib", setup.ROOT / "tests/host/cpython"]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(str(p) for p in path)),
        input=json.dumps(LINES),
        capture_output=True,
        text=True,
    )
    there = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(there) == len(LINES), done.stderr
    for (text, command), (shown, masked) in zip(LINES, there):
        mine = mask.line(text, command)
        assert mine[0] == shown, text
        assert mine[1] == masked, text


# --- the program itself --------------------------------------------------------------------------


class Tap:
    # tools/tap.py between a pty that it makes (self.board) and a port.
    limits = None

    def __init__(self, tmp_path, modem, *words, board=None, env=None):
        self.board = tmp_path / "board"
        self.out = tmp_path / "out.jsonl"
        argv = [sys.executable, str(setup.ROOT / "tools/tap.py"), board or "pty:%s" % self.board]
        argv += [str(modem), "--out", str(self.out), *[str(word) for word in words]]
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
            env=dict(os.environ, **(env or {})),
            preexec_fn=self.limits,  # noqa: PLW1509  no threads here
        )
        line = self.process.stdout.readline()
        assert "<->" in line, line + self.process.stderr.read()
        self.process.stdout.readline()

    def end(self, number=signal.SIGINT):
        # (exit status, output, errors)
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=5 * LIMIT_S)
        assert "Traceback" not in err, err
        return self.process.returncode, out, err

    def events(self):
        return [(e.kind, e.text) for e in Reader(str(self.out))]


def tap(tmp_path, *words):
    # One that does not begin: (exit status, output, errors)
    argv = [sys.executable, str(setup.ROOT / "tools/tap.py"), *[str(word) for word in words]]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=5 * LIMIT_S, cwd=tmp_path)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_conversation(tmp_path):
    with Ugsim("--baud", "0", "--switch", "checksum_case=upper") as sim:
        this = Tap(tmp_path, sim.at, "--keep", "4")
        with AtClient(str(this.board)) as at:
            assert at.command("AT+CSQ") == "+CSQ: 21,0\nOK"
            at.command('AT+CPIN="4711"')
            at.command("AT+CIMI")
            at.upload("RAM:x", b"\xab\xcdef")
        code, out, err = this.end()
    assert (code, err) == (1, "")
    kinds = this.events()
    assert ("at", "AT+CPIN=***") in kinds and "4711" not in out + this.out.read_text()
    assert ("info", "***") in kinds and "26201" not in out + this.out.read_text()
    assert ("up", "4 bytes") in kinds
    assert [e.data for e in Reader(str(this.out)) if e.kind == "up"] == [b"\xab\xcdef"]
    assert next(text for kind, text in kinds if kind == "differs").startswith("the simulation: ")
    assert "      the real modem  CONNECT / +QFUPL: 4," in out
    assert "compared with the simulation: 4 alike, 1 in another form" in out, out
    assert re.search(r"delay: bytes were handed on within \d+\.\d\d ms \(median\)", out), out
    assert not this.board.exists()
    # Others read it.
    for words, status in (
        (["tools/ugsim", "trace", this.out], 0),
        (["tools/ugsim", "trace", this.out, "--html", tmp_path / "x.html"], 0),
        (["tools/replay.py", "--only", "ugsim", this.out], 0),
    ):
        argv = [sys.executable, setup.ROOT / words[0], *words[1:]]
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
    assert "ugsim: 5 same" in done.stdout, done.stdout


def test_driver_through_the_tap(tmp_path):
    micropython = setup.find_micropython()
    if micropython is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    kib = MIB * 1024 or 48
    names = tmp_path / "names"
    names.mkdir()
    (names / "board.py").symlink_to(setup.ROOT / "boards" / "unix.py")
    peer = Peer(Certificates(tmp_path))
    try:
        with Ugsim("--baud", "921600") as sim:
            this = Tap(tmp_path, sim.at, "--baud", "921600", "--quiet")
            path = [".frozen", str(names), str(setup.ROOT / "lib")]
            done = subprocess.run(
                [micropython, "-X", "heapsize=1m", setup.ROOT / "tests/host/tap_driver.py"],
                env=dict(
                    os.environ,
                    MICROPYPATH=os.pathsep.join(path),
                    QSSL_MODEM=str(this.board),
                    QSSL_BAUD="921600",
                    QSSL_HOST=peer.host,
                    QSSL_PORT=str(peer.port),
                    QSSL_KIB=str(kib),
                ),
                capture_output=True,
                text=True,
                timeout=300 + 120 * MIB,
            )
            code, out, err = this.end()
    finally:
        peer.close()
    print(out)
    assert done.stdout == "%d bytes each way\n" % (kib << 10), done.stdout + done.stderr
    assert (code, err) == (0, ""), out
    assert re.search(r"0 in another form, 0 with another result", out), out
    found = re.search(r"payload (\d+) bytes up and (\d+) down", out)
    assert int(found[1]) > kib << 10 and int(found[2]) >= kib << 10, out


def test_measure(tmp_path):
    # All bytes arrive as they are, both ways at once; the delay is told.
    def run_it():
        code, out, err = tap(tmp_path, "measure", "--mib", "1", "--baud", "4000000")
        assert (code, err) == (0, ""), out + err
        assert out.count("1048576 bytes, none changed") == 2, out
        return float(re.search(r"handed on within (\d+\.\d+) ms \(median\)", out)[1])

    assert once(run_it, lambda ms: ms < 1.0) < 1.0


def test_measure_notices_a_changed_byte(tmp_path):
    from qtap.measure import _pattern

    assert len({_pattern(0)[i : i + 256] for i in range(0, 65536, 256)}) == 256
    first, last = os.pipe(), os.pipe()
    from qtap.measure import _Way

    way = _Way(first[1], last[0], 64, 0, 1e9)
    way.write(64)
    data = bytearray(os.read(first[0], 100))
    data[10] ^= 1
    os.write(last[1], data)
    assert way.read() == 64 and way.wrong == 0
    for fd in (*first, *last):
        os.close(fd)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: board"),
        (["pty"], "MODEM is missing"),
        (["pty", "/dev/nothing"], "There is no port /dev/nothing"),
        (["pty", "/dev/null"], "Can't open /dev/null"),
        (["/dev/null", "socket://127.0.0.1:1"], "Can't open /dev/null"),
        (["pty", "socket://127.0.0.1:1"], "Nothing answers at socket://127.0.0.1:1"),
        (["pty", "warp://x"], "warp://x is no port"),
        (["pty", "socket://x"], "socket://x is no port"),
        (["x", "x"], "can't be at the same port"),
        (["/dev/x", "pty"], "MODEM can't be a pty"),
        (["pty", "/dev/x", "--rtscts"], "--rtscts wants two serial ports"),
        (["pty", "/dev/x", "--baud", "7"], "7 is not a number from 1200"),
        (["pty", "/dev/x", "--plain", "--switch", "a=b"], "--plain is without a simulation"),
        (["pty", "/dev/x", "--switch", "a"], "'a' is not NAME=VALUE"),
        (["pty", "/dev/x", "--switch", "a=b"], "Unknown switch 'a'"),
        (["pty", "/dev/x", "--profile", "/nothing"], "Can't read /nothing"),
        (["pty:/no/such/folder/x", "/dev/null"], "Cannot make the link /no/such/folder/x"),
        (["measure", "/dev/x"], "measure takes no /dev/x"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, said):
    code, out, err = tap(tmp_path, *words)
    assert code == 2 and out == "", out
    assert err.startswith("tap.py: ") and err.count("\n") == 1, err
    assert said.lower() in err.lower()
    assert list(tmp_path.iterdir()) == []


def test_the_simulation_is_that_of_the_profile(tmp_path):
    # As learn.py writes it; --switch changes one of them.
    from qtap import main, options

    path = tmp_path / "p.json"
    found = {"format": "qssl-profile", "version": 1}
    found["switches"] = {"close_free_id": "error", "checksum_case": "upper"}
    path.write_text(json.dumps(found))
    words = ["pty", "x", "--profile", str(path), "--switch", "checksum_case=lower"]
    shadow = main._shadow(options.parse(words))
    assert shadow.model.sw["close_free_id"] == "error"
    assert shadow.model.sw["checksum_case"] == "lower"
    assert main._shadow(options.parse(["pty", "x", "--plain"])) is None


def test_a_file_that_cannot_be_written(tmp_path):
    with Ugsim("--baud", "0") as sim:
        (tmp_path / "there").write_text("precious")
        for path, said in (
            ("/no/such/folder/x", "Can't write /no/such/folder/x"),
            (tmp_path / "there", "there already"),
            ("/dev/full", "There is a file /dev/full already"),
        ):
            code, out, err = tap(tmp_path, "pty", sim.at, "--out", path)
            assert code == 2 and said in err and err.count("\n") == 1, err
        assert (tmp_path / "there").read_text() == "precious"


def test_a_port_that_another_program_has(tmp_path):
    import serial

    with Ugsim("--pty", "--baud", "0") as sim:
        with serial.Serial(sim.at, exclusive=True):
            code, out, err = tap(tmp_path, "pty", sim.at)
        assert code == 2 and err.count("\n") == 1, err
        assert "is in use by" in err or "Another program has" in err, err


def test_unplugged_in_the_middle(tmp_path):
    sim = Ugsim("--pty", "--baud", "0")
    this = Tap(tmp_path, sim.at, "--quiet")
    with AtClient(str(this.board)) as at:
        assert at.command("AT+CSQ").endswith("OK")
        sim.process.kill()
        code, out, err = this.end(0)
    sim.stop()
    assert code == 2 and "has gone in the middle: was it unplugged?" in err, err
    assert "2 commands" in out
    assert this.events()[-1][0] == "error" and ("info", "+CSQ: 21,0") in this.events()


def test_the_other_side_hangs_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        this = Tap(tmp_path, "socket://127.0.0.1:%d" % listener.getsockname()[1], "--quiet")
        listener.accept()[0].close()
        code, out, err = this.end(0)
    assert code == 2 and "has hung up" in err and err.count("\n") == 1, err


def test_the_disk_is_full(tmp_path):
    # The bytes go on, the recording says where it ends.
    class Small(Tap):
        @staticmethod
        def limits():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    with Ugsim("--baud", "0") as sim:
        this = Small(tmp_path, sim.at, "--quiet", env={"PYTHONDONTWRITEBYTECODE": "1"})
        with AtClient(str(this.board)) as at:
            for _ in range(100):
                assert at.command("AT+CSQ").endswith("OK")
        code, out, err = this.end()
    assert code == 2 and re.search(r"The recording .* ends after [\d.]+ s: ", err), err
    assert "101 commands" in out and this.out.stat().st_size <= 8192


def test_every_signal_ends_it_with_the_list(tmp_path):
    with Ugsim("--baud", "0") as sim:
        this = Tap(tmp_path, sim.at, "--quiet")
        with AtClient(str(this.board)):
            pass
        code, out, err = this.end(signal.SIGTERM)  # the others end by SIGINT
        assert (code, err) == (0, "") and "1 commands" in out
        (tmp_path / "out.jsonl").unlink()
        this = Tap(tmp_path, sim.at, "--quiet", "--seconds", "1")
        code, out, err = this.end(0)
        assert (code, err) == (0, "") and "0 commands" in out


def test_nobody_is_left_behind(tmp_path):
    # The process that passes the bytes ends with the other one, even if that is killed.
    with Ugsim("--baud", "0") as sim:
        this = Tap(tmp_path, sim.at, "--quiet")
        with open("/proc/%d/task/%d/children" % ((this.process.pid,) * 2)) as file:
            children = file.read().split()
        assert len(children) == 1
        this.process.kill()
        this.process.communicate()
        until(lambda: not Path("/proc/%s" % children[0]).exists())


def test_the_rate_goes_along(tmp_path):
    # AT+IPR that passes, and a rate that the program at the pty sets.
    import serial

    with Ugsim("--baud", "115200") as sim:
        this = Tap(tmp_path, sim.at, "--plain")
        with serial.Serial(str(this.board), 115200, timeout=LIMIT_S) as port:

            def ask(text):
                port.write(text + b"\r")
                return port.read_until(b"OK\r\n")

            assert ask(b"AT+IPR=921600").endswith(b"OK\r\n")
            until(lambda: any("both ports go on at 921600" in t for _, t in this.events()))
            time.sleep(0.3)  # the driver waits as well
            port.baudrate = 921600
            until(lambda: any("has set 921600 baud" in t for _, t in this.events()))
            assert b"+CSQ" in ask(b"AT+CSQ")
        assert this.end()[0] == 0


class End:
    # An end of a wire in the tests: a socket, and lines.
    gone = ""

    def __init__(self, sock):
        self.sock = sock
        self.seen = [False, False]  # DSR, DCD
        self.dtr = []
        sock.setblocking(False)

    def watch(self):
        return [self.sock]

    def fileno_out(self):
        return self.sock

    def speed(self):
        return 0

    def read(self, n):
        with contextlib.suppress(BlockingIOError):
            return self.sock.recv(n)
        return b""

    def write(self, data):
        with contextlib.suppress(BlockingIOError):
            return self.sock.send(data)
        return 0

    def lines(self):
        return self.seen

    def assert_dtr(self, on):
        self.dtr.append(on)

    def rate(self, baud):
        return ""


def test_dtr_and_dcd_go_through():
    # The board's DTR comes in at DSR, and leaves as DTR towards the modem; DCD the other way.
    (_, a), (_, b), (told_, out) = (socket.socketpair() for _ in range(3))
    board, modem = End(a), End(b)
    orders = os.pipe()
    this = wire.Wire(board, modem, out, orders[0], dtr=True)
    for step in range(3):
        board.seen = [step != 1, False]
        modem.seen = [False, step == 2]
        this._watch(0)
    assert modem.dtr == [True, False, True]
    assert board.dtr == [False, True]
    this._tell_on()
    frames = Frames(told_).take()
    assert [data for which, _, data in frames if which == wire.NOTE] == [
        b"DTR on",
        b"DCD off",
        b"DTR off",
        b"DTR on",
        b"DCD on",
    ]
    for fd in orders:
        os.close(fd)


def test_a_serial_port_with_its_lines():
    # As far as a pty is one.
    from qtap import ends

    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    port = ends.make(path, 115200, rtscts=True)
    try:
        assert port.lines() is None  # it has none
        port.assert_dtr(True)
        assert port.rate(921600) == "" and port._serial.baudrate == 921600
        assert port._serial.rtscts
        assert port.write(b"abc") == 3 and os.read(master, 9) == b"abc"
        os.write(master, b"def")
        assert port.read(9) == b"def" and port.read(9) == b""
        assert not port.gone
        os.close(master)
        assert port.read(9) == b"" and "has gone in the middle" in port.gone
        assert port.watch() == [] and port.fileno_out() is None
    finally:
        port.close()


def test_the_wire_holds_who_is_too_fast():
    # One side takes nothing: the other is not read any more, nothing is lost, the way back works.
    here = [socket.socketpair() for _ in range(2)]
    pid, told_, orders = wire.start(End(here[0][1]), End(here[1][1]))
    try:
        fast, slow = here[0][0], here[1][0]
        fast.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += fast.send(bytes(range(256)) * 64)
        assert 0 < sent < 8 << 20
        slow.sendall(b"back")
        fast.settimeout(LIMIT_S)
        assert fast.recv(10) == b"back"
        slow.settimeout(LIMIT_S)
        got = 0
        while got < sent:
            data = slow.recv(65536)
            assert data == bytes((got + i) & 255 for i in range(len(data)))
            got += len(data)
    finally:
        os.close(orders)
        while told_.recv(1 << 16):
            pass
        os.waitpid(pid, 0)
