"""Recorded decisions, and the newest of them that later questions are measured against."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, func, literal, select

from gatekeeper.decision import Outcome
from gatekeeper.recorded import StoredDecision
from gatekeeper.signoff import PriorDecision
from gatekeeper.store.columns import microseconds
from gatekeeper.store.convert import decision_of, decision_row
from gatekeeper.store.statements import insert_new, table, upsert

_DECISION = table("decision")
_STAGE = table("stage_state")
_COUNT = table("decision_count")


def add(connection: Connection, stored: StoredDecision) -> bool:
    """Keep a decision and count it; False when it is there already: the same inputs at the same instant."""
    if not insert_new(connection, "decision", decision_row(stored)):
        return False
    key = {"project_id": stored.project_id, "stage": stored.stage, "outcome": str(stored.outcome)}
    new = {"count": 1, "score": stored.score, "recorded_at": stored.recorded_at}
    upsert(connection, "decision_count", key | new, set_=new | {"count": _COUNT.c.count + 1})
    # What only people allowed, by an override, is nothing to measure later builds against.
    passed = stored.allowed and stored.outcome is not Outcome.FAIL
    if passed and stored.is_protected and stored.tree:
        _note_baseline(connection, stored)
    return True


def by_id(connection: Connection, decision_id: str) -> StoredDecision | None:
    """One decision; the caller checks whose it is."""
    row = connection.execute(select(_DECISION).where(_DECISION.c.id == decision_id)).mappings().first()
    return decision_of(row) if row else None


def newest(
    connection: Connection, project_id: str, *, stage: str, tree: str, commit: str, artifact: str
) -> StoredDecision | None:
    """The newest decision about this subject and stage."""
    wanted = (
        select(_DECISION)
        .where(
            _DECISION.c.project_id == project_id,
            _DECISION.c.stage == stage,
            _DECISION.c.tree == tree,
            _DECISION.c.commit == commit,
            _DECISION.c.artifact == artifact,
        )
        .order_by(_DECISION.c.recorded_at.desc(), _DECISION.c.id)
        .limit(1)
    )
    row = connection.execute(wanted).mappings().first()
    return decision_of(row) if row else None


def entered(
    connection: Connection, project_id: str, *, tree: str, artifact: str, stages: Sequence[str]
) -> list[PriorDecision]:
    """The newest decision about this source for each of these stages and each path, by id.

    A decision about the artifact counts as one about its source, one about another artifact does not.
    """
    rank = func.row_number().over(
        partition_by=(_DECISION.c.stage, _DECISION.c.path),
        order_by=(_DECISION.c.recorded_at.desc(), _DECISION.c.id),
    )
    names = ("stage", "path", "outcome", "allowed", "as_of")
    mine = select(
        *(_DECISION.c[name] for name in names), _DECISION.c.id.label("decision"), rank.label("rank")
    )
    mine = mine.where(
        _DECISION.c.project_id == project_id,
        _DECISION.c.tree == tree,
        _DECISION.c.artifact.in_({artifact, ""}),
        _DECISION.c.stage.in_(stages),
    )
    found = mine.subquery()
    wanted = select(found).where(found.c.rank == 1).order_by(found.c.decision)
    return [
        PriorDecision(
            decision=row["decision"],
            outcome=Outcome(row["outcome"]),
            allowed=bool(row["allowed"]),
            stage=row["stage"],
            path=row["path"],
            as_of=row["as_of"],
        )
        for row in connection.execute(wanted).mappings()
    ]


def page(
    connection: Connection,
    project_id: str,
    *,
    stage: str | None,
    commit: str | None,
    artifact: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[StoredDecision]:
    """Decisions of a project, the newest first, beginning before (recorded at, id)."""
    at = _DECISION.c.recorded_at
    wanted = (
        select(_DECISION)
        .where(_DECISION.c.project_id == project_id)
        .order_by(at.desc(), _DECISION.c.id.desc())
        .limit(limit)
    )
    for column, value in (("stage", stage), ("commit", commit), ("artifact", artifact)):
        if value is not None:
            wanted = wanted.where(_DECISION.c[column] == value)
    if before is not None:
        # Given a type of its own: the column's would take it for a datetime.
        instant = literal(before[0], BigInteger)
        wanted = wanted.where((at < instant) | ((at == instant) & (_DECISION.c.id < before[1])))
    return [decision_of(row) for row in connection.execute(wanted).mappings()]


def moment(stored: StoredDecision) -> int:
    """Where the decision stands in a page, with its id: microseconds since 1970."""
    return microseconds(stored.recorded_at)


def baseline(connection: Connection, project_id: str, stage: str, tree: str) -> tuple[str, str] | None:
    """(decision id, digest) of the newest allowed decision of another source from a protected ref."""
    wanted = select(_STAGE).where(_STAGE.c.project_id == project_id, _STAGE.c.stage == stage)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        return None
    which = "other" if row["newest_tree"] == tree else "newest"
    return (row[f"{which}_decision"], row[f"{which}_digest"]) if row[f"{which}_decision"] else None


def _note_baseline(connection: Connection, stored: StoredDecision) -> None:
    wanted = select(_STAGE).where(_STAGE.c.project_id == stored.project_id, _STAGE.c.stage == stored.stage)
    row = connection.execute(wanted).mappings().first()
    newest_ = {
        "newest_tree": stored.tree,
        "newest_decision": stored.id,
        "newest_digest": stored.as_baseline,
    }
    other = {"other_decision": "", "other_digest": ""}
    if row is not None:
        moved = "other" if row["newest_tree"] == stored.tree else "newest"
        other = {"other_decision": row[f"{moved}_decision"], "other_digest": row[f"{moved}_digest"]}
    key = {"project_id": stored.project_id, "stage": stored.stage}
    upsert(connection, "stage_state", key | newest_ | other, set_=newest_ | other)
