"""The job engine in this process, the same on SQLite and on PostgreSQL."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from dbos import DBOSClient, DBOSPortableJSONSerializer

from gatekeeper.service.errors import ServiceError, Unavailable
from gatekeeper.service.jobs.engine import JobEngine
from gatekeeper.service.jobs.on_dbos import JobRows
from gatekeeper.service.jobs.work import Handler, Job

Database = str | Path


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A fresh database of either kind."""
    if request.param == "sqlite":
        return tmp_path / "jobs.sqlite"
    return str(request.getfixturevalue("postgres_url"))


def wait_for(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Return as soon as `condition` holds; fail when it does not in time."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def open_files() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def working(engine: JobEngine, handlers: dict[str, Handler] | None = None) -> Iterator[JobEngine]:
    """The engine, started; stopped at the end, whatever comes."""
    engine.start(handlers)
    try:
        yield engine
    finally:
        engine.stop(4.0)


def execute_on(database: Database, statement: str) -> None:
    """Run one statement on the tables of the jobs."""
    if isinstance(database, Path):
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as session:
            session.execute("SET search_path TO gatekeeper_jobs")
            session.execute(statement.encode())


def test_job_gets_its_argument_and_is_done(database: Database) -> None:
    """A job runs once with what it was queued with, and what it says of itself can be read."""
    seen: list[Job] = []

    def work(job: Job) -> None:
        seen.append(job)
        job.tell("half way")
        job.tell("nearly there")

    with working(JobEngine(database, poll_s=0.05), {"work": work}) as engine:
        job_id = engine.enqueue("work", "k", "grüß\n{}")
        wait_for(lambda: engine.status(job_id) == "done")
        assert engine.progress(job_id) == "nearly there"
    assert [(job.id, job.name, job.argument, job.attempt) for job in seen] == [
        (job_id, "work", "grüß\n{}", 1)
    ]


def test_waiting_job_is_not_queued_twice(database: Database) -> None:
    """While a job waits, its key gives the same job; another key or name gives another."""
    with working(JobEngine(database)) as producer:
        first = producer.enqueue("work", "k", "1")
        assert producer.enqueue("work", "k", "2") == first
        assert producer.enqueue("work", "other") != first
        assert producer.enqueue("other", "k") != first
        assert producer.status(first) == "queued"
        assert producer.progress(first) is None


def test_job_that_runs_does_not_swallow_the_next(database: Database) -> None:
    """What is queued while one of the same key runs comes after it, once."""
    begun, go_on, runs = threading.Event(), threading.Event(), []

    def work(job: Job) -> None:
        runs.append(job.argument)
        begun.set()
        go_on.wait(10)

    with working(JobEngine(database, slots=1, poll_s=0.05), {"work": work}) as engine:
        first = engine.enqueue("work", "k", "1")
        assert begun.wait(10)
        second = engine.enqueue("work", "k", "2")
        assert second != first
        assert engine.enqueue("work", "k", "3") == second
        assert (engine.status(first), engine.status(second)) == ("running", "queued")
        go_on.set()
        wait_for(lambda: engine.status(second) == "done")
        third = engine.enqueue("work", "k", "4")
        assert third not in (first, second)
        wait_for(lambda: engine.status(third) == "done")
    assert runs == ["1", "2", "4"]


def test_cancel_stops_what_waits_and_leaves_what_runs(database: Database) -> None:
    """A cancelled job never begins; a running one ends as it would have."""
    begun, go_on, runs = threading.Event(), threading.Event(), []

    def work(job: Job) -> None:
        runs.append(job.argument)
        begun.set()
        go_on.wait(10)

    with working(JobEngine(database, slots=1, poll_s=0.05), {"work": work}) as engine:
        running = engine.enqueue("work", "a", "a")
        assert begun.wait(10)
        waiting = engine.enqueue("work", "b", "b")
        engine.cancel(waiting)
        engine.cancel(running)
        engine.cancel("no such job")
        go_on.set()
        last = engine.enqueue("work", "c", "c")
        wait_for(lambda: engine.status(last) == "done")
        assert engine.status(running) == "done"
        assert engine.status(waiting) == "cancelled"
        assert engine.status("no such job") == "unknown"
        again = engine.enqueue("work", "b", "b again")
        wait_for(lambda: engine.status(again) == "done")
    assert runs == ["a", "c", "b again"]


def test_what_a_job_raises_makes_it_failed(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A job that raises, and one that no handler knows, are failed, and the log says why."""

    def work(_job: Job) -> None:
        raise LookupError("no such thing as this")

    with working(JobEngine(database, poll_s=0.05), {"work": work}) as engine:
        raising, unknown = engine.enqueue("work", "k"), engine.enqueue("renamed", "k")
        wait_for(lambda: engine.status(raising) == engine.status(unknown) == "failed")
    assert "no such thing as this" in caplog.text
    assert "no handler for the job 'renamed'" in caplog.text


def test_job_that_is_claimed_and_never_begins_is_given_up(database: Database) -> None:
    """Rows that this release cannot run are tried five times, not for ever, and not lost in silence."""
    with working(
        JobEngine(database, poll_s=0.05, stranded_s=0.1, upkeep_s=0.1), {"work": lambda _job: None}
    ) as engine:
        url = database if isinstance(database, str) else f"sqlite:///{database}"
        client = DBOSClient(
            system_database_url=url,
            dbos_system_schema="gatekeeper_jobs",
            serializer=DBOSPortableJSONSerializer(),
        )
        client.enqueue(
            {"workflow_name": "of another release", "queue_name": "gatekeeper", "workflow_id": "odd"}, "x"
        )
        client.destroy()
        wait_for(lambda: engine.status("odd") == "failed")
        row = JobRows(database)
        assert row.attempts("odd") == 5
        row.close()


def test_job_that_kills_its_workers_is_given_up(database: Database) -> None:
    """What five workers in a row did not survive is failed; the fifth still tries."""
    with working(JobEngine(database)) as producer:
        fourth, fifth = producer.enqueue("work", "fourth"), producer.enqueue("work", "fifth")
    for job_id, attempts in ((fourth, 4), (fifth, 5)):
        # As a worker leaves it that was killed in this attempt.
        execute_on(
            database,
            "UPDATE workflow_status SET status = 'PENDING', executor_id = "  # noqa: S608
            f"'{'embedded' if isinstance(database, Path) else 'one'}', started_at_epoch_ms = 1, "
            f"recovery_attempts = {attempts} WHERE workflow_uuid = '{job_id}'",
        )
    runs: list[tuple[str, int]] = []
    with working(
        JobEngine(database, executor_id="one"), {"work": lambda job: runs.append((job.id, job.attempt))}
    ) as engine:
        wait_for(lambda: (engine.status(fourth), engine.status(fifth)) == ("done", "failed"))
    assert runs == [(fourth, 5)]


def test_schedule_queues_every_second_and_never_piles_up(tmp_path: Path) -> None:
    """Each second brings one job; while one runs, none is added and none is made up for."""
    quick: list[float] = []
    slow: list[float] = []

    def run_slowly(_job: Job) -> None:
        slow.append(time.time())
        time.sleep(1.5)

    with working(
        JobEngine(tmp_path / "jobs.sqlite", poll_s=0.05),
        {"quick": lambda _job: quick.append(time.time()), "slow": run_slowly},
    ) as engine:
        engine.schedule("quick", 1)
        engine.schedule("slow", 1)
        time.sleep(3.2)
    assert 2 <= len(quick) <= 5
    assert 1 <= len(slow) <= 2


def test_stop_leaves_nothing_behind(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After `stop` there is no thread, no open file, no file elsewhere and no word on the terminal."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    threads, files = set(threading.enumerate()), open_files()
    with working(JobEngine(database, poll_s=0.05), {"work": lambda _job: None}) as engine:
        engine.schedule("work", 1)
        job_id = engine.enqueue("work", "k")
        wait_for(lambda: engine.status(job_id) == "done")
        assert engine.stop() is True
    wait_for(lambda: set(threading.enumerate()) <= threads, within_s=3)
    wait_for(lambda: open_files() <= files, within_s=3)
    assert list(elsewhere.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("dbos").level == logging.WARNING


def test_stop_waits_no_longer_than_told_and_the_job_is_done_again(database: Database) -> None:
    """A job that outlives the stop is said to, and begins again with the next worker."""
    begun, go_on, attempts = threading.Event(), threading.Event(), []

    def work(job: Job) -> None:
        attempts.append(job.attempt)
        begun.set()
        if job.attempt == 1:
            go_on.wait(20)

    engine = JobEngine(database)
    engine.start({"work": work})
    job_id = engine.enqueue("work", "k")
    assert begun.wait(10)
    before = time.monotonic()
    assert engine.stop(2.0) is False
    assert time.monotonic() - before < 5
    with working(engine, {"work": work}):
        wait_for(lambda: engine.status(job_id) == "done")
    go_on.set()
    assert attempts == [1, 2]


def test_stop_in_the_middle_leaves_nothing_claimed(database: Database) -> None:
    """After a stop under load each job is done or queued: none waits for this worker to come back."""
    runs: list[str] = []
    with working(JobEngine(database)) as producer:
        jobs = [producer.enqueue("work", str(number)) for number in range(60)]
        engine = JobEngine(database, poll_s=0.02)
        engine.start({"work": lambda job: runs.append(job.id)})
        wait_for(lambda: len(runs) >= 10)
        assert engine.stop() is True
        states = {producer.status(job) for job in jobs}
    assert states == {"done", "queued"}


def test_old_jobs_are_forgotten(database: Database) -> None:
    """Pruning deletes scheduled jobs after an hour, others after two weeks, and never what is not done."""
    with working(JobEngine(database, poll_s=0.05), {"work": lambda _job: None}) as engine:
        done = [engine.enqueue("work", key) for key in ("old", "new")]
        rows = JobRows(database)
        rows.tick("work", 60, 1)
        tick = "tick.work.60.1"
        wait_for(lambda: {engine.status(job) for job in [*done, tick]} == {"done"})
    day_ms = 86_400_000
    execute_on(
        database,
        f"UPDATE workflow_status SET completed_at = completed_at - {13 * day_ms}"  # noqa: S608
        f" - CASE WHEN workflow_uuid = '{done[0]}' THEN {2 * day_ms} ELSE 0 END",
    )
    waiting = rows.enqueue("work", "waits", "")
    rows.prune()
    assert [rows.status(job) for job in [*done, tick, waiting]] == ["unknown", "done", "unknown", "queued"]
    rows.close()


def test_second_worker_of_the_same_id_is_refused(database: Database) -> None:
    """Two workers under one id would take each other's jobs for their own: the second does not start."""
    with working(JobEngine(database, executor_id="one"), {"work": lambda _job: None}) as engine:
        second = JobEngine(database, executor_id="one", lease_wait_s=0.3)
        with pytest.raises(ServiceError) as refused:
            second.start({"work": lambda _job: None})
        assert refused.value.code == "worker-running"
        assert refused.value.hint
        with pytest.raises(Unavailable):
            second.enqueue("work", "k")
        assert engine.status("x") == "unknown"


def test_engine_that_is_not_started_says_so(tmp_path: Path) -> None:
    """No method pretends to work before `start` or after `stop`."""
    engine = JobEngine(tmp_path / "jobs.sqlite")
    for call in (lambda: engine.enqueue("work", "k"), lambda: engine.status("x"), lambda: engine.cancel("x")):
        with pytest.raises(Unavailable):
            call()
    assert engine.stop() is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "Work", "a b", "x" * 41, "work_1", "tick.work"])
def test_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    """Names are parts of ids: nothing that could be read as two parts."""
    with working(JobEngine(tmp_path / "jobs.sqlite")) as engine, pytest.raises(ValueError, match="job name"):
        engine.enqueue(name, "k")
