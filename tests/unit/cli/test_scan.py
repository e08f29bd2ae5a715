"""`gatekeeper scan` without running a tool: its arguments, its summary, its exit code."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from gatekeeper.cli import scan as command
from gatekeeper.cli.scan_summary import ENDING_WORDS, summary_json, summary_text
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.finding import Finding, Severity, Suppression
from gatekeeper.pipeline import Received, evidence_from
from gatekeeper.reports.interface import Report
from gatekeeper.run_record import Ending, RunRecord
from gatekeeper.subject import Subject
from gatekeeper_scanners.scan_result import ScanResult, ToolRun


def run_of(
    tool: str,
    ending: Ending,
    *,
    report: Report | None = None,
    problems: tuple[Problem, ...] = (),
    stderr: str = "",
) -> ToolRun:
    """A run that ended so."""
    record = RunRecord(
        tool=tool,
        tool_version="1.0",
        kind=Kind.SAST,
        argv=(tool,),
        requirements_digest="sha256:0",
        rules_digest=None,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        duration_ms=1234,
        ending=ending,
        exit_code=0,
        report=f"{tool}.json" if report else None,
        report_sha256=None,
        files_seen=1200 if ending is not Ending.NOT_STARTED else None,
        problems=problems,
        stderr_tail=stderr,
    )
    received = Received(report=report, sha256="", name=tool, job=f"{tool}.json", record=record)
    document = evidence_from(
        received, subject=Subject(project="scan"), received_at=record.started_at, order=0
    ).document
    path = Path("out") / f"{tool}.json"
    return ToolRun(
        record=record,
        record_path=path.with_suffix(".run.json"),
        report_path=path if report else None,
        document=document,
    )


def report(state: State, *severities: Severity, problems: tuple[Problem, ...] = ()) -> Report:
    """A report with open findings of these severities and a suppressed one."""
    findings = [
        Finding(fingerprint=str(n), tool="t", rule="r", severity=severity, message="m")
        for n, severity in enumerate(severities)
    ]
    accepted = Suppression(source="inline")
    hidden = Finding(
        fingerprint="h", tool="t", rule="r", severity=Severity.CRITICAL, message="m", suppression=accepted
    )
    return Report(
        format="bandit", kind=Kind.SAST, state=state, findings=(*findings, hidden), problems=problems
    )


GOOD = run_of("bandit", Ending.FINISHED, report=report(State.OK, Severity.LOW, Severity.HIGH, Severity.LOW))
CRASHED = run_of("semgrep", Ending.CRASHED, stderr="Traceback\nOSError: \x1b[31mdisk full")
REFUSED = run_of(
    "other",
    Ending.FINISHED,
    report=Report(format=None, kind=Kind.SAST, state=State.UNREADABLE, problems=(Problem(code="empty"),)),
)
ABSENT = run_of(
    "pip-audit",
    Ending.NOT_STARTED,
    problems=(
        Problem(
            code="tool-not-installed",
            params={"tool": "pip-audit", "detail": "no route to host", "hint": "set up a mirror"},
        ),
    ),
)


def result_of(*runs: ToolRun) -> ScanResult:
    """A scan with these runs."""
    return ScanResult(target=Path("/src"), output=Path("/out"), runs=runs)


def test_summary_says_what_ended_how_and_what_comes_next() -> None:
    """A person sees each tool, what is wrong in words, where the reports are and the next command."""
    text = summary_text(result_of(GOOD, CRASHED, REFUSED, ABSENT), shown_output=Path("my reports"))
    assert text == snapshot("""\
tool       ended        files  evidence    open findings  seconds
bandit     finished     1,200  ok          1 high, 2 low  1.2
semgrep    crashed      1,200  failed      unknown        1.2
other      finished     1,200  unreadable  unknown        1.2
pip-audit  did not run  -      failed      unknown        1.2

Problems:
  semgrep: its last words: OSError: �[31mdisk full
  other: the file is empty
  pip-audit: pip-audit is not installed: no route to host
    hint: set up a mirror

Reports: 'my reports'
Next:    gatekeeper evaluate 'my reports' --stage test
""")


def test_summary_as_json_has_no_count_where_none_is_known() -> None:
    """Unknown is null, never zero."""
    runs = json.loads(summary_json(result_of(GOOD, CRASHED)))["runs"]
    assert runs[0]["open_findings"] == {
        "critical": 0,
        "high": 1,
        "unknown": 0,
        "medium": 0,
        "low": 2,
        "info": 0,
    }
    assert (runs[0]["state"], runs[1]["state"], runs[1]["open_findings"]) == ("ok", "failed", None)


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ((GOOD,), 0),
        ((GOOD, CRASHED), 1),
        ((GOOD, REFUSED), 1),
        ((GOOD, ABSENT), 4),
        ((ABSENT, CRASHED), 1),
        ((run_of("bandit", Ending.FINISHED, report=report(State.INCOMPLETE)),), 0),
        ((run_of("bandit", Ending.FINISHED, report=report(State.FAILED)),), 1),
    ],
)
def test_exit_code_is_about_the_scanners_and_not_about_findings(runs: tuple[ToolRun, ...], code: int) -> None:
    """0 when every report can be judged, 1 when one cannot, 4 when only an installation is missing."""
    assert command._exit_code(runs) == code


def test_every_ending_has_words() -> None:
    """A new ending cannot be forgotten in the summary."""
    assert set(ENDING_WORDS) == set(Ending)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("0.5", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    """A number with or without a unit."""
    assert command.parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "10 minutes", "1d", "25h", "inf", "nan", "m", "\u0661m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The refusal quotes the value and gives an example."""
    with pytest.raises(UsageError, match="--timeout must be a duration") as refusal:
        command.parse_seconds(text)
    assert "10m" in refusal.value.hint


def test_unknown_tool_is_refused_with_the_known_ones() -> None:
    """A misspelt scanner would otherwise be a scan without it."""
    with pytest.raises(UsageError, match="no scanner 'bandid'") as refusal:
        command._chosen(["bandit", "bandid"])
    assert "bandit, semgrep" in refusal.value.hint


def test_tool_named_twice_runs_once() -> None:
    """Two runs of one tool would write the same files."""
    assert [scanner.name for scanner in command._chosen(["semgrep", "bandit", "semgrep"])] == [
        "semgrep",
        "bandit",
    ]
