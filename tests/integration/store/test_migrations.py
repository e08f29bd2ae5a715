"""The tables: forward, back and forward again on both engines, and rows in them that nobody can change."""

# ruff: noqa: S608 - the only names put into statements are those of our own tables

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gatekeeper.store import migrations
from gatekeeper.store.database import Database, database_at
from gatekeeper.store.errors import SchemaOutdated, StoreUnavailable
from gatekeeper.store.tables import APPEND_ONLY, NEVER_EDITED, Base

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TABLES = set(Base.metadata.tables)


@pytest.fixture
def empty(empty_url: str, opened: Callable[[str], Database]) -> Database:
    """A database without tables."""
    return opened(empty_url)


@pytest.fixture(params=["sqlite", "postgres"])
def full(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite: Path, opened: Callable[[str], Database]
) -> Database:
    """A database with one row in every table."""
    if request.param == "sqlite":
        path = tmp_path / "db.sqlite"
        path.write_bytes(migrated_sqlite.read_bytes())
        database = opened(f"sqlite:///{path}")
    else:
        database = opened(request.getfixturevalue("migrated_postgres")())
    database.write(_fill)
    return database


def test_up_and_down_and_up_again(empty: Database) -> None:
    """Each way back leaves nothing, and each way forward the tables of the code."""
    newest = migrations.newest()
    for _ in range(2):
        assert migrations.current(empty) is None
        assert migrations.upgrade(empty) == (None, newest)
        assert migrations.differences(empty) == []
        assert _tables(empty) == TABLES | {"alembic_version"}
        migrations.demand_current(empty)
        assert migrations.upgrade(empty) == (newest, newest), "nothing to do"
        assert migrations.downgrade(empty, "base") == (newest, None)
        assert _tables(empty) == {"alembic_version"}
        assert _left_over(empty) == []


def test_the_way_back_goes_over_rows(full: Database) -> None:
    """Rows that nobody may delete one by one go with their table."""
    migrations.downgrade(full, "base")
    assert _tables(full) == {"alembic_version"}
    migrations.upgrade(full)
    assert full.read(lambda c: c.execute(sa.text("SELECT count(*) FROM receipt")).scalar_one()) == 0


def test_what_somebody_changed_by_hand_is_found(full: Database) -> None:
    """A column or an index too many, or one too few, is a difference with a name."""
    with full.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE project ADD COLUMN extra TEXT"))
        connection.execute(sa.text("DROP INDEX ix_receipt_set_id"))
    found = migrations.differences(full)
    assert len(found) == 2
    assert "extra" in "".join(found)
    assert "ix_receipt_set_id" in "".join(found)


def test_servers_that_start_together_migrate_once(empty_url: str) -> None:
    """Four threads that open and upgrade a new database at the same moment all find it done."""
    ready = threading.Barrier(4)

    def start(_: int) -> str | None:
        ready.wait()
        database = database_at(empty_url)
        try:
            return migrations.upgrade(database)[1]
        finally:
            database.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(start, range(4))) == [migrations.newest()] * 4


def test_processes_that_start_together_migrate_once(
    tmp_path: Path, opened: Callable[[str], Database]
) -> None:
    """The same with processes and a file, whose locks one process does not need."""
    url = f"sqlite:///{tmp_path}/db.sqlite"
    program = (
        "import sys\n"
        "from gatekeeper.store import migrations\n"
        "from gatekeeper.store.database import database_at\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "database = database_at(sys.argv[1])\n"
        "print(migrations.upgrade(database)[1])\n"
        "database.close()\n"
    )
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", program, url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for one in servers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n", one.communicate()[1]
    for one in servers:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    for one in servers:
        told, problem = one.communicate(timeout=60)
        assert (one.returncode, told.strip()) == (0, migrations.newest()), problem
    assert migrations.differences(opened(url)) == []


def test_a_server_demands_its_own_tables(empty: Database) -> None:
    """None, and those of another version, stop the start with what to do; a guess could damage them."""
    with pytest.raises(SchemaOutdated, match="revision none") as refused:
        migrations.demand_current(empty)
    assert "gatekeeper db upgrade" in refused.value.hint
    migrations.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match="revision 9999"):
        migrations.demand_current(empty)
    with pytest.raises(SchemaOutdated, match="9999"):
        migrations.upgrade(empty)


