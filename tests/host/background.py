# background - test files that run in processes of their own while pytest runs the other tests.
# SPDX-License-Identifier: MIT

import collections
import contextlib
import json
import os
import sys
import threading
import time

from case_process import CaseProcess

_FILE_TIMEOUT_S = 3600  # for a test file; each of its tests has a limit of its own
_STOP_S = 15  # for fixtures to stop what they have started
# What takes longest begins first: names of test files in that order.
FIRST = ("test_search", "test_driver_lost_bytes", "test_driver_restart", "test_board_tool")
FIRST += (
    "test_rom",
    "test_device",
    "test_certificate_files",
    "test_clients_newest",
    "test_clients_docs",
)
FIRST += ("test_soak", "test_aio_places", "test_push_faults", "test_driver_switches")
FIRST += ("test_driver_volume", "test_clients_restarts", "test_driver_start", "test_bench")
FIRST += (
    "test_learn_tool",
    "test_learn",
    "test_package",
    "test_tap",
    "test_demo",
    "test_examples",
    "test_ca",
)
# Of them those that pytest would run itself, one after the other, and that mostly wait.
APART = [
    "test_search",
    "test_board_tool",
    "test_device",
    "test_certificate_files",
    "test_clients_newest",
    "test_clients_docs",
    "test_clients_restarts",
    "test_soak",
    "test_bench",
    "test_examples",
    "test_rom",
    "test_package",
    "test_check_server",
    "test_check_server_lines",
    "test_learn",
    "test_learn_tool",
    "test_trace_page",
    "test_replay",
    "test_receiver",
    "test_receiver_docs",
    "test_receiver_mqtt",
    "test_receiver_access",
    "test_receiver_page",
    "test_receiver_postgres",
    "test_receiver_program",
]


class Group:
    # Tests that run in one process, one after the other: a thread of Background runs it.
    def __init__(self, path):
        self.path = path
        self.environ = dict(os.environ)  # a test that runs meanwhile may change it for itself
        self.names = []  # those selected, in order
        self.results = {}  # name: (result, output, seconds)
        self.broken = None  # the exception of a start that failed, for all tests of the group
        self.news = threading.Condition()
        self.process = None
        self.ended = False

    def prepare(self):
        # Before any test runs: finds what its process needs.
        pass

    def run(self, config):
        try:
            with contextlib.ExitStack() as stack:
                argv, env, cwd, limit_s = self.command(config, stack)
                self.process = CaseProcess(argv, env, cwd, limit_s)
                stack.callback(self.process.close)
                for name in self.names:
                    begin = time.monotonic()
                    result, output = self.process.result(name)
                    with self.news:
                        self.results[name] = (result, output, time.monotonic() - begin)
                        self.news.notify()
                self.finish()
        except BaseException as e:
            self.broken = e
        with self.news:
            self.ended = True
            self.news.notify()

    def command(self, config, stack):
        # (argv, environment, folder, seconds) of its process.
        raise NotImplementedError

    def finish(self):
        pass

    def stop(self):
        # From any thread: ends the process.
        if self.process:
            self.process.kill()

    def result(self, name):
        # Waits for it.
        with self.news:
            while name not in self.results and not self.ended:
                self.news.wait(1)  # not for ever: Ctrl-C must get through
        if name not in self.results:
            raise self.broken
        return self.results[name]


class FileGroup(Group):
    # The tests of an ordinary test file, in a pytest of their own: see apart.py. The names are the
    # numbers of the tests, as those of parameters may hold anything.
    def __init__(self, path):
        super().__init__(path)
        self.nodeids = []

    def add(self, nodeid):
        # The test's name here.
        self.names.append(str(len(self.nodeids)))
        self.nodeids.append(nodeid)
        return self.names[-1]

    def command(self, config, stack):
        argv = [sys.executable, "-m", "pytest", "-p", "apart", "-p", "no:cacheprovider", "-q"]
        argv += ["-c", str(config.inipath), "--rootdir", str(config.rootpath), str(self.path)]
        paths = [str(self.path.parent), self.environ.get("PYTHONPATH", "")]
        env = dict(self.environ, APART=json.dumps(self.nodeids))
        env["PYTHONPATH"] = os.pathsep.join([p for p in paths if p])
        return argv, env, str(config.invocation_params.dir), _FILE_TIMEOUT_S

    def finish(self):
        # Fixtures stop what they have started.
        self.process.finish(_STOP_S)

    def stop(self):
        if self.process:
            self.process.terminate(_STOP_S)


class Background:
    # Runs groups, some at a time. One more than there are processors, as some mostly wait.
    def __init__(self, config, groups):
        self.config = config
        order = {name: i for i, name in enumerate(FIRST)}
        groups = sorted(groups, key=lambda group: order.get(group.path.stem, len(order)))
        self.waiting = collections.deque(groups)
        self.running = []
        count = (os.cpu_count() or 1) + 1
        for group in groups:
            group.prepare()
        self.threads = [threading.Thread(target=self.work) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while True:
            try:
                group = self.waiting.popleft()
            except IndexError:
                return
            self.running.append(group)
            group.run(self.config)

    def stop(self):
        # Of no use where all is done; ends what runs after Ctrl-C, -x and the like.
        self.waiting.clear()
        while any(thread.is_alive() for thread in self.threads):
            for group in self.running:
                group.stop()
            time.sleep(0.01)
