# test_settings - settings that the server changes: checked, kept, told; a way that leads nowhere
# is taken back.
# SPDX-License-Identifier: MIT

import errno
import json

from both_kit import DEVICE, HOST, Board, Part, message
from disk import Disk, PowerCut
from driver_kit import raised
from qssl import uplink
from qssl.errors import Refused
from qssl.recovery import Recovery
from qssl.uplink.settings import Settings
from qssl.uplink.subscriber import Subscriber
from receivers import HttpServer, Mailbox, Postbox
from ugsim.fakenet import RefusingPeer

INSIDE = (
    "test_a_full_file_system",
    "test_a_report_that_finds_no_room",
    "test_an_apn_that_does_not_exist_is_taken_back",
    "test_power_cut_at_every_byte_of_a_trial",
)

uplink.urandom = lambda n: b"\x80" * n  # no jitter


def declared(**keywords):
    s = Settings("/settings", **keywords)
    s.add("interval_s", 300, 10, 86400, "s")
    s.add("factor", 1.5, 0, 10)
    s.add("led", True)
    s.add("label", "none", high=16)
    s.add("host", HOST, way=True)
    s.add("port", 443, 1, 65535, way=True)
    return s


DEFAULTS = {
    "interval_s": 300,
    "factor": 1.5,
    "led": True,
    "label": "none",
    "host": HOST,
    "port": 443,
}


class Device(Part):
    # Without a modem.
    def __init__(self, disk, **keywords):
        Part.__init__(self, disk, [])
        self.settings = declared(**keywords)
        self.settings.bind(self.inbox)

    def change(self, m, **values):
        return self.inbox.take(message(m, json.dumps(values), "settings"))

    def reports(self):
        # What the server is told; the uplink delivers it.
        for _ in self.settings.steps():
            pass
        found = [json.loads(r) for _, r in self.queue.peek(99, 99999)]
        self.queue.drop(1 << 30)
        return found

    def differ(self):
        return {k: v for k, v in self.settings.values().items() if v != DEFAULTS[k]}


def test_defaults_changes_and_what_is_kept():
    d = Disk()
    b = Device(d)
    assert b.settings.values() == DEFAULTS
    assert b.settings["interval_s"] == 300
    assert b.change(1, interval_s=60, factor=2, label="caf\u00e9", led=False) is True
    assert b.differ() == {"interval_s": 60, "factor": 2.0, "label": "caf\u00e9", "led": False}
    (told,) = b.reports()
    assert told == {"qssl": "settings", "m": 1, "values": b.settings.values()}
    b = Device(d)
    assert b.differ() == {"interval_s": 60, "factor": 2.0, "label": "caf\u00e9", "led": False}
    assert b.change(2, factor=1.5, label=None) is True  # null: the default
    assert b.differ() == {"interval_s": 60, "led": False}
    assert Device(d).differ() == {"interval_s": 60, "led": False}
    assert b.reports()[0]["m"] == 2 and b.inbox.number == 2 and b.inbox.taken == 1


