"""JUnit XML in the dialects of pytest, surefire, Gradle, jest, Vitest, GoogleTest, Bazel, PHPUnit and others.

There is no standard, so this reader counts `testcase` elements and compares the attributes of the suites with
them. The reading where dialects differ is the one that cannot turn a failure into a pass:

- error > failure > skipped > passed when one case has several marks;
- `flakyFailure`, `flakyError`: passed and flaky; only `rerunFailure`, `rerunError`: failed;
- `disabled` or `notrun` (element or attribute) is skipped; `status="failed"` without a child is failed;
- an attribute `status` or `result` with a word that is not known makes the report `incomplete`;
- an `error` or `failure` of a suite without a case is one failed test;
- the same name twice is two cases, since names of parametrised tests repeat;
- a report whose suites state tests but list none (`no-cases`), one without a test that ran (`no-data`, also
  when all were skipped) and one that states more failing tests than it lists (`unlisted-failures`) prove
  nothing and are `incomplete`.
"""

from gatekeeper.evidence import Kind, Param, Problem, Producer, Ratio, Value
from gatekeeper.reports.interface import Head, Report, ReportFormat
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import state_of
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.tests.junit_cases import JUnitCases
from gatekeeper.reports.xml import parse_xml


def read_junit(source: ReportSource, limits: Limits, _kind: Kind | None = None) -> Report:
    """Count the cases of one JUnit XML report, in one pass and bounded memory.

    Raises:
        UnreadableReport: it is not well-formed to the end, hostile, over a limit, or has another root.
    """
    cases, problems = parse_xml(source, limits, lambda text: JUnitCases(text, limits))
    found = (*_faults(cases), *problems, *_remarks(cases))
    return Report(
        format=FORMAT.name,
        kind=Kind.TESTS,
        state=state_of(found),
        problems=found,
        producer=Producer(name=cases.producer, version=cases.producer_version) if cases.producer else None,
        produced_at=cases.produced_at,
        metrics={} if _lists_no_cases(cases) else _metrics(cases),
        failures=tuple(cases.failures),
    )


def _lists_no_cases(cases: JUnitCases) -> bool:
    return cases.total == 0 and cases.totals.most_tests_stated > 0


def _faults(cases: JUnitCases) -> tuple[Problem, ...]:
    """Why the report cannot be counted as proof."""
    if _lists_no_cases(cases):
        return (Problem(code="no-cases", params={"stated": cases.totals.most_tests_stated}),)
    faults = []
    if cases.total == cases.skipped:
        faults.append(Problem(code="no-data", params={"what": "tests"}))
    if unlisted := cases.totals.unlisted:
        stated, listed = unlisted
        faults.append(Problem(code="unlisted-failures", params={"stated": stated, "listed": listed}))
    if cases.unknown_statuses:
        params: dict[str, Param] = {"count": cases.unknown_statuses, "what": cases.unknown_status}
        faults.append(Problem(code="unknown-status", params=params))
    return tuple(faults)


def _remarks(cases: JUnitCases) -> tuple[Problem, ...]:
    """What a reader should know although the count stands."""
    remarks = (
        [] if _lists_no_cases(cases) else [cases.totals.found[what] for what in sorted(cases.totals.found)]
    )
    times = (Problem(code=code, params={"count": n}) for code, n in sorted(cases.time_problems.items()))
    return (*remarks, *times)


def _metrics(cases: JUnitCases) -> dict[str, Value]:
    ran = cases.total - cases.skipped
    passed = ran - cases.failed - cases.errors
    metrics: dict[str, Value] = {
        "tests.total": cases.total,
        "tests.passed": passed,
        "tests.failed": cases.failed,
        "tests.errors": cases.errors,
        "tests.skipped": cases.skipped,
        "tests.flaky": cases.flaky,
    }
    if cases.timed_cases and not cases.time_problems["bad-time"]:
        metrics["tests.duration_ms"] = round(cases.seconds * 1000)
    if ran:
        metrics["tests.pass_rate"] = Ratio(passed, ran)
    return metrics


def _is_junit(head: Head) -> bool:
    return head.root in JUnitCases.roots


FORMAT = ReportFormat(
    name="junit",
    title="JUnit XML",
    kinds=(Kind.TESTS,),
    tools="pytest, Maven Surefire, Gradle, jest-junit, Vitest, Mocha, GoogleTest, Bazel, PHPUnit, gotestsum",
    detect=_is_junit,
    read=read_junit,
)
