"""What a server hands out replays without it, and its own backtest says the same as the local one."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from gate_server import GATEKEEPER, GateServer, gate_server

V1 = "/api/v1"
POLICY = """\
schema: gatekeeper/v1
policy: history
owner: tests
stages: [develop, test]
rules:
  - {id: tests-pass, metric: tests.failed, pass: "== 0"}
  - {id: tests-run, metric: tests.errors, pass: "== 0"}
  - {id: tests-exist, metric: tests.passed, pass: ">= 1"}
  - {id: not-fewer, metric: tests.total, no_worse_than: {by: 50%}, on_no_baseline: skip}
"""
TIGHT = POLICY.replace('">= 1"', '">= 4"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two projects with six decisions."""
    with gate_server(tmp_path_factory.mktemp("history")) as made:
        with made.client() as client:
            client.import_policy(POLICY.encode())
            for path in ("a/one", "b/two"):
                client.create_project(path=path, policy="history")
        with made.http() as http:
            for path in ("a/one", "b/two"):
                for number in range(3):
                    about = {"project": path, "commit": f"{number}" * 40, "tree": f"{number}" * 39 + "f"}
                    cases = "".join(f'<testcase name="t{n}"/>' for n in range(2 + number))
                    data = f'<testsuite name="s">{cases}</testsuite>'.encode()
                    http.post(
                        f"{V1}/evidence", params=about | {"ref": "main"}, content=data
                    ).raise_for_status()
                    question = {"project": path, "commit": about["commit"], "stage": "develop"}
                    http.post(f"{V1}/decisions", json=question).raise_for_status()
        yield made


def exported(server: GateServer, output: Path, token: str, *more: str) -> subprocess.CompletedProcess[str]:
    """`gatekeeper export decisions` as its users run it."""
    environ = {**os.environ, "GATEKEEPER_URL": server.base, "GATEKEEPER_TOKEN": token}
    return subprocess.run(
        [GATEKEEPER, "export", "decisions", "--output", output, *more],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def tried(export: Path, policy: Path) -> dict[str, Any]:
    """The local backtest."""
    done = subprocess.run(
        [GATEKEEPER, "policy", "backtest", policy, export, "--format", "json"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_server_and_an_export_say_the_same(server: GateServer, tmp_path: Path) -> None:
    """Decision by decision; as a folder and as one file."""
    policy = tmp_path / "tight.yaml"
    policy.write_text(TIGHT)
    for name in ("folder", "one.tar.zst"):
        done = exported(server, tmp_path / name, server.token("audit:read"))
        assert (done.returncode, done.stderr) == (0, "")
        assert "6 decisions" in done.stdout
    local = tried(tmp_path / "folder", policy)
    assert tried(tmp_path / "one.tar.zst", policy) == local
    assert local["turns"]["pass-to-fail"] == 4
    assert local["turns"]["not-replayable"] == 0
    with server.client(server.token("audit:read")) as client:
        found = client.order_backtest(TIGHT.encode(), policy="history")
        while bytes(found.result) == b"null":
            assert found.state in ("queued", "running"), found
            time.sleep(0.05)
            found = client.backtest(found.id)
    result = json.loads(bytes(found.result))
    by_id = lambda one: one["id"]  # noqa: E731
    assert sorted(result.pop("decisions"), key=by_id) == sorted(local.pop("decisions"), key=by_id)
    assert result == local


def test_an_export_holds_what_its_token_reaches(server: GateServer, tmp_path: Path) -> None:
    """One project, or those of the token; a project out of reach is refused by name."""
    token = server.token("audit:read", projects=("a/*",))
    assert "3 decisions" in exported(server, tmp_path / "reach", token).stdout
    every = server.token("audit:read")
    assert "3 decisions" in exported(server, tmp_path / "named", every, "--project", "b/two").stdout
    assert "0 decisions" in exported(server, tmp_path / "later", every, "--since", "2999-01-01").stdout
    assert exported(server, tmp_path / "other", token, "--project", "b/two").returncode == 4
    assert exported(server, tmp_path / "reader", server.token("gate:read")).returncode == 4


def test_an_export_never_writes_over_anything(server: GateServer, tmp_path: Path) -> None:
    """Neither a folder nor a file; a day that is none is named."""
    token = server.token("audit:read")
    assert exported(server, tmp_path, token).returncode == 2
    done = exported(server, tmp_path / "new", token, "--since", "yesterday")
    assert done.returncode == 2
    assert "yesterday" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("history/decisions", {"cursor": "AAAA"}, 422),
        ("history/decisions", {"since": "soon"}, 422),
        ("history/decisions", {"limit": "101"}, 422),
        ("history/decisions", {"projekt": "a"}, 422),
        ("history/evidence/ev_x/document", {}, 404),
        ("history/policies/none/versions/1/document", {}, 404),
        ("backtests/job.none", {}, 404),
    ],
)
def test_wrong_questions_are_refused(
    server: GateServer, path: str, query: dict[str, str], status: int
) -> None:
    """As everywhere in the API."""
    with server.http() as http:
        answer = http.get(f"{V1}/{path}", params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("name", "query", "text", "status"),
    [
        ("history", {}, "policy: [", 422),
        ("other", {}, TIGHT, 422),
        ("history", {"last": "0"}, TIGHT, 422),
        ("history", {"project": "no/such"}, TIGHT, 404),
    ],
)
def test_a_policy_that_cannot_be_tried_is_refused(
    server: GateServer, name: str, query: dict[str, str], text: str, status: int
) -> None:
    """Before anything is queued."""
    with server.http() as http:
        answer = http.post(f"{V1}/policies/{name}/backtest", params=query, content=text.encode())
    assert answer.status_code == status, answer.text
