"""What the routes are given: the parts of one running server, and threads to use them in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from gatekeeper.caller import Caller, Method
from gatekeeper.service.identity.bearer import PREFIX
from gatekeeper.service.identity.oidc import OidcVerifier
from gatekeeper.service.people.oidc_login import Providers
from gatekeeper.service.people.sessions import Sessions
from gatekeeper.service.ports import Jobs
from gatekeeper.service.server import Server
from gatekeeper.service.settings import ServerSettings
from gatekeeper.service.tokens import Tokens
from gatekeeper.store.gate_reader import GateReader
from gatekeeper_api.evaluations import Evaluations
from gatekeeper_api.failures import Failures
from gatekeeper_api.metrics import Metrics

T = TypeVar("T")

LOGINS = 4
"""Passwords that are hashed at the same time: each takes 19 MiB and a core."""
OUTSIDE = 8
"""Logins that wait for a provider at the same time."""
QUESTIONS = 40
"""Use cases that run at the same time."""
UPLOADS = 16
"""Uploads that are understood and kept at the same time: they may not take the threads of the others."""


class Threads:
    """Runs use cases away from the event loop, uploads apart from everything else."""

    def __init__(self, *, questions: int = QUESTIONS, uploads: int = UPLOADS) -> None:
        self._questions, self._uploads = CapacityLimiter(questions), CapacityLimiter(uploads)
        self._logins, self._outside = CapacityLimiter(LOGINS), CapacityLimiter(OUTSIDE)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises."""
        return await to_thread.run_sync(work, limiter=self._questions)

    async def run_upload(self, work: Callable[[], T]) -> T:
        """The same for `work` that may take a minute."""
        return await to_thread.run_sync(work, limiter=self._uploads)

    async def run_login(self, work: Callable[[], T]) -> T:
        """The same for `work` that hashes a password."""
        return await to_thread.run_sync(work, limiter=self._logins)

    async def run_outside(self, work: Callable[[], T]) -> T:
        """The same for `work` that waits for a login provider."""
        return await to_thread.run_sync(work, limiter=self._outside)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of one server. Shared by all requests."""

    server: Server
    settings: ServerSettings
    tokens: Tokens
    sessions: Sessions
    providers: Providers
    verifier: OidcVerifier
    gate_reader: GateReader
    metrics: Metrics
    failures: Failures
    jobs: Jobs
    """Queues what takes longer than a request."""
    evaluations: Evaluations[Any] = field(default_factory=Evaluations)
    """Of gate queries."""
    threads: Threads = field(default_factory=Threads)


def forget_token(parts: Parts, caller: Caller) -> None:
    """Have the caller's token looked up again: with a lasting administrator the bootstrap token ends."""
    if caller.method is Method.TOKEN:
        parts.tokens.forget(caller.principal.removeprefix(f"token:{PREFIX}"))


class Running:
    """Holds the parts from the start of a server to its end."""

    parts: Parts


def parts_of(request: Request) -> Parts:
    """The parts of the server that answers `request`."""
    running: Running = request.app.state.services.ports
    return running.parts
