"""`/overrides`: two people let one failing subject into one stage, for a day at most."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.service import overrides
from gatekeeper.service.questions import Asked
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.parameters import Id
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.exceptions import NewOverride, Override

router = api_router("overrides", "/overrides")


@router.post(
    "",
    summary="Ask to break the glass",
    status_code=201,
    response_model=None,
    responses={
        201: says(Override, "Asked for; another person has an hour to agree"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(NewOverride),
)
async def ask(asks: Asks, body: Annotated[NewOverride, Depends(json_of(NewOverride))]) -> Response:
    """Takes a person with `override:give`."""
    asked = Asked(
        project=body.project, stage=body.stage, commit=body.commit, tree=body.tree, artifact=body.artifact
    )
    return await asks.run(
        lambda server, caller: answered(
            Override.of(overrides.ask(server, caller, asked, reason=body.reason, hours=body.hours)), 201
        )
    )


@router.post(
    "/{id}/agree",
    summary="Agree to break the glass",
    response_model=None,
    responses={200: says(Override, "It holds from now on"), **problems.documented(404, 409)},
)
async def agree(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes another person with `override:give`, within an hour."""
    return await asks.run(lambda server, caller: answered(Override.of(overrides.agree(server, caller, id))))


@router.post(
    "/{id}/revoke",
    summary="End an override now",
    response_model=None,
    responses={200: says(Override, "It is over"), **problems.documented(404)},
)
async def revoke(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes a person with `override:give`."""
    return await asks.run(lambda server, caller: answered(Override.of(overrides.revoke(server, caller, id))))
