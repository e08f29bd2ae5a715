"""The answers that gate queries read, and which subjects must be judged again."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, or_, select, update

from gatekeeper.recorded import GateState
from gatekeeper.store.projects import keys_of
from gatekeeper.store.statements import insert_new, table, upsert

_BUILD = table("build")
_GATE = table("gate_state")
_DUE = table("evaluation_due")
_REVISION = table("subject_revision")


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


def make_due(connection: Connection, project_id: str, key: str, at: datetime) -> None:
    """Have the subjects with this key (`t:<tree>`, `a:<artifact>`) judged again at `at`."""
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
    """Keep the answer to one way of asking."""
    columns = {name: getattr(state, name) for name in GateState.__struct_fields__} | {"is_current": True}
    rest = {name: value for name, value in columns.items() if name not in ("project_id", "stage", "key")}
    upsert(connection, "gate_state", columns, set_=rest)


def current(connection: Connection, project_id: str, stage: str, key: str) -> GateState | None:
    """The answer to one way of asking; None when there is none, or a fact about the subject changed since.

    Whether its policy, its baseline and its time still hold is the caller's to see.
    """
    wanted = select(_GATE).where(
        _GATE.c.project_id == project_id, _GATE.c.stage == stage, _GATE.c.key == key, _GATE.c.is_current
    )
    row = connection.execute(wanted).mappings().first()
    return GateState(**{name: row[name] for name in GateState.__struct_fields__}) if row else None


def asked(connection: Connection, project_id: str, key: str) -> list[GateState]:
    """The answers about subjects with this key: what somebody has asked before.

    Those about an artifact of the tree too when they are from before its link: while a set of the tree is
    open they cannot be answered, so they still stand without a tree.
    """
    kind, _, value = key.partition(":")
    column = _GATE.c.tree if kind == "t" else _GATE.c.artifact
    wanted = [select(_GATE).where(_GATE.c.project_id == project_id, column == value)]
    if kind == "t":
        is_linked = and_(_BUILD.c.project_id == _GATE.c.project_id, _BUILD.c.artifact == _GATE.c.artifact)
        of_tree = (_BUILD.c.project_id == project_id, _BUILD.c.tree == value, _GATE.c.tree == "")
        wanted.append(select(_GATE).join(_BUILD, is_linked).where(*of_tree))
    found = [row for one in wanted for row in connection.execute(one).mappings()]
    return [GateState(**{name: row[name] for name in GateState.__struct_fields__}) for row in found]
