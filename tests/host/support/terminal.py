# terminal - types at a simulated modem and reads what it prints, on a virtual clock.
# SPDX-License-Identifier: MIT

from ugsim.fakenet import FakeNet
from ugsim.model import UGxx

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


def lines(*texts):
    # The reply with these information lines and OK, as it is on the wire.
    body = b"".join([text.encode() + b"\r\n" for text in texts])
    return (b"\r\n" + body if body else b"") + OK


class Terminal:
    # echo=False: ATE0 was sent. model: see ugsim.model.family. Keywords are switches of it.

    def __init__(self, net=None, echo=False, powered=True, model=None, **switches):
        self.net = FakeNet() if net is None else net
        self.now = 0
        self.model = UGxx(self.net, switches, 1, 0, powered, model)
        self.model.echo = echo
        self.model.run(0)

    def type(self, data):
        # Bytes to the modem; returns what it prints at once.
        if isinstance(data, str):
            data = data.encode()
        self.model.run(self.now)
        self.model.feed(data)
        self.model.run(self.now)
        return self.read()

    def read(self):
        return self.model.take(1 << 30)

    def at(self, text):
        # A command line.
        return self.type(text + "\r")

    def wait(self, ms):
        # Time passes; returns what the modem prints meanwhile.
        end = self.now + ms
        out = []
        while True:
            due = self.model.next_ms()
            if due is None or due > end:
                due = end
            elif due <= self.now:
                due = self.now + 1 if not self.model.pending() else self.now
            self.now = due
            self.model.run(due)
            out.append(self.read())
            if self.now >= end and not out[-1]:
                return b"".join(out)

    def control(self, text):
        answer = self.model.command(text)
        assert not answer.startswith("error"), answer
        return answer

    def error(self):
        # Code of AT+QIGETERROR.
        reply = self.at("AT+QIGETERROR")
        return int(reply.split(b":")[1].split(b",")[0])

    def activate(self, context=1):
        assert self.at('AT+QICSGP=%d,1,"internet"' % context) == OK
        assert self.at("AT+QIACT=%d" % context) == b""
        assert self.wait(500) == OK

    def open(self, number=0, host="host.example", port=443, mode=0, ctx=0):
        # A connected socket.
        reply = self.at('AT+QSSLOPEN=1,%d,%d,"%s",%d,%d' % (ctx, number, host, port, mode))
        if mode == 2:
            assert reply == b"\r\nCONNECT\r\n", reply
        else:
            assert reply == OK + b"\r\n+QSSLOPEN: %d,0\r\n" % number, reply

    def send(self, number, data):
        # AT+QSSLSEND of fixed length; returns what follows the prompt.
        prompt = self.at("AT+QSSLSEND=%d,%d" % (number, len(data)))
        assert prompt == b"\r\n> ", prompt
        return self.type(data)


def ready(net=None, **switches):
    # A terminal whose modem has an active PDP context 1.
    terminal = Terminal(net, **switches)
    terminal.activate()
    return terminal
