"""`/login`: the ways to log in, and the way by an OpenID Connect provider."""

from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from gatekeeper.service.errors import Unavailable
from gatekeeper.service.people import oidc_login
from gatekeeper_api import cookies, problems
from gatekeeper_api.parts import Parts, parts_of
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import demand_known
from gatekeeper_api.routes.beginning import begun
from gatekeeper_api.routing import API_PREFIX, api_router
from gatekeeper_api.schemas import people as shapes

router = api_router("sessions", "/login")

ProviderName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
_PUBLIC: dict[str, Any] = {"security": []}


@router.get(
    "",
    summary="How can one log in here?",
    response_model=None,
    responses={200: says(shapes.LoginWays, "The ways")},
    openapi_extra=_PUBLIC,
)
async def ways(request: Request) -> Response:
    """Takes no credential."""
    demand_known(request)
    return answered(shapes.LoginWays(local=True, providers=parts_of(request).providers.names))


@router.get(
    "/oidc/{provider}",
    summary="Log in by a provider",
    status_code=303,
    response_model=None,
    response_class=Response,
    responses={
        303: {"description": "To the provider, which sends the browser back"},
        **problems.documented(404),
    },
    openapi_extra=_PUBLIC,
)
async def begin(request: Request, provider: ProviderName) -> Response:
    """Takes no credential. For browsers: a cookie shows afterwards that it was this one that began."""
    demand_known(request)
    parts = parts_of(request)
    named, back = parts.providers.named(provider), _callback(request, parts, provider)
    started = await parts.threads.run_outside(lambda: oidc_login.begin(parts.server, named, back))
    answer = Response(status_code=303, headers={"Location": started.address})
    cookies.set_login(answer, parts.settings, started.browser)
    return answer


@router.get(
    "/oidc/{provider}/callback",
    summary="Come back from a provider",
    response_model=None,
    responses={200: says(shapes.NewSession, "The session, as a cookie"), **problems.documented(404)},
    openapi_extra=_PUBLIC,
)
async def finish(
    request: Request,
    provider: ProviderName,
    state: Annotated[str, Query(min_length=1, max_length=200)],
    code: Annotated[str | None, Query(min_length=1, max_length=4000)] = None,
    error: Annotated[str | None, Query(max_length=1000)] = None,
    iss: Annotated[str | None, Query(max_length=1000, description="The issuer, RFC 9207.")] = None,
) -> Response:
    """Takes the cookie of the browser that began. What else a provider adds is ignored (RFC 6749, 4.1.2)."""
    parts = parts_of(request)
    named, back = parts.providers.named(provider), _callback(request, parts, provider)
    returned = oidc_login.Returned(state=state, code=code, error=error, issuer=iss)
    headers = request.scope["headers"]
    browser = cookies.value_in(headers, cookies.name_of(cookies.LOGIN, parts.settings))
    session, secret = await parts.threads.run_outside(
        lambda: oidc_login.finish(parts.server, named, returned, browser=browser, redirect_uri=back)
    )
    answer = begun(parts, session, secret, as_cookie=True)
    cookies.clear_login(answer, parts.settings)
    return answer


def _callback(request: Request, parts: Parts, provider: str) -> str:
    """The address that the provider sends the browser back to, as it is registered there.

    It is never made of what a request says, unless the request came to this machine from itself.

    Raises:
        Unavailable: GATEKEEPER_PUBLIC_URL is not set.
    """
    path = f"{API_PREFIX}/login/oidc/{provider}/callback"
    if parts.settings.public_url:
        return parts.settings.public_url.rstrip("/") + path
    host = request.url.hostname or ""
    if not parts.settings.is_local or not _is_loopback(host):
        raise Unavailable(
            "the server does not know its own address", hint="an administrator sets GATEKEEPER_PUBLIC_URL"
        )
    return f"{request.url.scheme}://{request.url.netloc}{path}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
