"""Statements that both engines understand but SQLAlchemy spells per engine."""

from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.store import tables_people, tables_policies, tables_records
from gatekeeper.store.tables import Base

_DECLARED = (tables_people, tables_policies, tables_records)
"""Modules that hold further tables: to be known to `Base` they have to be imported."""


def table(name: str) -> Table:
    """The table of that name."""
    return Base.metadata.tables[name]


def one_at_a_time(connection: Connection) -> None:
    """Let no other transaction that calls this go on before this one ends: for what is rare.

    It comes first in its transaction, before any row is locked, so that no two wait for each other.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(select(func.pg_advisory_xact_lock(72, 0)))


def upsert(connection: Connection, name: str, values: dict[str, Any], *, set_: dict[str, Any]) -> None:
    """Insert the row, or where its primary key is taken, change the columns `set_`."""
    target = table(name)
    keys = [column.name for column in target.primary_key]
    made = sqlite.insert(target) if connection.dialect.name == "sqlite" else postgresql.insert(target)
    connection.execute(made.values(**values).on_conflict_do_update(index_elements=keys, set_=set_))


def insert_new(connection: Connection, name: str, values: dict[str, Any]) -> bool:
    """Insert the row; False, and nothing done, where a unique key of it is taken."""
    target = table(name)
    made = sqlite.insert(target) if connection.dialect.name == "sqlite" else postgresql.insert(target)
    # The count of rows is not told by every driver; a returned key is.
    kept = made.values(**values).on_conflict_do_nothing().returning(next(iter(target.primary_key)))
    return connection.execute(kept).first() is not None
