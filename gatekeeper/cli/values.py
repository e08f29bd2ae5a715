"""Metric values as people and JSON see them."""

from gatekeeper.evidence import Ratio, Value


def percent(value: Ratio) -> str:
    """100 * n / d with two decimals, rounded down: 99.996 % is never shown as 100."""
    hundredths = value.n * 10_000 // value.d
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def plain_value(value: Value) -> int | str:
    """Counts as integers, percentages as decimal strings."""
    return percent(value) if isinstance(value, Ratio) else value


def shown_value(value: Value) -> str:
    """For people: `87.50 % (7 of 8)`, `1,234`."""
    if isinstance(value, Ratio):
        return f"{percent(value)} % ({value.n:,} of {value.d:,})"
    return f"{value:,}"
