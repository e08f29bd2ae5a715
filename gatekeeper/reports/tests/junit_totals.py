"""What a JUnit file states about itself beside its cases, and where the two differ."""

from dataclasses import dataclass, field

from gatekeeper.evidence import Param, Problem
from gatekeeper.reports.xml import Attributes

_SKIPPED_NAMES = ("skipped", "skips", "skip", "disabled", "ignored")


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted outcomes. `suite_level` are the failed and errored ones that no case stands for."""

    total: int = 0
    suite_level: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(
            self.total - other.total,
            self.suite_level - other.suite_level,
            self.failed - other.failed,
            self.errors - other.errors,
            self.skipped - other.skipped,
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.total + other.total,
            self.suite_level + other.suite_level,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True, slots=True)
class Stated:
    """The totals in the attributes of one suite; None where it says nothing, or nothing that is a count."""

    tests: int | None
    failures: int | None
    errors: int | None
    skipped: int | None


def stated_in(attributes: Attributes) -> Stated:
    """The totals that `attributes` state."""
    skipped = [n for name in _SKIPPED_NAMES if (n := _count(attributes.get(name))) is not None]
    return Stated(
        tests=_count(attributes.get("tests")),
        failures=_count(attributes.get("failures")),
        errors=_count(attributes.get("errors")),
        skipped=sum(skipped) if skipped else None,
    )


@dataclass(slots=True)
class Comparison:
    """Collects disagreements: one per kind of total, that of the outermost suite when several differ."""

    found: dict[str, Problem] = field(default_factory=dict)
    most_tests_stated: int = 0
    unlisted: tuple[int, int] | None = None
    """(stated, listed) failing tests where a suite states more of them than it lists."""

    def add(self, where: str, stated: Stated, subtree: Tally, direct: Tally) -> None:
        """Compare one suite after its inner ones.

        A suite that contains suites may state its whole content or only its own cases; both are in use.
        """
        self.most_tests_stated = max(self.most_tests_stated, stated.tests or 0)
        states_own = stated.tests in _totals(direct) and stated.tests not in _totals(subtree)
        counted = direct if states_own else subtree
        if stated.tests not in _totals(counted):
            self._note("tests", where, stated.tests, counted.total)
        if stated.skipped != counted.skipped:
            self._note("skipped", where, stated.skipped, counted.skipped)
        if not _failing_agree(stated, counted):
            self._note_failing(where, stated, counted)

    def _note_failing(self, where: str, stated: Stated, counted: Tally) -> None:
        if stated.failures != counted.failed:
            self._note("failures", where, stated.failures, counted.failed)
        if stated.errors != counted.errors:
            self._note("errors", where, stated.errors, counted.errors)
        failing, listed = (stated.failures or 0) + (stated.errors or 0), counted.failed + counted.errors
        if failing > listed:
            self.unlisted = (failing, listed)

    def _note(self, what: str, where: str, stated: int | None, counted: int) -> None:
        if stated is not None:
            params: dict[str, Param] = {"what": what, "stated": stated, "counted": counted, "where": where}
            self.found[what] = Problem(code="totals-disagree", params=params)


def _totals(tally: Tally) -> tuple[int, int]:
    """Tools differ in whether a suite-level error is one of the `tests`."""
    return (tally.total, tally.total - tally.suite_level)


def _failing_agree(stated: Stated, tally: Tally) -> bool:
    """True when failures and errors agree one by one, or in sum: tools divide them differently."""
    if stated.failures is None and stated.errors is None:
        return True
    if stated.failures is None or stated.errors is None:
        known = stated.failures if stated.errors is None else stated.errors
        own = tally.failed if stated.errors is None else tally.errors
        return known in (own, tally.failed + tally.errors)
    return stated.failures + stated.errors == tally.failed + tally.errors


def _count(text: str | None) -> int | None:
    plain = text.strip() if text else ""
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 15 else None
