"""`gatekeeper inspect`: what Gatekeeper understands of report files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gatekeeper.cli import exits
from gatekeeper.cli.files import select
from gatekeeper.cli.output import escaped, one_line, put, say
from gatekeeper.cli.reading import ReadReport, read
from gatekeeper.cli.render.words import problem_words
from gatekeeper.cli.values import plain_value, shown_value
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind, State, plain
from gatekeeper.finding import Finding


def inspect(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Reports, folders with reports, or - for stdin.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON: an object for one file, a list for several.")
    ] = False,
    findings: Annotated[bool, typer.Option("--findings", help="List the findings too.")] = False,
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="Read it as this format (`gatekeeper formats`)."),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="What it is evidence of, where the format leaves it open.")
    ] = None,
) -> None:
    """Show what a report is, who made it, what it proves and what it counts.

    Ends with 1 when a file is unreadable, because such a file fails a gate.

    Examples:
      gatekeeper inspect junit.xml coverage.xml
      gatekeeper inspect semgrep.sarif --findings
      gatekeeper inspect reports/ --json
      pip-audit -f json | gatekeeper inspect -
    """
    selection = select(files, cwd=Path.cwd())
    for note in selection.notes:
        say(f"note: {note}")
    if records := sum(given.is_record for given in selection.files):
        what = "1 record of a run is" if records == 1 else f"{records} records of runs are"
        say(f"note: {what} left out; `evaluate` reads them, together with their reports")
    reports = [given for given in selection.files if not given.is_record]
    if not reports:
        raise UsageError("there is no report among the given files")
    is_readable = True
    documents = []
    for given in reports:
        found = read(given, format_name=format_name, kind=kind)
        is_readable &= found.report.state is not State.UNREADABLE
        if as_json:
            documents.append(as_document(found))
        else:
            put(
                "\n" * bool(given is not reports[0])
                + "".join(f"{line}\n" for line in _lines(found, findings))
            )
    if as_json:
        content = documents if len(documents) > 1 else documents[0]
        put(escaped(msgspec.json.format(msgspec.json.encode(content), indent=2).decode()) + "\n")
    raise typer.Exit(exits.ALLOWED if is_readable else exits.NO)


def as_document(found: ReadReport) -> dict[str, Any]:
    """The published JSON of one file; a metric that the report cannot give is absent."""
    report = found.report
    return {
        "path": found.given.job,
        "sha256": found.sha256,
        "bytes": found.size_bytes,
        "format": report.format,
        "kind": report.kind,
        "producer": plain(report.producer),
        "produced_at": report.produced_at,
        "state": report.state,
        "problems": [plain(problem) for problem in report.problems],
        "metrics": {name: plain_value(value) for name, value in report.metrics.items()},
        "findings": [plain(finding) for finding in report.findings],
    }


def _lines(found: ReadReport, with_findings: bool) -> Iterable[str]:
    report = found.report
    yield one_line(found.given.job)
    what = f"{report.format or 'unknown format'}, {report.kind or 'unknown kind'}"
    if report.producer is not None:
        what += f", by {one_line(report.producer.name)} {one_line(report.producer.version or '')}".rstrip()
    if report.produced_at is not None:
        what += f", produced {report.produced_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  {what}"
    yield f"  {found.size_bytes:,} bytes, sha256 {found.sha256}"
    yield f"  state: {report.state}"
    for problem in report.problems:
        yield f"  ! {problem_words(problem)} [{problem.code}]"
    width = max(map(len, report.metrics), default=0)
    for name, value in report.metrics.items():
        yield f"  {name.ljust(width)}  {shown_value(value)}"
    for failure in report.failures if with_findings else ():
        what = "error" if failure.is_error else "failed"
        yield f"  {what}: {one_line(failure.suite)} {one_line(failure.name)}: {one_line(failure.message)}"
    for finding in report.findings if with_findings else ():
        yield f"  {_finding(finding)}"
    if report.findings and not with_findings:
        yield "  (--findings lists the findings)"


def _finding(finding: Finding) -> str:
    place = ""
    if finding.location is not None:
        line = f":{finding.location.line}" if finding.location.line else ""
        place = f"{one_line(finding.location.path)}{line}  "
    if finding.package is not None:
        package = finding.package
        place += f"{one_line(package.name)} {one_line(package.version or '')}  "
        if package.fixed_versions:
            place += f"(fixed in {one_line(', '.join(package.fixed_versions))})  "
    aside = f"  set aside: {finding.suppression.source}" if finding.suppression is not None else ""
    severity = f"{finding.severity}".ljust(8)
    return f"{severity}  {one_line(finding.rule)}  {place}{one_line(finding.message)}{aside}"
