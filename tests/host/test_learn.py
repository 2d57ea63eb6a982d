# test_learn - tools/learn.py: what it claims of a modem is right, and the modem stays as it was.
# SPDX-License-Identifier: MIT

import collections
import os
import random
import socket

import pytest

import learn_rig
from learn_rig import NEEDS, NUMBERS, learn, least, options, settled
from qlearn import profile, run, script
from qlearn.private import Mask
from qlearn.reasons import UNASKED
from qlearn.server import certificates
from qlearn.talk import Talk
from qshared.problem import Problem
from ugsim.model import SWITCHES
from ugsim_client import Ugsim

# So many modems with every switch at random; LEARN_RUNS=200 for a long look.
RUNS = int(os.environ.get("LEARN_RUNS", "30" if os.environ.get("CI") else "10"))


@pytest.fixture(scope="module")
def pems():
    return certificates()[0]


def state(model):
    # What must be as it was.
    files = {s.name: dict(s.contents) for s in (model.files.ufs, model.files.ram)}
    contexts = [dict(values) for values in model.sslctx]
    kept = (
        model.echo,
        model.cmee,
        model.payload_echo,
        model.verbose,
        model.phone.get("CSCS", "GSM"),
    )
    sockets = [s for s in model.sockets.slots if s is not None]
    return files, contexts, kept, sockets, model.radio.functionality


def wrong(learner, model):
    # {switch: (true, claimed)} of what is claimed and not so.
    found = {}
    for name, result in learner.bench.results.items():
        true = str(model.sw[name])
        if name == "recv_max" and int(true) >= 1500:
            true = "0"  # more than can be asked for
        if result.state == "settled" and str(result.value) != true:
            found[name] = (true, result.value)
    return found


def test_each_switch_has_a_probe_or_a_reason():
    assert not run.askable() & set(UNASKED)
    assert run.askable() | set(UNASKED) == set(SWITCHES)


# Values that do not show, each with what hides them.
HIDDEN = {
    ("cpin_style", "word"),  # the SIM is ready
    ("cpin_style", "number"),
    ("sim_tries", "qpinc"),  # like "stuck", as long as no PIN was wrong
    ("sim_tries", "stuck"),
    ("radio_kept", "no"),  # AT+CFUN=1,1 may be what switches it on
    ("nitz", "no"),  # it may come yet
    ("sim", "busy"),  # for the moment
}


ZONED = ("qntp_digits",)  # the network has told its zone


@pytest.mark.parametrize("name", sorted(run.askable() - {"prompt_timeout_ms"}))
def test_each_value_of_each_switch_is_found(pems, name):
    # One switch other than usual: it is settled, right, and nothing else is wrong.
    choices = SWITCHES[name][1] or NUMBERS[name]
    if name in ("nitz", "qlts_year", "qlts_summer"):
        changes = {"server": None, "ntp": None}  # the network tells its time behind a restart
    else:
        changes = least(name)
    for value in choices:
        switches = dict(NEEDS.get(name, {}), **{name: value})
        change = (lambda model, port: model.clock.registered()) if name in ZONED else None
        learner, model, _ = learn(pems, switches, change=change, **changes)
        assert wrong(learner, model) == {}
        if (name, value) in HIDDEN and name not in NEEDS:
            assert name not in settled(learner), (name, value)
        else:
            assert name in settled(learner), (value, learner.bench.results[name].text)
            assert learner.bench.results[name].evidence
        contradictory = [n for n, r in learner.bench.results.items() if r.state == "contradictory"]
        assert contradictory == [], (value, contradictory)


def test_every_switch_at_random(pems):
    counts = collections.Counter()
    for seed in range(RUNS):
        rng = random.Random(seed)
        switches = {}
        for name, (_, choices, _) in SWITCHES.items():
            switches[name] = rng.choice(NUMBERS[name] if choices is None else choices)
        if rng.random() < 0.9:
            switches["sim"] = "ready"
        model, port = learn_rig.modem(pems, switches, seed)
        learner = run.Learner(Talk(port), options(port))
        learner.identify()
        assert learner.run() == [], seed
        assert wrong(learner, model) == {}, seed
        counts[len(settled(learner)) > 40] += 1
    assert counts[True] > RUNS // 2, counts


