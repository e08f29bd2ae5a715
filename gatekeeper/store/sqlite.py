"""SQLite: readers side by side, one writer thread, and one fsync for all writes that wait together.

`synchronous=FULL` makes a commit wait for the disk; a second writer connection would wait for the first,
unfairly (measured: one of two starved for seconds), so there is one, and it commits in groups.
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.sqlite_file import DatabaseFiles

T = TypeVar("T")

MAX_GROUP = 64
"""Writes that share one commit; later ones go into the next."""
BUSY_TIMEOUT_S = 5.0
_RETRY_S = 0.01
QUEUE_TIMEOUT_S = 30.0
"""How long a write may wait for its turn before the caller is told to come again."""


@dataclass(frozen=True)
class _Write:
    work: Callable[[Connection], Any]
    future: "Future[Any]"


class SqliteDatabase:
    """A database file. `write` from any thread; the work itself runs in the one writer thread."""

    is_sqlite = True

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.engine = _engine(path)
            self.engine.connect().close()
            self._readers = _engine(path, is_read_only=True)
            # Kept open to the end: a log goes away with the last connection, and a pool may lose all it has.
            self._anchor = _connected(path, is_read_only=True)
            self._files = DatabaseFiles(path)
            self._files.settle()
        except (OSError, DBAPIError, sqlite3.Error) as error:
            raise StoreUnavailable(f"the database {path} cannot be opened: {_said(error)}") from error
        self._queue: queue.Queue[_Write | None] = queue.Queue()
        self._is_closed = False
        self._closing = threading.Lock()
        self._writer = threading.Thread(target=self._run, name="gatekeeper-writer", daemon=True)
        self._writer.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        future: Future[T] = Future()
        with self._closing:  # nothing comes after the end of the queue, where nobody would take it
            if self._is_closed:
                raise StoreUnavailable("the server is stopping; nothing was written", hint="try again")
            self._queue.put(_Write(work, future))
        try:
            return future.result(timeout=QUEUE_TIMEOUT_S)
        except TimeoutError as error:
            if future.cancel():
                raise StoreUnavailable("the database is busy; nothing was written") from error
            # It runs already: what it does must be known before anybody is answered.
            return future.result()

    def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        self._files.demand_same()
        try:
            with self._readers.connect() as connection, connection.begin():
                return work(connection)
        except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
            raise StoreUnavailable(f"the database cannot be read: {_said(error)}") from error

    def close(self) -> None:
        """See `Database.close`."""
        with self._closing:
            was_closed, self._is_closed = self._is_closed, True
        if not was_closed:
            self._queue.put(None)
            self._writer.join(timeout=QUEUE_TIMEOUT_S)
            self._anchor.close()
            self._readers.dispose()
            self.engine.dispose()  # last: who may write takes what is in the log into the database

    def _run(self) -> None:
        is_last = False
        while not is_last:
            first = self._queue.get()
            group = [first] if first is not None else []
            is_last = first is None
            while len(group) < MAX_GROUP and not is_last:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                is_last = following is None
                group += [following] if following is not None else []
            self._commit([one for one in group if one.future.set_running_or_notify_cancel()])

    def _commit(self, group: list[_Write]) -> None:
        if not group:
            return
        done: list[tuple[_Write, Any]] = []
        failed: list[tuple[_Write, BaseException]] = []
        try:
            self._files.demand_same()
            with self.engine.connect() as connection, connection.begin():
                for one in group:
                    try:
                        with connection.begin_nested():
                            done.append((one, one.work(connection)))
                    except BaseException as error:
                        failed.append((one, error))
                        if not _is_in_transaction(connection):
                            raise
            self._files.demand_same()  # again: until now it may have gone into a file without a name
        except BaseException as error:  # noqa: BLE001 - the writer thread must outlive every failure
            told = {id(one.future): problem for one, problem in failed}
            for one in group:
                one.future.set_exception(_translated(told.get(id(one.future), error)))
            return
        for one, problem in failed:
            one.future.set_exception(_translated(problem))
        for one, result in done:
            one.future.set_result(result)


def _engine(path: Path, *, is_read_only: bool = False) -> Engine:
    made = create_engine(
        "sqlite://",
        creator=lambda: _connected(path, is_read_only=is_read_only),
        poolclass=QueuePool,
        pool_size=8 if is_read_only else 1,
        max_overflow=8 if is_read_only else 1,
        pool_timeout=BUSY_TIMEOUT_S,
    )

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another one wrote in between.
        connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")

    return made


def _connected(path: Path, *, is_read_only: bool) -> sqlite3.Connection:
    made = sqlite3.connect(
        f"file:{_quoted(path)}?mode={'ro' if is_read_only else 'rwc'}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    made.execute("PRAGMA foreign_keys=ON")
    made.execute("PRAGMA synchronous=FULL")
    # What a savepoint may have to take back goes to /var/tmp else: open to others, and maybe read-only.
    made.execute("PRAGMA temp_store=MEMORY")
    made.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE deletes past the triggers
    if not is_read_only:  # not through the engine: inside its transaction SQLite ignores or refuses it
        _log_ahead(made)
    made.execute("SELECT count(*) FROM sqlite_master")  # the first read opens the log
    return made


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have it write to a log first. SQLite does not wait for another process that turns this on too."""
    ends = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                raise
            time.sleep(_RETRY_S)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _is_in_transaction(connection: Connection) -> bool:
    """False when SQLite has rolled everything back by itself, so that nothing of the group can be kept."""
    made: sqlite3.Connection | None = connection.connection.dbapi_connection  # type: ignore[assignment]  # ours
    return made is not None and made.in_transaction


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError | PoolTimeout | sqlite3.Error) and not isinstance(
        getattr(error, "orig", error), sqlite3.IntegrityError
    ):
        made = StoreUnavailable(
            f"the database cannot be written: {_said(error)}; nothing was written", hint="try again"
        )
        made.__cause__ = error
        return made
    return error


def _said(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)
