"""The routes for those who run the server: alive, ready, metrics, and what the API is. None needs a store."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from gatekeeper import __version__
from gatekeeper.caller import Scope
from gatekeeper_api import docs_page, problems
from gatekeeper_api.services import Part, Services

READY_TIMEOUT_S = 5.0

router = APIRouter(tags=["operations"], responses=problems.documented())


class Health(BaseModel):
    """The process answers."""

    status: str
    version: str


class PartState(BaseModel):
    """One thing the server needs."""

    name: str
    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether requests can be served now, and what cannot be used."""

    ready: bool
    parts: list[PartState]


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """Answers as long as the process does; a restart is right when it does not."""
    return Health(status="ok", version=__version__)


@router.get(
    "/readyz", summary="Can it serve?", responses={503: {"model": Readiness, "description": "Not now"}}
)
async def readyz(request: Request, response: Response) -> Readiness:
    """Asks every part. 503 when one cannot be used, or does not say within 5 seconds."""
    services: Services = request.app.state.services
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            parts = await services.ready()
    except TimeoutError:
        parts = (Part(name="service", ok=False, detail=f"no answer within {READY_TIMEOUT_S:g} s"),)
    is_ready = bool(parts) and all(part.ok for part in parts)
    response.status_code = 200 if is_ready else 503
    return Readiness(
        ready=is_ready, parts=[PartState(name=part.name, ok=part.ok, detail=part.detail) for part in parts]
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text, or OpenMetrics when asked for",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems.documented(401, 403),
    },
    openapi_extra={"security": [{"bearer": []}, {}]},
)
async def metrics(request: Request, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """All series begin with `qgate_`. Takes the scope metrics:read, unless the server makes them public."""
    state = request.app.state
    if not state.settings.metrics_public:
        await state.services.authorise(request, Scope.METRICS_READ)
    body, content_type = await asyncio.to_thread(state.metrics.exposition, accept)
    return Response(body, headers={"content-type": content_type})


@router.get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request) -> Response:
    """The description of the API, OpenAPI 3.1."""
    return Response(request.app.state.openapi_bytes, media_type="application/json")


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The same for people; without scripts and without anything from elsewhere."""
    return Response(
        request.app.state.docs_html,
        media_type="text/html",
        headers={"content-security-policy": docs_page.CSP},
    )
