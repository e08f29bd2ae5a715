"""Approvals on the server: bound to what was shown, by people alone, and never for a worse scan."""

import pytest
import sqlalchemy as sa
from current_answers import fresh, wrong_answers
from signers import SIGNED_POLICY, person
from together import at_once

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.recorded import Event, StoredApproval
from gatekeeper.service import approvals, decide, policies
from gatekeeper.service.approvals import Word
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused
from gatekeeper.service.questions import Asked
from gatekeeper.signoff import Verdict
from gatekeeper.store import approvals as rows

ANN, BOB = person("ann", "product", "ops"), person("bob", "ops")
COMMIT = "1" * 40
PRODUCTION = Asked(project="pay/api", stage="production", commit=COMMIT)
ROBOT = Caller(principal="token:gk_r", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",))


@pytest.fixture
def house(house):
    """The project has passed develop and test; production asks for two people."""
    policies.publish(house.server, ROBOT, SIGNED_POLICY, "people sign")
    house.submit(house.junit())
    house.submit(house.bandit())
    for stage in ("develop", "test"):
        assert house.decided(stage).allowed
    return house


def mark(house, caller: Caller = ANN, asked: Asked = PRODUCTION) -> str:
    """What the caller is shown."""
    return approvals.shown(house.server, caller, asked).mark


def sign(house, caller: Caller, role: str, *, seen: str | None = None, **more: str) -> StoredApproval:
    """The caller's word on what is shown now, or on what was `seen`."""
    word = Word(role=role, verdict=more.pop("verdict", Verdict.APPROVE), mark=seen or mark(house), **more)
    return approvals.give(house.server, caller, PRODUCTION, word)[0]


def may_enter(house) -> bool:
    """The answer of the gate."""
    return decide.look(house.server, ROBOT, PRODUCTION).allowed


def test_the_gate_opens_when_everybody_has_signed(house) -> None:
    """Two roles, two people; the decision lists their words, and the ledger is told."""
    assert not may_enter(house)
    assert house.decided("production").approvals.missing == ("ops", "product")
    sign(house, ANN, "product")
    assert not may_enter(house)
    sign(house, BOB, "ops")
    assert may_enter(house)
    decision = house.decided("production")
    assert (decision.allowed, decision.approvals.given) == (True, ("ops", "product"))
    assert decision.id == house.decided("production").id, "asked again: the same record"
    assert wrong_answers(house.server, ROBOT) == []
    told = house.server.database.read(events)
    assert told.count(Event.APPROVAL_GIVEN) == 2


def events(connection) -> list[str]:
    """The events that wait for the ledger."""
    return [row[0] for row in connection.execute(sa.text("SELECT event FROM ledger_outbox ORDER BY id"))]


def test_one_person_fills_one_role_only(house) -> None:
    """However many roles the person has, and however often the person signs."""
    first = sign(house, ANN, "product")
    assert sign(house, ANN, "product").approval.id == first.approval.id, "the same word twice is one"
    sign(house, ANN, "ops")
    assert not may_enter(house)


def test_two_accounts_of_one_person_are_one(house) -> None:
    """Who turned out to be somebody else has signed as that person."""
    sign(house, ANN, "product")
    sign(house, BOB, "ops")
    assert may_enter(house)
    row = "INSERT INTO person (id, name, is_active, joined_into, created_at) VALUES "
    values = "('usr_bob', 'Bob', false, 'usr_ann', 1)"
    house.server.database.write(lambda c: c.execute(sa.text(row + values)))
    words = house.server.database.read(lambda c: stored_words(c, house))
    assert {one.approval.person for one in words} == {"usr_ann"}
    assert not fresh(house.server, ROBOT, PRODUCTION).allowed


def stored_words(connection, house) -> list[StoredApproval]:
    """All words on the source."""
    return rows.of_source(connection, house.project.id, "1" * 39 + "f")


def test_tokens_do_not_sign(house) -> None:
    """Not even one that may everything."""
    with pytest.raises(Denied) as failed:
        sign(house, ROBOT, "product")
    assert failed.value.code == "person-needed"


@pytest.mark.parametrize(
    ("caller", "role", "error", "code"),
    [
        (BOB, "product", Denied, "role-missing"),
        (person("cat", "qa-lead"), "qa-lead", Refused, "role-not-asked"),
        (person("dan", "ops", projects="other/*"), "ops", Denied, "project-not-granted"),
        (person("eve", "ops", scopes=frozenset({Scope.GATE_READ})), "ops", Denied, "scope-missing"),
    ],
)
def test_who_may_not_sign_is_told_why(house, caller, role, error, code) -> None:
    """Nothing is kept."""
    with pytest.raises(error) as failed:
        sign(house, caller, role)
    assert failed.value.code == code
    assert house.server.database.read(lambda c: stored_words(c, house)) == []


def test_a_worse_scan_after_it_was_shown_refuses_the_word(house) -> None:
    """And the refusal says what changed."""
    seen = mark(house)
    house.submit(house.bandit("B602"))
    with pytest.raises(Conflict) as failed:
        sign(house, ANN, "product", seen=seen)
    assert failed.value.code == "shown-changed"
    assert "the rules, the open findings" in failed.value.message
    assert "sast-high" in failed.value.message
    for wrong in ("x", "", f"{seen}.{seen}", seen.replace(".", "")):
        with pytest.raises((Conflict, Refused)):
            sign(house, ANN, "product", seen=wrong or "-")


def test_a_worse_scan_after_the_words_voids_them(house) -> None:
    """They come to life again when the scan is clean again, for they say what was seen."""
    sign(house, ANN, "product")
    sign(house, BOB, "ops")
    house.submit(house.bandit("B602"))
    assert not may_enter(house)
    assert house.decided("production").approvals.missing == ("ops", "product")
    house.submit(house.bandit())
    assert may_enter(house)


def test_a_decline_needs_a_comment_and_stands_until_the_role_approves(house) -> None:
    """A person's no is heard over an earlier yes of somebody else."""
    sign(house, ANN, "product")
    sign(house, BOB, "ops")
    with pytest.raises(Refused):
        sign(house, BOB, "ops", verdict=Verdict.DECLINE, comment=" ")
    sign(house, BOB, "ops", verdict=Verdict.DECLINE, comment="not on a Friday")
    assert not may_enter(house)
    sign(house, BOB, "ops")
    assert may_enter(house)


def test_a_withdrawn_word_counts_no_more(house) -> None:
    """Only its person takes it back; others are refused, and who cannot see the project finds nothing."""
    sign(house, ANN, "product")
    word = sign(house, BOB, "ops")
    assert may_enter(house)
    with pytest.raises(Denied) as failed:
        approvals.withdraw(house.server, ANN, word.approval.id)
    assert failed.value.code == "approval-of-another"
    with pytest.raises(NotFound):
        approvals.withdraw(house.server, person("dan", projects="other/*"), word.approval.id)
    ended = approvals.withdraw(house.server, BOB, word.approval.id)
    assert approvals.withdraw(house.server, BOB, word.approval.id) == ended
    assert not may_enter(house)


def test_a_stage_is_entered_after_the_one_before(house) -> None:
    """A worse report and a failing decision for test close production, whoever signed; at once."""
    sign(house, ANN, "product")
    sign(house, BOB, "ops")
    assert may_enter(house)
    house.submit(house.junit(failed=1))
    assert not house.decided("test").allowed
    house.submit(house.junit(passed=4))
    assert not may_enter(house), "test has not been entered with it"
    house.decided("develop")
    house.decided("test")
    assert may_enter(house)
    assert wrong_answers(house.server, ROBOT) == []


def test_two_words_at_once(house) -> None:
    """Both stand, each once, and the gate is open."""
    seen = mark(house)
    at_once(*[lambda: sign(house, ANN, "product", seen=seen), lambda: sign(house, BOB, "ops", seen=seen)] * 3)
    assert len(house.server.database.read(lambda c: stored_words(c, house))) == 2
    assert may_enter(house)


def test_a_word_and_a_worse_scan_at_once(house) -> None:
    """Whichever comes first, the gate is closed at the end: nobody signed for what the scan found."""
    for number in range(4):
        house.submit(house.bandit())
        seen = mark(house)
        told = at_once(
            lambda seen=seen: sign(house, ANN, "product", seen=seen),
            lambda seen=seen: sign(house, BOB, "ops", seen=seen),
            lambda n=number: house.submit(house.bandit(f"B60{n}")),
        )
        assert all(not isinstance(one, Exception) or one.code == "shown-changed" for one in told), told
        assert not may_enter(house)
        decision = house.decided("production")
        assert (decision.allowed, decision.approvals.given) == (False, ())
