# ugsim.model.control - commands to the simulation itself, apart from the AT port.
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.bytefaults import line_ends
from ugsim.model.commands.sim import STATES
from ugsim.model.commands.sslsocket import COUNT
from ugsim.model.errors import ControlError
from ugsim.model.faults import of as faults_of
from ugsim.model.faults import usage

_WHAT = {0: "initial", 1: "opening", 2: "handshake", 3: "connected", 5: "closing"}


def run(m, text):
    # Runs one command line. Returns what is to be shown; "error: " and one sentence when it was
    # wrong.
    words = text.split()
    if not words:
        return "error: no command; 'help' lists them"
    entry = COMMANDS.get(words[0].lower())
    try:
        if entry is None:
            raise ControlError("unknown command '%s'; 'help' lists them" % words[0])
        m.event("control", text)
        return entry[2](m, words[1:], text) or "ok"
    except ControlError as e:
        return "error: %s" % e


def _one_of(words, index, choices, usage):
    # The word at index, which must be one of choices.
    if index >= len(words) or words[index].lower() not in choices:
        raise ControlError("%s; choose %s" % (usage, " or ".join(choices)))
    return words[index].lower()


def _number(words, index, low, high, what, default=None):
    if index >= len(words) and default is not None:
        return default
    if index >= len(words) or not decimal(words[index]) or not low <= int(words[index]) <= high:
        raise ControlError("%s wants a number from %d to %d" % (what, low, high))
    return int(words[index])


def _help(m, words, text):
    if words:
        name = words[0]
        if name in faults_of(m.family):
            return _fault_help(m, name)
        if name in COMMANDS:
            return "%s: %s" % COMMANDS[name][:2]
        raise ControlError("'%s' is neither a command nor a fault" % name)
    lines = ["commands:"]
    for name in sorted(COMMANDS):
        lines.append("  %s: %s" % COMMANDS[name][:2])
    lines.append(
        "faults (fault NAME [parameter=value ...]); n=how often, 0 for ever; ms=how long:"
    )
    for name in sorted(faults_of(m.family)):
        lines.append(_fault_help(m, name))
    return "\n".join(lines)


def _fault_help(m, name):
    return "  %s: %s" % (usage(name), faults_of(m.family)[name][0])


def _fault(m, words, text):
    if not words:
        raise ControlError("which fault? 'help' lists them")
    given = {}
    for i in range(1, len(words)):
        key, equal, value = words[i].partition("=")
        if not equal:
            raise ControlError("'%s' is no parameter=value" % words[i])
        if key in given:
            raise ControlError("%s stands twice" % key)
        if key == "text":
            # A line may hold blanks, so text= takes the rest.
            given[key] = text[text.index("text=") + 5 :]
            break
        given[key] = value
    m.faults.arm(words[0], given)


def _faults(m, words, text):
    lines = [fault.describe() for fault in m.faults.armed()]
    return "\n".join(lines) if lines else "none"


def _clear(m, words, text):
    return "%d cleared" % m.faults.clear(words[0] if words else None)


def _switch(m, words, text):
    if len(words) != 2:
        raise ControlError("switch NAME VALUE; 'switches' lists them")
    m.sw.set(words[0], words[1])


def _switches(m, words, text):
    return m.sw.describe()


def _quiet(words, index, usage):
    # True when the word at index is "quiet"; nothing else may stand there.
    if index < len(words):
        _one_of(words, index, ("quiet",), usage)
    return index < len(words)


def _restart(m, words, text):
    m.power.restart(quiet=_quiet(words, 0, "restart or restart quiet"))


def _power(m, words, text):
    if _one_of(words, 0, ("on", "off"), "power on or power off") == "on":
        m.power.start(_quiet(words, 1, "power on or power on quiet"))
    else:
        m.power.stop()


def _coverage(m, words, text):
    on = _one_of(words, 0, ("on", "off"), "coverage on or off") == "on"
    m.radio.quiet = len(words) > 1 and words[1] == "quiet"
    m.radio.cover(on)
    m.radio.quiet = False


def _registration(m, words, text):
    stat = _number(words, 0, 0, 11, "registration")
    if stat not in (0, 2, 4):
        m.network.stat = stat  # also after a restart
    m.network.cause = " ".join(words[1:])
    m.radio.set_stat(stat)


def _signal(m, words, text):
    if words and words[0] == "99":
        m.network.rssi = 99
    else:
        m.network.rssi = _number(words, 0, 0, 31, "signal")


def _pdp(m, words, text):
    _one_of(words, 0, ("drop",), "pdp drop CONTEXT [quiet]")
    number = _number(words, 1, 1, m.family.contexts, "the context")
    if not m.pdp.drop(number, "quiet" not in words):
        raise ControlError("PDP context %d is not active" % number)


def _socket(m, words):
    number = _number(words, 0, 0, COUNT - 1, "the socket")
    s = m.sockets.slots[number]
    if s is None or s.state != 3:
        raise ControlError("socket %d is not connected" % number)
    return s


def _close(m, words, text):
    m.sockets.closed_by_peer(_socket(m, words), "quiet" not in words)


def _security(m, words, text):
    s = _socket(m, words)
    m.sockets.security(s, _number(words, 1, 1, 3, "the security code", 1))


def _dns(m, words, text):
    m.network.dns_dead = _one_of(words, 0, ("dead", "ok"), "dns dead or dns ok") == "dead"


def _sim(m, words, text):
    state = _one_of(words, 0, tuple(STATES), "state of the SIM")
    m.card.tries = _number(words, 1, 0, 3, "the tries left", m.card.tries)
    m.sw.set("sim", state)
    m.sim.change(state)


