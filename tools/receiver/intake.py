# receiver.intake - one thread that writes: many deliveries a transaction, each answered when it is
# committed.
# SPDX-License-Identifier: MIT

import concurrent.futures
import logging
import queue
import threading
import time

import sqlalchemy as sa

from receiver import store as db
from receiver.forms import Bad

_GROUP = 200  # jobs of one transaction
_WAITING_MAX = 20000
_UNKNOWN = object()
_log = logging.getLogger("receiver")


class Intake:
    def __init__(self, store, metrics):
        self._store = store
        self._metrics = metrics
        self._jobs = queue.SimpleQueue()
        self._usable = True
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def submit(self, function):
        # function(connection) runs in a transaction. Its result is in the future that is returned,
        # once it is committed; or an exception: store.Gone where the database can't be used.
        future = concurrent.futures.Future()
        if self._jobs.qsize() > _WAITING_MAX:
            future.set_exception(db.Gone("too much is waiting"))
        else:
            self._jobs.put((function, future))
        return future

    def deliver(self, device, delivery, carrier):
        # For a delivery of forms.read(): the future of ([message as JSON], more).
        now = time.time()
        return self.submit(lambda c: self._deliver(c, device, delivery, carrier, now))

    def submit_for(self, name, delivery, carrier):
        # The same for a device that is known by its name.
        now = time.time()

        def function(c):
            row = db.by_name(c, name)
            if row is None:
                return _UNKNOWN  # not raised: the others in the transaction shall not suffer
            return self._deliver(c, row.id, delivery, carrier, now)

        return self.submit(function)

    def _deliver(self, c, device, delivery, carrier, now):
        fresh = db.take(c, device, delivery, carrier, now)
        taken = expired = 0
        answer = [], False
        if delivery.ack is not None:
            taken = db.acknowledged(c, device, delivery.ack, now)
            if carrier == "https":
                expired = db.expire(c, now, device)
                answer = db.waiting(c, device, delivery.room or 1024, now)

        def counted():
            self._metrics.taken(carrier, delivery, fresh, now)
            self._metrics.acknowledged.inc(taken)
            self._metrics.expired.inc(expired)

        return _Counted(answer, counted)

    def close(self):
        # What was submitted is written first.
        self._jobs.put(None)
        self._thread.join()

    def _run(self):
        end = False
        while not end:
            jobs = [self._jobs.get()]
            while len(jobs) < _GROUP:
                try:
                    jobs.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            end = None in jobs
            jobs = [job for job in jobs if job and job[1].set_running_or_notify_cancel()]
            if jobs:
                self._group(jobs)

    def _group(self, jobs):
        begin = time.monotonic()
        try:
            with self._store.writing() as c:
                results = [function(c) for function, _ in jobs]
        except db.Gone as e:
            self._tell(e)
            for _, future in jobs:
                future.set_exception(e)
            return
        except Exception as e:
            if len(jobs) > 1:
                # One of them is to blame, and the others shall not suffer.
                for job in jobs:
                    self._group([job])
                return
            jobs[0][1].set_exception(_named(e))
            return
        self._tell(None)
        self._metrics.commit.observe(time.monotonic() - begin)
        for (_, future), result in zip(jobs, results):
            if result is _UNKNOWN:
                future.set_exception(Bad("device", "there is no such device"))
                continue
            if isinstance(result, _Counted):
                result.counted()
                result = result.answer
            future.set_result(result)

    def _tell(self, error):
        # The log says when the database goes and when it comes back.
        if error and self._usable:
            _log.error("the database can't be used: %s", error)
        elif not error and not self._usable:
            _log.info("the database can be used again")
        self._usable = error is None
        self._metrics.database.set(self._usable)


class _Counted:
    # What to count once it is committed.
    def __init__(self, answer, counted):
        self.answer = answer
        self.counted = counted


def _named(error):
    if isinstance(error, sa.exc.DataError):
        return Bad("record", "the database takes no such record")
    if isinstance(error, sa.exc.IntegrityError):
        return db.Gone("the device has just been removed")
    return error
