"""`api/examples/*.http` run in their order against a server, so that they stay true."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from gate_server import GateServer
from http_files import ExampleWrong, run

from gatekeeper_api.routes import ROUTERS

Live = Callable[..., AbstractContextManager[str]]


def test_the_examples_that_need_no_store(live: Live, repository: Path) -> None:
    """Health, readiness, the description, a refusal."""
    with live() as base, httpx.Client() as client:
        assert run(repository / "api" / "examples" / "health.http", {"base": base}, client) == 5


def test_every_resource_has_examples_that_are_true(live_server: GateServer, repository: Path) -> None:
    """Run from first to last request against a server as it comes."""
    folder = repository / "api" / "examples"
    names = sorted(file.stem for file in folder.glob("*.http"))
    assert set(names) == {"health", *(router.prefix.rpartition("/")[2] for router in ROUTERS)} - {"whoami"}
    with httpx.Client() as client:
        for name in names:
            variables = {"base": live_server.base, "token": live_server.admin}
            assert run(folder / f"{name}.http", variables, client) >= 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("### a\n# expect 201\nGET {{base}}/healthz\n", "expected status 201"),
        (
            '### a\n# expect 200\n# expect status = "no"\nGET {{base}}/healthz\n',
            'expected status = "no", found',
        ),
        ("### a\n# expect 200\n# expect x.y = 1\nGET {{base}}/healthz\n", "there is no x.y"),
        ("### a\n# expect 200\n# expect header etag = x\nGET {{base}}/healthz\n", "expected header etag = x"),
        ("### a\n# expect 200\nGET {{nobody}}/healthz\n", "nothing has given the variable 'nobody'"),
        ("### a\nGET {{base}}/healthz\n", "exactly one `# expect <status>`"),
        ("GET {{base}}/healthz\n", "there is no request in it"),
        ("### a\n# expect 200\n", "there is no request line"),
    ],
)
def test_a_wrong_example_fails_with_its_place(live: Live, tmp_path: Path, text: str, said: str) -> None:
    """A runner that lets something pass would prove nothing."""
    file = tmp_path / "wrong.http"
    file.write_text(text, encoding="utf-8")
    with live() as base, httpx.Client() as client, pytest.raises(ExampleWrong) as failed:
        run(file, {"base": base}, client)
    assert said in str(failed.value)
    assert "wrong.http" in str(failed.value)