def test_it_leaves_the_modem_as_it_was(pems):
    changes = {"restart": False}
    for seed in range(6):
        rng = random.Random(seed)
        switches = {n: rng.choice(c) for n, (_, c, _) in SWITCHES.items() if c and n != "sim"}
        switches["echo_obeys"] = "yes"  # or ATE does not show, and can't be put back
        model, port = learn_rig.modem(pems, switches, seed)
        talk = Talk(port)
        for command in ("ATE%d" % (seed % 2), "AT+CMEE=2", 'AT+QSSLCFG="seclevel",5,2'):
            assert talk.ask(command).ok
        before = state(model)
        clock = model.clock.unix()
        learner = run.Learner(talk, options(port, **changes))
        learner.identify()
        assert learner.run() == []
        assert state(model) == before
        assert abs(model.clock.unix() - clock - port.now() / 1000) < 5
        assert not model.pdp.all[1].active


def test_ctrl_c_puts_back_and_a_second_run_goes_on(pems):
    for at in (1000, 4000, 9000, 15000, 30000, 45000, 70000):
        model, port = learn_rig.modem(pems, {"recv_trailer": "short"})
        before = state(model)
        learner = run.Learner(Talk(port), options(port, restart=False))
        learner.identify()
        port.fails_at = at
        with pytest.raises(KeyboardInterrupt):
            learner.run()
        assert state(model) == before, at
        done = settled(learner)
        again = run.Learner(Talk(port), options(port, restart=False), learner.bench.results)
        again.identify()
        todo = [names for _, _, names, _ in run.pending(again.options, again.bench.results)]
        assert not [names for names in todo if set(names) <= set(done)]
        assert again.run() == []
        assert wrong(again, model) == {} and settled(again)["recv_trailer"] == "short"


def test_without_network_server_or_restart(pems):
    learner, model, port = learn(pems, apn=None, server=None, ntp=None, restart=False)
    assert model.net.conns == [] and not model.pdp.active() and model.power.starts == 0
    found = settled(learner)
    assert len(found) > 15 and "recv_trailer" not in found
    why = {n: r.text for n, r in learner.bench.results.items() if r.state == "open"}
    assert why["recv_trailer"] == "needs a server: --server"
    assert why["qiact_when_active"] == "needs the network: --apn"
    assert why["cmee_default"] == "needs a restart of the modem: --restart"
    assert set(learner.bench.results) == set(SWITCHES)


def test_who_is_searching_is_not_registered():
    # "1,2": mode 1, and searching.
    from qlearn import network

    for text, want in (("1,2", False), ("0,1", True), ("1", True), ("2", False), ("5", True)):
        bench = run.Learner(None, options(None)).bench
        answer = type("A", (), {"field": lambda self, start, text=text: text})()
        now = iter(range(0, 10000, 1000))
        port = type("P", (), {"now": lambda self, now=now: next(now)})()
        talk = {"ask": lambda self, text, answer=answer: answer, "port": port}
        talk["rest"] = lambda self, ms: None
        bench.talk = type("T", (), talk)()
        assert network.registered(bench, 2) is want, text


def test_what_stands_in_the_way_is_named(pems):
    # No network, no SIM, a server that refuses or does something else.
    def no_network(model, port):
        model.radio.cover(False)

    learner, model, port = learn(pems, change=no_network, restart=False)
    assert learner.bench.results["recv_trailer"].text == "the modem finds no network"
    assert port.now() < 200000 and wrong(learner, model) == {}
    learner, model, _ = learn(pems, {"sim": "none"}, restart=False)
    assert settled(learner)["sim"] == "none" and wrong(learner, model) == {}
    learner, model, _ = learn(pems, server=("elsewhere.example", 8443), restart=False)
    assert "the connection to the server fails" in learner.bench.results["recv_trailer"].text
    assert wrong(learner, model) == {}

    def deaf(model, port):
        model.net._peers[(learn_rig.HOST, None)].on_data = lambda conn, data: None

    learner, model, _ = learn(pems, change=deaf, restart=False)
    assert "does it run learn.py serve" in learner.bench.results["recv_trailer"].text
    assert wrong(learner, model) == {}


