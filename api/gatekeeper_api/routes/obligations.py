"""`/obligations`: what is owed after exceptions, and that it was done."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import obligations
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Id, Limit, ProjectOf
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.exceptions import Obligation, ObligationPage, Settlement

router = api_router("obligations", "/obligations")

CURSOR: Cursor[str] = Cursor("obligations", Text)


@router.get(
    "",
    summary="List what a project owes",
    response_model=None,
    responses={200: says(ObligationPage, "Also settled ones"), **problems.documented(404)},
)
async def page(asks: Asks, project: ProjectOf, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `gate:read`."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = obligations.page(server, caller, project, after=start, limit=limit)
        return answered(ObligationPage(items=[Obligation.of(one) for one in found], next=CURSOR.at(more)))

    return await asks.run(work)


@router.post(
    "/{id}/settle",
    summary="Say that it was done",
    response_model=None,
    responses={
        200: says(Obligation, "It blocks nothing any more"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(Settlement),
)
async def settle(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[Settlement, Depends(json_of(Settlement))],
) -> Response:
    """Takes a person with `approval:give` and the role that owes it."""
    return await asks.run(
        lambda server, caller: answered(
            Obligation.of(obligations.settle(server, caller, id, comment=body.comment))
        )
    )
