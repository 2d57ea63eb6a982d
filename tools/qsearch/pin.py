# qsearch.pin - a line of the simulated modem, as machine.Pin.
# SPDX-License-Identifier: MIT


class Pin:
    def __init__(self, model, name):
        self._model = model
        self._name = name

    def value(self, on=None):
        if on is None:
            return self._model.line(self._name)
        return self._model.set_line(self._name, bool(on))
