# test_validity - the dates of a certificate, read on the board (RFC 5280, 4.1; manual 1.4).
# SPDX-License-Identifier: MIT

from certificate_kit import certificate
from qssl.ask import diagnose as _d

GOOD = certificate("20250101000000Z", "20300101000000Z")


def test_dates_of_certificates():
    # The issuer's length moves the dates around the forms of DER lengths.
    for issuer in (0, 1, 100, 110, 111, 112, 113, 120, 127, 128, 200):
        for version in (True, False):
            pem = certificate("20250102030405Z", "20500607080910Z", version, issuer)
            assert _d.validity(pem) == [((2025, 1, 2, 3, 4, 5), (2050, 6, 7, 8, 9, 10))]
    crlf = GOOD.replace(b"\n", b"\r\n")
    assert _d.validity(crlf) == _d.validity(GOOD) == _d.validity(b"# note\n" + GOOD)
    assert _d.validity(b"") == _d.validity(b"-----BEGIN X-----\n-----END X-----\n") == []


def test_no_cut_or_changed_certificate_does_harm():
    for n in range(0, len(GOOD), 5):
        for data in (GOOD[:n], GOOD[:n] + b"-----END", GOOD[:n] + b"?" + GOOD[n + 1 :]):
            try:
                _d.validity(data)
            except (ValueError, IndexError):
                pass


def test_stamp_counts_seconds():
    assert _d.stamp(1970, 1, 2, 0, 0, 0) - _d.stamp(1970, 1, 1, 0, 0, 0) == 86400
    assert _d.stamp(2026, 6, 15, 12, 0, 0) - _d.stamp(1970, 1, 1, 0, 0, 0) == 1781524800
    assert _d.stamp(2100, 3, 1, 0, 0, 0) - _d.stamp(2100, 2, 28, 0, 0, 0) == 86400  # no leap year
    assert _d.stamp(2000, 3, 1, 0, 0, 0) - _d.stamp(2000, 2, 28, 0, 0, 0) == 2 * 86400
    last = 0
    for y in (1999, 2000, 2024, 2025, 9999):
        for m in range(1, 13):
            now = _d.stamp(y, m, 1, 0, 0, 0)
            assert now > last
            last = now
