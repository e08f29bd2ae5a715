"""What the client sends, what it makes of answers, and when it asks again."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from gatekeeper import __version__
from gatekeeper.client import calls
from gatekeeper.client.address import Address
from gatekeeper.client.client import AsyncClient, Client
from gatekeeper.client.errors import (
    NotUnderstood,
    ServerFailed,
    ServerRefused,
    Unauthorised,
    Unreachable,
)
from gatekeeper.client.retries import Timing

URL = "https://gate.example.com"
TOKEN = "gk_1_" + "s" * 43
Made = Callable[..., Any]


def test_a_request_says_who_asks_and_with_what(wire: Made, who: dict[str, object]) -> None:
    """The token goes into its header and nowhere else."""
    there = wire(httpx.Response(200, json=who))
    assert there.client().whoami().principal == "token:gk_1"
    (request,) = there.requests
    assert str(request.url) == f"{URL}/api/v1/whoami"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["user-agent"] == f"gatekeeper/{__version__}"


def test_a_server_below_a_path_is_asked_there(wire: Made, who: dict[str, object]) -> None:
    """A proxy may serve it as one of many."""
    there = wire(httpx.Response(200, json=who))
    there.client(url=f"{URL}/tools/gate").whoami()
    assert there.requests[0].url.path == "/tools/gate/api/v1/whoami"


def test_an_id_cannot_lead_to_another_route(wire: Made, refusal: Made) -> None:
    """Whatever stands in it is one segment of the path."""
    there = wire(refusal(404, "decision-not-found"))
    with pytest.raises(ServerRefused):
        there.client().decision("../tokens?x=1#y")
    assert there.requests[0].url.raw_path == b"/api/v1/decisions/%2E%2E%2Ftokens%3Fx%3D1%23y"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_faults_that_pass_are_tried_again(status: int, wire: Made, who: dict[str, object]) -> None:
    """With growing pauses, each between half and the whole of its length."""
    there = wire(*[httpx.Response(status)] * 3, httpx.Response(200, json=who))
    there.client().whoami()
    longest = (0.5, 1.0, 2.0)
    assert all(most / 2 <= pause <= most for pause, most in zip(there.pauses, longest, strict=True))


def test_a_broken_connection_is_tried_again(wire: Made, who: dict[str, object]) -> None:
    """Also when the answer was lost on its way."""
    there = wire(httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(200, json=who))
    assert there.client().whoami().method == "token"
    assert len(there.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_what_will_not_change_is_asked_once(status: int, wire: Made, refusal: Made) -> None:
    """A refusal, and a defect of the server."""
    there = wire(refusal(status, "x"))
    with pytest.raises((ServerRefused, Unauthorised, ServerFailed)):
        there.client().whoami()
    assert len(there.requests) == 1


def test_the_server_says_when_to_come_again(wire: Made, who: dict[str, object]) -> None:
    """`Retry-After` is kept, unless it ends beyond the deadline."""
    there = wire(httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(200, json=who))
    there.client().whoami()
    assert there.pauses == [7.0]
    late = wire(httpx.Response(503, headers={"Retry-After": "301"}))
    with pytest.raises(ServerFailed):
        late.client().whoami()
    assert late.pauses == []


def test_it_ends_after_the_last_try(wire: Made) -> None:
    """With what was wrong and what to check."""
    there = wire(*[httpx.ConnectError("[Errno 111] Connection refused")] * 5)
    with pytest.raises(Unreachable) as caught:
        there.client().whoami()
    assert caught.value.message == f"{URL} cannot be reached: [Errno 111] Connection refused"
    assert "GATEKEEPER_URL" in caught.value.hint
    assert len(there.requests) == 5


def test_a_certificate_that_is_not_trusted_is_not_tried_again(wire: Made) -> None:
    """Waiting does not mend it; the way to name one's own authority is said."""
    error = httpx.ConnectError("handshake")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    there = wire(error)
    with pytest.raises(Unreachable, match="certificate") as caught:
        there.client().whoami()
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_token_is_not_made_twice(wire: Made) -> None:
    """After a lost answer nobody would know the secret of the first; a closed door is tried again."""
    content = {"name": "ci", "scopes": ["gate:read"], "projects": ["*"]}
    lost = wire(httpx.ReadError("reset"))
    with pytest.raises(Unreachable):
        lost.client().create_token(**content)
    made = {"id": "tok_1", "name": "ci", "scopes": [], "created_at": "2026-11-23T10:00:00Z"}
    closed = wire(
        httpx.ConnectError("no"),
        httpx.Response(503),
        httpx.Response(201, json={"token": made, "secret": "gk_x"}),
    )
    answer = closed.client().create_token(**content)
    assert answer.secret == "gk_x"
    assert "gk_x" not in repr(answer)