def test_a_step_that_fails_leaves_nothing(empty: Database) -> None:
    """A migration is one transaction: what stood before stands after, and the next try works."""
    with empty.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE tracked_finding (mine INTEGER)"))
    with pytest.raises(StoreUnavailable, match="tracked_finding"):
        migrations.upgrade(empty)
    assert _tables(empty) <= {"alembic_version", "tracked_finding"}
    assert migrations.current(empty) is None
    with empty.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE tracked_finding"))
    migrations.upgrade(empty)
    assert migrations.differences(empty) == []


def test_a_database_that_is_locked_is_not_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the file, the upgrade waits a while, and then says so."""
    import sqlite3

    monkeypatch.setattr("gatekeeper.store.sqlite.BUSY_TIMEOUT_S", 0.2)
    database = database_at(f"sqlite:///{tmp_path}/db.sqlite")
    other = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="locked"):
        migrations.upgrade(database)
    assert time.monotonic() - started < 5
    other.execute("ROLLBACK")
    migrations.upgrade(database)
    other.close()
    database.close()


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_records_cannot_be_changed_or_taken_away(full: Database, table: str) -> None:
    """The database itself refuses, whoever asks and however."""
    column = next(iter(Base.metadata.tables[table].columns)).name
    before = _rows(full, table)
    assert len(before) == 1
    tries = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if full.is_sqlite:
        tries.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    else:
        tries += [f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE", "TRUNCATE project CASCADE"]
    for statement in tries:
        if (statement, table) == ("TRUNCATE project CASCADE", "policy_version"):
            continue  # nothing of it hangs on a project
        refused = "foreign key" if statement == "TRUNCATE receipt" else "append-only"
        with pytest.raises(DBAPIError, match=refused), full.engine.begin() as connection:
            connection.execute(sa.text(statement))
    assert _rows(full, table) == before


@pytest.mark.parametrize("table", NEVER_EDITED)
def test_an_event_is_not_edited_on_its_way(full: Database, table: str) -> None:
    """What waits for the ledger stays as it was told; the sequencer takes it away when it is there."""
    before = _rows(full, table)
    with pytest.raises(DBAPIError, match="append-only"), full.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET actor = 'somebody'"))
    assert _rows(full, table) == before
    full.write(lambda c: c.execute(sa.text(f"DELETE FROM {table}")))
    assert _rows(full, table) == []


def test_triggers_are_named_in_both_lists(full: Database) -> None:
    """The code's lists and the triggers of the migrations are the same tables."""
    name = "tbl_name" if full.is_sqlite else "event_object_table"
    source = "sqlite_master WHERE type = 'trigger'" if full.is_sqlite else "information_schema.triggers"
    found = full.read(lambda c: {row[0] for row in c.execute(sa.text(f"SELECT {name} FROM {source}"))})
    assert found == {*APPEND_ONLY, *NEVER_EDITED}


def _fill(connection: sa.Connection) -> None:
    """One row for each table; all texts are the same, so that every foreign key is met."""
    for table in Base.metadata.sorted_tables:
        connection.execute(table.insert().values({column.name: _some(column) for column in table.columns}))


def _some(column: sa.Column[object]) -> object:
    match column.type.python_type if not hasattr(column.type, "impl") else datetime:
        case kind if kind is datetime:
            return NOW
        case kind if kind is bool:
            return True
        case kind if kind is int:
            return 1
        case kind if kind is bytes:
            return b"x"
        case _:
            return "x"


def _tables(database: Database) -> set[str]:
    return set(database.read(lambda c: sa.inspect(c).get_table_names()))


def _left_over(database: Database) -> list[str]:
    """Triggers and functions that a way back forgot."""
    if database.is_sqlite:
        wanted = "SELECT name FROM sqlite_master WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
    else:
        wanted = (
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
    return database.read(lambda c: [row[0] for row in c.execute(sa.text(wanted))])


def _rows(database: Database, table: str) -> list[tuple[object, ...]]:
    return database.read(lambda c: [tuple(row) for row in c.execute(sa.text(f"SELECT * FROM {table}"))])
