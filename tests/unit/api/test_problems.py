"""One shape for every error, with the right status, and nothing of a defect in it."""

import io
import json
from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from gatekeeper.errors import GatekeeperError, NotCanonical, UsageError
from gatekeeper.policy.diagnostic import Diagnostic, PolicyRefused
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.registry import UnknownFormat
from gatekeeper.service import errors
from gatekeeper.service.settings import ServerSettings
from gatekeeper.store.errors import SchemaOutdated, StoreUnavailable
from gatekeeper_api import logs
from gatekeeper_api.app import create_app
from gatekeeper_api.decoding import UnknownEncoding
from gatekeeper_api.problems import answer
from gatekeeper_api.services import Services

Ask = Callable[..., httpx.Response]

DIAGNOSTIC = Diagnostic(file="p.yaml", line=3, key="rules[0].pass", message="no metric is called x")
CASES: list[tuple[Exception, int, str]] = [
    (errors.NotAuthenticated("who?"), 401, "not-authenticated"),
    (errors.coded(errors.NotAuthenticated, "token-expired", "old"), 401, "token-expired"),
    (errors.Denied("no scope"), 403, "scope-missing"),
    (errors.coded(errors.NotFound, "project-not-found", "no project"), 404, "project-not-found"),
    (errors.coded(errors.Conflict, "path-taken", "taken"), 409, "path-taken"),
    (errors.TooLarge("big"), 413, "too-large"),
    (UnknownEncoding("br"), 415, "unknown-encoding"),
    (errors.coded(errors.Refused, "fork-refused", "fork"), 422, "fork-refused"),
    (UsageError("wrong"), 422, "usage"),
    (KindMismatch("other kind"), 422, "kind-mismatch"),
    (UnknownFormat("what?"), 422, "unknown-format"),
    (PolicyRefused((DIAGNOSTIC,)), 422, "policy-refused"),
    (NotCanonical("float"), 422, "not-canonical"),
    (errors.TooMany("slow down"), 429, "too-many-requests"),
    (errors.Unavailable("gone"), 503, "unavailable"),
    (StoreUnavailable("locked"), 503, "unavailable"),
    (SchemaOutdated("old tables"), 503, "schema-outdated"),
    (HTTPException(413, "long"), 413, "body-too-large"),
    (HTTPException(408, "slow"), 408, "request-timeout"),
    (HTTPException(400, "There was an error parsing the body"), 422, "bad-parameter"),
    (RuntimeError("the password is hunter2"), 500, "internal"),
]
MEMBERS = {"type", "title", "status", "detail", "code", "hint", "request_id"}


class Body(BaseModel):
    """What `/body` takes."""

    model_config = ConfigDict(extra="forbid")
    path: str
    days: Annotated[int, Query(ge=1, le=366)] = 90


