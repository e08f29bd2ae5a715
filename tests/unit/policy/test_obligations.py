"""Obligations: open ones are listed, overdue ones block, and allowed decisions open new ones."""

import itertools

import msgspec
import pytest
from signing import NOW, minutes, obligation, path

from gatekeeper.policy.obligations import Draft, opened_by, owing
from gatekeeper.policy.promotion import Owed

HOTFIX = path(
    "hotfix", obligations=(Owed(id="late-tests", title="Run them", owner_role="qa-lead", within_s=3600),)
)


def test_an_open_obligation_is_listed_and_blocks_nothing_before_it_is_due():
    """Its due date is the instant at which the answer changes."""
    found = owing((obligation(),), NOW)
    assert found.open == ("obl_1",)
    assert found.judged == ()
    assert found.changes_at == (minutes(60),)


def test_it_blocks_from_the_first_instant_at_which_it_is_due():
    """The reason names what, since when, and who owes it."""
    (one,) = owing((obligation(due=0),), NOW).judged
    assert one.result.id == "obligation.obl_1"
    assert one.result.status == "fail"
    assert one.effect == "block"
    assert one.result.message.text == (
        "Run the tests that were left out (decision dec_1) was due at 2026-11-26T12:00:00Z; qa-lead owes it"
    )
    assert one.result.remedy.text == "qa-lead: do it and settle the obligation obl_1"


def test_what_is_settled_is_owed_no_more():
    """Settled late or in time, it neither blocks nor stands in the list."""
    found = owing((obligation(due=-30, settled=0), obligation("obl_2", settled=-5)), NOW)
    assert (found.open, found.judged, found.changes_at) == ((), (), ())


def test_what_is_settled_later_is_owed_until_then():
    """A record of the future does not clear what is overdue now, and tells when it will."""
    found = owing((obligation(due=-30, settled=10),), NOW)
    assert [one.result.id for one in found.judged] == ["obligation.obl_1"]
    assert found.changes_at == (minutes(10),)


def test_a_due_date_after_the_settlement_changes_nothing():
    """Only the settlement does."""
    assert owing((obligation(due=60, settled=10),), NOW).changes_at == (minutes(10),)


def test_an_obligation_of_the_future_is_owed_too():
    """A clock that runs ahead hides no debt."""
    assert owing((obligation(opened=5, due=60),), NOW).open == ("obl_1",)


def test_the_order_of_the_records_does_not_matter():
    """Lists and results come by id."""
    records = (obligation("b", due=-1), obligation("a", due=-2), obligation("c"))
    answers = {msgspec.json.encode(owing(mixed, NOW)) for mixed in itertools.permutations(records)}
    assert len(answers) == 1
    assert [one.result.id for one in owing(records, NOW).judged] == ["obligation.a", "obligation.b"]


def _decision(make, **changes):
    policy = make.policy("- {id: t, metric: tests.failed, pass: '== 0', mode: block}")
    decision = make.decide(policy, make.evidence("tests", {"tests.failed": 0, "tests.passed": 3}))
    return msgspec.structs.replace(decision, path="hotfix", allowed=True, as_of=NOW, **changes)


def test_an_allowed_decision_opens_what_its_path_owes(make):
    """The time runs from the instant of the decision."""
    decision = _decision(make)
    assert opened_by(HOTFIX, decision) == (
        Draft(
            key="late-tests",
            title="Run them",
            owner_role="qa-lead",
            decision=decision.id,
            opened_at=NOW,
            due_at=minutes(60),
        ),
    )


@pytest.mark.parametrize("change", [{"allowed": False}, {"gate": False}, {"path": "standard"}])
def test_other_decisions_open_nothing(make, change):
    """Neither a no, nor an answer that is not a gate, nor another path."""
    decision = msgspec.structs.replace(_decision(make), **change)
    assert opened_by(HOTFIX, decision) == ()
