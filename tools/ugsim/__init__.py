# ugsim - simulated Quectel UGxx modem: a pure model, and adapters that connect it to the world.
# SPDX-License-Identifier: MIT

__version__ = "0.1.0"
