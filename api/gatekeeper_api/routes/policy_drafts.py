"""`/policy-drafts`: a change of a policy, until a second person has approved it."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from gatekeeper.caller import Caller, Scope
from gatekeeper.policy_draft import DraftState
from gatekeeper.service import backtest, policies, policy_drafts, policy_reviews
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asking, Asks
from gatekeeper_api.routes.bodies import body_of, json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Id, Limit
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base
from gatekeeper_api.schemas.policy_drafts import (
    DraftApproval,
    DraftRejection,
    DraftStep,
    PolicyDraft,
    PolicyDraftPage,
)

router = api_router("policies", "/policy-drafts")

CURSOR: Cursor[str] = Cursor("policy-drafts", Text)
YAML = "application/yaml"
YAML_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            YAML: {"schema": {"description": "See docs/reference/policy.schema.json; faults are kept."}}
        },
    }
}
Reason = Annotated[str, Query(max_length=policies.MAX_REASON_CHARS, description="Why it is changed.")]
BasedOn = Annotated[
    int | None,
    Query(ge=1, le=2**31 - 1, description="The newest version; left out for a policy that is new."),
]
InForceFrom = Annotated[
    datetime | None, Query(description="When it comes into force; left out: as soon as it is approved.")
]
_Revision = Annotated[int, Query(ge=1, le=2**31 - 1, description="That the caller saw.")]
_State = Annotated[DraftState | None, Query(description="Only drafts that stand so.")]
_Policy = Annotated[str | None, Query(pattern=base.NAME, max_length=100, description="Only of this policy.")]
_STEP = problems.documented(404, 408, 409, 413, 415)


@router.get(
    "",
    summary="List drafts",
    response_model=None,
    responses={200: says(PolicyDraftPage, "The newest first")},
)
async def page(
    asks: Asks, policy: _Policy = None, state: _State = None, cursor: CursorOf = None, limit: Limit = 50
) -> Response:
    """Takes `gate:read`."""
    before = CURSOR.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = policy_drafts.page(
            server, caller, policy=policy, state=state, before=before, limit=limit
        )
        shown = [PolicyDraft.of(one) for one in found]
        return answered(PolicyDraftPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "With what it changes, in words"), **problems.documented(404)},
)
async def show(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""

    def work(server: Server, caller: Caller) -> Response:
        found = policy_drafts.get(server, caller, id)
        return answered(PolicyDraft.of(found.draft, found.changes))

    return await asks.run(work)


@router.get(
    "/{id}/text",
    summary="Fetch the YAML of a draft",
    response_model=None,
    response_class=Response,
    responses={
        200: {"description": "As it was saved", "content": {YAML: {"schema": {}}}},
        **problems.documented(404),
    },
)
async def text(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""
    found = await asks.run(lambda server, caller: policy_drafts.get(server, caller, id))
    return Response(found.draft.text, headers={"content-type": YAML})


@router.put(
    "/{id}",
    summary="Save a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "Read and tested; it may have faults"), **_STEP},
    openapi_extra=YAML_BODY,
)
async def edit(
    asks: Asks,
    request: Request,
    id: Id,  # noqa: A002 - the word of the API
    revision: _Revision,
    based_on: BasedOn = None,
    reason: Reason = "",
    in_force_from: InForceFrom = None,
) -> Response:
    """Takes `policy:write`. Whoever saw an older revision gets 409, with the difference in `changes`."""
    authorize.demand(asks.caller, Scope.POLICY_WRITE)
    body = await body_of(request)
    begins = zoned(in_force_from)

    def work(server: Server, caller: Caller) -> Response:
        saved = policy_drafts.edit(
            server,
            caller,
            id,
            body,
            revision=revision,
            based_on=based_on,
            reason=reason,
            in_force_from=begins,
        )
        return answered(PolicyDraft.of(saved))

    return await asks.run(work)


@router.post(
    "/{id}/submit",
    summary="Submit a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "It waits for a second person"), **_STEP},
    openapi_extra=takes(DraftStep),
)
async def submit(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[DraftStep, Depends(json_of(DraftStep))],
) -> Response:
    """Takes a person with `policy:write`, and a draft without faults whose tests pass."""
    return await asks.run(
        lambda server, caller: answered(
            PolicyDraft.of(policy_drafts.submit(server, caller, id, revision=body.revision))
        )
    )


@router.post(
    "/{id}/withdraw",
    summary="Withdraw a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "It is at its end"), **_STEP},
    openapi_extra=takes(DraftStep),
)
async def withdraw(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[DraftStep, Depends(json_of(DraftStep))],
) -> Response:
    """Takes `policy:write`."""
    return await asks.run(
        lambda server, caller: answered(
            PolicyDraft.of(policy_drafts.withdraw(server, caller, id, revision=body.revision))
        )
    )


@router.post(
    "/{id}/approve",
    summary="Approve a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "With the version that it became"), **_STEP},
    openapi_extra=takes(DraftApproval),
)
async def approve(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[DraftApproval, Depends(json_of(DraftApproval))],
) -> Response:
    """Takes a person with `policy:approve` who neither wrote nor submitted it."""

    def work(server: Server, caller: Caller) -> Response:
        done = policy_reviews.approve(
            server,
            caller,
            id,
            revision=body.revision,
            digest=body.digest,
            comment=body.comment,
            backtest=_tried(asks, server, caller, body.backtest),
        )
        return answered(PolicyDraft.of(done))

    return await asks.run(work)


@router.post(
    "/{id}/reject",
    summary="Reject a draft",
    response_model=None,
    responses={200: says(PolicyDraft, "It is at its end"), **_STEP},
    openapi_extra=takes(DraftRejection),
)
async def reject(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[DraftRejection, Depends(json_of(DraftRejection))],
) -> Response:
    """Takes a person with `policy:approve`, and a comment."""

    def work(server: Server, caller: Caller) -> Response:
        done = policy_reviews.reject(server, caller, id, revision=body.revision, comment=body.comment)
        return answered(PolicyDraft.of(done))

    return await asks.run(work)


def zoned(at: datetime | None) -> datetime | None:
    """The instant.

    Raises:
        Refused: `bad-parameter`: it says no time zone.
    """
    if at is not None and at.tzinfo is None:
        raise coded(Refused, "bad-parameter", "in_force_from needs a time zone, such as a Z at its end")
    return at


def _tried(asks: Asking, server: Server, caller: Caller, job: str | None) -> bytes | None:
    """The result of the backtest that is named."""
    if job is None:
        return None
    found = backtest.standing(server, asks.parts.jobs, caller, job)
    if found.result is None:
        raise coded(Refused, "bad-parameter", f"backtest {job} is {found.state}: it shows nothing yet")
    return found.result
