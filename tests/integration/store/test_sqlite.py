"""SQLite under stress: what was acknowledged is there, what failed is not, and nobody waits for ever."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event

from gatekeeper.errors import GatekeeperError
from gatekeeper.store import migrations, sqlite
from gatekeeper.store.database import Database, database_at
from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.gate_reader import gate_reader_at

TABLE = "CREATE TABLE seen (n INTEGER PRIMARY KEY, who TEXT)"
REFUSING = (
    "CREATE TRIGGER no_zero BEFORE INSERT ON seen WHEN NEW.n = 0 BEGIN SELECT RAISE(ABORT, 'zero'); END",
    "CREATE TRIGGER no_end BEFORE INSERT ON seen WHEN NEW.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'end'); END",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database lies."""
    return tmp_path / "db.sqlite"


@pytest.fixture
def database(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database with one table, which waits for no lock longer than 0.3 s."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.3)
    made = database_at(f"sqlite:///{path}")
    made.write(lambda c: [c.execute(sa.text(one)) for one in (TABLE, *REFUSING)] and None)
    yield made
    made.close()


def insert(n: int, who: str = "") -> Callable[[Connection], int]:
    """The work of one row; what it returns is the row's number."""
    return lambda c: c.execute(sa.text("INSERT INTO seen VALUES (:n, :who)"), {"n": n, "who": who}) and n


def rows(path: Path) -> list[int]:
    """What another program sees, in the order in which it was written."""
    with closing_all(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM seen ORDER BY rowid")]


@contextmanager
def closing_all(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close it, which `with connection` does not."""
    try:
        yield connection
    finally:
        connection.close()


class Held:
    """Keeps the writer busy, so that what is written meanwhile lands in one group, in a known order."""

    def __init__(self, database: Database) -> None:
        self._database, self._go, self._began = database, threading.Event(), threading.Event()
        self._threads = ThreadPoolExecutor(80)

    def __enter__(self) -> "Held":
        self._first = self._threads.submit(self._database.write, self._wait)
        assert self._began.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._first.result(10)
        self._threads.shutdown()

    def write(self, work: Callable[[Connection], object]) -> "Future[object]":
        """Queue a write after those before it."""
        queue = self._database._queue  # type: ignore[attr-defined]  # nothing outside shows the order
        before = queue.qsize()
        future = self._threads.submit(self._database.write, work)
        give_up_at = time.monotonic() + 10
        while queue.qsize() == before and not future.done() and time.monotonic() < give_up_at:
            time.sleep(0.001)
        return future

    def _wait(self, _: Connection) -> None:
        self._began.set()
        self._go.wait(20)


def test_what_is_acknowledged_is_seen_by_everybody(database: Database, path: Path) -> None:
    """Sixteen threads write; each finds its row by another connection as soon as it is told."""
    ready = threading.Barrier(16)

    def work(thread: int) -> None:
        with closing_all(sqlite3.connect(path)) as other:
            ready.wait()
            for n in range(thread * 100 + 1, thread * 100 + 11):
                assert database.write(insert(n)) == n
                assert other.execute("SELECT n FROM seen WHERE n = ?", (n,)).fetchall() == [(n,)]

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert len(rows(path)) == 160


def test_writes_that_wait_together_share_a_commit(database: Database) -> None:
    """Sixty writes that queue behind one are one transaction, in the order in which they came."""
    commits: list[int] = []
    event.listen(database.engine, "commit", lambda _: commits.append(1))
    with Held(database) as held:
        futures = [held.write(insert(n)) for n in range(60, 0, -1)]
    assert [one.result() for one in futures] == list(range(60, 0, -1))
    assert len(commits) == 2, "that of the first, and that of all others"
    assert database.read(lambda c: list(c.execute(sa.text("SELECT count(*) FROM seen")).scalars())) == [60]


def test_the_order_of_the_queue_is_the_order_of_the_work(database: Database) -> None:
    """Each write sees what came before it, also within its group."""
    seen: list[int] = []

    def work(n: int) -> Callable[[Connection], None]:
        def count(connection: Connection) -> None:
            seen.append(connection.execute(sa.text("SELECT count(*) FROM seen")).scalar_one())
            insert(n)(connection)

        return count

    with Held(database) as held:
        futures = [held.write(work(n + 1)) for n in range(20)]
    for one in futures:
        one.result()
    assert seen == list(range(20))


def test_one_that_fails_hurts_no_other_of_its_group(database: Database, path: Path) -> None:
    """A taken key, a trigger, a refusal, a defect and wrong SQL each undo their own rows, and only those."""

    def half(then: Callable[[Connection], object], n: int) -> Callable[[Connection], object]:
        return lambda c: (insert(n)(c), then(c))

    def refuse(_: Connection) -> None:
        raise GatekeeperError("refused")

    failing = {
        "key": half(insert(1), 101),
        "trigger": half(insert(0), 102),
        "refusal": half(refuse, 103),
        "defect": half(lambda _: {}["x"], 104),
        "sql": half(lambda c: c.execute(sa.text("SELECT nothing FROM nowhere")), 105),
        "huge": half(lambda c: c.execute(sa.text("SELECT :n"), {"n": 2**70}), 106),
    }
    with Held(database) as held:
        futures = {"good": held.write(insert(1))}
        for number, (name, work) in enumerate(failing.items()):
            futures[name] = held.write(work)
            futures[f"good {name}"] = held.write(insert(number + 2))
    told = {name: one.exception() for name, one in futures.items()}
    assert {name for name, error in told.items() if error is not None} == set(failing)
    assert isinstance(told["refusal"], GatekeeperError)
    assert isinstance(told["defect"], KeyError)
    assert isinstance(told["key"], sa.exc.IntegrityError)
    assert rows(path) == [1, 2, 3, 4, 5, 6, 7]


def test_when_the_whole_transaction_is_gone_nobody_is_acknowledged(database: Database, path: Path) -> None:
    """SQLite can end a transaction by itself; then what was done before in the group is undone too."""
    with Held(database) as held:
        futures = [held.write(insert(n)) for n in (1, 2, -1, 3)]
    assert [type(one.exception()) for one in futures][:2] == [StoreUnavailable] * 2
    assert all(one.exception() is not None for one in futures)
    assert rows(path) == []
    assert database.write(insert(4)) == 4
    assert rows(path) == [4]


def test_a_reader_sees_one_state_and_cannot_write(database: Database) -> None:
    """What is written while it reads does not change what it reads."""
    count = sa.text("SELECT count(*) FROM seen")

    def work(connection: Connection) -> tuple[int, int]:
        before = connection.execute(count).scalar_one()
        database.write(insert(1))
        return before, connection.execute(count).scalar_one()

    assert database.read(work) == (0, 0)
    with pytest.raises(StoreUnavailable, match="readonly"):
        database.read(insert(2))
    assert database.read(lambda c: c.execute(count).scalar_one()) == 1


def test_a_lock_of_another_program_is_waited_for_and_no_longer(database: Database, path: Path) -> None:
    """While somebody holds the file, writes are refused after the timeout, reads go on, nothing is lost."""
    with other_program(path, "BEGIN EXCLUSIVE"):
        started = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            told = [threads.submit(database.write, insert(n)) for n in range(1, 5)]
            assert [type(one.exception()) for one in told] == [StoreUnavailable] * 4
        assert 0.3 <= time.monotonic() - started < 4
        assert "locked" in str(told[0].exception())
        assert database.read(lambda c: c.execute(sa.text("SELECT count(*) FROM seen")).scalar_one()) == 0
    assert rows(path) == []
    assert database.write(insert(9)) == 9


def test_a_short_lock_is_waited_for(path: Path) -> None:
    """Another program that writes for a moment makes nobody fail."""
    database = database_at(f"sqlite:///{path}")
    database.write(lambda c: c.execute(sa.text(TABLE)) and None)
    with other_program(path, "BEGIN EXCLUSIVE") as release, ThreadPoolExecutor(1) as threads:
        told = threads.submit(database.write, insert(1))
        time.sleep(0.3)
        assert not told.done()
        release()
        assert told.result(10) == 1
    database.close()


def test_who_waits_too_long_for_its_turn_is_told_and_never_done(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that gave up waiting is not done later behind the back of its caller."""
    with Held(database) as held:
        monkeypatch.setattr(sqlite, "QUEUE_TIMEOUT_S", 0.1)
        with pytest.raises(StoreUnavailable, match="busy"):
            held.write(insert(1)).result(5)
    database.write(insert(2))
    assert rows(path) == [2]


@pytest.mark.parametrize("what", ["removed", "replaced", "log removed", "log replaced"])
def test_a_file_that_was_removed_or_replaced_takes_nothing(database: Database, path: Path, what: str) -> None:
    """Writing on into a file without a name would acknowledge what nobody finds; so would reading from it."""
    database.write(insert(1))
    reader = gate_reader_at(database.url)
    lost = path if "log" not in what else path.with_name("db.sqlite-wal")
    lost.rename(lost.with_name("gone"))
    if "replaced" in what:
        lost.write_bytes(lost.with_name("gone").read_bytes())
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        database.write(insert(2))
    with pytest.raises(StoreUnavailable):
        database.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one())
    with pytest.raises(StoreUnavailable):
        asyncio.run(reader.current("p", "s", "k"))
    lost.with_name("gone").replace(lost)
    assert database.write(insert(3)) == 3, "it was put back"
    assert rows(path) == [1, 3]


def test_a_connection_that_is_lost_is_not_taken_for_a_lost_file(database: Database, path: Path) -> None:
    """When the only connection of the writer is lost, the next one finds the same log."""

    def lose(connection: Connection) -> None:
        insert(1)(connection)
        connection.connection.dbapi_connection.close()

    with pytest.raises(StoreUnavailable):
        database.write(lose)
    assert database.write(insert(2)) == 2
    assert rows(path) == [2]


def test_closing_leaves_one_whole_file(database: Database, path: Path) -> None:
    """After the server has stopped, the database can be copied as one file."""
    database.write(insert(1))
    database.read(lambda c: c.execute(sa.text("SELECT 1")).scalar_one())
    database.close()
    assert [one.name for one in path.parent.iterdir()] == ["db.sqlite"]
    assert rows(path) == [1]


def test_a_file_that_goes_during_the_write_is_noticed(database: Database, path: Path) -> None:
    """Also when it goes after the work has begun, nobody is told that it was kept."""

    def work(connection: Connection) -> None:
        insert(1)(connection)
        path.rename(path.with_name("gone"))

    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        database.write(work)


def test_a_folder_that_goes_is_noticed(tmp_path: Path) -> None:
    """An unmounted disk is no empty database."""
    home = tmp_path / "data"
    database = database_at(f"sqlite:///{home}/db.sqlite")
    database.write(lambda c: c.execute(sa.text(TABLE)) and None)
    home.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        database.write(insert(1))
    assert not home.exists()
    database.close()


def test_closing_finishes_what_was_queued(database: Database, path: Path) -> None:
    """Everything that was taken is done; what comes later is refused at once; closing twice is nothing."""
    with Held(database) as held, ThreadPoolExecutor(1) as closer:
        futures = [held.write(insert(n)) for n in range(1, 71)]
        closed = closer.submit(database.close)
        while not database._is_closed:  # type: ignore[attr-defined]  # it is closing, and waits for the first
            time.sleep(0.001)
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="stopping"):
            database.write(insert(99))
        assert time.monotonic() - started < 1
        held._go.set()
        closed.result(10)
    assert [one.result() for one in futures] == list(range(1, 71))
    assert rows(path) == list(range(1, 71))
    database.close()


def test_writes_that_meet_the_close_are_done_or_refused_at_once(path: Path) -> None:
    """No write is left without an answer by a server that stops."""
    for number in range(5):
        database = database_at(f"sqlite:///{path}")
        database.write(lambda c: c.execute(sa.text(TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))) and None)
        ready = threading.Barrier(9)

        def work(thread: int, database: Database = database, ready: threading.Barrier = ready) -> list[int]:
            done: list[int] = []
            ready.wait()
            with suppress(StoreUnavailable):
                while True:
                    done.append(database.write(insert(thread * 10_000 + len(done))))
            return done

        with ThreadPoolExecutor(8) as threads:
            told = [threads.submit(work, number * 10 + thread + 1) for thread in range(8)]
            ready.wait()
            time.sleep(0.02)
            database.close()
            done = [n for one in told for n in one.result(5)]
        assert set(done) <= set(rows(path))


