# mqtt_listener - subscribes to everything on a broker and keeps what comes.
# SPDX-License-Identifier: MIT

import time

from patience import LIMIT_S
from qdemo.subscriber import Subscriber


class Listener(Subscriber):
    # port: a listener of the broker without TLS. messages: [(topic, payload, qos)] in order.
    def __init__(self, port, topic="#", user=None, password=None):
        self.messages = []
        login = (user, password) if user is not None else None
        super().__init__("127.0.0.1", port, topic, self._keep, login=login, qos=1)

    def _keep(self, *message):
        self.messages.append(message)

    def wait(self, count, timeout_s=LIMIT_S):
        # The messages, once there are that many.
        end = time.monotonic() + timeout_s
        while len(self.messages) < count:
            if time.monotonic() > end or self.error:
                raise TimeoutError(
                    "%d messages, not %d (%s)" % (len(self.messages), count, self.error)
                )
            time.sleep(0.005)
        return self.messages

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
