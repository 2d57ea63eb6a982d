# qssl.family.suites - the cipher suites that LTE modems have beyond those of a UGxx.
# SPDX-License-Identifier: MIT

# Name: (value, weak), as in qssl.connect.sslcheck.
SUITES = {
    "ECDHE-RSA-AES128-GCM-SHA256": ("0XC02F", False),
    "ECDHE-RSA-AES256-GCM-SHA384": ("0XC030", False),
    "ECDHE-RSA-AES128-SHA256": ("0XC027", False),
    "ECDHE-RSA-AES256-SHA384": ("0XC028", False),
    "ECDHE-RSA-AES128-SHA": ("0XC013", False),
    "ECDHE-RSA-AES256-SHA": ("0XC014", False),
    "ECDHE-ECDSA-AES128-GCM-SHA256": ("0XC02B", False),
    "ECDHE-ECDSA-AES128-SHA256": ("0XC023", False),
    "ECDHE-ECDSA-AES256-SHA384": ("0XC024", False),
    "ECDHE-ECDSA-AES128-SHA": ("0XC009", False),
    "ECDHE-ECDSA-AES256-SHA": ("0XC00A", False),
    "AES128-GCM-SHA256": ("0X009C", False),
    "ECDHE-RSA-3DES-SHA": ("0XC012", True),
    "ECDHE-RSA-RC4-SHA": ("0XC011", True),
    "ECDHE-ECDSA-3DES-SHA": ("0XC008", True),
    "ECDHE-ECDSA-RC4-SHA": ("0XC007", True),
}
