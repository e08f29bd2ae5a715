"""Statements that both engines understand but SQLAlchemy spells per engine."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.store.tables import Base


def table(name: str) -> Table:
    """The table of that name."""
    return Base.metadata.tables[name]


def upsert(connection: Connection, name: str, values: dict[str, Any], *, set_: dict[str, Any]) -> None:
    """Insert the row, or where its primary key is taken, change the columns `set_`."""
    target = table(name)
    keys = [column.name for column in target.primary_key]
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(target).values(**values).on_conflict_do_update(keys, set_=set_))
    else:
        connection.execute(
            postgresql.insert(target).values(**values).on_conflict_do_update(index_elements=keys, set_=set_)
        )


def insert_new(connection: Connection, name: str, values: dict[str, Any]) -> bool:
    """Insert the row; False, and nothing done, where a unique key of it is taken."""
    target = table(name)
    if connection.dialect.name == "sqlite":
        done = connection.execute(sqlite.insert(target).values(**values).on_conflict_do_nothing())
    else:
        done = connection.execute(postgresql.insert(target).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1
