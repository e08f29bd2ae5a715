"""Reads answers: the type that a call expects, or the error that the answer stands for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from gatekeeper.client.errors import (
    Answered,
    NotUnderstood,
    ServerFailed,
    ServerRefused,
    Unauthorised,
)
from gatekeeper.client.model import Evidence

T = TypeVar("T")

PROBLEM_TYPE = "application/problem+json"
_NOT_OURS = "check the address of the server; what answers may be a proxy or a login page"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    """What was asked, without the query."""


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457 with the members of the API."""

    code: str
    title: str = ""
    detail: str = ""
    hint: str = ""
    request_id: str | None = None
    evidence: msgspec.Raw = msgspec.Raw(b"null")


def decoded(answer: Answer, wanted: type[T]) -> T:
    """The body as `wanted`.

    Raises:
        NotUnderstood: it is something else.
    """
    try:
        return msgspec.json.decode(answer.body, type=wanted)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(
            f"{answer.url} answered {answer.status} with something that is not {wanted_name(wanted)}: "
            f"{' '.join(str(error).split())[:200]}",
            hint="the server may be of another version: `gatekeeper doctor` looks at it",
        ) from error


def error_of(answer: Answer) -> Answered:
    """The error that an answer which was not wanted stands for."""
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "nowhere")[:200]
        return NotUnderstood(
            f"{answer.url} answered {answer.status}, a redirect to {target}",
            hint="it is not followed, so that the token goes nowhere else: name the address it leads to",
        )
    problem = _problem_in(answer)
    if problem is None:
        return _foreign(answer)
    message = problem.detail or problem.title or f"the server answered {answer.status}"
    kind: type[Answered]
    if answer.status in (401, 403):
        kind = Unauthorised
    elif answer.status == 429 or answer.status >= 500:
        kind = ServerFailed
    else:
        kind = ServerRefused
    error = kind(
        message, hint=problem.hint, code=problem.code, status=answer.status, request_id=problem.request_id
    )
    if isinstance(error, ServerRefused):
        error.evidence = _receipt(problem)
    return error


def wanted_name(wanted: object) -> str:
    """The type in words."""
    return f"a {getattr(wanted, '__name__', str(wanted))}"


def _problem_in(answer: Answer) -> _Problem | None:
    if not answer.headers.get("content-type", "").startswith(PROBLEM_TYPE):
        return None
    try:
        return msgspec.json.decode(answer.body, type=_Problem)
    except (ValueError, RecursionError):
        return None


def _receipt(problem: _Problem) -> Evidence | None:
    try:
        return msgspec.json.decode(problem.evidence, type=Evidence | None)
    except (ValueError, RecursionError):
        return None


def _foreign(answer: Answer) -> Answered:
    """An answer that no Gatekeeper server gives: its status still says something."""
    text = f"{answer.url} answered {answer.status}"
    if answer.status in (401, 403, 407):
        return Unauthorised(f"{text} and gave no reason", hint=_NOT_OURS)
    if answer.status == 429 or answer.status >= 500:
        return ServerFailed(f"{text} and gave no reason", hint="ask whoever runs the server, or try later")
    return NotUnderstood(f"{text}, which is not an answer of a Gatekeeper server", hint=_NOT_OURS)
