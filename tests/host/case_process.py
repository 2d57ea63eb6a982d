# case_process - one interpreter process that runs the tests of a case file, read as it prints.
# SPDX-License-Identifier: MIT

import contextlib
import os
import resource
import secrets
import select
import signal
import subprocess
import time


class CaseProcess:
    # argv ends with the names of the tests, in the order in which result() will ask for them.
    # limit_s: seconds for the whole process.
    def __init__(self, argv, env, cwd, limit_s):
        # No test can print this by chance, so none can pass by what it prints.
        self.mark = "@@" + secrets.token_hex(4)
        self.limit_s = limit_s
        self.deadline = time.monotonic() + limit_s
        self.rest = b""
        self.results = {}  # name: (result, output)
        self.running = None
        self.output = []  # of the running test, or of the import
        self.verdict = None  # why no more results will come
        self.process = subprocess.Popen(
            argv,
            env=dict(env, CASE_MARK=self.mark),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # close() ends what it has started, too
        )
        if hasattr(resource, "prlimit"):
            # Should pytest be killed, a case that spins ends all the same.
            limit = int(limit_s) + 1
            resource.prlimit(self.process.pid, resource.RLIMIT_CPU, (limit, limit))

    def result(self, name):
        # ("pass" or "fail", what the test printed); waits until the test has ended. apart.py has
        # "skip" and "xfail", too.
        while name not in self.results and self.verdict is None:
            line = self._line()
            if line is not None:
                self._take(line)
        if name in self.results:
            return self.results.pop(name)
        return "fail", self.verdict

    def kill(self):
        # From any thread: the one that waits for a result then gets a verdict.
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def terminate(self, seconds):
        # From any thread: it may stop what it has started.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(seconds)
        self.kill()

    def finish(self, seconds):
        # Behind the last result: it may come to its end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=seconds)

    def close(self):
        self.kill()
        self.process.wait()
        self.process.stdout.close()

    def _line(self):
        # The next line, None when the process has ended or had to be ended: verdict is set then.
        while b"\n" not in self.rest:
            left = self.deadline - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            if not ready:
                self._stop("it was still running %g s after the file's start" % self.limit_s)
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                status = self.process.wait()
                how = "exit status %d" % status if status >= 0 else "signal %d" % -status
                self._stop("the interpreter ended (%s) during it" % how)
                return None
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8", "replace")

    def _take(self, line):
        before, mark, event = line.partition(self.mark + " ")
        if not mark:
            self.output.append(line)
            return
        if before:
            self.output.append(before)
        word, _, value = event.partition(" ")
        value = value.split(" ")[0]
        if word == "run":
            self.running = value
            self.output = []
        elif word in ("pass", "fail", "skip", "xfail"):
            self.results[value] = (word, "\n".join(self.output))
            self.running = None
            self.output = []
        elif word == "broken":
            self.verdict = "\n".join(self.output)
            self.close()
        elif word == "end":
            self._stop("the process ended without it")

    def _stop(self, why):
        # The running test fails with what it printed, the ones after it because of it.
        if self.rest:
            self.output.append(self.rest.decode("utf-8", "replace"))
        shown = "\n".join(self.output)
        if self.running:
            text = "%s did not end: %s." % (self.running, why)
            self.results[self.running] = ("fail", (shown + "\n" + text).strip())
            self.verdict = "Not run, because " + text
        else:
            self.verdict = (shown + "\nNo result: %s." % why.replace(" during it", "")).strip()
        self.close()
