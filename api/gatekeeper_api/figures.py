"""Figures that live in the database, as Prometheus shows them: read anew, at most every 15 seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CACHE_S = 15.0
log = structlog.get_logger("gatekeeper.metrics")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Summary rows, never a count over history. Labels are bounded: no commit, no CVE, no path of a file."""

    scores: tuple[tuple[str, str, float], ...] = ()
    """(project, stage, 0-100) of the newest decision."""
    decisions: tuple[tuple[str, str, str, int], ...] = ()
    """(project, stage, outcome, how many were ever recorded)."""
    findings_open: tuple[tuple[str, str, str, int], ...] = ()
    """(project, kind, severity, how many)."""
    evidence_age_s: tuple[tuple[str, str, float], ...] = ()
    """(project, kind, age of the newest usable evidence)."""


class FiguresCollector(Collector):
    """Asks `figures` in the thread that scrapes. Thread-safe.

    When it fails, its series are absent until it works again: an old value would look like a fresh one.
    """

    def __init__(
        self, figures: Callable[[], Figures], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._figures = figures
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: Figures | None = None
        self._expires = float("-inf")
        self._errors = 0

    def describe(self) -> Iterator[Metric]:
        """The names, without asking the database: a registry wants them at start."""
        yield from _series(Figures())
        yield self._failures()

    def collect(self) -> Iterator[Metric]:
        """The series of now or of up to 15 seconds ago."""
        with self._lock:
            now = self._monotonic()
            if now >= self._expires:
                self._held = self._read()
                self._expires = now + CACHE_S
            held, failures = self._held, self._failures()
        yield failures
        if held is not None:
            yield from _series(held)

    def _read(self) -> Figures | None:
        try:
            return self._figures()
        except Exception:  # the scrape is an edge: the other series must still arrive
            self._errors += 1
            log.exception("metrics.figures_failed")
            return None

    def _failures(self) -> Metric:
        return CounterMetricFamily(
            "qgate_collector_errors",
            "Times the figures of the database could not be read.",
            value=self._errors,
        )


def _series(figures: Figures) -> Iterator[Metric]:
    score = GaugeMetricFamily(
        "qgate_score", "Score of the newest decision, 0 to 100.", labels=("project", "stage")
    )
    for project, stage, value in figures.scores:
        score.add_metric((project, stage), value)
    decisions = CounterMetricFamily(
        "qgate_decisions", "Decisions recorded.", labels=("project", "stage", "outcome")
    )
    for project, stage, outcome, count in figures.decisions:
        decisions.add_metric((project, stage, outcome), count)
    findings = GaugeMetricFamily(
        "qgate_findings_open", "Findings not yet fixed.", labels=("project", "kind", "severity")
    )
    for project, kind, severity, count in figures.findings_open:
        findings.add_metric((project, kind, severity), count)
    age = GaugeMetricFamily(
        "qgate_evidence_age_seconds", "Age of the newest usable evidence.", labels=("project", "kind")
    )
    for project, kind, seconds in figures.evidence_age_s:
        age.add_metric((project, kind), seconds)
    yield from (score, decisions, findings, age)
