"""An upload as evidence: read by a child process or refused, with a document wherever it has a kind."""

from dataclasses import dataclass
from pathlib import Path

from gatekeeper.canonical import canonical_bytes, digest_of_bytes
from gatekeeper.evidence import EvidenceDocument, Kind, Problem, State
from gatekeeper.reports.interface import KindMismatch, Report
from gatekeeper.reports.normalise import document_from
from gatekeeper.service.ports import ParseTask
from gatekeeper.service.server import Server
from gatekeeper.service.submission import Received, Submission


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What is known of an upload; its bytes and its document are kept."""

    kind: Kind | None
    document: EvidenceDocument | None
    digest: str | None
    stored_sha256: str | None
    problems: tuple[Problem, ...]

    @property
    def state(self) -> State:
        """That of the document; without one nothing could be read."""
        return self.document.state if self.document is not None else State.UNREADABLE


def understood(server: Server, submission: Submission, received: Received) -> Understood:
    """What the upload says. What cannot be read is understood as `unreadable`, never an error.

    Raises:
        UnknownFormat: the sender names a format that does not exist.
        Unavailable: the readers are busy, or the bytes cannot be kept.
    """
    if received.problem is not None:
        return unread(server, submission.kind, (received.problem,), stored=None)
    task = ParseTask(
        report=received.report,
        report_name=received.filename,
        record=received.record,
        name=submission.name,
        job=submission.job or "",
        format_name=submission.format,
        kind=submission.kind,
    )
    try:
        parsed = server.parser.parse(task)
    except KindMismatch as error:
        # For the kind that the sender names there is nothing to be read here, and that is what is recorded.
        problem = Problem(code="kind-mismatch", params={"detail": error.message})
        return unread(server, submission.kind, (problem,), stored=_kept(server, submission.kind, received))
    try:
        stored = _kept(server, parsed.kind or submission.kind, received, redacted=parsed.stored)
        if parsed.document is None:
            return unread(server, submission.kind, parsed.problems, stored=stored)
        server.blobs.put(parsed.document_bytes)
        return Understood(
            kind=parsed.kind,
            document=parsed.document,
            digest=parsed.digest,
            stored_sha256=stored,
            problems=parsed.document.problems,
        )
    finally:
        if parsed.stored is not None:
            parsed.stored.unlink(missing_ok=True)


def unread(
    server: Server, kind: Kind | None, problems: tuple[Problem, ...], *, stored: str | None
) -> Understood:
    """Evidence that cannot be read. With a kind it has a document, so that decisions can be replayed."""
    if kind is None:
        return Understood(kind=None, document=None, digest=None, stored_sha256=stored, problems=problems)
    report = Report(format=None, kind=kind, state=State.UNREADABLE, problems=problems)
    document = document_from(report)
    data = canonical_bytes(document)
    server.blobs.put(data)
    return Understood(
        kind=kind, document=document, digest=digest_of_bytes(data), stored_sha256=stored, problems=problems
    )


def _kept(
    server: Server, kind: Kind | None, received: Received, *, redacted: Path | None = None
) -> str | None:
    """Keep the bytes as they came, or what is left of them without secrets; their digest."""
    if kind is Kind.SECRETS:
        # Not the record either: the last words of the scanner may quote what it found.
        return server.blobs.put(redacted.read_bytes()) if redacted is not None else None
    if kind is None:
        # Nobody knows what these bytes are, so they may be a list of secrets.
        return None
    if received.record is not None and received.record_sha256 is not None:
        server.blobs.put_file(received.record, received.record_sha256)
    if received.report is None:
        return None
    server.blobs.put_file(received.report, received.sha256)
    return received.sha256
