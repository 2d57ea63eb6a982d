# ugsim.port.uart - the serial line between a port and the model: pacing and flow control.
# SPDX-License-Identifier: MIT

from ugsim.port.pace import Pace

_READ_MAX = 4096
# Bytes taken from the port ahead of their time on the line, in seconds of the line.
_AHEAD_S = 0.02


class Uart:
    # Moves bytes between `port` (see ugsim.port.base) and `model`, and counts them. `baud`: rate
    # while the modem's own is automatic (AT+IPR=0); 0: all bytes move as fast as they can.
    # `chunk`: most bytes that one write to the host holds, 0 for no limit.
    def __init__(self, port, model, now, baud=0, chunk=0):
        self.to_modem = 0  # bytes that reached the modem's RXD
        self.to_host = 0  # bytes that left its TXD
        self._port = port
        self._model = model
        self._nominal = baud
        self._chunk = chunk
        self._held = bytearray()  # read from the port, on their way to the modem
        self._refused = b""  # left the modem, not yet taken by the port
        # When the bytes that were fed in this turn had arrived. An answer to them starts then: the
        # time that this program takes is not the modem's.
        self._fed = None
        self._rx = Pace(now)
        self._tx = Pace(now)

    def receive(self, now):
        # Host to modem. True if the modem got anything.
        self._receive(now)
        return self._fed is not None

    def _receive(self, now):
        baud = self._baud()
        self._model.host_baud = self._port.speed()
        while True:
            limit = int(baud * _AHEAD_S / 10) + 16 if baud else _READ_MAX
            if len(self._held) < limit:
                self._held += self._port.read(limit - len(self._held))
            if not self._held:
                self._rx.idle()
                return
            space = self._model.space()
            if not space:
                # The modem's CTS holds the host back (AT+IFC=2,2).
                self._rx.blocked(now)
                return
            count = min(space, self._rx.ready(now, len(self._held), baud))
            if not count:
                return
            if self._held[count - 1 : count + 1] == b"\r\n":
                count += 1  # the end of one command line
            data = bytes(self._held[:count])
            del self._held[:count]
            self._rx.carried(count, now, baud)
            self.to_modem += count
            self._fed = self._rx.clock
            self._model.feed(data)
            if not baud:
                return

    def transmit(self, now):
        # Modem to host. Comes after receive() in each turn.
        self._transmit(now)
        self._fed = None

    def _transmit(self, now):
        baud = self._baud()
        while True:
            if self._refused:
                self._refused = self._refused[self._write(self._refused) :]
                if self._refused:
                    self._tx.blocked(now)
                    return
            waiting = self._model.pending()
            if not waiting:
                self._tx.idle()
                return
            count = self._tx.ready(now, waiting, baud, self._fed)
            if not count:
                return
            data = self._model.take(min(count, _READ_MAX))
            if not data:
                return
            self._tx.carried(len(data), now, baud)
            self.to_host += len(data)
            self._refused = data

    def next_s(self):
        # When there is something to do at the latest, apart from the port becoming ready.
        baud = self._baud()
        times = []
        if self._held and self._model.space():
            times.append(self._rx.next_s(len(self._held), baud))
        if not self._refused:
            times.append(self._tx.next_s(self._model.pending(), baud))
        return min([t for t in times if t is not None], default=None)

    def quiet(self):
        # Nothing is under way in either direction.
        return not self._held and not self._refused and not self._model.pending()

    def wants_read(self):
        # While this is False, what the host sends stays in the operating system's buffers.
        return not self._held

    def wants_write(self):
        return bool(self._refused)

    def _write(self, data):
        if not self._chunk:
            return self._port.write(data)
        done = 0
        while done < len(data):
            taken = self._port.write(data[done : done + self._chunk])
            if not taken:
                break
            done += taken
        return done

    def _baud(self):
        if not self._nominal:
            return 0
        return self._model.baud or self._port.speed() or self._nominal
