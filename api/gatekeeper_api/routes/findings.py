"""`/findings`: who has this advisory, and what is open where."""

from typing import Annotated, Literal

from fastapi import Query, Response

from gatekeeper.caller import Caller
from gatekeeper.service import findings
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import AnyProject, CursorOf, Limit, OfKind, OfSeverity
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base
from gatekeeper_api.schemas.findings import TrackedFinding
from gatekeeper_api.schemas.lists import FindingPage

router = api_router("findings", "/findings")

CURSOR: Cursor[findings.Key] = Cursor("findings", tuple[Text, Text, Text, Text, Text])
Advisory = Annotated[
    str | None,
    Query(pattern=base.WORD, max_length=200, description="An id or alias.", examples=["CVE-2026-12345"]),
]
Standing = Annotated[Literal["open", "fixed"] | None, Query(description="Left out: both.")]


@router.get(
    "",
    summary="List findings of released refs",
    response_model=None,
    responses={
        200: says(FindingPage, "Those of projects in the reach of the caller"),
        **problems.documented(404),
    },
)
async def page(
    asks: Asks,
    advisory: Advisory = None,
    project: AnyProject = None,
    kind: OfKind = None,
    severity: OfSeverity = None,
    status: Standing = None,
    cursor: CursorOf = None,
    limit: Limit = 50,
) -> Response:
    """Takes `gate:read`. `?advisory=CVE-2026-12345&status=open` says which projects have it now."""
    start = CURSOR.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = findings.page(
            server,
            caller,
            project=project,
            advisory=advisory,
            kind=kind,
            severity=severity,
            is_open=None if status is None else status == "open",
            after=start,
            limit=limit,
        )
        shown = [TrackedFinding.of(path, one) for path, one in found]
        return answered(FindingPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)