def test_a_sim_that_does_not_answer_yet_tells_nothing(pems):
    # Which command tells its tries shows with a SIM alone; whether there is one is not known yet.
    for more in ({"sim_busy_ms": 10000}, {}):
        for gone in ("none", "wrong", "failed", "busy"):
            switches = {"sim": gone, "sim_tries": "cpinr", **more}
            alone = {"apn": None, "server": None, "ntp": None, "restart": False}
            learner, model, _ = learn(pems, switches, **alone)
            assert "sim_tries" not in settled(learner), switches
            assert wrong(learner, model) == {}


def test_an_opening_whose_end_nobody_tells(pems):
    # URCs go to another port: neither a failure nor a success is claimed.
    def change(model, port):
        model.command("fault lose_urc what=open n=0")

    learner, model, _ = learn(pems, change=change, restart=False)
    found = {name: result.text for name, result in learner.bench.results.items()}
    assert "do URCs come to this port" in found["recv_trailer"]
    assert found["failed_open_claims"] == "nothing tells how the opening ended"
    assert wrong(learner, model) == {}


def test_an_apn_that_was_there_comes_back(pems):
    model, port = learn_rig.modem(pems, {"auto_pdp": "no"} if "auto_pdp" in SWITCHES else {})
    talk = Talk(port)
    assert talk.ask('AT+QICSGP=1,1,"another","me","secret",1').ok
    learner = run.Learner(talk, options(port, restart=False))
    learner.identify()
    assert learner.run() == []
    assert talk.ask("AT+QICSGP=1").field("+QICSGP:").strip() == '1,"another","me","secret",1'


class Other:
    # A modem that somebody else wrote: what leaves it is changed, and what gets there (typed).
    def __init__(self, port, change, typed=None):
        self.port = port
        self.change = change
        self.typed = typed or (lambda data: data)
        self.now = port.now

    def write(self, data):
        self.port.write(self.typed(data))

    def read(self, ms):
        return self.change(self.port.read(ms))


def test_what_is_noted_beside_the_switches(pems):
    learner, _, _ = learn(pems)
    facts = learner.bench.facts
    assert facts["AT+QSSLRECV=?"] == "+QSSLRECV: (0-11),(1-1500)"
    assert facts["default of negotiatetime"] == "300"
    assert facts["AT+QSSLSTATE while connected"] == "3"
    assert facts["AT+QSSLSTATE once the server has closed"] == "5"
    assert facts["lines of the start"].startswith("RDY / +CFUN: ")
    assert facts["AT+QIACT? behind a restart"] == "OK"  # no context is active
    assert not {"urcs_twice", "urcs_of_closed"} & set(learner.bench.measured)
    # A modem that says "closed" twice, and once more when the id has been closed long ago.
    model, port = learn_rig.modem(pems, {})
    told = b'\r\n+QSSLURC: "closed",3\r\n'

    def change(data):
        return told + data if b'"dnsgip"' in data else data.replace(told, told * 2)

    learner = run.Learner(Talk(Other(port, change)), options(port))
    learner.identify()
    learner.run()
    assert learner.bench.measured["urcs_twice"] > 0
    assert learner.bench.measured["urcs_of_closed"] > 0
    assert wrong(learner, model) == {}


@pytest.mark.parametrize(
    ("old", "new", "switch"),
    [
        (b"+QIGETERROR: ", b"+QIGETERROR:0x", "geterror_space"),
        (b"+QSSLSTATE:", b"+QSSLSOCK:", "state_prefix"),
        (b'"usbmodem"', b'"uart3"', "at_port"),
        (b"+QFLDS: ", b"+QFLDS: free ", "ram_total"),
        (b"\r\nCONNECT\r\n", b"\r\nCONNECT 9600\r\n", "connect_text"),
        (b'\r\n+QLTS: ""', b"\r\n+QLTS: none", "qlts_year"),
        (b'+QNTP: 0,"', b'+QNTP: 0,"time ', "qntp_year"),
        (b"abcdefghij\r\n\r\nOK", b"abcdefghij\r\n\r\n\r\nOK", "recv_trailer"),
        (b"\r\n> ", b"> ", "prompt_space"),
        (b"+CME ERROR: 417", b"+CME ERROR: 999", "file_missing"),
        (b"+QFUPL: 2,abcd", b"+QFUPL: 2,0xabcd", "checksum_case"),
        (b"\r\n> ", b"\r\n>\r\n", "prompt_space"),
        (b'"recv",3\r\n', b'"recv",3,20\r\n', "recv_rearm"),
        (b'\r\n+QSSLURC: "recv",3\r\n', b'\r\n+QSSLURC: "recv",3\r\n' * 2, "recv_rearm"),
        (b'URC: "closed",3', b'URC: "closed",1,3', "closed_keeps_data"),
        (b'URC: "closed",3', b'URC: "CLOSED",3', "security_then_closed"),
        (b'URC: "closed",3', b'URC:"closed",3', "pdpdeact_also_closed"),
        (b"+QSSLRECV: 10\r\n", b"+QSSLRECV: 10,0\r\n", "recv_trailer"),
    ],
)
def test_a_form_that_nobody_knows_is_not_claimed(pems, old, new, switch):
    model, port = learn_rig.modem(pems, {})
    learner = run.Learner(Talk(Other(port, lambda data: data.replace(old, new))), options(port))
    learner.identify()
    learner.run()
    assert switch not in settled(learner)
    assert not set(wrong(learner, model)) - {"act_ms"}
    if switch not in ("qntp_year",):
        assert learner.bench.results[switch].state == "contradictory", learner.bench.results[
            switch
        ].text


