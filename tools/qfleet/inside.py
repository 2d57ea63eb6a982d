# qfleet.inside - the receiver's own code in this process, asked by simulated modems.
# SPDX-License-Identifier: MIT

import asyncio
import time

from receiver import keys, messages, updates
from receiver import store as db
from receiver.devices import Devices, hashed
from receiver.intake import Intake
from receiver.metrics import Metrics

_MAX = 65536
_LATER_S = 400 * 86400


class Inside:
    # The HTTPS side of one receiver, with its database.
    def __init__(self, folder, url):
        self._store = db.Store(url)
        self._store.open()
        self._master = keys.master(folder)
        metrics = Metrics()
        self._intake = Intake(self._store, metrics)
        self._app = Devices(self._store, self._intake, metrics, _MAX).app
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()

    def close(self):
        # A request that a signal has broken off is still a task of the loop. It has threads, which
        # keep this program from its end as long as it waits.
        self._runner.close()
        self._intake.close()
        self._store.close()

    def add(self, name):
        # (token, key) of a new device.
        token = keys.new_token()
        with self._store.writing() as c:
            db.add_device(c, name, hashed(token), "")
        return token, messages.device_key(self._master, name)

    def send(self, name, kind, body):
        # The message's number.
        with self._store.writing() as c:
            key = messages.device_key(self._master, name)
            until = int(time.time()) + _LATER_S
            return db.add_message(c, db.by_name(c, name), kind, body, until, "fleet", key)

    def publish(self, version, board, files):
        # The id of an update.
        with self._store.writing() as c:
            return updates.add(c, version, board, files, "fleet")

    def roll_out(self, id, name):
        # Sends an update to a device.
        with self._store.writing() as c:
            row = updates.one(c, id)
            updates.roll_out(c, row, [name], None, _LATER_S // 3600, "fleet", self._master)

    def how_far(self, id):
        # The state of an update that one device has got.
        with self._store.reading() as c:
            (state,) = updates.states_of(c, [id])[id]
            return state

    def kept(self, name):
        # (texts of its records, states of its messages, settings it has told as JSON)
        with self._store.reading() as c:
            row = db.by_name(c, name)
            texts = [r.record for r in reversed(db.recent(c, row.id, 1 << 30))]
            states = [r.state for r in db.messages_of(c, row.id, 1 << 30)]
        return texts, states, row.settings

    def repeats(self, name):
        with self._store.reading() as c:
            return db.by_name(c, name).repeats

    def ask(self, head, body):
        # (status, header lines, body) of the answer to a request.
        line, *rest = head.split(b"\r\n")
        verb, path, _ = line.split()
        path, _, query = path.partition(b"?")
        fields = [f.partition(b":")[::2] for f in rest]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": verb.decode(),
            "scheme": "https",
            "path": path.decode(),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.strip().lower(), value.strip()) for name, value in fields],
            "client": ("192.0.2.1", 1),
            "server": ("192.0.2.2", 443),
        }
        answer = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event):
            answer.append(event)

        self._loop.run_until_complete(self._app(scope, receive, send))
        lines = b"".join(b"%s: %s\r\n" % pair for pair in answer[0]["headers"])
        return answer[0]["status"], lines, b"".join(event.get("body", b"") for event in answer[1:])
