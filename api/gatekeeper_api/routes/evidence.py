"""`/evidence`: reports in, and what was made of them."""

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gatekeeper.caller import Caller, Scope
from gatekeeper.evidence import Kind
from gatekeeper.service import evidence, submit
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.service.submission import Received, Submission
from gatekeeper.service.submit import Submitted
from gatekeeper_api import problems
from gatekeeper_api.body import Upload, spooled
from gatekeeper_api.forms import display_name
from gatekeeper_api.routes.answering import LOCATION, answered, says
from gatekeeper_api.routes.asking import Asking, Asks
from gatekeeper_api.routes.cursors import Count, Cursor
from gatekeeper_api.routes.parameters import ArtifactOf, Commit, CursorOf, Id, Limit, ProjectOf, Tree
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base
from gatekeeper_api.schemas.evidence import Evidence
from gatekeeper_api.schemas.lists import EvidencePage, EvidenceProblem

router = api_router("evidence", "/evidence")

CURSOR: Cursor[int] = Cursor("evidence", Count)

BYTES = "application/octet-stream"
_BINARY = {"type": "string", "contentMediaType": BYTES}
_BODY = {
    "required": True,
    "description": "The report as it is, or a form. Content-Encoding may be gzip or zstd.",
    "content": {
        BYTES: {"schema": _BINARY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "A report, the record of its run, or both.",
                "properties": {
                    "report": _BINARY,
                    "record": {**_BINARY, "description": "The runner's record (`gatekeeper/run/v1`)."},
                    "commit": {**_BINARY, "description": "The output of `git cat-file commit`."},
                },
                "anyOf": [{"required": ["report"]}, {"required": ["record"]}],
                "additionalProperties": False,
            }
        },
    },
}
_CODES = {"too-large": (413, "body-too-large"), "kind-mismatch": (422, "kind-mismatch")}
"""Why a report counts as unreadable, where the API has a word of its own for it."""


class About(BaseModel):
    """What the query says about the body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: base.ProjectPath
    commit: base.GitId
    tree: base.GitId | None = Field(None, description="May be left out when the part `commit` proves it.")
    artifact: base.Artifact | None = Field(
        None, description="What was tested, when it is more than the source."
    )
    kind: Kind | None = Field(None, description="Only where the format leaves it open.")
    name: base.Name = Field("default", description="Which of several: `unit`, `e2e`.")
    job: base.Line | None = Field(None, description="Two jobs of one name stand beside each other.")
    run: base.Line | None = Field(None, description="Pipeline of the CI system.")
    attempt: base.Line | None = None
    format: base.Name | None = Field(None, description="Read it as this format (`gatekeeper formats`).")
    ref: base.Ref | None = Field(None, description="Branch or tag.")
    set: base.Line | None = Field(None, description="Upload set: its parts only count together.")
    part: Annotated[str, Field(pattern=r"^[0-9]{1,6}(/[0-9]{1,6})?$")] | None = Field(
        None, description="`2/5`, or `2` while the total is open; with `set`.", examples=["2/5"]
    )
    fork: base.ProjectPath | None = Field(None, description="The fork that sends it; no stage reads it.")
    filename: base.Line | None = Field(None, description="Breaks ties in detection.", examples=["junit.xml"])

    def submission(self, commit_object: bytes | None) -> Submission:
        """The same for the use case."""
        part, _, parts = (self.part or "").partition("/")
        words = self.model_dump(exclude={"part", "filename"})
        return Submission(
            **words,
            part=int(part) if part else None,
            parts=int(parts) if parts else None,
            commit_object=commit_object,
        )


@router.post(
    "",
    summary="Send a report",
    status_code=201,
    response_model=None,
    responses={
        201: says(Evidence, "Received and understood", headers=LOCATION),
        200: says(
            Evidence, "The same bytes of the same run were there; nothing was written", headers=LOCATION
        ),
        **problems.documented(404, 408, 409, 415),
        413: problems.told(EvidenceProblem, "Over a limit; with `evidence` it was recorded as unreadable"),
        422: problems.told(EvidenceProblem, "Refused; with `evidence` it was recorded as unreadable"),
    },
    openapi_extra={"requestBody": _BODY},
)
async def send(asks: Asks, request: Request, about: Annotated[About, Query()]) -> Response:
    """Takes `evidence:write`. A report that cannot be read is recorded all the same, and fails its rules.

    The answer to such a one is 422 (413 when it is over a limit) with the member `evidence`.
    """
    authorize.demand_path(authorize.demand(asks.caller, Scope.EVIDENCE_WRITE), about.project)
    upload = await spooled(request, asks.parts.settings)
    try:
        return await asks.parts.threads.run_upload(lambda: _submitted(asks, about, upload))
    finally:
        await asyncio.to_thread(upload.discard)


@router.get(
    "",
    summary="List the evidence of a project",
    response_model=None,
    responses={200: says(EvidencePage, "The newest first"), **problems.documented(404)},
)
async def page(
    asks: Asks,
    project: ProjectOf,
    commit: Commit = None,
    tree: Tree = None,
    artifact: ArtifactOf = None,
    cursor: CursorOf = None,
    limit: Limit = 50,
) -> Response:
    """Takes `gate:read`. Lists what was received, superseded and refused reports included."""
    before = CURSOR.read(cursor)

    def work(server: Server, caller: Caller) -> Response:
        found, more = evidence.page(
            server,
            caller,
            project,
            commit=commit,
            tree=tree,
            artifact=artifact,
            before=before,
            limit=limit,
        )
        shown = [_shown(one) for one in found]
        return answered(EvidencePage(items=shown, next=CURSOR.at(more)))

    return await asks.run(work)


@router.get(
    "/{id}",
    summary="Show evidence",
    response_model=None,
    responses={200: says(Evidence, "What is known of the report"), **problems.documented(404)},
)
async def show(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `gate:read`."""
    return await asks.run(lambda server, caller: answered(_shown(evidence.get(server, caller, id))))


