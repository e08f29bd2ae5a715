"""Workers as processes: killed, stopped, and many of them. No job is lost, no effect comes twice."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from gatekeeper.service.errors import Unavailable
from gatekeeper.service.jobs.engine import JobEngine
from gatekeeper.service.jobs.lease import PostgresLease
from gatekeeper.service.jobs.work import Job

_JOBS = 40
_PYTHON = [sys.executable, "-P", "-W", "error"]
_WORKER = Path(__file__).with_name("jobs_worker.py")


class Side:
    """What the jobs of `jobs_worker.py` write: a row when one begins, a row per job when it is done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE begun (job TEXT, worker TEXT, attempt INTEGER, at REAL)")
            connection.execute("CREATE TABLE effect (job TEXT PRIMARY KEY, argument TEXT)")

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def effects(self) -> dict[str, str]:
        """Argument by job."""
        return dict(self.rows("SELECT job, argument FROM effect"))

    def begun(self, worker: str) -> dict[str, int]:
        """The last attempt of each job that this worker began."""
        return dict(
            self.rows(f"SELECT job, max(attempt) FROM begun WHERE worker = '{worker}' GROUP BY job")  # noqa: S608
        )


class Worker:
    """A process of `jobs_worker.py` that treats warnings as errors."""

    def __init__(self, database: str | Path, side: Side, name: str, *schedule: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [*_PYTHON, str(_WORKER), str(database), str(side.path), name, *schedule],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> tuple[int, bytes, float]:
        """Ask it to end; its code, what it said, and how many seconds it took."""
        before = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=12)
        return self.process.returncode, said, time.monotonic() - before


@pytest.fixture
def side(tmp_path: Path) -> Side:
    """A fresh side database."""
    return Side(tmp_path / "side.sqlite")


@pytest.fixture
def hire(side: Side) -> Iterator[Callable[..., Worker]]:
    """Starts workers; those that still run at the end are killed."""
    hired: list[Worker] = []

    def start(database: str | Path, name: str, *schedule: str) -> Worker:
        hired.append(Worker(database, side, name, *schedule))
        return hired[-1]

    yield start
    for worker in hired:
        if worker.process.poll() is None:
            worker.kill()
        if worker.process.stdout is not None:
            worker.process.stdout.close()


