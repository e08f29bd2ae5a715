"""Overrides and what they leave owing: two people let one subject in, and somebody settles the rest."""

from datetime import timedelta

import pytest
from current_answers import wrong_answers
from signers import SIGNED_POLICY, person
from together import at_once

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.decision import Outcome
from gatekeeper.errors import GatekeeperError
from gatekeeper.service import decide, obligations, overrides, policies
from gatekeeper.service.questions import Asked

ANN, SAM, KIM = person("ann"), person("sam"), person("kim", "qa-lead")
ROBOT = Caller(principal="token:gk_r", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",))
TEST = Asked(project="pay/api", stage="test", commit="1" * 40)


@pytest.fixture
def house(house):
    """A hotfix with a failing test."""
    policies.publish(house.server, ROBOT, SIGNED_POLICY, "with a path for emergencies")
    house.submit(house.junit(failed=1), house.job(ref="hotfix/7", environment=None))
    assert not may_enter(house)
    return house


def may_enter(house, asked: Asked = TEST) -> bool:
    """The answer of the gate."""
    return decide.look(house.server, ROBOT, asked).allowed


def ask(house, **more: object) -> str:
    """The id of what Ann asks for."""
    words = {"reason": "customers cannot pay", "hours": 2} | more
    return overrides.ask(house.server, ANN, TEST, **words).id


def code_of(work) -> str:
    """The code with which it is refused."""
    with pytest.raises(GatekeeperError) as failed:
        work()
    return failed.value.code


def test_two_people_let_a_failing_subject_in_for_its_hours(house) -> None:
    """The outcome stays what it is; only `allowed` changes, in the gate and in decisions."""
    asked = ask(house)
    assert not may_enter(house), "one person alone"
    held = overrides.agree(house.server, SAM, asked)
    assert overrides.agree(house.server, SAM, asked) == held
    assert may_enter(house)
    decision = house.decided("test")
    assert (decision.allowed, decision.outcome, decision.override) == (True, Outcome.FAIL, asked)
    assert wrong_answers(house.server, ROBOT) == []
    house.clock.forward(hours=2, seconds=1)
    assert not may_enter(house)


def test_it_is_for_one_stage_and_ends_when_somebody_ends_it(house) -> None:
    """Twice changes nothing."""
    asked = ask(house)
    overrides.agree(house.server, SAM, asked)
    assert not may_enter(house, Asked(project="pay/api", stage="production", commit="1" * 40))
    ended = overrides.revoke(house.server, KIM, asked)
    assert overrides.revoke(house.server, KIM, asked) == ended
    assert not may_enter(house)
    assert code_of(lambda: overrides.agree(house.server, SAM, asked)) == "override-ended"


def test_who_cannot_break_the_glass(house) -> None:
    """One person alone, tokens, people of other projects; without a reason, or for longer than a day."""
    asked = ask(house)
    far = person("far", projects="other/*")
    assert code_of(lambda: overrides.agree(house.server, ANN, asked)) == "override-one-person"
    assert code_of(lambda: overrides.agree(house.server, ROBOT, asked)) == "person-needed"
    assert code_of(lambda: overrides.agree(house.server, far, asked)) == "override-not-found"
    assert code_of(lambda: overrides.agree(house.server, SAM, "ovr_never")) == "override-not-found"
    assert code_of(lambda: ask(house, reason="")) == "bad-parameter"
    for hours in (0, 25):
        assert code_of(lambda hours=hours: ask(house, hours=hours)) == "bad-parameter"
    house.clock.forward(hours=1, seconds=1)
    assert code_of(lambda: overrides.agree(house.server, SAM, asked)) == "override-too-late"
    assert not may_enter(house)


def test_two_who_agree_at_once_are_one_override(house) -> None:
    """The second one is told."""
    asked = ask(house)
    told = at_once(
        lambda: overrides.agree(house.server, SAM, asked), lambda: overrides.agree(house.server, KIM, asked)
    )
    assert sorted(getattr(one, "code", "granted") for one in told) == ["granted", "override-ended"]
    assert may_enter(house)


def test_an_allowed_hotfix_owes_its_tests_and_blocks_when_they_are_overdue(house) -> None:
    """Once for each source; until a person with the role settles it."""
    overrides.agree(house.server, SAM, ask(house))
    house.decided("test")
    house.decided("test")
    owed, _ = obligations.page(house.server, ROBOT, "pay/api", after="", limit=9)
    assert [(one.key, one.obligation.owner_role) for one in owed] == [("late-tests", "qa-lead")]
    id_ = owed[0].obligation.id
    assert house.decided("test").obligations == (id_,)
    house.clock.forward(days=1, hours=1)
    house.submit(house.junit(passed=9), house.job(ref="hotfix/7", environment=None))
    assert not may_enter(house)
    assert f"obligation.{id_}" in {one.id for one in house.decided("test").rules}
    assert code_of(lambda: obligations.settle(house.server, ANN, id_, comment="done")) == "role-missing"
    assert code_of(lambda: obligations.settle(house.server, KIM, id_, comment=" ")) == "bad-parameter"
    assert code_of(lambda: obligations.settle(house.server, ROBOT, id_, comment="x")) == "person-needed"
    done = obligations.settle(house.server, KIM, id_, comment="all ran: PAY-19")
    assert obligations.settle(house.server, KIM, id_, comment="again") == done
    assert may_enter(house)
    assert house.server.clock() - done.obligation.opened_at > timedelta(days=1)
    assert wrong_answers(house.server, ROBOT) == []
