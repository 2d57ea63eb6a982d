# qreplay.scripted - the driver against a modem that answers as a transcript says.
# SPDX-License-Identifier: MIT
#
# Each recorded answer is given once, in its order, when the driver asks that; for the rest the
# simulated modem stands in, also for what moves data. What the modem said unasked comes while a
# connection is open: none of it is true of this one, and the driver has to find that out.

import driver_kit
from qssl.errors import Error
from ugsim.fakenet import EchoPeer, FakeNet

_DATA = ("+QSSLSEND", "+QSSLRECV", "+QFUPL", "+QFDWL", "+QFREAD", "+QFWRITE", "+QSSLCLOSE")
_STATE = ("+QSSLSTATE", "+QISTATE")  # says what is open, here


class Script:
    def __init__(self, model, transcript):
        self.used = 0
        self.code = None  # what the recorded AT+QSSLOPEN came to, once it was given
        self._model = model
        self._waiting = {}
        opened = [u for u in transcript.urcs if u.startswith("+QSSLOPEN: ")]
        self._opened = [int(u.rpartition(",")[2]) for u in opened]
        for x in transcript.exchanges:
            self._waiting.setdefault(x.text.upper(), []).append(x)
        self._run = model.runner._run
        model.runner._run = self._answer

    def _answer(self, name, form, text):
        m = self._model
        typed = m.runner.typed.decode("utf-8", "replace").upper()
        if name == "+QSSLOPEN" and form == "write":
            return self._open(name, form, text)
        found = self._waiting.get(typed)
        if not found or name in _DATA or name in _STATE or len(m.runner._todo) > 0:
            return self._run(name, form, text)
        x = found.pop(0)
        if not x.final or x.final.startswith("SEND") or any(">" in i[:2] for i in x.lines):
            return self._run(name, form, text)
        self.used += 1
        result = x.final
        if result == "OK":
            # What it does is done all the same: settings, contexts, files.
            out = m.out.info
            m.out.info = lambda line: None
            try:
                real = self._run(name, form, text)
            finally:
                m.out.info = out
            if real is None:
                return None
        for line in x.lines:
            m.out.info(line)
        return result

    def _open(self, name, form, text):
        if not self._opened:
            return self._run(name, form, text)
        code = self._opened.pop(0)
        if not code:
            return self._run(name, form, text)
        m = self._model
        id = int(text.split(",")[2])
        self.used += 1
        self.code = code
        m.timers.at(m.now + 500, lambda: m.out.tell("open", "+QSSLOPEN: %d,%d" % (id, code)))
        return "OK"


def play(transcript):
    # (True, what happened) or (False, why it is wrong): a sentence each.
    rig, modem = driver_kit.bare(
        FakeNet(EchoPeer()), model=transcript.model, switches=transcript.switches
    )
    script = Script(rig.model, transcript)
    ended = []
    try:
        modem.start("internet", timeout_ms=180000)
        for _ in range(len(script._opened) + 1):
            try:
                sock = modem.connect(driver_kit.HOST, 443, driver_kit.tls(modem))
                break
            except Error as e:
                if script.code is None:
                    raise
                if e.code != script.code:
                    return False, "+QSSLOPEN said %d, the error %s" % (script.code, e)
                ended.append("open failed with %d, as recorded" % e.code)
        sock.settimeout(60)
        for urc in [None, *transcript.urcs[:50]]:
            if urc is not None and not urc.startswith("+QSSLOPEN"):
                rig.model.out.urc(urc)
            data = driver_kit.pattern(300)
            sock.write(data)
            if driver_kit.reads(sock, 300) != data:
                return False, "after %s other bytes came than were sent" % urc
        sock.close()
    except Error as e:
        if not script.used:
            return False, "it ends though nothing was as recorded: %s" % e
        return True, "it ends by name: %s" % e
    except Exception as e:
        return False, "the driver let %s escape: %s" % (type(e).__name__, e)
    ended.append("%d answers as recorded" % script.used)
    return True, ", ".join(ended)