@contextmanager
def producing(database: str | Path) -> Iterator[JobEngine]:
    """An engine that only queues and asks, as a replica of the API has it."""
    engine = JobEngine(database)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def wait_for(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it does not in time."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def in_flight(side: Side, worker: str) -> set[str]:
    """The jobs that this worker has begun and nobody has done."""
    return set(side.begun(worker)) - set(side.effects())


def kill_in_the_middle(side: Side, worker: Worker) -> set[str]:
    """`kill -9` at 40 % of the jobs or a little later; the jobs that it had begun and not done."""
    wait_for(lambda: len(side.effects()) >= _JOBS * 0.4 and len(in_flight(side, worker.name)) >= 2)
    assert side.rows("SELECT max(attempt) FROM begun") == [(1,)]  # nobody takes from the living
    worker.kill()
    return in_flight(side, worker.name)


def test_killed_worker_that_never_comes_back_loses_nothing(
    postgres_url: str, side: Side, hire: Callable[..., Worker]
) -> None:
    """On PostgreSQL another worker finds out that it is dead, and does its jobs again, each effect once."""
    with producing(postgres_url) as engine:
        dead, alive = hire(postgres_url, "dead"), hire(postgres_url, "alive")
        jobs = {engine.enqueue("note", f"key {n}", str(n)): str(n) for n in range(_JOBS)}
        stranded = kill_in_the_middle(side, dead)
        assert stranded
        wait_for(lambda: all(engine.status(job) == "done" for job in jobs))
        assert side.effects() == jobs
        begun = side.begun("alive")
        assert set(begun.values()) == {1, 2}
        again = {job for job, attempt in begun.items() if attempt == 2}
        # Also those that it had claimed and not begun, or done and not said so; never more than it had slots.
        assert stranded <= again
        assert len(again) <= 4
        assert engine.progress(next(iter(stranded))) == f"begun {jobs[next(iter(stranded))]}"
        code, said, took_s = alive.stop()
        assert (code, took_s < 10) == (0, True)
        assert said.count(b"begins again") == len(said.splitlines()) >= len(again), said.decode()


def test_killed_worker_on_sqlite_goes_on_where_it_was(
    tmp_path: Path, side: Side, hire: Callable[..., Worker]
) -> None:
    """On SQLite the one worker recovers its jobs when it starts again."""
    database = tmp_path / "jobs.sqlite"
    with producing(database) as engine:
        jobs = {engine.enqueue("note", f"key {n}", str(n)): str(n) for n in range(_JOBS)}
        stranded = kill_in_the_middle(side, hire(database, "first"))
        assert stranded
        second = hire(database, "second")
        wait_for(lambda: all(engine.status(job) == "done" for job in jobs))
        assert side.effects() == jobs
        assert {side.begun("second")[job] for job in stranded} == {2}
        assert second.stop()[:2] == (0, b"")


def test_two_workers_do_not_double_a_schedule(
    postgres_url: str, side: Side, hire: Callable[..., Worker]
) -> None:
    """Two workers with the same schedule of a second do one job a second between them."""
    workers = [hire(postgres_url, name, "tick", "1") for name in ("a", "b")]
    wait_for(lambda: side.rows("SELECT count(DISTINCT worker) FROM begun")[0][0] == 2)
    began = time.time()
    time.sleep(4)
    assert [worker.stop()[:2] for worker in workers] == [(0, b""), (0, b"")]
    elapsed_s = time.time() - began
    count = side.rows(f"SELECT count(*) FROM begun WHERE at >= {began}")[0][0]  # noqa: S608
    assert 3 <= count <= elapsed_s + 2
    assert side.rows("SELECT count(*), count(DISTINCT job) FROM begun WHERE attempt = 1")[0] in [
        (n, n) for n in range(30)
    ]


def test_worker_whose_session_is_cut_locks_again(postgres_url: str) -> None:
    """A worker gets its lease back after PostgreSQL has dropped it, and nobody takes its jobs afterwards."""
    runs: list[str] = []
    engine = JobEngine(postgres_url, executor_id="cut", upkeep_s=0.1)
    engine.start({"work": lambda job: runs.append(job.id)})
    try:
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as session:

            def holders() -> list[int]:
                query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 71"
                return [pid for (pid,) in session.execute(query).fetchall()]

            (before,) = holders()
            session.execute("SELECT pg_terminate_backend(%s)", (before,))
            wait_for(lambda: holders() not in ([], [before]))
        job = engine.enqueue("work", "k")
        wait_for(lambda: engine.status(job) == "done")
        assert runs == [job]
        assert not engine.lost.is_set()
    finally:
        engine.stop()


def test_worker_that_lost_its_id_to_another_says_so(postgres_url: str) -> None:
    """When another session holds the lease for good, the engine is lost, and its process has to end."""
    url = postgres_url.replace("+psycopg", "")
    engine = JobEngine(postgres_url, executor_id="doubled", upkeep_s=0.1)
    engine.start({"work": lambda _job: None})
    try:
        with psycopg.connect(url, autocommit=True) as other, psycopg.connect(url, autocommit=True) as session:
            row = session.execute(
                "SELECT pid, objid::int8 FROM pg_locks WHERE locktype = 'advisory' AND classid = 71"
            ).fetchone()
            assert row is not None
            key = row[1] - (1 << 32) if row[1] >= 1 << 31 else row[1]
            # It waits in line before the session ends, so it is next.
            taking = threading.Thread(
                target=other.execute, args=("SELECT pg_advisory_lock(71, %s::int)", (key,))
            )
            taking.start()
            in_line = "SELECT count(*) FROM pg_locks WHERE classid = 71 AND NOT granted"
            wait_for(lambda: session.execute(in_line).fetchone() == (1,))
            session.execute("SELECT pg_terminate_backend(%s)", (row[0],))
            taking.join(5)
            wait_for(engine.lost.is_set, within_s=5)
    finally:
        engine.stop()


def test_workers_without_ids_take_free_ones(postgres_url: str) -> None:
    """Without an explicit id, a lease is the first of the host that nobody holds; a freed one comes again."""
    url = postgres_url.replace("+psycopg", "")
    leases = [PostgresLease(url, None) for _ in range(3)]
    for lease in leases:
        lease.take(wait_s=1)
    ids = [lease.executor_id for lease in leases]
    assert [executor_id.rpartition("-")[2] for executor_id in ids] == ["0", "1", "2"]
    leases[1].release()
    successor = PostgresLease(url, None)
    successor.take(wait_s=1)
    assert successor.executor_id == ids[1]
    with leases[0].alone(ids[2]) as held:
        assert not held
    with leases[0].alone(ids[0]) as held:
        assert not held
    for lease in (leases[0], leases[2], successor):
        lease.release()


def test_job_engine_says_when_its_database_is_away(tmp_path: Path) -> None:
    """An address where nobody listens is `unavailable` at once, for the engine and for a worker."""

    def work(_job: Job) -> None: ...

    for database in (f"postgresql:///nothing?host={tmp_path}", tmp_path / "no folder" / "jobs.sqlite"):
        engine = JobEngine(database)
        before = time.monotonic()
        for handlers in (None, {"work": work}):
            with pytest.raises(Unavailable):
                engine.start(handlers)
        assert time.monotonic() - before < 5
        assert engine.stop() is True
