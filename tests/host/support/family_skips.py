# family_skips - cases that don't hold for modems of LTE, or of one family, and why.
# SPDX-License-Identifier: MIT
#
# For `tools/test.py --family`. What these cases look at on a UG96, test_family_*.py look at on the
# others.

RANGES = "the numbers are those of a UG96"
TALK = "the commands and their order are those of a UG96"
SUITES = "a UG96 has RSA suites alone, and takes the best of them if none is named"
SECURITY = "LTE modems have no such URC"
PUSH = "of an LTE modem this line says how much waits in it: nothing follows"
GIVES_UP = "its prompt gives up: what comes late is not trusted"
PULSE = "how long PWRKEY is pressed is found out by trying"
ATTACH = "the attach activates a PDP context by itself, with any APN"

RAM = "it has no RAM: storage"
CLOSE = "its AT+QSSLCLOSE takes no time-out: it is always 10 s"
NAME = "its firmware checks the name"

# Models of ugsim, or "*" for all of LTE: {case: why}
SKIPS = {
    "ec21 ec25 eg25 eg91 ec200u eg915u ec200a eg800k": {
        "test_driver_sending::test_error_after_the_data": GIVES_UP,
        "test_driver_sending::test_prompt_that_comes_late": GIVES_UP,
        "test_driver_end::test_sending_fails_before_the_close_is_known": GIVES_UP,
        "test_compat_ends::test_dropped_after_a_failure": GIVES_UP,
    },
    "bg96 bg95 bg77 bg770a ec200u eg915u ec200a eg800k": {
        "test_driver_badinput::test_ca_larger_than_the_storage": RAM,
        "test_files::test_space_left": RAM,
        "test_files::test_no_space_is_said_before_anything_is_sent": RAM,
        "test_files::test_lists_of_ram_and_flash": RAM,
    },
    "bg770a": {
        "test_status::test_a_close_may_take_its_time_out_and_no_longer": CLOSE,
    },
    "bg96 bg95 bg77 bg770a eg800k": {
        "test_compat_tls::test_the_name_in_the_certificate": NAME,
    },
    "*": {
        "test_bill::test_what_a_batch_costs": RANGES,
        "test_bill::test_longer_certificates_cost_more": RANGES,
        "test_info::test_what_a_ug96_tells": TALK,
        "test_info::test_what_a_modem_does_not_know_is_none": TALK,
        "test_driver_badinput::test_tls_arguments": RANGES,
        "test_driver_badinput::test_weak_settings_need_their_name": SUITES,
        "test_driver_badinput::test_defaults_are_strong": SUITES,
        "test_driver_settings::test_setting_that_fails_refuses_the_connection": SUITES,
        "test_driver_settings::test_settings_are_told_once": TALK,
        "test_driver_settings::test_settings_that_go_with_the_last_connection": SUITES,
        "test_driver_urcs::test_security_urc": SECURITY,
        "test_events::test_security_with_its_three_codes": SECURITY,
        "test_events::test_pdpdeact_names_its_context": RANGES,
        "test_pdp::test_three_contexts_at_once": RANGES,
        "test_pdp::test_addresses": TALK,
        "test_pdp::test_apn_missing_or_refused": ATTACH,
        "test_probe::test_every_test_command_of_the_manual": TALK,
        "test_probe::test_all_settings_pass_on_the_manuals_firmware": SUITES,
        "test_probe::test_settings_that_the_firmware_lacks_are_refused_before_they_are_sent": TALK,
        "test_probe::test_other_forms_of_lists_pass": TALK,
        "test_probe::test_a_firmware_that_lists_nothing_is_not_judged": TALK,
        "test_manual_driver::test_every_version_and_suite_of_the_tables": SUITES,
        "test_manual_driver::test_the_ends_of_every_range_of_qsslopen": RANGES,
        "test_manual_driver::test_3_1_and_3_2_configuration": TALK,
        "test_status::test_the_words_of_states": RANGES,
        "test_status::test_opening_handshake_and_closing_as_they_are": RANGES,
        "test_evidence::test_urcs_that_go_elsewhere_all_at_once": TALK,
        "test_evidence::test_a_modem_that_falls_asleep_meanwhile": TALK,
        "test_driver_restart::test_mute_in_every_call": "registration() has three questions there",
        "test_driver_start::test_switched_off": PULSE,
        "test_driver_start::test_other_pdp_context": RANGES,
        "test_driver_start::test_no_apn": ATTACH,
        "test_start_states::test_restart_at_every_step": TALK,
        "test_start_states::test_urcs_sent_to_another_port": TALK,
        "test_start_states::test_urcs_sent_to_another_port_by_a_modem_that_looks_up_no_name": TALK,
        "test_start_states::test_asleep": TALK,
        "test_start_states::test_everything_left_at_once": TALK,
        "test_files::test_delete_one_and_all": TALK,
        "test_compat_tls::test_a_ca_in_every_form": SUITES,
        "test_compat_tls::test_ciphers": SUITES,
        "test_diagnose::test_all_well": SUITES,
        "test_diagnose::test_version_and_suite": SUITES,
        "test_diagnose::test_keys_that_are_not_of_rsa": SUITES,
        "test_push::test_push_for_a_socket_in_buffer_mode_fails_it": PUSH,
    },
}


def why(model, case):
    # Why a case is not for a model; None: it is.
    for names, cases in SKIPS.items():
        if (names == "*" or model in names.split()) and case in cases:
            return None if model.startswith("ug") else cases[case]
    return None