@pytest.mark.parametrize("name", ["with space", "100%", "a?b#c", "ünï", "a&mode=ro"])
def test_any_file_name_is_a_name(tmp_path: Path, name: str) -> None:
    """What means something in a URI means nothing in a file name."""
    folder = tmp_path / name
    database = sqlite.SqliteDatabase(folder / "db.sqlite")
    migrations.upgrade(database)
    database.write(lambda c: c.execute(sa.text(TABLE)) and None)
    reader = gate_reader_at(database.url)
    assert asyncio.run(reader.current("p", "s", "k")) is None
    asyncio.run(reader.close())
    database.close()
    assert sorted(file.name for file in folder.iterdir()) == ["db.sqlite"]
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_every_connection_waits_for_the_disk(database: Database) -> None:
    """The journal is a log, a commit waits for the disk, and keys that point nowhere are refused."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}

    def work(connection: Connection) -> dict[str, object]:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}

    assert database.write(work) == wanted
    assert database.read(work) == wanted


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Somebody else's file is neither read nor overwritten."""
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        database_at(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database")


def test_a_database_that_may_not_be_written_is_refused() -> None:
    """Without the right to write the server says so; root may always, so it becomes somebody else."""
    program = """
import os, sys
from pathlib import Path
import sqlalchemy as sa
from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.sqlite import SqliteDatabase
path = Path(sys.argv[1])
if os.getuid() == 0:
    os.chown(path.parent, 65534, 65534)
    os.chown(path, 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
path.chmod(0o400)
try:
    SqliteDatabase(path)
except StoreUnavailable as error:
    print("not opened:", error)
"""
    with tempfile.TemporaryDirectory() as home:  # the folder of pytest is closed to others
        path = Path(home) / "db.sqlite"
        with closing_all(sqlite3.connect(path)) as made:
            made.execute(TABLE)
        told = run(program, path)
        assert "not opened" in told
        assert "readonly" in told
        assert rows(path) == []


def test_a_full_disk_refuses_and_is_recovered_from(path: Path) -> None:
    """While there is no room nothing is acknowledged; with room again, the same server goes on."""
    program = """
import resource, sys
import sqlalchemy as sa
from gatekeeper.store.database import database_at
from gatekeeper.store.errors import StoreUnavailable
database = database_at(f"sqlite:///{sys.argv[1]}")
database.write(lambda c: c.execute(sa.text("CREATE TABLE seen (n INTEGER PRIMARY KEY, who TEXT)")) and None)
def insert(n):
    row = {"n": n, "who": "x" * 20_000}
    return lambda c: c.execute(sa.text("INSERT INTO seen VALUES (:n, :who)"), row) and n
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
done, refused = [], []
for n in range(1, 101):
    try:
        done.append(database.write(insert(n)))
    except StoreUnavailable as error:
        refused.append(str(error))
assert done and len(refused) > 20, (done, refused)
assert all("nothing was written" in one for one in refused), refused
count = lambda c: c.execute(sa.text("SELECT count(*) FROM seen")).scalar_one()
assert database.read(count) == len(done)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
done += [database.write(insert(n)) for n in range(201, 251)]
assert database.read(count) == len(done)
database.close()
print(*done)
"""
    done = [int(n) for n in run(program, path).split()]
    assert rows(path) == done
    with closing_all(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    """Killed in the middle of its writes: all that was acknowledged is there, and nothing is half there."""
    program = """
import os, sys, threading
import sqlalchemy as sa
from gatekeeper.store.database import database_at
database = database_at(f"sqlite:///{sys.argv[1]}")
database.write(lambda c: c.execute(sa.text("CREATE TABLE seen (n INTEGER PRIMARY KEY, who TEXT)")) and None)
def both(n):
    row = sa.text("INSERT INTO seen VALUES (:n, '')")
    return lambda c: (c.execute(row, {"n": n}), c.execute(row, {"n": -n}))
def work(thread):
    for n in range(thread * 100_000 + 1, thread * 100_000 + 100_000):
        database.write(both(n))
        os.write(1, b"%d\\n" % n)
for thread in range(8):
    threading.Thread(target=work, args=(thread,), daemon=True).start()
threading.Event().wait()
"""
    process = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
    process.stdout.close()
    process.wait()
    kept = set(rows(path))
    assert set(told) <= kept
    assert {-n for n in kept} == kept


def test_two_servers_on_one_file_take_turns(path: Path) -> None:
    """Nobody should do it, but a command beside the server does: each waits for the other."""
    servers = [database_at(f"sqlite:///{path}") for _ in range(2)]
    servers[0].write(lambda c: c.execute(sa.text(TABLE)) and None)
    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(servers[n % 2].write, insert(n)) for n in range(60)]
        assert sorted(one.result(20) for one in told) == list(range(60))
    for one in servers:
        one.close()
    assert sorted(rows(path)) == list(range(60))


@contextmanager
def other_program(path: Path, statement: str) -> Iterator[Callable[[], None]]:
    """Another process that holds the file from here on, until the end or until it is told to let go."""
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute(sys.argv[2])\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", program, path, statement], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def release() -> None:
        process.communicate(timeout=10)

    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    try:
        yield release
    finally:
        if process.returncode is None:
            release()


def run(program: str, path: Path) -> str:
    """What the program prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
