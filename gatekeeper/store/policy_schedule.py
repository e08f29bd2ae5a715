"""Versions that wait for their time, and the globs of those in force."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from gatekeeper.store.convert import text_of, value_of
from gatekeeper.store.statements import table

_GATE = table("gate_state")
_GLOB = table("policy_glob")
_PROJECT = table("project")
_SCHEDULE = table("policy_schedule")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is in force from `at` on."""

    name: str
    version: int
    at: datetime
    globs: tuple[str, ...]
    """What it will say that it applies to."""


def add(connection: Connection, waiting: Waiting) -> None:
    """Let a version wait."""
    columns = msgspec.structs.asdict(waiting) | {"globs": text_of(waiting.globs)}
    connection.execute(_SCHEDULE.insert().values(**columns))


def waiting(connection: Connection, *, until: datetime | None = None) -> list[Waiting]:
    """What waits, or what has come by `until`, in the order of its times."""
    wanted = select(_SCHEDULE).order_by(_SCHEDULE.c.at, _SCHEDULE.c.name, _SCHEDULE.c.version)
    if until is not None:
        wanted = wanted.where(_SCHEDULE.c.at <= until)
    rows = connection.execute(wanted).mappings()
    return [
        Waiting(
            name=row["name"],
            version=row["version"],
            at=row["at"],
            globs=value_of(row["globs"], tuple[str, ...]),
        )
        for row in rows
    ]


def next_at(connection: Connection, name: str) -> datetime | None:
    """When another version of the policy will be in force; None when none waits."""
    wanted = select(_SCHEDULE.c.at).where(_SCHEDULE.c.name == name).order_by(_SCHEDULE.c.at).limit(1)
    row = connection.execute(wanted).first()
    return row[0] if row else None


def settle(connection: Connection, name: str, version: int) -> None:
    """Let this version, and all that it overtakes, wait no more."""
    gone = (_SCHEDULE.c.name == name) & (_SCHEDULE.c.version <= version)
    connection.execute(delete(_SCHEDULE).where(gone))


def end_answers(connection: Connection, name: str, at: datetime) -> None:
    """Keep no answer at hand that would outlive `at`, of any project that the policy decides about.

    The projects are locked first: whoever is about to keep such an answer then sees what waits.
    """
    mine = select(_PROJECT.c.id).where(_PROJECT.c.policy == name).order_by(_PROJECT.c.id)
    ids = list(connection.execute(mine.with_for_update()).scalars())
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        late = _GATE.c.project_id.in_(some) & (_GATE.c.valid_until > at)
        connection.execute(update(_GATE).where(late).values(is_current=False))


def globs(connection: Connection) -> list[tuple[str, str]]:
    """(glob, policy) of all policies in force."""
    rows = connection.execute(select(_GLOB.c.glob, _GLOB.c.policy).order_by(_GLOB.c.glob, _GLOB.c.policy))
    return [(row[0], row[1]) for row in rows]


def set_globs(connection: Connection, name: str, wanted: Iterable[str]) -> bool:
    """Let a policy apply to these; True when that is a change."""
    now = {glob for glob, policy in globs(connection) if policy == name}
    new = set(wanted)
    if now == new:
        return False
    connection.execute(delete(_GLOB).where(_GLOB.c.policy == name))
    for glob in sorted(new):
        connection.execute(_GLOB.insert().values(glob=glob, policy=name))
    return True


def following(connection: Connection) -> list[tuple[str, str, str]]:
    """(id, path, policy) of the projects whose policy nobody chose, by id."""
    wanted = select(_PROJECT.c.id, _PROJECT.c.path, _PROJECT.c.policy).where(
        _PROJECT.c.is_assigned.is_(False)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(wanted.order_by(_PROJECT.c.id))]


def paths_of(connection: Connection, name: str) -> list[str]:
    """Paths of the projects that the policy decides about."""
    wanted = select(_PROJECT.c.path).where(_PROJECT.c.policy == name)
    return list(connection.execute(wanted.order_by(_PROJECT.c.path)).scalars())


def newest_number(connection: Connection, name: str) -> int | None:
    """The highest number that was given, also to a version that waits; None: there is no such policy."""
    versions = table("policy_version")
    found = connection.execute(select(func.max(versions.c.version)).where(versions.c.name == name))
    number = found.scalar_one()
    return int(number) if number is not None else None
