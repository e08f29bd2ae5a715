"""Bandit JSON: proof of a scan, severities, places."""

from typing import Any

import pytest

from gatekeeper.evidence import State
from gatekeeper.finding import Location
from gatekeeper.reports.interface import UnreadableReport

ISSUE = {
    "code": "3 import a\n4 eval(x)\n5 import b\n",
    "col_offset": 0,
    "filename": "./app/a.py",
    "issue_cwe": {"id": 78, "link": ""},
    "issue_severity": "MEDIUM",
    "issue_text": "Use of eval.",
    "line_number": 4,
    "line_range": [4],
    "more_info": "https://bandit.readthedocs.io/en/1.9.4/blacklists/blacklist_calls.html#b307-eval",
    "test_id": "B307",
}


def _log(*issues: Any, **keys: Any) -> dict[str, Any]:
    totals = {"SEVERITY.MEDIUM": len(issues), "nosec": 2, "skipped_tests": 1}
    metrics = {"_totals": totals, "./app/a.py": {"loc": 5}}
    return {
        "errors": [],
        "generated_at": "2026-11-23T06:00:00Z",
        "metrics": metrics,
        "results": issues,
    } | keys


def test_an_issue_becomes_a_finding(read: Any) -> None:
    """Rule, severity, place with a 1-based column, CWE; version and time; hidden issues counted."""
    report = read("bandit", _log(ISSUE))
    finding = report.findings[0]
    assert (finding.rule, finding.severity, finding.cwe) == ("B307", "medium", (78,))
    assert finding.location == Location(path="app/a.py", line=4, column=1, end_line=4)
    assert (report.state, report.producer.version) == (State.OK, "1.9.4")
    assert report.produced_at.isoformat() == "2026-11-23T06:00:00+00:00"
    assert report.metrics["sast.suppressed"] == 3


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ({"errors": [{"filename": "b.py", "reason": "syntax error"}]}, ["files-skipped"]),
        ({"metrics": {}}, ["no-data"]),
        ({"metrics": {"_totals": {"loc": 0}}}, ["no-data"]),
        ({"metrics": {"_totals": {"SEVERITY.HIGH": 1}, "a.py": {}}}, ["findings-withheld"]),
        ({"results": [{"test_id": "B1"}, 4]}, ["unparsed"]),
    ],
)
def test_an_empty_list_is_not_always_clean(read: Any, keys: dict[str, Any], codes: list[str]) -> None:
    """Errors, no file, totals above the list and unreadable issues are incomplete."""
    report = read("bandit", _log(**keys))
    assert ([p.code for p in report.problems], report.state) == (codes, State.INCOMPLETE)
    assert report.metrics["sast.total"] == 0


@pytest.mark.parametrize(
    ("word", "severity"),
    [("HIGH", "high"), ("MEDIUM", "medium"), ("LOW", "low"), ("UNDEFINED", "unknown"), ("SEVERE", "unknown")],
)
def test_severities(read: Any, word: str, severity: str) -> None:
    """Bandit's words, and unknown for every other."""
    assert read("bandit", _log(ISSUE | {"issue_severity": word})).findings[0].severity == severity


@pytest.mark.parametrize(
    ("cwe", "numbers"), [({}, ()), (None, ()), (79, (79,)), ({"id": 0}, ()), ({"id": "x"}, ())]
)
def test_cwe_in_all_shapes(read: Any, cwe: Any, numbers: tuple[int, ...]) -> None:
    """An issue without weakness has an empty object."""
    assert read("bandit", _log(ISSUE | {"issue_cwe": cwe})).findings[0].cwe == numbers


def test_an_old_report_without_time_is_read(read: Any) -> None:
    """`generated_at` came later than the format."""
    log = _log(ISSUE)
    del log["generated_at"]
    assert read("bandit", log).produced_at is None


def test_neighbouring_lines_are_not_identity(read: Any) -> None:
    """`code` shows the lines around the issue; only the flagged one is its own."""
    moved = ISSUE | {"code": "13 other()\n14 eval(x)\n15 \n", "line_number": 14, "line_range": [14]}
    changed = ISSUE | {"code": "3 import a\n4 eval(y)\n5 import b\n"}
    prints = [read("bandit", _log(issue)).findings[0].fingerprint for issue in (ISSUE, moved, changed)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("log", [{}, [], {"results": []}, {"errors": [], "results": {}}])
def test_other_shapes_are_refused(read: Any, log: Any) -> None:
    """Without both lists it is no Bandit report."""
    with pytest.raises(UnreadableReport, match="wrong-shape"):
        read("bandit", log)


def test_a_second_list_of_results_is_refused(read: Any) -> None:
    """The second of two `results` would hide the first."""
    with pytest.raises(UnreadableReport, match="twice"):
        read("bandit", b'{"errors":[],"results":[{"test_id":"B1"}],"metrics":{"a.py":{}},"results":[]}')


@pytest.mark.parametrize(
    "metrics", [{"_totals": {"SEVERITY.HIGH": 1.0}}, {"_totals": {}, "b.py": {"SEVERITY.HIGH": 1}}]
)
def test_stated_problems_that_are_not_listed_are_told(read: Any, metrics: dict[str, Any]) -> None:
    """Stated as a float by old versions, or only for a file."""
    report = read("bandit", _log() | {"metrics": {"a.py": {}, **metrics}})
    assert "findings-withheld" in [problem.code for problem in report.problems]
    assert report.state is State.INCOMPLETE


def test_a_line_number_without_end_is_no_line(read: Any) -> None:
    """Python refuses to convert more than 4,300 digits."""
    issue = {"filename": "a.py", "test_id": "B1", "issue_severity": "LOW", "code": "9" * 6_000 + " x"}
    report = read("bandit", _log(issue))
    assert report.metrics["sast.total"] == 1
