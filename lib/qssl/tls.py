# qssl.tls - SSL contexts as a program holds them.
# SPDX-License-Identifier: MIT


class Context:
    """The settings of one SSL context (manual 2.2.1); made by Modem.tls().

    They are checked at once, sent to the modem before the first connection that uses them, and
    again whenever the modem has restarted or a file is no longer what it was.

    Raises: qssl.Refused for a setting or file that can't work.
    Blocks: while it reads the files.
    Allocates: about 200 bytes.
    Since: 0.1.
    """

    def __init__(self, modem, ctx: int = 0, **settings) -> None:
        from . import unload

        unload("clock wire.command", True)
        self.id = ctx
        self._modem = modem
        self._epoch = -1  # of the modem, when it was last told
        self._failed = False  # a connection since then
        self._names = ()  # of the files on the modem
        try:
            self._check(ctx, settings)
        finally:
            unload("connect files family", True)
        modem.contexts[ctx] = modem.contexts[ctx] or self  # not for those that clients make

    def _check(self, ctx, settings):
        # In a frame of its own, see Modem._start.
        from .connect.sslcheck import check

        settings = check(self._modem, ctx, **settings)
        self._seclevel, self._settings, self._pems, self._where = settings

    def apply(self) -> None:
        """Makes the modem's context what this one says, unless it is already. connect() does it
        too.

        Returns: None.
        Raises: qssl.Error if the modem does not hold what was set.
        Blocks: while files are uploaded.
        Allocates: little.
        Since: 0.1.
        """
        self._modem.link.drive(self.applying())

    def applying(self, *host):
        # The same as a generator for Link.drive, see there.
        from .connect.sslcfg import applying

        return applying(self, self._modem, *host)
