"""A client whose network is made by hand and whose pauses take no time."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from gatekeeper.client.address import Address
from gatekeeper.client.client import Client
from gatekeeper.client.retries import Timing

TOKEN = "gk_1_" + "s" * 43
URL = "https://gate.example.com"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC).isoformat()


class Wire:
    """The other side: gives the prepared answers one after another and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, timing: Timing | None = None, url: str = URL) -> Client:
        """A client of this server."""
        return Client(
            Address(url=url, credential=TOKEN),
            timing=timing,
            sleep=self.pauses.append,
            transport=httpx.MockTransport(self.handle),
        )


def problem(status: int, code: str, detail: str = "no", **more: object) -> httpx.Response:
    """An error of the API."""
    content = {"type": "x", "title": code, "status": status, "detail": detail, "code": code, "hint": "do it"}
    return httpx.Response(
        status,
        json=content | {"request_id": "req_1"} | more,
        headers={"Content-Type": "application/problem+json"},
    )


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """Makes the other side."""
    return Wire


@pytest.fixture
def refusal() -> Callable[..., httpx.Response]:
    """Makes an error of the API."""
    return problem


@pytest.fixture
def receipt() -> dict[str, object]:
    """What the server answers to an upload."""
    return {
        "id": "ev_1",
        "project": "pay/api",
        "kind": "tests",
        "name": "default",
        "job": "unit:junit.xml",
        "format": "junit",
        "state": "ok",
        "problems": [],
        "metrics": {"tests.total": 7, "tests.pass_rate": "78.21"},
        "trust": "bound",
        "counter": 4,
        "sha256": "ab" * 32,
        "bytes": 12,
        "received_at": AT,
        "accepted": True,
        "of_a_later_version": {"x": 1},
    }


@pytest.fixture
def who() -> dict[str, object]:
    """An answer of /whoami."""
    return {"principal": "token:gk_1", "method": "token", "scopes": ["gate:read"]}
