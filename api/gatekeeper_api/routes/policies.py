"""`/policies`: immutable versions of the rules."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from gatekeeper.caller import Caller, Scope
from gatekeeper.service import policies, policy_drafts, policy_reviews
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import LOCATION, answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import body_of, json_of, takes
from gatekeeper_api.routes.cursors import Count, Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Limit, PolicyName, Version
from gatekeeper_api.routes.policy_drafts import YAML_BODY, BasedOn, InForceFrom, zoned
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.lists import PolicyPage
from gatekeeper_api.schemas.policy_drafts import PolicyDraft, Rollback
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
    """Takes `policy:write`. The body is the YAML. Where people hold `policy:approve`, begin a draft instead.

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
        shown = [PolicyVersion.of(one, in_force=is_in_force) for one, is_in_force in found]
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


@router.post(
    "/{name}/drafts",
    summary="Begin a draft",
    status_code=201,
    response_model=None,
    responses={
        201: says(PolicyDraft, "Read and tested; it may have faults", headers=LOCATION),
        **problems.documented(408, 409, 413),
    },
    openapi_extra=YAML_BODY,
)
async def draft(
    asks: Asks,
    request: Request,
    name: PolicyName,
    based_on: BasedOn = None,
    reason: Reason = "",
    in_force_from: InForceFrom = None,
) -> Response:
    """Takes `policy:write`. The body is the YAML. Nothing is in force before a second person approved it."""
    authorize.demand(asks.caller, Scope.POLICY_WRITE)
    text = await body_of(request)
    begins = zoned(in_force_from)

    def work(server: Server, caller: Caller) -> Response:
        made = policy_drafts.create(
            server, caller, name, text, based_on=based_on, reason=reason, in_force_from=begins
        )
        return answered(PolicyDraft.of(made), 201, {"Location": f"/api/v1/policy-drafts/{made.id}"})

    return await asks.run(work)


@router.post(
    "/{name}/rollback",
    summary="Bring an older version back",
    status_code=201,
    response_model=None,
    responses={
        201: says(PolicyDraft, "Submitted: one more person approves it", headers=LOCATION),
        **problems.documented(404, 408, 413, 415),
    },
    openapi_extra=takes(Rollback),
)
async def roll_back(
    asks: Asks, name: PolicyName, body: Annotated[Rollback, Depends(json_of(Rollback))]
) -> Response:
    """Takes a person with `policy:write` or `policy:approve`, and another one who approves."""

    def work(server: Server, caller: Caller) -> Response:
        made = policy_reviews.roll_back(server, caller, name, to=body.to, reason=body.reason)
        return answered(PolicyDraft.of(made), 201, {"Location": f"/api/v1/policy-drafts/{made.id}"})

    return await asks.run(work)
