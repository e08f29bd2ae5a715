"""Upload sets and their parts."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select, update

from gatekeeper.receipt import EvidenceSet
from gatekeeper.store.convert import set_of
from gatekeeper.store.statements import table

_SET = table("evidence_set")
_RECEIPT = table("receipt")


def named(
    connection: Connection, project_id: str, *, tree: str, name: str, sender: str, run: str, attempt: str
) -> EvidenceSet | None:
    """The set of that name that the sender began in that run; a run that is repeated makes another one."""
    wanted = select(_SET).where(
        _SET.c.project_id == project_id,
        _SET.c.tree == tree,
        _SET.c.name == name,
        _SET.c.sender == sender,
        _SET.c.run == run,
        _SET.c.attempt == attempt,
    )
    row = connection.execute(wanted).mappings().first()
    return set_of(row, _parts(connection, [row["id"]])[row["id"]]) if row else None


def by_ids(connection: Connection, ids: Iterable[str]) -> list[EvidenceSet]:
    """The sets with these ids, in the order of the ids."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    parts = _parts(connection, wanted)
    found = connection.execute(select(_SET).where(_SET.c.id.in_(wanted)).order_by(_SET.c.id)).mappings()
    return [set_of(row, parts[row["id"]]) for row in found]


def add(connection: Connection, new: EvidenceSet) -> None:
    """Keep a new set, without parts."""
    derived = ("received", "refused")
    columns = {name: getattr(new, name) for name in EvidenceSet.__struct_fields__ if name not in derived}
    connection.execute(_SET.insert().values(**columns))


def tell_parts(connection: Connection, set_id: str, parts: int) -> None:
    """Note how many parts are announced."""
    connection.execute(update(_SET).where(_SET.c.id == set_id).values(parts=parts))


def close(connection: Connection, set_id: str, at: datetime) -> None:
    """Note that nothing more is to come."""
    connection.execute(
        update(_SET).where(_SET.c.id == set_id, _SET.c.closed_at.is_(None)).values(closed_at=at)
    )


def _parts(connection: Connection, ids: list[str]) -> dict[str, dict[int, bool]]:
    """For each set its parts, and whether the newest upload of each was evidence of anything."""
    found: dict[str, dict[int, bool]] = {set_id: {} for set_id in ids}
    wanted = (
        select(_RECEIPT.c.set_id, _RECEIPT.c.part, _RECEIPT.c.kind)
        .where(_RECEIPT.c.set_id.in_(ids))
        .order_by(_RECEIPT.c.counter)
    )
    for set_id, part, kind in connection.execute(wanted):
        found[set_id][part] = kind is not None
    return found
