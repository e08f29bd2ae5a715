"""One request of somebody who is known, and the threads in which it is answered."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from gatekeeper.caller import Caller
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.server import Server
from gatekeeper_api.auth import caller_of
from gatekeeper_api.parts import Parts, parts_of

T = TypeVar("T")
_SHOWN_CHARS = 60


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A request whose sender is known and whose query has no word that the route does not know."""

    request: Request
    parts: Parts
    caller: Caller

    @property
    def server(self) -> Server:
        """What use cases are given."""
        return self.parts.server

    async def run(self, work: Callable[[Server, Caller], T]) -> T:
        """What the use case returns, run in a thread."""
        return await self.parts.threads.run(lambda: work(self.parts.server, self.caller))


async def asking(request: Request) -> Asking:
    """Who asks comes first: a stranger learns nothing about what else is wrong."""
    parts = parts_of(request)
    caller = await caller_of(request, parts)
    demand_known(request)
    return Asking(request=request, parts=parts, caller=caller)


Asks = Annotated[Asking, Depends(asking)]


def demand_known(request: Request) -> None:
    """Return when every query parameter is one that openapi.json names, and none stands there twice.

    A typo (`artefact=`) that was ignored would ask another question than the one that was meant.

    Raises:
        Refused: `bad-parameter`.
    """
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    known = request.app.state.query_names[route.path, request.method]
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if name not in known:
            raise unknown_parameter(name, known)
        if count > 1:
            raise coded(
                Refused, "bad-parameter", f"query parameter {name!r} stands there {count} times", hint="once"
            )


def unknown_parameter(name: str, known: frozenset[str]) -> Exception:
    """The refusal of a query parameter that the route does not have."""
    return coded(
        Refused,
        "bad-parameter",
        f"query parameter {name[:_SHOWN_CHARS]!r} is not known here",
        hint=f"known: {', '.join(sorted(known))}" if known else "this route takes none",
    )