def test_what_is_refused_and_why():
    for values, why in (
        ({"interval_s": 9}, "must be 10 s at least"),
        ({"interval_s": 86401}, "must be 86400 s at most"),
        ({"interval_s": "60"}, "must be a whole number"),
        ({"interval_s": 60.5}, "must be a whole number"),
        ({"interval_s": True}, "must be a whole number"),
        ({"interval_s": [60]}, "must be a whole number"),
        ({"interval_s": {}}, "must be a whole number"),
        ({"interval_s": 10**30}, "must be 86400 s at most"),
        ({"factor": True}, "must be a number"),
        ({"factor": "1"}, "must be a number"),
        ({"factor": -1}, "must be 0 at least"),
        ({"led": 1}, "must be true or false"),
        ({"led": "true"}, "must be true or false"),
        ({"label": 7}, "must be a text"),
        ({"label": "x" * 17}, "must have 0 to 16 bytes"),
        ({"label": "\u20ac" * 6}, "must have 0 to 16 bytes"),
        ({"label": "a\nb"}, "holds a character that it must not"),
        ({"host": "a b"}, "holds a character that it must not"),
        ({"host": 'a"b'}, "holds a character that it must not"),
        ({"host": "\u00fc"}, "holds a character that it must not"),
        ({"port": 0}, "must be 1 at least"),
        ({"color": 1}, "is unknown"),
        ({"x" * 40: 1}, "is unknown"),
    ):
        d = Disk()
        b = Device(d)
        assert b.change(1, **values) is True
        (name,) = values
        shown = name if len(name) <= 32 else name[:32] + "..."
        (told,) = b.reports()
        assert told["refused"] == {shown: why}, (values, told)
        assert b.settings.values() == DEFAULTS and told["values"] == DEFAULTS
        # Beside it what is right is taken.
        b.change(2, led=False, **values) if name != "led" else b.change(2, interval_s=60)
        assert len(b.differ()) == 1 and b.inbox.number == 2, values
    # 1e999 is no number that JSON can hold; parsers make infinity of it.
    b = Device(Disk())
    b.inbox.take(message(1, '{"factor":1e999}', "settings"))
    told = b.reports()
    assert told[0].get("refused") in ({"factor": "must be a finite number"}, "form"), told
    assert b.settings.values() == DEFAULTS


def test_what_is_no_settings():
    for body in ("x", "[]", "7", "null", '"a"', "[" * 100):
        b = Device(Disk())
        assert b.inbox.take(message(1, body, "settings")) is True
        assert b.settings.values() == DEFAULTS and b.inbox.reason == "form: message 1", body
        assert b.reports() == [{"qssl": "inbox", "m": 1, "refused": "form"}]


def test_only_who_has_the_key_changes_anything():
    b = Device(Disk())
    good = message(1, '{"interval_s":60}', "settings")
    for text in (
        message(1, '{"interval_s":60}', "settings", key=bytes(32)),
        message(1, '{"interval_s":60}', "settings", device="n2"),
        good.replace(b"60", b"61"),
        b'{"m":1,"kind":"settings","until":0,"body":"{\\"interval_s\\":60}","mac":""}',
        b'{"m":1,"kind":"settings","body":"{\\"interval_s\\":60}"}',
    ):
        assert b.inbox.take(text) is True
        assert b.settings.values() == DEFAULTS, text
    assert b.inbox.take(good) is True
    assert b.settings["interval_s"] == 60
    b.change(2, interval_s=120)
    b.inbox.take(good)  # replayed
    assert b.settings["interval_s"] == 120 and b.inbox.repeats == 1


def test_watchers():
    b = Device(Disk())
    seen = []
    b.settings.watch("interval_s", lambda name, value: seen.append((name, value)))
    b.settings.watch("led", lambda name, value: seen.append((name, value)))
    b.change(1, interval_s=60, factor=2)
    b.change(2, interval_s=60)
    b.change(3, interval_s=5)
    assert seen == [("interval_s", 60)]
    b.change(4, led=False)
    assert seen[1:] == [("led", False)]
    b.reports()

    def picky(name, value):
        if value == 77:
            raise ValueError("77 is no good")

    b.settings.watch("interval_s", picky)
    b.change(5, interval_s=77, factor=3)
    (told,) = b.reports()
    assert told["refused"] == {"interval_s": "the program refuses it: 77 is no good"}
    assert b.settings["interval_s"] == 60 and b.settings["factor"] == 3
    assert seen[-2:] == [("interval_s", 77), ("interval_s", 60)]
    assert isinstance(raised(b.settings.watch, "nothing", picky), Refused)


