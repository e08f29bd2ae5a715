"""Fetches the decisions of the story through the API, with the code of `gatekeeper export decisions`."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from gatekeeper.cli.export import Fetch
from gatekeeper.cli.export_folder import ExportWriter
from gatekeeper.client.address import Address
from gatekeeper.client.client import Client


async def export(app: Any, address: Address, folder: Path) -> int:
    """Write every decision of the application to the new `folder`; how many there were."""
    transport = InProcess(app, asyncio.get_running_loop())

    def work() -> int:
        with Client(address, transport=transport) as client:
            return Fetch(client, ExportWriter(folder)).all(None, None)

    return await asyncio.to_thread(work)


class InProcess(httpx.BaseTransport):
    """Lets a client that blocks, in a thread of its own, ask an application on the event loop."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = httpx.ASGITransport(app)
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer."""
        request.read()
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await self._inner.handle_async_request(asked)
        data = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=data)