@pytest.fixture
def app(settings: ServerSettings) -> FastAPI:
    """An application with a route for every case."""
    made = create_app(settings, Services())

    @made.get("/raise/{number}")
    async def fail(number: int) -> None:
        raise CASES[number][0]

    @made.get("/limited")
    async def limited(project: str, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> str:
        return f"{project}{limit}"

    @made.post("/body")
    async def body(body: Body) -> str:
        return body.path

    return made


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{status}-{code}" for _, status, code in CASES])
def test_every_error_has_one_shape(app: FastAPI, ask: Ask, number: int) -> None:
    """The members of RFC 9457, a code, a hint and the id of the request."""
    _, status, code = CASES[number]
    answered = ask(app, "GET", f"/raise/{number}", headers={"x-request-id": "abcdefgh-1"})
    assert answered.status_code == status
    assert answered.headers["content-type"] == "application/problem+json"
    body = answered.json()
    assert set(body) - {"diagnostics", "parameters"} == MEMBERS
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"https://gatekeeper.dev/problems/{code}"
    assert body["title"]
    assert body["request_id"] == answered.headers["x-request-id"] == "abcdefgh-1"
    assert all(isinstance(body[name], str) for name in MEMBERS - {"status"})
    assert ("www-authenticate" in answered.headers) == (status == 401)
    assert ("retry-after" in answered.headers) == (status in (429, 503))


def test_a_defect_is_logged_once_with_its_traceback_and_shown_to_nobody(app: FastAPI, ask: Ask) -> None:
    """The answer has the id under which the log has the cause."""
    stream = io.StringIO()
    logs.configure("json", stream)
    number = next(n for n, (error, _, _) in enumerate(CASES) if isinstance(error, RuntimeError))
    answered = ask(app, "GET", f"/raise/{number}")
    assert "hunter2" not in answered.text
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    (defect,) = [event for event in events if event["event"] == "http.defect"]
    assert "RuntimeError: the password is hunter2" in defect["exception"]
    assert defect["request_id"] == answered.json()["request_id"]
    assert answered.json()["request_id"] in answered.json()["hint"]


def test_a_refused_policy_lists_every_fault(app: FastAPI, ask: Ask) -> None:
    """With file, line and key, as `policy lint` does."""
    number = next(n for n, (error, _, _) in enumerate(CASES) if isinstance(error, PolicyRefused))
    (fault,) = ask(app, "GET", f"/raise/{number}").json()["diagnostics"]
    assert (fault["line"], fault["key"]) == (3, "rules[0].pass")


def test_members_can_be_added() -> None:
    """As for an unreadable upload, whose evidence stands in the refusal."""
    body = json.loads(answer(GatekeeperError("no"), evidence={"id": "ev_1"}).body)
    assert body["evidence"] == {"id": "ev_1"}


def test_an_error_may_say_when_to_ask_again() -> None:
    """Else it is 5 seconds."""
    error = errors.TooMany("slow down")
    assert answer(error).headers["retry-after"] == "5"
    error.retry_after_s = 17  # type: ignore[attr-defined]
    assert answer(error).headers["retry-after"] == "17"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/limited", "query parameter `project` is missing"),
        (
            "/limited?project=a&limit=500",
            "query parameter `limit` is '500'; it should be less than or equal to 200",
        ),
        ("/limited?project=a&limit=" + "9" * 500, "query parameter `limit` is '99999"),
        ("/limited?limit=0", "; 1 more in `parameters`"),
    ],
)
def test_a_bad_parameter_is_named_with_its_value_and_what_is_allowed(
    app: FastAPI, ask: Ask, path: str, expected: str
) -> None:
    """The value is cut."""
    answered = ask(app, "GET", path)
    assert (answered.status_code, answered.json()["code"]) == (422, "bad-parameter")
    assert expected in answered.json()["detail"]
    assert len(answered.json()["detail"]) < 300


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "the body `(whole)` is not JSON"),
        (b'{"path": 7}', "the body `path` is 7"),
        (b'{"path": "a", "pfad": 1}', "the body `pfad` is not known here"),
        (b"\xff\xfe", "the body"),
        (b"", "is missing"),
        (b"[]", "the body"),
    ],
)
def test_a_bad_body_is_named_like_a_parameter(app: FastAPI, ask: Ask, content: bytes, expected: str) -> None:
    """Whatever it is, it is 422 and no defect."""
    answered = ask(app, "POST", "/body", content=content, headers={"content-type": "application/json"})
    assert (answered.status_code, answered.json()["code"]) == (422, "bad-parameter")
    assert expected in answered.json()["detail"] + answered.text


def test_secrets_in_a_refusal_are_redacted(app: FastAPI, ask: Ask) -> None:
    """Somebody always puts a token where a number belongs."""
    answered = ask(app, "GET", "/limited?project=a&limit=gk_3f9a_abcdefghijklmnop")
    assert "abcdefghijklmnop" not in answered.text


def test_unknown_routes_and_methods_say_so(app: FastAPI, ask: Ask) -> None:
    """404 and 405 have codes, and 405 what is allowed."""
    missing = ask(app, "GET", "/api/v1/nope")
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-route")
    wrong = ask(app, "DELETE", "/healthz")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (
        405,
        "method-not-allowed",
        "GET",
    )
    assert "GET" in wrong.json()["hint"]
