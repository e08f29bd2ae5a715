"""PostgreSQL under stress: tried again where that is safe, refused in bounded time where it is not."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gatekeeper.store import postgres
from gatekeeper.store.database import Database, database_at
from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.gate_reader import gate_reader_at

COUNT = sa.text("SELECT count(*) FROM seen")
SERIALIZABLE = sa.text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")


@pytest.fixture
def database(migrated_postgres: Callable[[], str]) -> Iterator[Database]:
    """A database with our tables, and one of two rows."""
    made = database_at(migrated_postgres())
    made.write(
        lambda c: c.execute(sa.text("CREATE TABLE seen (n INTEGER PRIMARY KEY, times INTEGER)")) and None
    )
    made.write(lambda c: c.execute(sa.text("INSERT INTO seen VALUES (1, 0), (2, 0)")) and None)
    yield made
    made.close()


def again(n: int) -> Callable[[Connection], None]:
    """The work of counting one more in row `n`."""
    return lambda c: c.execute(sa.text("UPDATE seen SET times = times + 1 WHERE n = :n"), {"n": n}) and None


def times(database: Database) -> list[int]:
    """How often each row was counted."""
    wanted = sa.text("SELECT times FROM seen ORDER BY n")
    return database.read(lambda c: list(c.execute(wanted).scalars()))


def test_a_deadlock_is_tried_again(database: Database) -> None:
    """Two transactions that lock crosswise: one is ended by the server, and both are done, each once."""
    met = threading.Barrier(2)
    tries: list[int] = []

    def crosswise(first: int, second: int) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            tries.append(first)
            connection.execute(sa.text("SET LOCAL deadlock_timeout = 50"))
            again(first)(connection)
            if tries.count(first) == 1:
                met.wait(10)
            again(second)(connection)

        return work

    with ThreadPoolExecutor(2) as threads:
        told = [threads.submit(database.write, crosswise(*pair)) for pair in ((1, 2), (2, 1))]
        for one in told:
            one.result(20)
    assert times(database) == [2, 2]
    assert len(tries) == 3


def test_a_serialisation_failure_is_tried_again(database: Database) -> None:
    """Two that read the same and write: the second is ended at its write, and done on what it reads then."""
    met = threading.Barrier(2)
    tries: list[int] = []

    def work(connection: Connection) -> None:
        connection.execute(SERIALIZABLE)
        seen = connection.execute(sa.text("SELECT times FROM seen WHERE n = 1")).scalar_one()
        tries.append(seen)
        if len(tries) <= 2:
            met.wait(10)
        connection.execute(sa.text("UPDATE seen SET times = :t WHERE n = 1"), {"t": seen + 1})

    with ThreadPoolExecutor(2) as threads:
        for one in [threads.submit(database.write, work) for _ in range(2)]:
            one.result(20)
    assert times(database) == [2, 0]
    assert tries == [0, 0, 1]


def test_what_fails_again_and_again_ends(database: Database) -> None:
    """After five tries the caller is told; the tries are spread, and take no second."""
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        again(1)(connection)
        connection.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$"))

    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        database.write(work)
    assert (len(tries), times(database)) == (postgres.TRIES, [0, 0])
    assert time.monotonic() - started < 3


def test_what_the_work_raises_comes_out_and_undoes_it(database: Database) -> None:
    """A taken key and wrong SQL are defects, not outages: they are told as they are, once."""
    tries: list[int] = []

    def work(statement: str) -> Callable[[Connection], None]:
        def both(connection: Connection) -> None:
            tries.append(1)
            again(1)(connection)
            connection.execute(sa.text(statement))

        return both

    for statement, error in (
        ("INSERT INTO seen VALUES (1, 0)", IntegrityError),
        ("SELECT nothing FROM nowhere", ProgrammingError),
    ):
        with pytest.raises(error):
            database.write(work(statement))
    assert (len(tries), times(database)) == (2, [0, 0])


def test_a_reader_sees_one_state_and_cannot_write(database: Database) -> None:
    """What is committed while it reads does not change what it reads."""

    def work(connection: Connection) -> tuple[int, int]:
        total = sa.text("SELECT sum(times) FROM seen")
        before = connection.execute(total).scalar_one()
        database.write(again(1))
        return before, connection.execute(total).scalar_one()

    assert database.read(work) == (0, 0)
    with pytest.raises(StoreUnavailable, match="read-only"):
        database.read(again(1))
    database.write(again(2))
    assert times(database) == [1, 1]


def test_a_server_that_stops_is_noticed_and_found_again(database: Database, postgres_server) -> None:
    """While it is away, reads, writes and gate queries are refused; afterwards the same parts go on."""
    reader = gate_reader_at(database.url)

    async def asked() -> str:
        try:
            return str(await reader.current("p", "s", "k"))
        except StoreUnavailable as error:
            return error.message

    async def all_of_it() -> None:
        assert await asked() == "None"
        postgres_server.stop()
        try:
            started = time.monotonic()
            for work in (lambda: database.write(again(1)), lambda: database.read(lambda c: c.execute(COUNT))):
                with pytest.raises(StoreUnavailable):
                    work()
            assert "cannot be read" in await asked()
            assert time.monotonic() - started < 10
        finally:
            postgres_server.start()
        database.write(again(1))
        assert times(database) == [1, 0]
        give_up_at = time.monotonic() + 10
        while await asked() != "None":
            assert time.monotonic() < give_up_at, "gate queries do not find the server again"
            await asyncio.sleep(0.1)
        await reader.close()

    asyncio.run(all_of_it())


def test_connections_that_were_cut_are_replaced(database: Database) -> None:
    """What a fail-over cuts in the pool is not felt; in the middle of the work it is told, and undone."""
    cut = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    operator = database_at(database.url)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: database.write(again(1)), range(4)))
    operator.write(lambda c: c.execute(cut).scalar_one())
    database.write(again(1))

    def work(connection: Connection) -> None:
        again(2)(connection)
        operator.write(lambda c: c.execute(cut).scalar_one())
        again(2)(connection)

    with pytest.raises(StoreUnavailable, match="nothing was written"):
        database.write(work)
    assert times(database) == [5, 0]
    operator.close()


def test_a_commit_without_an_answer_is_not_called_undone(database: Database) -> None:
    """Nobody knows whether a commit was done when the connection is cut before its answer; that is said."""
    operator = database_at(database.url)
    cut = sa.text("SELECT pg_terminate_backend(:pid)")
    pids: list[int] = []

    def work(connection: Connection) -> None:
        again(1)(connection)
        pids.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())

    def before_commit(_: Connection) -> None:
        operator.write(lambda c: c.execute(cut, {"pid": pids[-1]}).scalar_one())

    event.listen(database.engine, "commit", before_commit)
    with pytest.raises(StoreUnavailable, match="it may have been written"):
        database.write(work)
    event.remove(database.engine, "commit", before_commit)
    assert len(pids) == 1, "not tried again: it could be done twice"
    operator.close()


def test_a_pool_that_is_used_up_refuses_in_bounded_time(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty slow requests have all connections; the next is told so instead of waiting for them."""
    monkeypatch.setattr(postgres, "POOL_TIMEOUT_S", 0.3)
    database = database_at(postgres_url)
    go, begun = threading.Event(), threading.Barrier(21)

    def slow(_: Connection) -> int:
        begun.wait(10)
        go.wait(20)
        return 1

    with ThreadPoolExecutor(20) as threads:
        told = [threads.submit(database.read, slow) for _ in range(20)]
        begun.wait(10)
        started = time.monotonic()
        for ask in (database.read, database.write):
            with pytest.raises(StoreUnavailable):
                ask(lambda c: c.execute(sa.text("SELECT 1")).scalar_one())
        assert 0.6 <= time.monotonic() - started < 3
        go.set()
        assert [one.result(10) for one in told] == [1] * 20
    assert database.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one()) == 1
    database.close()


