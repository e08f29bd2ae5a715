"""Jobs as DBOS workflows, in an SQLite file of their own or in a schema of their own in PostgreSQL.

What DBOS 3.4 does not do for us, and we do around it:

- a worker that dies for good strands its jobs: `jobs_lease` and `jobs_upkeep` find and resume them;
- recovery looks only at jobs of one executor id and one application version: both are fixed by us;
- a deduplication id is held until the job has ended, so what changes while it runs would be swallowed:
  `enqueue` looks for one that still waits instead;
- a resume begins the count of attempts anew: the sum is kept in an attribute of the row;
- values are pickled by default, which would make whoever writes the database a programmer of the workers;
- it logs to the console, at length.

The only module that imports dbos (1.3 s, and one instance per process).
"""

import hashlib
import importlib.metadata
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    WorkflowStatus,
)

from gatekeeper.errors import GatekeeperError
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.jobs.upkeep import MAX_ATTEMPTS, Started

_APPLICATION: Final = "gatekeeper"
_VERSION: Final = "gatekeeper-1"
"""Of the rows, not of the release: what was queued before an upgrade is done after it."""
_SCHEMA: Final = "gatekeeper_jobs"
_QUEUE: Final = "gatekeeper"
_WORKFLOW: Final = "gatekeeper.job"
_WAITING: Final = ["ENQUEUED", "DELAYED"]
_ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_SAID: Final = "said"
_ATTEMPTS: Final = "attempts"
_GIVEN_UP: Final = "given_up"
_TICK: Final = "tick."
_TICK_RUNS_AT_MOST_S = 300.0
"""A scheduled job that runs longer no longer holds back the next one."""
_TICK_KEPT = timedelta(hours=1)
_KEPT = timedelta(days=14)
_PRUNE_BATCH = 500

_executing = threading.Lock()


