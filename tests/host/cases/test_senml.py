# test_senml - records as SenML: their bytes, the same on every port.
# SPDX-License-Identifier: MIT
#
# That it is SenML, and what the receiver makes of it, shows test_compact.

from binascii import crc32

from compact_kit import ODD, telemetry
from qssl.uplink.senml import Senml

# Of each batch of ODD: what JSON and CBOR sum up to.
SUMS = (
    2134357672,
    436928580,
    1846495886,
    409035221,
    2169658432,
    1176802637,
    3032303486,
    3847851301,
    871596253,
    2168451542,
    2486865272,
    113514891,
    4062847956,
    3811339512,
    646019638,
    2254024563,
    2937506234,
    3948583890,
    1064625850,
    3450628564,
    448691868,
    460033986,
    4158753830,
    2578359100,
    1426368598,
    3432497499,
    2014339426,
    4017723208,
    1613884689,
    45257386,
    985409025,
    3859088824,
    2250318682,
    1270730454,
)


def body(records, **keywords):
    form = Senml("n1:", {"t": "Cel"}, **keywords)
    return form.pack("q1", [(17 + n, record) for n, record in enumerate(records)])


def test_the_bytes_are_the_same_everywhere():
    for i in range(len(ODD)):
        records = ODD[i][0]
        for k in range(2):
            found = crc32(body(records, cbor=k > 0))
            assert found == SUMS[2 * i + k], (i, k, found)
    assert len(SUMS) == 2 * len(ODD)


def test_a_pack_as_it_is():
    records = [b'{"at":1786200000,"t":21.50,"s":"a\\"b"}', b'{"on":true,"x":null,"qt":{"p":-3}}']
    assert bytes(body(records)) == (
        b'[{"bn":"n1:","queue":"q1","bt":1786200000,"id":17,"n":"t","u":"Cel","v":21.50},'
        b'{"n":"s","vs":"a\\"b"},{"bt":0,"id":18,"n":"on","vb":true},{"n":"qt.p","v":-3}]'
    )
    assert bytes(body(records, cbor=True)) == (
        b"\x99\x00\x04\xa7\x21cn1:equeuebq1\x22\x1ajw?\xc0bid\x11\x00at\x01cCel\x02\xc4\x82\x20\x18\xd7"
        b'\xa2\x00as\x03ca"b\xa4\x22\x00bid\x12\x00bon\x04\xf5\xa2\x00dqt.p\x02\x22'
    )
    form = Senml()
    assert bytes(form.envelope("q", 3, b'{"t":1}')) == b'[{"queue":"q","id":3,"n":"t","v":1}]'
    assert form.kind == "application/senml+json"


def test_what_a_day_takes():
    assert len(body(telemetry(288))) < 288 * 97
    assert len(body(telemetry(288), cbor=True)) < 288 * 52