def test_power_cut_at_every_byte():
    # What is in force is one state or the next, never between; in the end what was asked for.
    wanted = [
        (1, {"interval_s": 60, "led": False}),
        (2, {"label": "x" * 16, "factor": 2.5}),
        (3, {"interval_s": 90, "label": None}),
        (4, {"led": True}),
    ]
    states = [dict(DEFAULTS)]
    for _, values in wanted:
        now = dict(states[-1])
        now.update({k: DEFAULTS[k] if v is None else v for k, v in values.items()})
        states.append(now)
    keywords = {"limit": 640}
    d = Disk()
    b = Device(d, **keywords)
    for m, values in wanted:
        b.change(m, **values)
    total = d.written
    assert total > 300 and b.settings.values() == states[-1]
    for cut in range(total):
        d = Disk()
        d.cut = cut
        acknowledged = 0
        try:
            b = Device(d, **keywords)
            for m, values in wanted:
                b.change(m, **values)
                acknowledged = b.inbox.number
        except PowerCut:
            pass
        else:
            raise AssertionError(cut)
        d.cut = None
        b = Device(d, **keywords)
        assert b.inbox.number >= acknowledged
        assert b.settings.values() in states[acknowledged : acknowledged + 2], (cut, acknowledged)
        for m, values in wanted:
            if m > b.inbox.number:
                assert b.change(m, **values) is True
        assert b.settings.values() == states[-1] == Device(d, **keywords).settings.values(), cut


def test_a_full_file_system():
    # Each change comes whole or not at all, and again until it could be kept.
    for room in range(0, 400, 3):
        d = Disk()
        b = Device(d)
        seen = []
        b.settings.watch("interval_s", lambda name, value: seen.append(value))  # noqa: B023
        d.room = room
        for m, s in ((1, 60), (2, 70), (3, 80)):
            b.inbox.begin()
            if not b.change(m, interval_s=s):
                assert b.inbox.error is not None and b.inbox.number < m
                break
            assert b.settings["interval_s"] == s
        if b.inbox.number < 3:
            assert not seen or seen[-1] == b.settings["interval_s"]
        d.room = None
        for m, s in ((1, 60), (2, 70), (3, 80)):
            b.inbox.begin()
            if m > b.inbox.number:
                assert b.change(m, interval_s=s) is True, (room, m)
        assert b.settings["interval_s"] == 80 == Device(d).settings["interval_s"], room


def test_a_report_that_finds_no_room():
    # The records' queue is full and refuses: the message comes again until the server can be told.
    b = Device(Disk())
    real, b.put = b.put, lambda record: raise_full()

    def raise_full():
        raise OSError(28)

    assert b.change(1, interval_s=60) is False
    assert b.inbox.number == 0 and b.settings["interval_s"] == 60
    b.put = real
    b.inbox.begin()
    assert b.change(1, interval_s=60) is True
    assert b.reports() == [{"qssl": "settings", "m": 1, "values": b.settings.values()}]


def test_more_than_a_record_holds():
    b = Device(Disk(), limit=700)
    for n in range(8):
        b.settings.add("t%d" % n, "", high=64)
    values = {"t%d" % n: "x" * 20 for n in range(8)}
    b.change(1, **values)
    told = b.reports()[0]
    assert set(told["refused"]) == set(values) and "no room" in told["refused"]["t1"]
    assert b.settings["t1"] == ""


def test_a_report_with_more_than_it_has_room_for():
    b = Device(Disk())
    wrong = {"n%02d" % n: 1 for n in range(15)}
    wrong["interval_s"] = 60
    b.change(1, **wrong)
    (told,) = b.reports()
    assert len(told["refused"]) == 12 and told["more"] == 3 and told["values"]["interval_s"] == 60
    long = {"x" * 40 + "%d" % n: 1 for n in range(3)}  # alike, where they are cut
    b.change(2, **long)
    (told,) = b.reports()
    assert len(told["refused"]) == 1 and told["more"] == 2
    # A queue whose records are short: told as far as that goes, and no message comes for ever.
    plain = b.put

    def put(record):
        if len(record) > most:
            raise Refused(errno.EINVAL, "queue", "a record has 1 to %d bytes here" % most)
        return plain(record)

    b.put = put
    for m, most in ((3, 380), (4, 60), (5, 10)):
        assert b.change(m, **wrong) is True and b.inbox.number == m
        told = b.reports()
        if most == 380:
            assert len(told[0]["refused"]) == 12 and "values" not in told[0]
        elif most == 60:
            assert told == [{"qssl": "settings", "m": 4, "more": 15}]
        else:
            assert told == [] and "10 bytes here" in str(b.settings.error)


