# ugsim.model - simulated UGxx without I/O: bytes in, bytes out, virtual time, one seed.
# SPDX-License-Identifier: MIT

from ugsim.model.commands.sslcfg import TlsSettings
from ugsim.model.errors import ControlError
from ugsim.model.family import MODELS
from ugsim.model.faults import FAULTS
from ugsim.model.switches import SWITCHES
from ugsim.model.ugxx import UGxx

__all__ = ["FAULTS", "MODELS", "SWITCHES", "ControlError", "TlsSettings", "UGxx"]
