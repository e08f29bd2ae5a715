"""`/history`: what was decided, with all that a replay needs. `gatekeeper export decisions` reads it."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from fastapi import Query, Response
from pydantic import BeforeValidator

from gatekeeper.caller import Caller
from gatekeeper.policy.replay import KeptDecision
from gatekeeper.service import history
from gatekeeper.service.server import Server
from gatekeeper_api import problems
from gatekeeper_api.routes.answering import JSON, raw_json, says
from gatekeeper_api.routes.asking import Asks
from gatekeeper_api.routes.cursors import Count, Cursor, Text
from gatekeeper_api.routes.parameters import AnyProject, CursorOf, Id, PolicyName, Version
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas.history import HistoryPage

router = api_router("decisions", "/history")

CURSOR: Cursor[history.Place] = Cursor("history", tuple[Text, Text, Count, Text])
MAX_PAGE = 100


def _written_as_date(value: object) -> object:
    """By itself pydantic reads a bare number as seconds since 1970."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("write a day such as 2026-11-25")
    return value


Since = Annotated[
    date | None,
    BeforeValidator(_written_as_date),
    Query(description="Only decisions that were recorded since this day (UTC)."),
]
Few = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items at most.")]
_BYTES = {"content": {JSON: {"schema": {"type": "object"}}}}


class _Item(KeptDecision, frozen=True, kw_only=True):
    documents: dict[str, str]


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    items: list[_Item]
    next: str | None


@router.get(
    "/decisions",
    summary="List decisions with their inputs",
    response_model=None,
    responses={200: says(HistoryPage, "Whole decisions"), **problems.documented(404)},
)
async def page(
    asks: Asks, project: AnyProject = None, since: Since = None, cursor: CursorOf = None, limit: Few = 50
) -> Response:
    """Takes `audit:read`."""
    after = CURSOR.read(cursor)
    begins = begin_of(since)

    def work(server: Server, caller: Caller) -> Response:
        found, more = history.page(server, caller, project=project, since=begins, after=after, limit=limit)
        items = [
            _Item(
                decision=one.kept.decision,
                inputs=one.kept.inputs,
                baseline=one.kept.baseline,
                waivers=one.kept.waivers,
                records=one.kept.records,
                documents=one.documents,
            )
            for one in found
        ]
        return raw_json(msgspec.json.encode(_Page(items=items, next=CURSOR.at(more))))

    return await asks.run(work)


@router.get(
    "/evidence/{id}/document",
    summary="Fetch the normalised document of evidence",
    response_model=None,
    responses={
        200: {"description": "The bytes behind its digest; docs/reference/evidence.schema.json", **_BYTES},
        **problems.documented(404),
    },
)
async def document(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `audit:read`."""
    return await asks.run(lambda server, caller: raw_json(history.document(server, caller, id)))


@router.get(
    "/policies/{name}/versions/{version}/document",
    summary="Fetch what a version of a policy decides by",
    response_model=None,
    responses={
        200: {"description": "The bytes behind its digest, `extends` united", **_BYTES},
        **problems.documented(404),
    },
)
async def policy(asks: Asks, name: PolicyName, version: Version) -> Response:
    """Takes `audit:read`."""
    _, data = await asks.run(lambda server, caller: history.policy(server, caller, name, version))
    return raw_json(data)


def begin_of(day: date | None) -> datetime | None:
    """00:00 UTC of the day."""
    return None if day is None else datetime.combine(day, time(), UTC)
