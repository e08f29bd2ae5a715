"""Given files as evidence, for commands that judge without a server."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gatekeeper import pipeline
from gatekeeper.cli.files import Given, select
from gatekeeper.cli.output import one_line, say
from gatekeeper.cli.reading import FileUnreadable, read, read_record
from gatekeeper.cli.render.words import problem_words
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Evidence, Kind
from gatekeeper.pipeline import Received, ReceivedRecord
from gatekeeper.reports.run_records import RecordRefused
from gatekeeper.subject import Subject


class ReportRefused(GatekeeperError):
    """A given file cannot become evidence, and no decision may be made as if it had not been given."""

    code = "report-refused"


def evidence_from_files(
    arguments: Sequence[str], *, subject: Subject, received_at: datetime, kind: Kind | None
) -> tuple[Evidence, ...]:
    """Evidence from everything behind `arguments`, in the order of the paths.

    An unreadable report of a known kind is evidence that fails its rules. One of an unknown kind would be
    missed by no rule, so it is refused.

    Raises:
        ReportRefused: with every file that cannot become evidence.
        UsageError, KindMismatch: a path does not exist, or a report is not of the wanted kind.
    """
    selection = select(arguments, cwd=Path.cwd())
    for note in selection.notes:
        say(f"note: {note}")
    reports, records, refused = _received(selection.files, kind)
    received = pipeline.joined(reports, records)
    refused += [f"{item.job}: {_why(item)}" for item in received if item.kind is None]
    if refused:
        listed = "".join(f"\n  {one_line(line, 500)}" for line in sorted(refused))
        raise ReportRefused(
            f"no decision: {len(refused)} of the given files cannot be used as evidence{listed}",
            hint="leave out what is not a report; --kind says what a report is where nothing else does",
        )
    return tuple(
        pipeline.evidence_from(item, subject=subject, received_at=received_at, order=order)
        for order, item in enumerate(received)
    )


def _received(
    files: Sequence[Given], kind: Kind | None
) -> tuple[list[Received], list[ReceivedRecord], list[str]]:
    reports: list[Received] = []
    records: list[ReceivedRecord] = []
    refused: list[str] = []
    for given in files:
        try:
            if given.is_record:
                record, sha256 = read_record(given)
                records.append(ReceivedRecord(record=record, sha256=sha256, name=given.name, job=given.job))
            else:
                found = read(given, kind=kind)
                reports.append(
                    Received(report=found.report, sha256=found.sha256, name=given.name, job=given.job)
                )
        except (FileUnreadable, RecordRefused) as error:
            refused.append(error.message)
    return reports, records, refused


def _why(item: Received) -> str:
    problems = item.report.problems if item.report is not None else ()
    words = "; ".join(problem_words(problem) for problem in problems)
    return words or "nothing says what it is evidence of"
