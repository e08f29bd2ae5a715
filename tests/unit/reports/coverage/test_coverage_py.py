"""coverage.py JSON: counts are the tool's, line sets what can be told, contradictions are said."""

import json
from datetime import UTC, datetime

import pytest

from gatekeeper.evidence import Producer, Ratio, State
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import Limits


def sets(report, path="a.py"):
    """The hit and the missed lines of a file."""
    found = report.lines[path]
    return list(found.hit), list(found.miss)


def summary(covered, total, taken=None, branches=None):
    """A summary with these counts."""
    found = {"covered_lines": covered, "num_statements": total, "percent_covered": 0.0}
    return found if branches is None else {**found, "covered_branches": taken, "num_branches": branches}


def file(hit, miss, counts=None, **more):
    """A file with these lines."""
    return {
        "executed_lines": hit,
        "missing_lines": miss,
        "summary": counts or summary(len(hit), len(hit) + len(miss)),
        **more,
    }


def document(files, totals=None, **meta):
    """A report of these files."""
    found = {"meta": {"version": "7.17.3", **meta}, "files": files}
    return json.dumps(found if totals is None else {"totals": totals, **found})


def test_counts_statements_and_branches(read):
    """Lines and statements are the same numbers; branches only when they were measured."""
    report = read("coverage-py", document({"a.py": file([1, 2], [4])}, summary(2, 3)))
    assert (report.state, report.problems) == (State.OK, ())
    assert report.producer == Producer(name="coverage.py", version="7.17.3")
    assert dict(report.metrics) == {
        "coverage.lines_covered": 2,
        "coverage.lines_total": 3,
        "coverage.line": Ratio(2, 3),
        "coverage.statements_covered": 2,
        "coverage.statements_total": 3,
        "coverage.statement": Ratio(2, 3),
    }
    assert sets(report) == ([1, 2], [4])
    both = read("coverage-py", document({"a.py": file([1, 2], [4], summary(2, 3, 1, 4))}))
    assert both.metrics["coverage.branch"] == Ratio(1, 4)


def test_functions(read):
    """A function is covered when a statement in it ran; the module level and empty functions do not count."""
    functions = {
        "f": {"summary": summary(1, 2)},
        "g": {"summary": summary(0, 2)},
        "stub": {"summary": summary(0, 0)},
        "": {"summary": summary(3, 3)},
    }
    report = read("coverage-py", document({"a.py": file([1], [2], functions=functions)}))
    assert report.metrics["coverage.function"] == Ratio(1, 2)


def test_executed_lines_are_not_a_count(read, problems):
    """Docstrings among the executed lines do not raise the count; they stay in the line set, said aloud."""
    report = read(
        "coverage-py", document({"a.py": file([1, 2, 3, 9], [4], summary(2, 3), excluded_lines=[9])})
    )
    assert report.metrics["coverage.line"] == Ratio(2, 3)
    assert sets(report) == ([1, 2, 3], [4])
    assert problems(report) == {"lines-not-statements": {"count": 1}}


def test_excluded_lines_are_taken_out(read):
    """Executed lines that are excluded are no statements, which can be told."""
    report = read("coverage-py", document({"a.py": file([1, 2, 9], [4], summary(2, 3), excluded_lines=[9])}))
    assert (sets(report), report.problems) == (([1, 2], [4]), ())


def test_line_both_executed_and_missing(read, problems):
    """A line listed as run and as missing is missed."""
    report = read("coverage-py", document({"a.py": file([1, 2], [2, 3], summary(2, 4))}))
    assert sets(report) == ([1], [2, 3])
    assert report.metrics["coverage.line"] == Ratio(1, 4)
    assert problems(report) == {"file-totals-disagree": {"count": 1}}


def test_line_zero(read):
    """Line 0, which some versions list for an empty module, is no line."""
    assert sets(read("coverage-py", document({"a.py": file([0, 1], [3], summary(1, 2))}))) == ([1], [3])


@pytest.mark.parametrize(
    ("counts", "ratio"),
    [(summary(3, 3), Ratio(1, 3)), (summary(1, 1), Ratio(0, 2)), (summary(2, 3), Ratio(1, 3))],
)
def test_summary_against_missing_lines(read, problems, counts, ratio):
    """A summary that covers lines listed as missing is not believed."""
    report = read("coverage-py", document({"a.py": file([1], [2, 3], counts)}))
    assert report.metrics["coverage.line"] == ratio
    assert "file-totals-disagree" in problems(report)