class JobRows:
    """The rows of the jobs, for callers of the port and for upkeep. Runs nothing itself.

    Every method may raise `Unavailable`: the database cannot be reached, and nothing was changed.
    """

    def __init__(self, database: str | Path) -> None:
        """Open the database, making or upgrading its tables first when this is a new one.

        Args:
            database: the path of an SQLite file, or a `postgresql://` URL.
        """
        self.url = _dbos_url(database)
        _quiet()
        with reaching("open the job database"):
            if isinstance(database, Path):
                _prepare_sqlite(database, self.url)
            else:
                _prepare_postgres(self.url)
            self._client = DBOSClient(
                system_database_url=self.url,
                dbos_system_schema=_SCHEMA,
                serializer=DBOSPortableJSONSerializer(),
                application_name=_APPLICATION,
                system_database_pool_size=4,
                retry_connection_errors=False,
            )

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()

    def set_up_queue(self, *, slots: int, poll_s: float) -> None:
        """Each worker does `slots` jobs at the same time and looks for more every `poll_s` seconds."""
        with reaching("set up the job queue"):
            self._client.register_queue(_QUEUE, worker_concurrency=slots, polling_interval_sec=poll_s)

    def enqueue(self, name: str, key: str, argument: str) -> str:
        """The id of a job that begins after this call; an existing one, when it has not begun yet."""
        prefix = f"job.{name}.{hashlib.sha256(key.encode()).hexdigest()[:24]}."
        with reaching("queue a job"):
            if waiting := self._find(prefix, _WAITING):
                return waiting[0].workflow_id
            # A place is taken by the row that holds it until that one has ended: the first place keeps
            # two callers of the same moment from adding two; the next is for a job behind a running one.
            place = 0
            while True:
                job_id = f"{prefix}{uuid.uuid4().hex}"
                options = _options(job_id)
                options["deduplication_id"] = f"{prefix}{place}"
                options["duplication_policy"] = "return-existing"
                queued = self._client.enqueue(options, name, argument).get_workflow_id()
                if queued == job_id or self._status_of(queued) in _WAITING:
                    return queued
                place += 1

    def tick(self, name: str, every_s: int, slot: int) -> None:
        """Queue the scheduled job of this slot of time unless it was, or an earlier one is not done."""
        prefix = f"{_TICK}{name}."
        with reaching("queue a scheduled job"):
            for job in self._find(prefix, [*_WAITING, "PENDING"]):
                if job.status != "PENDING" or time.time() - _seconds(job.dequeued_at) < _TICK_RUNS_AT_MOST_S:
                    return
            self._client.enqueue(_options(f"{prefix}{every_s}.{slot}"), name, "")

    def cancel(self, job_id: str) -> None:
        """Only what waits: DBOS would call a running one cancelled, and its effects would still come."""
        with reaching("cancel a job"):
            if self._status_of(job_id) in _WAITING:
                self._client.cancel_workflow(job_id)

    def status(self, job_id: str) -> str:
        """In the words of the port."""
        with reaching("read a job"):
            row = self._row(job_id)
        match row and row.status:
            case None:
                return "unknown"
            case "ENQUEUED" | "DELAYED":
                return "queued"
            case "PENDING":
                return "running"
            case "SUCCESS":
                return "done"
            case "CANCELLED" if row is not None and not (row.attributes or {}).get(_GIVEN_UP):
                return "cancelled"
            case _:
                return "failed"

    def progress(self, job_id: str) -> str | None:
        """What the job said last."""
        with reaching("read a job"):
            said = self._client.get_event(job_id, _SAID, timeout_seconds=0)
        return None if said is None else str(said)

    def attempts(self, job_id: str) -> int:
        """How often it was begun, this time included."""
        with reaching("read a job"):
            row = self._row(job_id)
        return 1 if row is None else _attempts(row)

    def started(self) -> list[Started]:
        """All jobs that run, or did when their worker died."""
        with reaching("list the running jobs"):
            return [
                Started(
                    id=row.workflow_id,
                    executor_id=row.executor_id or "",
                    started_at=_seconds(row.dequeued_at),
                    attempts=_attempts(row),
                )
                for row in self._find(None, ["PENDING"])
            ]

    def begin_again(self, job: Started) -> None:
        """Put it back into our queue (by default DBOS takes one without limits) and keep the attempts."""
        with reaching("resume a job"):
            self._client.update_workflow_attributes(job.id, {_ATTEMPTS: job.attempts}, merge=True)
            self._client.resume_workflow(job.id, queue_name=_QUEUE)

    def give_up(self, job: Started) -> None:
        """Make it `failed`: for DBOS it is cancelled, as no outcome can be written for another worker."""
        with reaching("give up a job"):
            self._client.update_workflow_attributes(job.id, {_GIVEN_UP: True}, merge=True)
            self._client.cancel_workflow(job.id)

    def prune(self) -> None:
        """Delete what ended long ago; scheduled jobs, which come every second, much sooner."""
        for prefix, kept in ((_TICK, _TICK_KEPT), (None, _KEPT)):
            ended_before = (datetime.now(UTC) - kept).isoformat()
            with reaching("delete old jobs"):
                while old := self._find(prefix, _ENDED, ended_before=ended_before, limit=_PRUNE_BATCH):
                    self._client.delete_workflows([row.workflow_id for row in old])

    def _find(
        self,
        prefix: str | None,
        states: list[str],
        *,
        ended_before: str | None = None,
        limit: int | None = None,
    ) -> list[WorkflowStatus]:
        return self._client.list_workflows(
            workflow_id_prefix=prefix,
            status=states,
            completed_before=ended_before,
            limit=limit,
            load_input=False,
            load_output=False,
        )

    def _row(self, job_id: str) -> WorkflowStatus | None:
        rows = self._client.list_workflows(workflow_ids=[job_id], load_input=False, load_output=False)
        return rows[0] if rows else None

    def _status_of(self, job_id: str) -> str | None:
        row = self._row(job_id)
        return None if row is None else row.status


