# compact_kit - records for the compact forms: what a day brings, and whatever a program may put.
# SPDX-License-Identifier: MIT


def telemetry(count, start=1786200000):
    # 3 values and a time, as a day brings them.
    found = []
    a, b, c = 2150, 452, 101325
    seed = 1
    for n in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        a += (seed >> 8) % 21 - 10
        b += (seed >> 13) % 7 - 3
        c += (seed >> 18) % 31 - 15
        words = (start + 300 * n, a // 100, a % 100, b // 10, b % 10, c // 100, c % 100)
        found.append(b'{"at":%d,"t":%d.%02d,"h":%d.%d,"p":%d.%02d}' % words)
    return found


# Whatever a program may put, each a batch with what stands beside it: (records, the checksum).
ODD = (
    ([b'{"t":21.5}'], "2b12abee"),
    ([b'{"t":1}', b'{"t":null}', b'{"t":-3}', b'{"t":2.25}'], "5ef04915"),
    (
        [b'{"n":123456789012345678901234567890}', b'{"n":-9}', b'{"n":1e20}', b'{"n":1E-7}'],
        "26b2ab7f",
    ),
    (
        [b'{"s":"a"}', b'{"s":"a"}', '{"s":"\u00fc \U0001f600 \\" \\\\"}'.encode(), b'{"s":1}'],
        "dfe34d0f",
    ),
    ([b'{"a":1,"b":2}', b'{"a":1}', b'{"a":1,"b":3}', b'{"b":2,"a":1}', b"[]", b"{}"], "b2c3b4bb"),
    ([b'{"on":true}', b'{"on":false}', b'{"on":false}', b'{"on":null}', b'{"on":7}'], "f4766da6"),
    ([b'{"gps":{"lat":48.137,"lon":11.575},"l":[1,2,[3]]}'] * 3, "a3bc66ef"),
    ([b'{"t":nan}', b'{"t":-inf}', b'{"t":NaN}', b'{"t":1}'], "b91b596e"),
    ([b'{"t":007}', b'{"t":+1}', b'{"t":1.}', b'{"t":.5}', b'{"t":-}', b'{"t":0x10}'], "e427a1b9"),
    ([b'{"t":1e999}', b'{"t":1e-999}', b'{"t":1e40}', b'{"t":1e-40}', b'{"t":0e5}'], "fcf59c1d"),
    ([b'{ "t" : 1 ,\n"u":[ 2 , 3 ] }', b'{"t":1,"u":[2,3]}', b"1 2", b'{"a" "b":1}'], "ebf2428b"),
    (
        [b"no JSON", b"no JSON", b"\x00\x01\x02\xff", b'{"t":', b'{"t":1}}', b'"', b'"\\'],
        "96167c82",
    ),
    ([b"7", b"8", b'"x"', b"true", b"null", b"-0", b"-0.0", b"0.10"], "566010ed"),
    ([b'{"a":"\x01"}', b'{"\x01":1}', b'{"a":\x01}', b'{"a":1\x01}'], "e0508686"),
    ([b'{"%s":%d}' % (b"k" * 2000, n) for n in range(2)], "e5ec5422"),
    ([b"[%s]" % b",".join([b"%d" % n for n in range(900)])] * 2, "6ddf1f38"),
    (telemetry(72), "f826c981"),
)
