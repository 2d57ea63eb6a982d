# ugsim.model.errors - result codes and their texts, and the exceptions that carry them.
# SPDX-License-Identifier: MIT

OK = "OK"
ERROR = "ERROR"

# Families of commands: how a refused one answers.
GENERAL = 0  # ERROR or +CME ERROR, as AT+CMEE says
TCPIP = 1  # bare ERROR, the code is kept for AT+QIGETERROR
FILE = 2  # +CME ERROR with a 4xx code

# TCP/IP result codes (the manual's reference [3]), read with AT+QIGETERROR. Texts as printed.
TCPIP = {
    0: "operate successfully",
    550: "unknown error",
    551: "operation blocked",
    552: "invalid parameters",
    553: "memory not enough",
    554: "create socket failed",
    555: "operation not supported",
    556: "socket bind failed",
    557: "socket listen failed",
    558: "socket write failed",
    559: "socket read failed",
    560: "socket accept failed",
    561: "open pdp context failed",
    562: "close pdp context failed",
    563: "socket identity has been used",
    564: "dns busy",
    565: "dns parse failed",
    566: "socket connect failed",
    567: "socket has been closed",
    568: "operation busy",
    569: "operation timeout",
    570: "pdp context broken down",
    571: "cancel send",
    572: "operation not allowed",
    573: "apn not configured",
    574: "port busy",
}

# +CME ERROR codes: general ones of 27.007, 4xx of the FILE commands.
CME = {
    3: "operation not allowed",
    4: "operation not supported",
    5: "PH-SIM PIN required",
    6: "PH-FSIM PIN required",
    7: "PH-FSIM PUK required",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed - emergency calls only",
    33: "requested service option not subscribed",
    40: "network personalization PIN required",
    42: "network subset personalization PIN required",
    44: "service provider personalization PIN required",
    46: "corporate personalization PIN required",
    50: "incorrect parameters",
    100: "unknown",
    103: "Illegal MS",
    106: "Illegal ME",
    107: "GPRS services not allowed",
    111: "PLMN not allowed",
    112: "Location area not allowed",
    113: "Roaming not allowed in this location area",
    132: "service option not supported",
    133: "requested service option not subscribed",
    134: "service option temporarily out of order",
    148: "unspecified GPRS error",
    149: "PDP authentication failure",
    150: "invalid mobile class",
    400: "Invalid input value",
    401: "Larger than the size of the file",
    402: "Read zero byte",
    403: "Drive full",
    405: "File not found",
    406: "Invalid file name",
    407: "File already existed",
    409: "Fail to write the file",
    410: "Fail to open the file",
    411: "Fail to read the file",
    413: "Reach the max number of file allowed to be opened",
    414: "The file read-only",
    416: "Invalid file descriptor",
    417: "Fail to list the file",
    418: "Fail to delete the file",
    419: "Fail to get disk info",
    420: "No space",
    421: "Time out",
    423: "File too large",
    425: "Invalid parameter",
    426: "File already opened",
}


def cme(code, level):
    # The final result for a code, with AT+CMEE at this level: 2 is in words.
    return "+CME ERROR: " + (CME.get(code, "unknown") if level == 2 else str(code))


class Refused(Exception):
    # A handler refuses the command. `code`: TCP/IP or CME code, as the command's family has it;
    # None: the family's code for a wrong parameter.

    def __init__(self, code=None):
        super().__init__(code)
        self.code = code


class ControlError(Exception):
    # A wrong control command; the text is one sentence for a person.
    pass
