"""Facts: what all current reports of one kind say together, metric by metric.

A metric that the reports cannot give together is absent, with a reason; it is never 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gatekeeper.evidence import EvidenceDocument, Failure, Kind, Value
from gatekeeper.finding import Finding
from gatekeeper.line_ranges import Ranges
from gatekeeper.policy.finding_rows import FindingRows

ABSENT = "metric-absent"
CANNOT_UNITE = "cannot-unite"
CANNOT_COUNT = "cannot-count"
NOTHING_COUNTED = "nothing-counted"
IMPOSSIBLE = "impossible-value"


@dataclass(frozen=True, kw_only=True)
class FileLines:
    """Line coverage of one file after uniting."""

    hit: Ranges
    miss: Ranges


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one kind (or one name of it) says; `findings` are the open ones, worst first."""

    kind: Kind
    values: Mapping[str, Value] = field(default_factory=dict)
    """By metric name; counts are never negative, percentages never above 100."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why a metric that a report seemed to give is not here, by metric name."""
    files: Mapping[str, FileLines] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()
    new: frozenset[str] = frozenset()
    """Fingerprints of the open findings that the baseline does not have."""

    @cached_property
    def rows(self) -> FindingRows:
        """The findings as expressions read them."""
        return FindingRows(self.kind, self.findings, self.new)


def summed(documents: Sequence[EvidenceDocument], name: str) -> int | None:
    """The sum of a count over all documents; None when one of them does not give it or gives nonsense."""
    total = 0
    for document in documents:
        value = document.metrics.get(name)
        if not isinstance(value, int) or value < 0:
            return None
        total += value
    return total if documents else None


def left_out(
    values: Mapping[str, Value], documents: Iterable[EvidenceDocument], reason: str
) -> dict[str, str]:
    """Metrics that some document gives and the union does not."""
    return {name: reason for document in documents for name in document.metrics if name not in values}
