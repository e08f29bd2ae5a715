"""Numbers as people see them, rounded so that a failing value never reads as its threshold."""

from fractions import Fraction

from gatekeeper.evidence import Ratio, Value
from gatekeeper.metrics import METRICS, Direction, Unit
from gatekeeper.policy.condition import Condition


def exact(value: Value) -> Fraction:
    """The value as a fraction; a ratio in percent."""
    return Fraction(100 * value.n, value.d) if isinstance(value, Ratio) else Fraction(value)


def shown_value(metric: str, value: Fraction, conditions: tuple[Condition | None, ...] = ()) -> str:
    """A count as it is; a percentage with two decimals, or as many as its thresholds have.

    Rounded towards the bad side: 79.996 against `>= 80` is shown as 79.99.
    """
    registered = METRICS[metric]
    if registered.unit is not Unit.PERCENT:
        return str(value.numerator // value.denominator)
    decimals = max([2, *(_decimals(condition.threshold) for condition in conditions if condition)])
    return decimal(value, decimals, up=registered.better is Direction.LOWER)


def shown_limit(metric: str, limit: Fraction) -> str:
    """A limit that was computed from a baseline, rounded towards the strict side."""
    registered = METRICS[metric]
    up = registered.better is Direction.HIGHER
    return decimal(limit, 2 if registered.unit is Unit.PERCENT else 0, up=up)


def decimal(value: Fraction, decimals: int, *, up: bool) -> str:
    """`value` with so many decimals, rounded up or down, never to the nearest."""
    scaled = value * 10**decimals
    whole = -((-scaled.numerator) // scaled.denominator) if up else scaled.numerator // scaled.denominator
    sign, digits = ("-", str(-whole)) if whole < 0 else ("", str(whole))
    if not decimals:
        return sign + digits
    digits = digits.rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
