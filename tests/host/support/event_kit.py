# event_kit - a callback for modem.on_event that keeps what it is told, and may do something.
# SPDX-License-Identifier: MIT


class Told:
    # A callback that keeps what it was told and then runs `then` once.
    def __init__(self, then=None):
        self.seen = []
        self.then = then
        self.result = None
        self.depth = self.deepest = 0

    def __call__(self, kind, id, value):
        self.seen.append((kind, id, value))
        self.depth += 1
        self.deepest = max(self.depth, self.deepest)
        try:
            if self.then is not None:
                then, self.then = self.then, None
                self.result = then()
        finally:
            self.depth -= 1

    def kinds(self):
        return [kind for kind, _, _ in self.seen]


def quiet(rig, modem, ms=50):
    # Lets what happened arrive, in the program's own loop.
    for _ in range(ms):
        rig.sleep(1)
        modem.pump()
