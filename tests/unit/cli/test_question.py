"""A question that may be too early: what is waited for, and for how long."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from gatekeeper.cli.identity import Identity
from gatekeeper.cli.question import Question, waiting_words
from gatekeeper.client.address import Address
from gatekeeper.client.client import Client
from gatekeeper.client.errors import Unauthorised, Unreachable
from gatekeeper.client.model import Gate
from gatekeeper.client.retries import Timing
from gatekeeper.decision import Decision, as_json

PENDING = {
    "project": "pay/api",
    "stage": "uat",
    "state": "pending",
    "allowed": False,
    "pending": [{"code": "set-open", "text": "the set unit waits for part 2"}],
    "retry_after_s": 2,
}


def reason(status: str, rule: str | None = "r", **more: Any) -> dict[str, Any]:
    """One reason of a gate."""
    return {"rule": rule, "status": status, "code": status, "text": f"{rule} is {status}", **more}


def decided(*reasons: dict[str, Any], allowed: bool = False) -> dict[str, Any]:
    """A gate that has an answer."""
    outcome = "pass" if allowed else "fail"
    return {
        "project": "pay/api",
        "stage": "uat",
        "state": "decided",
        "allowed": allowed,
        "outcome": outcome,
        "reasons": list(reasons),
    }


MISSING = decided(reason("missing"))


class Server:
    """Gives the prepared answers, and a clock that only its pauses move."""

    def __init__(self, decision: Decision, *answers: object) -> None:
        self.answers = list(answers)
        self.decision = decision
        self.asked: list[str] = []
        self.now = 0.0
        self.connected = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The next answer; the decision when none is left."""
        self.asked.append(f"{request.method} {request.url.path.rpartition('/')[2]}")
        if not self.answers:
            return httpx.Response(201, content=as_json(self.decision))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(202 if answer is PENDING else 200, json=answer)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def connect(self) -> Client:
        """A client that tries once."""
        self.connected += 1
        return Client(
            Address(url="https://gate.example.com", credential="gk_x"),
            timing=Timing(tries=1),
            transport=httpx.MockTransport(self.handle),
        )

    def question(self, about: Identity) -> Question:
        """A question to this server."""
        return Question(
            connect=self.connect, about=about, stage="uat", sleep=self.sleep, clock=lambda: self.now
        )


@pytest.fixture
def made(failing: Decision) -> Decision:
    """A decision as a server makes it."""
    return msgspec.structs.replace(failing, gate=True)


@pytest.fixture
def about(made: Decision) -> Identity:
    """The subject of that decision."""
    source = made.subject.source
    assert source is not None
    return Identity(
        project="pay/api",
        commit=source.commit,
        tree=source.tree,
        artifact=None,
        ref=None,
        run=None,
        job=None,
        attempt=None,
        fork=None,
        part=None,
        commit_object=None,
    )


Ask = Callable[..., tuple[Server, Decision | Gate]]


@pytest.fixture
def ask(made: Decision, about: Identity) -> Ask:
    """Asks a server with these answers."""

    def asked(*answers: object, wait_s: float = 60) -> tuple[Server, Decision | Gate]:
        server = Server(made, *answers)
        with server.question(about) as question:
            return server, question.decided(wait_s)

    return asked


def test_without_a_wait_it_is_decided_at_once(ask: Ask) -> None:
    """One request."""
    server, answer = ask(wait_s=0)
    assert isinstance(answer, Decision)
    assert server.asked == ["POST decisions"]


def test_it_looks_until_nothing_is_on_its_way(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """Then it is decided once; what is waited for is said once."""
    server, answer = ask(PENDING, PENDING, MISSING, decided(allowed=True))
    assert isinstance(answer, Decision)
    assert server.asked == ["GET gate"] * 4 + ["POST decisions"]
    assert server.now == 2 + 2 + 5
    assert capsys.readouterr().err.splitlines() == [
        "waiting: the set unit waits for part 2",
        "waiting: r is missing",
    ]


def test_what_waiting_does_not_mend_is_decided_at_once(ask: Ask) -> None:
    """A failing rule fails later too."""
    server, _ = ask(decided(reason("missing"), reason("fail")))
    assert server.asked == ["GET gate", "POST decisions"]


def test_what_is_missing_at_the_end_is_decided_as_missing(ask: Ask) -> None:
    """At the end of the wait, not after it."""
    server, answer = ask(*[MISSING] * 4, wait_s=17)
    assert isinstance(answer, Decision)
    assert server.asked == ["GET gate"] * 4 + ["POST decisions"]
    assert server.now == 17


def test_what_is_pending_at_the_end_stays_undecided(ask: Ask) -> None:
    """The gate comes back, which never allows."""
    server, answer = ask(*[PENDING] * 4, wait_s=5)
    assert isinstance(answer, Gate)
    assert not answer.allowed
    assert server.asked == ["GET gate"] * 3 + ["POST decisions"]


def test_a_server_that_goes_away_is_waited_for(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """If it has answered before: it may be an update."""
    server, answer = ask(PENDING, httpx.ConnectError("refused"), httpx.Response(503), decided(allowed=True))
    assert isinstance(answer, Decision)
    assert server.asked[-1] == "POST decisions"
    assert "asking again" in capsys.readouterr().err


def test_a_server_that_never_answered_is_not_waited_for(ask: Ask) -> None:
    """A wrong address must not take ten minutes."""
    with pytest.raises(Unreachable):
        ask(httpx.ConnectError("refused"))


def test_an_identity_that_expires_while_waiting_is_renewed(ask: Ask) -> None:
    """They live for minutes; one that was never good is refused."""
    expired = {"type": "x", "title": "x", "status": 401, "detail": "expired", "code": "token-expired"}

    def refusal() -> httpx.Response:
        return httpx.Response(401, json=expired, headers={"Content-Type": "application/problem+json"})

    server, answer = ask(PENDING, refusal(), decided(allowed=True))
    assert isinstance(answer, Decision)
    assert server.connected == 2
    with pytest.raises(Unauthorised):
        ask(refusal())


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (PENDING, "the set unit waits for part 2"),
        (PENDING | {"pending": []}, "an answer"),
        (decided(allowed=True), None),
        (decided(), None),
        (decided(reason("missing"), reason("missing")), "r is missing"),
        (decided(reason("missing"), reason("error", "x")), None),
        (decided(reason("missing"), reason("fail", "x", mode="block")), None),
        (decided(reason("missing"), reason("fail", "x", mode="score")), "r is missing"),
        (decided(reason("missing"), reason("warn", "x")), "r is missing"),
        (
            decided(
                reason("missing"),
                {"rule": None, "status": None, "code": "score-too-low", "text": "the score is low"},
            ),
            "r is missing",
        ),
        (decided({"rule": None, "status": None, "code": "nothing-checked", "text": "nothing"}), None),
    ],
)
def test_only_missing_evidence_is_worth_waiting_for(gate: dict[str, Any], words: str | None) -> None:
    """And a scan or a set that is not finished."""
    assert waiting_words(msgspec.convert(gate, Gate)) == words
