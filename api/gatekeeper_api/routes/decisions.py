"""`/decisions`: evaluate and record; what was decided."""

from typing import Annotated, assert_never

from fastapi import Depends, Response

from gatekeeper.caller import Caller
from gatekeeper.decision import as_json
from gatekeeper.service import answers, decide
from gatekeeper.service.decide import Answered
from gatekeeper.service.questions import Asked
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import LOCATION, RETRY_AFTER, answered, raw_json, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.bodies import json_of, takes
from gatekeeper_api.routes.cursors import Count, Cursor, Text
from gatekeeper_api.routes.parameters import ArtifactOf, Commit, CursorOf, Id, Limit, ProjectOf, StageOf
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.decisions import DecisionSummary, Question
from gatekeeper_api.schemas.lists import DecisionPage

router = api_router("decisions", "/decisions")

CURSOR: Cursor[tuple[int, str]] = Cursor("decisions", tuple[Count, Text])


@router.post(
    "",
    summary="Decide and record",
    status_code=201,
    response_model=None,
    responses={
        201: says("Decision", "Decided now, and recorded", headers=LOCATION),
        200: says("Decision", "The stored decision still answers the question", headers=LOCATION),
        202: says("Gate", "Too early: parts of an upload set are missing", headers=RETRY_AFTER),
        **problems.documented(404, 408, 409, 413, 415),
    },
    openapi_extra=takes(Question),
)
async def create(asks: Asks, body: Annotated[Question, Depends(json_of(Question))]) -> Response:
    """Takes `decision:write`. Act on `allowed` alone."""
    asked = Asked(
        project=body.project,
        stage=body.stage,
        commit=body.commit,
        tree=body.tree,
        artifact=body.artifact,
    )

    def work(server: Server, caller: Caller) -> Response:
        match decide.decide(server, caller, asked):
            case Answered(decision=decision, is_new=is_new):
                headers = {"Location": f"/api/v1/decisions/{decision.id}"}
                return raw_json(as_json(decision), 201 if is_new else 200, headers)
            case answers.Gate() as gate:
                pause = {"Retry-After": str(gate.retry_after_s or decide.RETRY_AFTER_S)}
                return raw_json(answers.as_bytes(gate), 202, pause)
            case other:
                assert_never(other)

    return await asks.run(work)


@router.get(
    "",
    summary="List decisions",
    response_model=None,
    responses={200: says(DecisionPage, "The newest first"), **problems.documented(404)},
)
async def page(
    asks: Asks,
    project: ProjectOf,
    stage: StageOf = None,
    commit: Commit = None,
    artifact: ArtifactOf = None,
    cursor: CursorOf = None,
    limit: Limit = 50,
) -> Response:
    """Takes `gate:read`."""
    before = CURSOR.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = decide.page(
            server,
            caller,
            project,
            stage=stage,
            commit=commit,
            artifact=artifact,
            before=before,
            limit=limit,
        )
        shown = [DecisionSummary.of(path, one) for path, one in found]
        return answered(DecisionPage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a decision",
    response_model=None,
    responses={200: says("Decision", "The whole decision"), **problems.documented(404)},
)
async def show(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""
    return await asks.run(lambda server, caller: raw_json(as_json(decide.get(server, caller, id))))
