# qfleet.main - tools/fleet.py in the virtual environment.
# SPDX-License-Identifier: MIT

import asyncio
import contextlib
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import servers
import setup
from certificates import Certificates
from postgres_kit import Postgres
from qdemo import ending
from qdemo.problem import Problem
from qfleet import options
from qfleet.device import Counts, Device, context
from receiver import keys
from receiver import store as db
from receiver.devices import hashed
from receiver_kit import Broker, Receiver

_SETTLE_S = 120  # for what the broker still has
_KILL_EVERY_S = 4
_ROWS = 500


class Fleet:
    def __init__(self, chosen):
        self._chosen = chosen
        self._counts = Counts()
        self._wanted = chosen.devices * chosen.posts * chosen.records
        self._kills = 0
        self._back = None  # when the outage was over

    def run(self, stack):
        chosen = self._chosen
        _many_files()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-fleet-")))
        certs = Certificates(folder)
        postgres = stack.enter_context(Postgres())
        self._receivers = [Receiver(certs, url=postgres.url) for _ in range(chosen.receivers)]
        tokens = self._provision(self._receivers[0].store)
        ports = None
        if chosen.mqtt:
            broker = stack.enter_context(Broker(self._receivers[0]))
            ports = [broker.port]
            secret = self._receivers[0].folder / "broker.key"
            for receiver in self._receivers:
                keys.replace(receiver.folder / "broker.key", secret.read_bytes())
                words = ["--mqtt", "mqtts://127.0.0.1:%d" % broker.port, "--mqtt-ca", certs.ca]
                receiver.options = [*words, "--mqtt-share", "fleet"]
        for receiver in self._receivers:
            stack.enter_context(receiver)
        if ports is None:
            ports = [receiver.port for receiver in self._receivers]
        ctx = context(certs.ca)
        devices = [Device(n, t, ports, ctx, chosen, self._counts) for n, t in tokens.items()]
        print("%d devices, %d receivers" % (chosen.devices, chosen.receivers), flush=True)
        begin = time.monotonic()
        asyncio.run(self._all(devices))
        return self._judge(begin, time.monotonic())

    def _provision(self, store):
        # {name: token}
        tokens = {"dev-%05d" % n: keys.new_token() for n in range(self._chosen.devices)}
        rows = [
            {
                "name": name,
                "token": hashed(token),
                "password": keys.mosquitto_password(token),
                "made_at": 0,
            }
            for name, token in tokens.items()
        ]
        for i in range(0, len(rows), _ROWS):
            with store.writing() as c:
                c.execute(db.devices.insert(), rows[i : i + _ROWS])
        return tokens

    async def _all(self, devices):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(device.run()) for device in devices]
            trouble = []
            if self._chosen.kill:
                trouble.append(group.create_task(self._kill()))
            if self._chosen.outage:
                trouble.append(group.create_task(self._outage()))
            await asyncio.wait(tasks)
            for task in trouble:
                task.cancel()
        for receiver in self._receivers:  # one may just have been killed
            if receiver.process.poll() is not None:
                await asyncio.to_thread(receiver.start)

    async def _kill(self):
        n = 0
        while True:
            await asyncio.sleep(_KILL_EVERY_S)
            receiver = self._receivers[n % len(self._receivers)]
            n += 1
            receiver.process.send_signal(signal.SIGKILL)
            receiver.process.wait()
            self._kills += 1
            await _start(receiver)

    async def _outage(self):
        await asyncio.sleep(self._chosen.spread / 2)
        for receiver in self._receivers:
            receiver.process.send_signal(signal.SIGKILL)
            receiver.process.wait()
        await asyncio.sleep(self._chosen.outage)
        await asyncio.gather(*[_start(receiver) for receiver in self._receivers])
        self._back = time.monotonic()

    def _judge(self, begin, end):
        counts = self._counts
        store = self._receivers[0].store
        until = time.monotonic() + (_SETTLE_S if self._chosen.mqtt else 0)
        while True:
            with store.reading() as c:
                there, repeats = c.exec_driver_sql(
                    "SELECT sum(records), sum(repeats) FROM devices"
                ).one()
            if there >= self._wanted or time.monotonic() > until:
                break
            time.sleep(0.2)
        settled = time.monotonic()
        last = self._chosen.posts * self._chosen.records
        with store.reading() as c:
            kept = c.exec_driver_sql("SELECT count(*) FROM records").scalar()
            whole = c.exec_driver_sql(
                "SELECT count(*) FROM queues WHERE first = 1 AND last = %d AND count = %d"
                % (last, last)
            ).scalar()
        times = sorted(counts.times)
        seconds = end - begin
        print("deliveries    %d in %.1f s, %.0f a second" % _rate(len(times), seconds))
        print("records       %d in the database after %.1f s" % (kept, settled - begin))
        parts = [times[min(int(len(times) * p), len(times) - 1)] for p in (0.5, 0.99, 1)]
        print("took          half %.2f s, 99 %% %.2f s, the longest %.2f s" % tuple(parts))
        print("repeats       %d, dropped" % repeats)
        print("failed tries  %s" % (counts.failures or "none"))
        if self._kills:
            print("kills         %d" % self._kills)
        if self._back is not None:
            after = [int(at - self._back) for at in counts.done_at if at >= self._back]
            peak = max((after.count(s) for s in set(after)), default=0)
            print(
                "after outage  %d deliveries within %d s, at most %d in one second"
                % (len(after), max(after, default=0) + 1, peak)
            )
        good = kept == self._wanted and whole == self._chosen.devices
        print(
            "Each of %d records is there once." % kept
            if good
            else "Failed: %d records of %d, %d queues whole of %d."
            % (kept, self._wanted, whole, self._chosen.devices)
        )
        return 0 if good else 1


def _rate(count, seconds):
    return count, seconds, count / seconds


async def _start(receiver):
    # On the ports that it had.
    await asyncio.to_thread(receiver.again)


def _many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(args):
    chosen = options.parse(args)

    def run(stack):
        try:
            return Fleet(chosen).run(stack)
        except servers.MissingServer as e:
            raise Problem("%s." % e) from None

    return ending.run("fleet.py", run)


if __name__ == "__main__":
    sys.exit(setup.main(main))
