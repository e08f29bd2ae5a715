"""What surrounds every answer: an id, headers, one count by template, one line in the log."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import logs
from gatekeeper_api.app import create_app
from gatekeeper_api.routing import api_router
from gatekeeper_api.services import Services

Ask = Callable[..., httpx.Response]


def application(settings: ServerSettings, **options: Any) -> FastAPI:
    """An application with a route that has a parameter, and one that reads its body."""
    router = api_router("evidence", "/evidence")

    @router.get("/{evidence_id}")
    async def one(evidence_id: str) -> str:
        return evidence_id

    @router.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @router.get("/{evidence_id}/page")
    async def page(evidence_id: str) -> Response:
        return Response(
            evidence_id, headers={"content-security-policy": "default-src 'self'", "cache-control": "private"}
        )

    return create_app(settings, Services(routers=(router,)), **options)


@pytest.fixture
def app(settings: ServerSettings) -> FastAPI:
    """See `application`."""
    return application(settings)


def lines_of(settings: ServerSettings, ask: Ask, *requests: tuple[str, str]) -> list[dict[str, object]]:
    """The log of these requests."""
    stream = io.StringIO()
    app = application(settings, access=logs.configure("json", stream))
    for method, path in requests:
        ask(app, method, path)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_sane_request_id_is_kept(app: FastAPI, ask: Ask) -> None:
    """So that one id runs through several services."""
    assert (
        ask(app, "GET", "/healthz", headers={"x-request-id": "ci-job-4711"}).headers["x-request-id"]
        == "ci-job-4711"
    )


@pytest.mark.parametrize(
    "sent",
    ["", "short", "x" * 129, "with space", "a\x1b[31mred", "id\u00fcber-all", "gk_3f9a_abcdefghijklmnop"],
)
def test_another_request_id_is_replaced(app: FastAPI, ask: Ask, sent: str) -> None:
    """It goes into logs and headers: no control characters, no novels, no tokens."""
    found = ask(app, "GET", "/healthz", headers=[(b"x-request-id", sent.encode())]).headers["x-request-id"]
    assert found != sent
    assert len(found) == 24


def test_two_requests_have_two_ids(app: FastAPI, ask: Ask) -> None:
    """Made from random bits."""
    assert len({ask(app, "GET", "/healthz").headers["x-request-id"] for _ in range(20)}) == 20


@pytest.mark.parametrize("path", ["/healthz", "/nope", "/api/v1/evidence/ev_1"])
def test_every_answer_has_the_security_headers(app: FastAPI, ask: Ask, path: str) -> None:
    """Also refusals."""
    headers = ask(app, "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert "strict-transport-security" not in headers


def test_an_answer_keeps_its_own_policy(app: FastAPI, ask: Ask) -> None:
    """And then there is only that one."""
    headers = ask(app, "GET", "/api/v1/evidence/ev_1/page").headers
    assert headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert headers.get_list("cache-control") == ["private"]


def test_https_alone_is_promised_where_the_settings_say_so(tmp_path: Path, ask: Ask) -> None:
    """Behind a proxy that speaks it."""
    app = application(ServerSettings(data=tmp_path, https=True))
    assert "max-age=" in ask(app, "GET", "/healthz").headers["strict-transport-security"]


def test_requests_are_counted_by_template(app: FastAPI, ask: Ask) -> None:
    """A thousand ids are one series; what has no route is one more."""
    for number in range(3):
        ask(app, "GET", f"/api/v1/evidence/ev_{number}")
        ask(app, "GET", f"/secret-path-{number}")
    text = ask(app, "GET", "/metrics").text
    route = "/api/v1/evidence/{evidence_id}"
    assert f'qgate_http_requests_total{{method="GET",route="{route}",status="200"}} 3.0' in text
    assert f'qgate_http_request_duration_seconds_count{{route="{route}"}} 3.0' in text
    assert 'qgate_http_requests_total{method="GET",route="(none)",status="404"} 3.0' in text
    assert "ev_1" not in text
    assert "secret-path" not in text


def test_one_line_for_each_request_but_those_of_monitoring(settings: ServerSettings, ask: Ask) -> None:
    """With template, status and time; without path and query."""
    lines = lines_of(
        settings,
        ask,
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/evidence/ev_1?token=x"),
    )
    (line,) = lines
    assert line["event"] == "http.request"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/evidence/{evidence_id}", 200)
    assert isinstance(line["ms"], float)
    assert len(str(line["request_id"])) == 24
    assert "ev_1" not in json.dumps(line)


def test_a_body_that_is_no_upload_is_bounded(tmp_path: Path, ask: Ask) -> None:
    """Without a declared length too; the refusal names the setting, and the connection ends."""
    app = application(ServerSettings(data=tmp_path, max_json_bytes=2048))
    assert ask(app, "POST", "/api/v1/evidence/echo", content=b"x" * 2048).json() == 2048

    async def endless():
        for _ in range(100):
            yield b"x" * 1000

    for content in (b"x" * 2049, endless()):
        refused = ask(app, "POST", "/api/v1/evidence/echo", content=content)
        assert (refused.status_code, refused.json()["code"]) == (413, "body-too-large")
        assert "GATEKEEPER_MAX_JSON_BYTES" in refused.json()["detail"]
        assert refused.headers["connection"] == "close"
