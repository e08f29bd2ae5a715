"""`/waivers`: exceptions that are asked for, granted by another person, and end."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import waivers
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Id, Limit, ProjectOf
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.waivers import NewWaiver, Waiver, WaiverPage

router = api_router("waivers", "/waivers")

CURSOR: Cursor[str] = Cursor("waivers", Text)


@router.post(
    "",
    summary="Ask for a waiver",
    status_code=201,
    response_model=None,
    responses={
        201: says(Waiver, "Asked for; it sets nothing aside yet"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(NewWaiver),
)
async def request(asks: Asks, body: Annotated[NewWaiver, Depends(json_of(NewWaiver))]) -> Response:
    """Takes `waiver:write`."""
    wish = waivers.Wish(
        project=body.project,
        scope=body.scope,
        match=body.match,
        stages=tuple(body.stages),
        accept=body.accept,
        reason=body.reason,
        ticket=body.ticket,
        owner=body.owner,
        expires_at=body.expires_at,
    )
    return await asks.run(
        lambda server, caller: answered(Waiver.of(waivers.request(server, caller, wish)), 201)
    )


@router.get(
    "",
    summary="List the waivers of a project",
    response_model=None,
    responses={200: says(WaiverPage, "In every state"), **problems.documented(404)},
)
async def page(asks: Asks, project: ProjectOf, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `gate:read`."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = waivers.page(server, caller, project, after=start, limit=limit)
        return answered(WaiverPage(items=[Waiver.of(one) for one in found], next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a waiver",
    response_model=None,
    responses={200: says(Waiver, "As it stands now"), **problems.documented(404)},
)
async def get(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""
    return await asks.run(lambda server, caller: answered(Waiver.of(waivers.get(server, caller, id))))


@router.post(
    "/{id}/approve",
    summary="Grant a waiver",
    response_model=None,
    responses={200: says(Waiver, "It holds, for what is open now"), **problems.documented(404, 409)},
)
async def approve(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes a person with `waiver:approve` who neither owns it nor asked for it."""
    return await asks.run(lambda server, caller: answered(Waiver.of(waivers.approve(server, caller, id))))


@router.post(
    "/{id}/revoke",
    summary="End a waiver now",
    response_model=None,
    responses={200: says(Waiver, "What it set aside is open again"), **problems.documented(404)},
)
async def revoke(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `waiver:write`."""
    return await asks.run(lambda server, caller: answered(Waiver.of(waivers.revoke(server, caller, id))))
