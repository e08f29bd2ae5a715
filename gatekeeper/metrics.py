"""The metric registry: one table gives every metric its name, unit, direction and description."""

import difflib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from gatekeeper.errors import UnknownMetric
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity


class Unit(StrEnum):
    """What the number counts."""

    COUNT = "count"
    PERCENT = "percent"
    MILLISECONDS = "ms"


class Direction(StrEnum):
    """Which way is better; a rule may only bound a metric from its bad side."""

    HIGHER = "higher"
    LOWER = "lower"
    NEUTRAL = "neutral"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One named fact. Percentages are exact fractions (`evidence.Ratio`), the others integers."""

    name: str
    kind: Kind
    unit: Unit
    better: Direction
    description: str


FINDING_KINDS = (Kind.SAST, Kind.SCA, Kind.SECRETS, Kind.CONTAINER, Kind.IAC, Kind.DAST)

_UP, _DOWN, _FLAT = Direction.HIGHER, Direction.LOWER, Direction.NEUTRAL
_N, _PCT, _MS = Unit.COUNT, Unit.PERCENT, Unit.MILLISECONDS

_TESTS = (
    ("total", _N, _UP, "test cases that the report lists"),
    ("passed", _N, _UP, "cases that passed, flaky ones included"),
    ("failed", _N, _DOWN, "cases with a failed assertion, and suites that failed without a case"),
    ("errors", _N, _DOWN, "cases that broke before they could pass or fail"),
    ("skipped", _N, _DOWN, "cases skipped or disabled"),
    ("flaky", _N, _DOWN, "passed cases that failed in an earlier attempt"),
    ("duration_ms", _MS, _DOWN, "sum of the durations of the cases"),
    ("pass_rate", _PCT, _UP, "passed / (total - skipped)"),
)
_COVERAGE = (
    ("line", "lines"),
    ("branch", "branches"),
    ("function", "functions"),
    ("statement", "statements"),
)
_STATED = (
    (Kind.REVIEW, "approvals", _UP, "people who approved the change in review, its author left out"),
    (Kind.REVIEW, "changes_requested", _DOWN, "reviewers who asked for changes and have not approved since"),
    (Kind.DEFECTS, "blocker", _DOWN, "open defects that block the release"),
    (Kind.DEFECTS, "critical", _DOWN, "open critical defects"),
    (Kind.DEFECTS, "major", _DOWN, "open major defects"),
    (Kind.DEFECTS, "minor", _DOWN, "open minor defects"),
    (Kind.CHANGE, "tickets", _UP, "tickets that the change belongs to"),
)
"""Counts that no tool reports: a bridge or a person states them."""
_EXTRA = (
    (Kind.SCA, "dependencies", _UP, "dependencies that were audited"),
    (Kind.SCA, "unaudited", _DOWN, "dependencies that could not be audited"),
    (Kind.SCA, "fixable", _DOWN, "open findings for which a fixed version is known"),
    (Kind.SAST, "files_scanned", _UP, "files that the scanner read"),
    (Kind.SAST, "files_skipped", _DOWN, "files that the scanner could not read or parse"),
)


def _table() -> Iterator[Metric]:
    for name, unit, better, text in _TESTS:
        yield Metric(name=f"tests.{name}", kind=Kind.TESTS, unit=unit, better=better, description=text)
    for one, many in _COVERAGE:
        for suffix, unit, text in (
            (f"{many}_covered", _N, f"{many} that ran at least once"),
            (f"{many}_total", _N, f"{many} that could run"),
            (one, _PCT, f"{many}_covered / {many}_total"),
        ):
            yield Metric(
                name=f"coverage.{suffix}", kind=Kind.COVERAGE, unit=unit, better=_UP, description=text
            )
    for kind in FINDING_KINDS:
        yield from _findings(kind)
    for kind, name, better, text in (*_EXTRA, *_STATED):
        yield Metric(name=f"{kind}.{name}", kind=kind, unit=_N, better=better, description=text)


def _findings(kind: Kind) -> Iterator[Metric]:
    def count(name: str, better: Direction, text: str) -> Metric:
        return Metric(name=f"{kind}.{name}", kind=kind, unit=_N, better=better, description=text)

    yield count("total", _DOWN, "open findings of every severity")
    for severity in Severity:
        yield count(severity, _DOWN, f"open findings of severity {severity}")
    yield count("suppressed", _DOWN, "findings set aside by an accepted suppression")
    yield count("waived", _DOWN, "open findings covered by a waiver")
    yield count("unparsed", _DOWN, "items of the report that could not be read")
    yield count("new.total", _DOWN, "open findings that the baseline does not have")
    for severity in Severity:
        yield count(f"new.{severity}", _DOWN, f"open {severity} findings that the baseline does not have")
    yield count("fixed", _FLAT, "findings of the baseline that are gone")


METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _table()})


def metric(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        UnknownMetric: no such metric; the hint names the nearest one.
    """
    found = METRICS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, METRICS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "`gatekeeper metrics` lists them"
        raise UnknownMetric(f"no metric is called {name!r}", hint=hint)
    return found
