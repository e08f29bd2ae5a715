"""Approvals: a person's word on one subject, kept for ever; it can only be withdrawn."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select, update

from gatekeeper.recorded import StoredApproval
from gatekeeper.signoff import Approval, Shown, Verdict
from gatekeeper.store.convert import text_of, value_of
from gatekeeper.store.signers import signers
from gatekeeper.store.statements import table

_APPROVAL = table("approval")


def add(connection: Connection, stored: StoredApproval) -> None:
    """Keep a new approval."""
    columns = msgspec.structs.asdict(stored.approval)
    columns |= {"shown": text_of(stored.approval.shown), "verdict": str(stored.approval.verdict)}
    columns |= {"project_id": stored.project_id, "comment": stored.comment}
    connection.execute(_APPROVAL.insert().values(**columns))


def of_source(
    connection: Connection, project_id: str, tree: str, *, stage: str | None = None
) -> list[StoredApproval]:
    """The approvals of a source and of what was built from it, in the order in which they were given."""
    wanted = select(_APPROVAL).where(_APPROVAL.c.project_id == project_id, _APPROVAL.c.tree == tree)
    if stage is not None:
        wanted = wanted.where(_APPROVAL.c.stage == stage)
    return _found(connection, wanted.order_by(_APPROVAL.c.given_at, _APPROVAL.c.id))


def by_id(connection: Connection, approval_id: str) -> StoredApproval | None:
    """The approval with this id."""
    found = _found(connection, select(_APPROVAL).where(_APPROVAL.c.id == approval_id))
    return found[0] if found else None


def withdraw(connection: Connection, approval_id: str, at: datetime) -> bool:
    """Note that it counts no more; False when that was so before."""
    mine = update(_APPROVAL).where(_APPROVAL.c.id == approval_id, _APPROVAL.c.withdrawn_at.is_(None))
    return connection.execute(mine.values(withdrawn_at=at)).rowcount == 1


def _found(connection: Connection, wanted: Select[Any]) -> list[StoredApproval]:
    rows = connection.execute(wanted).mappings().all()
    persons = signers(connection, (row["person"] for row in rows))
    return [
        StoredApproval(
            project_id=row["project_id"],
            comment=row["comment"],
            approval=Approval(
                id=row["id"],
                person=persons[row["person"]],
                role=row["role"],
                verdict=Verdict(row["verdict"]),
                stage=row["stage"],
                path=row["path"],
                tree=row["tree"],
                artifact=row["artifact"],
                shown=value_of(row["shown"], Shown),
                given_at=row["given_at"],
                withdrawn_at=row["withdrawn_at"],
            ),
        )
        for row in rows
    ]
