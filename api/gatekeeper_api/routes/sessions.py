"""`/sessions`: people log in and out, and see where they are logged in."""

from typing import Annotated

from fastapi import Depends, Request, Response

from gatekeeper.caller import Caller
from gatekeeper.errors import GatekeeperError
from gatekeeper.person import Session
from gatekeeper.service.people import login, sessions
from gatekeeper.service.server import Server
from gatekeeper_api import cookies, problems
from gatekeeper_api.parts import parts_of
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks, demand_known
from gatekeeper_api.routes.beginning import address_of, begun
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.parameters import Id
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import people as shapes

router = api_router("sessions", "/sessions")


async def _from_our_page(request: Request) -> None:
    """Before the body is read: see `cookies.demand_own_page`."""
    demand_known(request)
    cookies.demand_own_page(request)


@router.post(
    "",
    summary="Log in",
    status_code=201,
    response_model=None,
    dependencies=[Depends(_from_our_page)],
    responses={
        201: says(shapes.NewSession, "The session; with `bearer` its secret, else a cookie"),
        **problems.documented(408, 413, 415),
    },
    openapi_extra={**takes(shapes.LoginRequest), "security": []},
)
async def log_in(
    request: Request, body: Annotated[shapes.LoginRequest, Depends(json_of(shapes.LoginRequest))]
) -> Response:
    """Takes no credential. A session that its cookie shows is ended: nobody goes on under an old secret.

    An unknown login name and a wrong password are answered alike (401 `login-failed`). When the password is
    right and a code is asked for: 401 `totp-required`. After some failures the next try is heard later (429).
    """
    parts, address = parts_of(request), address_of(request)
    old = cookies.session_in(request.scope["headers"], parts.settings)

    def work() -> tuple[Session, str]:
        made = login.log_in(
            parts.server, login=body.login, password=body.password, code=body.totp, address=address
        )
        if old is not None:
            _end_old(parts.server, parts.sessions, old)
        return made

    session, secret = await parts.threads.run_login(work)
    return begun(parts, session, secret, as_cookie=not body.bearer, status=201)


@router.get(
    "",
    summary="List your sessions",
    response_model=None,
    responses={200: says(shapes.Sessions, "Those that are open, the newest first")},
)
async def own(asks: Asks) -> Response:
    """Takes a person."""

    def work(server: Server, caller: Caller) -> Response:
        found = [shapes.Session.of(one, caller.session) for one in sessions.own(server, caller)]
        return answered(shapes.Sessions(items=found))

    return await asks.run(work)


@router.delete(
    "/current",
    summary="Log out",
    status_code=204,
    response_model=None,
    response_class=Response,
    responses={204: {"description": "The session is over"}, **problems.documented(404)},
)
async def log_out(asks: Asks) -> Response:
    """Takes a person. Here the session ends at once, on other replicas within five seconds."""

    def work(server: Server, caller: Caller) -> Response:
        sessions.end_own(server, caller)
        asks.parts.sessions.forget(caller.person or "")
        answer = Response(status_code=204)
        cookies.clear_session(answer, asks.parts.settings)
        return answer

    return await asks.run(work)


@router.delete(
    "/{id}",
    summary="End a session of yours",
    status_code=204,
    response_model=None,
    response_class=Response,
    responses={204: {"description": "It is over"}, **problems.documented(404)},
)
async def end(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes a person; those of others an administrator ends, with `DELETE /people/{id}/sessions`."""

    def work(server: Server, caller: Caller) -> Response:
        sessions.end_own(server, caller, id)
        asks.parts.sessions.forget(caller.person or "")
        return Response(status_code=204)

    return await asks.run(work)


def _end_old(server: Server, known: sessions.Sessions, secret: str) -> None:
    try:
        caller = known.caller(secret)
        sessions.end_own(server, caller)
    except GatekeeperError:
        return  # it was over already, or nobody's
    known.forget(caller.person or "")
