# test_words - what errors say of connections: true in the situation, and naming the next step.
# SPDX-License-Identifier: MIT
#
# A row: situation, class, errno, words that must stand in it, words that must not.

import errno

import qssl
from driver_kit import HOST, LTE, MODEL, Recorder, arm, connected, pattern, raised, reads, tls, up
from mode_kit import pushing
from qssl.errors import Error, Refused
from ugsim.fakenet import EchoPeer, FakeNet, StallingPeer

UNKNOWN = qssl.DeliveryUnknown
WIRING = ("antenna", "APN", "PIN", "never set", "reachable")


def sending(fault):
    # The error of a write that a fault on the way disturbs.
    rig, modem, sock = connected(Recorder())
    arm(rig, fault)
    return raised(lambda: sock.write(pattern(400)) and sock.flush())


def receiving(fault, size=1000):
    rig, modem, sock = connected(Recorder())
    sock.settimeout(25)
    rig.net.default.conn.push(b"x")
    assert sock.recv(1) == b"x"
    arm(rig, fault)
    rig.net.default.conn.push(pattern(size))
    return raised(lambda: reads(sock, size))


def another_ones_prompt():
    # AT+QSSLSEND=11,n arrives as 1,n: the other connection fails by name, too.
    rig, modem = up(FakeNet(Recorder()), sockets=12)
    ctx = tls(modem)
    socks = [modem.connect(HOST, 443, ctx) for _ in range(12)]
    arm(rig, "lose_in line=AT+QSSLSEND at=13")
    socks[11].write(b"for eleven")
    raised(socks[11].flush)
    return raised(socks[1].write, b"x")


def idle_restart(how, call):
    rig, modem, sock = connected(Recorder())
    sock.settimeout(30)
    rig.model.command(how)
    return raised(lambda: call(sock))


def network_lost():
    rig, modem, sock = connected(Recorder())
    sock.settimeout(30)
    rig.model.command("pdp drop 1 quiet")
    return raised(modem.connect, HOST, 443, tls(modem))


def dead(call):
    rig, modem, sock = connected(Recorder())
    sock.settimeout(40)
    arm(rig, "mute")
    return raised(lambda: call(modem, sock))


def opening(*faults, **keywords):
    rig, modem = up(FakeNet(EchoPeer()), **keywords)
    ctx = tls(modem)
    ctx.apply()
    for fault in faults:
        arm(rig, fault)
    return raised(modem.connect, HOST, 443, ctx, 30000)


def refused_in_the_background():
    rig, modem = up(FakeNet(EchoPeer()))
    arm(rig, "open_error code=565")
    sock = modem.open(HOST, 443, tls(modem))
    modem.sleep_ms(3000)
    return raised(sock.recv, 1)


def stalling():
    rig, modem = up(FakeNet(StallingPeer()))
    return raised(modem.connect, HOST, 443, tls(modem), 20000)


def pushed(size, fault):
    rig, modem, sock, peer = pushing(switches={"push_max": size})
    sock.settimeout(20)
    if fault:
        arm(rig, fault)
    peer.say(pattern(size * 3))
    return raised(lambda: reads(sock, size * 3))


def pushed_text():
    rig, modem, sock, peer = pushing()
    rig.model.command("say something that nobody knows")
    return raised(sock.recv, 1)


def closed_by_server():
    rig, modem, sock = connected(Recorder())
    rig.net.default.conn.peer_close()
    modem.sleep_ms(100)
    return raised(lambda: sock.write(b"x") and sock.flush())


def gone():
    # The id is not open any more, the modem has not restarted.
    rig, modem, sock = connected(Recorder())
    sock.settimeout(30)
    modem.command("AT+QSSLCLOSE=0" + ("" if MODEL == "bg770a" else ",0"))
    return raised(sock.recv, 1)


def security():
    rig, modem, sock = connected(Recorder())
    rig.model.command("security 0 2")
    return raised(sock.recv, 1)


def lost_answers(n):
    rig, modem, sock = connected(Recorder())
    arm(rig, "lose_answer cmd=+CSQ n=%d" % n)
    return raised(modem.signal)


def refused_upload(fault="error cmd=+QFUPL code=550"):
    rig, modem = up(FakeNet(EchoPeer()))
    arm(rig, fault)
    return raised(modem.connect, HOST, 443, tls(modem))


def all_used():
    rig, modem = up(FakeNet(EchoPeer()), sockets=1)
    ctx = tls(modem)
    keep = modem.connect(HOST, 443, ctx)
    e = raised(modem.connect, HOST, 443, ctx)
    assert keep.state() == 1
    return e


