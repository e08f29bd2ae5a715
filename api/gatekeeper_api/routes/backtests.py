"""`/policies/{name}/backtest`: try a policy on what was decided. A job does it; `/backtests/{id}` tells."""

from typing import Annotated

import msgspec
from fastapi import Path, Query, Request, Response

from gatekeeper.caller import Caller, Scope
from gatekeeper.service import backtest
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import LOCATION, raw_json, says
from gatekeeper_api.routes.asking import Asking, Asks
from gatekeeper_api.routes.bodies import body_of
from gatekeeper_api.routes.history import Since, begin_of
from gatekeeper_api.routes.parameters import AnyProject, PolicyName
from gatekeeper_api.routes.policies import DOCUMENT, YAML
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.history import Backtest

router = api_router("policies", "/backtests")
_of_policies = api_router("policies", "/policies")

Last = Annotated[int, Query(ge=1, le=backtest.MAX_LAST, description="How many of the newest decisions.")]

JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)]


class _Standing(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    state: str
    done: int
    of: int | None
    result: msgspec.Raw | None


@_of_policies.post(
    "/{name}/backtest",
    summary="Try a policy on recorded decisions",
    status_code=202,
    response_model=None,
    responses={
        202: says(Backtest, "Queued; ask for it by its id", headers=LOCATION),
        **problems.documented(404, 408, 413),
    },
    openapi_extra={"requestBody": {"required": True, "content": {YAML: {"schema": DOCUMENT}}}},
)
async def create(
    asks: Asks,
    request: Request,
    name: PolicyName,
    project: AnyProject = None,
    since: Since = None,
    last: Last = backtest.DEFAULT_LAST,
) -> Response:
    """Takes `audit:read`. The body is the YAML; nothing is published. It looks at projects in reach only."""
    authorize.demand(asks.caller, Scope.AUDIT_READ)
    text = await body_of(request)
    begins = begin_of(since)

    def work(server: Server, caller: Caller) -> Response:
        jobs = asks.parts.jobs
        ordered = backtest.order(server, jobs, caller, name, text, project=project, since=begins, last=last)
        found = backtest.Standing(id=ordered, state="queued", done=0, of=None, result=None)
        return _told(found, 202, {"Location": f"/api/v1/backtests/{ordered}"})

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show a backtest",
    response_model=None,
    responses={200: says(Backtest, "How far it is; with its result once done"), **problems.documented(404)},
)
async def show(asks: Asks, id: JobId) -> Response:  # noqa: A002 - the word of the API
    """Takes `audit:read`."""
    return await asks.run(lambda server, caller: _told(_standing(asks, server, caller, id)))


def _standing(asks: Asking, server: Server, caller: Caller, job_id: str) -> backtest.Standing:
    return backtest.standing(server, asks.parts.jobs, caller, job_id)


def _told(found: backtest.Standing, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    result = None if found.result is None else msgspec.Raw(found.result)
    told = _Standing(id=found.id, state=found.state, done=found.done, of=found.of, result=result)
    return raw_json(msgspec.json.encode(told), status, headers)


router.routes.extend(_of_policies.routes)  # a route carries its whole path
