"""What every coverage reader does with its counts: remarks on the way, metrics and a state at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gatekeeper.evidence import Kind, Param, Problem, Producer, Ratio, State, Value
from gatekeeper.messages.problems import NOTES
from gatekeeper.reports.interface import LineHits, Report

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


class Remarks:
    """Problems met while reading; the same one is counted, not repeated."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._single: dict[tuple[str, str], Problem] = {}

    def count(self, code: str, times: int = 1) -> None:
        """One more (or `times` more) of the problem `code`, shown with the parameter `count`."""
        self._counts[code] = self._counts.get(code, 0) + times

    def take(self, other: "Remarks") -> None:
        """Add the counted problems of `other`."""
        for code, times in other._counts.items():
            self.count(code, times)

    def has(self, code: str) -> bool:
        """Whether the counted problem `code` was met."""
        return code in self._counts

    def note(self, code: str, **params: Param) -> None:
        """The problem `code`, once for each `what` among the parameters."""
        self._single.setdefault((code, str(params.get("what", ""))), Problem(code=code, params=params))

    def compare(self, metric: str, *, stated: Count, counted: Count) -> None:
        """Remark on totals that differ from what was counted."""
        many = _NAMES[metric]
        if stated.total != counted.total:
            self.note("totals-disagree", what=many, stated=stated.total, counted=counted.total)
        if stated.covered != counted.covered:
            what = f"covered {many}"
            self.note("totals-disagree", what=what, stated=stated.covered, counted=counted.covered)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, sorted by code."""
        counted = (Problem(code=code, params={"count": times}) for code, times in self._counts.items())
        return tuple(sorted((*counted, *self._single.values()), key=lambda p: (p.code, str(p.params))))


def clamped(covered: int, total: int, remarks: Remarks) -> Count:
    """The two numbers with 0 <= covered <= total < 2^53; a problem when they were not so."""
    top = min(max(total, 0), MAX_COUNT)
    bottom = min(max(covered, 0), top)
    if covered > total:
        remarks.count("more-covered-than-there-is")
    elif (bottom, top) != (covered, total):
        remarks.count("count-out-of-range")
    return Count(bottom, top)


def plausible(found: datetime, text: str, remarks: Remarks) -> datetime | None:
    """`found` in UTC when it is of 1990 to 2100; else None and `bad-time`: no clock in use says so."""
    if 1990 <= found.year <= 2100:
        return found.astimezone(UTC)
    remarks.note("bad-time", value=text[:40])
    return None


def coverage_report(
    format_name: str,
    *,
    counts: Mapping[str, Count],
    lines: Mapping[str, LineHits],
    remarks: Remarks,
    producer: Producer | None = None,
    produced_at: datetime | None = None,
    problems: tuple[Problem, ...] = (),
) -> Report:
    """The report with metrics for `counts` (by `line`, `branch`, `function`, `statement`).

    A metric of which the report holds nothing (total 0) is absent: the formats do not tell "none" from "not
    measured". Lines are the exception, because nothing to cover is what makes the report `incomplete`
    (`no-data`); there is no ratio then either. `problems` stand before those of `remarks`.
    """
    # Each count of a file is in bounds; a sum of many need not be.
    counts = {name: clamped(count.covered, count.total, remarks) for name, count in counts.items()}
    if counts["line"].total == 0:
        remarks.note("no-data", what="lines")
    metrics: dict[str, Value] = {}
    for name, many in _NAMES.items():
        found = counts.get(name, NOTHING)
        if found.total or name == "line":
            metrics[f"coverage.{many}_covered"] = found.covered
            metrics[f"coverage.{many}_total"] = found.total
        if found.total:
            metrics[f"coverage.{name}"] = Ratio(found.covered, found.total)
    problems = (*problems, *remarks.problems())
    is_whole = all(problem.code in NOTES for problem in problems)
    return Report(
        format=format_name,
        kind=Kind.COVERAGE,
        state=State.OK if is_whole else State.INCOMPLETE,
        problems=problems,
        producer=producer,
        produced_at=produced_at,
        metrics=metrics,
        lines=lines,
    )
