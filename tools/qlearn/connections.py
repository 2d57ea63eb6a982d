# qlearn.connections - what connections tell, in the order in which it is asked: takes a server
# that runs `learn.py serve`.
# SPDX-License-Identifier: MIT

from qlearn import modes, opening, reading, sending, trust

PROBES = (
    (opening.first, ("recv_trailer", "state_prefix", "state_server_id", "at_port"), 10),
    (opening.release, ("context_release",), 10),
    (reading.largest_read, ("recv_max",), 15),
    (reading.rearm, ("recv_rearm",), 25),
    (reading.unread, ("closed_keeps_data",), 15),
    (opening.failed, ("geterror_after_urc", "failed_open_claims"), 5),
    (opening.quoted_port, ("port_text",), 8),
    (sending.prompt, ("prompt_space", "prompt_again", "esc_answer"), 12),
    (sending.payload_echo, ("payload_echo",), 10),
    (sending.at_the_prompt, ("urc_at_prompt",), 12),
    (modes.push, ("push_trailer", "push_max"), 20),
    (modes.transparent, ("connect_text", "urc_in_data", "closed_after_no_carrier"), 50),
    (opening.broken, ("security_then_closed",), 10),
    (trust.trust, ("pem", "anchor"), 40),
    (sending.patience, ("prompt_timeout_ms",), 35),
)
