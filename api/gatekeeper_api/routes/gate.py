"""`GET /gate`: the hot path. What is at hand is sent as it is stored; everything else is judged anew.

The order of the steps:
1. who asks, what, and may they;
2. the answer at hand, when nothing about the subject has changed since: one read, no thread;
3. an evaluation in a thread, waited for a moment; it goes on when that was not enough, and then is at hand.

The same question is evaluated once at a time; see `evaluations`.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from fastapi import Request, Response
from fastapi.routing import APIRoute

from gatekeeper.caller import Caller, Claims, Scope
from gatekeeper.service import answers, decide
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.questions import Asked
from gatekeeper.subject import Source, Subject
from gatekeeper_api import problems
from gatekeeper_api.auth import caller_of
from gatekeeper_api.parts import Parts, parts_of
from gatekeeper_api.routes.answering import JSON, RETRY_AFTER, says
from gatekeeper_api.routes.asking import unknown_parameter
from gatekeeper_api.routing import api_router
from gatekeeper_api.schemas import base

_EVALUATING: Final = answers.Said(
    code="evaluating", text="the answer is being worked out; ask again in a second"
)
_RETRY_S = 1
_MAX_FIELDS = 20
_KNOWN = frozenset({"project", "stage", "commit", "tree", "artifact", "http_status"})
_JSON_HEADER = {"content-type": JSON}


class Bare(APIRoute):
    """A route that FastAPI documents and does not run: the endpoint takes the request as it is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        return self.endpoint


router = api_router("gate", "/gate")
router.route_class = Bare


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A gate as it is sent. With `pause_s` it is pending."""

    body: bytes
    allowed: bool
    pause_s: int | None = None

    def response(self, *, as_status: bool) -> Response:
        """200, or 202 while pending; 409 for "not allowed" where the status shall say it."""
        if self.pause_s is not None:
            return Response(self.body, 202, headers={**_JSON_HEADER, "retry-after": str(self.pause_s)})
        return Response(self.body, 409 if as_status and not self.allowed else 200, headers=_JSON_HEADER)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One question, as the query says it."""

    about: Asked
    as_status: bool
    claims: Claims | None
    """Of a job, whose question is answered for it alone."""

    @property
    def key(self) -> str | None:
        """The key under which an answer may be at hand; None when it must be looked for in another way."""
        about = self.about
        if self.claims is not None or (about.commit is None) is (about.artifact is None):
            return None
        return f"c:{about.commit}" if about.commit is not None else f"a:{about.artifact}"


