# tap_rig - the tap's decoder and shadow at a conversation in this process, on a virtual clock.
# SPDX-License-Identifier: MIT

from qtap.decode import Decoder
from qtap.shadow import Shadow


class Tapped:
    # A port (as qlearn.talk wants it) that is listened to on its way.
    def __init__(self, port, switches=None):
        self.port = port
        self.now = port.now
        self.items = []
        self.exchanges = []
        self.found = []
        self.shadow = Shadow(switches, self.found.append)
        self.decoder = Decoder(self._item, self._exchange)
        self.shadow.host = self.decoder

    def write(self, data):
        self.decoder.host(self.now() / 1000, data)
        self.port.write(data)

    def read(self, ms):
        data = self.port.read(ms)
        if data:
            self.decoder.modem(self.now() / 1000, data)
        return data

    def finish(self):
        self.decoder.finish(self.now() / 1000)
        self.shadow.finish(self.now() / 1000)

    def _item(self, item):
        self.items.append(item)
        self.shadow.item(item)

    def _exchange(self, x):
        self.exchanges.append(x)
        self.shadow.exchange(x)
