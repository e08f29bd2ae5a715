"""Obligations: opened by decisions, one for each source and key; settled once."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select, update

from gatekeeper.recorded import StoredObligation
from gatekeeper.signoff import Obligation
from gatekeeper.store.statements import insert_new, table

_OBLIGATION = table("obligation")


def add(connection: Connection, stored: StoredObligation) -> bool:
    """Keep a new one; False, and nothing done, when this source owes it already, or owed it once."""
    columns = msgspec.structs.asdict(stored.obligation)
    columns |= {
        name: getattr(stored, name) for name in ("project_id", "tree", "key", "settled_by", "comment")
    }
    return insert_new(connection, "obligation", columns)


def by_id(connection: Connection, obligation_id: str) -> StoredObligation | None:
    """The obligation with this id."""
    found = _found(connection, select(_OBLIGATION).where(_OBLIGATION.c.id == obligation_id))
    return found[0] if found else None


def open_in(connection: Connection, project_id: str) -> list[StoredObligation]:
    """All that a project still owes, by id: an overdue one blocks whatever comes next."""
    mine = (_OBLIGATION.c.project_id == project_id, _OBLIGATION.c.settled_at.is_(None))
    return _found(connection, select(_OBLIGATION).where(*mine).order_by(_OBLIGATION.c.id))


def page(connection: Connection, project_id: str, *, after: str, limit: int) -> list[StoredObligation]:
    """Those of a project by id, also settled ones, beginning after `after`."""
    mine = (_OBLIGATION.c.project_id == project_id, _OBLIGATION.c.id > after)
    return _found(connection, select(_OBLIGATION).where(*mine).order_by(_OBLIGATION.c.id).limit(limit))


def settle(connection: Connection, obligation_id: str, *, person: str, comment: str, at: datetime) -> bool:
    """Note that it was done; False when that was so before."""
    mine = update(_OBLIGATION).where(_OBLIGATION.c.id == obligation_id, _OBLIGATION.c.settled_at.is_(None))
    done = mine.values(settled_at=at, settled_by=person, comment=comment)
    return connection.execute(done).rowcount == 1


def _found(connection: Connection, wanted: Select[Any]) -> list[StoredObligation]:
    return [
        StoredObligation(
            **{name: row[name] for name in ("project_id", "tree", "key", "settled_by", "comment")},
            obligation=Obligation(**{name: row[name] for name in Obligation.__struct_fields__}),
        )
        for row in connection.execute(wanted).mappings()
    ]
