"""One seam over two engines: `write` is one transaction, on the disk when it returns; `read` a snapshot."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection as Connection
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gatekeeper.errors import UsageError
from gatekeeper.store.errors import StoreUnavailable as StoreUnavailable

T = TypeVar("T")


class Database(Protocol):
    """Where rows live. Thread-safe; closed once."""

    url: str
    """For SQLAlchemy; with its password, so never logged."""

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded engine."""
        ...

    @property
    def engine(self) -> Engine:
        """For migrations."""
        ...

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once its transaction is committed and on the disk.

        `work` may run more than once (a deadlock, a serialisation failure), so it has no effect but on its
        connection. What it raises rolls its own changes back, and only those.

        Raises:
            StoreUnavailable: nothing was written, unless the message says that it may have been: when the
                server of the database went away during the commit.
        """
        ...

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` reads from one consistent snapshot.

        Raises:
            StoreUnavailable: the database cannot be read now.
        """
        ...

    def close(self) -> None:
        """Finish what was begun and let go of the connections."""
        ...


def database_at(url: str) -> Database:
    """The database behind `url`: `sqlite:///folder/file` or `postgresql://...`.

    Raises:
        UsageError: another kind of database, or no URL at all.
        StoreUnavailable: it cannot be opened.
    """
    from gatekeeper.store.postgres import PostgresDatabase
    from gatekeeper.store.sqlite import SqliteDatabase

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError(
            "the database URL cannot be read", hint="sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise UsageError("SQLite needs a file: memory is not durable", hint="sqlite:////folder/file")
            return SqliteDatabase(Path(parsed.database))
        case "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+psycopg"))
        case other:
            raise UsageError(
                f"the database {other!r} is not supported", hint="use SQLite (the default) or PostgreSQL"
            )
