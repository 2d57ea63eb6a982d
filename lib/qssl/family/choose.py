# qssl.family.choose - which family a modem is of, by what ATI says.
# SPDX-License-Identifier: MIT
#
# Loaded by start() where it is no UGxx, and by Modem(dialect=).

import errno

from micropython import const

from ..connect.arguments import printable
from ..errors import Refused
from . import table

# What begins so, with no digit behind it. The marketing prefix does not decide: EG91, EG912U and
# EG912N are three families. EG912Y and EG916Q are likely only.
_MODELS = const("""
ugxx UG95 UG96
ec2x EC20 EC21 EC25 EG21 EG25 EG91 EG95 EM05
bg96 BG96
bg95 BG95 BG77 BG600L
bg770a BG770A BG773A BG950A BG951A BG953A BG955A
ec200u EC200U EG912U EG915U EG800G EG915G
ec200a EC200A EC200N EC200S EC800 EC801E EG800K EG810M EG912N EG915N EG915K EG950A EG912Y EG916Q
""")
_TRIES = const(3)
_HEAL_MS = const(30000)


def _match(name):
    # The family of a model or of a firmware's name; None: no known one.
    best = ""
    found = None
    for line in _MODELS.strip().split("\n"):
        family, *models = line.split()
        for model in models:
            if name.startswith(model) and not name[len(model) : len(model) + 1].isdigit():
                if len(model) > len(best):
                    best = model
                    found = family
    return found


def force(modem, dialect):
    # Modem(dialect=).
    modem.dialect = modem.forced = _named(dialect)
    modem.link.lte = table(modem).lte


def _named(dialect):
    # The family's own name, or that of a model.
    if isinstance(dialect, str):
        for line in _MODELS.strip().split("\n"):
            if dialect.lower() == line.split()[0]:
                return dialect.lower()
        found = _match(dialect.upper())
        if found:
            return found
    raise Refused(errno.EINVAL, "modem", "dialect must be one of " + _known())


def _known():
    lines = [line.split(" ", 1) for line in _MODELS.strip().split("\n")]
    return ", ".join(["%s (%s)" % (family, models) for family, models in lines])


def _read(lines):
    # (model, family, family by the firmware's name) of what ATI said.
    model = by_fw = ""
    family = None
    for line in lines:
        text = printable(line, 0, len(line)).strip()
        if text.upper().startswith("REVISION:"):
            by_fw = _match(text[9:].strip().upper())
        elif text.upper() != "QUECTEL" and not text.startswith("AT"):  # a late echo
            for word in text.upper().replace("_", " ").split():
                if family is None:
                    family = _match(word)
                    if family or not model:
                        model = word
    return model, family or by_fw, by_fw


def choose(step, lines, settings):
    # Generator: sets modem.model and modem.dialect, and what start() does for an LTE modem first.
    # As a byte of the answer may have been lost, what can't be right is asked again. settings: see
    # ready().
    modem = step.modem
    forced = getattr(modem, "forced", None)
    for _ in range(_TRIES):
        model, family, by_fw = _read(lines)
        if family and by_fw in (None, "", family) and forced in (None, family):
            break
        step.look()
        if step.link.sick:
            yield from step.heal(_HEAL_MS)
        lines = (yield from step.told(b"ATI", b"")) or lines
    if not lines:
        family = forced or "ugxx"  # as all were, before any other was known
    elif forced is None:
        if not family:
            hint = "the modem says it is %s, which is none of those that the driver knows: %s; "
            hint += "if its AT+QSSL commands are like those of one, say so: Modem(dialect=...)"
            raise Refused(errno.EINVAL, "start", hint % (model or "nothing", _known()))
    elif family and family != forced:
        hint = "dialect= says %s, but the modem says it is %s, which is %s; leave dialect= out"
        raise Refused(errno.EINVAL, "start", hint % (forced, model, family))
    else:
        family = forced
    modem.model = model
    modem.dialect = family
    step.link.lte = table(modem).lte
    if step.link.lte:
        from .attach import activate
        from .ready import card, network, radio, ready, urcs

        step.activate = lambda *setting: activate(step, *setting)
        step.radio = lambda: radio(step)
        step.card = lambda: card(step)
        step.network = lambda: network(step)
        step.urcs = lambda: urcs(step)
        yield from ready(step, settings)
