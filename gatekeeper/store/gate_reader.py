"""The gate query: one small statement on the event loop, whose cost does not grow with history.

It goes around SQLAlchemy: measured, the ORM in a thread pool answers a tenth as often.
"""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gatekeeper.store.columns import instant
from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.sqlite_file import DatabaseFiles

_CURRENT = """\
SELECT g.body, g.as_of, g.valid_until, g.allowed, g.decision_id
FROM project p
JOIN gate_state g ON g.project_id = p.id
LEFT JOIN stage_state s ON s.project_id = p.id AND s.stage = g.stage
WHERE p.path = {0} AND g.stage = {0} AND g.key = {0} AND g.is_current
  AND g.generation = p.generation
  AND g.policy_digest = p.policy_digest
  AND g.baseline_digest = CASE
    WHEN s.newest_tree IS NULL THEN ''
    WHEN s.newest_tree = g.tree THEN s.other_digest
    ELSE s.newest_digest END"""
"""Current: nothing about the subject, its policy or its baseline changed since. Time is the caller's."""


class Held(msgspec.Struct, frozen=True):
    """A stored answer to a gate query; the reader decides whether its time has come and not passed."""

    body: bytes
    as_of: datetime
    valid_until: datetime
    allowed: bool
    decision_id: str | None


class GateReader(Protocol):
    """Reads the current answer of a gate on the event loop."""

    async def current(self, project: str, stage: str, key: str) -> Held | None:
        """The answer; None when nothing current is stored.

        Raises:
            StoreUnavailable: the database cannot be read now.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class SqliteGateReader:
    """A read-only connection of its own. A point read takes microseconds, less than any hop to a thread.

    Made while the database is open: from then on its files are watched.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = DatabaseFiles(path)
        self._statement = _CURRENT.format("?")
        self._connection: sqlite3.Connection | None = None

    async def current(self, project: str, stage: str, key: str) -> Held | None:
        """See `GateReader.current`."""
        self._files.demand_same()
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
            row = self._connection.execute(self._statement, (project, stage, key)).fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database cannot be read: {error}") from error
        return _held(row) if row else None

    async def close(self) -> None:
        """See `GateReader.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresGateReader:
    """A small pool of autocommit connections with the statement prepared on each."""

    def __init__(self, url: str) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[tuple[object, ...]]] = AsyncConnectionPool(
            url.replace("postgresql+psycopg://", "postgresql://", 1),
            min_size=1,
            max_size=4,
            timeout=2,
            open=False,
            kwargs={
                "autocommit": True,
                "row_factory": tuple_row,
                "prepare_threshold": 0,
                "connect_timeout": 5,
                "options": "-c statement_timeout=2000 -c default_transaction_read_only=on",
                "application_name": "gatekeeper",
            },
        )
        self._statement = _CURRENT.format("%s").encode()
        self._is_open = False

    async def current(self, project: str, stage: str, key: str) -> Held | None:
        """See `GateReader.current`."""
        try:
            if not self._is_open:
                await self._pool.open()
                self._is_open = True
            try:
                row = await self._row(project, stage, key)
            except (OperationalError, InterfaceError):
                # After a restart of the server the pool holds connections that are dead and do not know it.
                await self._pool.check()
                row = await self._row(project, stage, key)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable(f"the database cannot be read: {error}") from error
        return _held(row) if row else None

    async def _row(self, project: str, stage: str, key: str) -> tuple[object, ...] | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(self._statement, (project, stage, key), prepare=True)
            return await cursor.fetchone()

    async def close(self) -> None:
        """See `GateReader.close`."""
        if self._is_open:
            await self._pool.close()


def gate_reader_at(url: str) -> GateReader:
    """The reader for the database behind the URL of a `Database`."""
    if url.startswith("sqlite:///"):
        return SqliteGateReader(Path(url.removeprefix("sqlite:///")))
    return PostgresGateReader(url)


def _held(row: tuple[object, ...]) -> Held:
    body, as_of, valid_until, allowed, decision_id = row
    assert isinstance(as_of, int)  # noqa: S101 - narrows for mypy; the column is BIGINT
    assert isinstance(valid_until, int)  # noqa: S101 - as above
    return Held(
        bytes(body) if isinstance(body, bytes | memoryview | bytearray) else b"",
        instant(as_of),
        instant(valid_until),
        bool(allowed),
        str(decision_id) if decision_id else None,
    )
