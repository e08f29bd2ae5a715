"""Waivers: asked for, granted once, revoked once; what they say never changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, or_, select, update

from gatekeeper.recorded import StoredWaiver
from gatekeeper.store.convert import text_of, value_of
from gatekeeper.store.signers import signers
from gatekeeper.store.statements import table
from gatekeeper.waiver import Covered, WaiverScope

_WAIVER = table("waiver")


def add(connection: Connection, stored: StoredWaiver) -> None:
    """Keep a new request."""
    columns = msgspec.structs.asdict(stored) | {"scope": str(stored.scope)}
    columns |= {name: text_of(columns[name]) for name in ("stages", "covered", "approver_roles")}
    connection.execute(_WAIVER.insert().values(**columns))


def by_id(connection: Connection, waiver_id: str) -> StoredWaiver | None:
    """The waiver with this id, in whatever state."""
    found = _found(connection, select(_WAIVER).where(_WAIVER.c.id == waiver_id))
    return found[0] if found else None


def granted(connection: Connection, project_id: str, *, since: datetime) -> list[StoredWaiver]:
    """Those of a project that were granted and did not end before `since`, by id."""
    is_young = or_(_WAIVER.c.revoked_at.is_(None), _WAIVER.c.revoked_at >= since)
    mine = (_WAIVER.c.project_id == project_id, _WAIVER.c.granted_at.is_not(None))
    wanted = select(_WAIVER).where(*mine, _WAIVER.c.expires_at >= since, is_young)
    return _found(connection, wanted.order_by(_WAIVER.c.id))


def page(
    connection: Connection, project_ids: Sequence[str] | None, *, after: str, limit: int
) -> list[StoredWaiver]:
    """Waivers by id, beginning after `after`; of these projects, or with None of all."""
    wanted = select(_WAIVER).where(_WAIVER.c.id > after).order_by(_WAIVER.c.id).limit(limit)
    if project_ids is not None:
        wanted = wanted.where(_WAIVER.c.project_id.in_(project_ids))
    return _found(connection, wanted)


def grant(
    connection: Connection,
    waiver_id: str,
    *,
    covered: tuple[Covered, ...],
    approver: str,
    roles: tuple[str, ...],
    at: datetime,
) -> bool:
    """Grant what was asked for; False when it was granted or revoked before."""
    mine = (_WAIVER.c.id == waiver_id, _WAIVER.c.granted_at.is_(None), _WAIVER.c.revoked_at.is_(None))
    said = {"covered": text_of(covered), "approver": approver, "approver_roles": text_of(roles)}
    done = update(_WAIVER).where(*mine).values(**said, granted_at=at)
    return connection.execute(done).rowcount == 1


def revoke(connection: Connection, waiver_id: str, at: datetime) -> bool:
    """End it; False when that was so before."""
    mine = update(_WAIVER).where(_WAIVER.c.id == waiver_id, _WAIVER.c.revoked_at.is_(None))
    return connection.execute(mine.values(revoked_at=at)).rowcount == 1


def _found(connection: Connection, wanted: Select[Any]) -> list[StoredWaiver]:
    rows = connection.execute(wanted).mappings().all()
    persons = signers(connection, (row[name] for row in rows for name in ("owner", "approver")))
    return [
        StoredWaiver(
            **{name: row[name] for name in _SAME},
            stages=value_of(row["stages"], tuple[str, ...]),
            scope=WaiverScope(row["scope"]),
            owner=persons[row["owner"]],
            covered=value_of(row["covered"], tuple[Covered, ...]),
            approver=persons[row["approver"]] if row["approver"] else None,
            approver_roles=value_of(row["approver_roles"], tuple[str, ...]),
        )
        for row in rows
    ]


_SAME = (
    "id", "project_id", "match", "accept", "reason", "ticket", "requested_by", "requested_at", "expires_at",
    "granted_at", "revoked_at",
)  # fmt: skip
"""Fields that stand in a column of their name."""
