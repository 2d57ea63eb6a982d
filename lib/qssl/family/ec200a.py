# qssl.family.ec200a - EC200A, EC200N, EC200S, EC800x, EC801E, EG800K, EG810M, EG912N, EG915N,
# EG915K, EG950A.
# SPDX-License-Identifier: MIT

from .ec200u import Family as Ec200u


class Family(Ec200u):
    lte = 5
    pdps = 15
    flash = "UFS:"
    hosts = "EG800K"
