"""What the HTTP layer is given: the ports of the use cases, and the few questions it asks by itself."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from starlette.types import ASGIApp

from gatekeeper.caller import Scope
from gatekeeper.service.errors import NotAuthenticated
from gatekeeper_api.figures import Figures
from gatekeeper_api.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing the server needs, as `/readyz` shows it."""

    name: str
    ok: bool
    detail: str


async def _nothing() -> None:
    return None


async def _nobody(request: Request, scope: Scope) -> None:  # noqa: ARG001 - the signature of `authorise`
    raise NotAuthenticated(
        f"this needs a token with the scope {scope}", hint="send `Authorization: Bearer gk_...`"
    )


async def _no_parts() -> Sequence[Part]:
    """Without parts there is no service: it is not ready."""
    return (Part(name="service", ok=False, detail="nothing is connected"),)


@dataclass(frozen=True, kw_only=True)
class Services:
    """Built once for one application. The defaults refuse: they serve health, and nothing else."""

    ports: object = None
    """What the routers hand to the use cases; the HTTP layer itself never looks inside."""
    routers: Sequence[APIRouter] = ()
    """Mounted under `/api/v1`."""
    shortcut: Callable[[ASGIApp], ASGIApp] | None = None
    """Middleware in front of the routers, behind what is done around every request."""
    start: Callable[[], Awaitable[None]] = _nothing
    """Before the first request. A GatekeeperError stops the server with its words."""
    stop: Callable[[], Awaitable[None]] = _nothing
    """After the last request; also when `start` failed."""
    ready: Callable[[], Awaitable[Sequence[Part]]] = _no_parts
    authorise: Callable[[Request, Scope], Awaitable[None]] = _nobody
    """Raises NotAuthenticated or Denied unless the caller of the request has the scope."""
    figures: Callable[[], Figures] = field(default=Figures)
    """The figures of `/metrics` that live in the database; called in a thread, at most every 15 s."""
    metrics: Metrics | None = None
    """Those that the use cases count in; by default fresh ones with `figures`."""
    notes: Callable[[], Sequence[str]] = tuple
    """Lines for whoever starts the server, once it answers."""
