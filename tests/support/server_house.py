"""Where the server of a test keeps things, and the two ways to look at them: asking it, and without it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ci_traffic import POLICY
from server_process import WITHIN_S, ServerProcess

from gatekeeper import clock
from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.service.ports import Parsed, ParseTask
from gatekeeper.service.server import Server
from gatekeeper.store.blobs import BlobStore
from gatekeeper.store.database import database_at

SCOPES = ["project:create", "evidence:write", "gate:read", "decision:write", "audit:read", "policy:write"]
OPERATOR = Caller(
    principal="token:gk_operator", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)


@dataclass(frozen=True, kw_only=True)
class House:
    """The settings of a server, and its database and blobs."""

    data: Path
    database_url: str
    blobs: BlobStore
    more: dict[str, str]

    @property
    def settings(self) -> dict[str, str]:
        """The variables `GATEKEEPER_*`."""
        return {
            "GATEKEEPER_DATA": str(self.data),
            "GATEKEEPER_LOG_FORMAT": "json",
            "GATEKEEPER_LOG_REQUESTS": "false",
            **self.more,
        }

    @contextmanager
    def opened(self) -> Iterator[Server]:
        """The same database and blobs in this process."""
        database = database_at(self.database_url)
        try:
            yield Server(database=database, blobs=self.blobs, parser=_Reads(), clock=clock.now)
        finally:
            database.close()


def prepared(server: ServerProcess, house: House, *, projects: Iterable[str], refs: Iterable[str]) -> str:
    """The token of the pipelines of a new server, which has the projects and the policy of the traffic."""
    bootstrap = (house.data / "bootstrap").read_text().strip()
    with asking(server, bootstrap) as ask:
        everything = {"name": "admin", "scopes": ["admin"], "projects": ["*"]}
        admin = said(ask.post("/tokens", json=everything))["secret"]  # it ends the bootstrap token
    with asking(server, admin) as ask:
        limited = {"name": "pipelines", "scopes": SCOPES, "projects": ["*"], "refs": list(refs)}
        pipelines = said(ask.post("/tokens", json=limited))["secret"]
        said(ask.post("/policies", params={"reason": "test"}, content=POLICY))
        for path in projects:
            said(ask.post("/projects", json={"path": path, "policy": "traffic"}))
    return str(pipelines)


def asking(server: ServerProcess, token: str) -> httpx.Client:
    """A client for one start of the server."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{server.url()}/api/v1", headers=headers, timeout=WITHIN_S, trust_env=False)


def said(response: httpx.Response) -> dict[str, Any]:
    """What the server did, or why not."""
    assert response.is_success, response.text
    return dict(response.json())


class _Reads:
    """A server of a test that takes no uploads."""

    def parse(self, task: ParseTask) -> Parsed:
        raise AssertionError(f"nobody sends uploads here: {task}")