def test_statements_and_locks_have_a_time_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that runs too long, and a lock that is held too long, end; nothing of the work stays."""
    wanted = {
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
    }
    shown = {
        name: database.read(lambda c, name=name: c.exec_driver_sql(f"SHOW {name}").scalar_one())
        for name in wanted
    }
    assert shown == wanted
    monkeypatch.setattr(postgres, "_OPTIONS", "-c statement_timeout=400 -c lock_timeout=200")
    hasty = database_at(database.url)
    go, begun = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        again(1)(connection)
        begun.set()
        go.wait(20)

    def sleep(connection: Connection) -> None:
        again(2)(connection)
        connection.execute(sa.text("SELECT pg_sleep(20)"))

    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        hasty.write(sleep)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(database.write, hold)
        assert begun.wait(10)
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            hasty.write(lambda c: [again(2)(c), again(1)(c)])
        go.set()
        held.result(10)
    assert time.monotonic() - started < 5
    assert times(database) == [1, 0]
    hasty.write(again(2))
    hasty.close()


def test_a_server_that_is_not_there_is_told_with_its_reason(tmp_path) -> None:
    """Opening asks nothing of the server; the first use says what is wrong, and never shows the password."""
    database = database_at(f"postgresql://user:geheim@/none?host={tmp_path}")
    with pytest.raises(StoreUnavailable) as refused:
        database.read(lambda c: c.execute(sa.text("SELECT 1")))
    assert "geheim" not in refused.value.message + refused.value.hint
    database.close()
