"""`/tokens`: who may do what. `/whoami`: for whom the server takes the caller."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import tokens
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.parts import forget_token
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Id, Limit
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.lists import TokenPage
from gatekeeper_api.schemas.tokens import NewToken, Rotation, Token, TokenRequest, Whoami

router = api_router("tokens", "/tokens")
whoami_router = api_router("tokens", "/whoami")

CURSOR: Cursor[str] = Cursor("tokens", Text)


@router.post(
    "",
    summary="Make a token",
    status_code=201,
    response_model=None,
    responses={
        201: says(NewToken, "The token; its secret is shown only here"),
        **problems.documented(408, 413, 415),
    },
    openapi_extra=takes(TokenRequest),
)
async def create(asks: Asks, body: Annotated[TokenRequest, Depends(json_of(TokenRequest))]) -> Response:
    """Takes `admin`. The first lasting administrator's token ends the one of the bootstrap file."""

    def work(server: Server, caller: Caller) -> Response:
        record, secret = tokens.create(
            server,
            caller,
            name=body.name,
            scopes=frozenset(body.scopes),
            projects=body.projects,
            refs=body.refs,
            kinds=body.kinds,
            expires_in_days=body.expires_in_days,
        )
        forget_token(asks.parts, caller)
        return answered(NewToken(token=Token.of(record), secret=secret), 201)

    return await asks.run(work)


@router.get(
    "",
    summary="List tokens",
    response_model=None,
    responses={200: says(TokenPage, "All of them, also ended ones, by id")},
)
async def page(asks: Asks, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `admin`."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = tokens.page(server, caller, after=start, limit=limit)
        shown = [Token.of(one) for one in found]
        return answered(TokenPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.post(
    "/{id}/rotate",
    summary="Make the successor of a token",
    status_code=201,
    response_model=None,
    responses={
        201: says(NewToken, "The same grant with a new secret"),
        **problems.documented(404, 408, 413, 415),
    },
    openapi_extra=takes(Rotation),
)
async def rotate(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[Rotation, Depends(json_of(Rotation))],
) -> Response:
    """Takes `admin`. The old token ends after `grace_hours`."""

    def work(server: Server, caller: Caller) -> Response:
        record, secret = tokens.rotate(server, caller, id, body.grace_hours)
        asks.parts.tokens.forget(id)
        return answered(NewToken(token=Token.of(record), secret=secret), 201)

    return await asks.run(work)


@router.delete(
    "/{id}",
    summary="End a token now",
    status_code=204,
    response_model=None,
    response_class=Response,
    responses={204: {"description": "It is ended"}, **problems.documented(404)},
)
async def revoke(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `admin`. Here it ends at once, on other replicas within five seconds."""

    def work(server: Server, caller: Caller) -> Response:
        tokens.revoke(server, caller, id)
        asks.parts.tokens.forget(id)
        return Response(status_code=204)

    return await asks.run(work)


@whoami_router.get(
    "",
    summary="Who am I?",
    response_model=None,
    responses={200: says(Whoami, "The caller as the server sees it")},
)
async def whoami(asks: Asks) -> Response:
    """Takes any token or id_token that is accepted."""
    return answered(Whoami.of(asks.caller))
