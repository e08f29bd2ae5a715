"""Who is alive: each worker holds a lock that the operating system or PostgreSQL takes back when it dies.

A job that runs belongs to an executor id. As long as somebody holds the lock of that id, the job is in
hand. When the lock can be taken, nobody does it any more, whatever the row says, and it is safe to begin
it again: no clock is compared, no heartbeat is missed under load.
"""

import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

import psycopg

from gatekeeper.service.errors import ServiceError, Unavailable

_LOCK_CLASS = 71
"""The first of the two numbers of our advisory locks; the second is made from a name."""
_ORDINALS = 64
_EMBEDDED = "embedded"


Kept = Literal["held", "renewed", "taken"]
"""`renewed`: the session was cut and the lock is ours again; `taken`: somebody else has it."""


class Lease(Protocol):
    """The lock of one worker, and the means to look at the locks of others."""

    @property
    def executor_id(self) -> str:
        """The id that is held; stable for a slot, so that a worker finds its own jobs after a restart."""
        ...

    def take(self, *, wait_s: float) -> None:
        """Hold an executor id from now on.

        Raises:
            ServiceError: `worker-running`: another process holds it still after `wait_s` seconds.
            Unavailable: there is no database to lock in.
        """
        ...

    def keep(self) -> Kept:
        """Whether the lock is held, after trying to get it back when its session was lost.

        Raises:
            Unavailable: there is no session and none can be made; nobody else can judge us either.
        """
        ...

    def alone(self, name: str) -> AbstractContextManager[bool]:
        """Whether `name` (an executor id, or a piece of work) is nobody's, and ours inside the `with`."""
        ...

    def release(self) -> None:
        """Let go; never raises."""
        ...


class FileLease:
    """One worker for one SQLite file. Its id never changes: there is only one to recover for."""

    executor_id = _EMBEDDED

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def take(self, *, wait_s: float) -> None:
        """Lock the file beside the database; the kernel frees it with the process, also after `kill -9`."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        ends = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= ends:
                    os.close(descriptor)
                    raise _taken(
                        f"another process works on the jobs of {self._path.parent}",
                        hint="An SQLite folder has one worker; for more of them, use PostgreSQL.",
                    ) from None
                time.sleep(0.1)
            else:
                self._descriptor = descriptor
                return

    def keep(self) -> Kept:
        """`held`: a lock of the kernel is not lost while the process lives."""
        return "held"

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """True for everything but our own id: there is no other worker."""
        yield name != self.executor_id

    def release(self) -> None:
        """Close the file, which unlocks it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class PostgresLease:
    """One worker of many: a session-level advisory lock `(71, hash of the executor id)`.

    Not for a pooler in transaction mode, which has no sessions to hold a lock in.
    """

    def __init__(self, url: str, executor_id: str | None) -> None:
        self._url = url
        self._wanted = (
            (executor_id,)
            if executor_id
            else tuple(f"{socket.gethostname()}-{ordinal}" for ordinal in range(_ORDINALS))
        )
        self._held: str | None = None
        self._released = False
        self._session: psycopg.Connection[tuple[object, ...]] | None = None

    @property
    def executor_id(self) -> str:
        """The id that `take` got."""
        if self._held is None:
            raise RuntimeError("no executor id is held")
        return self._held

    def take(self, *, wait_s: float) -> None:
        """Hold the explicit id, or the first of `<host>-0`, `<host>-1`, ... that nobody holds."""
        ends = time.monotonic() + wait_s
        while True:
            for wanted in self._wanted:
                if self._lock(wanted):
                    self._held = wanted
                    return
            if time.monotonic() >= ends:
                self.release()
                raise _taken(
                    f"another worker is running as {self._wanted[0]}",
                    hint="Give each worker an executor id of its own, or none at all.",
                )
            time.sleep(0.2)

    def keep(self) -> Kept:
        """Ask the session for a sign of life; lock again in a new one when it is gone."""
        if self._session is not None:
            try:
                self._session.execute("SELECT 1")
            except psycopg.Error:
                self._disconnect()
            else:
                return "held"
        if self._lock(self.executor_id):
            return "renewed"
        self._disconnect()
        return "taken"

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Take the lock of `name` for a moment.

        A session gets its own lock a second time: a name that hashes to ours is never anybody else's to lose.
        """
        if (self._held is not None and _key(name) == _key(self._held)) or not self._lock(name):
            yield False
            return
        try:
            yield True
        finally:
            with suppress(psycopg.Error, Unavailable):  # a lost session has lost its locks as well
                self._connected().execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, _key(name)))

    def release(self) -> None:
        """End the session, and with it the lock."""
        self._released = True  # a round of upkeep that still runs must not lock again
        self._disconnect()

    def _lock(self, name: str) -> bool:
        try:
            row = (
                self._connected()
                .execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, _key(name)))
                .fetchone()
            )
        except psycopg.Error as exc:
            raise Unavailable(f"the job database does not answer: {exc}") from exc
        return row is not None and row[0] is True

    def _connected(self) -> "psycopg.Connection[tuple[object, ...]]":
        if self._released:
            raise Unavailable("the worker has stopped")
        if self._session is None or self._session.closed:
            try:
                session = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name="gatekeeper-worker"
                )
                # A host that vanishes sends no FIN: the server asks after it, or holds the lock for hours.
                session.execute(
                    "SELECT set_config('tcp_keepalives_idle', '10', false),"
                    " set_config('tcp_keepalives_interval', '5', false),"
                    " set_config('tcp_keepalives_count', '3', false),"
                    " set_config('idle_session_timeout', '0', false),"
                    " set_config('statement_timeout', '5s', false)"
                )
            except psycopg.Error as exc:
                raise Unavailable(f"the job database cannot be reached: {exc}") from exc
            self._session = session
        return self._session

    def _disconnect(self) -> None:
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()
            self._session = None


def _key(name: str) -> int:
    """A signed 32-bit number that is the same in every process, as `hash()` is not."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


def _taken(message: str, *, hint: str) -> ServiceError:
    error = ServiceError(message, hint=hint)
    error.code = "worker-running"
    return error
