"""The jobs of a server: in its own process, or in those of `gatekeeper worker`.

`dbos` is imported only here, inside of functions, and only where jobs are done: it takes more than a second.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gatekeeper.service import backtest
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.policy_schedule import enter_due
from gatekeeper.service.reevaluate import JOB, sweep
from gatekeeper.service.server import Server
from gatekeeper.service.settings import ServerSettings
from gatekeeper.store.database import Database

if TYPE_CHECKING:
    from gatekeeper.service.jobs.engine import JobEngine
    from gatekeeper.service.jobs.work import Handler, Job

FILE = "jobs.sqlite"
SCHEDULES = {JOB: 1}
"""Seconds between two runs."""
_STOP_S = 8.0
_LEFT = 5
"""Exit code of a worker that had to be left while a job ran: the next one does it again."""

log = structlog.get_logger("gatekeeper.jobs")


class EmbeddedJobs:
    """The worker of a server that has no other."""

    def __init__(self, engine: "JobEngine") -> None:
        self._engine = engine
        self._is_running = False

    @property
    def engine(self) -> "JobEngine":
        """Queues jobs as long as they are done here."""
        return self._engine

    @property
    def is_alive(self) -> bool:
        """True while jobs are done here."""
        return self._is_running and not self._engine.lost.is_set()

    def start(self, server: Server) -> None:
        """Do jobs from now on.

        Raises:
            ServiceError: `worker-running`: another process does them.
            Unavailable: the database of the jobs cannot be used.
        """
        self._engine.start(handlers_of(server))
        for name, every_s in SCHEDULES.items():
            self._engine.schedule(name, every_s)
        self._is_running = True

    def stop(self) -> None:
        """Let what runs end, for some seconds."""
        self._is_running = False
        self._engine.stop(_STOP_S)


class Queue:
    """Queues jobs in a process that does none; opened by the first of them, for that takes a second."""

    def __init__(self, make: "Callable[[], JobEngine]") -> None:
        self._make, self._lock = make, threading.Lock()
        self._engine: JobEngine | None = None
        self._is_closed = False

    def enqueue(self, name: str, key: str, argument: str = "") -> str:
        """As the port says."""
        return self._opened().enqueue(name, key, argument)

    def cancel(self, job_id: str) -> None:
        """As the port says."""
        self._opened().cancel(job_id)

    def status(self, job_id: str) -> str:
        """As the port says."""
        return self._opened().status(job_id)

    def progress(self, job_id: str) -> str | None:
        """As the port says."""
        return self._opened().progress(job_id)

    def schedule(self, name: str, every_s: int) -> None:
        """As the port says."""
        self._opened().schedule(name, every_s)

    def close(self) -> None:
        """Queue no more."""
        with self._lock:
            self._is_closed = True
            if self._engine is not None:
                self._engine.stop(_STOP_S)

    def _opened(self) -> "JobEngine":
        with self._lock:
            if self._is_closed:
                raise Unavailable("the server stops")
            if self._engine is None:
                engine = self._make()
                engine.start()
                self._engine = engine
            return self._engine


def jobs_of(settings: ServerSettings, database: Database) -> EmbeddedJobs | None:
    """The jobs that `serve` does itself; None where `gatekeeper worker` does them."""
    is_ours = settings.embedded_worker
    if is_ours is None:
        is_ours = database.is_sqlite
    return EmbeddedJobs(engine_of(settings, database)) if is_ours else None


def engine_of(settings: ServerSettings, database: Database) -> "JobEngine":
    """The engine over the jobs of this server, not started."""
    from gatekeeper.service.jobs.engine import JobEngine

    place: str | Path = settings.data / FILE if database.is_sqlite else database.url
    return JobEngine(place)


def handlers_of(server: Server) -> "dict[str, Handler]":
    """What does each job."""

    def reevaluate(job: "Job") -> None:
        if entered := enter_due(server):
            log.info("policies.in_force", count=entered)
        if done := sweep(server, stopping=job.stopping):
            log.info("subjects.judged_again", count=done)

    return {JOB: reevaluate, backtest.JOB: lambda job: backtest.run(server, job)}


def run(engine: "JobEngine", server: Server) -> None:
    """Do jobs in this process until a signal comes. Does not return when a job outlives the signal."""
    from gatekeeper.service.jobs.worker import run_worker

    if not run_worker(engine, handlers_of(server), schedules=SCHEDULES, stop=threading.Event()):
        os._exit(_LEFT)
