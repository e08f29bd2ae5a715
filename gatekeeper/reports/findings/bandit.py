"""Bandit JSON (`bandit -f json`), as written by 1.7 to 1.9."""

import re
from typing import Any

import msgspec

from gatekeeper.evidence import Kind, Producer, Value
from gatekeeper.finding import Finding, Location
from gatekeeper.reports.findings.cwe import cwe_numbers
from gatekeeper.reports.findings.fingerprint import code_fingerprint, with_occurrences
from gatekeeper.reports.findings.items import check_count, each
from gatekeeper.reports.findings.numbers import count_of, line_of
from gatekeeper.reports.findings.report import finding_report
from gatekeeper.reports.findings.severity import BANDIT, word_severity
from gatekeeper.reports.interface import Head, Report, ReportFormat
from gatekeeper.reports.json import decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.paths import normal_path
from gatekeeper.reports.repeated_keys import Decisive, refuse_repeated_keys
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.times import utc_time

_TOTALS = "_totals"
_NUMBERED = re.compile(r"(\d{1,10})(?!\d)[ \t]?(.*)")
_VERSION = re.compile(r"//bandit\.readthedocs\.io/en/(\d+\.\d+[\w.]*)/")


class _Issue(msgspec.Struct):
    filename: str
    test_id: str
    issue_severity: str
    issue_text: str = ""
    line_number: Any = None
    line_range: Any = None
    col_offset: Any = None
    code: str | None = None
    issue_cwe: Any = None
    more_info: str | None = None


class _Error(msgspec.Struct):
    filename: str = ""
    reason: str | None = None


class _Log(msgspec.Struct):
    results: list[msgspec.Raw]
    errors: list[_Error]
    metrics: dict[str, dict[str, Any]] = {}
    generated_at: str | None = None


_DECODER = msgspec.json.Decoder(_Issue)
_DECISIVE = Decisive("issue_severity", "test_id", "filename")


def detect(head: Head) -> bool:
    """`results` or `errors` beside `generated_at` or `metrics`, and Bandit's own words."""
    known = head.keys >= {"errors", "generated_at"} or head.keys >= {"metrics", "results"}
    return known and (b'"_totals"' in head.data or b'"CONFIDENCE.' in head.data or b'"test_id"' in head.data)


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The issues of one Bandit run.

    `sast.files_scanned` counts the files that Bandit could parse, `sast.suppressed` the issues that `nosec`
    comments hid (Bandit counts them without listing them). `#nosec` on a line that has no issue counts too.

    Raises:
        UnreadableReport: it is not Bandit JSON.
    """
    notes = Notes()
    log = decode(source, _Log)
    check_count(log.results, limits)
    refuse_repeated_keys(source, {"results": 1, "errors": 1, "metrics": 1, "_totals": 1})
    issues = list(each(log.results, _DECODER, notes=notes, decisive=_DECISIVE))
    findings = with_occurrences([_finding(issue, limits, notes) for issue in issues])
    _compare_totals(log, len(log.results), notes)
    totals = log.metrics.get(_TOTALS, {})
    return finding_report(
        FORMAT.name,
        Kind.SAST,
        findings=findings,
        notes=notes,
        suppressed=count_of(totals.get("nosec")) + count_of(totals.get("skipped_tests")),
        producer=Producer(name="bandit", version=_version(issues)),
        produced_at=utc_time(log.generated_at, notes.count),
        metrics=_files(log, notes),
    )


FORMAT = ReportFormat(
    name="bandit",
    title="Bandit JSON",
    kinds=(Kind.SAST,),
    tools="Bandit",
    detect=detect,
    read=read,
)


def _finding(issue: _Issue, limits: Limits, notes: Notes) -> Finding:
    path = normal_path(issue.filename)
    line = line_of(issue.line_number)
    column = issue.col_offset
    lines = [number for number in map(line_of, _list(issue.line_range)) if number is not None]
    return Finding(
        fingerprint=code_fingerprint(
            tool="bandit",
            rule=issue.test_id,
            path=path,
            snippet=_flagged_code(issue.code, {line, *lines}),
            message=issue.issue_text,
        ),
        tool="bandit",
        rule=issue.test_id,
        severity=word_severity(issue.issue_severity, BANDIT, notes),
        message=issue.issue_text[: limits.max_message_chars],
        location=Location(
            path=path,
            line=line,
            # `col_offset` is that of the Python syntax tree, 0-based; -1 stands for unknown.
            column=line_of(column + 1) if isinstance(column, int) else None,
            end_line=max(lines, default=None),
        ),
        cwe=cwe_numbers(issue.issue_cwe.get("id") if isinstance(issue.issue_cwe, dict) else issue.issue_cwe),
    )


def _flagged_code(code: str | None, lines: set[int | None]) -> str | None:
    """`code` holds numbered lines with neighbours around; only the flagged lines are the problem's own."""
    if not code:
        return None
    numbered = [match.groups() for text in code.splitlines() if (match := _NUMBERED.match(text))]
    return "\n".join(text for number, text in numbered if int(number) in lines)


def _files(log: _Log, notes: Notes) -> dict[str, Value]:
    skipped = {error.filename for error in log.errors}
    scanned = log.metrics.keys() - {_TOTALS} - skipped
    for error in log.errors:
        notes.count("files-skipped", error.reason)
    if not scanned:
        notes.add("no-data")
    return {"sast.files_scanned": len(scanned), "sast.files_skipped": len(skipped)}


def _compare_totals(log: _Log, listed: int, notes: Notes) -> None:
    """Bandit counts before it filters (`-l`, `-i`, `-b`): a shorter list does not show what was found."""
    files = (counts for name, counts in log.metrics.items() if name != _TOTALS)
    stated = max(_stated(log.metrics.get(_TOTALS, {})), sum(map(_stated, files)))
    if stated > listed:
        notes.add("findings-withheld", stated=stated, listed=listed)


def _stated(counts: dict[str, Any]) -> int:
    return sum(count_of(value) for name, value in counts.items() if name.startswith("SEVERITY."))


def _version(issues: list[_Issue]) -> str | None:
    """The report has no version, but every issue links to the documentation of the version that wrote it."""
    for issue in issues:
        if issue.more_info and (match := _VERSION.search(issue.more_info)):
            return match[1]
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