def test_another_program_with_other_settings():
    d = Disk()
    Device(d).change(1, interval_s=60, factor=2)
    d.mount()
    s = Settings("/settings")
    s.add("interval_s", 1000, 600, 2000)
    assert s["interval_s"] == 1000  # 60 is out of its range
    assert Device(d).differ() == {"interval_s": 60, "factor": 2.0}  # back to the first program


def test_arguments_that_can_not_be_right():
    s = declared()
    for args in (
        ("a", 5, 10, 20),
        ("a", 25, 10, 20),
        ("a", None),
        ("a", []),
        ("", 5),
        ("x" * 33, 5),
        ("a", "abc", 0, 2),
        ("a", "a b", None, None, "", True),
    ):
        assert isinstance(raised(s.add, *args), Refused), args
    for tries in (0, 101):
        assert isinstance(raised(Settings, "/x", tries), Refused)
    b = Board(key=None, device="")
    assert isinstance(raised(declared().bind, b.inbox), Refused)


# --- the way to the server ---


class Way(Board):
    # A board that is told where to go. self.other: a second server.
    def __init__(self, carrier=None, tries=4, other=None, **keywords):
        self.tries = tries
        self.ways = 0
        Board.__init__(self, carrier=carrier, **keywords)
        self.other = other or Mailbox()
        self.rig.net.add("other.example", self.other, 8443)

    def make(self):
        self.settings = declared(tries=self.tries)
        self.settings.add("apn", "internet", way=True)
        self.recovery = Recovery(self.modem, clock=Quiet(), apn=self.settings["apn"])
        self.to = (self.settings["host"], self.settings["port"])
        Board.make(self)
        self.settings.bind(self.inbox, self.went)

    def went(self):
        self.ways += 1

    def change(self, m, **values):
        self.peer.send(m, message(m, json.dumps(values), "settings"))

    def reports(self, peer=None):
        records = (peer or self.peer).ledger.values()
        return [r for r in records if r.get("qssl") == "settings"]


class Quiet:
    # A clock that is right.
    def steps(self):
        return False, 0
        yield

    def doubt(self):
        pass

    now = confirm = lambda self: None


def test_a_way_that_works_is_kept():
    b = Way()
    b.change(1, host="other.example", port=8443)
    b.run()
    b.run(200)
    assert b.up._to[:2] == ("other.example", 8443) and b.ways == 1
    assert b"\r\nHost: other.example\r\n" in b.other.head + b"\r\n"
    b.run(200)
    b.run(200)
    first, second = b.reports(b.other)
    assert first["trial"] == ["host", "port"] and first["values"]["host"] == "other.example"
    assert "trial" not in second and "refused" not in second and second["m"] == 1
    assert b.inbox.number == 1 and b.peer.posts == 1
    b.restart()
    assert b.to == ("other.example", 8443)
    b.run(100)
    assert len(b.reports(b.other)) == 2


def test_a_way_that_leads_nowhere_is_taken_back():
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    for other in (
        RefusingPeer(),
        HttpServer(lambda q, f, r, c: "silence"),
        HttpServer(lambda q, f, r, c: "close"),
        HttpServer(lambda q, f, r, c: 404),
        HttpServer(lambda q, f, r, c: 500),
        HttpServer(lambda q, f, r, c: (page, False)),
    ):
        b = Way(other=other)
        b.change(1, host="other.example", port=8443, interval_s=60)
        b.run(900)
        b.run(900)
        b.run(100)
        assert b.up._to[:2] == (HOST, 443) and b.ways == 2, other
        first, second = b.reports()
        assert first["trial"] == ["host", "port"]
        assert sorted(second["refused"]) == ["host", "port"] and second["m"] == 1
        assert "nothing got through" in second["refused"]["host"]
        assert second["values"]["interval_s"] == 60 and second["values"]["host"] == HOST
        assert b.settings["host"] == HOST and b.settings["interval_s"] == 60
        assert [r["n"] for r in b.peer.ledger.values() if "n" in r] == [0, 0, 0]
        b.restart()
        assert b.to == (HOST, 443)
        b.change(2, led=False)
        b.run()
        assert b.settings["led"] is False


