"""Who sends a request: a bearer token, the id_token of a CI job, or a person's session."""

from collections.abc import Sequence

from fastapi import Request

from gatekeeper.caller import Caller, Scope
from gatekeeper.service.errors import NotAuthenticated
from gatekeeper.service.identity import authorize
from gatekeeper.service.identity.bearer import SESSION_PREFIX
from gatekeeper.service.identity.job_claims import caller_of_claims
from gatekeeper_api import cookies
from gatekeeper_api.parts import Parts, parts_of

_HINT = "send `Authorization: Bearer` with a token gk_... or the id_token of a CI job"
_DOTS_OF_A_JWT = 2


async def caller_of(request: Request, parts: Parts) -> Caller:
    """The caller of `request`.

    Raises:
        NotAuthenticated: there is no credential, or it is wrong, expired or revoked.
        Denied: an unsafe request comes with the cookie of a session and without its CSRF token.
        TooManyFailures: it is, and so were too many before it from this address.
        Unavailable, StoreUnavailable: nobody can say now.
    """
    try:
        if (secret := cookies.session_in(request.scope["headers"], parts.settings)) is not None:
            person = await person_of(parts, secret)
            cookies.demand_csrf(request, secret)
            return person
        credential = credential_in(request.scope["headers"])
        if credential.startswith(SESSION_PREFIX):
            return await person_of(parts, credential)
        if credential.count(".") == _DOTS_OF_A_JWT:
            return await parts.threads.run(lambda: _job(parts, credential))
        # Almost always: asked for a moment ago, and then answered without leaving the event loop.
        if (caller := parts.tokens.caller_at_hand(credential)) is not None:
            return caller
        return await parts.threads.run(lambda: parts.tokens.caller(credential))
    except NotAuthenticated:
        parts.failures.count(request.client.host if request.client else "")
        raise


async def person_of(parts: Parts, secret: str) -> Caller:
    """The person whose session has this secret.

    Raises:
        NotAuthenticated: nobody's, or the session is over.
    """
    if (caller := parts.sessions.caller_at_hand(secret)) is not None:
        return caller
    return await parts.threads.run(lambda: parts.sessions.caller(secret))


def credential_in(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """What stands behind `Bearer` in the one header `Authorization` (RFC 6750, section 2.1).

    Raises:
        NotAuthenticated: it is missing, of another scheme, or there is more than one.
    """
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        raise NotAuthenticated("the request does not say who sends it", hint=_HINT)
    if len(found) > 1:
        raise NotAuthenticated("the request has more than one Authorization", hint=_HINT)
    scheme, _, credential = found[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not (credential := credential.strip()):
        raise NotAuthenticated("Authorization has another scheme than Bearer", hint=_HINT)
    return credential


async def demand_scope(request: Request, scope: Scope) -> None:
    """Return when the caller of a request outside of `/api/v1` has `scope`."""
    authorize.demand(await caller_of(request, parts_of(request)), scope)


def _job(parts: Parts, credential: str) -> Caller:
    return caller_of_claims(parts.verifier.verify(credential, parts.server.clock()))
