"""The way of a gate query whose answer is at hand: past the router and what surrounds it.

FastAPI spends more on finding and calling a route than the gate on all that it checks. So the middleware here
makes the same checks first, with the same functions, and sends the answer when there is one to send. In every
other case, whatever is wrong or missing, the route does its work from the beginning and says what it is.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from gatekeeper.errors import GatekeeperError
from gatekeeper_api.auth import credential_in
from gatekeeper_api.parts import Parts, Running
from gatekeeper_api.routes import gate

(_ROUTE,) = gate.router.routes
_PATH = gate.router.prefix


class GateShortcut:
    """ASGI middleware. It never refuses: it answers, or passes on."""

    def __init__(self, app: ASGIApp, *, running: Running) -> None:
        self._app, self._running = app, running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] == "http" and scope["path"] == _PATH and scope["method"] == "GET":
            parts: Parts | None = getattr(self._running, "parts", None)
            if parts is not None and (found := await _at_hand(parts, scope)) is not None:
                ask, answer = found
                scope["route"] = _ROUTE  # as the router would, for metrics and the log
                await answer.response(as_status=ask.as_status)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _at_hand(parts: Parts, scope: Scope) -> tuple[gate.Ask, gate.Answer] | None:
    try:
        caller = parts.tokens.caller_at_hand(credential_in(scope["headers"]))
        if caller is None:
            return None
        ask = gate.permitted(scope["query_string"], caller)
        answer = await gate.at_hand(parts, ask)
    except GatekeeperError:
        return None
    return None if answer is None else (ask, answer)