def _parameter(name: str, text: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": text, "schema": schema}


_PARAMETERS = [
    _parameter(
        "project",
        "Path of the project.",
        {"type": "string", "pattern": base.PROJECT, "maxLength": 200},
        required=True,
    ),
    _parameter(
        "stage",
        "The stage that it wants to enter.",
        {"type": "string", "pattern": base.STAGE, "maxLength": 100},
        required=True,
    ),
    _parameter("commit", "Full git id of the source.", {"type": "string", "pattern": base.GIT_ID}),
    _parameter("tree", "Git id of the commit's tree.", {"type": "string", "pattern": base.GIT_ID}),
    _parameter(
        "artifact",
        "What was built; instead of, or with, the commit.",
        {"type": "string", "pattern": base.ARTIFACT},
    ),
    _parameter(
        "http_status",
        "`true`: the status says it too, 200 for allowed, 409 for not.",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
    ),
]


@router.get(
    "",
    summary="May this enter the stage?",
    response_model=None,
    responses={
        200: says("Gate", "The answer of now; with `http_status=true` only when it is allowed"),
        202: says(
            "Gate",
            "No answer yet: parts of a set are missing, or it is being worked out",
            headers=RETRY_AFTER,
        ),
        **problems.documented(404),
        409: {
            "description": "With `http_status=true`: not allowed. Else what was asked contradicts itself",
            "content": {
                JSON: {"schema": {"$ref": "#/components/schemas/Gate"}},
                problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        },
    },
    openapi_extra={"parameters": _PARAMETERS},
)
async def gate(request: Request) -> Response:
    """Takes `gate:read`. Nothing is recorded; act on `allowed` alone, and never on a pending answer.

    The subject is named by its commit, its artifact, or both.
    """
    # 1. Who, what, and may they.
    parts = parts_of(request)
    caller = await caller_of(request, parts)
    ask = permitted(request.scope["query_string"], caller)
    # 2. At hand?
    if (held := await at_hand(parts, ask)) is not None:
        return held.response(as_status=ask.as_status)
    # 3. Work it out.
    return await _worked_out(parts, caller, ask)


def permitted(query: bytes, caller: Caller) -> Ask:
    """The question in a query string, which this caller may ask.

    Raises:
        Refused: `bad-parameter`.
        Denied: the caller may not read gates, or not of this project.
    """
    ask = asked_in(query, caller)
    caller = authorize.demand(caller, Scope.GATE_READ)
    authorize.demand_path(caller, ask.about.project)
    return ask


async def _worked_out(parts: Parts, caller: Caller, ask: Ask) -> Response:
    async def evaluated() -> Answer:
        gate = await parts.threads.run(lambda: decide.look(parts.server, caller, ask.about))
        return Answer(body=answers.as_bytes(gate), allowed=gate.allowed, pause_s=_pause(gate))

    found = await parts.evaluations.answer((ask.about, ask.claims), evaluated, lambda: at_hand(parts, ask))
    return (found or _later(ask.about)).response(as_status=ask.as_status)


async def at_hand(parts: Parts, ask: Ask) -> Answer | None:
    """The stored answer, when it is of now and of the very subject that is asked about."""
    if (key := ask.key) is None:
        return None
    about = ask.about
    held = await parts.gate_reader.current(about.project, about.stage, key)
    if held is None or not held.as_of <= parts.server.clock() < held.valid_until:
        return None
    # In JSON an unescaped quote ends a string, so no text of a report can look like this.
    if about.tree is not None and f'"source":{{"tree":"{about.tree}",'.encode() not in held.body:
        return None
    return Answer(body=held.body, allowed=held.allowed)


def asked_in(query: bytes, caller: Caller) -> Ask:
    """The question in a query string.

    Raises:
        Refused: `bad-parameter`.
    """
    try:
        pairs = _pairs(query.decode("ascii"))
    except ValueError as error:
        raise coded(Refused, "bad-parameter", f"the query cannot be read: {error}") from error
    words: dict[str, str] = {}
    for name, value in pairs:
        if name not in _KNOWN:
            raise unknown_parameter(name, _KNOWN)
        if name in words:
            raise coded(Refused, "bad-parameter", f"query parameter {name!r} stands there more than once")
        words[name] = value
    for name in ("project", "stage"):
        if not words.get(name):
            raise coded(Refused, "bad-parameter", f"query parameter `{name}` is missing")
    if (as_status := words.pop("http_status", "false")) not in ("true", "false"):
        raise _bad("http_status", as_status, "true or false")
    if "commit" not in words and "artifact" not in words:
        raise coded(Refused, "bad-parameter", "name the subject: commit=, artifact=, or both")
    about = Asked(**words)
    _check(about)
    return Ask(about=about, as_status=as_status == "true", claims=caller.claims)


def _pairs(query: str) -> list[tuple[str, str]]:
    """What `urllib.parse.parse_qsl` reads, for a third: most words have nothing to unquote."""
    fields = query.split("&")
    if len(fields) > _MAX_FIELDS:
        raise ValueError(f"more than {_MAX_FIELDS} parameters")
    split = (field.partition("=") for field in fields if field)
    return [(_unquoted(name), _unquoted(value)) for name, _, value in split]


def _unquoted(word: str) -> str:
    return unquote_plus(word, errors="strict") if "%" in word or "+" in word else word


def _check(about: Asked) -> None:
    try:
        Source(tree=about.tree if about.tree is not None else "0" * 40, commit=about.commit)
        Subject(project=about.project, artifact=about.artifact)
    except ValueError as error:
        raise coded(Refused, "bad-parameter", str(error)[:400]) from error
    if len(about.project) > 200:
        raise _bad("project", about.project, "at most 200 characters")
    if len(about.stage) > 100 or not about.stage.isprintable():
        raise _bad("stage", about.stage, "at most 100 printable characters")


def _bad(name: str, value: str, allowed: str) -> Exception:
    return coded(Refused, "bad-parameter", f"{name}={value[:80]!r} is not possible: {allowed}")


def _pause(gate: answers.Gate) -> int | None:
    if gate.state is answers.Standing.DECIDED:
        return None
    return gate.retry_after_s or decide.RETRY_AFTER_S


def _later(about: Asked) -> Answer:
    source = Source(tree=about.tree, commit=about.commit) if about.tree else None
    subject = Subject(project=about.project, source=source, artifact=about.artifact)
    gate = answers.waiting(subject, about.stage, (_EVALUATING,), _RETRY_S)
    return Answer(body=answers.as_bytes(gate), allowed=False, pause_s=_RETRY_S)
