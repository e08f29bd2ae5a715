"""How a scan went, for a person and as JSON."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from gatekeeper.cli.output import escaped, one_line
from gatekeeper.cli.tables import text_table
from gatekeeper.finding import Severity
from gatekeeper.messages import render_message
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.run_record import Ending
from gatekeeper_scanners.scan_result import ScanResult, ToolRun

ENDING_WORDS: Mapping[str, str] = {
    Ending.FINISHED: "finished",
    Ending.CRASHED: "crashed",
    Ending.TIMEOUT: "stopped: time limit",
    Ending.OUTPUT_LIMIT: "stopped: output limit",
    Ending.MEMORY_LIMIT: "stopped: memory limit",
    Ending.NOT_STARTED: "did not run",
}
_HEADER = ("tool", "ended", "files", "evidence", "open findings", "seconds")


def summary_text(result: ScanResult, *, shown_output: Path) -> str:
    """The table, the problems in words, where the reports are and what comes next."""
    table = text_table(_HEADER, [_row(run) for run in result.runs])
    notes = "".join(f"  {note}\n" for run in result.runs for note in _notes(run))
    folder = shlex.quote(str(shown_output))
    return (
        f"{table}\n"
        + (f"Problems:\n{notes}\n" if notes else "")
        + f"Reports: {folder}\nNext:    gatekeeper evaluate {folder} --stage test\n"
    )


def summary_json(result: ScanResult) -> str:
    """One object: the folders and, per scanner, its ending, the state of its evidence, its open findings."""
    runs = [
        {
            "tool": run.record.tool,
            "version": run.record.tool_version,
            "kind": run.record.kind,
            "ending": run.record.ending,
            "exit_code": run.record.exit_code,
            "files_seen": run.record.files_seen,
            "duration_ms": run.record.duration_ms,
            "report": str(run.report_path) if run.report_path else None,
            "record": str(run.record_path),
            "state": run.document.state,
            "problems": run.document.problems,
            "open_findings": _open(run) if run.is_readable else None,
        }
        for run in result.runs
    ]
    document = {"target": str(result.target), "output": str(result.output), "runs": runs}
    return escaped(msgspec.json.format(msgspec.json.encode(document), indent=2).decode()) + "\n"


def _row(run: ToolRun) -> tuple[str, ...]:
    record = run.record
    return (
        record.tool,
        ENDING_WORDS[record.ending],
        "-" if record.files_seen is None else f"{record.files_seen:,}",
        run.document.state.value,
        _findings_words(run),
        f"{record.duration_ms / 1000:.1f}",
    )


def _findings_words(run: ToolRun) -> str:
    if not run.is_readable:
        return "unknown"
    return ", ".join(f"{count:,} {severity}" for severity, count in _open(run).items() if count) or "0"


def _open(run: ToolRun) -> dict[str, int]:
    """Open findings by severity, the worst first; every severity is there."""
    counts = Counter(finding.severity for finding in run.document.findings if finding.is_open)
    return {severity.value: counts[severity] for severity in Severity}


def _notes(run: ToolRun) -> Iterator[str]:
    for problem in run.document.problems:
        if problem.code == "run-failed":  # the table says so
            continue
        yield f"{run.record.tool}: {one_line(render_message(problem, PROBLEMS), 600)}"
        if hint := problem.params.get("hint"):
            yield f"  hint: {one_line(str(hint), 400)}"
    if run.record.ending is not Ending.FINISHED and run.record.stderr_tail:
        yield f"{run.record.tool}: its last words: {one_line(run.record.stderr_tail.splitlines()[-1])}"
