"""Whether each part of a server can be used now: asked in threads, at most once a second."""

import asyncio
import time
from collections.abc import Callable, Sequence

from gatekeeper.errors import GatekeeperError
from gatekeeper.service.parsing.pool import ParserPool
from gatekeeper.service.server import Server
from gatekeeper.store import migrations
from gatekeeper_api.jobs import EmbeddedJobs
from gatekeeper_api.services import Part

HELD_S = 1.0
"""Everybody may ask, and a check of the blobs waits for the disk."""


class Readiness:
    """The state of the parts of one server."""

    def __init__(self, *, server: Server, pool: ParserPool, jobs: EmbeddedJobs | None) -> None:
        self._server, self._pool, self._jobs = server, pool, jobs
        self._held: tuple[float, Sequence[Part]] = (float("-inf"), ())
        self._asking: asyncio.Task[Sequence[Part]] | None = None

    async def parts(self) -> Sequence[Part]:
        """Each part; of now or of a second ago. Askers of the same moment share one look."""
        at, held = self._held
        if time.monotonic() - at < HELD_S:
            return held
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._look())
        return await asyncio.shield(self._asking)

    async def _look(self) -> Sequence[Part]:
        checks: dict[str, Callable[[], str]] = {
            "database": self._database,
            "blobs": self._blobs,
            "parser": self._parser,
        }
        if self._jobs is not None:
            checks["jobs"] = self._worker
        found = await asyncio.gather(
            *(asyncio.to_thread(_checked, name, check) for name, check in checks.items())
        )
        self._held = (time.monotonic(), found)
        return found

    def _database(self) -> str:
        migrations.demand_current(self._server.database)
        return "answers"

    def _blobs(self) -> str:
        self._server.blobs.check()
        return "writable"

    def _parser(self) -> str:
        if not (alive := len(self._pool.pids)):
            raise GatekeeperError("no process that reads reports is alive")
        return f"{alive} {'process' if alive == 1 else 'processes'}"

    def _worker(self) -> str:
        if self._jobs is None or not self._jobs.is_alive:
            raise GatekeeperError("another process has taken over the jobs: start this one again")
        return "done here"


def _checked(name: str, check: Callable[[], str]) -> Part:
    try:
        return Part(name=name, ok=True, detail=check())
    except GatekeeperError as error:
        return Part(name=name, ok=False, detail=error.message[:300])
    except Exception as error:  # noqa: BLE001 - an edge: what cannot be asked is not ready
        return Part(name=name, ok=False, detail=f"{type(error).__name__} (see the log)")
