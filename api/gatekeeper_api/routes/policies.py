"""`/policies`: immutable versions of the rules."""

from typing import Annotated

from fastapi import Query, Request, Response

from gatekeeper.caller import Caller, Scope
from gatekeeper.service import policies
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import body_of
from gatekeeper_api.routes.cursors import Count, Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Limit, PolicyName, Version
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.lists import PolicyPage
from gatekeeper_api.schemas.projects import PolicyVersion

router = api_router("policies", "/policies")

CURSOR: Cursor[str] = Cursor("policies", Text)
VERSIONS: Cursor[int] = Cursor("versions", Count)

YAML = "application/yaml"
DOCUMENT = {"type": "object", "description": "See docs/reference/policy.schema.json."}
Reason = Annotated[str, Query(max_length=policies.MAX_REASON_CHARS, description="Why it is changed.")]


@router.post(
    "",
    summary="Import a policy",
    status_code=201,
    response_model=None,
    responses={
        201: says(PolicyVersion, "A new version, in force from now on"),
        200: says(PolicyVersion, "The version in force has this very content"),
        **problems.documented(408, 409, 413),
    },
    openapi_extra={"requestBody": {"required": True, "content": {YAML: {"schema": DOCUMENT}}}},
)
async def publish(asks: Asks, request: Request, reason: Reason = "") -> Response:
    """Takes `policy:write`. The body is the YAML.

    A policy that cannot decide, or whose own tests fail, is refused.
    """
    authorize.demand(asks.caller, Scope.POLICY_WRITE)
    text = await body_of(request)

    def work(server: Server, caller: Caller) -> Response:
        made, is_new = policies.publish(server, caller, text, reason)
        return answered(PolicyVersion.of(made, in_force=True), 201 if is_new else 200)

    return await asks.run(work)


@router.get(
    "",
    summary="List policies",
    response_model=None,
    responses={200: says(PolicyPage, "The version in force of each, by name")},
)
async def page(asks: Asks, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `gate:read`."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = policies.page(server, caller, after=start, limit=limit)
        shown = [PolicyVersion.of(one, in_force=True) for one in found]
        return answered(PolicyPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{name}",
    summary="List the versions of a policy",
    response_model=None,
    responses={200: says(PolicyPage, "The newest first"), **problems.documented(404)},
)
async def versions(asks: Asks, name: PolicyName, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `gate:read`."""
    before = VERSIONS.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = policies.versions(server, caller, name, before=before, limit=limit)
        shown = [
            PolicyVersion.of(one, in_force=before is None and place == 0) for place, one in enumerate(found)
        ]
        return answered(PolicyPage(items=shown, next=VERSIONS.at(more)))

    return await asks.run(work)


@router.get(
    "/{name}/versions/{version}",
    summary="Fetch the YAML of a version",
    response_model=None,
    response_class=Response,
    responses={
        200: {"description": "As it was imported", "content": {YAML: {"schema": DOCUMENT}}},
        **problems.documented(404),
    },
)
async def text(asks: Asks, name: PolicyName, version: Version) -> Response:
    """Takes `gate:read`."""
    found = await asks.run(lambda server, caller: policies.version(server, caller, name, version))
    return Response(found.text, headers={"content-type": YAML})
