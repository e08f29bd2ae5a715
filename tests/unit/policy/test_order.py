"""The order of a path: the stage before must have been entered."""

import itertools
from datetime import timedelta

import pytest
from signing import NOW, asked, minutes, path, prior

from gatekeeper.policy.order import order
from gatekeeper.policy.promotion import Path


def test_the_newest_decision_of_the_stage_before_lets_it_in():
    """An allowed decision for uat on this path opens production, and the reason names it."""
    (one,) = order(asked(), (prior(),)).judged
    assert one.result.id == "order"
    assert one.result.status == "pass"
    assert one.result.message.text == (
        "uat was entered on the path standard (decision dec_uat_standard_-60_True)"
    )


def test_without_a_decision_the_remedy_names_the_stage_to_enter_first():
    """Nothing known about the stage before is a no."""
    (one,) = order(asked(), ()).judged
    assert one.result.status == "fail"
    assert one.effect == "block"
    assert one.result.message.text == "there is no decision that lets it into uat on the path standard"
    assert one.result.remedy.text == (
        "enter uat first: gatekeeper check --stage uat must allow it on the path standard"
    )


@pytest.mark.parametrize(
    "other",
    [prior("test"), prior("production"), prior(on="hotfix"), prior(at=5)],
    ids=["the-stage-two-before", "itself", "another-path", "the-future"],
)
def test_a_foreign_decision_counts_as_absent(other):
    """Another stage, another path and a decision that is not made yet open nothing."""
    (one,) = order(asked(), (other,)).judged
    assert one.result.message.code == "order-unmet"


def test_a_newer_refusal_beats_an_older_permission_in_any_order():
    """What was allowed an hour ago and is refused now may not go on."""
    records = (prior(at=-60), prior(at=-30, allowed=False), prior(at=-90), prior("test"))
    for mixed in itertools.permutations(records):
        (one,) = order(asked(), mixed).judged
        assert one.result.message.text == (
            "the newest decision about uat on the path standard says no: dec_uat_standard_-30_False"
        )


def test_of_two_decisions_at_the_same_instant_both_must_be_allowed():
    """Nobody knows which one is newer."""
    for mixed in itertools.permutations((prior(at=-60), prior(at=-60, allowed=False))):
        assert order(asked(), mixed).judged[0].result.status == "fail"


def test_a_decision_of_the_future_tells_when_the_answer_changes():
    """Its instant stands among the changes; one of the past does not."""
    assert order(asked(), (prior(at=5), prior(at=-5))).changes_at == (minutes(5),)
    later = asked(as_of=NOW + timedelta(minutes=5))
    assert order(later, (prior(at=5),)).judged[0].result.status == "pass"


def test_the_first_stage_has_nothing_before_it():
    """It passes without any record."""
    (one,) = order(asked("test"), ()).judged
    assert one.result.status == "pass"


@pytest.mark.parametrize("on", [path(in_order=False), Path(name="x", stages=("test",), in_order=True)])
def test_a_path_without_order_or_without_the_stage_has_no_result(on):
    """There is nothing to say; that the stage is not on the path is said elsewhere."""
    assert order(asked(on=on), ()).judged == ()
