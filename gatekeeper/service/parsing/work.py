"""One upload -> its normalised document: what a parser process does, and only it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from gatekeeper.canonical import canonical_bytes, digest_of_bytes
from gatekeeper.errors import NotCanonical
from gatekeeper.evidence import EvidenceDocument, Kind, Problem, State
from gatekeeper.pipeline import Received, ReceivedRecord, document_of_upload, joined
from gatekeeper.reports.detection import choose_format, head_of
from gatekeeper.reports.interface import KindMismatch, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.json import collector_off
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.redacted_sarif import redacted_sarif
from gatekeeper.reports.registry import FORMATS, format_named, read_report
from gatekeeper.reports.run_records import MAX_RECORD_BYTES, RecordRefused, record_from
from gatekeeper.reports.source import ReportSource
from gatekeeper.run_record import RunRecord
from gatekeeper.service.parsing.wire import Order, Progress


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What an upload says. `document` is None when nothing says what it is evidence of."""

    kind: Kind | None
    format: str | None
    problems: tuple[Problem, ...]
    document: EvidenceDocument | None
    document_bytes: bytes
    """The canonical bytes of `document`."""
    is_stored: bool
    """True when redacted bytes were written."""

    @property
    def digest(self) -> str:
        """Of the document; empty without one."""
        return digest_of_bytes(self.document_bytes) if self.document is not None else ""


def understood(order: Order, tell: Callable[[Progress], None]) -> Understood:
    """What the files of `order` say. `tell` hears what is known before their content is read.

    The steps:
    1. the record, when there is one; one that cannot be read makes the upload unreadable;
    2. the report, found by content or read as `order.format_name`;
    3. both joined, as `gatekeeper evaluate` does, and made one document;
    4. of secrets, the bytes that may be kept.

    Raises:
        UnknownFormat, KindMismatch: as `read_report`; also a record alone that is not of `order.kind`.
        OSError: a file cannot be read or written.
        MemoryError: outside of the readers.
    """
    asked = format_named(order.format_name) if order.format_name is not None else None
    record, refused = _record_of(order)
    if order.report is None:
        return _of_record_alone(order, record, refused)
    with Path(order.report).open("rb") as stream:
        source = ReportSource(stream, name=order.report_name, limits=DEFAULT_LIMITS)
        tell(_before_reading(source, asked, order.kind or (record.kind if record else None)))
        report = read_report(source, format_name=order.format_name, kind=order.kind)
        if refused is not None:
            report = _unreadable(report.kind, report.format, refused, *report.problems)
        made = _made(report, record, source.sha256() if record is not None else "")
        if made.kind is not Kind.SECRETS:
            return made
        keep_redacted(order.stored, source if _is_readable(made) else None)
    return replace(made, is_stored=True)


def without_reading(kind: Kind | None, format_name: str | None, problem: Problem) -> Understood:
    """What is left to say of a report that could not be read because of `problem`."""
    return _made(_unreadable(kind, format_name, problem), None, "")


def keep_redacted(path: str, source: ReportSource | None) -> None:
    """Write the redacted bytes of a report of secrets; only a note when it was not read or is too much."""
    data = msgspec.json.encode({"redacted": "nothing is kept of a report of secrets that cannot be read"})
    if source is not None:
        with suppress(UnreadableReport, ValueError, RecursionError, MemoryError):
            data = redacted_sarif(source.whole())
    Path(path).write_bytes(data)


def _record_of(order: Order) -> tuple[RunRecord | None, Problem | None]:
    if order.record is None:
        return None, None
    with Path(order.record).open("rb") as stream:
        data = stream.read(MAX_RECORD_BYTES + 1)
    try:
        return record_from(data, place="record"), None
    except RecordRefused as error:
        return None, Problem(code="record-unreadable", params={"detail": error.message})


def _before_reading(source: ReportSource, asked: ReportFormat | None, kind: Kind | None) -> Progress:
    try:
        found = asked or choose_format(head_of(source), FORMATS)
    except UnreadableReport:
        return Progress(format=None, kind=kind)
    # A format that fixes its kind says more than the sender: reading refuses the contradiction, if it can.
    return Progress(format=found.name, kind=found.kinds[0] if len(found.kinds) == 1 else kind)


def _of_record_alone(order: Order, record: RunRecord | None, refused: Problem | None) -> Understood:
    if refused is not None:
        return without_reading(order.kind, None, refused)
    if record is not None and order.kind not in (None, record.kind):
        raise KindMismatch(
            f"the record of a {record.tool} run is evidence of {record.kind}, not of {order.kind}",
            hint=f"send it as kind {record.kind}, or send the record that belongs to {order.kind}",
        )
    return _made(None, record, "")


def _unreadable(kind: Kind | None, format_name: str | None, *problems: Problem) -> Report:
    return Report(format=format_name, kind=kind, state=State.UNREADABLE, problems=problems)


def _made(report: Report | None, record: RunRecord | None, sha256: str) -> Understood:
    """Report and record as one document."""
    # The report lies where the record says: what came in one upload is beside each other.
    place = (record.report if record else None) or ""
    received = joined(
        [Received(report=report, sha256=sha256, name="", job=place)] if report else [],
        [ReceivedRecord(record=record, sha256="", name="", job="")] if record else [],
    )
    format_name = report.format if report else None
    if received[0].kind is None:
        problems = report.problems if report else ()
        return Understood(
            kind=None,
            format=format_name,
            problems=problems,
            document=None,
            document_bytes=b"",
            is_stored=False,
        )
    document = document_of_upload(received)
    try:
        with collector_off():
            document_bytes = canonical_bytes(document)
    except NotCanonical as error:
        problem = Problem(code="wrong-shape", params={"detail": error.message[:300]})
        return without_reading(document.kind, format_name, problem)
    return Understood(
        kind=document.kind,
        format=format_name,
        problems=document.problems,
        document=document,
        document_bytes=document_bytes,
        is_stored=False,
    )


def _is_readable(made: Understood) -> bool:
    return made.document is not None and made.document.state is not State.UNREADABLE
