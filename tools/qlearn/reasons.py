# qlearn.reasons - switches of ugsim that no probe settles, and why.
# SPDX-License-Identifier: MIT

UNASKED = {
    "urc_port_kept": "would set where URCs go, which may outlive a restart",
    "urc_port_open": "would send the URCs to another port",
    "atd_default": "AT&D can't be read",
    "dtr2_answer": "needs the DTR line",
    "sleep_wake": "needs the DTR line",
    "pwrkey_off": "needs the PWRKEY line",
    "pwrdwn": "needs the PWRDWN_N line",
    "pdpdeact_at_off": "would switch the modem off",
    "pin_wrong": "would use up a try of the SIM's PIN",
    "sim_lag_ms": "needs a SIM with a PIN",
    "sim_busy_ms": "is a matter of the SIM",
    "nitz_ms": "is a matter of the network",
    "nitz_time": "is a matter of the network",
    "creg_lost": "needs a place without coverage",
    "operators": "is a matter of the place",
    "register_ms": "is a matter of the network",
    "open_limit": "takes hundreds of connections",
    "rx_size": "the network buffers as well",
    "tx_size": "the network buffers as well",
    "reply_ms": "the wire and the PC take part; see the answers' times",
    "take_ms": "the wire and the PC take part; see the answers' times",
    "act_ms": "is measured, not settled",
    "boot_ms": "is measured, not settled",
}
