"""The database locked, full or gone, the blobs gone: 503 with words, nothing half done, and no pass."""

import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_rows import JUNIT, refused
from gate_server import GateServer, gate_server

V1 = "/api/v1"
COMMIT, TREE = "a1" * 20, "b2" * 20
ABOUT = {"project": "pay/api", "commit": COMMIT, "tree": TREE}
ASKED = {"project": "pay/api", "stage": "test", "commit": COMMIT}
POLICY = b"""\
schema: gatekeeper/v1
policy: gone
owner: tests
stages: [test, uat]
rules:
  - {id: run, title: Tests ran, metric: tests.total, pass: ">= 1"}
"""


@contextmanager
def used(folder: Path, **settings: str) -> Iterator[tuple[GateServer, httpx.Client]]:
    """A server that has taken a report and decided, and an administrator whom it has just seen."""
    with gate_server(folder, **settings) as server, server.http() as http:
        http.post(f"{V1}/policies", content=POLICY).raise_for_status()
        http.post(f"{V1}/projects", json={"path": "pay/api", "policy": "gone"}).raise_for_status()
        assert send(http, "first").status_code == 201
        assert http.post(f"{V1}/decisions", json=ASKED).json()["allowed"]
        yield server, http


def send(http: httpx.Client, name: str) -> httpx.Response:
    """A report under this name."""
    return http.post(f"{V1}/evidence", params={**ABOUT, "name": name}, content=JUNIT)


def names(http: httpx.Client) -> list[str]:
    """Of all reports that are there, the oldest first; without a gap in their numbers."""
    items = http.get(f"{V1}/evidence", params={"project": "pay/api", "limit": "200"}).json()["items"]
    assert [one["counter"] for one in items] == list(range(len(items), 0, -1))
    return [one["name"] for one in reversed(items)]


