"""Severities: what scores and words are worth."""

from decimal import Decimal

import pytest

from gatekeeper.finding import Severity, severity_of_score


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("10.0", Severity.CRITICAL),
        ("9.0", Severity.CRITICAL),
        ("8.9", Severity.HIGH),
        ("7.0", Severity.HIGH),
        ("6.9", Severity.MEDIUM),
        ("4.0", Severity.MEDIUM),
        ("3.9", Severity.LOW),
        ("0.1", Severity.LOW),
        ("0.0", Severity.INFO),
    ],
)
def test_severity_thresholds(score: str, severity: Severity) -> None:
    """The floors are inclusive."""
    assert severity_of_score(Decimal(score)) is severity


def test_unknown_ranks_with_high() -> None:
    """What nobody rated is as urgent as what is rated high: never medium, never nothing."""
    assert Severity.UNKNOWN.at_least(Severity.HIGH)
    assert not Severity.UNKNOWN.at_least(Severity.CRITICAL)
    assert [one for one in Severity if not one.at_least(Severity.LOW)] == [Severity.INFO]
