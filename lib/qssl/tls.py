# qssl.tls - SSL contexts as a program holds them.
# SPDX-License-Identifier: MIT


class Context:
    # Settings of one SSL context (manual 2.2.1). They are checked here, sent to the modem before
    # the first connection that uses them, and again whenever the modem has restarted.

    def __init__(self, modem, ctx: int = 0, **settings) -> None:
        # ctx: 0..5. settings: see qssl.sslcfg.check.
        from .sslcfg import check

        self.id = ctx
        self._modem = modem
        self._epoch = -1  # of the modem, when it was last told
        self._names = ()  # of the files on the modem
        self._seclevel, self._settings, self._pems, self._where = check(ctx, **settings)

    def apply(self) -> None:
        # Makes the modem's context what this one says, unless it is already. Blocks.
        self._modem.link.drive(self.applying())

    def applying(self):
        # The same as a generator for Link.drive.
        from .sslcfg import applying

        return applying(self, self._modem)
