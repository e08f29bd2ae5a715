"""PostgreSQL: short transactions from a pool; use cases lock their project's row first and queue there."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gatekeeper.store.errors import StoreUnavailable

T = TypeVar("T")

TRIES = 5
POOL_TIMEOUT_S = 5.0
"""How long a request may wait for a connection when all are in use."""
_AGAIN = ("40001", "40P01")
"""serialization_failure, deadlock_detected: the transaction did nothing and may be tried again."""
_OUTSIDE = (OperationalError, InterfaceError, InternalError, PoolTimeout)
"""What the server, its disk or the way to it can cause; every other error is a defect of ours."""
_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"


class PostgresDatabase:
    """A database on a server. A commit is durable as the server's `synchronous_commit` says (default: on)."""

    is_sqlite = False

    def __init__(self, url: URL) -> None:
        self.url = url.render_as_string(hide_password=False)
        self.engine: Engine = create_engine(
            url,
            pool_size=10,
            max_overflow=10,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": _OPTIONS, "application_name": "gatekeeper"},
        )
        self._readers = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        for last in (False,) * (TRIES - 1) + (True,):
            is_worked = False
            try:
                with self.engine.begin() as connection:
                    result = work(connection)
                    is_worked = True
                return result
            except _OUTSIDE as error:
                is_undone = _state(error) in _AGAIN
                if last or not is_undone:
                    # A commit whose answer was lost may have been done all the same.
                    end = "nothing was written" if is_undone or not is_worked else "it may have been written"
                    raise _unavailable(f"written ({end})", error) from error
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - spreads the tries, keeps no secret
        raise AssertionError("unreachable")

    def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        try:
            with self._readers.connect() as connection, connection.begin():
                return work(connection)
        except _OUTSIDE as error:
            raise _unavailable("read", error) from error

    def close(self) -> None:
        """See `Database.close`."""
        self.engine.dispose()


def _state(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _unavailable(what: str, error: Exception) -> StoreUnavailable:
    text = str(getattr(error, "orig", None) or error).splitlines()
    return StoreUnavailable(
        f"the database cannot be {what}: {text[0] if text else type(error).__name__}",
        hint="try again; `gatekeeper doctor` and /readyz say what is wrong",
    )
