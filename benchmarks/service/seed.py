"""Fills a database as many builds would have: rows of one real build, copied under other commits.

The copies are made by the database itself, a statement for each table. What a decision looked like is in one
small frame that all seeded decisions share: no gate query reads it, and a million real ones would be 6 GB.
"""

import random
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from gatekeeper.store.blobs import BlobStore, blob_store
from gatekeeper.store.compression import packed
from gatekeeper.store.tables import Base
from service.servers import Place

_SEED = 7
_LARGE_BYTES = 2_000
_VERSION = re.compile(rb'("producer":\{"name":"[^"]*","version":)(?:null|"[^"]*")')
_SMALL = packed(b"{}")
_DECISION_ID = "('dec_' || substr(s.\"commit\", 1, 26))"
_BASELINE = """\
coalesce((SELECT newest_digest FROM stage_state WHERE project_id = t.project_id AND stage = t.stage), '')"""


@dataclass(frozen=True, kw_only=True)
class Build:
    """A source that is known to the server."""

    commit: str
    tree: str


class Engine(Protocol):
    """A connection that copies rows in one transaction."""

    blob_as_text: str
    text_as_blob: str

    def execute(self, statement: str, words: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows that it returns."""
        ...

    def insert(self, rows: Iterator[tuple[Any, ...]]) -> None:
        """Put rows into `bench_seed`."""
        ...


class _Sqlite:
    blob_as_text, text_as_blob = "CAST({} AS TEXT)", "CAST({} AS BLOB)"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, words: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, words or {}).fetchall()

    def insert(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._connection.executemany("INSERT INTO bench_seed VALUES (?, ?, ?, ?)", rows)


class _Postgres:
    blob_as_text, text_as_blob = "convert_from({}, 'UTF8')", "convert_to({}, 'UTF8')"

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def execute(self, statement: str, words: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        for name in words or {}:
            statement = statement.replace(f":{name}", f"%({name})s")
        done = self._connection.execute(statement.encode(), words or None)
        return done.fetchall() if done.description else []

    def insert(self, rows: Iterator[tuple[Any, ...]]) -> None:
        with self._connection.cursor().copy("COPY bench_seed FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def builds(count: int, *, of: int) -> list[Build]:
    """`count` builds of the series number `of`, in the order of their commits; the same ones every time."""
    chance = random.Random(_SEED + of)  # noqa: S311 - the same ids every time
    commits = sorted({chance.randbytes(20).hex() for _ in range(count)})
    return [Build(commit=commit, tree=commit[:-4] + f"{of:04x}") for commit in commits]


@contextmanager
def seeding(place: Place) -> Iterator[Engine]:
    """A connection to a database that nobody else uses. What was written is whole at the end, and tidy."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    if place.is_sqlite:
        path = place.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # Nobody else is there, and a half-filled database is thrown away: no journal, no sync.
            for pragma in (
                "journal_mode=DELETE",
                "journal_mode=OFF",
                "synchronous=OFF",
                "cache_size=-400000",
            ):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            yield _Sqlite(connection)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode=WAL")
        return
    url = place.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SET synchronous_commit = off")
        session.execute("SET session_replication_role = replica")  # no look-up of foreign keys row by row
        with session.transaction():
            yield _Postgres(session)
        session.execute(f"VACUUM (ANALYZE) {', '.join(tables)}".encode())
        session.execute("CHECKPOINT")


def copy_decisions(
    engine: Engine, project: str, like: Build, found: Sequence[Build], *, are_small: bool
) -> None:
    """Let every build have the decision of `like` and the answer at hand, as if it had been asked about.

    With `are_small`, the decisions share one small frame instead of inputs and body.
    """
    _mark(engine, found)
    (held,) = engine.execute(
        "SELECT id FROM decision WHERE tree = :tree AND project_id = :project",
        {"tree": like.tree, "project": project},
    )
    words = {"project": project, "commit": like.commit, "tree": like.tree, "decision": held[0]}
    _copy_source(engine, words)
    frames = {"inputs": ":small", "body": ":small"} if are_small else {}
    # The copies were recorded a second apart, before their model.
    _copy(
        engine,
        "decision",
        words | ({"small": _SMALL} if are_small else {}),
        frames | {
            "id": _DECISION_ID, "commit": 's."commit"', "tree": "s.tree",
            "recorded_at": "t.recorded_at - 1000000 * CAST(s.n AS BIGINT)", "baseline_digest": _BASELINE,
        },
    )  # fmt: skip
    body = engine.blob_as_text.format("t.body")
    for old, new in ((":commit", 's."commit"'), (":tree", "s.tree"), (":decision", _DECISION_ID)):
        body = f"replace({body}, {old}, {new})"
    _copy(
        engine,
        "gate_state",
        words,
        {
            "key": "'c:' || s.\"commit\"", "commit": 's."commit"', "tree": "s.tree",
            "decision_id": _DECISION_ID, "baseline_digest": _BASELINE,
            "body": engine.text_as_blob.format(body),
        },
    )  # fmt: skip


def copy_evidence(engine: Engine, project: str, like: Build, found: Sequence[Build], place: Place) -> None:
    """Let every build have the receipts of `like`, each with documents of its own where they are large."""
    held = engine.execute(
        "SELECT id, counter, document_digest FROM receipt "
        "WHERE project_id = :project AND tree = :tree ORDER BY counter",
        {"project": project, "tree": like.tree},
    )
    (top,) = engine.execute("SELECT counter FROM project WHERE id = :project", {"project": project})
    _mark(engine, found)
    words = {"project": project, "commit": like.commit, "tree": like.tree}
    if not engine.execute(
        'SELECT 1 FROM source_commit WHERE project_id = :project AND "commit" = :commit',
        {"project": project, "commit": found[0].commit},
    ):
        _copy_source(engine, words)
    store = blob_store(place.blobs)
    for at, (receipt, _, digest) in enumerate(held):
        data = store.get(digest.removeprefix("sha256:"))
        assert data is not None
        _mark(engine, found, [_document(store, data, number) for number in range(len(found))])
        name = f"'ev_' || substr(s.\"commit\", 1, 24) || '{at:02}'"
        _copy(
            engine,
            "receipt",
            words | {"receipt": receipt, "top": top[0] + at * len(found)},
            {
                "id": name, "commit": 's."commit"', "tree": "s.tree", "counter": ":top + s.n",
                "document_digest": "s.note",
            },
            where="t.id = :receipt",
        )  # fmt: skip
        _copy(
            engine,
            "slot",
            words | {"receipt": receipt},
            {"tree": "s.tree", "current_id": name, "newest_id": name},
            where="t.current_id = :receipt",
        )
    engine.execute(
        "UPDATE project SET counter = :counter WHERE id = :project",
        {"counter": top[0] + len(held) * len(found), "project": project},
    )


def make_stale(engine: Engine, project: str, found: Sequence[Build]) -> None:
    """Let the answers at hand be of yesterday, as `gate_states.touch` does; nothing is due."""
    _mark(engine, found)
    trees = "(SELECT tree FROM bench_seed)"
    engine.execute(
        f"UPDATE gate_state SET is_current = false WHERE project_id = :project AND tree IN {trees}",  # noqa: S608
        {"project": project},
    )
    engine.execute(
        "UPDATE subject_revision SET revision = revision + 1 WHERE project_id = :project "
        "AND key IN (SELECT 't:' || tree FROM bench_seed)",
        {"project": project},
    )


def _mark(engine: Engine, found: Sequence[Build], notes: Sequence[str] = ()) -> None:
    """Put the builds, numbered from 1, where the copying statements find them."""
    engine.execute("DROP TABLE IF EXISTS bench_seed")
    engine.execute(
        'CREATE TEMP TABLE bench_seed (n INTEGER PRIMARY KEY, "commit" TEXT, tree TEXT, note TEXT)'
    )
    engine.insert((n, one.commit, one.tree, notes[n - 1] if notes else "") for n, one in enumerate(found, 1))


def _copy_source(engine: Engine, words: Mapping[str, Any]) -> None:
    _copy(
        engine,
        "source_commit",
        words,
        {"commit": 's."commit"', "tree": "s.tree"},
        where='t."commit" = :commit',
    )
    _copy(engine, "subject_revision", words, {"key": "'t:' || s.tree"}, where="t.key = 't:' || :tree")


def _copy(
    engine: Engine,
    table: str,
    words: Mapping[str, Any],
    changed: Mapping[str, str],
    *,
    where: str = "t.tree = :tree",
) -> None:
    """The rows of the model, once for each marked build, with the columns `changed`."""
    # From a copy of the model: SQLite would first write down a million rows that it reads and writes at once.
    told = {name: value for name, value in words.items() if f":{name}" in where or name == "project"}
    engine.execute("DROP TABLE IF EXISTS bench_model")
    engine.execute(
        f"CREATE TEMP TABLE bench_model AS SELECT * FROM {table} t WHERE t.project_id = :project AND {where}",  # noqa: S608 - our own names
        told,
    )
    columns = [column.name for column in Base.metadata.tables[table].columns]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changed.get(name, f't."{name}"') for name in columns)
    used = {name: value for name, value in words.items() if f":{name}" in values}
    engine.execute(
        f"INSERT INTO {table} ({names}) "  # noqa: S608 - our own names
        f"SELECT {values} FROM bench_model t, bench_seed s ORDER BY s.n",
        used,
    )


def _document(store: BlobStore, data: bytes, number: int) -> str:
    """The digest of a document like `data`, but another one, that is kept; of a small one the same."""
    if len(data) >= _LARGE_BYTES:
        data, count = _VERSION.subn(rb'\1"%d"' % number, data, count=1)
        assert count == 1, data[-500:]
    return f"sha256:{store.put(data)}"