def test_totals_that_disagree(read, problems):
    """The sum over the files wins over `totals`."""
    report = read("coverage-py", document({"a.py": file([1], [2])}, summary(9, 2)))
    assert report.metrics["coverage.line"] == Ratio(1, 2)
    assert report.state is State.INCOMPLETE
    assert problems(report) == {
        "more-covered-than-there-is": {"count": 1},
        "totals-disagree": {"what": "covered lines", "stated": 2, "counted": 1},
    }


def test_totals_only(read, problems):
    """A report without files gives its totals, and says that nothing stands behind them."""
    report = read("coverage-py", document({}, summary(3, 4)))
    assert report.metrics["coverage.line"] == Ratio(3, 4)
    assert problems(report) == {"totals-only": {"count": 1}}


def test_huge_and_negative_counts(read, problems):
    """No count leaves the range in which every JSON reader is exact."""
    report = read(
        "coverage-py", document({"a.py": file([], [], summary(2**63, 2**80)), "b.py": file([1], [])})
    )
    assert report.metrics["coverage.lines_total"] == 2**53 - 1
    assert "count-out-of-range" in problems(report)
    negative = read("coverage-py", document({"a.py": file([], [1], summary(-4, 1))}))
    assert negative.metrics["coverage.line"] == Ratio(0, 1)


def test_nothing_to_cover(read):
    """coverage.py says 100.0 for no statements; that is no proof."""
    report = read("coverage-py", document({"a.py": file([], [])}, summary(0, 0)))
    assert report.state is State.INCOMPLETE
    assert "coverage.line" not in report.metrics


@pytest.mark.parametrize(
    ("text", "moment", "codes"),
    [
        ("2026-11-23T06:18:43.846623", None, ["no-time-zone"]),
        ("2026-11-23T08:18:43+02:00", datetime(2026, 11, 23, 6, 18, 43, tzinfo=UTC), []),
        ("yesterday", None, ["bad-time"]),
        ("0001-01-01T00:00:00+14:00", None, ["bad-time"]),
    ],
)
def test_timestamps(read, text, moment, codes):
    """A time without zone could be anywhere, so it is left out."""
    report = read("coverage-py", document({"a.py": file([1], [])}, timestamp=text))
    assert (report.produced_at, [problem.code for problem in report.problems]) == (moment, codes)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        (document({"a.py": file([1], [2])})[:-9], "malformed"),
        ('{"meta": {"version": "7"}, "files": {"a.py": {"executed_lines": [1]}}}', "wrong-shape"),
        (document({"a.py": file([-1], [])}), "wrong-shape"),
        (document({"a.py": file([2**31], [])}), "wrong-shape"),
        (document({"a.py": file([1], []), "./a.py": file([], [1])}), "wrong-shape"),
        (document({"": file([1], [])}), "wrong-shape"),
        (document({"a.py": file([1.5], [])}), "wrong-shape"),
        ("[" * 100_000, "wrong-shape"),
    ],
)
def test_unreadable(read, content, code):
    """Cut off, foreign and impossible documents are refused by name."""
    with pytest.raises(UnreadableReport) as caught:
        read("coverage-py", content)
    assert caught.value.problem.code == code


def test_too_many_lines(read):
    """More lines than the limit are refused."""
    with pytest.raises(UnreadableReport) as caught:
        read("coverage-py", document({"a.py": file([1, 2], [3])}), Limits(max_items=2))
    assert caught.value.problem.code == "too-many-items"


@pytest.mark.parametrize("totals", ["", ',"totals": {"covered_lines": 101, "num_statements": 200}'])
def test_a_second_file_of_one_name_hides_nothing(read, totals):
    """Decoders keep the last; coverage.py's own totals count both."""
    bad = json.dumps(file([1], list(range(2, 101))))
    good = json.dumps(file(list(range(1, 101)), []))
    text = f'{{"meta": {{"version": "7.8"}}, "files": {{"a.py": {bad}, "a.py": {good}}}{totals}}}'
    with pytest.raises(UnreadableReport) as caught:
        read("coverage-py", text)
    assert caught.value.problem.code == "wrong-shape"
