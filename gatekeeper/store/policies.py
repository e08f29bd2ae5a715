"""Versions of policies: numbered, immutable."""

from sqlalchemy import ColumnElement, Connection, exists, func, select

from gatekeeper.recorded import PolicyVersion
from gatekeeper.store.convert import policy_version_of
from gatekeeper.store.statements import insert_new, table

_SCHEDULE = table("policy_schedule")
_VERSION = table("policy_version")
_WAITS: ColumnElement[bool] = exists().where(
    _SCHEDULE.c.name == _VERSION.c.name, _SCHEDULE.c.version == _VERSION.c.version
)


def add(connection: Connection, version: PolicyVersion) -> bool:
    """Keep a version; False when its number is taken."""
    columns = {name: getattr(version, name) for name in PolicyVersion.__struct_fields__}
    return insert_new(connection, "policy_version", columns)


def in_force(connection: Connection, name: str) -> PolicyVersion | None:
    """The newest version of a policy whose time has come."""
    mine = select(_VERSION).where(_VERSION.c.name == name, ~_WAITS)
    wanted = mine.order_by(_VERSION.c.version.desc()).limit(1)
    row = connection.execute(wanted).mappings().first()
    return policy_version_of(row) if row else None


def version(connection: Connection, name: str, number: int) -> PolicyVersion | None:
    """One version of a policy."""
    wanted = select(_VERSION).where(_VERSION.c.name == name, _VERSION.c.version == number)
    row = connection.execute(wanted).mappings().first()
    return policy_version_of(row) if row else None


def of_digest(connection: Connection, digest: str) -> PolicyVersion | None:
    """A version with this content; which of several does not matter, for they decide alike."""
    wanted = select(_VERSION).where(_VERSION.c.digest == digest).order_by(_VERSION.c.version).limit(1)
    row = connection.execute(wanted).mappings().first()
    return policy_version_of(row) if row else None


def with_digest(connection: Connection, name: str, beginning: str) -> PolicyVersion | None:
    """The newest version of a policy whose digest begins so."""
    wanted = (
        select(_VERSION)
        .where(_VERSION.c.name == name, _VERSION.c.digest.startswith(beginning, autoescape=True))
        .order_by(_VERSION.c.version.desc())
        .limit(1)
    )
    row = connection.execute(wanted).mappings().first()
    return policy_version_of(row) if row else None


def newest_page(connection: Connection, *, after: str, limit: int) -> list[PolicyVersion]:
    """The version in force of each policy, by name, beginning after the name `after`."""
    newest = select(_VERSION.c.name, func.max(_VERSION.c.version).label("version")).where(~_WAITS)
    top = newest.group_by(_VERSION.c.name).subquery()
    wanted = (
        select(_VERSION)
        .join(top, (top.c.name == _VERSION.c.name) & (top.c.version == _VERSION.c.version))
        .where(_VERSION.c.name > after)
        .order_by(_VERSION.c.name)
        .limit(limit)
    )
    return [policy_version_of(row) for row in connection.execute(wanted).mappings()]


def versions_page(
    connection: Connection, name: str, *, before: int | None, limit: int
) -> list[PolicyVersion]:
    """The versions of a policy, the newest first, beginning before the number `before`."""
    wanted = select(_VERSION).where(_VERSION.c.name == name).order_by(_VERSION.c.version.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(_VERSION.c.version < before)
    return [policy_version_of(row) for row in connection.execute(wanted).mappings()]
