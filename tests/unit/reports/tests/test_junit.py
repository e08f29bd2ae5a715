"""JUnit XML beyond the samples: limits, times, and that damage never turns failing into passing."""

import io
import json
import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Failure, Kind, Problem, Ratio, State
from gatekeeper.reports.interface import Report, UnreadableReport
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.tests.durations import seconds_from
from gatekeeper.reports.tests.junit import read_junit

FOLDER = Path(__file__).parents[3] / "samples"
READABLE = [
    (folder.parent / name).read_bytes()
    for folder in sorted(FOLDER.glob("*/expected.json"))
    for name, entry in json.loads(folder.read_text(encoding="utf-8")).items()
    if entry["format"] == "junit" and entry["state"] != "unreadable"
]
FAILING_MARKS = ("<failure/>", "<failure message='no'>text</failure>", "<error/>", "<rerunFailure/>")
HARMLESS_MARKS = ("", "<system-out>x</system-out>", "<properties><property name='a' value='b'/></properties>")


def read(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Report:
    """The report in `text`."""
    data = text.encode() if isinstance(text, str) else text
    return read_junit(ReportSource(io.BytesIO(data), name="junit.xml", limits=limits), limits)


def codes(report: Report) -> list[str]:
    """The codes of its problems."""
    return [problem.code for problem in report.problems]


def failing(report: Report) -> int:
    """Failed and errored tests together."""
    counts = (report.metrics.get("tests.failed", 0), report.metrics.get("tests.errors", 0))
    return sum(count for count in counts if isinstance(count, int))


def test_pass_rate_is_an_exact_fraction_of_the_tests_that_ran() -> None:
    """Skipped tests are in neither part of the pass rate."""
    report = read(
        "<testsuite><testcase time='0.5'/><testcase/><testcase time='1.2501'><failure/></testcase>"
        "<testcase><skipped/></testcase></testsuite>"
    )
    assert report.kind is Kind.TESTS
    assert report.metrics["tests.pass_rate"] == Ratio(2, 3)
    assert report.metrics["tests.duration_ms"] == 1750


def test_nothing_ran() -> None:
    """Without a test that ran there is no pass rate, and the report proves nothing."""
    for text in (
        "<testsuites/>",
        "<testsuite tests='0'/>",
        "<testsuite><testcase><skipped/></testcase></testsuite>",
    ):
        report = read(text)
        assert report.state is State.INCOMPLETE
        assert codes(report) == ["no-data"]
        assert "tests.pass_rate" not in report.metrics


def test_totals_without_cases_give_no_numbers() -> None:
    """What is only stated is not counted: every metric is absent."""
    report = read("<testsuite tests='6' failures='1'/>")
    assert (report.state, report.metrics) == (State.INCOMPLETE, {})
    assert codes(report)[0] == "no-cases"


def test_duration_is_absent_when_a_time_is_unknown() -> None:
    """A duration that cannot be summed up is absent, not too small."""
    assert "tests.duration_ms" not in read("<testsuite><testcase/></testsuite>").metrics
    report = read("<testsuite><testcase time='1'/><testcase time='NaN'/></testsuite>")
    assert "tests.duration_ms" not in report.metrics
    assert report.problems == (Problem(code="bad-time", params={"count": 1}),)


def test_earliest_zoned_timestamp_is_when_it_was_produced() -> None:
    """Times with a zone are compared in UTC; one without is counted and left out."""
    report = read(
        "<testsuites timestamp='2026-11-23T09:00:00+02:00'><testsuite timestamp='2026-11-23T07:30:00Z'/>"
        "<testsuite timestamp='2020-01-01T00:00:00'><testcase/></testsuite></testsuites>"
    )
    assert report.produced_at == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert report.problems == (Problem(code="no-time-zone", params={"count": 1}),)


def test_version_of_the_producer_from_a_property_of_the_suite() -> None:
    """A property of the suite may name the version; properties of cases are the test author's."""
    text = "<testsuite name='pytest'>{}<testcase>{}</testcase></testsuite>"
    properties = "<properties><property name='pytest.version' value='9.2.0'/></properties>"
    assert getattr(read(text.format(properties, "")).producer, "version", "") == "9.2.0"
    assert getattr(read(text.format("", properties)).producer, "version", "") is None


def test_failures_are_cut_and_counted_whole() -> None:
    """At most `max_failures` are kept by name; messages are one line of at most 300 characters."""
    limits = replace(DEFAULT_LIMITS, max_failures=2)
    case = f"<testcase name='n' classname='c'><failure>\n  {'x' * 400}\nsecond</failure></testcase>"
    report = read(f"<testsuite>{case * 5}</testsuite>", limits)
    assert report.metrics["tests.failed"] == 5
    assert report.failures == (Failure(name="n", suite="c", message="x" * 300),) * 2


def test_too_many_cases_are_refused() -> None:
    """More cases than the limit are refused with the limit."""
    limits = replace(DEFAULT_LIMITS, max_items=10)
    assert read(f"<testsuite>{'<testcase/>' * 10}</testsuite>", limits).state is State.OK
    with pytest.raises(UnreadableReport) as refused:
        read(f"<testsuite>{'<testcase/>' * 11}</testsuite>", limits)
    assert refused.value.problem == Problem(code="too-many-items", params={"limit": 10})


def test_counting_takes_no_memory_per_case() -> None:
    """Passing cases leave nothing behind: memory does not grow with their number."""
    suite = "<testsuite name='s'>" + "<testcase name='a' classname='c' time='0.1'/>" * 1000 + "</testsuite>"
    data = f"<testsuites>{suite * 60}</testsuites>".encode()
    tracemalloc.start()
    try:
        report = read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.metrics["tests.total"] == 60_000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1.0),
        (" 0.25 ", 0.25),
        ("2,503.1", 2503.1),
        ("1,002,503.1", 1002503.1),
        ("0,160", 0.16),
        ("12,5", 12.5),
        ("1234,567", 1234.567),
        ("25,357", None),
        ("NaN", None),
        ("inf", None),
        ("-0.1", None),
        ("22.2s", None),
        ("152000000000", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    """Separators are understood where they have one meaning; what is no duration is None."""
    assert seconds_from(text) == seconds


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_instants_outside_the_calendar(text: str) -> None:
    """A time that UTC cannot express is unknown, and said to be no time."""
    report = read(f"<testsuite timestamp='{text}'><testcase/></testsuite>")
    assert report.produced_at is None
    assert codes(report) == ["bad-time"]


@given(
    marks=st.lists(
        st.sampled_from(FAILING_MARKS + HARMLESS_MARKS + ("<skipped/>", "<flakyFailure/>")), max_size=4
    )
)
def test_a_failing_mark_always_fails_the_case(marks: list[str]) -> None:
    """Whatever else stands in a case, one failing mark makes it fail, once."""
    report = read(f"<testsuite><testcase>{''.join(marks)}</testcase></testsuite>")
    assert failing(report) == int(any(mark in FAILING_MARKS for mark in marks))
    assert report.metrics["tests.total"] == 1


@given(st.sampled_from(READABLE), st.data())
def test_truncation_is_always_unreadable(report: bytes, data: st.DataObject) -> None:
    """A report cut anywhere within its root is refused, since the missing part may hold the failures."""
    end = report.rstrip(b"\x00\r\n \t>").__len__()
    cut = data.draw(st.integers(min_value=0, max_value=end))
    with pytest.raises(UnreadableReport):
        read(report[:cut])


@given(st.sampled_from(READABLE), st.data())
def test_damage_never_hides_a_failure_silently(report: bytes, data: st.DataObject) -> None:
    """A mutated report is refused, or keeps its failures, or says that something is wrong with it."""
    mutated = bytearray(report)
    for _ in range(data.draw(st.integers(min_value=1, max_value=3))):
        at = data.draw(st.integers(min_value=0, max_value=len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(min_value=0, max_value=3))] = data.draw(st.binary(max_size=3))
        if not mutated:
            return
    try:
        after = read(bytes(mutated))
    except UnreadableReport:
        return
    before = read(report)
    # A case or mark damaged into another word or into text is the loss that only stated totals can show.
    lost = max(0, signs_in(report) - signs_in(bytes(mutated)))
    assert failing(after) >= failing(before) - lost or after.problems != before.problems


def signs_in(report: bytes) -> int:
    """Cases and what may make one fail, as they stand in the text, whatever the encoding."""
    signs = rb"<(?:\w+:)?(?:testcase|failure|error|rerun\w+)(?=[\s/>])|\s(?:status|result)="
    return len(re.findall(signs, report.replace(b"\0", b"")))


@pytest.mark.parametrize("mark", ["Failure", "FAILURE", "failed", "fail", "Error", "ERROR", "errored", "err"])
def test_failing_marks_of_other_dialects_fail(mark: str) -> None:
    """No spelling of a failure counts as a test that passed."""
    report = read(f"<testsuite><testcase/><testcase><{mark}/></testcase></testsuite>")
    assert report.metrics["tests.passed"] == 1
    assert (report.metrics["tests.failed"], report.metrics["tests.errors"]) in ((1, 0), (0, 1))


@pytest.mark.parametrize("inside", ["<skipped/>", "<skipped/><flakyError/>", "<disabled/>"])
@pytest.mark.parametrize("stated", ["status='failed'", "result='error'"])
def test_a_case_that_says_that_it_failed_is_not_skipped(inside: str, stated: str) -> None:
    """Of what a case says in elements and attributes the worst counts."""
    report = read(f"<testsuite><testcase/><testcase {stated}>{inside}</testcase></testsuite>")
    assert report.metrics["tests.skipped"] == 0
    assert (report.metrics["tests.failed"], report.metrics["tests.errors"]) in ((1, 0), (0, 1))


def test_a_skipped_case_may_have_any_other_status() -> None:
    """Only a failing word can say more than the mark."""
    report = read("<testsuite><testcase/><testcase status='xfail'><skipped/></testcase></testsuite>")
    assert (report.metrics["tests.skipped"], report.state) == (1, State.OK)
