"""`/policy-resolution`: which policy decides about a project, and why."""

from fastapi import Response

from gatekeeper.service import policy_resolve
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.parameters import ProjectOf
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.policy_drafts import PolicyResolution

router = api_router("policies", "/policy-resolution")


@router.get(
    "",
    summary="Tell which policy decides",
    response_model=None,
    responses={
        200: says(PolicyResolution, "The policy, and why; also for a project that is not there yet"),
        **problems.documented(404, 409),
    },
)
async def resolve(asks: Asks, project: ProjectOf) -> Response:
    """Takes `gate:read`."""
    return await asks.run(
        lambda server, caller: answered(PolicyResolution.of(policy_resolve.resolve(server, caller, project)))
    )