@router.get(
    "/{id}/report",
    summary="Fetch the bytes of a report",
    response_model=None,
    response_class=Response,
    responses={
        200: {
            "description": "As it was received; for secrets what is left after redaction",
            "content": {BYTES: {"schema": _BINARY}},
        },
        **problems.documented(404),
    },
)
async def report(asks: Asks, id: Id) -> Response:  # noqa: A002 - the word of the API
    """Takes `audit:read`."""
    receipt, data = await asks.run(lambda server, caller: evidence.report(server, caller, id))
    headers = {"content-disposition": f'attachment; filename="{receipt.id}"'}
    return Response(data, headers=headers, media_type=BYTES)


def _submitted(asks: Asking, about: About, upload: Upload) -> Response:
    received = Received(
        report=upload.report,
        filename=display_name(about.filename or upload.filename),
        sha256=upload.sha256,
        size_bytes=upload.size,
        record=upload.record,
        record_sha256=upload.record_sha256,
        problem=upload.problem,
    )
    done = submit.submit(asks.server, asks.caller, about.submission(upload.commit), received)
    if done.is_new:
        metrics, receipt = asks.parts.metrics, done.receipt
        metrics.evidence_received.labels(str(receipt.kind or "unknown"), str(receipt.state)).inc()
        metrics.evidence_bytes.inc(receipt.size_bytes)
    shown = _shown(done)
    if not done.receipt.is_accepted:
        return _unreadable(shown)
    return answered(shown, 201 if done.is_new else 200, {"Location": f"/api/v1/evidence/{shown.id}"})


def _unreadable(shown: Evidence) -> Response:
    first = shown.problems[0] if shown.problems else base.Said(code="report-unreadable", params={}, text="")
    status, code = _CODES.get(first.code, (422, "report-unreadable"))
    members: dict[str, Any] = {"evidence": shown.model_dump(mode="json")}
    return problems.problem(
        status,
        code,
        f"the report cannot be read: {first.text or first.code}",
        hint="`gatekeeper inspect FILE` shows the same; until a readable report replaces it, its rules fail",
        members=members,
    )


def _shown(one: evidence.Shown | Submitted) -> Evidence:
    return Evidence.of(one.project, one.receipt, is_current=one.is_current, in_set=one.set)
