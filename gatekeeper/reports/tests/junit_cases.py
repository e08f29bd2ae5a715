"""The cases of a JUnit file, counted while it streams past; only failures are kept."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from gatekeeper.evidence import Failure
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.tests.durations import MAX_SECONDS, seconds_from
from gatekeeper.reports.tests.junit_totals import Comparison, Stated, Tally, stated_in
from gatekeeper.reports.tests.junit_words import (
    FLAKY_MARKS,
    MARKS,
    PRODUCERS,
    RERUN_MARKS,
    STATUS,
    Outcome,
)
from gatekeeper.reports.times import utc_time
from gatekeeper.reports.xml import Attributes, StartHandler, TextCapture

MAX_FAILURE_CHARS = 300
_MAX_TEXT_CHARS = 4_000
"""Read of a failure's text to find its first line that is not blank."""


@dataclass(slots=True)
class _Suite:
    """A suite that is being read."""

    name: str
    stated: Stated
    before: Tally
    """What was counted before it began."""
    inner: Tally = field(default_factory=Tally)
    """What the suites inside it counted."""


class JUnitCases:
    """Handlers that count. One case is one result, whatever its name: parametrised names repeat."""

    roots = ("testsuites", "testsuite", "testcase")

    def __init__(self, text: TextCapture, limits: Limits) -> None:
        self.starts: dict[str, StartHandler] = {
            "testcase": self._begin_case,
            "testsuite": self._begin_suite,
            "testsuites": self._begin_suites,
            "property": self._property,
        }
        self.ends = {
            "testcase": self._end_case,
            "testsuite": self._end_suite,
            "testsuites": self._end_suite,
        }
        for mark, outcome in {**MARKS, **RERUN_MARKS}.items():
            self.starts[mark] = self._mark(outcome, is_rerun=mark in RERUN_MARKS)
            self.ends[mark] = self._end_mark
        for mark in FLAKY_MARKS:
            self.starts[mark] = self._begin_flaky
        self._text = text
        self._limits = limits
        self.total = self.suite_level = self.failed = self.errors = self.skipped = self.flaky = 0
        self.seconds = 0.0
        self.timed_cases = 0
        self.time_problems: Counter[str] = Counter()
        """Problem code -> how many times and durations it stands for."""
        self.unknown_statuses = 0
        self.unknown_status = ""
        self.produced_at: datetime | None = None
        self.producer: str | None = None
        self.producer_version: str | None = None
        self.failures: list[Failure] = []
        self.totals = Comparison()
        self._suites: list[_Suite] = []
        self._case: Attributes | None = None
        self._outer_cases: list[tuple[Attributes, Outcome, bool, str]] = []
        self._outcome = Outcome.PASSED
        self._is_flaky = False
        self._message = ""
        self._captures = False
        self._is_by_rerun = False

    def tally(self) -> Tally:
        """What has been counted so far."""
        return Tally(self.total, self.suite_level, self.failed, self.errors, self.skipped)

    # Suites

    def _begin_suites(self, attributes: Attributes) -> None:
        self._open_suite(attributes, attributes.get("name") or "")

    def _begin_suite(self, attributes: Attributes) -> None:
        self._open_suite(attributes, attributes.get("name") or attributes.get("package") or "")

    def _open_suite(self, attributes: Attributes, name: str) -> None:
        if self.producer is None:
            self.producer = _producer(attributes, name)
        if stamp := attributes.get("timestamp"):
            self._timestamp(stamp)
        self._suites.append(_Suite(name, stated_in(attributes), self.tally()))

    def _end_suite(self) -> None:
        if self.total > self._limits.max_items:
            raise UnreadableReport("too-many-items", limit=self._limits.max_items)
        suite = self._suites.pop()
        subtree = self.tally() - suite.before
        where = suite.name[:MAX_FAILURE_CHARS] if self._suites else "report"
        self.totals.add(where, suite.stated, subtree, subtree - suite.inner)
        if self._suites:
            self._suites[-1].inner += subtree

    def _timestamp(self, text: str) -> None:
        at = utc_time(text, self._count_time_problem)
        if at is not None and (self.produced_at is None or at < self.produced_at):
            self.produced_at = at

    def _count_time_problem(self, code: str) -> None:
        self.time_problems[code] += 1

    def _property(self, attributes: Attributes) -> None:
        name = attributes.get("name")
        if self.producer and self._case is None and name in (f"{self.producer}.version", "version"):
            self.producer_version = self.producer_version or attributes.get("value")

    # Cases

    def _begin_case(self, attributes: Attributes) -> None:
        if self._case is not None:
            self._outer_cases.append((self._case, self._outcome, self._is_flaky, self._message))
            self._reset_case()
        self._case = attributes

    def _end_case(self) -> None:
        attributes = self._case or {}
        self.total += 1
        time = attributes.get("time")
        if time:
            self._duration(time)
        outcome = self._outcome
        if outcome <= Outcome.SKIPPED and ("status" in attributes or "result" in attributes):
            outcome = max(
                outcome,
                self._stated_outcome(attributes, "status"),
                self._stated_outcome(attributes, "result"),
            )
        if outcome or self._is_flaky:
            self._count(outcome, attributes)
            self._reset_case()
        self._case = None
        if self._outer_cases:
            self._case, self._outcome, self._is_flaky, self._message = self._outer_cases.pop()

    def _stated_outcome(self, attributes: Attributes, name: str) -> Outcome:
        word = attributes.get(name, "").strip().lower()
        outcome = STATUS.get(word)
        if outcome is None and self._outcome is Outcome.PASSED:
            self.unknown_statuses += 1
            self.unknown_status = self.unknown_status or word[:MAX_FAILURE_CHARS]
        return outcome or Outcome.PASSED

    def _duration(self, text: str) -> None:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0.0 <= seconds <= MAX_SECONDS:  # also true for NaN
            known = seconds_from(text)
            if known is None:
                self._count_time_problem("bad-time")
                return
            seconds = known
        self.seconds += seconds
        self.timed_cases += 1

    def _count(self, outcome: Outcome, attributes: Attributes) -> None:
        if outcome is Outcome.PASSED:
            self.flaky += 1
        elif outcome is Outcome.SKIPPED:
            self.skipped += 1
        else:
            if outcome is Outcome.ERROR:
                self.errors += 1
            else:
                self.failed += 1
            self._keep_failure(attributes, is_error=outcome is Outcome.ERROR)

    def _keep_failure(self, attributes: Attributes, *, is_error: bool) -> None:
        if len(self.failures) >= self._limits.max_failures:
            return
        suite = attributes.get("classname") or attributes.get("class") or attributes.get("file")
        if not suite:
            suite = next((s.name for s in reversed(self._suites) if s.name), "")
        name = attributes.get("name") or ""
        limit = self._limits.max_message_chars
        self.failures.append(
            Failure(name=name[:limit], suite=suite[:limit], message=self._message, is_error=is_error)
        )

    def _reset_case(self) -> None:
        self._outcome = Outcome.PASSED
        self._is_flaky = False
        self._message = ""
        self._captures = False
        self._is_by_rerun = False

    # Marks: the child elements that say what became of a case

    def _mark(self, outcome: Outcome, *, is_rerun: bool) -> StartHandler:
        def begin(attributes: Attributes) -> None:
            replaces_rerun = self._is_by_rerun and not is_rerun and outcome > Outcome.SKIPPED
            has_decided = is_rerun and not self._is_by_rerun and self._outcome > Outcome.SKIPPED
            if has_decided or (outcome <= self._outcome and not replaces_rerun):
                return
            self._is_by_rerun = is_rerun
            self._outcome = outcome
            self._message = _first_line(attributes.get("message") or "")
            if not self._message and len(self.failures) < self._limits.max_failures:
                self._message = _first_line(attributes.get("type") or "")
                self._captures = True
                self._text.begin(_MAX_TEXT_CHARS)

        return begin

    def _end_mark(self) -> None:
        if self._captures:
            self._captures = False
            self._message = _first_line(self._text.take()) or self._message
        if self._case is None:
            self._end_suite_level_mark()

    def _end_suite_level_mark(self) -> None:
        """A suite that failed without a case is one failed test; a skipped one has proved nothing."""
        if self._outcome > Outcome.SKIPPED:
            self.total += 1
            self.suite_level += 1
            self._count(self._outcome, {"name": "(suite)"})
        self._reset_case()

    def _begin_flaky(self, _attributes: Attributes) -> None:
        self._is_flaky = self._case is not None


def _producer(attributes: Attributes, name: str) -> str | None:
    if "surefire" in attributes.get("xsi:noNamespaceSchemaLocation", ""):
        return "maven-surefire"
    return PRODUCERS.get(name.lower())


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0].rstrip()
    return line[:MAX_FAILURE_CHARS]
