# ugsim.model.foreign - URCs that no SSL connection asked for, as such modems print them.
# SPDX-License-Identifier: MIT
#
# A line end within a URC is "\n" here and CR LF on the wire.

ONE = (
    '+QNTP: 0,"26/11/22,10:00:00+00"',
    "+QNTP: 565",
    '+QPING: 0,"192.0.2.7",32,192,255',
    "+QPING: 0,4,4,0,178,231,192",
    "+CREG: 2",
    '+CREG: 1,"5650","29A7DF4",2',
    "+CGREG: 5",
    '+CTZV: "+04"',
    '+CTZE: "+04",0,"2026/11/22,10:00:00"',
    "+QIND: SMS DONE",
    "+QIND: PB DONE",
    "+QIND: SMS FULL",
    '+QIND: "vbatt",-1',
    "+QUSIM: 1",
    "+QSIMSTAT: 1,1",
    "+CGEV: ME CLASS B",
    '+CGEV: NW DEACT "IP","10.7.157.2",2',
    "+CIEV: 2,3",
    "+CSQ: 9,99",
    "RING",
    "+CRING: VOICE",
    '+CLIP: "+4915112345678",145,,,,0',
    '+CCWA: "+4915112345678",145,1,,0',
    "+CSSU: 2",
    "+CUSD: 2",
    '+CUSD: 0,"You have 5.00 EUR left",15',
    '+CMTI: "SM",3',
    '+CDSI: "SM",4',
    '+CDS: 6,18,"+4915112345678",145,"26/11/22,10:00:00+04","26/11/22,10:00:02+04",0',
    "Call Ready",
    "CALL READY",
    "SMS READY",
    '+QIURC: "incoming full"',
    '+QIURC: "recv",3',
    '+QIURC: "closed",3',
    "+QIOPEN: 3,0",
    "+QHTTPGET: 0,200,1256",
    "+QFTPOPEN: 0,0",
)
_SMS = '+CMT: "+4915112345678",,"26/11/22,10:00:00+04"\n'
SEVERAL = (
    _SMS + "Hello, are you there?",
    _SMS + "two lines\nof one message",
    "+CMT: ,24\n07919471227210244405912100000F0000",
    "+CDS: 25\n07917283010010F506280B918310",
    "+CBM: 271,4370,1,1,1\nTest of the public warning system",
    '+CUSD: 0,"1 Balance\n2 Data\n3 Help",15',
    'RING\n\n+CLIP: "+4915112345678",145,,,,0',
)
# Text from outside that reads like a line of an exchange, and the end of a call.
DECEPTIVE = tuple(
    [
        _SMS + text
        for text in (
            "OK",
            "ERROR",
            "RDY",
            "SEND OK",
            "SEND FAIL",
            "> ",
            "CONNECT",
            "NO CARRIER",
            "POWERED DOWN",
            '+QSSLURC: "closed",0',
            '+QSSLURC: "recv",0',
            "+QSSLRECV: 0\n\nOK",
            "+QSSLOPEN: 0,0",
            "+CME ERROR: 10",
        )
    ]
    + ["+CUSD: 0,\"reply\nOK\n\",15", "NO CARRIER", "BUSY"]
)  # fmt: skip
LINES = ONE + SEVERAL + DECEPTIVE

SETS = {"any": LINES, "one": ONE, "several": SEVERAL, "deceptive": DECEPTIVE}


def framed(text):
    # The bytes of a URC.
    return b"\r\n" + text.encode().replace(b"\n", b"\r\n") + b"\r\n"