def other(pems, change, typed=None, switches=None, **changes):
    # (learner behind its run, model) of a modem that somebody else wrote.
    model, port = learn_rig.modem(pems, switches or {})
    chosen = options(port, restart=False, **changes)
    learner = run.Learner(Talk(Other(port, change, typed)), chosen)
    learner.identify()
    assert learner.run() == []
    return learner, model


def test_what_a_modem_does_otherwise_is_not_claimed(pems):
    # Not a form: what it does has no name in the simulated modem.
    def alternating(data):
        # The trailer behind data, now long, now short.
        if b"\r\n+QSSLRECV: 10\r\n" in data:
            counts["reads"] += 1
            if counts["reads"] % 2:
                return data.replace(b"j\r\n\r\nOK", b"j\r\nOK")
        return data

    def taken(data):
        # The id of an opening that failed is taken again, and nothing follows.
        counts["failed"] += b"+QSSLOPEN: 3,566" in data
        if counts["failed"] == 1 and data == b"\r\nERROR\r\n":
            counts["failed"] += 1
            return b"\r\nOK\r\n"
        return data

    def partly(data):
        read = b"+QSSLRECV: 50\r\n" + script.payload(50)
        return data.replace(read, b"+QSSLRECV: 10\r\nabcdefghij")

    def same(data):
        return data

    for change, typed, switch in (
        (alternating, None, "recv_trailer"),
        (taken, None, "failed_open_claims"),
        (partly, None, "closed_keeps_data"),
        (same, lambda data: data.replace(b"\x1b", b"x"), "esc_answer"),  # ESC is payload
        (lambda data: data.replace(b'qlearn-a",3', b'qlearn-a",5'), None, "qfupl_exists"),
        (lambda data: data.replace(b'qlearn-a",3', b'qlearn-a",2'), None, "qfupl_exists"),
    ):
        counts = collections.Counter()
        more = {"qfupl_exists": "replace", "failed_open_claims": "yes"}
        learner, model = other(pems, change, typed, more)
        assert switch not in settled(learner), switch
        assert not set(wrong(learner, model)) - {"act_ms"}, switch
        assert len(settled(learner)) > 40, switch


def test_a_modem_that_is_never_silent(pems):
    # A URC every 0.9 s, and one before each answer: it ends, and takes none for an answer.
    model, port = learn_rig.modem(pems, {})
    told = b"\r\n+QIND: csq,12,0\r\n"

    class Chatty(Other):
        def read(self, ms):
            data = self.port.read(min(ms, 900))
            if data[:3] == b"AT\r" or data == b"\r\nOK\r\n" or (not data and ms > 900):
                return told + data
            return data

    learner = run.Learner(Talk(Chatty(port, None)), options(port, restart=False))
    learner.identify()
    assert learner.run() == []
    assert wrong(learner, model) == {}
    for name in ("echo_obeys", "noise_line", "push_trailer", "payload_echo", "prompt_space"):
        assert name in settled(learner), learner.bench.results[name].text
    assert port.now() < 600000


