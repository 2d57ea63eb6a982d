# ugsim.model.commands - every AT command, by topic, with the state it works on.
# SPDX-License-Identifier: MIT
