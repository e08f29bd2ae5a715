"""Semgrep JSON (`semgrep scan --json`), as written by 1.0 and later."""

from typing import Any

import msgspec

from gatekeeper.evidence import Kind, Producer, Value
from gatekeeper.finding import Finding, Location, Suppression
from gatekeeper.reports.findings.cwe import cwe_numbers
from gatekeeper.reports.findings.fingerprint import code_fingerprint, own_fingerprint, with_occurrences
from gatekeeper.reports.findings.items import check_count, each
from gatekeeper.reports.findings.numbers import line_of
from gatekeeper.reports.findings.report import finding_report
from gatekeeper.reports.findings.severity import SEMGREP, word_severity
from gatekeeper.reports.interface import Head, Report, ReportFormat
from gatekeeper.reports.json import decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.paths import normal_path
from gatekeeper.reports.repeated_keys import Decisive, refuse_repeated_keys
from gatekeeper.reports.source import ReportSource

WITHHELD = "requires login"
"""What Semgrep writes in place of the fingerprint and the code when nobody is logged in."""

_CHOICES = frozenset(
    # `paths.skipped[].reason` that the user chose (ignore files, --exclude) or the rules (wrong language).
    # Every other one, also one that is not known yet, is a file that should have been scanned.
    # semgrep_output_v1.atd, skip_reason.
    {
        "always_skipped",
        "binary",
        "cli_exclude_flags_match",
        "cli_include_flags_do_not_match",
        "dotfile",
        "excluded_by_config",
        "gitignore_patterns_match",
        "irrelevant_rule",
        "minified",
        "semgrepignore_patterns_match",
        "wrong_language",
    }
)


class _Position(msgspec.Struct):
    line: Any = None
    col: Any = None


class _Extra(msgspec.Struct):
    severity: str
    message: str | None = None
    fingerprint: str | None = None
    lines: str | None = None
    metadata: Any = None
    is_ignored: bool | None = None


class _Match(msgspec.Struct):
    check_id: str
    path: str
    extra: _Extra
    start: _Position | None = None
    end: _Position | None = None


class _Error(msgspec.Struct):
    type: Any = None
    path: str | None = None
    message: str | None = None


class _Skipped(msgspec.Struct):
    path: str
    reason: str = ""


class _Paths(msgspec.Struct):
    scanned: list[str] | None = None
    skipped: list[_Skipped] | None = None


class _Log(msgspec.Struct):
    results: list[msgspec.Raw]
    errors: list[_Error]
    paths: _Paths | None = None
    version: str | None = None
    skipped_rules: list[Any] | None = None


_DECODER = msgspec.json.Decoder(_Match)
_DECISIVE = Decisive("check_id", "path", "extra", "severity", "is_ignored")


def detect(head: Head) -> bool:
    """`results` with Semgrep's own keys, in the report or in its first result."""
    own = head.keys & {"paths", "engine_requested", "skipped_rules", "interfile_languages_used"}
    first = b'"check_id"' in head.data and b'"extra"' in head.data
    return "results" in head.keys and (bool(own and "errors" in head.keys) or first)


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The matches of one Semgrep run.

    Every entry of `errors`, whatever its level, says that something was not searched: `incomplete`. Semgrep
    leaves `nosemgrep` matches out, so `sast.suppressed` is there only when the report lists some.

    Raises:
        UnreadableReport: it is not Semgrep JSON.
    """
    notes = Notes()
    log = decode(source, _Log)
    check_count(log.results, limits)
    refuse_repeated_keys(source, {"results": 1, "errors": 1, "scanned": 1, "skipped_rules": 1})
    matches = each(log.results, _DECODER, notes=notes, decisive=_DECISIVE)
    findings = with_occurrences([_finding(match, limits, notes) for match in matches])
    if log.skipped_rules:
        notes.count("rules-skipped", n=len(log.skipped_rules))
    return finding_report(
        FORMAT.name,
        Kind.SAST,
        findings=findings,
        notes=notes,
        suppressed=None,
        producer=Producer(name="semgrep", version=log.version),
        metrics=_files(log, notes),
    )


FORMAT = ReportFormat(
    name="semgrep",
    title="Semgrep JSON",
    kinds=(Kind.SAST,),
    tools="Semgrep, Opengrep",
    detect=detect,
    read=read,
)


def _finding(match: _Match, limits: Limits, notes: Notes) -> Finding:
    path = normal_path(match.path)
    extra = match.extra
    message = extra.message or ""
    metadata = extra.metadata if isinstance(extra.metadata, dict) else {}
    return Finding(
        fingerprint=_fingerprint(match, path, message),
        tool="semgrep",
        rule=match.check_id,
        severity=word_severity(extra.severity, SEMGREP, notes),
        message=message[: limits.max_message_chars],
        location=Location(
            path=path,
            line=line_of(match.start.line) if match.start else None,
            column=line_of(match.start.col) if match.start else None,
            end_line=line_of(match.end.line) if match.end else None,
        ),
        cwe=cwe_numbers(metadata.get("cwe")),
        suppression=Suppression(source="inline") if extra.is_ignored else None,
    )


def _fingerprint(match: _Match, path: str, message: str) -> str:
    own, code = match.extra.fingerprint, match.extra.lines
    if own and own != WITHHELD:
        return own_fingerprint("semgrep", "fingerprint", own)
    return code_fingerprint(
        tool="semgrep",
        rule=match.check_id,
        path=path,
        snippet=None if code == WITHHELD else code,
        message=message,
    )


def _files(log: _Log, notes: Notes) -> dict[str, Value]:
    broken = {error.path for error in log.errors if error.path}
    for error in log.errors:
        notes.count("scan-errors", _error_type(error))
    paths = log.paths or _Paths()
    failed = [skip for skip in paths.skipped or () if skip.reason not in _CHOICES]
    for skip in failed:
        if skip.path not in broken:
            notes.count("files-skipped", skip.reason or "no reason")
    skipped = broken | {skip.path for skip in failed}
    scanned = set(paths.scanned or ()) - skipped
    if not paths.scanned:
        notes.add("no-data")
    if paths.scanned is None:
        return {}
    return {"sast.files_scanned": len(scanned), "sast.files_skipped": len(skipped)}


def _error_type(error: _Error) -> str:
    """`type` is a word, or a word with details: ["PartialParsing", [...]]."""
    word = error.type[0] if isinstance(error.type, list) and error.type else error.type
    return word if isinstance(word, str) else "error"
