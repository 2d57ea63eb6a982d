# test_model_foreign - URCs that have to do with no connection, of one line and of several.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, ready
from ugsim.model import foreign

CSQ = (b"\r\n+CSQ: 21,0\r\n", OK)


def test_the_list_is_what_it_says():
    assert len(foreign.LINES) >= 40
    assert sorted(set(foreign.LINES)) == sorted(foreign.LINES)
    for text in foreign.ONE:
        assert "\n" not in text
        assert foreign.framed(text) == b"\r\n" + text.encode() + b"\r\n"
    for text in foreign.SEVERAL:
        assert "\n" in text
    for text in foreign.LINES:
        for c in foreign.framed(text).replace(b"\r\n", b""):
            assert 32 <= c < 127, text
    # Lines that have a meaning for connections stand only behind one that says they are text.
    ours = ("OK", "ERROR", "RDY", "SEND OK", "SEND FAIL", "CONNECT", "POWERED DOWN")
    for text in foreign.ONE + foreign.SEVERAL:
        for line in text.split("\n"):
            assert line not in ours and not line.startswith("+QSSL") and line[:1] != ">", text
    for line in ours[:7]:
        assert [1 for text in foreign.DECEPTIVE if line in text.split("\n")[1:]], line


def test_they_come_in_turn():
    t = Terminal()
    t.control("fault foreign before=final n=0")
    for k in range(2 * len(foreign.LINES)):
        text = foreign.LINES[k % len(foreign.LINES)]
        assert t.at("AT+CSQ") == CSQ[0] + foreign.framed(text) + CSQ[1], text


def test_where_and_which():
    t = ready()
    t.open()
    t.control("fault foreign before=info lines=several first=2 n=2")
    for k in (2, 3):
        assert t.at("AT+CSQ") == foreign.framed(foreign.SEVERAL[k]) + CSQ[0] + CSQ[1]
    assert t.at("AT+CSQ") == CSQ[0] + CSQ[1]
    first = foreign.framed(foreign.DECEPTIVE[0])
    t.control("fault foreign lines=deceptive before=prompt")
    assert t.at("AT+QSSLSEND=0,1") == first + b"\r\n> "
    t.control("fault foreign lines=deceptive")
    assert t.type("x").startswith(first + b"\r\nSEND OK\r\n")
    # Never within counted data, unless it is asked for.
    t.control("fault foreign lines=one n=0")
    reply = t.at("AT+QSSLRECV=0,9")
    assert reply == foreign.framed(foreign.ONE[0]) + b"\r\n+QSSLRECV: 1\r\nx\r\n\r\nOK\r\n"
    t.control("clear")
    t.send(0, b"x")
    t.control("fault foreign lines=one before=trailer first=3")
    reply = t.at("AT+QSSLRECV=0,9")
    assert reply == (b"\r\n+QSSLRECV: 1\r\nx" + foreign.framed(foreign.ONE[3]) + b"\r\n\r\nOK\r\n")


def test_at_random_from_the_seed():
    def run():
        t = Terminal()
        t.control("fault foreign lines=one rate=10 n=0")
        return [t.at("AT") == OK for _ in range(300)]

    first = run()
    assert run() == first
    assert 250 < sum(first) < 290


def test_several_lines_of_ones_own():
    t = Terminal()
    for text in ('+CMT: "1",,"2"\\nOK', '+CMT: "1",,"2"\\r\\nOK'):
        t.control("fault before before=final text=" + text)
        assert t.at("AT") == b'\r\n+CMT: "1",,"2"\r\nOK\r\n' + OK
    t.control('say +CMT: "1",,"2"\\nRDY')
    assert t.read() == b'\r\n+CMT: "1",,"2"\r\nRDY\r\n'
    t.control("fault before what=garbage text=a\\nb")
    assert t.at("AT") == b"\r\na\r\nb\r\n" + OK
    t.control("fault before what=open text=a\\nb")
    assert t.at("AT") == b"\r\na\r\nb" + OK


def test_wrong_values():
    t = Terminal()
    for text, part in (
        ("foreign lines=two", "lines of fault foreign is any, one, several or deceptive"),
        ("foreign before=urc", "before of fault foreign is any, echo, info,"),
        ("foreign rate=x", "wants a number"),
    ):
        answer = t.model.command("fault " + text)
        assert answer.startswith("error: ") and part in answer, (text, answer)
