"""`/people`: who signs. Administrators add people and grant; everybody changes what proves oneself (`me`)."""

from typing import Annotated

from fastapi import Depends, Path, Response

from gatekeeper.caller import Caller
from gatekeeper.service.people import accounts, credentials, roles, sessions
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.parts import forget_token
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.beginning import address_of, begun, has_cookie
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Id, Limit
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base
from gatekeeper_api.schemas import people as shapes
from gatekeeper_api.schemas.lists import PersonPage

router = api_router("people", "/people")

CURSOR: Cursor[str] = Cursor("people", Text)
GrantId = Annotated[str, Path(pattern=base.ID, max_length=80)]
_BODY = problems.documented(404, 408, 409, 413, 415)


@router.put(
    "/me/password",
    summary="Change your password",
    response_model=None,
    responses={200: says(shapes.NewSession, "The session goes on under a new secret"), **_BODY},
    openapi_extra=takes(shapes.PasswordChange),
)
async def change_password(
    asks: Asks, body: Annotated[shapes.PasswordChange, Depends(json_of(shapes.PasswordChange))]
) -> Response:
    """Takes a person and the old password. All other sessions of the person end."""

    def work() -> Response:
        session, secret = credentials.change_password(
            asks.server,
            asks.caller,
            old=body.old,
            new=body.new,
            code=body.totp,
            address=address_of(asks.request),
        )
        asks.parts.sessions.forget(session.person)
        return begun(asks.parts, session, secret, as_cookie=has_cookie(asks.request, asks.parts))

    return await asks.parts.threads.run_login(work)


@router.post(
    "/me/totp",
    summary="Begin a second factor",
    status_code=201,
    response_model=None,
    responses={201: says(shapes.TotpSecret, "For an authenticator app"), **problems.documented(404, 409)},
)
async def begin_totp(asks: Asks) -> Response:
    """Takes a person with an account of this server. No code is asked for before one was confirmed."""

    def work(server: Server, caller: Caller) -> Response:
        secret, uri = credentials.begin_totp(server, caller)
        return answered(shapes.TotpSecret(secret=secret, uri=uri), 201)

    return await asks.run(work)


@router.post(
    "/me/totp/confirm",
    summary="Confirm the second factor",
    response_model=None,
    responses={
        200: says(shapes.NewSession, "The session goes on under a new secret; the recovery codes"),
        **_BODY,
    },
    openapi_extra=takes(shapes.CodeShown),
)
async def confirm_totp(
    asks: Asks, body: Annotated[shapes.CodeShown, Depends(json_of(shapes.CodeShown))]
) -> Response:
    """Takes a person and a code of the app. From now on a login asks for one; a code works once."""

    def work(server: Server, caller: Caller) -> Response:
        session, secret, codes = credentials.confirm_totp(server, caller, body.totp, address_of(asks.request))
        asks.parts.sessions.forget(session.person)
        as_cookie = has_cookie(asks.request, asks.parts)
        return begun(asks.parts, session, secret, as_cookie=as_cookie, recovery_codes=codes)

    return await asks.run(work)


@router.post(
    "/me/totp/remove",
    summary="Take the second factor away",
    response_model=None,
    responses={200: says(shapes.NewSession, "The session goes on under a new secret"), **_BODY},
    openapi_extra=takes(shapes.CodeShown),
)
async def remove_totp(
    asks: Asks, body: Annotated[shapes.CodeShown, Depends(json_of(shapes.CodeShown))]
) -> Response:
    """Takes a person and a code, of the app or for recovery."""

    def work(server: Server, caller: Caller) -> Response:
        session, secret = credentials.remove_totp(server, caller, body.totp, address_of(asks.request))
        asks.parts.sessions.forget(session.person)
        return begun(asks.parts, session, secret, as_cookie=has_cookie(asks.request, asks.parts))

    return await asks.run(work)


@router.post(
    "",
    summary="Add a person",
    status_code=201,
    response_model=None,
    responses={
        201: says(shapes.Person, "The person; one who was there when the verified e-mail is the same"),
        **problems.documented(408, 409, 413, 415),
    },
    openapi_extra=takes(shapes.NewPerson),
)
async def add(asks: Asks, body: Annotated[shapes.NewPerson, Depends(json_of(shapes.NewPerson))]) -> Response:
    """Takes `admin`. The first lasting administrator ends the token of the bootstrap file."""

    def work() -> Response:
        known = accounts.add(
            asks.server,
            asks.caller,
            name=body.name,
            login=body.login,
            password=body.password,
            email=body.email,
            email_verified=body.email_verified,
            is_admin=body.admin,
        )
        asks.parts.sessions.forget(known.person.id)
        forget_token(asks.parts, asks.caller)
        return answered(shapes.Person.of(known), 201)

    return await asks.parts.threads.run_login(work)


