"""One function turns any bytes into a report, and refuses only what the caller got wrong."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.reports import registry
from gatekeeper.reports.interface import KindMismatch, Report, ReportFormat
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.registry import FORMATS, UnknownFormat, format_named, read_report
from gatekeeper.reports.source import ReportSource

JUNIT = b'<testsuite name="s"><testcase name="a"/></testsuite>'


def source(data: bytes, name: str = "report", limits: Limits = DEFAULT_LIMITS) -> ReportSource:
    """A source of this content."""
    return ReportSource(io.BytesIO(data), name=name, limits=limits)


def test_names_are_unique_and_every_row_is_complete() -> None:
    """The table of formats can be listed, and each name finds its row."""
    assert len({format_.name for format_ in FORMATS}) == len(FORMATS)
    for format_ in FORMATS:
        assert format_.kinds
        assert format_.title
        assert format_.tools
        assert format_named(format_.name) is format_


def test_reading_by_content() -> None:
    """A known report is read without being told what it is."""
    report = read_report(source(JUNIT))
    assert (report.format, report.kind, report.state) == ("junit", Kind.TESTS, State.OK)


def test_wrong_format_name_names_the_nearest() -> None:
    """A misspelt format is the caller's mistake."""
    with pytest.raises(UnknownFormat, match="jnuit") as refused:
        read_report(source(JUNIT), format_name="jnuit")
    assert refused.value.hint == "did you mean junit?"
    with pytest.raises(UnknownFormat) as far:
        format_named("zzz")
    assert "gatekeeper formats" in far.value.hint


def test_kind_must_fit_the_format() -> None:
    """A JUnit report is not evidence of coverage, whatever its sender says."""
    assert read_report(source(JUNIT), kind=Kind.TESTS).kind is Kind.TESTS
    with pytest.raises(KindMismatch, match="evidence of tests, not of coverage") as refused:
        read_report(source(JUNIT), kind=Kind.COVERAGE)
    assert refused.value.code == "kind-mismatch"
    assert "tests" in refused.value.hint


def test_unknown_content_is_unreadable_and_keeps_the_kind_that_was_asked() -> None:
    """Unknown bytes are evidence of the kind that was claimed, in state unreadable."""
    report = read_report(source(b"hello"))
    assert (report.format, report.kind, report.state) == (None, None, State.UNREADABLE)
    assert report.problems == (Problem(code="unknown-format", params={"head": "hello"}),)
    assert report.metrics == {}
    assert read_report(source(b"hello"), kind=Kind.SCA).kind is Kind.SCA
    assert read_report(source(b"")).problems == (Problem(code="empty"),)


def test_forced_format_still_checks_the_content() -> None:
    """Naming a format does not make other content fit it."""
    report = read_report(source(b"<html/>"), format_name="junit")
    assert (report.kind, report.state) == (Kind.TESTS, State.UNREADABLE)
    assert [problem.code for problem in report.problems] == ["wrong-shape"]


def test_unreadable_report_of_a_known_format_keeps_its_kind() -> None:
    """A truncated JUnit file is unreadable evidence of tests."""
    report = read_report(source(JUNIT[:-3]))
    assert (report.format, report.kind, report.state) == ("junit", Kind.TESTS, State.UNREADABLE)


def test_oversized_report_keeps_its_kind() -> None:
    """Size is checked after detection, so that rules know what is unreadable."""
    limits = replace(DEFAULT_LIMITS, max_bytes=20)
    report = read_report(source(JUNIT, limits=limits), limits=limits)
    assert (report.kind, report.state) == (Kind.TESTS, State.UNREADABLE)
    assert report.problems == (Problem(code="too-large", params={"bytes": len(JUNIT), "limit": 20}),)


@pytest.mark.parametrize(("fault", "code"), [(MemoryError, "out-of-memory"), (RecursionError, "too-deep")])
def test_exhaustion_inside_a_reader_is_a_named_problem(
    fault: type[Exception], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that runs out of memory or stack yields an unreadable report."""

    def exhausted(_source: ReportSource, _limits: Limits, _kind: Kind | None) -> Report:
        raise fault

    row = ReportFormat(
        name="x", title="X", kinds=(Kind.SAST,), tools="x", detect=lambda _: True, read=exhausted
    )
    monkeypatch.setattr(registry, "FORMATS", (row,))
    report = read_report(source(b"{}"))
    assert (report.kind, report.state) == (Kind.SAST, State.UNREADABLE)
    assert [problem.code for problem in report.problems] == [code]


@given(st.binary(max_size=200), st.sampled_from(FORMATS))
def test_no_content_raises(data: bytes, format_: ReportFormat) -> None:
    """Any bytes read as any format give a report; only sound ones are ok."""
    report = read_report(source(data), format_name=format_.name)
    assert report.format == format_.name
    assert report.state is not State.OK or report.metrics


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 400_000,
        b'{"a":' * 100_000,
        b"<a>" * 100_000,
        b'{"results": null, "errors": null, "runs": null, "files": null, "dependencies": null, "meta": null}',
        b'{"results": [], "runs": [], "files": {}, "dependencies": [], "meta": {}, "totals": {}}',
        b"SF:\nend_of_record\n",
        b"9" * 10_000,
        b'{"version": ' + b"9" * 10_000 + b"}",
        b"\x00" * 1000,
        b"\xff\xfe" + b"\xd8\x00" * 10,
        b'{"runs": [NaN, Infinity, -1e999]}',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_hostile_and_empty_content_proves_nothing(format_: ReportFormat, data: bytes) -> None:
    """Nothing empty, foreign or hostile is ever an `ok` report."""
    report = read_report(source(data), format_name=format_.name, kind=format_.kinds[0])
    assert report.state is not State.OK
    assert report.problems
