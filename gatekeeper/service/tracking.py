"""Findings over time: what is open on the refs that are released from."""

from collections.abc import Iterable

from gatekeeper.evidence import EvidenceDocument, Kind, State
from gatekeeper.finding import Finding
from gatekeeper.project import Project
from gatekeeper.receipt import Receipt
from gatekeeper.recorded import TrackedFinding
from gatekeeper.store import findings
from gatekeeper.store.database import Connection

TRACKED = frozenset({Kind.SAST, Kind.SCA, Kind.SECRETS, Kind.CONTAINER, Kind.IAC, Kind.DAST})
_TITLE_CHARS = 300


def track(
    connection: Connection, project: Project, receipt: Receipt, document: EvidenceDocument | None
) -> None:
    """Note what the report, which holds its slot, found, when it is of a ref that is released from.

    Only a whole report says that something is gone: what an incomplete one does not list may still be there.
    """
    if document is None or receipt.kind not in TRACKED or receipt.kind is None:
        return
    if not (receipt.provenance.ref_protected or receipt.provenance.ref == project.default_ref):
        return
    if receipt.state not in (State.OK, State.INCOMPLETE):
        return
    findings.track(
        connection,
        _open(receipt, document.findings),
        project_id=project.id,
        kind=receipt.kind,
        name=receipt.name,
        job=receipt.job,
        at=receipt.received_at,
        is_whole=receipt.state is State.OK,
    )


def _open(receipt: Receipt, found: Iterable[Finding]) -> Iterable[TrackedFinding]:
    """The open findings, each fingerprint once: two at one fingerprint are one problem, the worse one."""
    worst: dict[str, Finding] = {}
    for one in found:
        held = worst.get(one.fingerprint)
        if one.is_open and (held is None or one.severity.rank > held.severity.rank):
            worst[one.fingerprint] = one
    assert receipt.kind is not None  # noqa: S101 - only kinds with findings come here
    for fingerprint, one in worst.items():
        yield TrackedFinding(
            project_id=receipt.project_id,
            kind=receipt.kind,
            name=receipt.name,
            job=receipt.job,
            fingerprint=fingerprint,
            rule=one.rule,
            title=one.message[:_TITLE_CHARS],
            severity=one.severity,
            path=one.location.path if one.location else None,
            line=one.location.line if one.location else None,
            package=one.package.name if one.package else None,
            version=one.package.version if one.package else None,
            advisories=one.advisories,
            first_seen_at=receipt.received_at,
            last_seen_at=receipt.received_at,
            fixed_at=None,
        )
