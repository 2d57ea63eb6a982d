# test_learn_private - what is private in a modem's answers does not get into a profile.
# SPDX-License-Identifier: MIT

import re

import learn_rig
from learn_rig import options, settled
from qlearn import profile, run
from qlearn.private import Mask
from qlearn.server import certificates
from qlearn.talk import Talk


def test_private_data_are_replaced(tmp_path):
    model, port = learn_rig.modem(certificates()[0], {})
    secrets = {"apn": "company.apn", "user": "joe-user", "password": "s3cret-pw"}
    chosen = options(port, **secrets)
    learner = run.Learner(Talk(port), chosen)
    learner.identify()
    learner.run()
    mask = Mask(
        {
            "company.apn": "APN",
            "joe-user": "USER",
            "s3cret-pw": "PASSWORD",
            learn_rig.HOST: "SERVER",
        }
    )
    path = tmp_path / "p.json"
    profile.save(path, profile.data(learner, mask))
    text = path.read_text()
    for secret in ("company", "joe-user", "s3cret", learn_rig.HOST, "10.7.157", "192.0.2."):
        assert secret not in text, secret
    assert "<SERVER-1>" in text and "QSSLOPEN" in text
    assert profile.load(path)["switches"] == settled(learner)


def test_what_came_in_two_pieces_is_private_too():
    pieces = [
        (5, ">", b"AT+CREG?\r"),
        (30, "<", b'\r\n+CREG: 2,1,"56'),
        (55, "<", b'50","29A7'),
        (80, "<", b'DF4",2\r\n'),
        (90, "<", b"\r\nOK\r\n"),
        (95, ">", b"AT+CGSN\r"),
        (99, "<", b"\r\n86110703"),
        (140, "<", b"0000016\r\n\r\nOK\r\n"),
    ]
    shown = profile._evidence(pieces, Mask())
    assert shown[1] == ["25 ms", "<", '\\r\\n+CREG: 2,1,"<AREA-1>","<CELL-1>",2\\r\\n']
    assert shown[2][2] == "\\r\\nOK\\r\\n" and "<ID-1>" in shown[4][2]
    assert len(shown) == 5


def test_the_mask():
    mask = Mask({"net.apn": "APN"})
    text = mask(
        '+CGSN 861107030000016 +QCCID: 898600220909A0206023 AT+QICSGP=1,1,"net.apn","u","pw"'
    )
    assert not re.search("8611|8986|net.apn", text) and "<APN-1>" in text
    assert mask('+COPS: 0,0,"Telenor SE",6') == '+COPS: 0,0,"<OPERATOR-1>",6'
    assert mask('+CREG: 2,1,"5650","29A7DF4",2') == '+CREG: 2,1,"<AREA-1>","<CELL-1>",2'
    assert mask("10.1.2.3 0.0.0.0 10.1.2.3 10.1.2.30") == "<IP-1> 0.0.0.0 <IP-1> <IP-2>"
    assert mask('AT+CPIN="4711"') == 'AT+CPIN="<PIN-1>"'
    assert mask("861107030000016") in text  # the same again
    mask = Mask()
    for text, want in (
        ("+CREG: 2,1,5650,29A7DF4,2", "+CREG: 2,1,<AREA-1>,<CELL-1>,2"),
        ('+CREG: 1,"5650","29A7DF4"', '+CREG: 1,"<AREA-1>","<CELL-1>"'),
        ("+CGREG: 5,1A2B,0C3D", "+CGREG: 5,<AREA-2>,<CELL-2>"),
        ("+CREG: 0,1", "+CREG: 0,1"),
        ('+CLIP: "01701234567",129', '+CLIP: "<NUMBER-1>",129'),
        ('+CUSD: 0,"Your balance is 3",15', '+CUSD: 0,"<TEXT-1>",15'),
        ('+QIACT: 1,1,2,"2001:DB8::1"', '+QIACT: 1,1,2,"<IP-1>"'),
        ('"FE80:0:0:0:0:0:0:1"', '"<IP-2>"'),
        ("32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1 x", "<IP-3> x"),
        ('+CCLK: "26/11/28,13:54:02+00"', '+CCLK: "26/11/28,13:54:02+00"'),
        ("+QFDS: 3776512,3776512", "+QFDS: 3776512,3776512"),
    ):
        assert mask(text) == want
