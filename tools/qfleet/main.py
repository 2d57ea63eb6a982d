# qfleet.main - tools/fleet.py in the virtual environment: devices at the protocol's level.
# SPDX-License-Identifier: MIT

import asyncio
import functools
import itertools
import signal
import sys
import tempfile
import time
from pathlib import Path

import setup
from certificates import Certificates
from patience import until
from postgres_kit import Postgres
from qfleet import begin
from qfleet.cost import Cost, children
from qfleet.device import Counts, Device, context
from qfleet.histogram import histogram
from receiver import keys, messages, tables
from receiver import store as db
from receiver.devices import hashed
from receiver.serve import many_files
from receiver_kit import Broker, Receiver

_SETTLE_S = 600  # for what the broker still has, while it gets on
_KILL_EVERY_S = 4
_AGAIN_S = 5  # a message without an answer
_LOOK_S = 0.5
_TELL_S = 30
_ROWS = 500


class Fleet:
    def __init__(self, chosen):
        self._chosen = chosen
        self._counts = Counts()
        self._wanted = chosen.devices * chosen.posts * chosen.records
        self._kills = 0
        self._starting = []  # tasks
        self._gone = self._back = None  # when the outage began, and was over

    def run(self, stack):
        chosen = self._chosen
        many_files()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-fleet-")))
        certs = Certificates(folder)
        url = None
        costs = self._costs = {}
        if chosen.database == "postgresql":
            postgres = stack.enter_context(Postgres())
            url = postgres.url
            costs["PostgreSQL"] = Cost(lambda: children(postgres.pid))
        first = Receiver(certs, url=url)
        self._receivers = [first]
        self._receivers += [Receiver(certs, like=first) for _ in range(chosen.receivers - 1)]
        tokens = self._provision(first)
        broker = None
        if chosen.by != "https":
            broker = stack.enter_context(Broker(first))
            costs["mosquitto"] = Cost(lambda: [broker.process.pid])
            secret = first.folder / "broker.key"
            for receiver in self._receivers:
                keys.replace(receiver.folder / "broker.key", secret.read_bytes())
                words = ["--mqtt", "mqtts://127.0.0.1:%d" % broker.port, "--mqtt-ca", certs.ca]
                words += ["--mqtt-again", str(_AGAIN_S)]
                receiver.options = [*words, "--mqtt-share", "fleet"]
        for receiver in self._receivers:
            stack.enter_context(receiver)
        if broker is not None:
            # The broker keeps nothing for whom it has never seen.
            for receiver in self._receivers:
                until(lambda receiver=receiver: "connected, topic" in receiver.log())
        costs["receivers"] = Cost(lambda: [r.process.pid for r in self._receivers])
        ctx = context(certs.ca)
        master = keys.master(first.folder)
        devices = []
        for n, (name, token) in enumerate(tokens.items()):
            by = chosen.by if chosen.by != "both" else ("https", "mqtt")[n % 2]
            ports = [broker.port] if by == "mqtt" else [r.port for r in self._receivers]
            key = messages.device_key(master, name)
            devices.append(Device(name, token, key, by, ports, ctx, chosen, self._counts))
        self._devices = devices
        self._look()
        self._before = {name: cost.seconds for name, cost in costs.items()}
        counts = (chosen.devices, "s"[: chosen.devices > 1])
        counts += (chosen.receivers, "s"[: chosen.receivers > 1])
        print("%d device%s, %d receiver%s" % counts, flush=True)
        begin = time.monotonic()
        _run(self._all(devices))
        return self._judge(begin, time.monotonic())

    def _provision(self, receiver):
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
            with receiver.store.writing() as c:
                c.execute(tables.devices.insert(), rows[i : i + _ROWS])
        return tokens

    async def _all(self, devices):
        async with asyncio.TaskGroup() as group:
            for device in devices:
                device.sent = self._chosen.messages
            tasks = [group.create_task(device.run()) for device in devices]
            trouble = [group.create_task(self._watch())]
            if self._chosen.messages:
                trouble.append(group.create_task(asyncio.to_thread(self._send)))
            if self._chosen.kill:
                trouble.append(group.create_task(self._kill()))
            if self._chosen.outage:
                trouble.append(group.create_task(self._outage()))
            await asyncio.wait(tasks)
            for task in trouble:
                task.cancel()
            await asyncio.gather(*self._starting)

    def _look(self):
        for cost in self._costs.values():
            cost.look()

    async def _watch(self):
        told = time.monotonic()
        wanted = self._chosen.devices * self._chosen.posts
        while True:
            await asyncio.to_thread(self._look)
            if time.monotonic() > told + _TELL_S:
                told = time.monotonic()
                done = len(self._counts.times)
                print(
                    "... %d of %d deliveries, %d connections" % (done, wanted, self._counts.open),
                    flush=True,
                )
            await asyncio.sleep(_LOOK_S)

    def _send(self):
        # One message after the other to each, by the database, as a page of any receiver does it.
        store = self._receivers[0].store
        master = keys.master(self._receivers[0].folder)
        end = int(time.time()) + 86400
        for n in range(self._chosen.messages):
            for i in range(0, len(self._devices), 100):
                with store.writing() as c:
                    for device in self._devices[i : i + 100]:
                        row = db.by_name(c, device.name)
                        key = messages.device_key(master, device.name)
                        db.add_message(c, row, "message", "word %d" % n, end, "fleet", key)

    async def _kill(self):
        # Each once, evenly over the deliveries; then on and on.
        count, last = len(self._receivers), time.monotonic()
        wanted = self._chosen.devices * self._chosen.posts
        for n in itertools.count():
            if n < count:
                while len(self._counts.times) * (count + 1) < wanted * (n + 1):
                    self._counts.more.clear()
                    await self._counts.more.wait()
            else:
                await asyncio.sleep(max(last + _KILL_EVERY_S - time.monotonic(), 0))
                await self._starting[n - count]
            last = time.monotonic()
            receiver = self._receivers[n % count]
            self._kill_one(receiver)
            self._starting.append(asyncio.create_task(_start(receiver)))

    def _kill_one(self, receiver):
        self._costs["receivers"].look()
        receiver.process.send_signal(signal.SIGKILL)
        receiver.process.wait()
        self._kills += 1

    async def _outage(self):
        await asyncio.sleep(self._chosen.spread / 2)
        for receiver in self._receivers:
            self._kill_one(receiver)
        self._gone = time.monotonic()
        await asyncio.sleep(self._chosen.outage)
        await asyncio.gather(*[_start(receiver) for receiver in self._receivers])
        self._back = time.monotonic()

    def _settled(self, store):
        # Waits until all records are there, or no more come: how many were repeats.
        before, until = -1, 0
        while True:
            self._look()
            with store.reading() as c:
                there, repeats = c.exec_driver_sql(
                    "SELECT sum(records), sum(repeats) FROM devices"
                ).one()
            if there > before:
                before, until = (
                    there,
                    time.monotonic() + (_SETTLE_S if self._chosen.by != "https" else 0),
                )
            if there >= self._wanted or time.monotonic() > until:
                return repeats
            time.sleep(0.2)

    def _judge_messages(self):
        chosen = self._chosen
        words = ["word %d" % n for n in range(chosen.messages)]
        right = sum(device.got == words for device in self._devices)
        again = sum(device.again for device in self._devices)
        print(
            "messages      all %d once and in order at %d devices; %d repeats, dropped"
            % (chosen.messages, right, again)
        )
        return right == chosen.devices

    def _judge(self, begin, end):
        counts, chosen = self._counts, self._chosen
        store = self._receivers[0].store
        repeats = self._settled(store)
        settled = time.monotonic()
        last = chosen.posts * chosen.records
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
        print("connections   %d, at most %d at a time" % (counts.handshakes, counts.most))
        for name, cost in self._costs.items():
            used = cost.seconds - self._before[name]
            each = 1000 * used / len(times), 1000 * used / self._wanted, cost.memory / 1e6
            print(
                "%-13s %.2f ms of a processor a delivery, %.3f a record; %.0f MB" % (name, *each)
            )
        print("repeats       %d, dropped" % repeats)
        print("failed tries  %s" % (counts.failures or "none"))
        if self._kills:
            print("kills         %d" % self._kills)
        if self._back is not None:
            self._tell_outage()
        good = kept == self._wanted and whole == chosen.devices
        if chosen.messages:
            good = self._judge_messages() and good
        print(
            "Each of %d records is there once." % kept
            if good
            else "Failed: %d records of %d, %d queues whole of %d."
            % (kept, self._wanted, whole, chosen.devices)
        )
        return 0 if good else 1

    def _tell_outage(self):
        counts, back = self._counts, self._back
        after = [int(at - back) for at in counts.done_at if at >= back]
        peak = max((after.count(s) for s in set(after)), default=0)
        print(
            "after outage  %d deliveries within %d s, at most %d in one second"
            % (len(after), max(after, default=0) + 1, peak)
        )
        first = {}
        for at, name in counts.connected:
            if at >= self._gone:
                first.setdefault(name, at)
        for line in histogram([at - back for at in first.values()]):
            print("              " + line)


def _run(coroutine):
    # What a signal raises within the event loop, tasks would report as a fault of theirs.
    seen = []

    async def outer():
        task = asyncio.current_task()

        def stop(number):
            seen.append(number)
            task.cancel()

        for number in before:
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        await coroutine

    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        asyncio.run(outer())
    except asyncio.CancelledError:
        sys.exit(128 + seen[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rate(count, seconds):
    return count, seconds, count / seconds


async def _start(receiver):
    # On the ports that it had.
    await asyncio.to_thread(receiver.again)


if __name__ == "__main__":
    sys.exit(setup.main(functools.partial(begin.main, Fleet)))
