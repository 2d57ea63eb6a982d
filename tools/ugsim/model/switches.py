# ugsim.model.switches - named answers to what is uncertain about the real firmware.
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.errors import ControlError
from ugsim.model.family import ugxx

# name -> (default, choices, meaning). Choices is a tuple of words, or None for a number >= 0.
# The defaults are the probable truth about UG95/UG96; a driver has to live with every choice.
SWITCHES = {
    "recv_trailer": (
        "long",
        ("long", "short"),
        "CR LF pairs between QSSLRECV's data and OK: 2 or 1",
    ),
    "recv_rearm": (
        "empty",
        ("empty", "zero", "always"),
        'next "recv" URC after: the buffer was read empty, a read returned 0, every arrival',
    ),
    "recv_max": (0, None, "most bytes that one QSSLRECV gives; 0: all that was asked for"),
    "closed_keeps_data": (
        "keep",
        ("keep", "drop", "error"),
        "unread data after close: kept until QSSLCLOSE, dropped, QSSLRECV answers ERROR",
    ),
    "close_free_id": ("ok", ("ok", "error"), "QSSLCLOSE of an id that is not open"),
    "failed_open_claims": ("yes", ("yes", "no"), "a failed QSSLOPEN keeps the id until QSSLCLOSE"),
    "state_prefix": ("qssl", ("qssl", "qi"), "QSSLSTATE answers +QSSLSTATE: or +QISTATE:"),
    "state_server_id": ("own", ("own", "zero"), "serverID in QSSLSTATE: the socket's id or 0"),
    "state_style": ("yes", ("yes", "no"), "AT+QSSLSTATE=1,<id> is accepted as well"),
    "at_port": ("usbmodem", ("usbmodem", "usbat", "uart1"), "name of this port, as in QSSLSTATE"),
    "urc_port_kept": ("yes", ("yes", "no"), 'AT+QCFG="urc/port" outlives a restart'),
    "urc_port_open": (
        "no",
        ("no", "yes"),
        "+QSSLOPEN comes here though URCs go to another port (seen)",
    ),
    "start_urcs": ("here", ("here", "elsewhere"), "RDY and what follows it come at this port"),
    "esc_answer": ("ok", ("ok", "nothing", "fail"), "what ESC in QSSLSEND answers"),
    "echo_obeys": (
        "yes",
        ("yes", "never", "always"),
        "ATE0 and ATE1 answer OK and work; nothing is ever echoed; the echo stays on",
    ),
    "payload_echo": (
        "ate",
        ("ate", "qisde", "never", "always"),
        "payload of QSSLSEND is echoed: with ATE1 and QISDE=1, with QISDE=1 alone, never, "
        "with ATE1 whatever QISDE is",
    ),
    "prompt_space": ("yes", ("yes", "no"), 'the prompt is "> " or ">"'),
    "prompt_again": (
        "variable",
        ("variable", "both", "no"),
        "a fresh prompt after each CR typed: in variable-length QSSLSEND, in both forms, never",
    ),
    "prompt_timeout_ms": (0, None, "QSSLSEND gives up waiting for data after this time; 0: never"),
    "urc_at_prompt": ("now", ("now", "later"), "URC between prompt and SEND OK, or after SEND OK"),
    "urc_in_data": ("later", ("later", "drop"), "URCs during transparent mode: kept or lost"),
    "closed_after_no_carrier": ("no", ("no", "yes"), '"closed" URC follows NO CARRIER'),
    "push_trailer": ("crlf", ("crlf", "none"), "what stands after the data of a pushed URC"),
    "push_max": (1500, None, "largest direct push in bytes"),
    "pdpdeact_also_closed": (
        "yes",
        ("yes", "no"),
        'a "closed" URC for each socket before pdpdeact',
    ),
    "security_then_closed": ("yes", ("yes", "no"), '"closed" URC after the "security" URC'),
    "cfg_quoted": ("yes", ("yes", "no"), "QSSLCFG queries print strings in quotes"),
    "cfg_unquoted_set": (
        "error",
        ("error", "ok"),
        "ciphersuite without quotes is refused or taken",
    ),
    "ignorelocaltime": ("1", ("1", "0"), "QSSLCFG ignorelocaltime at power-up"),
    "sslversion": ("4", ("4", "0", "1", "2", "3"), "QSSLCFG sslversion at power-up"),
    "context_release": (
        "kept",
        ("kept", "reset"),
        "QSSLCFG settings of a context after its last connection is closed",
    ),
    "cacert_unchecked": ("yes", ("yes", "no"), "QSSLCFG takes a path of a file that is not there"),
    "pem": (
        "strict",
        ("strict", "lenient"),
        "files as OpenSSL and Mbed TLS both take them, or anything with base64 in it, and DER",
    ),
    "anchor": (
        "root",
        ("root", "any"),
        "what is trusted as CA: a self-signed certificate, or an intermediate or server's too",
    ),
    "geterror_after_urc": ("zero", ("zero", "code"), "QIGETERROR after a failed +QSSLOPEN URC"),
    "geterror_space": ("yes", ("yes", "no"), "blank after the comma of +QIGETERROR"),
    "port_text": ("error", ("error", "ok"), "port of QSSLOPEN in quotes"),
    "qiact_when_active": ("error", ("error", "ok"), "QIACT of an active context"),
    "empty_apn": ("error", ("error", "ok"), "QIACT of a context without APN (573)"),
    "qidnscfg_inactive": ("ok", ("ok", "error"), "QIDNSCFG of an inactive context"),
    "dnsgip": ("answers", ("answers", "hangs"), "QIDNSGIP gives its URC or never does (seen)"),
    "qilocip_ok": ("yes", ("yes", "no"), "AT+QILOCIP ends with OK or is the bare address"),
    "qfupl_exists": ("error", ("error", "replace"), "QFUPL of a file that exists (407)"),
    "qfupl_last_ack": ("yes", ("yes", "no"), 'an "A" after the last 1024 bytes of QFUPL, too'),
    "qfread_connect": ("length", ("length", "bare"), "QFREAD answers CONNECT <n> or CONNECT"),
    "checksum_case": ("lower", ("lower", "upper"), "hexadecimal digits of +QFUPL and +QFDWL"),
    "file_missing": ("own", ("own", "405"), "QFLST/QFDEL of no file: 417/418 or 405"),
    "file_prefix": ("ram", ("ram", "all", "none"), "names in QFLST: RAM: shown, UFS: too, none"),
    "file_cme": ("always", ("always", "cmee"), "FILE errors as +CME ERROR with AT+CMEE=0 too"),
    "ram_survives_reset": ("no", ("no", "yes"), "RAM: files outlive a restart"),
    "cmee_default": ("1", ("1", "0", "2"), "AT+CMEE at power-up"),
    "cmee_obeys": (
        "yes",
        ("yes", "words", "bare"),
        "AT+CMEE=1 works; answers OK, but errors come in words, or as ERROR alone",
    ),
    "echo_default": ("1", ("1", "0"), "ATE at power-up"),
    "qisde_default": ("1", ("1", "0"), "AT+QISDE at power-up"),
    "atd_default": ("0", ("0", "1", "2"), "AT&D at power-up"),
    "dtr2_answer": ("ok", ("ok", "no carrier"), "what a DTR drop answers with AT&D2"),
    "connect_text": ("CONNECT", ("CONNECT", "CONNECT 150000000"), "how CONNECT is spelled"),
    "baud_default": (115200, None, "AT+IPR at power-up; 0: automatic"),
    "busy_input": ("drop", ("drop", "queue"), "input while a command runs is lost or run later"),
    "at_prefix": (
        "anywhere",
        ("anywhere", "begin"),
        "a command line is run from its AT on, or only if it begins with AT",
    ),
    "noise_line": ("ignore", ("ignore", "error"), "a line without AT"),
    "rtc_default": ("80/01/06", ("80/01/06", "04/01/01", "70/01/01"), "clock at power-up"),
    "rtc_digits": (
        "local",
        ("local", "utc"),
        "what AT+CTZU=1 and AT+QNTP write into the clock, before the local zone",
    ),
    "nitz": ("yes", ("yes", "no"), "the network tells its time"),
    "nitz_ms": (0, None, "time from the registration until it does"),
    "nitz_time": (
        "true",
        ("true", "1980", "2070", "fast", "slow", "year", "day", "hour", "local", "sign")
        + ("zone",),
        "the time it tells: true, of 1980 or 2070, 10 minutes ahead or behind; a year, a day, an "
        "hour ahead; local time as UTC, UTC as local time; the zone's sign wrong",
    ),
    "qlts_year": ("2", ("2", "4"), "digits of the year in QLTS"),
    "qlts_summer": ("yes", ("yes", "no"), "QLTS has the field of the summer time"),
    "qlts_empty": (
        "quotes",
        ("quotes", "bare", "nothing", "error"),
        'QLTS without a network time: +QLTS: "", +QLTS:, OK alone, ERROR',
    ),
    "qntp_year": ("2", ("2", "4"), "digits of the year in +QNTP"),
    "qntp_digits": (
        "utc",
        ("utc", "local", "network", "bare"),
        "time in +QNTP: UTC before the local zone (seen); local before the clock's zone, before "
        "the network's; no zone",
    ),
    "qntp_sets": ("yes", ("yes", "no"), "QNTP sets the clock"),
    "creg_lost": (
        "alternates",
        ("alternates", "searching"),
        "without coverage the registration is 2 and 0 in turn (seen), or stays 2",
    ),
    "creg_style": (
        "full",
        ("full", "cell", "plain", "area", "short"),
        "AT+CREG?: mode and stat; always with lac and cell, the same without quotes, with the "
        "routing area before the cell; stat alone",
    ),
    "sim": (
        "ready",
        ("ready", "pin", "puk", "pin2", "puk2", "ph-sim", "ph-net", "ph-netsub", "ph-sp")
        + ("ph-corp", "none", "failed", "busy", "wrong"),
        "SIM: ready, locked (PIN 1234, PUK 12345678), modem locked to another SIM or network, "
        "not inserted, failing",
    ),
    "sim_busy_ms": (0, None, "time after power-up in which the SIM is busy (+CME ERROR: 14)"),
    "sim_lag_ms": (0, None, "time after the right PIN in which AT+CPIN? still asks for it"),
    "sim_tries": (
        "qpinc",
        ("qpinc", "plain", "stuck", "cpinr", "no"),
        "which command tells how many wrong PINs the SIM still stands: QPINC, without quotes, "
        "always the same three; CPINR; none",
    ),
    "pin_wrong": (
        "16",
        ("16", "ok", "busy", "100", "3"),
        "what a wrong PIN is answered with: a +CME ERROR, OK, that the SIM is busy",
    ),
    "cpin_style": ("word", ("word", "number"), "AT+CPIN? of a locked SIM: a word, +CME ERROR: 11"),
    "radio_kept": ("no", ("no", "yes"), "AT+CFUN and AT+COPS outlive a restart"),
    "operators": (1, None, "networks that AT+COPS=? lists"),
    "sleep_wake": (
        "dtr",
        ("dtr", "bytes"),
        "AT+QSCLK=1: what wakes the UART: DTR alone, or bytes",
    ),
    "sleep_after_ms": (3000, None, "AT+QSCLK: time without a byte until the UART sleeps"),
    "sleep_wake_ms": (100, None, "time until it is awake; what is typed before is lost"),
    "sleep_urc": (
        "now",
        ("now", "held", "lost"),
        "URC while it sleeps: comes, when it is awake, never; RI pulses in any case",
    ),
    "down_ms": (500, None, "time from AT+QPOWD to POWERED DOWN (UG96: 2 to 12 s, at most 40)"),
    "cscs_name": ("plain", ("plain", "hex"), 'how AT+CSCS="GSM" is written in UCS2'),
    "pwrkey_off": ("no", ("no", "yes"), "a long pulse of PWRKEY switches off (UG95, UG96: no)"),
    "pwrdwn": (
        "orderly",
        ("orderly", "at once"),
        "PWRDWN_N leaves the network first (UG95), or cuts the power (UG96)",
    ),
    "qind_order": ("sms", ("sms", "pb"), "which +QIND comes first at start"),
    "pdpdeact_at_off": ("yes", ("yes", "no"), "pdpdeact URC during AT+QPOWD"),
    "open_limit": (
        0,
        None,
        "after this many opens each one fails with 552 till restart; 0: never",
    ),
    "rx_size": (10240, None, "bytes a socket buffers from the network"),
    "tx_size": (8760, None, "bytes a socket buffers towards the network"),
    "reply_ms": (0, None, "time from a command's CR to its reply"),
    "take_ms": (0, None, "time from executing a command to its answer; URCs pass in between"),
    "act_ms": (200, None, "time of QIACT"),
    "boot_ms": (3000, None, "time from power on to RDY"),
    "register_ms": (1500, None, "time from RDY or coverage to registration"),
    "ram_total": (131072, None, "size of the RAM: storage in bytes"),
    "ufs_total": (1048576, None, "size of the UFS storage in bytes"),
}

