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
        self.model = UGxx(net or Net(), {"baud_default": baud}, 1, 0, True, None)
        self._kind = None
        self._said = b""

    def sent(self, event):
        # A byte of the board: [(when, what the modem says)]
        byte = bytes((event["uart"],))
        self.baud = event["baud"]
        self._turn(event)
        now = event["end"]
        self._advance(now)
        self.model.feed(byte)
        self._advance(now)
        data = self._take()
        if data[:1] == byte and self.model.echo:
            return self._answers(now, data[1:], [(now, byte)])
        return self._answers(now, data, [])

    def waited(self, now):
        # Until `now` the board has sent nothing: as sent().
        self._advance(now)
        return self._answers(now, self._take(), [])

    def due(self, now):
        # When waited() is wanted at the latest.
        due = self.model.next_ms()
        return None if due is None else max(due * 1000.0, now + 20)

    def _advance(self, now):
        self.model.run(int(now / 1000))

    def _take(self):
        n = self.model.pending()
        return self.model.take(n) if n else b""

    def _answers(self, now, data, found):
        if data:
            found.append((now + self.latency_us, data))
            self._said = (self._said + data)[-4096:]
            self._kind = self._what()
        return found

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
            gap = event["start"] - event["rxEnd"] if not event["rxLeft"] else 0.0
            self.turns.append(Turn(self._kind, gap, event["start"], event["slept"]))
            self._kind = None
            self._said = b""