def test_a_refusal_says_all_that_the_server_said(
    wire: Made, refusal: Made, receipt: dict[str, object]
) -> None:
    """Message, hint, code, request id, and the receipt of a report that cannot be read."""
    there = wire(refusal(422, "report-unreadable", "it is not XML", evidence=receipt | {"accepted": False}))
    with pytest.raises(ServerRefused) as caught:
        there.client().whoami()
    error = caught.value
    assert (error.message, error.hint, error.code, error.request_id) == (
        "it is not XML",
        "do it",
        "report-unreadable",
        "req_1",
    )
    assert error.reference == " [report-unreadable, request req_1]"
    assert error.evidence is not None
    assert not error.evidence.accepted


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, html="<form>log in</form>"), NotUnderstood),
        (httpx.Response(200, json=[]), NotUnderstood),
        (httpx.Response(200, content=b"[" * 100_000), NotUnderstood),
        (httpx.Response(200, json={"principal": 7}), NotUnderstood),
        (httpx.Response(204), NotUnderstood),
        (httpx.Response(404, html="nginx"), NotUnderstood),
        (httpx.Response(407), Unauthorised),
        (httpx.Response(401, html="log in"), Unauthorised),
        (httpx.Response(500, text="oh"), ServerFailed),
        (httpx.Response(422, headers={"Content-Type": "application/problem+json"}), NotUnderstood),
    ],
)
def test_what_is_no_answer_of_the_api_is_no_answer(
    answer: httpx.Response, error: type[Exception], wire: Made
) -> None:
    """A proxy, a login page, another server: never a pass, never a crash."""
    with pytest.raises(error):
        wire(answer).client().whoami()


def test_a_redirect_is_not_followed(wire: Made) -> None:
    """The token goes only to the server that was named."""
    there = wire(httpx.Response(302, headers={"Location": "https://evil.example.com/"}))
    with pytest.raises(NotUnderstood, match=r"evil\.example\.com"):
        there.client().whoami()
    assert len(there.requests) == 1


def test_an_answer_without_end_is_cut(wire: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a pipeline is not the server's to fill."""
    monkeypatch.setattr("gatekeeper.client.exchange.MAX_ANSWER_BYTES", 1_000)
    there = wire(httpx.Response(200, content=b" " * 5_000))
    with pytest.raises(NotUnderstood, match="1,000 bytes"):
        there.client().whoami()


def test_lists_are_read_to_their_end(wire: Made) -> None:
    """Page by page, by the cursor of the server."""

    def token(number: int) -> dict[str, object]:
        return {"id": f"t{number}", "name": "n", "scopes": [], "created_at": "2026-11-23T10:00:00Z"}

    there = wire(
        httpx.Response(200, json={"items": [token(1)], "next": "c1"}),
        httpx.Response(200, json={"items": [token(2)], "next": None}),
    )
    found = list(there.client().pages(lambda cursor: calls.tokens(cursor=cursor)))
    assert [item.id for item in found] == ["t1", "t2"]
    assert [request.url.query for request in there.requests] == [b"", b"cursor=c1"]


@respx.mock
def test_the_async_client_asks_the_same(who: dict[str, object]) -> None:
    """Same requests, same retries, same answers."""
    route = respx.get(f"{URL}/api/v1/whoami").mock(
        side_effect=[httpx.ConnectError("no"), httpx.Response(200, json=who)]
    )
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def ask() -> str:
        async with AsyncClient(Address(url=URL, credential=TOKEN), sleep=sleep) as client:
            return (await client.whoami()).principal

    assert asyncio.run(ask()) == "token:gk_1"
    assert len(pauses) == 1
    assert route.calls.last.request.headers["authorization"] == f"Bearer {TOKEN}"


@respx.mock
def test_the_token_is_never_logged(who: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    """Not even by the libraries below, and not in the repr of anything."""
    caplog.set_level(logging.DEBUG)
    respx.get(f"{URL}/api/v1/whoami").mock(return_value=httpx.Response(200, json=who))
    address = Address(url=URL, credential=TOKEN)
    with Client(address) as client:
        client.whoami()
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(address)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP on loopback would show the token to it."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    here = Client(Address(url="http://127.0.0.1:8080"))
    there = Client(Address(url=URL))
    assert (here._http._trust_env, there._http._trust_env) == (False, True)


def test_a_deadline_ends_the_tries(wire: Made) -> None:
    """However many are left."""
    there = wire(*[httpx.ConnectError("no")] * 9)
    with pytest.raises(Unreachable):
        there.client(Timing(total_s=0.001, tries=9)).whoami()
    assert len(there.requests) == 1