# The same of LTE modules alone.
LTE = {
    "firmware": (
        "new",
        ("new", "old"),
        "BG96 of before has no sni, checkhost and ignorecertchain, EC2x five suites more and no "
        "ignorecertitem",
    ),
    "seclevel": ("0", ("0", "1", "2"), "QSSLCFG seclevel at power-up"),
    "sni_default": ("0", ("0", "1"), "QSSLCFG sni at power-up"),
    "checkhost_default": ("0", ("0", "1"), "QSSLCFG checkhost at power-up"),
    "ignorecert_default": ("0", ("0", "1"), "QSSLCFG ignorecertchain and the like at power-up"),
    "host_check": (
        "key",
        ("key", "level", "none"),
        "the host name is checked: with checkhost, with seclevel 1 and 2 (EG800K: seen), never",
    ),
    "sni_address": ("omit", ("omit", "send"), "with sni 1 an address as host: not sent, sent"),
    "security_urc": ("no", ("no", "yes"), '"security" URC (UGxx: in its manual)'),
    "urc_port": (
        "here",
        ("here", "elsewhere"),
        "QURCCFG at the factory: URCs come to this port, or to another until it is set",
    ),
    "auto_pdp": ("yes", ("yes", "no"), "the attach activates PDP context 1"),
    "addresses": ("4", ("4", "46", "6"), "what the network gives: IPv4, both, IPv6 alone"),
    "apn_kept": ("no", ("no", "yes"), "QICSGP outlives a restart"),
    "dns_addresses": ("4", ("4", "46"), "QIDNSGIP under IPv4 and IPv6 tells the IPv6 ones, too"),
    "cs_stat": (
        "same",
        ("same", "0", "2"),
        "CREG and CGREG of a SIM for data alone: as CEREG, not registered, searching",
    ),
    "qicfg_ssl": ("yes", ("yes", "no"), "AT+QICFG changes what SSL sockets say"),
    "sendinfo_name": ("ssl", ("ssl", "tcp"), "QICFG sendinfo 1: +QSSLSEND: or +QISEND:"),
    "prompt_late": (
        "error",
        ("error", "nothing", "fail"),
        "what follows when QSSLSEND gives up waiting for data: ERROR, nothing, SEND FAIL",
    ),
    "cacertex": (
        "more",
        ("more", "cacert"),
        "QSSLCFG cacertex is one more CA of the context, or cacert by another name",
    ),
    "id_busy_ms": (0, None, "time after QSSLCLOSE in which the id can't be opened again (563)"),
    "close_timeout": ("ok", ("ok", "error"), "second parameter of QSSLCLOSE"),
    "qfupl_short": (
        "ok",
        ("ok", "421"),
        "QFUPL of less than was told: +QFUPL and OK, or +CME ERROR: 421 behind it (seen)",
    ),
    "qfdel_prefix": ("ok", ("ok", "400"), "QFDEL of a name with UFS: works or is refused (seen)"),
    "escape_answer": (
        "ok",
        ("ok", "no carrier"),
        "+++ answers OK, or NO CARRIER before that",
    ),
    "baud_wait_ms": (0, None, "after AT+IPR the UART hears nothing for this time"),
    "ntp_ms": (300, None, "time of QNTP"),
    "psm": ("granted", ("granted", "refused"), "the network grants power saving (AT+CPSMS)"),
    "psm_urc": ("yes", ("yes", "no"), "PSM POWER DOWN is printed"),
    "edrx": ("granted", ("granted", "refused"), "the network grants eDRX (AT+CEDRXS)"),
    "rtc_default": (
        "80/01/06",
        ("80/01/06", "08/01/04", "04/01/01", "70/01/01"),
        "clock at power-up",
    ),
    "at_port": (
        "uart1",
        ("uart1", "usbmodem", "usbat", "uart2", "uart3", "usbnmea", "main", "aux"),
        "name of this port, as in QSSLSTATE and for QURCCFG",
    ),
    "start_urcs": (
        "here",
        ("here", "elsewhere", "always"),
        "RDY and what follows it come at this port, or not; always: whatever QURCCFG says",
    ),
    "pon_trig": ("low", ("low", "high"), "BG77xA: high, the modem starts again after QPOWD"),
}