def test_a_read_of_1500_bytes_is_refused(pems):
    # Other firmware takes fewer: asked for those, it still tells what it does.
    def typed(data):
        return data.replace(b"AT+QSSLRECV=3,15", b"AT+QSSLRECV=99,15")

    learner, model = other(pems, lambda data: data, typed)
    found = learner.bench.results
    assert settled(learner)["closed_keeps_data"] == "keep"
    assert found["recv_max"].text == "AT+QSSLRECV takes 1460 bytes, and refuses more"
    assert learner.bench.measured["read_at_most"] == 1460
    assert wrong(learner, model) == {}


def test_the_result_of_an_opening_stands_before_its_ok(pems):
    waits = []

    def change(data):
        # The OK of AT+QSSLOPEN waits for what follows it.
        ok = b"\r\nOK\r\n"
        if waits and b"+QSSLOPEN: " in data:
            waits.clear()
            return data.replace(ok, b"") + ok
        if waits and b"ERROR" in data:
            waits.clear()
        return b"" if waits and data == ok else data

    def typed(data):
        if data.startswith(b"AT+QSSLOPEN=") and data.endswith(b",0\r"):
            waits.append(data)
        return data

    learner, model = other(pems, change, typed)
    assert settled(learner)["recv_trailer"] == "long" and "pem" in settled(learner)
    assert learner.bench.facts["AT+QSSLOPEN"] == "its result stands before the OK"
    assert wrong(learner, model) == {}


def test_a_restart_leaves_errors_as_they_were(pems):
    for level in (0, 2):
        model, port = learn_rig.modem(pems, {"cmee_default": "2"})
        talk = Talk(port)
        assert talk.ask("AT+CMEE=%d" % level).ok
        learner = run.Learner(talk, options(port))
        learner.identify()
        assert learner.run() == []
        assert model.cmee == level and settled(learner)["cmee_default"] == "2"


def test_a_modem_that_refuses_everything(pems):
    # ERROR to all but AT and ATI: next to nothing is claimed.
    model, port = learn_rig.modem(pems, {})
    runner = model.runner
    plain = runner._run

    def refuse(name, form, text):
        return plain(name, form, text) if name in ("", "I", "E", "+CMEE") else "ERROR"

    runner._run = refuse
    learner = run.Learner(Talk(port), options(port, restart=False))
    learner.identify()
    learner.run()
    told = {"echo_obeys", "noise_line", "sim_tries", "cmee_obeys"}  # its errors have no number
    assert set(settled(learner)) <= told


def test_noise_and_silence_end_in_a_sentence(pems):
    for change in (lambda data: b"", lambda data: b"\xff\x00garbage" if data else b""):
        model, port = learn_rig.modem(pems, {})
        learner = run.Learner(Talk(Other(port, change)), options(port))
        with pytest.raises(Problem, match=r"answers AT|AT is answered by"):
            learner.identify()
    model, port = learn_rig.modem(pems, {})
    learner = run.Learner(Talk(port), options(port))
    learner.identify()
    model.timers.at(20000, lambda: model.hang(0))
    with pytest.raises(Problem, match="fallen silent"):
        learner.run()
    assert port.now() < 600000


def test_random_answers_never_break_it(pems):
    # Bytes that change on their way: whatever it claims, it ends, and raises nothing unexpected.
    for seed in range(8):
        rng = random.Random(seed)

        def spoil(data, rng=rng):
            data = bytearray(data)
            if data and rng.random() < 0.02:
                data[rng.randrange(len(data))] = rng.randrange(256)
            return bytes(data)

        model, port = learn_rig.modem(pems, {}, seed)
        learner = run.Learner(Talk(Other(port, spoil)), options(port, restart=False))
        try:
            learner.identify()
            learner.run()
        except Problem:
            pass
        assert port.now() < 6000000


def test_ugsim_is_what_the_profile_says(tmp_path, pems):
    learner, _, _ = learn(pems, {"file_missing": "405", "cfg_quoted": "no", "recv_max": 100})
    path = tmp_path / "p.json"
    profile.save(path, profile.data(learner, Mask()))
    again, model, _ = learn(pems, profile.switches(path))
    assert settled(again) == settled(learner)
    sim = Ugsim("--tcp", "127.0.0.1:0", "--profile", path)
    try:
        host, _, port = sim.at.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as sock:
            sock.settimeout(10)
            came = b""
            sock.sendall(b'AT+QSSLCFG="ciphersuite",0\r')
            while b"OK" not in came:
                came += sock.recv(100)
        assert b'"ciphersuite",0,0XFFFF\r\n' in came
    finally:
        sim.stop()
