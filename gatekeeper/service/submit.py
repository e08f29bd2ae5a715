"""Evidence in: understood outside the transaction, kept inside one, answered after it.

The order of the steps:
1. who sends it, for which project and source, and may they;
2. the same bytes of the same run again: answer what was made of them, write nothing;
3. read the report in a child process; what cannot be read is evidence too, and fails its rules;
4. keep the bytes and the normalised document, on the disk before any row names them;
5. one transaction: counter, receipt, slot, set, findings, revision, what is due, the ledger's event.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.evidence import Kind, State
from gatekeeper.project import Project
from gatekeeper.receipt import EvidenceSet, Receipt
from gatekeeper.recorded import Event, LedgerEvent
from gatekeeper.service import projects, upload_sets
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.server import Server
from gatekeeper.service.sources import demand_tree
from gatekeeper.service.submission import Origin, Received, Submission, check, origin_of
from gatekeeper.service.tracking import track
from gatekeeper.service.understand import Understood, understood, unread
from gatekeeper.store import gate_states, outbox, receipts
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

_NO_TIME = datetime.min.replace(tzinfo=UTC)
"""Stands in a receipt that is only looked for, never kept."""


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of an upload."""

    project: Project
    receipt: Receipt
    is_new: bool
    """False when it was there already and nothing was written."""
    is_current: bool
    """True when it holds its slot."""
    set: EvidenceSet | None


