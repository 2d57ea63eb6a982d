# qssl.family.choose - which family a modem is of, by what ATI says, or AT+CGMM and the like.
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
# 27.007 5.2, 5.3, and their short forms: the second is asked if the first does not tell.
_NAMES = const(((b"AT+CGMM", b"AT+GMM"), (b"AT+CGMR", b"AT+QGMR")))
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
    model = by_fw = firmware = ""
    family = None
    for line in lines:
        text = printable(line, 0, len(line)).strip()
        if text.upper().startswith("REVISION:"):
            firmware = text[9:].strip().upper()
            by_fw = _match(firmware)
        elif text.upper() != "QUECTEL" and not text.startswith("AT"):  # a late echo
            for word in text.upper().replace("_", " ").split():
                if family is None:
                    family = _match(word)
                    if family or not model:
                        model = word
    return model or firmware, family or by_fw, by_fw


def _asked(step):
    # Generator: the same lines, where ATI does not have them.
    lines = []
    for names in _NAMES:
        for name in names:
            told = yield from step.told(name, b"")
            for line in told:
                line = line[line.find(b":") + 1 :].replace(b'"', b" ")  # some write +CGMM:
                lines.append(line if names is _NAMES[0] else b"Revision:" + line)
            if told:
                break
            step.look()
            if step.link.sick:
                yield from step.heal(_HEAL_MS)
    return lines


def choose(step, lines, settings):
    # Generator: sets modem.model and modem.dialect, and what start() does for an LTE modem first.
    # As a byte of the answer may have been lost, what can't be right is asked again, ATI first.
    # settings: see ready().
    modem = step.modem
    forced = getattr(modem, "forced", None)
    for n in range(2 * _TRIES):
        model, family, by_fw = _read(lines)
        last = n >= _TRIES - 1 and (family or forced or (n > _TRIES and lines))
        if last or (family and by_fw in (None, "", family) and forced in (None, family)):
            break
        step.look()
        if step.link.sick:
            yield from step.heal(_HEAL_MS)
        if n < _TRIES - 1:
            lines = (yield from step.told(b"ATI", b"")) or lines
        else:
            lines = (yield from _asked(step)) or lines
    if forced is None:
        if not family:
            if step.over():
                step.ends().silent(step, b"ATI")
            hint = "the modem does not say what it is (ATI, AT+CGMM, AT+CGMR); the driver knows "
            if model:
                hint = "the modem says it is %s, which is none of those that the driver knows: "
                hint = hint % model
            hint += _known() + "; if its AT+QSSL commands are like those of one, say so: "
            raise Refused(errno.EINVAL, "start", hint + "Modem(dialect=...)")
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
