"""The seam of the readers: what a format declares, what it returns, how it refuses.

The contract of a reader:
- it returns a `Report` or raises `UnreadableReport`; nothing else leaves it, whatever the bytes are;
- it counts items itself and never trusts totals that the tool wrote beside them;
- one bad item is counted as the problem `unparsed`, never silence; a metric it cannot give is absent;
- it says `incomplete` when the report does not prove what it claims, `failed` when the tool did not finish.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Failure, Kind, Problem, Producer, State, Value
from gatekeeper.finding import Finding
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.refusal import UnreadableReport as UnreadableReport
from gatekeeper.reports.source import ReportSource


class KindMismatch(GatekeeperError):
    """The report is not evidence of the kind that the sender asks for."""

    code = "kind-mismatch"

    @classmethod
    def of_format(cls, format_: "ReportFormat", kind: Kind) -> "KindMismatch":
        """The refusal when the format itself fixes another kind."""
        fitting = " or ".join(format_.kinds)
        return cls(
            f"a {format_.title} report is evidence of {fitting}, not of {kind}",
            hint=f"send it as kind {fitting}, or send the report that belongs to {kind}",
        )


@dataclass(frozen=True, slots=True)
class LineHits:
    """Line coverage of one file: sorted distinct line numbers that ran, and that could have but did not."""

    hit: Sequence[int]
    miss: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a reader understood of one report."""

    format: str | None
    kind: Kind | None
    """None only when the state is `unreadable` and neither the format nor the sender fixes a kind."""
    state: State
    problems: tuple[Problem, ...] = ()
    producer: Producer | None = None
    produced_at: datetime | None = None
    """Timezone-aware, in UTC; a time without zone is left out (problem `no-time-zone`)."""
    metrics: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, LineHits] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Head:
    """What detection may look at: the decoded beginning of the file and its name."""

    data: bytes
    """The first 64 KiB, without a byte order mark and leading white space, UTF-16 made UTF-8."""
    name: str
    root: str | None
    """Local name of the first XML start tag; None when it is not XML."""
    attributes: Mapping[str, str]
    """Attributes of that tag."""
    keys: frozenset[str]
    """Top-level JSON keys seen so far when the file starts with `{`; empty otherwise."""


@dataclass(frozen=True, kw_only=True)
class ReportFormat:
    """One row of the format table."""

    name: str
    title: str
    kinds: tuple[Kind, ...]
    """One kind, or several when the format is open and the tool or the sender decides (SARIF)."""
    tools: str
    """Who writes it, for people."""
    detect: Callable[[Head], bool]
    read: Callable[[ReportSource, Limits, Kind | None], Report]
    """Third argument: the kind that the sender asks for; only open formats look at it."""
