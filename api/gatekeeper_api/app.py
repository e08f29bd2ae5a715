"""Puts the application together: routes, errors, middleware, lifespan. It decides nothing by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from gatekeeper import __version__
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import openapi, operations, problems
from gatekeeper_api.body import prepare_spool
from gatekeeper_api.figures import FiguresCollector
from gatekeeper_api.logs import Access, text_access
from gatekeeper_api.metrics import Metrics
from gatekeeper_api.middleware import Envelope
from gatekeeper_api.services import Services


def create_app(
    settings: ServerSettings,
    services: Services,
    *,
    metrics: Metrics | None = None,
    access: Access | None = None,
) -> FastAPI:
    """The application; nothing runs and no folder is made before its lifespan begins.

    `metrics` are those that the use cases count in, by default fresh ones with the figures of `services`.
    `access` is what `logs.configure` gave. Routes find `settings`, `services` and `metrics` in
    `request.app.state`.
    """
    counted = metrics or services.metrics or Metrics(FiguresCollector(services.figures))
    app = FastAPI(
        title="Gatekeeper",
        version=__version__,
        summary="May this build enter the next stage?",
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        servers=[{"url": settings.public_url or "/"}],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        lifespan=_lifespan_of(settings, services),
    )
    app.state.settings, app.state.services, app.state.metrics = settings, services, counted
    problems.install(app)
    # Not `include_router`: it matches every route twice, which cost the gate query a third of its speed, and
    # it hides the prefix from the metrics. The first router is found first: put there what is asked most.
    for router in (*services.routers, operations.router):
        app.router.routes.extend(router.routes)
    openapi.install(app)
    if services.shortcut is not None:
        app.add_middleware(services.shortcut)
    app.add_middleware(Envelope, settings=settings, metrics=counted, access=access or text_access)
    return app


def _lifespan_of(settings: ServerSettings, services: Services) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        prepare_spool(settings)
        try:
            await services.start()
            yield
        finally:
            await services.stop()

    return lifespan