def unavailable(answer: httpx.Response) -> None:
    """503 in the one shape, with the time to come again."""
    refused(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["detail"]


def parts(http: httpx.Client) -> dict[str, bool]:
    """What `/readyz` says of each part."""
    time.sleep(1.1)  # it looks once a second
    answer = http.get("/readyz")
    found: list[dict[str, Any]] = answer.json()["parts"]
    assert (answer.status_code == 200) is all(part["ok"] for part in found)
    return {part["name"]: part["ok"] for part in found}


def test_a_locked_database_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """Another program holds it for longer than a write waits; reads and the gate go on."""
    with used(tmp_path) as (server, http):
        with sqlite3.connect(server.data / "gatekeeper.sqlite", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            unavailable(send(http, "while-locked"))
            unavailable(http.post(f"{V1}/projects", json={"path": "pay/other"}))
            gate = http.get(f"{V1}/gate", params=ASKED)
            assert (gate.status_code, gate.json()["allowed"]) == (200, True)
            other.execute("ROLLBACK")
        other.close()
        assert send(http, "afterwards").status_code == 201
        assert names(http) == ["first", "afterwards"]


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """No file of the server may grow any more: blobs, database, spool."""
    with used(tmp_path) as (server, http):
        assert server.process is not None
        pid = server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
        unavailable(send(http, "while-full"))
        unavailable(http.post(f"{V1}/projects", json={"path": "pay/other"}))
        assert http.get(f"{V1}/gate", params=ASKED).json()["allowed"]
        assert not parts(http)["blobs"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        assert send(http, "afterwards").status_code == 201
        assert all(parts(http).values())
        assert names(http) == ["first", "afterwards"]


def test_a_database_that_was_taken_away_acknowledges_nothing(tmp_path: Path) -> None:
    """Writing on into a deleted file would be a lie; put back, it goes on after a restart."""
    with used(tmp_path) as (server, http):
        away = tmp_path / "away"
        away.mkdir()
        for file in server.data.glob("gatekeeper.sqlite*"):
            shutil.move(file, away / file.name)
        unavailable(send(http, "into-nowhere"))
        unavailable(http.post(f"{V1}/decisions", json={**ASKED, "stage": "moon"}))
        for file in away.iterdir():
            shutil.move(file, server.data / file.name)
        assert server.stop() == 0
        server.start()
        with server.http() as again:
            assert names(again) == ["first"]
            assert send(again, "afterwards").status_code == 201


def test_documents_that_are_gone_are_never_decided_without(tmp_path: Path) -> None:
    """A gate that cannot read its evidence says so; it does not judge what is left."""
    never_asked = {**ASKED, "stage": "uat"}
    with used(tmp_path) as (server, _):
        assert server.stop() == 0  # with it goes what it had read of the documents
        shutil.rmtree(server.data / "blobs")
        server.start()
        with server.http() as again:
            unavailable(again.post(f"{V1}/decisions", json=never_asked))
            answer = again.get(f"{V1}/gate", params=never_asked)
            while answer.status_code == 202:
                assert not answer.json()["allowed"]
                answer = again.get(f"{V1}/gate", params=never_asked)
            unavailable(answer)


@pytest.fixture
def scaled_out(
    tmp_path: Path, migrated_postgres: Callable[[], str], s3: Any
) -> Iterator[tuple[GateServer, httpx.Client]]:
    """A server on PostgreSQL and S3."""
    settings = {
        "GATEKEEPER_DATABASE_URL": migrated_postgres(),
        "GATEKEEPER_BLOBS": f"s3://{s3.bucket}/blobs",
        "GATEKEEPER_S3_ENDPOINT": s3.endpoint,
        "GATEKEEPER_S3_ACCESS_KEY_ID": s3.access_key_id,
        "GATEKEEPER_S3_SECRET_ACCESS_KEY": s3.secret_access_key,
    }
    with ExitStack() as stack:
        yield stack.enter_context(used(tmp_path, **settings))


def test_without_s3_reports_are_turned_away_and_the_gate_goes_on(
    scaled_out: tuple[GateServer, httpx.Client], s3: Any
) -> None:
    """What is at hand needs no blobs; when S3 is back, so is the rest."""
    _, http = scaled_out
    s3.stop()
    unavailable(send(http, "while-away"))
    assert http.get(f"{V1}/gate", params=ASKED).json()["allowed"]
    assert parts(http) == {"database": True, "blobs": False, "parser": True}
    s3.start()
    assert send(http, "afterwards").status_code == 201
    assert names(http) == ["first", "afterwards"]


def test_without_postgres_nobody_is_let_through_and_nothing_is_lost(
    scaled_out: tuple[GateServer, httpx.Client], postgres_server: Any
) -> None:
    """Not even the answer at hand: nobody could say that nothing changed."""
    _, http = scaled_out
    postgres_server.stop()
    try:
        unavailable(send(http, "while-away"))
        answer = http.get(f"{V1}/gate", params=ASKED)
        unavailable(answer)
        assert not parts(http)["database"]
    finally:
        postgres_server.start()
    assert send(http, "afterwards").status_code == 201
    assert names(http) == ["first", "afterwards"]
    assert http.get(f"{V1}/gate", params=ASKED).status_code in (200, 202)


def test_a_schema_of_another_version_is_refused_at_start(
    tmp_path: Path, new_postgres: Callable[[], str]
) -> None:
    """PostgreSQL is upgraded by a person, before the servers that share it."""
    server = GateServer(tmp_path, {"GATEKEEPER_DATABASE_URL": new_postgres()})
    for command in (("serve",), ("worker",), ("db", "check")):
        done = server.command(*command)
        assert done.returncode == 1, done
        assert "gatekeeper db upgrade" in done.stderr
    assert server.command("db", "upgrade").returncode == 0
    assert server.command("db", "check").returncode == 0
    refusal = server.command("db", "downgrade", "base")
    assert (refusal.returncode, "--yes" in refusal.stderr) == (2, True)
    assert server.command("db", "downgrade", "base", "--yes").returncode == 0
    assert server.command("db", "check").returncode == 1


def test_one_data_folder_has_one_server(tmp_path: Path) -> None:
    """A second one would do the jobs of the first."""
    with gate_server(tmp_path) as server:
        done = server.command("serve")
        assert done.returncode == 1
        assert "another" in done.stderr or "running" in done.stderr, done.stderr
