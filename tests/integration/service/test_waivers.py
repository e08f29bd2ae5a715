"""Waivers on the server: asked for, granted by somebody else, frozen, ended, and never more than that."""

from datetime import timedelta

import pytest
from current_answers import wrong_answers
from signers import SIGNED_POLICY, person
from together import at_once

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.errors import GatekeeperError
from gatekeeper.recorded import Event
from gatekeeper.service import decide, policies, waivers
from gatekeeper.service.questions import Asked
from gatekeeper.service.waivers import Listed, WaiverState, Wish
from gatekeeper.waiver import WaiverScope

ANN, SAM = person("ann", "developer"), person("sam", "security")
ROBOT = Caller(principal="token:gk_r", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",))
POLICY = SIGNED_POLICY.replace(b"{from: production}", b"{from: develop}").replace(
    b"from: production", b"from: develop"
)
DEVELOP = Asked(project="pay/api", stage="develop", commit="1" * 40)


@pytest.fixture
def house(house):
    """One high finding stands against the source."""
    policies.publish(house.server, ROBOT, POLICY, "findings from the start")
    house.submit(house.junit())
    house.submit(house.bandit("B602"))
    assert not house.decided().allowed
    return house


def wish(house, **more: object) -> Wish:
    """A waiver for everything in `app.py`, for ten days."""
    words = {
        "project": "pay/api", "scope": WaiverScope.PATH, "match": "app.py", "reason": "not reachable",
        "ticket": "PAY-1", "expires_at": house.clock() + timedelta(days=10),
    } | more  # fmt: skip
    return Wish(**words)


def granted(house, by: Caller = SAM, **more: object) -> Listed:
    """A waiver that Ann asked for."""
    asked = waivers.request(house.server, ANN, wish(house, **more))
    return waivers.approve(house.server, by, asked.waiver.id)


def may_enter(house) -> bool:
    """The answer of the gate."""
    return decide.look(house.server, ROBOT, DEVELOP).allowed


def test_a_waiver_opens_the_gate_when_somebody_else_grants_it(house) -> None:
    """Not before; every answer of the project is another one at once, and the ledger is told."""
    asked = waivers.request(house.server, ANN, wish(house))
    assert (asked.state, may_enter(house)) == (WaiverState.REQUESTED, False)
    held = waivers.approve(house.server, SAM, asked.waiver.id)
    assert waivers.approve(house.server, SAM, asked.waiver.id).waiver == held.waiver
    assert [one.severity for one in held.waiver.covered] == ["high"]
    assert may_enter(house)
    assert house.decided().waivers.used == (held.waiver.id,)
    assert wrong_answers(house.server, ROBOT) == []
    told = house.server.database.read(lambda c: [row[0] for row in c.exec_driver_sql(
        "SELECT event FROM ledger_outbox")])  # fmt: skip
    assert told.count(Event.WAIVER_GRANTED) == 1


def test_it_covers_what_was_there_and_nothing_that_comes_later(house) -> None:
    """Another finding in the same file is open."""
    granted(house)
    assert may_enter(house)
    house.submit(house.bandit("B602", "B605"))
    assert not may_enter(house)


def test_it_ends_by_time_and_by_being_revoked(house) -> None:
    """The list says how each stands."""
    first, second = granted(house), granted(house, expires_at=house.clock() + timedelta(days=29))
    assert (first.state, second.state) == (WaiverState.EXPIRING, WaiverState.ACTIVE)
    waivers.revoke(house.server, ANN, second.waiver.id)
    house.decided()
    assert may_enter(house)
    house.clock.forward(days=10, hours=1)
    house.submit(house.junit())
    house.submit(house.bandit("B602"), name="again")
    assert not may_enter(house)
    listed, more = waivers.page(house.server, ROBOT, "pay/api", after="", limit=9)
    states = {one.waiver.id: one.state for one in listed}
    assert states == {first.waiver.id: WaiverState.EXPIRED, second.waiver.id: WaiverState.REVOKED}
    assert more is None


def test_one_that_sets_nothing_aside_is_listed_as_unused(house) -> None:
    """So that somebody takes it away."""
    held = granted(house, expires_at=house.clock() + timedelta(days=29))
    house.submit(house.bandit())
    house.decided()
    assert waivers.get(house.server, ROBOT, held.waiver.id).state is WaiverState.UNUSED


@pytest.mark.parametrize(
    ("by", "more", "code"),
    [
        (ANN, {}, "waiver-by-its-owner"),
        (ROBOT, {}, "person-needed"),
        (person("eve", "security", scopes=frozenset({Scope.GATE_READ})), {}, "scope-missing"),
        (person("tom", "security", projects="other/*"), {}, "waiver-not-found"),
        (person("joe"), {}, "waiver-without-role"),
        (SAM, {"match": "b.py"}, "waiver-matches-nothing"),
        (SAM, {"scope": WaiverScope.RULE, "match": "sast-high", "accept": "perhaps"}, "waiver-without-floor"),
    ],
)
def test_what_is_not_granted(house, by: Caller, more: dict[str, object], code: str) -> None:
    """By its owner, by a token, without scope or role, or for nothing."""
    asked = waivers.request(house.server, ANN, wish(house, **more))
    with pytest.raises(GatekeeperError) as failed:
        waivers.approve(house.server, by, asked.waiver.id)
    assert failed.value.code == code
    assert not may_enter(house)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"days": 31}, "waiver-too-long"),
        ({"days": -1}, "waiver-too-long"),
        ({"stages": ("moon",)}, "unknown-stage"),
        ({"scope": WaiverScope.RULE, "match": "no-such", "accept": ">= 1"}, "waiver-matches-nothing"),
        ({"scope": WaiverScope.RULE, "match": "sast-high"}, "bad-parameter"),
        ({"accept": ">= 1"}, "bad-parameter"),
        ({"reason": " "}, "bad-parameter"),
        ({"ticket": "x" * 2001}, "bad-parameter"),
        ({"owner": "usr_nobody"}, "bad-parameter"),
        ({"project": "no/such"}, "project-not-found"),
    ],
)
def test_what_cannot_be_asked_for(house, more: dict[str, object], code: str) -> None:
    """Nothing is kept."""
    days = more.pop("days", None)
    if days is not None:
        more |= {"expires_at": house.clock() + timedelta(days=days)}
    with pytest.raises(GatekeeperError) as failed:
        waivers.request(house.server, ANN, wish(house, **more))
    assert failed.value.code == code
    assert waivers.page(house.server, ROBOT, "pay/api", after="", limit=9) == ([], None)


def test_granted_and_revoked_at_once(house) -> None:
    """Whichever comes first: it is over, and the gate is closed."""
    for _ in range(4):
        asked = waivers.request(house.server, ANN, wish(house)).waiver.id
        at_once(
            lambda asked=asked: waivers.approve(house.server, SAM, asked),
            lambda asked=asked: waivers.revoke(house.server, ANN, asked),
        )
        assert waivers.get(house.server, ROBOT, asked).state is WaiverState.REVOKED
        assert not may_enter(house)
