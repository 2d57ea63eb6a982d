# ugsim.model.family - the models of modems, each with the table of its family.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import ControlError

# model -> (module here, model word of ATI, firmware)
MODELS = {
    "ug95": ("ugxx", "UG95", "UG95ENAR02A01E1G"),
    "ug96": ("ugxx", "UG96", "UG96LNAR02A06E1G"),
    "ec21": ("ec2x", "EC21", "EC21EFAR06A03M4G"),
    "ec25": ("ec2x", "EC25", "EC25AFFAR07A08M4G"),
    "eg25": ("ec2x", "EG25", "EG25GGBR07A08M2G"),
    "eg91": ("ec2x", "EG91", "EG91NAXGAR07A03M1G"),
    "bg96": ("bg96", "BG96", "BG96MAR02A07M1G"),
    "bg95": ("bg95", "BG95-M3", "BG95M3LAR02A03"),
    "bg77": ("bg95", "BG77", "BG77LAR02A04"),
    "bg770a": ("bg77xa", "BG770A-GL", "BG770AGLAAR01A05"),
    "ec200u": ("ec200u", "EC200U", "EC200UCNAAR03A15M08"),
    "eg915u": ("ec200u", "EG915U", "EG915UEUABR03A01M08"),
    "ec200a": ("eg800k", "EC200A", "EC200AELLAR01A05M16"),
    "eg800k": ("eg800k", "EG800K", "EG800KCNGCR07A06M04"),
}
DEFAULT = "ug96"


def named(text):
    # The model that a text such as "EC25-AF" or "BG770A-GL" begins with, or None.
    best = None
    text = text.upper()
    for name in MODELS:
        word = MODELS[name][1].partition("-")[0]
        if text.startswith(word) and (best is None or len(word) > len(MODELS[best][1])):
            if not text[len(word) : len(word) + 1].isdigit():
                best = name
    return best


def load(name):
    # The table of a model, as an object. Only the module of its family is loaded.
    entry = MODELS.get(name.lower())
    if entry is None:
        known = ", ".join(sorted(MODELS))
        raise ControlError("unknown model '%s'; known are %s" % (name, known))
    module = __import__("ugsim.model.family." + entry[0], None, None, ("Family",))
    family = module.Family()
    family.name = name.lower()
    family.model, family.revision = entry[1:]
    return family
