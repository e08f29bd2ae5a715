"""`/builds`: which artifact was built from which source. `/sets/close`: nothing more is to come."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import link, upload_sets
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.server import Server
from gatekeeper.service.submission import Submission
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.parameters import ProjectOf, RequiredArtifact
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.evidence import Build, EvidenceSet, NewBuild, SetEnd

router = api_router("evidence", "/builds")
sets_router = api_router("evidence", "/sets")


@router.post(
    "",
    summary="Link an artifact to its source",
    status_code=201,
    response_model=None,
    responses={
        201: says(Build, "Linked"),
        200: says(Build, "It was linked to this source already"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(NewBuild),
)
async def create(asks: Asks, body: Annotated[NewBuild, Depends(json_of(NewBuild))]) -> Response:
    """Takes `evidence:write`. The first link stands: another source for the same artifact is refused."""
    submission = Submission(
        project=body.project,
        commit=body.commit,
        tree=body.tree,
        artifact=body.artifact,
        run=body.run,
        job=body.job,
        ref=body.ref,
        commit_object=_commit_object(body.commit_object),
    )

    def work(server: Server, caller: Caller) -> Response:
        linked = link.link(server, caller, submission, body.image)
        return answered(Build.of(linked.project, linked.build), 201 if linked.is_new else 200)

    return await asks.run(work)


@router.get(
    "",
    summary="Show the link of an artifact",
    response_model=None,
    responses={200: says(Build, "From which source it was built"), **problems.documented(404)},
)
async def show(asks: Asks, project: ProjectOf, artifact: RequiredArtifact) -> Response:
    """Takes `gate:read`."""
    return await asks.run(
        lambda server, caller: answered(Build.of(*link.get(server, caller, project, artifact)))
    )


@sets_router.post(
    "/close",
    summary="End an upload set",
    response_model=None,
    responses={
        200: says(EvidenceSet, "The set as it stands"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(SetEnd),
)
async def close(asks: Asks, body: Annotated[SetEnd, Depends(json_of(SetEnd))]) -> Response:
    """Takes `evidence:write`. Without it, a set of unknown size is taken as it is at its deadline."""
    submission = Submission(
        project=body.project,
        commit=body.commit,
        tree=body.tree,
        set=body.set,
        run=body.run,
        attempt=body.attempt,
        parts=body.parts,
    )

    def work(server: Server, caller: Caller) -> Response:
        closed = upload_sets.close(server, caller, submission)
        return answered(EvidenceSet.of(body.project, closed, server.clock()))

    return await asks.run(work)


def _commit_object(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise coded(
            Refused,
            "bad-parameter",
            f"commit_object is no base64: {error}",
            hint="send the output of `git cat-file commit HEAD | base64 -w0`",
        ) from error
