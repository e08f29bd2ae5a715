"""The cookies of a person's session, and the proof that a request with them comes from a page of ours.

`__Host-` cookies go to this very host alone, over https alone. On plain http to this machine, which is for
trying things out, browsers take no such cookie: there the names have no prefix.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime

from fastapi import Request, Response

from gatekeeper.service.errors import Denied, NotAuthenticated, coded
from gatekeeper.service.people.sessions import csrf_token
from gatekeeper.service.settings import ServerSettings

CSRF_HEADER = "x-csrf-token"
SESSION, CSRF, LOGIN = "gatekeeper", "gatekeeper-csrf", "gatekeeper-login"
_LOGIN_S = 600
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_OURS = frozenset({"same-origin", "none"})

Headers = Sequence[tuple[bytes, bytes]]


def name_of(base: str, settings: ServerSettings) -> str:
    """The name of a cookie on this server."""
    return f"__Host-{base}" if _is_secure(settings) else base


def session_in(headers: Headers, settings: ServerSettings) -> str | None:
    """The session's secret in the cookie; None without one, or where an `Authorization` says who asks.

    Raises:
        NotAuthenticated: there are several: somebody else may have put one there.
    """
    if any(name == b"authorization" for name, _ in headers):
        return None
    return value_in(headers, name_of(SESSION, settings))


def value_in(headers: Headers, wanted: str) -> str | None:
    """The value of the cookie `wanted`; None when there is none.

    Raises:
        NotAuthenticated: there are several.
    """
    found: list[str] = []
    for name, value in headers:
        if name == b"cookie":
            pairs = (part.strip().partition("=") for part in value.decode("latin-1").split(";"))
            found += [text for key, _, text in pairs if key == wanted]
    if len(found) > 1:
        raise NotAuthenticated(f"the request has {len(found)} cookies {wanted}", hint="log in again")
    return found[0] if found else None


def demand_csrf(request: Request, secret: str) -> None:
    """Return when the request changes nothing, or shows the CSRF token of its session.

    Raises:
        Denied: `csrf-missing`.
    """
    if request.method in _SAFE:
        return
    shown = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(shown.encode("latin-1", "replace"), csrf_token(secret).encode()):
        raise coded(
            Denied,
            "csrf-missing",
            "the request comes with a cookie and without the CSRF token of its session",
            hint="send the header X-CSRF-Token with the value of the cookie gatekeeper-csrf",
        )


def demand_own_page(request: Request) -> None:
    """Return when no page of somebody else can have made the browser send this.

    Else a visitor could be logged in as somebody else without noticing.

    Raises:
        Denied: `cross-site`.
    """
    from_where = request.headers.get("sec-fetch-site", "none")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form, or a fetch without CORS, cannot send this type: so much for browsers without Sec-Fetch-Site.
    if from_where not in _OF_OURS or media_type != "application/json":
        raise coded(Denied, "cross-site", "a login is sent from a page of this server, as application/json")


def set_session(
    answer: Response, settings: ServerSettings, secret: str, *, until: datetime, now: datetime
) -> None:
    """Let the browser keep the session, and its CSRF token where scripts of our pages can read it."""
    lasts = max(0, int((until - now).total_seconds()))
    _set(answer, settings, SESSION, secret, lasts, is_hidden=True)
    _set(answer, settings, CSRF, csrf_token(secret), lasts, is_hidden=False)


def clear_session(answer: Response, settings: ServerSettings) -> None:
    """Let the browser forget both."""
    _set(answer, settings, SESSION, "", 0, is_hidden=True)
    _set(answer, settings, CSRF, "", 0, is_hidden=False)


def set_login(answer: Response, settings: ServerSettings, secret: str) -> None:
    """Let the browser keep what shows that it began a login."""
    _set(answer, settings, LOGIN, secret, _LOGIN_S, is_hidden=True)


def clear_login(answer: Response, settings: ServerSettings) -> None:
    """Let the browser forget that."""
    _set(answer, settings, LOGIN, "", 0, is_hidden=True)


def _set(
    answer: Response, settings: ServerSettings, base: str, value: str, lasts: int, *, is_hidden: bool
) -> None:
    answer.set_cookie(
        name_of(base, settings),
        value,
        max_age=lasts,
        path="/",
        secure=_is_secure(settings),
        httponly=is_hidden,
        samesite="lax",
    )


def _is_secure(settings: ServerSettings) -> bool:
    """False only where nothing but this machine can reach the server, by http."""
    is_https = settings.https or (settings.public_url or "").startswith("https://")
    return is_https or not settings.is_local
