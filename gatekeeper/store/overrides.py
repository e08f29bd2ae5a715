"""Overrides: asked for by one person, agreed to once by another, revoked once."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select, update

from gatekeeper.recorded import StoredOverride
from gatekeeper.store.signers import signers
from gatekeeper.store.statements import table

_OVERRIDE = table("break_glass")


def add(connection: Connection, stored: StoredOverride) -> None:
    """Keep what the first person asked for."""
    connection.execute(_OVERRIDE.insert().values(**msgspec.structs.asdict(stored)))


def by_id(connection: Connection, override_id: str) -> StoredOverride | None:
    """The override with this id, in whatever state."""
    found = _found(connection, select(_OVERRIDE).where(_OVERRIDE.c.id == override_id))
    return found[0] if found else None


def of_source(
    connection: Connection, project_id: str, tree: str, *, stage: str | None = None
) -> list[StoredOverride]:
    """Those about a source and what was built from it, by id."""
    wanted = select(_OVERRIDE).where(_OVERRIDE.c.project_id == project_id, _OVERRIDE.c.tree == tree)
    if stage is not None:
        wanted = wanted.where(_OVERRIDE.c.stage == stage)
    return _found(connection, wanted.order_by(_OVERRIDE.c.id))


def agree(connection: Connection, override_id: str, *, person: str, at: datetime) -> bool:
    """Grant it by a second person; False when it was granted or revoked before."""
    mine = (_OVERRIDE.c.id == override_id, _OVERRIDE.c.granted_at.is_(None), _OVERRIDE.c.revoked_at.is_(None))
    done = update(_OVERRIDE).where(*mine).values(agreed_by=person, granted_at=at)
    return connection.execute(done).rowcount == 1


def revoke(connection: Connection, override_id: str, at: datetime) -> bool:
    """End it; False when that was so before."""
    mine = update(_OVERRIDE).where(_OVERRIDE.c.id == override_id, _OVERRIDE.c.revoked_at.is_(None))
    return connection.execute(mine.values(revoked_at=at)).rowcount == 1


def _found(connection: Connection, wanted: Select[Any]) -> list[StoredOverride]:
    rows = connection.execute(wanted).mappings().all()
    persons = signers(connection, (row[name] for row in rows for name in ("asked_by", "agreed_by")))
    people = ("asked_by", "agreed_by")
    return [
        StoredOverride(
            **{name: row[name] for name in StoredOverride.__struct_fields__ if name not in people},
            asked_by=persons[row["asked_by"]],
            agreed_by=persons[row["agreed_by"]] if row["agreed_by"] else None,
        )
        for row in rows
    ]
