# qbench.chip.far - the far end of the emulated UART: the simulated modem, and when what was said.
# SPDX-License-Identifier: MIT

from qbench.modem import Net
from ugsim.model import UGxx

# What the modem's last words were, by how they end.
_KINDS = ((b"\r\n> ", "prompt"), (b"\r\nSEND OK\r\n", "send"))
_RECV = b"\r\n+QSSLRECV: "
_DONE = b"\r\n\r\nOK\r\n"  # behind payload


class Turn:
    # From the modem's last byte to the board's next one, microseconds.
    def __init__(self, kind, gap, at, slept):
        self.kind = kind
        self.gap = gap
        self.at = at  # when that byte began
        self.slept = slept  # how long the processor had slept until then


class Far:
    # latency_us: of each answer; its echo comes at once.
    def __init__(self, latency_us=0, baud=115200, net=None):
        self.latency_us = latency_us
        self.turns = []
        self.baud = 0  # the board's rate, exactly
        self.raw = 0  # bytes of payload that the board will send now
        self.model = UGxx(net or Net(), {"baud_default": baud}, 1, 0, True, None)
        self._kind = None
        self._said = b""

    @property
    def echo(self):
        return bool(self.model.echo)

    def sent(self, event):
        # A line of the board, or the payload that the modem waits for: [(when, what it says)]
        text = event["said"].encode("latin-1")
        self.baud = event["baud"]
        self._turn(event)
        now = event["end"]
        echo = self.echo and not self.raw
        self.raw = 0
        self._advance(now)
        self.model.feed(text)
        self._advance(now)
        data = self._take()
        if echo and data.startswith(text):
            data = data[len(text) :]  # that has come while it was typed
        found = self._answers(now, data)
        if self._kind == "prompt":
            count = text.strip().rpartition(b",")[2]
            self.raw = int(count) if count.isdigit() else 0
        return found

    def waited(self, now):
        # Until `now` the board has sent nothing: as sent().
        self._advance(now)
        return self._answers(now, self._take())

    def due(self, now):
        # When waited() is wanted at the latest.
        due = self.model.next_ms()
        return None if due is None else max(due * 1000.0, now + 20)

    def _advance(self, now):
        self.model.run(int(now / 1000))

    def _take(self):
        n = self.model.pending()
        return self.model.take(n) if n else b""

    def _answers(self, now, data):
        if not data:
            return []
        self._said = (self._said + data)[-4096:]
        self._kind = self._what()
        return [(now + self.latency_us, data)]

    def _what(self):
        for end, kind in _KINDS:
            if self._said.endswith(end):
                return kind
        _, head, rest = self._said.rpartition(_RECV)
        count, _, payload = rest.partition(b"\r\n")
        if head and rest.endswith(_DONE) and count.isdigit() and len(payload) > len(_DONE):
            return "recv"
        return "other"

    def _turn(self, event):
        if self._kind:
            gap = 0.0 if event["rxLeft"] else max(event["start"] - event["rxEnd"], 0.0)
            self.turns.append(Turn(self._kind, gap, event["start"], event["startSlept"]))
            self._kind = None
            self._said = b""