def submit(server: Server, caller: Caller, submission: Submission, received: Received) -> Submitted:
    """What became of the upload, on the disk.

    An unreadable report is no error here: its receipt has the state `unreadable` and stands for its slot.

    Raises:
        NotFound, Denied, Refused, Conflict: who, what and where do not fit; nothing was kept.
        Unavailable, StoreUnavailable: nothing was acknowledged; send it again.
    """
    # 1. Who, for what.
    caller = authorize.demand(caller, Scope.EVIDENCE_WRITE)
    check(submission, max_parts=server.rules.max_upload_parts)
    project = _project(server, caller, submission)
    # 2. Again?
    origin, again = server.database.read(
        lambda connection: _seen(connection, caller, project, submission, received)
    )
    if again is not None:
        return again
    # 3. and 4. Understand and keep.
    found = understood(server, submission, received)
    if found.kind is not None and found.kind is not submission.kind:
        authorize.demand_kind(caller, found.kind)
    # 5. Record.
    arrival = Arrival(project=project, submission=submission, received=received, origin=origin, found=found)
    return server.database.write(lambda connection: _recorded(server, connection, caller, arrival))


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Everything that the transaction writes down."""

    project: Project
    submission: Submission
    received: Received
    origin: Origin
    found: Understood | None

    def receipt(self, at: datetime, kind: Kind | None, found: Understood | None) -> Receipt:
        """The receipt of this arrival, without its number and set."""
        document = found.document if found else None
        return Receipt(
            id="",
            project_id=self.project.id,
            counter=0,
            kind=kind,
            name=self.submission.name,
            job=self.origin.job,
            format=document.format if document else None,
            source=self.origin.source,
            artifact=self.submission.artifact,
            fork=self.submission.fork,
            set_id=None,
            part=self.submission.part,
            sha256=self.received.sha256,
            stored_sha256=found.stored_sha256 if found else None,
            record_sha256=self.received.record_sha256,
            size_bytes=self.received.size_bytes,
            document_digest=found.digest if found else None,
            state=found.state if found else State.UNREADABLE,
            problems=found.problems if found else (),
            metrics=document.metrics if document else {},
            producer=document.producer if document else None,
            produced_at=document.produced_at if document else None,
            received_at=at,
            provenance=self.origin.provenance,
        )


def _project(server: Server, caller: Caller, submission: Submission) -> Project:
    if submission.fork is not None and not server.rules.accepts_forks:
        raise coded(
            Refused,
            "fork-refused",
            "this server takes no evidence of forks",
            hint="an operator allows it with GATEKEEPER_ACCEPT_FORKS=true; no stage ever reads such evidence",
        )
    made = projects.of_first_job(server, caller, submission.project)
    if made is not None:
        return made
    if submission.fork is not None and caller.claims is not None:
        fork = submission.fork
        return server.database.read(
            lambda connection: projects.upstream(connection, caller, submission.project, fork)
        )
    return server.database.read(lambda connection: projects.named(connection, caller, submission.project))


def _seen(
    connection: Connection, caller: Caller, project: Project, submission: Submission, received: Received
) -> tuple[Origin, Submitted | None]:
    known = project_rows.tree_of(connection, project.id, submission.commit)
    origin = origin_of(caller, project, submission, known)
    arrival = Arrival(project=project, submission=submission, received=received, origin=origin, found=None)
    return origin, _same(connection, arrival, submission.kind)


def _same(connection: Connection, arrival: Arrival, kind: Kind | None) -> Submitted | None:
    """What was made of these bytes before, when this is a repetition."""
    found = receipts.same_again(connection, arrival.receipt(_NO_TIME, kind, None))
    if found is None:
        return None
    in_set = upload_sets.of_receipt(connection, found)
    if arrival.submission.set != (in_set.name if in_set else None):
        return None
    return Submitted(
        project=arrival.project,
        receipt=found,
        is_new=False,
        is_current=receipts.is_current(connection, found),
        set=in_set,
    )


def _recorded(server: Server, connection: Connection, caller: Caller, arrival: Arrival) -> Submitted:
    project_rows.lock(connection, arrival.project.id)
    found = arrival.found
    assert found is not None  # noqa: S101 - only an understood arrival is recorded
    if again := _same(connection, arrival, found.kind or arrival.submission.kind):
        return again
    at = server.clock()
    is_fork = arrival.submission.fork is not None
    if not is_fork:
        origin = arrival.origin
        demand_tree(connection, arrival.project, origin.source, is_proven=origin.tree_is_proven, at=at)
    in_set = upload_sets.joined(
        connection, server.rules, arrival.project, arrival.submission, arrival.origin, at
    )
    made: list[tuple[Receipt, bool]] = []
    for one in _kinds(server, connection, arrival, found):
        receipt = msgspec.structs.replace(
            arrival.receipt(at, one.kind, one),
            id=new_id("ev", at),
            counter=project_rows.next_counter(connection, arrival.project.id),
            set_id=in_set.id if in_set else None,
        )
        is_current = receipts.add(connection, receipt)
        if is_current:
            track(connection, arrival.project, receipt, one.document)
        made.append((receipt, is_current))
    if not is_fork:
        source, artifact = arrival.origin.source, arrival.submission.artifact or ""
        gate_states.touch(connection, arrival.project.id, tree=source.tree, artifact=artifact, at=at)
    outbox.tell(connection, *(_told(one, caller) for one, _ in made))
    first, is_current = made[0]
    return Submitted(
        project=arrival.project,
        receipt=first,
        is_new=True,
        is_current=is_current,
        set=upload_sets.of_receipt(connection, first),
    )


def _kinds(server: Server, connection: Connection, arrival: Arrival, found: Understood) -> list[Understood]:
    """What was found, once for each kind that it stands for.

    When nothing says what an unreadable report is, it stands for whatever was received under its name and
    job before, so that no older success can hide behind it.
    """
    if found.kind is not None or arrival.submission.fork is not None:
        return [found]
    held = receipts.kinds_of_slots(
        connection,
        arrival.project.id,
        tree=arrival.origin.source.tree,
        artifact=arrival.submission.artifact or "",
        name=arrival.submission.name,
        job=arrival.origin.job,
    )
    return [unread(server, kind, found.problems, stored=found.stored_sha256) for kind in held] or [found]


def _told(receipt: Receipt, caller: Caller) -> LedgerEvent:
    return event(
        Event.EVIDENCE_ACCEPTED if receipt.is_accepted else Event.EVIDENCE_REJECTED,
        receipt,
        project_id=receipt.project_id,
        actor=caller.principal,
        at=receipt.received_at,
        subject=receipt.id,
    )
