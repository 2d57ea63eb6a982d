# loop - asyncio on the virtual clock of rig.py: hours pass in no time, and nobody may block.
# SPDX-License-Identifier: MIT
#
# Import this module before asyncio and qssl. What asyncio has written in C, its tasks and the
# system's poll, knows only the real clock; here they are of Python. test_aio_live.py has the real
# ones.

import sys

import rig as _rig  # it brings the virtual time

clock = _rig.clock
_PASSES = 4  # of the event loop in a millisecond
_LOOK_MS = 10  # the poller asks its streams so often at least

_nap = clock.sleep_ms
_strict = False  # an event loop runs: only its poller may let time pass


def _sleep_ms(ms):
    assert not _strict, "something waits and holds up the event loop"
    _nap(ms)


clock.sleep_ms = _sleep_ms


class TaskQueue:
    # By time; those of the same time in the order in which they came.
    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        task.data = None
        task.ph_key = clock.ticks_ms() if key is None else key
        i = len(self._tasks)
        while i and clock.ticks_diff(task.ph_key, self._tasks[i - 1].ph_key) < 0:
            i -= 1
        self._tasks.insert(i, task)

    def pop(self):
        return self._tasks.pop(0)

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    # state: True running and nobody waits for it, TaskQueue: of those who wait, False: it was
    # waited for, None: it has ended. data: where it waits, or what it ended with.
    def __init__(self, coro, globals=None):
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    __await__ = __iter__

    def __next__(self):
        if not self.state:
            raise self.data
        core = sys.modules["asyncio.core"]
        self.state.push(core.cur_task)
        core.cur_task.data = self

    def done(self):
        return not self.state

    def cancel(self):
        core = sys.modules["asyncio.core"]
        if not self.state:
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            core._task_queue.push(task)
        elif clock.ticks_diff(task.ph_key, clock.ticks_ms()) > 0:
            core._task_queue.remove(task)
            core._task_queue.push(task)
        task.data = core.CancelledError
        return True


class _Poll:
    # select.poll for streams written in Python.
    passes = 0  # of the event loop, ever
    on_pass = None  # called at each of them

    def __init__(self):
        self._map = []  # [stream, mask]

    def register(self, stream, mask=5):
        if not hasattr(stream, "ioctl"):
            raise OSError(1)
        for entry in self._map:
            if entry[0] is stream:
                entry[1] = mask
                return
        self._map.append([stream, mask])

    def modify(self, stream, mask):
        self.register(stream, mask)

    def unregister(self, stream):
        self._map = [entry for entry in self._map if entry[0] is not stream]

    def ipoll(self, ms=-1):
        _Poll.passes += 1
        if _Poll.on_pass:
            _Poll.on_pass()
        if _Poll.passes % _PASSES == 0:
            _nap(1)
        while True:
            found = []
            for stream, mask in self._map:
                bits = stream.ioctl(3, mask)
                if bits:
                    found.append((stream, bits))
            if found or not ms:
                return found
            # To the next bytes, but for what depends on the time alone.
            rig = clock.rig
            start = rig.now
            clock.calls = 0
            rig.sleep(ms if 0 < ms < _LOOK_MS else _LOOK_MS, True)
            if ms > 0:
                ms -= rig.now - start


class _Module:
    pass


def _module(**names):
    module = _Module()
    for name, value in names.items():
        setattr(module, name, value)
    return module


sys.modules["_asyncio"] = _module(TaskQueue=TaskQueue, Task=Task)
sys.modules["select"] = _module(poll=_Poll, POLLIN=1, POLLOUT=4, POLLERR=8, POLLHUP=16)

import asyncio  # noqa: E402
from asyncio import core  # noqa: E402

assert core.Task is Task and core.ticks is clock.ticks_ms


def run(main, *args, timeout_s=200, rig=None):
    # main(*args) in an event loop of its own, for at most so many virtual seconds. rig: one that
    # there is already.
    global _strict
    asyncio.new_event_loop()
    # As in the first test of a process. The clock too: what is due by that of an earlier rig would
    # wait for as long as that one had lasted.
    _Poll.passes = 0
    clock.rig = rig or _rig.nobody
    _strict = True
    try:
        return asyncio.run(asyncio.wait_for(main(*args), timeout_s))
    finally:
        _strict = False
        _Poll.on_pass = None


def each_pass(function):
    # function(): called whenever the event loop has come round.
    _Poll.on_pass = function
