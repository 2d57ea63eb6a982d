# ugsim.model.family.ugxx - UG95 and UG96, and what every table of a family has.
# SPDX-License-Identifier: MIT
#
# Where no document says, ugsim.model.switches has both answers; `defaults` are a family's own.


class Family:
    maker = "Quectel"
    name = model = revision = ""
    build = ""  # what AT+QGMR shows behind the revision
    lte = False
    defaults = ()  # (switch, value) pairs

    # AT+QSSLCFG: names of ugsim.model.commands.sslcfg.KEYS in the order of =?, None for UGxx's
    # own; `ranges` has what differs from there, name -> (low, high, as =? shows it).
    keys = None
    ranges = ()
    suites = None  # texts in the order of =?; None for UGxx's own
    suites_gap = ""  # with firmware=old: the suite in front of which =? has a blank
    suite_quoted = True

    # AT+QSSLOPEN to AT+QSSLSTATE
    state_word = "SSL CLIENT"
    states = None  # as shown, by those of ugsim.model.commands.sslsocket; None: they are UGxx's
    local_port = None  # as AT+QSSLSTATE shows it; None: the true one
    recv_zero = False  # AT+QSSLRECV takes the length 0
    ca_paths = 1  # that AT+QSSLCFG="cacertex" has
    open_test = "+QSSLOPEN: (1-20),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]"
    close_test = "+QSSLCLOSE: (0-11)[,(0-65535)]"

    # PDP contexts
    contexts = 20
    most_active = 3
    pdp_types = "(1)"
    auth_most = 3

    # Network and clock
    registrations = ("CREG", "CGREG")
    act = 2  # access technology in AT+CREG? and AT+COPS?
    zone_most = 1  # AT+CTZU

    # URCs, power. start: lines when the UART is ready; sim: when the SIM is; done: (word, ms
    # after that).
    ports = None  # of AT+QURCCFG="urcport"; None: there is no such command
    start = ("RDY", "+CFUN: %(fun)d")
    sim = ("+CPIN: READY", "+QUSIM: 1")
    done = (("SMS", 600), ("PB", 900))
    app_rdy_ms = 0  # from RDY to APP RDY; 0: none
    # Shortest pulses of PWRKEY. Drivers for UG95/UG96 use 150 to 300 ms to switch on.
    on_ms = 100
    off_ms = 600  # where that switches off (switch pwrkey_off)
    autobaud = True
    sleep_most = 2  # AT+QSCLK
    psm = False  # AT+CPSMS and AT+CEDRXS
    power_pin = False  # PON_TRIG: see the switch

    # Files
    stores = ("UFS", "RAM")
    ufs_taken = 0  # bytes of the storage that are not free at the factory
    block = 1  # files take a multiple of so many bytes
    paths = False  # a name may have a "/" in it
    folders = ()  # those that are there from the factory
    words = ()  # (code, words) of errors that differ

    # AT+QICFG: names as listed in ugsim.model.commands.qicfg. None: there is no such command.
    qicfg = None
    prompt_most_s = 120  # of its qisend/timeout
    qcfg = None  # names of AT+QCFG; None for UGxx's own

    old_without = ()  # with the switch firmware=old: keys that there are not
    old_suites = None
    old_revision = ""

    def aged(self):
        # The same with firmware of before.
        self.revision = self.old_revision or self.revision
        self.suites = self.old_suites or self.suites
        if self.keys is not None:
            self.keys = [key for key in self.keys if key not in self.old_without]
        return self

    def kept(self, switches):
        # What it keeps over restarts, as from the factory.
        return {}

    def commands(self, table):
        # Name -> (handler, family of errors), from the table that UGxx has.
        return table
