# qssl.start.words - the number of an error that the modem told in words, or as one of messages.
# SPDX-License-Identifier: MIT
#
# 27.007 9.2: with AT+CMEE=2, and with firmware that does so whatever AT+CMEE is. 27.005 3.2.5: the
# numbers of +CMS ERROR. Loaded by start() when such an error comes.

from micropython import const

# number|what stands in the text, in small letters. The first that does is it.
_TEXTS = const("""
18|puk2
17|pin2
7|ph-fsim puk
6|ph-fsim pin
5|ph-sim pin
43|subset personalization puk
42|subset personalization
45|provider personalization puk
44|provider personalization
47|corporate personalization puk
46|corporate personalization
41|personalization puk
40|personalization
12|puk
11|pin required
11|pin necessary
16|password
10|not inserted
14|busy
14|not ready
14|please wait
13|sim failure
15|sim wrong
20|memory full
23|memory failure
30|no network service
31|network time
32|emergency
33|not subscribed
132|option not supported
134|out of order
3|operation not allowed
4|operation not supported
103|illegal ms
106|illegal me
107|gprs services not
111|plmn not
112|location area not
113|roaming not
148|unspecified gprs
149|authentication
150|mobile class
100|unknown
3|302
4|303
10|310
11|311
5|312
13|313
14|314
15|315
12|316
17|317
18|318
23|320
20|322
30|331
31|332
100|500
""")


def number(said):
    # The number that these bytes stand for; 0: they are unknown.
    said = bytes([c if 32 <= c < 127 else 63 for c in said]).decode().lower()
    for a, b in (("isation", "ization"), ("_", "-")):
        said = said.replace(a, b)
    for line in _TEXTS.strip().split("\n"):
        code, text = line.split("|")
        if text in said:
            return int(code)
    return 0
