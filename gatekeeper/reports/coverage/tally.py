"""What every coverage reader does with its counts: bounds and comparisons, at the end the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gatekeeper.evidence import Kind, Problem, Producer, Ratio, Value
from gatekeeper.reports.interface import LineHits, Report
from gatekeeper.reports.notes import Notes, state_of

MAX_LINE = 2**31 - 1
MAX_FILES = 1_000_000
"""Files, or records of files; the largest monorepos have fewer, and each costs a kilobyte."""
MAX_COUNT = 2**53 - 1
"""Largest number that JSON readers of every language keep exactly."""

_NAMES = {"line": "lines", "branch": "branches", "function": "functions", "statement": "statements"}


@dataclass(frozen=True, slots=True)
class Count:
    """`covered` of `total`; never more covered than there are."""

    covered: int
    total: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.covered + other.covered, self.total + other.total)


NOTHING = Count(0, 0)


def compare(metric: str, notes: Notes, *, stated: Count, counted: Count) -> None:
    """Note totals of a `metric` that differ from what was counted."""
    many = _NAMES[metric]
    if stated.total != counted.total:
        notes.add("totals-disagree", what=many, stated=stated.total, counted=counted.total)
    if stated.covered != counted.covered:
        what = f"covered {many}"
        notes.add("totals-disagree", what=what, stated=stated.covered, counted=counted.covered)


def clamped(covered: int, total: int, notes: Notes) -> Count:
    """The two numbers with 0 <= covered <= total < 2^53; a problem when they were not so."""
    top = min(max(total, 0), MAX_COUNT)
    bottom = min(max(covered, 0), top)
    if covered > total:
        notes.count("more-covered-than-there-is")
    elif (bottom, top) != (covered, total):
        notes.count("count-out-of-range")
    return Count(bottom, top)


def plausible(found: datetime, text: str, notes: Notes) -> datetime | None:
    """`found` in UTC when it is of 1990 to 2100; else None and `bad-time`: no clock in use says so."""
    if 1990 <= found.year <= 2100:
        return found.astimezone(UTC)
    notes.add("bad-time", value=text[:40])
    return None


def coverage_report(
    format_name: str,
    *,
    counts: Mapping[str, Count],
    lines: Mapping[str, LineHits],
    notes: Notes,
    producer: Producer | None = None,
    produced_at: datetime | None = None,
    problems: tuple[Problem, ...] = (),
) -> Report:
    """The report with metrics for `counts` (by `line`, `branch`, `function`, `statement`).

    A metric of which the report holds nothing (total 0) is absent: the formats do not tell "none" from "not
    measured". Lines are the exception, because nothing to cover is what makes the report `incomplete`
    (`no-data`); there is no ratio then either. `problems` stand before those of `notes`.
    """
    # Each count of a file is in bounds; a sum of many need not be.
    counts = {name: clamped(count.covered, count.total, notes) for name, count in counts.items()}
    if counts["line"].total == 0:
        notes.add("no-data", what="lines")
    metrics: dict[str, Value] = {}
    for name, many in _NAMES.items():
        found = counts.get(name, NOTHING)
        if found.total or name == "line":
            metrics[f"coverage.{many}_covered"] = found.covered
            metrics[f"coverage.{many}_total"] = found.total
        if found.total:
            metrics[f"coverage.{name}"] = Ratio(found.covered, found.total)
    problems = (*problems, *notes.problems())
    return Report(
        format=format_name,
        kind=Kind.COVERAGE,
        state=state_of(problems),
        problems=problems,
        producer=producer,
        produced_at=produced_at,
        metrics=metrics,
        lines=lines,
    )
