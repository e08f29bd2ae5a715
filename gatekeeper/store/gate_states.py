"""The answers that gate queries read, and which subjects must be judged again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, delete, or_, select, update

from gatekeeper.recorded import GateState
from gatekeeper.store.projects import keys_of
from gatekeeper.store.statements import insert_new, table, upsert

_PROJECT = table("project")
_BUILD = table("build")
_GATE = table("gate_state")
_DUE = table("evaluation_due")
_REVISION = table("subject_revision")
EVERYTHING = "p:"
"""The key of all subjects of a project."""


def touch(connection: Connection, project_id: str, *, tree: str, artifact: str, at: datetime) -> None:
    """A fact about the subject changed: its answers are no longer current, and it is due to be judged."""
    for key in keys_of(tree, artifact):
        first = {"project_id": project_id, "key": key, "revision": 1, "changed_at": at}
        upsert(
            connection,
            "subject_revision",
            first,
            set_={"revision": _REVISION.c.revision + 1, "changed_at": at},
        )
    mine = []
    if tree:
        mine.append(_GATE.c.tree == tree)
    if artifact:
        mine.append(_GATE.c.artifact == artifact)
    connection.execute(
        update(_GATE).where(_GATE.c.project_id == project_id, or_(*mine)).values(is_current=False)
    )
    for key in keys_of(tree, artifact):
        make_due(connection, project_id, key, at)


def touch_project(connection: Connection, project_id: str, at: datetime) -> None:
    """A fact about every subject changed: no answer is current, and what was recorded is due to be judged.

    One row is written, however many answers there are: they hold the generation that they were made in.
    """
    moved = update(_PROJECT).where(_PROJECT.c.id == project_id)
    connection.execute(moved.values(generation=_PROJECT.c.generation + 1))
    make_due(connection, project_id, EVERYTHING, at)


def touch_stages(
    connection: Connection, project_id: str, *, tree: str, stages: Sequence[str], at: datetime
) -> None:
    """What the answers for these stages follow from changed: they are no longer current, and due."""
    mine = (_GATE.c.project_id == project_id, _GATE.c.tree == tree, _GATE.c.stage.in_(stages))
    if tree and connection.execute(update(_GATE).where(*mine).values(is_current=False)).rowcount:
        make_due(connection, project_id, f"t:{tree}", at)


def make_due(connection: Connection, project_id: str, key: str, at: datetime) -> None:
    """Have the subjects with this key (`t:<tree>`, `a:<artifact>`, `EVERYTHING`) judged again at `at`."""
    insert_new(connection, "evaluation_due", {"project_id": project_id, "key": key, "due_at": at})


def due(connection: Connection, now: datetime, limit: int) -> list[tuple[str, str, datetime]]:
    """(project id, key, due at) of what is due, the oldest first."""
    wanted = (
        select(_DUE.c.project_id, _DUE.c.key, _DUE.c.due_at)
        .where(_DUE.c.due_at <= now)
        .order_by(_DUE.c.due_at)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(wanted)]


def settle(connection: Connection, project_id: str, key: str, due_at: datetime) -> None:
    """Take away the one row that was answered. A change that was not seen yet has a row of its own."""
    gone = and_(_DUE.c.project_id == project_id, _DUE.c.key == key, _DUE.c.due_at == due_at)
    connection.execute(delete(_DUE).where(gone))


def put(connection: Connection, state: GateState) -> None:
    """Keep the answer to one way of asking; its project is locked, so that it is of this generation."""
    now = select(_PROJECT.c.generation).where(_PROJECT.c.id == state.project_id).scalar_subquery()
    columns = {name: getattr(state, name) for name in GateState.__struct_fields__}
    columns |= {"is_current": True, "generation": now}
    rest = {name: value for name, value in columns.items() if name not in ("project_id", "stage", "key")}
    upsert(connection, "gate_state", columns, set_=rest)


def current(connection: Connection, project_id: str, stage: str, key: str) -> GateState | None:
    """The answer to one way of asking; None when there is none, or a fact about the subject changed since.

    Whether its policy, its baseline and its time still hold is the caller's to see.
    """
    now = select(_PROJECT.c.generation).where(_PROJECT.c.id == project_id).scalar_subquery()
    mine = (_GATE.c.project_id == project_id, _GATE.c.stage == stage, _GATE.c.key == key)
    wanted = select(_GATE).where(*mine, _GATE.c.is_current, _GATE.c.generation == now)
    row = connection.execute(wanted).mappings().first()
    return _state_of(row) if row else None


def asked(connection: Connection, project_id: str, key: str) -> list[GateState]:
    """The answers about subjects with this key: what somebody has asked before.

    Those about an artifact of the tree too when they are from before its link: while a set of the tree is
    open they cannot be answered, so they still stand without a tree.
    """
    kind, _, value = key.partition(":")
    if key == EVERYTHING:
        recorded = select(_GATE).where(_GATE.c.project_id == project_id, _GATE.c.decision_id.is_not(None))
        return [_state_of(row) for row in connection.execute(recorded).mappings()]
    column = _GATE.c.tree if kind == "t" else _GATE.c.artifact
    wanted = [select(_GATE).where(_GATE.c.project_id == project_id, column == value)]
    if kind == "t":
        is_linked = and_(_BUILD.c.project_id == _GATE.c.project_id, _BUILD.c.artifact == _GATE.c.artifact)
        of_tree = (_BUILD.c.project_id == project_id, _BUILD.c.tree == value, _GATE.c.tree == "")
        wanted.append(select(_GATE).join(_BUILD, is_linked).where(*of_tree))
    return [_state_of(row) for one in wanted for row in connection.execute(one).mappings()]


def _state_of(row: RowMapping) -> GateState:
    return GateState(**{name: row[name] for name in GateState.__struct_fields__})