@router.get(
    "",
    summary="List people",
    response_model=None,
    responses={200: says(PersonPage, "Without those who turned out to be others")},
)
async def page(asks: Asks, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `admin`."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = accounts.page(server, caller, after=start, limit=limit)
        shown = [shapes.Person.of(one) for one in found]
        return answered(PersonPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a person",
    response_model=None,
    responses={200: says(shapes.Person, "With accounts and grants"), **problems.documented(404)},
)
async def get(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `admin`."""
    return await asks.run(lambda server, caller: answered(shapes.Person.of(accounts.get(server, caller, id))))


@router.put(
    "/{id}/active",
    summary="Shut a person out, or let in again",
    response_model=None,
    responses={200: says(shapes.Person, "The person as it is now"), **_BODY},
    openapi_extra=takes(shapes.Activity),
)
async def set_active(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[shapes.Activity, Depends(json_of(shapes.Activity))],
) -> Response:
    """Takes `admin`. All sessions of the person end. Nobody is deleted: what was signed names them."""

    def work(server: Server, caller: Caller) -> Response:
        known = accounts.set_active(server, caller, id, is_active=body.is_active)
        asks.parts.sessions.forget(id)
        return answered(shapes.Person.of(known))

    return await asks.run(work)


@router.put(
    "/{id}/password",
    summary="Set the password of a person",
    status_code=204,
    response_model=None,
    response_class=Response,
    responses={204: {"description": "It is set, and the person's sessions are over"}, **_BODY},
    openapi_extra=takes(shapes.NewPassword),
)
async def set_password(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[shapes.NewPassword, Depends(json_of(shapes.NewPassword))],
) -> Response:
    """Takes `admin`. It is told to the ledger: who sets a password can log in as that person."""

    def work() -> Response:
        credentials.set_password(asks.server, asks.caller, id, body.password, reset_totp=body.reset_totp)
        asks.parts.sessions.forget(id)
        return Response(status_code=204)

    return await asks.parts.threads.run_login(work)


@router.delete(
    "/{id}/sessions",
    summary="End all sessions of a person",
    response_model=None,
    responses={200: says(shapes.SessionsEnded, "How many there were"), **problems.documented(404)},
)
async def end_sessions(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `admin`."""

    def work(server: Server, caller: Caller) -> Response:
        ended = sessions.end_all(server, caller, id)
        asks.parts.sessions.forget(id)
        return answered(shapes.SessionsEnded(ended=ended))

    return await asks.run(work)


@router.post(
    "/{id}/grants",
    summary="Grant a role or scopes",
    status_code=201,
    response_model=None,
    responses={201: says(shapes.Grant, "What was granted; the person logs in again to have it"), **_BODY},
    openapi_extra=takes(shapes.NewGrant),
)
async def grant(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[shapes.NewGrant, Depends(json_of(shapes.NewGrant))],
) -> Response:
    """Takes `admin`. The person's sessions end: no secret that is out there becomes worth more."""

    def work(server: Server, caller: Caller) -> Response:
        made = roles.grant(
            server,
            caller,
            id,
            role=body.role,
            scopes=frozenset(body.scopes),
            projects=body.projects,
            expires_in_days=body.expires_in_days,
        )
        asks.parts.sessions.forget(id)
        forget_token(asks.parts, caller)
        return answered(shapes.Grant.of(made), 201)

    return await asks.run(work)


@router.delete(
    "/{id}/grants/{grant}",
    summary="End a grant now",
    status_code=204,
    response_model=None,
    response_class=Response,
    responses={204: {"description": "It is ended"}, **problems.documented(404)},
)
async def revoke(asks: Asks, id: Id, grant: GrantId) -> Response:  # noqa: A002 - the word of the API
    """Takes `admin`. Here it ends at once, on other replicas within five seconds."""

    def work(server: Server, caller: Caller) -> Response:
        roles.revoke(server, caller, id, grant)
        asks.parts.sessions.forget(id)
        return Response(status_code=204)

    return await asks.run(work)
