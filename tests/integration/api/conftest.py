"""Servers: an application in a thread with whatever services a test gives it, and whole ones in a process."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from api_rows import PROVIDER, World, world_on
from gate_server import GateServer, gate_server
from local_issuer import AUDIENCE, CLIENT, CLIENT_SECRET, LocalIssuer, running_issuer

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.services import Part, Services
from gatekeeper_api.serving import listening

Live = Callable[..., AbstractContextManager[str]]
START_WITHIN_S = 30


@pytest.fixture(scope="session")
def issuer() -> Iterator[LocalIssuer]:
    """A CI provider that the servers of these tests believe."""
    with running_issuer() as running:
        yield running


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory, issuer: LocalIssuer) -> Iterator[GateServer]:
    """`gatekeeper serve` as it comes, on SQLite, for all tests of this folder: each takes its own project."""
    with served(tmp_path_factory.mktemp("live"), issuer) as server:
        yield server


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory, issuer: LocalIssuer) -> Iterator[GateServer]:
    """The same for one module alone, whatever it leaves there."""
    with served(tmp_path_factory.mktemp("own"), issuer) as server:
        yield server


@contextmanager
def served(folder: Path, issuer: LocalIssuer) -> Iterator[GateServer]:
    """A server that believes the issuer, for jobs and for people."""
    believed = {
        "issuer": issuer.url,
        "provider": "gitlab",
        "audience": AUDIENCE,
        "groups": ["first/*"],
    }
    settings = {
        "GATEKEEPER_ISSUERS": json.dumps([believed]),
        "GATEKEEPER_AUTH_FAILURES_PER_MINUTE": "100000",
        "GATEKEEPER_MAX_JSON_BYTES": "131072",
        # Tests that fail to log in say so from addresses of their own, and slow nobody else down.
        "GATEKEEPER_TRUSTED_PROXIES": '["127.0.0.1"]',
        # People of these tests hold policy:approve, and others import policies beside them.
        "GATEKEEPER_POLICIES_BY_TOKEN": "true",
        "GATEKEEPER_MAX_BODY_BYTES": "1048576",
        "GATEKEEPER_MAX_DECODED_BYTES": "2097152",
    }
    (folder / "client-secret").write_text(CLIENT_SECRET + "\n")
    provider = {
        "name": PROVIDER,
        "issuer": issuer.url,
        "client_id": CLIENT,
        "secret_file": str(folder / "client-secret"),
        "grants": [
            {"group": "qa", "role": "qa-lead", "scopes": ["approval:give"], "projects": ["pay/*"]},
        ],
    }
    settings["GATEKEEPER_LOGIN_PROVIDERS"] = json.dumps([provider])
    with gate_server(folder, **settings) as server:
        yield server


@pytest.fixture(scope="session")
def world(live_server: GateServer, issuer: LocalIssuer) -> Iterator[World]:
    """What the rows of `api_rows` ask about."""
    with world_on(live_server, issuer) as made:
        yield made


async def all_ready() -> Sequence[Part]:
    """Parts of a server that lacks nothing."""
    return (Part(name="database", ok=True, detail="answers"), Part(name="blobs", ok=True, detail="writable"))


@pytest.fixture
def live(tmp_path: Path) -> Live:
    """Serves an application while a `with` lasts; gives its URL, without a slash at the end."""

    @contextmanager
    def served(services: Services | None = None, settings: ServerSettings | None = None) -> Iterator[str]:
        settings = settings or ServerSettings(data=tmp_path / "data", metrics_public=True)
        app = create_app(settings, services or Services(ready=all_ready))
        config = uvicorn.Config(
            app, loop="uvloop", http="httptools", lifespan="on", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        listener = listening("127.0.0.1", 0)
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + START_WITHIN_S
            while not server.started:
                assert thread.is_alive(), "the server ended while it started"
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(START_WITHIN_S)
            listener.close()
            assert not thread.is_alive(), "the server does not end"

    return served
