"""`/projects`: what is released, and which policy decides about it."""

from typing import Annotated

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.service import projects
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import answered, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Cursor, Text
from gatekeeper_api.routes.parameters import AnyProject, CursorOf, Id, Limit
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.lists import ProjectPage
from gatekeeper_api.schemas.projects import NewProject, PolicyChoice, Project

router = api_router("projects", "/projects")

CURSOR: Cursor[str] = Cursor("projects", Text)


@router.post(
    "",
    summary="Make a project",
    status_code=201,
    response_model=None,
    responses={
        201: says(Project, "It is there now"),
        200: says(Project, "It was there, the same"),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(NewProject),
)
async def create(asks: Asks, body: Annotated[NewProject, Depends(json_of(NewProject))]) -> Response:
    """Takes `project:create`. Asking again for the same project changes nothing."""

    def work(server: Server, caller: Caller) -> Response:
        project, is_new = projects.create(
            server,
            caller,
            path=body.path,
            policy=body.policy,
            default_ref=body.default_ref,
            protected_refs=body.protected_refs,
            issuer=body.issuer,
            provider_id=body.provider_id,
        )
        return answered(Project.of(project), 201 if is_new else 200)

    return await asks.run(work)


@router.get(
    "",
    summary="List projects",
    response_model=None,
    responses={200: says(ProjectPage, "Those in the reach of the caller, by path")},
)
async def page(asks: Asks, path: AnyProject = None, cursor: CursorOf = None, limit: Limit = 50) -> Response:
    """Takes `gate:read`. `path` selects one."""
    start = CURSOR.read(cursor) or ""

    def work(server: Server, caller: Caller) -> Response:
        found, more = projects.page(server, caller, path=path, after=start, limit=limit)
        shown = [Project.of(one) for one in found]
        return answered(ProjectPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a project",
    response_model=None,
    responses={200: says(Project, "The project"), **problems.documented(404)},
)
async def show(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""
    return await asks.run(lambda server, caller: answered(Project.of(projects.get(server, caller, id))))


@router.put(
    "/{id}/policy",
    summary="Let another policy decide",
    response_model=None,
    responses={
        200: says(Project, "The project with its new policy"),
        **problems.documented(404, 408, 413, 415),
    },
    openapi_extra=takes(PolicyChoice),
)
async def assign(
    asks: Asks,
    id: Id,  # noqa: A002 - the word of the API
    body: Annotated[PolicyChoice, Depends(json_of(PolicyChoice))],
) -> Response:
    """Takes `policy:write`. From now on the newest version of that policy decides about the project."""
    return await asks.run(
        lambda server, caller: answered(Project.of(projects.assign_policy(server, caller, id, body.policy)))
    )
