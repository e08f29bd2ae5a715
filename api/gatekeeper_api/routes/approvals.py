"""`/approvals`: what there is to sign, a person's word on it, and its withdrawal."""

from typing import Annotated

from fastapi import Depends, Query, Response

from gatekeeper.caller import Caller
from gatekeeper.service import approvals
from gatekeeper.service.questions import Asked
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.parameters import ArtifactOf, Commit, Id, ProjectOf, Tree
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base
from gatekeeper_api.schemas.approvals import Approval, NewApproval, ToBeSigned

router = api_router("approvals", "/approvals")

RequiredStage = Annotated[
    str, Query(pattern=base.STAGE, max_length=100, description="The stage to be entered.", examples=["uat"])
]


@router.get(
    "/shown",
    summary="What there is to sign",
    response_model=None,
    responses={200: says(ToBeSigned, "As it stands now"), **problems.documented(404, 409)},
)
async def shown(
    asks: Asks,
    project: ProjectOf,
    stage: RequiredStage,
    commit: Commit = None,
    tree: Tree = None,
    artifact: ArtifactOf = None,
) -> Response:
    """Takes `gate:read`. Nothing is recorded."""
    asked = Asked(project=project, stage=stage, commit=commit, tree=tree, artifact=artifact)
    return await asks.run(
        lambda server, caller: answered(ToBeSigned.of(approvals.shown(server, caller, asked)))
    )


@router.post(
    "",
    summary="Approve or decline",
    status_code=201,
    response_model=None,
    responses={
        201: says(Approval, "Kept; the gate knows it from now on"),
        200: says(Approval, "The same word of the same person stands already"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(NewApproval),
)
async def give(asks: Asks, body: Annotated[NewApproval, Depends(json_of(NewApproval))]) -> Response:
    """Takes a person with `approval:give` and the role. 409 when what was shown is no longer true."""
    asked = Asked(
        project=body.project, stage=body.stage, commit=body.commit, tree=body.tree, artifact=body.artifact
    )
    word = approvals.Word(role=body.role, verdict=body.verdict, mark=body.mark, comment=body.comment)

    def work(server: Server, caller: Caller) -> Response:
        stored, is_new = approvals.give(server, caller, asked, word)
        return answered(Approval.of(stored), 201 if is_new else 200)

    return await asks.run(work)


@router.delete(
    "/{id}",
    summary="Take a word back",
    response_model=None,
    responses={200: says(Approval, "It counts no more"), **problems.documented(404)},
)
async def withdraw(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes the person who gave it, with `approval:give`. It stays in the list, as withdrawn."""
    return await asks.run(
        lambda server, caller: answered(Approval.of(approvals.withdraw(server, caller, id)))
    )