# Where UGxx differs from the defaults above.
_UGXX = {"security_urc": "yes", "host_check": "none", "auto_pdp": "no", "qicfg_ssl": "no"}


class Switches:
    # sw["name"] -> value: a word, or a number for the switches without choices. family: see
    # ugsim.model.family; without one it is UGxx.

    def __init__(self, changes=None, family=ugxx.Family):
        self._table = SWITCHES
        if family.lte:
            self._table = {}
            self._table.update(SWITCHES)
            self._table.update(LTE)
        self._values = {}
        for name in LTE:
            self._values[name] = LTE[name][0]
        for name in SWITCHES:
            self._values[name] = SWITCHES[name][0]
        # What is of LTE alone stands as UGxx has it, for those who ask.
        self._values.update(_UGXX)
        for name, value in family.defaults:
            self.set(name, value)
        self._usual = dict(self._values)
        for name in changes or {}:
            self.set(name, changes[name])

    def __getitem__(self, name):
        return self._values[name]

    def set(self, name, value):
        # Raises ControlError for an unknown name or a value that is no choice.
        if name not in self._table:
            if name in LTE:
                raise ControlError("switch %s is one of LTE models; see --model" % name)
            raise ControlError("unknown switch '%s'; 'switches' lists them" % name)
        choices = self._table[name][1]
        if choices is None:
            text = str(value)
            if not decimal(text):
                raise ControlError("switch %s wants a number, not '%s'" % (name, value))
            self._values[name] = int(text)
            return
        for choice in choices:
            if str(value).lower() == choice.lower():
                self._values[name] = choice
                return
        raise ControlError("switch %s can be %s, not '%s'" % (name, ", ".join(choices), value))

    def describe(self):
        # One line a switch, with its present value and its choices.
        lines = []
        for name in sorted(self._table):
            choices, meaning = self._table[name][1:]
            values = "number" if choices is None else "|".join(choices)
            now = self._values[name]
            mark = "" if now == self._usual[name] else " (now %s)" % now
            lines.append("  %s=%s%s: %s" % (name, values, mark, meaning))
        return "\n".join(lines)
