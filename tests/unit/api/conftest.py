"""An application in memory: requests reach it without sockets."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from gatekeeper.service.settings import ServerSettings

Ask = Callable[..., httpx.Response]


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    """A server whose folder is the test's own."""
    return ServerSettings(data=tmp_path / "data", metrics_public=True)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test configures ends with it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def ask() -> Ask:
    """`ask(app, "GET", "/path", ...)`: one request, answered."""

    def asked(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gate") as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())

    return asked
