"""A gate query whose answer is at hand goes past the router, and past none of the checks."""

import time
from dataclasses import dataclass

import httpx
import pytest
from gate_server import GateServer

PROJECT, COMMIT, TREE = "shortcut/api", "a7" * 20, "b7" * 20
ASKED = {"project": PROJECT, "stage": "develop", "commit": COMMIT}
JUNIT = b'<testsuite name="t" tests="1"><testcase classname="t" name="one"/></testsuite>'


@dataclass(frozen=True)
class Gate:
    """A server with an answer at hand, and who asks for it."""

    server: GateServer
    reader: str

    def ask(self, token: str | None = None, **words: str) -> httpx.Response:
        """`GET /gate`, by default as its reader."""
        with self.server.http(self.reader if token is None else token) as client:
            return client.get("/api/v1/gate", params=ASKED | words)


@pytest.fixture(scope="module")
def gate(live_server: GateServer) -> Gate:
    """A build that was asked about before, so that its answer is at hand."""
    with live_server.http() as client:
        client.post("/api/v1/projects", json={"path": PROJECT}).raise_for_status()
        words = ASKED | {"tree": TREE}
        del words["stage"]
        client.post("/api/v1/evidence", params=words, content=JUNIT).raise_for_status()
    made = Gate(live_server, live_server.token("gate:read", projects=("shortcut/*",)))
    for _ in range(200):  # on a busy machine the first to ask is told to come again
        if made.ask().status_code != 202:
            break
        time.sleep(0.05)
    return made


def test_it_is_answered_as_by_the_route(gate: Gate) -> None:
    """Body and headers are those that the route sends; it answers whoever is not known yet."""
    for _ in range(20):  # a job may judge it again between two questions
        before, route, past = gate.ask(), gate.ask(gate.server.token("gate:read")), gate.ask()
        if before.content == past.content:
            break
    assert (past.status_code, past.json()["state"]) == (200, "decided")
    assert past.content == route.content
    volatile = {"date", "x-request-id"}
    assert {k: v for k, v in past.headers.items() if k not in volatile} == {
        k: v for k, v in route.headers.items() if k not in volatile
    }
    assert len(past.headers["x-request-id"]) == 24


def test_the_status_says_it_where_that_is_asked_for(gate: Gate) -> None:
    """The build lacks coverage: 409 with `http_status=true`, and the same answer."""
    told = gate.ask(http_status="true")
    assert (told.status_code, told.json()["allowed"]) == (409, False)


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ({"tree": "c7" * 20}, 409, "commit-of-another-tree"),
        ({"artefact": "x"}, 422, "bad-parameter"),
        ({"commit": "abc"}, 422, "bad-parameter"),
        ({"http_status": "yes"}, 422, "bad-parameter"),
        ({"project": "other/api"}, 403, "project-not-granted"),
        ({"stage": "moon"}, 422, "unknown-stage"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_question_is_said(
    gate: Gate, words: dict[str, str], status: int, code: str
) -> None:
    """An answer at hand excuses no fault of the question."""
    told = gate.ask(**words)
    assert (told.status_code, told.json()["code"]) == (status, code), told.text


def test_nobody_gets_it_who_may_not_ask(gate: Gate) -> None:
    """A stranger, a wrong token, one without the scope and one of another project are refused."""
    server = gate.server
    with server.http(None) as client:
        assert client.get("/api/v1/gate", params=ASKED).json()["code"] == "not-authenticated"
    for token, code in (
        (gate.reader[:-1] + ("0" if gate.reader[-1] != "0" else "1"), "not-authenticated"),
        (server.token("evidence:write"), "scope-missing"),
        (server.token("gate:read", projects=("pay/*",)), "project-not-granted"),
    ):
        for _ in range(2):  # the second time the token is known already
            assert gate.ask(token).json()["code"] == code


def test_a_revoked_token_gets_it_no_more(gate: Gate) -> None:
    """From the moment at which it is revoked, although it was known a moment ago."""
    with gate.server.client() as client:
        made = client.create_token(name="short", scopes=["gate:read"], projects=["*"])
        assert gate.ask(made.secret).status_code == 200
        client.revoke_token(made.token.id)
    assert gate.ask(made.secret).json()["code"] == "token-revoked"


def test_it_is_counted_under_its_route(gate: Gate) -> None:
    """Metrics and log know the query by the same name, whichever way it went."""
    gate.ask()
    with gate.server.http() as client:
        told = client.get("/metrics").text
    assert 'qgate_http_requests_total{method="GET",route="/api/v1/gate",status="200"}' in told
    assert '"route":"/api/v1/gate"' in gate.server.log.read_text()