# Not so with LTE modems: they have no such URC; what is not listed is read back.
OTHERS = ("a security error", "a file is not listed")
TABLE = (
    ("a digit of a length is lost", lambda: sending("lose_in line=AT+QSSLSEND at=16"), Error,
     errno.EIO, ("another command", "TX", "reconnect"), WIRING),
    ("a digit of a length is added", lambda: sending("insert_in byte=31 line=AT+QSSLSEND at=16"),
     Error, errno.EIO, ("another command", "reconnect"), WIRING),
    ("a digit of an id is lost", another_ones_prompt, Error, errno.EIO,
     ("another command", "reconnect"), WIRING),
    ("a byte of payload is lost", lambda: sending("lose_in in=payload at=9"), UNKNOWN,
     errno.ETIMEDOUT, ("delivery unknown", "reconnect"), WIRING + ("nothing was sent",)),
    ("a CR is doubled", lambda: sending("dup_in line=AT+QSSLSEND at=18"), UNKNOWN,
     errno.ETIMEDOUT, ("delivery unknown", "reconnect"), WIRING),
    ("SEND OK is lost", lambda: sending("send_mute"), UNKNOWN, errno.ETIMEDOUT,
     ("delivery unknown", "reconnect"), WIRING),
    ("the CR of a command is lost", lambda: sending("lose_in line=AT+QSSLSEND at=18"), Error,
     errno.ETIMEDOUT, ("no prompt", "nothing was sent", "reconnect"), WIRING),
    ("a number of a read is changed", lambda: receiving("corrupt_in xor=1 line=AT+QSSLRECV at=15"),
     Error, errno.EIO, ("another command", "reconnect"), WIRING),
    ("a byte of payload to us is lost", lambda: receiving("lose in=payload"), Error, errno.EIO,
     ("lost on the UART", "reconnect"), WIRING),
    ("an answer stops in the middle", lambda: receiving("cut in=payload do=mute"), Error,
     errno.ETIMEDOUT, ("did not come whole", "reconnect"), WIRING + ("RTS",)),
    ("restart, seen, reading", lambda: idle_restart("restart", lambda s: s.recv(1)), Error,
     errno.ECONNRESET, ("restarted", "start()"), WIRING),
    ("restart, hidden, reading", lambda: idle_restart("restart quiet", lambda s: s.recv(1)), Error,
     errno.ECONNRESET, ("restarted", "start()"), WIRING),
    ("restart, hidden, in a payload", lambda: idle_restart("restart quiet", lambda s:
     s._modem.sleep_ms(12000) or s.recv(1)), Error, errno.ECONNRESET, ("restarted", "start()"),
     WIRING),
    ("PDP context lost without a word", network_lost, Error, errno.ENOTCONN,
     ("PDP context", "start()"), ("restarted", "antenna", "never set")),
    ("modem dead, connecting", lambda: dead(lambda m, s: m.connect(HOST, 443, tls(m))), Error,
     errno.ETIMEDOUT, ("stopped answering", "power"), ("reachable", "UART", "never set")),
    ("modem dead, reading", lambda: dead(lambda m, s: s.recv(1)), Error, errno.ETIMEDOUT,
     ("answer", "reconnect"), ("reachable", "never set", "RTS")),
    ("refused, as open() finds out later", refused_in_the_background, Error, errno.ECONNREFUSED,
     ("refused", "diagnose()"), WIRING + ("restarted",)),
    ("the server never ends its handshake", stalling, Error, errno.ETIMEDOUT,
     (HOST, "did not answer in time"), ("UART", "power", "urc")),
    ("+QSSLOPEN never comes, but it is open", lambda: opening("open_never"), Error, errno.EIO,
     ("open", "URC", "urc/port"), ("reachable", "UART")),
    ("the URCs go to another port", lambda: opening("lose_urc what=open"), Error, errno.EIO,
     ("urc/port",), ("reachable",)),
    ("the open is refused", lambda: opening("open_code code=565"), Error, errno.ECONNREFUSED,
     (HOST, "DNS", "565"), ("UART",)),
    ("the open fails, its URC is lost", lambda: opening("open_code code=566 n=2",
     "lose_urc what=open n=2"), Error, errno.ECONNREFUSED, (HOST,), ("UART", "power")),
    ("a length pushed has a digit more", lambda: pushed(700, "dup in=urc at=24"), Error,
     errno.EIO, ("length", "UART", "reconnect"), WIRING),
    ("a push is longer than the driver takes", lambda: pushed(6000, None), Error, errno.EIO,
     ("1500", "buffer mode"), WIRING),
    ("an unknown line between pushes", pushed_text, Error, errno.EIO,
     ("may be the head", "reconnect"), ("RTS", "rxbuf")),
    ("the server has closed", closed_by_server, Error, errno.ECONNRESET, ("closed", "reconnect"),
     WIRING + ("UART",)),
    ("somebody has closed the id", gone, Error, errno.ENOTCONN, ("no such connection",
     "reconnect"), WIRING + ("restarted", "UART")),
    ("a security error", security, Error, errno.EIO, ("decrypt", "reconnect"), WIRING),
    ("no answer, three times", lambda: lost_answers(9), Error, errno.ETIMEDOUT,
     ("signal", "no answer"), ("APN", "antenna")),
    ("a file is not listed", lambda: refused_upload("error cmd=+QFLST n=0"), Error, errno.EIO,
     ("AT+QFLST", "restart the modem"), ("UART", "damaged")),
    ("an upload is refused", refused_upload, Error, errno.EIO, ("upload",),
     ("418", "UART")),
    ("no socket is left", all_used, Error, errno.ENOBUFS, ("sockets", "close"), WIRING),
)  # fmt: skip


def test_every_situation():
    wrong = []
    for name, situation, kind, number, must, must_not in TABLE:
        if LTE and name in OTHERS:
            continue
        e = situation()
        text = str(e)
        if type(e) is not kind or e.errno != number:
            wrong.append((name, type(e), text))
        wrong += [(name, "lacks", word, text) for word in must if word not in text]
        wrong += [(name, "has", word, text) for word in must_not if word in text]
    assert not wrong, wrong
    assert len(TABLE) > 25 and Refused is not Error
