"""Sets of uploads: reports that only count together, joined by part, closed by the sender or by time."""

from dataclasses import replace
from datetime import datetime

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.decision import SetInput
from gatekeeper.project import Project
from gatekeeper.receipt import EvidenceSet, Receipt, deadline_of
from gatekeeper.recorded import Event
from gatekeeper.service import projects
from gatekeeper.service.errors import Conflict, NotFound, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.server import Rules, Server
from gatekeeper.service.sources import demand_tree
from gatekeeper.service.submission import Origin, Submission, check, origin_of
from gatekeeper.store import gate_states, outbox, sets
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection


def joined(
    connection: Connection,
    rules: Rules,
    project: Project,
    submission: Submission,
    origin: Origin,
    at: datetime,
) -> EvidenceSet | None:
    """The set that this part belongs to, as it was before; None for an upload that belongs to none.

    Raises:
        Conflict: `set-contradicts`: another total was announced, or the set was closed with fewer parts.
    """
    if submission.set is None or submission.part is None:
        return None
    held = _named(connection, project, submission, origin)
    if held is None:
        held = _new(connection, rules, project, submission, origin, at)
    return _with_total(connection, held, submission.parts, submission.part)


def close(server: Server, caller: Caller, submission: Submission) -> EvidenceSet:
    """The set of `submission.set`, closed: nothing more is to come; with `parts`, that many were meant.

    Raises:
        NotFound: `set-not-found`: no part of it ever arrived.
        Conflict: `set-contradicts`: another total was announced before.
        Denied: as for evidence.
    """
    caller = authorize.demand(caller, Scope.EVIDENCE_WRITE)
    check(replace(submission, part=1), max_parts=server.rules.max_upload_parts)
    at = server.clock()

    def work(connection: Connection) -> EvidenceSet:
        project = projects.named(connection, caller, submission.project)
        project = project_rows.lock(connection, project.id)
        known = project_rows.tree_of(connection, project.id, submission.commit)
        origin = origin_of(caller, project, submission, known)
        demand_tree(connection, project, origin.source, is_proven=origin.tree_is_proven, at=at)
        held = _named(connection, project, submission, origin)
        if held is None:
            raise coded(
                NotFound,
                "set-not-found",
                f"no part of a set {submission.set!r} was received for this source and run",
                hint="a set begins with its first part; give the same run and attempt as its parts",
            )
        held = _with_total(connection, held, submission.parts, max(held.received, default=0))
        if held.closed_at is not None:
            return held
        sets.close(connection, held.id, at)
        closed = sets.by_ids(connection, [held.id])[0]
        gate_states.touch(connection, project.id, tree=held.tree, artifact="", at=at)
        told = event(
            Event.SET_CLOSED, closed, project_id=project.id, actor=caller.principal, at=at, subject=held.id
        )
        outbox.tell(connection, told)
        return closed

    return server.database.write(work)


def of_receipt(connection: Connection, receipt: Receipt) -> EvidenceSet | None:
    """The set that a receipt came with."""
    return sets.by_ids(connection, [receipt.set_id])[0] if receipt.set_id is not None else None


def as_input(one: EvidenceSet) -> SetInput:
    """What a decision sees of the set. A total that nobody said is known to be whole only by closing."""
    return SetInput(
        id=one.id, name=one.name, parts=one.parts, missing=one.missing, is_closed=one.closed_at is not None
    )


def _named(
    connection: Connection, project: Project, submission: Submission, origin: Origin
) -> EvidenceSet | None:
    return sets.named(
        connection,
        project.id,
        tree=origin.source.tree,
        name=_name(submission),
        sender=_sender(origin),
        run=origin.provenance.run or "",
        attempt=origin.provenance.attempt or "",
    )


def _name(submission: Submission) -> str:
    """A fork's sets are apart: none of them may hold up, or complete, one of the project."""
    return submission.set or "" if submission.fork is None else f"{submission.fork}:{submission.set}"


def _sender(origin: Origin) -> str:
    """A missing shard of the protected branch cannot be supplied by a token or a branch job."""
    sent = origin.provenance
    return f"{sent.principal} {sent.trust} {'protected' if sent.ref_protected else 'open'}"


def _new(
    connection: Connection,
    rules: Rules,
    project: Project,
    submission: Submission,
    origin: Origin,
    at: datetime,
) -> EvidenceSet:
    made = EvidenceSet(
        id=new_id("set", at),
        project_id=project.id,
        tree=origin.source.tree,
        name=_name(submission),
        sender=_sender(origin),
        run=origin.provenance.run or "",
        attempt=origin.provenance.attempt or "",
        parts=submission.parts,
        received=(),
        first_at=at,
        deadline_at=deadline_of(at, rules.set_deadline_min),
        closed_at=None,
    )
    sets.add(connection, made)
    if submission.fork is None:
        gate_states.make_due(connection, project.id, f"t:{made.tree}", made.deadline_at)
    return made


def _with_total(connection: Connection, held: EvidenceSet, parts: int | None, part: int) -> EvidenceSet:
    if parts is not None and held.parts is not None and parts != held.parts:
        raise _contradiction(held, f"{held.parts} parts were announced before, now {parts}")
    total = held.parts if held.parts is not None else parts
    highest = max(*held.received, *held.refused, part, 0)
    if total is not None and highest > total:
        raise _contradiction(held, f"part {highest} is beyond the total of {total}")
    if held.parts is None and parts is not None:
        sets.tell_parts(connection, held.id, parts)
        return msgspec.structs.replace(held, parts=parts)
    return held


def _contradiction(held: EvidenceSet, what: str) -> Exception:
    return coded(
        Conflict,
        "set-contradicts",
        f"upload set {held.name!r}: {what}",
        hint="all parts of a set announce the same total; a repeated run needs its own run or attempt",
    )
