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
from receiver.forms import Bad, Delivery

_GROUP = 200  # jobs of one transaction
_WAITING_MAX = 20000
_NOTHING = [], False  # messages, and whether there are more
_log = logging.getLogger("receiver")


class Intake:
    def __init__(self, store, metrics):
        self._store = store
        self._metrics = metrics
        self._jobs = queue.SimpleQueue()
        self.trouble = None  # why the database takes nothing, or None
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def submit(self, function):
        # function(connection) runs in a transaction of its own. Its result is in the future that
        # is returned, once it is committed; or an exception: store.Gone where the database can't
        # be used.
        return self._put(_Job(function))

    def deliver(self, device, delivery, carrier):
        # For a delivery of forms.read(), in a transaction with others. device: its id or its name.
        # The future of ([message as JSON], more).
        def function(c, id, merged):
            return self._deliver(c, id, merged, carrier, time.time())

        return self._put(_Job(function, device, delivery))

    def _put(self, job):
        if self._jobs.qsize() > _WAITING_MAX:
            job.future.set_exception(db.Gone("too much is waiting"))
        else:
            self._jobs.put(job)
        return job.future

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

        return answer, counted

    def close(self):
        # What was submitted is written first.
        self._jobs.put(None)
        self._thread.join()

    def _run(self):
        ahead = []  # what was taken out and does not go with the others
        while True:
            job = ahead.pop() if ahead else self._jobs.get()
            if job is None:
                return
            group = [job]
            while job.device is not None and len(group) < _GROUP and not self._jobs.empty():
                other = self._jobs.get()
                if other is None or other.device is None:
                    ahead.append(other)
                    break
                group.append(other)
            group = [j for j in group if j.future.set_running_or_notify_cancel()]
            if group:
                self._write(group)

    def _write(self, jobs):
        # Deliveries, or one other job: in one transaction.
        begin = time.monotonic()
        try:
            with self._store.writing() as c:
                if jobs[0].device is None:
                    jobs[0].result = jobs[0].function(c), None
                else:
                    _deliver_all(c, jobs)
        except db.Gone as e:
            self._tell(e)
            for job in jobs:
                job.future.set_exception(e)
            return
        except Exception as e:
            if len(jobs) > 1:
                # One of them is to blame, and the others shall not suffer.
                for job in jobs:
                    self._write([job])
                return
            jobs[0].future.set_exception(_named(e))
            return
        self._tell(None)
        self._metrics.commit.observe(time.monotonic() - begin)
        for job in jobs:
            if job.result is None:
                job.future.set_exception(Bad("device", "there is no such device"))
                continue
            result, counted = job.result
            if counted:
                counted()
            job.future.set_result(result)

    def _tell(self, error):
        # The log says when the database goes and when it comes back.
        if error and self.trouble is None:
            _log.error("the database can't be used: %s", error)
        elif not error and self.trouble is not None:
            _log.info("the database can be used again")
        self.trouble = None if error is None else str(error)
        self._metrics.database.set(error is None)


class _Job:
    # device: None: a job of its own. result: (what the future gets, what counts it) once it is
    # done; None: there is no such device.
    def __init__(self, function, device=None, delivery=None):
        self.function = function
        self.device = device
        self.delivery = delivery
        self.future = concurrent.futures.Future()
        self.result = None


def _deliver_all(c, jobs):
    # All that a delivery changes belongs to its device. So whoever has locked the devices first,
    # and in the order of their ids, never waits for one that waits for him.
    ids = db.locked(c, {job.device for job in jobs})
    first = {}  # (device, queue): (the first job with records of it, all of these)
    for job in jobs:
        job.result = None
        id = ids.get(job.device)
        one = job.delivery
        if id is None:
            continue
        if one.queue is None or one.ack is not None:
            job.result = job.function(c, id, one)
        elif (id, one.queue) in first:
            first[id, one.queue][1].extend(one.entries)
            job.result = _NOTHING, None  # goes with the first one
        else:
            first[id, one.queue] = job, list(one.entries)
    for (id, name), (job, entries) in first.items():
        job.result = job.function(c, id, Delivery(name, entries))


def _named(error):
    if isinstance(error, db.NOT_TAKEN):
        return Bad("record", "the database takes no such record")
    if isinstance(error, sa.exc.IntegrityError):
        return db.Gone("the device has just been removed")
    return error
