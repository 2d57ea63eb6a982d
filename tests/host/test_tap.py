# test_tap - tools/tap.py: bytes pass untouched, what is told is right, and what differs is found.
# SPDX-License-Identifier: MIT

import json
import os
import random
import re
import subprocess
import sys

import pytest

import learn_rig
import setup
import tap_rig
from learn_rig import NUMBERS, least, options
from qlearn import run
from qlearn.server import certificates
from qlearn.talk import Talk
from qtap import mask
from qtap.decode import Decoder
from qtap.shadow import Shadow
from ugsim.model import SWITCHES

# The whole of it: TAP_MIB=10 moves 10 MiB each way (five minutes).
RUNS = int(os.environ.get("TAP_RUNS", "3"))


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
