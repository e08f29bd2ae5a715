"""Recorded decisions in their order, for those who read all of them: exports and backtests."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Connection, literal, select

from gatekeeper.recorded import StoredDecision
from gatekeeper.store.columns import microseconds
from gatekeeper.store.convert import decision_of
from gatekeeper.store.statements import table

_DECISION = table("decision")
_COUNT = table("decision_count")

Key = tuple[int, str]
"""(microseconds since 1970 at which it was recorded, id)."""


def stages(connection: Connection, project_id: str) -> list[str]:
    """The stages for which the project has decisions, sorted."""
    wanted = select(_COUNT.c.stage).where(_COUNT.c.project_id == project_id).distinct()
    return sorted(connection.execute(wanted).scalars())


def keys(
    connection: Connection,
    project_id: str,
    stage: str,
    *,
    since: datetime | None,
    before: Key | None,
    limit: int,
) -> list[Key]:
    """The decisions of one project and stage, the newest first, beginning before `before`.

    One stage at a time, because the index over them is in just this order.
    """
    at = _DECISION.c.recorded_at
    wanted = (
        select(at, _DECISION.c.id)
        .where(_DECISION.c.project_id == project_id, _DECISION.c.stage == stage)
        .order_by(at.desc(), _DECISION.c.id.desc())
        .limit(limit)
    )
    if since is not None:
        wanted = wanted.where(at >= since)
    if before is not None:
        instant = literal(before[0], BigInteger)  # the column's own type would take it for a datetime
        wanted = wanted.where((at < instant) | ((at == instant) & (_DECISION.c.id < before[1])))
    return [(microseconds(moment), name) for moment, name in connection.execute(wanted)]


def by_ids(connection: Connection, ids: Sequence[str]) -> list[StoredDecision]:
    """The decisions with these ids, in this order; what is not there is left out."""
    rows = connection.execute(select(_DECISION).where(_DECISION.c.id.in_(ids))).mappings()
    found = {row["id"]: decision_of(row) for row in rows}
    return [found[name] for name in ids if name in found]


def behind(connection: Connection, stored: StoredDecision) -> StoredDecision | None:
    """The decision whose evidence was the baseline of `stored`: the newest before it with that digest."""
    wanted = (
        select(_DECISION)
        .where(
            _DECISION.c.project_id == stored.project_id,
            _DECISION.c.stage == stored.stage,
            _DECISION.c.recorded_at <= stored.recorded_at,
            _DECISION.c.as_baseline == stored.baseline_digest,
        )
        .order_by(_DECISION.c.recorded_at.desc(), _DECISION.c.id.desc())
        .limit(1)
    )
    row = connection.execute(wanted).mappings().first()
    return decision_of(row) if row else None
