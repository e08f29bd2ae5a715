"""What was measured, round by round; medians, spreads, and which goals are missed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from measure import MAX_SPREAD, spread_of


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of one row."""

    rate: float
    """Answers per second."""
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Processor milliseconds for each answer, of the whole process group."""
    peak_mb: float
    worst_ms: float = 0.0


@dataclass(frozen=True)
class Rounds:
    """The rounds of one row."""

    all: Sequence[Round]

    @property
    def rate(self) -> float:
        """The median."""
        return median(one.rate for one in self.all)

    @property
    def spread(self) -> float:
        """Of the rates."""
        return spread_of([one.rate for one in self.all])

    @property
    def p50_ms(self) -> float:
        """The median of the rounds."""
        return median(one.p50_ms for one in self.all)

    @property
    def p99_ms(self) -> float:
        """The median of the rounds."""
        return median(one.p99_ms for one in self.all)

    @property
    def worst_p99_ms(self) -> float:
        """That of the worst round."""
        return max(one.p99_ms for one in self.all)

    @property
    def cpu_ms(self) -> float:
        """The median."""
        return median(one.cpu_ms for one in self.all)

    @property
    def peak_mb(self) -> float:
        """The largest."""
        return max(one.peak_mb for one in self.all)

    def over(self, other: "Rounds") -> "Ratio":
        """Its rates by those of `other`, round by round: what disturbs a round disturbs both."""
        return Ratio([mine.rate / theirs.rate for mine, theirs in zip(self.all, other.all, strict=True)])


@dataclass(frozen=True)
class Ratio:
    """One ratio for each round."""

    all: Sequence[float]

    @property
    def median(self) -> float:
        """The median."""
        return median(self.all)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median."""
        return spread_of(self.all)

    def missed(self, what: str, *, at_least: float) -> Iterator[str]:
        """What is missed when the ratio must be `at_least` so large.

        Rounds that differ too much give no figure to rely on; a goal that each of them reaches is reached.
        """
        if self.spread > MAX_SPREAD:
            if min(self.all) < at_least:
                yield (
                    f"{what}: no result, the rounds differ by {self.spread:.0%}, "
                    f"the worst is {min(self.all):.2f}, goal {at_least:g}"
                )
        elif self.median < at_least:
            yield f"{what}: {self.median:.2f}, goal {at_least:g}"


def p99_missed(what: str, rounds: Rounds, *, at_most_ms: float) -> Iterator[str]:
    """What is missed when the p99, the median of the rounds, has a bound; the tables show the worst too.

    Its spread proves nothing: a p99 is what few of the answers say, and differs on the quietest machine.
    """
    if rounds.p99_ms > at_most_ms:
        yield f"{what}: p99 {rounds.p99_ms:.1f} ms, worst {rounds.worst_p99_ms:.1f}, goal {at_most_ms:g} ms"


def shown(spread: float) -> str:
    """A spread as the tables show it."""
    return f"{spread:.0%}" + (" (no result)" if spread > MAX_SPREAD else "")


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]
