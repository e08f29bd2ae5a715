"""Every refusal as `application/problem+json` (RFC 9457): one shape, a stable `code`, and what to do next."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gatekeeper.errors import GatekeeperError
from gatekeeper.policy.diagnostic import PolicyRefused
from gatekeeper.service import errors
from gatekeeper_api.logs import REDACTED, REQUEST_ID, is_secret, scrubbed

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://gatekeeper.dev/problems/"
CLIENT_LEFT = 499
"""What the log and the metrics say of a sender that hung up (nginx's number); nobody receives it."""
_RETRY_AFTER_S = "5"
_SHOWN_CHARS = 80
_MAX_PARAMETERS = 20
_WHO_SHOULD = re.compile(r"^(?:Value error, |Input |String |Tuple |List |Value )+")
"""How pydantic begins what a value "should" be."""

_STATUS: tuple[tuple[type[GatekeeperError], int], ...] = (
    (errors.NotAuthenticated, 401),
    (errors.Denied, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
)
"""Whatever is not here was understood and cannot be accepted as it is: 422."""

_STATUS_OF_CODE = {"unknown-encoding": 415, "unavailable": 503, "schema-outdated": 503}
"""The store and the blobs are below the use cases and have errors of their own."""


class Problem(BaseModel):
    """Why a request was refused. Programs read `code`, people `detail` and `hint`; members may be added."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[TYPE_PREFIX + "scope-missing"])
    title: str = Field(description="The code in words.")
    status: int
    detail: str = Field(description="What is wrong, with the value and the limit.")
    code: str = Field(description="Stable; see docs/reference.", examples=["scope-missing"])
    hint: str = Field(description="The next step; may be empty.")
    request_id: str = Field(description="Also in X-Request-ID and in the logs of the server.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that refuses with these statuses, and with those that every route has."""
    return {status: told(Problem, HTTPStatus(status).phrase) for status in sorted({*statuses, 422, 500, 503})}


def told(model: type[BaseModel], description: str) -> dict[str, Any]:
    """One entry of `responses`: a problem, or one with more members."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": reference}}}


def status_of(error: GatekeeperError) -> int:
    """The HTTP status for an error of the core or of a use case."""
    if own := _STATUS_OF_CODE.get(error.code):
        return own
    return next((status for cls, status in _STATUS if isinstance(error, cls)), 422)


def answer(error: GatekeeperError, **members: object) -> Response:
    """The answer to a request that ended with `error`; `members` are extension members.

    An error that knows when it is worth asking again has `retry_after_s`.
    """
    if isinstance(error, PolicyRefused):
        members.setdefault("diagnostics", error.errors)
    if (changes := getattr(error, "changes", None)) is not None:
        members.setdefault("changes", changes)
    retry_after_s = getattr(error, "retry_after_s", None)
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return problem(
        status_of(error), error.code, error.message, hint=error.hint, members=members, headers=headers
    )


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One answer in the one shape. What looks like a secret in `detail` is redacted."""
    body = {
        "type": TYPE_PREFIX + code,
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": scrubbed(detail),
        "code": code,
        "hint": hint,
        "request_id": REQUEST_ID.get() or "",
        **(members or {}),
    }
    sent = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("WWW-Authenticate", 'Bearer realm="gatekeeper"')
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        sent.setdefault("Retry-After", _RETRY_AFTER_S)
    return Response(msgspec.json.encode(body, enc_hook=str), status, headers=sent, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` in the one shape; unexpected ones are the middleware's."""
    app.exception_handler(GatekeeperError)(_refused)
    app.exception_handler(RequestValidationError)(_bad_parameters)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(ClientDisconnect)(_left)


def internal() -> Response:
    """The answer to a defect: nothing of it but the id under which it was logged."""
    return problem(
        500,
        "internal",
        "the server met a defect and did not finish the request",
        hint=f"its log has the cause under request id {REQUEST_ID.get()}",
    )


async def _refused(_request: Request, error: GatekeeperError) -> Response:
    return answer(error)


async def _left(_request: Request, _error: ClientDisconnect) -> Response:
    return Response(status_code=CLIENT_LEFT)


async def _http(request: Request, error: HTTPException) -> Response:
    path = _shown(request.url.path)
    match error.status_code:
        case 404:
            return problem(404, "no-such-route", f"there is no route {path}", hint="/docs lists the routes")
        case 405:
            allowed = _methods_of(request)
            return problem(
                405,
                "method-not-allowed",
                f"{request.method} cannot be used on {path}",
                hint=f"allowed: {allowed}" if allowed else "",
                headers={"Allow": allowed},
            )
        case 413:
            return problem(413, "body-too-large", error.detail, hint="", headers=error.headers)
        case 400:
            return problem(422, "bad-parameter", "the body cannot be read as what its Content-Type says")
        case status:
            code = HTTPStatus(status).phrase.lower().replace(" ", "-")
            return problem(status, code, error.detail, headers=error.headers)


def _methods_of(request: Request) -> str:
    """All methods of the path. What the router says is those of the first route that has it."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = [route for route in request.app.routes if getattr(route, "path", None) == path]
    return ", ".join(sorted(method for route in routes for method in route.methods))


async def _bad_parameters(_request: Request, error: RequestValidationError) -> Response:
    faults = [_fault(fault) for fault in error.errors()]
    first = faults[0]
    more = f"; {len(faults) - 1} more in `parameters`" if len(faults) > 1 else ""
    return problem(
        422,
        "bad-parameter",
        f"{first['in']} `{first['name']}` {first['detail']}{more}",
        hint="/docs lists what the route takes",
        members={"parameters": faults[:_MAX_PARAMETERS]},
    )


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """Where it is, the value as sent (cut), and what is allowed."""
    place, *inner = fault["loc"]
    names: Iterable[str] = (str(part) for part in inner)
    match fault["type"]:
        case "missing":
            detail = "is missing"
        case "json_invalid":
            detail = f"is not JSON: {fault['ctx']['error']} at character {inner[0]}"
            names = ()
        case "extra_forbidden":
            detail = "is not known here"
        case _:
            allowed = _WHO_SHOULD.sub("", fault["msg"])
            detail = f"is {_shown(fault['input'])}; it {allowed}"
    where = "the body" if place == "body" else f"{place} parameter"
    return {"in": where, "name": ".".join(names) or "(whole)", "detail": detail}


def _shown(value: object) -> str:
    text = repr(value)
    if is_secret(text):
        return REDACTED
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
