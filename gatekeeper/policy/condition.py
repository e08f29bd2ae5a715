"""Conditions on metrics, as a policy writes them: `tests.failed@e2e`, `>= 80`."""

from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

import msgspec


class Op(StrEnum):
    """How a metric is compared with a threshold."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "=="
    OTHER = "!="


class Condition(msgspec.Struct, frozen=True):
    """`>= 80`: an operator and a decimal threshold in plain digits, without superfluous zeros."""

    op: Op
    threshold: str

    @property
    def value(self) -> Fraction:
        """The threshold, exactly."""
        return _exact(self.threshold)

    def holds(self, actual: Fraction) -> bool:
        """True when `actual` fulfils the condition; no rounding takes place."""
        match self.op:
            case Op.AT_LEAST:
                return actual >= self.value
            case Op.AT_MOST:
                return actual <= self.value
            case Op.MORE:
                return actual > self.value
            case Op.LESS:
                return actual < self.value
            case Op.EQUAL:
                return actual == self.value
            case Op.OTHER:
                return actual != self.value

    def __str__(self) -> str:
        return f"{self.op} {self.threshold}"


class MetricRef(msgspec.Struct, frozen=True):
    """`tests.failed`, or `tests.failed@e2e` for the evidence of one name."""

    metric: str
    name: str | None = None

    def __str__(self) -> str:
        return self.metric if self.name is None else f"{self.metric}@{self.name}"


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `only_if`: the rule is judged only while the condition holds."""

    metric: MetricRef
    condition: Condition


@lru_cache(maxsize=4096)
def _exact(text: str) -> Fraction:
    """Policies have few thresholds, and a replay asks for them a thousand times."""
    return Fraction(text)
