"""The answer that begins a session, or lets it go on under a new secret: as a cookie, or in its body."""

from fastapi import Request, Response

from gatekeeper.person import Session
from gatekeeper.service.people.sessions import csrf_token
from gatekeeper_api import cookies
from gatekeeper_api.parts import Parts
from gatekeeper_api.routes.answering import answered
from gatekeeper_api.schemas import people as shapes


def begun(
    parts: Parts,
    session: Session,
    secret: str,
    *,
    as_cookie: bool,
    status: int = 200,
    recovery_codes: list[str] | None = None,
) -> Response:
    """The session; its secret only where it is no cookie, for scripts cannot read that one."""
    shown = shapes.NewSession(
        session=shapes.Session.of(session, session.id),
        csrf_token=csrf_token(secret),
        secret=None if as_cookie else secret,
        recovery_codes=recovery_codes or [],
    )
    answer = answered(shown, status)
    if as_cookie:
        now = parts.server.clock()
        cookies.set_session(answer, parts.settings, secret, until=session.ends_at, now=now)
    return answer


def has_cookie(request: Request, parts: Parts) -> bool:
    """True when the request came with a session in a cookie, and its answer shall set the next one."""
    return cookies.session_in(request.scope["headers"], parts.settings) is not None


def address_of(request: Request) -> str:
    """Where the request comes from; a proxy that is trusted has said so already."""
    return request.client.host if request.client else ""
