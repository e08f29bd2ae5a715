"""Codes of the second factor: those of the RFC, in their time, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.service.people import totp

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""`12345678901234567890` in base32, the secret of RFC 6238, appendix B."""
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_of_the_rfc(second: int, code: str) -> None:
    """Appendix B, whose eight digits end with our six."""
    assert totp.code_at(RFC_SECRET, second // 30) == code[2:]


@pytest.mark.parametrize(
    ("late_s", "counts"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)]
)
def test_a_clock_may_be_a_step_off(late_s: int, counts: bool) -> None:
    """One step either way, not two."""
    code = totp.code_at(RFC_SECRET, totp.step_of(NOW + timedelta(seconds=late_s)))
    step = totp.matching_step(RFC_SECRET, code, NOW)
    assert (step is not None) is counts
    assert step in (None, totp.step_of(NOW + timedelta(seconds=late_s)))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\n", "-12345"])
def test_what_is_no_code_is_none(code: str) -> None:
    """Also digits of other scripts, which `int` would read."""
    assert totp.matching_step(RFC_SECRET, code, NOW) is None


def test_recovery_codes_are_many_and_their_own() -> None:
    """Typed in capitals or with blanks around, a code is the same."""
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert totp.recovery_digest(f" {codes[0].upper()} ") == totp.recovery_digest(codes[0])
    assert totp.recovery_digest(codes[0]) != totp.recovery_digest(codes[1])


def test_the_uri_is_what_apps_take() -> None:
    """The label is escaped, so that a login name cannot add a parameter."""
    uri = totp.uri_of(RFC_SECRET, "ann&secret=x", "Gatekeeper")
    assert uri == (
        f"otpauth://totp/Gatekeeper%3Aann%26secret%3Dx?secret={RFC_SECRET}&issuer=Gatekeeper&digits=6&period=30"
    )
