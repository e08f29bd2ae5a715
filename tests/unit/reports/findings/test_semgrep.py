"""Semgrep JSON: proof of a scan, severities, identity."""

from typing import Any

import pytest

from gatekeeper.evidence import State
from gatekeeper.reports.interface import UnreadableReport

EXTRA = {
    "message": "bad",
    "severity": "ERROR",
    "metadata": {},
    "fingerprint": "requires login",
    "lines": "requires login",
}
MATCH = {
    "check_id": "rules.eval",
    "path": "a.py",
    "start": {"line": 3, "col": 5},
    "end": {"line": 4, "col": 9},
    "extra": EXTRA,
}


def _log(*matches: Any, **keys: Any) -> dict[str, Any]:
    return {"version": "1.182.0", "results": matches, "errors": [], "paths": {"scanned": ["a.py"]}} | keys


def _extra(**keys: Any) -> dict[str, Any]:
    return MATCH | {"extra": EXTRA | keys}


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ({"errors": [{"type": "Timeout", "level": "warn", "path": "a.py"}]}, ["scan-errors"]),
        ({"errors": [{"type": ["PartialParsing", []], "level": "warn"}]}, ["scan-errors"]),
        ({"errors": [{"level": "error", "message": "crash"}]}, ["scan-errors"]),
        ({"paths": {"scanned": []}}, ["no-data"]),
        ({"paths": None}, ["no-data"]),
        ({"skipped_rules": [{"rule_id": "r"}]}, ["rules-skipped"]),
        (
            {"paths": {"scanned": ["a.py"], "skipped": [{"path": "b.py", "reason": "exceeded_size_limit"}]}},
            ["files-skipped"],
        ),
        ({"results": [{"check_id": "x"}]}, ["unparsed"]),
    ],
)
def test_an_empty_list_is_not_always_clean(read: Any, keys: dict[str, Any], codes: list[str]) -> None:
    """Whatever kept Semgrep from searching everything makes an empty report incomplete."""
    report = read("semgrep", _log(**keys))
    assert ([p.code for p in report.problems], report.state) == (codes, State.INCOMPLETE)


def test_files_left_out_on_purpose_are_no_problem(read: Any) -> None:
    """Ignore files and other languages are choices, not losses."""
    skipped = [{"path": "x.min.js", "reason": "semgrepignore_patterns_match"}]
    report = read("semgrep", _log(paths={"scanned": ["a.py"], "skipped": skipped}))
    assert (report.state, report.metrics["sast.files_skipped"]) == (State.OK, 0)


def test_a_file_that_broke_was_not_scanned(read: Any) -> None:
    """Semgrep lists it as scanned all the same."""
    errors = [{"type": "Syntax error", "path": "a.py"}, {"type": "Timeout", "path": "a.py"}]
    report = read("semgrep", _log(errors=errors, paths={"scanned": ["a.py", "b.py"]}))
    assert (report.metrics["sast.files_scanned"], report.metrics["sast.files_skipped"]) == (1, 1)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("CRITICAL", "critical"),
        ("HIGH", "high"),
        ("ERROR", "high"),
        ("MEDIUM", "medium"),
        ("WARNING", "medium"),
        ("LOW", "low"),
        ("INFO", "low"),
        ("EXPERIMENT", "unknown"),
        ("INVENTORY", "unknown"),
        ("surprise", "unknown"),
    ],
)
def test_severities(read: Any, word: str, severity: str) -> None:
    """Old and new names; those that rate nothing are unknown."""
    assert read("semgrep", _log(_extra(severity=word))).findings[0].severity == severity


@pytest.mark.parametrize(
    ("metadata", "numbers"),
    [
        ({"cwe": "CWE-78: OS Command Injection"}, (78,)),
        ({"cwe": ["CWE-89: SQL", "CWE-79", "CWE-89"]}, (79, 89)),
        ({"cwe": []}, ()),
        ({"cwe": None}, ()),
        ({}, ()),
        (None, ()),
        ("text", ()),
    ],
)
def test_cwe_in_all_shapes(read: Any, metadata: Any, numbers: tuple[int, ...]) -> None:
    """A text, a list, nothing."""
    assert read("semgrep", _log(_extra(metadata=metadata))).findings[0].cwe == numbers


def test_an_ignored_match_is_suppressed(read: Any) -> None:
    """`nosemgrep` matches that the report lists are set aside and counted."""
    report = read("semgrep", _log(_extra(is_ignored=True), _extra(is_ignored=False)))
    assert (report.metrics["sast.total"], report.metrics["sast.suppressed"]) == (1, 1)
    assert "sast.suppressed" not in read("semgrep", _log(MATCH)).metrics


def test_the_tools_own_fingerprint_is_used(read: Any) -> None:
    """It survives a new message and place; the words of a missing login are no fingerprint."""
    own = _extra(fingerprint="abc_0")
    moved = own | {"start": {"line": 90, "col": 1}, "extra": own["extra"] | {"message": "worse"}}
    first, second = (read("semgrep", _log(match)).findings[0].fingerprint for match in (own, moved))
    assert first == second
    absent = [read("semgrep", _log(_extra(message=text))).findings[0].fingerprint for text in ("a", "b")]
    assert absent[0] != absent[1]


def test_two_matches_of_a_rule_in_a_file_are_two(read: Any) -> None:
    """Also where the report holds neither code nor fingerprint."""
    other = MATCH | {"start": {"line": 9, "col": 5}}
    report = read("semgrep", _log(MATCH, other, MATCH))
    assert len({finding.fingerprint for finding in report.findings}) == 3


@pytest.mark.parametrize("log", [{}, {"results": []}, {"results": [], "errors": {}}, []])
def test_other_shapes_are_refused(read: Any, log: Any) -> None:
    """Without both lists it is no Semgrep report."""
    with pytest.raises(UnreadableReport, match="wrong-shape"):
        read("semgrep", log)


@pytest.mark.parametrize("reason", ["too_many_matches", "a_reason_of_the_future", ""])
def test_a_file_left_out_for_an_unknown_reason_was_not_scanned(read: Any, reason: str) -> None:
    """Only reasons that are known to be choices are harmless."""
    paths = {"scanned": ["a.py"], "skipped": [{"path": "b.py", "reason": reason}]}
    report = read("semgrep", _log(paths=paths))
    assert [problem.code for problem in report.problems] == ["files-skipped"]
    assert report.state is State.INCOMPLETE