def test_an_apn_that_does_not_exist_is_taken_back():
    b = Way()

    def went():
        nowhere = b.settings["apn"] == "nowhere"
        b.rig.model.command("fault act_error n=0 code=561" if nowhere else "clear act_error")
        b.ways += 1

    b.settings._way = went
    b.change(1, apn="nowhere")
    b.run(3000)
    b.run(3000)
    b.run(100)
    assert b.ways == 2 and b.settings["apn"] == "internet" and b.modem.up
    assert list(b.reports()[-1]["refused"]) == ["apn"]
    assert 'apn "internet"' in b.rig.model.command("state")


def test_by_mqtt():
    def carrier():
        return Subscriber(DEVICE, "up", "down")

    b = Way(carrier, peer=Postbox(), other=Postbox())
    b.peer.send(message(1, json.dumps({"host": "other.example", "port": 8443}), "settings"))
    b.run()
    b.up.run(60, 5)
    assert b.other.connects == 1 and "trial" not in b.reports(b.other)[-1]
    b.rig.net.add("other.example", RefusingPeer(), 9)
    b.other.send(message(2, json.dumps({"port": 9}), "settings"))
    b.up.run(900, 200)
    b.run(900)
    assert b.settings["port"] == 8443 and b.other.connects == 2
    assert list(b.reports(b.other)[-1]["refused"]) == ["port"]


def test_the_way_changes_as_a_whole_or_not_at_all():
    b = Device(Disk())
    b.change(1, host="other.example", port=0, led=False)
    told = b.reports()[0]
    assert b.differ() == {"led": False} and "trial" not in told
    assert told["refused"] == {
        "port": "must be 1 at least",
        "host": "goes together with what was refused",
    }


def test_a_program_that_starts_again_and_again_takes_it_back():
    # The new way makes the board crash or hang, so that it never comes to count failures.
    d = Disk()
    b = Device(d, tries=3)
    b.change(1, host="other.example")
    seen = []
    for _ in range(4):
        seen.append(Device(d, tries=3).settings["host"])
    assert seen == ["other.example", "other.example", HOST, HOST]
    told = Device(d).reports()
    assert told[-1]["refused"]["host"].startswith("nothing got through") and told[-1]["m"] == 1
    assert Device(d).reports() == []  # told once


def test_power_cut_at_every_byte_of_a_trial():
    # It ends on the old way or on the new one, never on none; and the server is told.
    def run(d, worked):
        b = Device(d, tries=2)
        b.change(1, host="other.example", interval_s=60)
        b.reports()
        for _ in range(3):
            b.failures += not worked
            b.delivered += worked
            b.reports()
        return b

    for worked, end in ((True, "other.example"), (False, HOST)):
        d = Disk()
        assert run(d, worked).settings["host"] == end
        total = d.written
        for cut in range(total):
            d = Disk()
            d.cut = cut
            try:
                run(d, worked)
            except PowerCut:
                pass
            else:
                raise AssertionError(cut)
            d.cut = None
            b = Device(d, tries=2)
            assert b.settings["host"] in (HOST, "other.example")
            told = b.reports()
            if b.inbox.number < 1:
                b.change(1, host="other.example", interval_s=60)
            for _ in range(4):
                told += b.reports()
                b.failures += not worked
                b.delivered += worked
            host = b.settings["host"]
            # Starts count as attempts: where there were some, a way that works may go back, too.
            assert host == end or (worked and host == HOST), (worked, cut, host)
            assert b.settings["interval_s"] == 60
            assert "old" not in b.settings._state and Device(d).settings["host"] == host, cut


def test_a_new_way_while_one_is_tried():
    # What comes back in the end is what worked last.
    b = Device(Disk(), tries=2)
    b.change(1, host="one.example")
    b.reports()
    b.change(2, host="two.example", port=99)
    told = b.reports()
    for _ in range(3):
        b.failures += 1
        told += b.reports()
    assert b.differ() == {} and sorted(told[-1]["refused"]) == ["host", "port"]