class Executor:
    """DBOS itself, which claims jobs and runs them on threads of its own. At most one in a process."""

    def __init__(
        self, url: str, *, executor_id: str, slots: int, do: Callable[[str, str, str], None]
    ) -> None:
        """Launch, and begin again at once what this executor id left behind.

        The caller holds the lease of `executor_id`, and has set up the queue.

        Args:
            url: `JobRows.url`.
            executor_id: whose jobs to recover, and under which name to claim.
            slots: as given to `set_up_queue`; sizes the pool.
            do: called with the job's id, name and argument; what it raises makes the job `failed`.

        Raises:
            RuntimeError: there is one in this process already.
            Unavailable: the database cannot be used. Nothing runs then.
        """
        if not _executing.acquire(blocking=False):
            raise RuntimeError("a job engine executes in this process already")
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        try:
            with reaching("start the worker"):
                DBOS(config=_config(url, executor_id, slots))
                DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=MAX_ATTEMPTS - 1)(self._workflow(do))
                DBOS.listen_queues([_QUEUE])
                DBOS.launch()
        except BaseException:
            self.close(0)
            raise

    def in_hand(self) -> frozenset[str]:
        """The ids of the jobs that run in this process now."""
        with self._lock:
            return frozenset(self._in_hand)

    def close(self, timeout_s: float) -> None:
        """Claim nothing more, wait for what runs, stop. Jobs that run longer keep their threads.

        In a thread of its own, because DBOS waits for its own threads one by one, ten seconds each, when
        the database is away.
        """
        # DBOS drains in steps of a second and begins with one, so it is not asked to when nothing runs.
        drain_s = max(1, int(timeout_s) - 1) if self.in_hand() else 0
        closer = threading.Thread(target=_destroy, args=(drain_s,), name="gatekeeper-jobs-close", daemon=True)
        closer.start()
        closer.join(max(1.0, timeout_s))
        _executing.release()

    @staticmethod
    def tell(text: str) -> None:
        """Note what the job of this thread says of itself."""
        DBOS.set_event(_SAID, text)

    def _workflow(self, do: Callable[[str, str, str], None]) -> Callable[[str, str], None]:
        """The one workflow behind all jobs, with one step: what is said in a step is not replayed."""

        def run(name: str, argument: str) -> None:
            job_id = str(DBOS.workflow_id)
            with self._lock:
                self._in_hand.add(job_id)
            try:
                DBOS.run_step({"name": name}, do, job_id, name, argument)
            finally:
                with self._lock:
                    self._in_hand.discard(job_id)

        return run


@contextmanager
def reaching(purpose: str) -> Iterator[None]:
    """Turn what a driver throws into `Unavailable`, with the cause."""
    try:
        yield
    except (GatekeeperError, RuntimeError):
        raise
    except Exception as exc:
        # The errors of SQLAlchemy, which only the store imports, of psycopg, of sqlite3 and of DBOS.
        raise Unavailable(f"cannot {purpose}: {(str(exc) or repr(exc)).splitlines()[0]}") from exc


def _options(job_id: str) -> EnqueueOptions:
    return {
        "workflow_name": _WORKFLOW,
        "queue_name": _QUEUE,
        "workflow_id": job_id,
        "app_version": _VERSION,
    }


def _config(url: str, executor_id: str, slots: int) -> DBOSConfig:
    return {
        "name": _APPLICATION,
        "system_database_url": url,
        "dbos_system_schema": _SCHEMA,
        "sys_db_pool_size": slots + 6,
        "executor_id": executor_id,
        "application_version": _VERSION,
        "serializer": DBOSPortableJSONSerializer(),
        "run_migrations": False,
        "notification_listener_polling_interval_sec": 0.25,  # it sleeps through a stop
        "enable_otlp": False,
        "log_level": "WARNING",
    }


def _destroy(drain_s: int) -> None:
    DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=drain_s)


def _attempts(row: WorkflowStatus) -> int:
    return int((row.attributes or {}).get(_ATTEMPTS, 0)) + (row.recovery_attempts or 0)


def _seconds(epoch_ms: int | None) -> float:
    return (epoch_ms or 0) / 1000


def _dbos_url(database: str | Path) -> str:
    if isinstance(database, Path):
        return f"sqlite:///{database}"
    return _plain(database)


def _plain(url: str) -> str:
    """Without SQLAlchemy's driver (`postgresql+psycopg://`), which libpq does not know."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def _quiet() -> None:
    """Leave the words to our own logging: with a handler there, DBOS adds no console and hides nothing."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)
    logger.propagate = True


def _prepare_sqlite(path: Path, url: str) -> None:
    """Make the tables, in a file with a write-ahead log: DBOS leaves the journal as it finds it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    DBOS.migrate(url)


def _prepare_postgres(url: str) -> None:
    """Make the tables, once per version of DBOS.

    `migrate` also connects to the database `postgres` of the server, to see whether ours exists. Not every
    role may, so it is called when the comment on our schema does not name this version already.
    """
    version = f"dbos {importlib.metadata.version('dbos')}"
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT obj_description(to_regnamespace(%s)::oid, 'pg_namespace')", (_SCHEMA,)
        ).fetchone()
        if row is not None and row[0] == version:
            return
        DBOS.migrate(url, schema=_SCHEMA)
        # Identifiers and comments take no parameters; both are ours.
        connection.execute(f"COMMENT ON SCHEMA {_SCHEMA} IS '{version}'".encode())
