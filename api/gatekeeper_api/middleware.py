"""The one layer around every request: its id, security headers, metrics, the access line, and defects.

A plain ASGI callable and one wrapped `send`: Starlette's BaseHTTPMiddleware costs a task and two streams per
request, and the gate query is asked thousands of times a second.
"""

import random
import re
import secrets
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import problems
from gatekeeper_api.body import HANG_UP, RAW_RECEIVE, bounded
from gatekeeper_api.logs import REQUEST_ID, Access, is_secret
from gatekeeper_api.metrics import Metrics
from gatekeeper_api.problems import CLIENT_LEFT

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are asked every few seconds and get no access line."""
NO_ROUTE = "(none)"

_IDS = random.Random(secrets.randbits(256))  # noqa: S311 - nobody may see two alike; guessing one gives nothing
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}", re.ASCII)
_CSP = b"content-security-policy"
_FIXED = ((b"x-content-type-options", b"nosniff"),)
_STRICT_CSP = (_CSP, b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
_NO_STORE = (b"cache-control", b"no-store")
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_CLOSE = (b"connection", b"close")

log = structlog.get_logger("gatekeeper.http")


class Envelope:
    """ASGI middleware. An answer's own CSP and Cache-Control stay; else both are the strictest."""

    def __init__(self, app: ASGIApp, *, settings: ServerSettings, metrics: Metrics, access: Access) -> None:
        self.app = app
        self.metrics = metrics
        self.access = access
        self.max_json_bytes = settings.max_json_bytes
        self.log_requests = settings.log_requests
        self.fixed = [*_FIXED, *((_HSTS,) if settings.https else ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on the lifespan."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id, has_body = _head_of(scope)
        if has_body:  # whatever reads a body without a limit of its own gets this one
            scope[RAW_RECEIVE] = receive
            receive = bounded(scope, receive, self.max_json_bytes)
        raw_id = request_id.encode()
        status = 0

        async def stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(message.get("headers") or (), raw_id, scope)
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            await self.app(scope, receive, stamped)
        except Exception:
            log.exception("http.defect", method=scope["method"], route=_template(scope))
            if status:  # the head is out: only a broken connection can still say that this is no answer
                raise
            await problems.internal()(scope, receive, stamped)
        finally:
            self._count(scope, status, time.perf_counter() - began)
            REQUEST_ID.reset(token)

    def _headers(self, sent: object, raw_id: bytes, scope: Scope) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = [*sent, *self.fixed, (b"x-request-id", raw_id)]  # type: ignore[misc]
        names = {name for name, _ in sent}  # type: ignore[attr-defined]
        if _CSP not in names:
            headers.append(_STRICT_CSP)
        if _NO_STORE[0] not in names:
            headers.append(_NO_STORE)
        if HANG_UP in scope:
            headers.append(_CLOSE)
        return headers

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        """Metrics and the access line; a request that got no answer counts as one whose sender left."""
        route, method = _template(scope), scope["method"]
        self.metrics.answered(route, method, status or CLIENT_LEFT, seconds)
        if self.log_requests and route not in QUIET:
            self.access(
                method=method,
                route=route,
                status=status or CLIENT_LEFT,
                ms=round(seconds * 1000, 2),
            )


def _head_of(scope: Scope) -> tuple[str, bool]:
    """The id of the request, and whether it has a body.

    An id that came with it is kept when it is short, plain and no secret: it goes into logs and headers.
    """
    found, has_body = "", False
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            found = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            has_body = True
    if not found or not _SANE_ID.fullmatch(found) or is_secret(found):
        found = f"{_IDS.getrandbits(96):024x}"
    return found, has_body


def _template(scope: Scope) -> str:
    """`/api/v1/evidence/{id}`, never the path itself: a metric has few series and a log no ids of others."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else NO_ROUTE
