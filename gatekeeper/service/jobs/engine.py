"""The job port: an engine that queues in every process, and does jobs in those that bring handlers."""

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

from gatekeeper.service.errors import Unavailable
from gatekeeper.service.jobs.lease import FileLease, Lease, PostgresLease
from gatekeeper.service.jobs.on_dbos import Executor, JobRows
from gatekeeper.service.jobs.upkeep import Schedule, Upkeep
from gatekeeper.service.jobs.work import Handler, Job, job_name
from gatekeeper.service.ports import Jobs

_log = logging.getLogger(__name__)


def jobs_database(database_url: str, data: Path) -> str | Path:
    """Where the jobs of a server live: in its PostgreSQL, or beside its SQLite file in the folder `data`.

    A file of their own, because SQLite has one writer, and jobs must not make evidence wait.
    """
    return database_url if database_url.startswith("postgres") else data / "jobs.sqlite"


class JobEngine(Jobs):
    """The `Jobs` port. Not before `start` nor after `stop`: the port's methods raise `Unavailable` then."""

    def __init__(
        self,
        database: str | Path,
        *,
        executor_id: str | None = None,
        slots: int = 4,
        poll_s: float = 0.25,
        upkeep_s: float = 2.0,
        stranded_s: float = 60.0,
        lease_wait_s: float = 10.0,
    ) -> None:
        """Remember; nothing is opened yet.

        Args:
            database: the path of an SQLite file that is only for the jobs, or a `postgresql://` URL.
            executor_id: of this worker: unique, and the same after a restart. None takes the first free
                `<host>-<ordinal>`. Without meaning on SQLite, where there is one worker.
            slots: how many jobs this worker does at the same time.
            poll_s: how often it looks for a job, in seconds.
            upkeep_s: how often it looks for dead workers, in seconds.
            stranded_s: how long a job that this worker claimed may take to begin, in seconds.
            lease_wait_s: how long to wait for the lease of a worker that was here just now, in seconds.
        """
        self._database = database
        self._executor_id = executor_id
        self._slots = slots
        self._poll_s = poll_s
        self._upkeep_s = upkeep_s
        self._stranded_s = stranded_s
        self._lease_wait_s = lease_wait_s
        self._handlers: Mapping[str, Handler] = {}
        self._stopping = Event()
        self._open: ExitStack | None = None
        self._rows: JobRows | None = None
        self._schedule: Schedule | None = None
        self._executor: Executor | None = None
        self._ends_at = 0.0
        self.lost = Event()
        """Set when another process has taken over this worker's executor id: it must stop."""

    def start(self, handlers: Mapping[str, Handler] | None = None) -> None:
        """Open the database. With `handlers`, recover what this worker left behind, and do jobs.

        Raises:
            ServiceError: `worker-running`: the executor id, or the SQLite file, has a living worker.
            Unavailable: the database cannot be reached or prepared. Nothing is left open.
        """
        if self._open is not None:
            raise RuntimeError("the job engine is started already")
        self._handlers = {job_name(name): handler for name, handler in (handlers or {}).items()}
        self._stopping.clear()
        self.lost.clear()
        with ExitStack() as opened:
            opened.callback(self._forget)
            rows = JobRows(self._database)
            opened.callback(rows.close)
            self._rows = rows
            self._schedule = Schedule(rows)
            opened.callback(self._schedule.stop, 1.0)
            if self._handlers:
                self._execute(rows, opened)
            self._open = opened.pop_all()

    def stop(self, timeout_s: float = 8.0) -> bool:
        """Claim nothing more, wait up to `timeout_s` seconds for the jobs that run, close everything.

        Returns:
            Whether every job had ended. One that runs on is begun again by the next worker; meanwhile its
            thread keeps this interpreter from leaving by itself.
        """
        if self._open is None:
            return True
        self._stopping.set()
        self._ends_at = time.monotonic() + timeout_s
        executor = self._executor
        self._open.close()
        left = executor.in_hand() if executor is not None else frozenset()
        if left:
            _log.warning("stopped while %d jobs run: %s", len(left), ", ".join(sorted(left)))
        return not left

    def enqueue(self, name: str, key: str, argument: str = "") -> str:
        """Queue the job `name`; while one with the same `key` waits, nothing is added. Its id.

        One that runs does not count: it may have looked before the change that this call is about. Two
        callers of the same moment may, rarely, add two.

        Raises:
            Unavailable: the database cannot be reached; whether it was queued is not known.
        """
        return self._opened().enqueue(job_name(name), key, argument)

    def cancel(self, job_id: str) -> None:
        """Stop it before it starts; a running job ends by itself, an unknown one is no error.

        Raises:
            Unavailable: the database cannot be reached.
        """
        self._opened().cancel(job_id)

    def status(self, job_id: str) -> str:
        """`queued`, `running`, `done`, `failed`, `cancelled`, or `unknown`: never there, or forgotten.

        Raises:
            Unavailable: the database cannot be reached.
        """
        return self._opened().status(job_id)

    def progress(self, job_id: str) -> str | None:
        """What the job last said of itself; None as long as it said nothing.

        Raises:
            Unavailable: the database cannot be reached.
        """
        return self._opened().progress(job_id)

    def schedule(self, name: str, every_s: int) -> None:
        """Queue the job `name` every `every_s` seconds, for as long as this engine runs.

        Many processes may do so for the same job: it is queued once. While one waits or runs, none is
        added, and none is made up for later.
        """
        if every_s < 1:
            raise ValueError(f"a schedule of {every_s} seconds; at least 1")
        self._opened()
        if self._schedule is not None:
            self._schedule.add(job_name(name), every_s)

    def _forget(self) -> None:
        self._open = self._rows = self._schedule = self._executor = None

    def _opened(self) -> JobRows:
        if self._rows is None:
            raise Unavailable("the job engine is not running")
        return self._rows

    def _execute(self, rows: JobRows, opened: ExitStack) -> None:
        """Take the lease, then claim jobs, then look after others; `opened` undoes it in reverse."""
        lease: Lease = (
            FileLease(self._database)
            if isinstance(self._database, Path)
            else PostgresLease(rows.url, self._executor_id)
        )
        lease.take(wait_s=self._lease_wait_s)
        opened.callback(lease.release)
        rows.set_up_queue(slots=self._slots, poll_s=self._poll_s)
        executor = Executor(rows.url, executor_id=lease.executor_id, slots=self._slots, do=self._do)
        self._executor = executor
        opened.callback(self._hand_back, rows, lease.executor_id, executor)
        opened.callback(lambda: executor.close(max(1.0, self._ends_at - time.monotonic())))
        upkeep = Upkeep(
            rows,
            lease,
            in_hand=executor.in_hand,
            every_s=self._upkeep_s,
            stranded_s=self._stranded_s,
            lost=self.lost,
        )
        upkeep.start()
        opened.callback(upkeep.stop, 1.0)

    def _hand_back(self, rows: JobRows, executor_id: str, executor: Executor) -> None:
        """Queue again what was claimed in the last moment and never began; else it waits for a restart."""
        with suppress(Unavailable):
            in_hand = executor.in_hand()
            for job in rows.started():
                if job.executor_id == executor_id and job.id not in in_hand:
                    rows.begin_again(job)

    def _do(self, job_id: str, name: str, argument: str) -> None:
        handler = self._handlers.get(name)
        if handler is None:
            raise LookupError(f"this worker has no handler for the job {name!r}")
        handler(
            Job(
                id=job_id,
                name=name,
                argument=argument,
                attempt=self._opened().attempts(job_id),
                tell=Executor.tell,
                stopping=self._stopping.is_set,
            )
        )
