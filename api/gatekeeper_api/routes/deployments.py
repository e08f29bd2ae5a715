"""`/deployments`: what was rolled out where."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import deployments
from gatekeeper.service.questions import Asked
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Count, Cursor, Text
from gatekeeper_api.routes.parameters import CursorOf, Limit, ProjectOf, StageOf
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.exceptions import Deployment, DeploymentPage, NewDeployment

router = api_router("deployments", "/deployments")

CURSOR: Cursor[tuple[int, str]] = Cursor("deployments", tuple[Count, Text])


@router.post(
    "",
    summary="Tell of a rollout",
    status_code=201,
    response_model=None,
    responses={201: says(Deployment, "Kept"), **problems.documented(404, 408, 409, 413, 415)},
    openapi_extra=takes(NewDeployment),
)
async def tell(asks: Asks, body: Annotated[NewDeployment, Depends(json_of(NewDeployment))]) -> Response:
    """Takes `decision:write`. It changes no answer of the gate."""
    asked = Asked(project=body.project, stage=body.stage, commit=body.commit, artifact=body.artifact)
    told = deployments.Told(asked=asked, status=str(body.status), at=body.at)
    return await asks.run(
        lambda server, caller: answered(Deployment.of(deployments.tell(server, caller, told)), 201)
    )


@router.get(
    "",
    summary="List rollouts of a project",
    response_model=None,
    responses={200: says(DeploymentPage, "The newest first"), **problems.documented(404)},
)
async def page(
    asks: Asks, project: ProjectOf, stage: StageOf = None, cursor: CursorOf = None, limit: Limit = 50
) -> Response:
    """Takes `gate:read`."""
    before = CURSOR.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = deployments.page(server, caller, project, stage=stage, before=before, limit=limit)
        return answered(DeploymentPage(items=[Deployment.of(one) for one in found], next=CURSOR.at(more)))

    return await asks.run(work)
