# ugsim.model.at.runner - cuts a command line into commands, runs one at a time, gives results.
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import Args
from ugsim.model.errors import ERROR, FILE, GENERAL, OK, TCPIP, Refused, cme


def cut(text):
    # "E0V1+CMEE=1;+CPIN?" (what follows "AT") -> list of (name, form, argument text). Forms:
    # "exec", "read", "test", "write" (manual 2.1). None: not a command line of V.250.
    commands = []
    i = 0
    size = len(text)
    while i < size:
        c = text[i]
        if c == " " or c == ";":
            i += 1
        elif c == "+":
            end = _end(text, i)
            commands.append(_extended(text[i:end]))
            i = end + 1
        elif c == "&" or c.isalpha():
            start = i
            i += 2 if c == "&" else 1
            name = text[start:i].upper()
            start = i
            if name == "S":
                i = _end(text, i)
            while i < size and text[i] in "0123456789":
                i += 1
            commands.append((name, "exec", text[start:i]))
        else:
            return None
    return commands


def _end(text, i):
    # Index of the ";" that ends the extended command at i, or the end of the line.
    end = text.find(";", i)
    while end >= 0 and text.count('"', i, end) & 1:
        end = text.find(";", end + 1)
    return len(text) if end < 0 else end


def _extended(text):
    # "+NAME..." -> (name, form, argument text)
    equal = text.find("=")
    if equal < 0:
        text = text.strip()
        if text.endswith("?"):
            return text[:-1].upper(), "read", ""
        return text.upper(), "exec", ""
    name = text[:equal].strip().upper()
    rest = text[equal + 1 :].strip()
    if rest == "?":
        return name, "test", ""
    return name, "write", rest


class Runner:
    # Commands are serialised: while one runs (model.running) no other is taken.

    def __init__(self, model, commands):
        self._m = model
        self._commands = commands  # name -> (handler, family)
        self._todo = []  # commands of the same line that come after the running one
        self.family = GENERAL
        self.name = ""
        self._gap_ms = 0  # of the running command: from being executed to its answer
        self._ended = None  # (result, then, ms) of a command that has ended within its gap
        self.typed = b""  # the last command line, from its "AT" on

    def knows(self, name):
        return name in self._commands

    def line(self, line, overlong):
        # One command line as typed, without its CR.
        m = self._m
        start = line.upper().find(b"AT")
        if start < 0 or (m.sw["at_prefix"] == "begin" and line[:start].strip()):
            if line.strip():
                m.count("noise_lines", 1)
                if m.sw["noise_line"] == "error":
                    m.out.final(ERROR)
            return
        try:
            text = line[start + 2 :].decode()
        except UnicodeError:
            text = "".join([chr(c) for c in line[start + 2 :]])
        self.typed = line[start:]
        m.count("commands", 1)
        m.event("at", "AT" + text)
        commands = None if overlong else cut(text)
        m.running = True
        m.out.begin_reply()
        self._gap_ms = m.sw["take_ms"]
        if m.faults.on_answers:
            names = [command[0] for command in commands or ()] or ["AT"]
            m.out.silent = m.faults.unanswered(names)
            self._gap_ms = m.faults.gap(names) or self._gap_ms
            if m.faults.crash(names):
                return
        if commands is None:
            self._todo = []
            self.family = GENERAL
            self.finish(ERROR)
            return
        self._todo = commands
        wait = m.sw["reply_ms"]
        if wait:
            m.timers.at(m.now + wait, self._begin)
        else:
            self._begin()

    def _begin(self):
        self.open_gap()
        self._next()

    def open_gap(self):
        # The running command is executed now, and answers later (switch take_ms, fault gap). Also
        # when the data that it asked for are complete.
        m = self._m
        if self._gap_ms and not m.out.gap:
            m.out.gap = True
            m.timers.at(m.now + self._gap_ms, self._close_gap)

    def _close_gap(self):
        m = self._m
        m.out.close_gap()
        if self._ended is not None:
            result, then, wait = self._ended
            self._ended = None
            if wait:
                m.timers.at(m.now + wait, lambda: self._end(result, then))
            else:
                self._end(result, then)

    def _next(self):
        m = self._m
        if not self._todo:
            self.finish(m.faults.refuse("AT") or OK)
            return
        while True:
            if not self._todo:
                self.finish(OK)
                return
            name, form, text = self._todo[0]
            self._todo = self._todo[1:]
            result = self._run(name, form, text)
            if result is None:
                return
            if result != OK:
                self._todo = []
                self.finish(result)
                return
            if m.running is False:
                return

    def _run(self, name, form, text):
        # Calls the handler. Returns the final result, or None when it will come with finish().
        m = self._m
        self.name = name
        entry = self._commands.get(name)
        if entry is None:
            self.family = GENERAL
            m.count("unknown_commands", 1)
            return ERROR
        handler, self.family = entry
        forced = m.faults.refuse(name, form)
        if forced is not None:
            return forced
        if self.family == TCPIP and form == "write":
            m.last_error = 0
        try:
            return handler(m, form, Args(text))
        except Refused as e:
            return self.refusal(e.code)

    def refusal(self, code):
        # The final result for a refused command; `code` None: its family's wrong parameter.
        m = self._m
        if self.family == TCPIP:
            m.last_error = 552 if code is None else code
            return ERROR
        if self.family == FILE:
            code = 425 if code is None else code
            if m.told() == 0 and m.sw["file_cme"] == "cmee":
                return ERROR
        else:
            code = 50 if code is None else code
            if m.told() == 0:
                return ERROR
        for known, words in m.family.words:
            if known == code and m.told() == 2:
                return "+CME ERROR: " + words
        return cme(code, m.told())

    def finish(self, result, then=None):
        # The running command ends with `result` ("" for none), after the delay that a fault asks
        # for; then then() is called.
        m = self._m
        if result == OK and self._todo:
            if then is not None:
                then()
            self._next()
            return
        wait = m.faults.delay("final", result)
        if m.out.gap:
            self._ended = (result, then, wait)
        elif wait:
            m.timers.at(m.now + wait, lambda: self._end(result, then))
        else:
            self._end(result, then)

    def _end(self, result, then):
        m = self._m
        if result:
            m.out.final(result)
        self.done(then)

    def done(self, then=None):
        # The running command has given its final result.
        m = self._m
        if m.out.gap:
            self._ended = ("", then, 0)
            return
        m.running = False
        m.out.silent = False
        if then is not None:
            then()
        m.line_in.resume()

    def reset(self):
        self._todo = []
