# ugsim.loop - one thread that runs the model, its network, its port and the control channel.
# SPDX-License-Identifier: MIT

import selectors
import time

# Even with nothing to wait for the loop turns now and then: safety against a forgotten wake-up.
_LONGEST_S = 0.5
# After the end of a piped input: what is due so soon is waited for, but not for longer than that.
_SOON_MS = 2000
_LINGER_MS = 3000


class Loop:
    # `clients`: further things with watch() and run(ready), as the control channel.
    def __init__(self, model, net, port, uart, clients=()):
        self.stopped = False
        self._model = model
        self._net = net
        self._port = port
        self._uart = uart
        self._clients = clients
        # select() and not epoll: its time-out has microseconds, which pacing needs.
        self._selector = selectors.SelectSelector()
        self._epoch = time.monotonic()
        self._end = None  # when the input was seen to have ended, ms

    def now_ms(self):
        return int((time.monotonic() - self._epoch) * 1000)

    def run(self):
        # Until stop(), or until the host has gone for good and all is said.
        while not self.stopped:
            self.turn(self._timeout())
            if self._port.ended and self._uart.quiet() and self._all_said():
                return

    def _all_said(self):
        model = self._model
        if model.running:
            return False
        if not self._port.piped:
            return True
        now = self.now_ms()
        if self._end is None:
            self._end = now
        if model.dns.busy() or any(
            c.state in ("opening", "handshake") for c in self._net.connections
        ):
            return False
        due = model.next_ms()
        return due is None or due - now > _SOON_MS or now - self._end > _LINGER_MS

    def stop(self):
        # May be called from a signal handler.
        self.stopped = True
        self._net.wake()

    def turn(self, timeout):
        ready = self._wait(timeout)
        self._net.hush()  # before the looks that a wake-up is for: one that comes now is not lost
        model = self._model
        model.run(self.now_ms())
        self._port.lines(model)
        if self._uart.receive(time.monotonic()):
            model.run(self.now_ms())
        while self._net.stirred:
            self._net.stirred = False
            model.run(self.now_ms())
        self._uart.transmit(time.monotonic())
        for client in self._clients:
            client.run(ready)

    def _timeout(self):
        now = time.monotonic()
        times = [now + _LONGEST_S, self._uart.next_s(), self._port.next_s(now)]
        due = self._model.next_ms()
        if due is not None:
            times.append(self._epoch + due / 1000)
        return max(0.0, min(t for t in times if t is not None) - now)

    def _wait(self, timeout):
        # Waits for whatever can go on; returns the file objects that are ready.
        wanted = {}
        for item, events in self._net.watch():
            wanted[item] = events
        if self._uart.wants_read():
            for item in self._port.watch():
                wanted[item] = selectors.EVENT_READ
        out = self._port.fileno_out()
        if self._uart.wants_write() and out is not None:
            wanted[out] = wanted.get(out, 0) | selectors.EVENT_WRITE
        for client in self._clients:
            for item, events in client.watch():
                wanted[item] = events
        for key in list(self._selector.get_map().values()):
            if wanted.get(key.fileobj) != key.events:
                self._selector.unregister(key.fileobj)
        known = {key.fileobj for key in self._selector.get_map().values()}
        for item, events in wanted.items():
            if item not in known:
                self._selector.register(item, events)
        return {key.fileobj for key, _ in self._selector.select(timeout)}
