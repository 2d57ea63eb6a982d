# setup.umqtt - the MQTT client umqtt.simple as the package index has it, for the unix port.
# SPDX-License-Identifier: MIT
def umqtt():
    pass
