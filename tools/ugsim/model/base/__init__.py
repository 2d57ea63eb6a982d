# ugsim.model.base - what the model needs of every program: byte queue, timers, seeded numbers.
# SPDX-License-Identifier: MIT