def _clock(m, words, text):
    if _one_of(words, 0, ("reset", "set"), "clock reset or clock set UNIX") == "reset":
        m.clock.reset()
    else:
        unix = _number(words, 1, 0, 0x7FFFFFFFF, "the clock")
        m.clock.set(unix + m.clock.zone * 900, m.clock.zone)


def _network_time(m, words, text):
    unix = _number(words, 0, 0, 0x7FFFFFFFF, "the network's time")
    west = len(words) > 1 and words[1][:1] == "-"
    if west:
        words[1] = words[1][1:]
    zone = _number(words, 1, 0, 96, "the zone", 0)
    m.network.set_time(unix, -zone if west else zone, _number(words, 2, 0, 2, "summer time", 0))


def _echo(m, words, text):
    m.echo = _one_of(words, 0, ("on", "off"), "echo on or off") == "on"


def _baud(m, words, text):
    m.port.setting = m.port.baud = _number(words, 0, 0, 4000000, "baud")


def _storage(m, words, text):
    what = _one_of(words, 0, ("full", "free"), "storage full or storage free")
    for store in (m.files.ufs, m.files.ram):
        store.blocked = store.total if what == "full" else 0


def _say(m, words, text):
    if not words:
        raise ControlError("say TEXT prints a line on the AT port")
    m.out.urc(line_ends(text[text.index("say") + 4 :]))


def _raw(m, words, text):
    try:
        data = bytes([int(word, 16) for word in words])
    except ValueError:
        raise ControlError("raw wants bytes in hexadecimal, such as: raw 0d 0a ff")
    m.out.emit(data, "urc")


def _line(m, words, text):
    lines = ("dtr", "rts", "pwrkey", "reset", "off")
    name = _one_of(words, 0, lines, "line NAME on or off")
    m.set_line(name, _one_of(words, 1, ("on", "off"), "line %s on or off" % name) == "on")


def _state(m, words, text):
    r = m.radio
    lines = [
        "power %s, command %s" % (m.power.state, "running" if m.running else "none"),
        "baud %d, echo %s, flow %d,%d" % (m.baud, "on" if m.echo else "off", m.ifc[0], m.ifc[1]),
        "registration %d, coverage %s" % (r.stat, "on" if m.network.coverage else "off"),
    ]
    for c in m.pdp.active():
        lines.append('pdp %d active, apn "%s", %s' % (c.number, c.apn, c.ip))
    for s in m.sockets.live:
        lines.append(
            "socket %d %s, %s:%d, mode %d, %d bytes unread, %d unsent"
            % (s.number, _WHAT[s.state], s.host, s.port, s.mode, len(s.rx), len(s.tx))
        )
    for store in (m.files.ram, m.files.ufs):
        for name in store.names:
            lines.append("file %s:%s, %d bytes" % (store.name, name, len(store.contents[name])))
    for name in sorted(m.stats):
        lines.append("count %s %d" % (name, m.stats[name]))
    return "\n".join(lines)


# name -> (usage, description, function(model, words behind the name, whole text) -> text or None)
COMMANDS = {
    "help": ("help [NAME]", "this list, or one entry of it", _help),
    "fault": ("fault NAME [parameter=value ...]", "arms a fault", _fault),
    "faults": ("faults", "the armed faults", _faults),
    "clear": ("clear [NAME]", "disarms one fault or all", _clear),
    "switch": (
        "switch NAME VALUE",
        "sets an answer to what is uncertain in real firmware",
        _switch,
    ),
    "switches": ("switches", "lists the switches, their choices and values", _switches),
    "state": ("state", "what the modem is doing", _state),
    "restart": (
        "restart [quiet]",
        "the modem restarts at once; quiet: without RDY and all that follows it",
        _restart,
    ),
    "power": ("power on|off [quiet]", "power comes (quiet: without RDY) or goes at once", _power),
    "coverage": ("coverage on|off [quiet]", "the network is reachable; quiet: no URC", _coverage),
    "registration": (
        "registration 0..11 [CAUSE]",
        "sets the registration as AT+CREG shows it, and what AT+CEER says of it",
        _registration,
    ),
    "signal": ("signal 0..31|99", "sets the signal as AT+CSQ shows it", _signal),
    "pdp": ("pdp drop CONTEXT [quiet]", "the network takes a PDP context away", _pdp),
    "close": ("close SOCKET [quiet]", "the peer closes; quiet: no URC", _close),
    "security": ("security SOCKET [1..3]", "a security error on a connection", _security),
    "dns": ("dns dead|ok", "the DNS servers answer or not", _dns),
    "sim": (
        "sim %s [TRIES]" % "|".join(STATES),
        "what AT+CPIN? finds (none: the card is pulled), and how many wrong PINs it still stands",
        _sim,
    ),
    "clock": ("clock reset|set UNIX", "sets the modem's clock", _clock),
    "network-time": (
        "network-time UNIX [ZONE [SUMMER]]",
        "the network's time, its zone in quarters of an hour, hours of summer time",
        _network_time,
    ),
    "echo": ("echo on|off", "switches the echo behind the host's back", _echo),
    "baud": ("baud RATE", "changes the modem's baud rate behind the host's back", _baud),
    "storage": ("storage full|free", "fills the file storages", _storage),
    "say": ("say TEXT", "prints a URC; \\n in it stands for a line end", _say),
    "raw": ("raw BYTE ...", "prints bytes, each in hexadecimal", _raw),
    "line": (
        "line NAME on|off",
        "sets dtr, rts, pwrkey, reset (RESET_N) or off (PWRDWN_N)",
        _line,
    ),
}
