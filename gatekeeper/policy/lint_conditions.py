"""Sense of one condition on one metric: its direction, and whether it can fail and pass at all."""

from collections.abc import Iterator
from fractions import Fraction

from gatekeeper.metrics import Direction, Metric, Unit
from gatekeeper.policy.condition import Condition, Op
from gatekeeper.policy.section import Section


def check_condition(condition: Condition, metric: Metric, place: Section, key: str, where: str) -> bool:
    """True when the condition makes sense for the metric; else the fault is noted."""
    value = condition.value
    if metric.unit is not Unit.PERCENT and value.denominator != 1:
        place.fault(key, f"{where}{metric.name} is a whole number; {condition.threshold} is not")
    elif metric.unit is Unit.PERCENT and not 0 <= value <= 100:
        place.fault(
            key, f"{where}{metric.name} is a percentage; {condition.threshold} is not within 0 to 100"
        )
    elif holds_always(condition, metric):
        place.fault(key, f"{where}{metric.name} {condition} always holds: the rule could never fail")
    elif holds_never(condition, metric):
        place.fault(key, f"{where}{metric.name} {condition} never holds: the rule would always fail")
    elif not _fits(condition, metric):
        sign = ">=" if metric.better is Direction.HIGHER else "<="
        place.fault(
            key,
            f"{where}{metric.name} is better when {metric.better}: `{condition}` bounds the good side",
            hint=f'write "{sign} {condition.threshold}"',
        )
    else:
        return True
    return False


def _fits(condition: Condition, metric: Metric) -> bool:
    value = condition.value
    match metric.better:
        case Direction.HIGHER:
            best = 100 if metric.unit is Unit.PERCENT else None
            return (
                condition.op in (Op.AT_LEAST, Op.MORE)
                or (condition.op is Op.EQUAL and value == best)
                or (condition.op is Op.OTHER and value == 0)
            )
        case Direction.LOWER:
            return condition.op in (Op.AT_MOST, Op.LESS) or (condition.op is Op.EQUAL and value == 0)
        case Direction.NEUTRAL:
            return True


def holds_always(condition: Condition, metric: Metric) -> bool:
    """True when no value of the metric could break the condition."""
    return all(condition.holds(value) for value in _probes(condition, metric))


def holds_never(condition: Condition, metric: Metric) -> bool:
    """True when no value of the metric could fulfil the condition."""
    return not any(condition.holds(value) for value in _probes(condition, metric))


def _probes(condition: Condition, metric: Metric) -> Iterator[Fraction]:
    """Values of the metric at which a condition can change: the ends, the threshold and its neighbours."""
    step = Fraction(1, 10**9) if metric.unit is Unit.PERCENT else Fraction(1)
    top = Fraction(100) if metric.unit is Unit.PERCENT else max(condition.value, Fraction(0)) + 1
    for value in (Fraction(0), condition.value - step, condition.value, condition.value + step, top):
        if 0 <= value <= top and (metric.unit is Unit.PERCENT or value.denominator == 1):
            yield value


def strictness(condition: Condition, metric: Metric) -> Fraction:
    """How much a condition demands: of two on the same metric, the stricter has the larger number."""
    step = Fraction(1, 10**10) if metric.unit is Unit.PERCENT else Fraction(1)
    value = condition.value
    if metric.better is Direction.LOWER:
        return -(value - step) if condition.op is Op.LESS else -value
    return value + step if condition.op in (Op.MORE, Op.OTHER) else value


def check_band(wanted: Condition, warn: Condition, metric: Metric, place: Section, where: str) -> None:
    """Note when `warn` is not looser than `pass`, so that nothing lies between them."""
    if metric.better is Direction.NEUTRAL:
        place.fault("warn", f"{metric.name} has no better side, so nothing lies between `pass` and `warn`")
    elif strictness(warn, metric) >= strictness(wanted, metric):
        place.fault(
            "warn",
            f"{where}`{warn}` must be looser than `pass`, which is `{wanted}`",
            hint="between the two the rule warns; beyond `warn` it fails",
        )
