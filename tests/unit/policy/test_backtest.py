"""What another policy would have said: each decision with its own clock, and unknown is never `unchanged`."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_history import OLD, STAGES, History, piece, policy_of

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.decision import SEMANTICS, Outcome
from gatekeeper.evidence import Kind
from gatekeeper.policy.backtest import Backtest, Retried, Turn, backtest, counted
from gatekeeper.policy.replay import policy_document, policy_from


def tried(history: History, rules: str, top: str = STAGES) -> Backtest:
    """The backtest of a policy with these rules."""
    return backtest(policy_of(rules, top), history.kept, history.shelf)


def turns(found: Backtest) -> list[Turn]:
    """In the order of the decisions."""
    return [one.turn for one in found.decisions]


def test_a_tightened_rule_fails_what_passed_and_is_named() -> None:
    """Only the decisions between the two limits flip, and the rule that flips them is counted."""
    history = History()
    for covered in (95, 75, 65, 50):
        history.decided(covered)
    found = tried(history, OLD.replace('">= 70", warn: ">= 60"', '">= 90", warn: ">= 80"'))
    assert turns(found) == [Turn.UNCHANGED, Turn.PASS_TO_FAIL, Turn.PASS_TO_FAIL, Turn.UNCHANGED]
    assert [one.rules for one in found.decisions] == [(), ("coverage",), ("coverage",), ()]
    assert [(row.name, row.turns) for row in found.rules] == [("coverage", {Turn.PASS_TO_FAIL: 2})]
    assert found.outcomes[Outcome.WARN] == {Outcome.PASS: 0, Outcome.WARN: 0, Outcome.FAIL: 1}
    assert (found.total, found.changed) == (4, 2)
    assert [(row.name, row.total) for row in found.projects] == [("pay/api", 4)]


def test_a_loosened_rule_passes_what_failed() -> None:
    """The rule that no longer stops it is the one that is named."""
    history = History()
    for covered in (75, 50):
        history.decided(covered)
    found = tried(history, OLD.replace('">= 70", warn: ">= 60"', '">= 40"'))
    assert turns(found) == [Turn.UNCHANGED, Turn.FAIL_TO_PASS]
    assert found.decisions[1].rules == ("coverage",)


def test_a_warning_is_an_outcome_of_its_own() -> None:
    """Pass to warn and back are neither failures nor unchanged."""
    history = History()
    for covered in (75, 65):
        history.decided(covered)
    found = tried(history, OLD.replace('">= 70", warn: ">= 60"', '">= 80", warn: ">= 60"'))
    assert turns(found) == [Turn.PASS_TO_WARN, Turn.UNCHANGED]
    found = tried(history, OLD.replace('">= 70", warn: ">= 60"', '">= 60"'))
    assert turns(found) == [Turn.UNCHANGED, Turn.WARN_TO_PASS]
    assert found.decisions[1].rules == ("coverage",)


def test_the_same_policy_changes_nothing() -> None:
    """Whatever was decided."""
    history = History()
    for covered in (95, 65, 50):
        history.decided(covered, failed=covered % 2)
    assert set(turns(tried(history, OLD))) == {Turn.UNCHANGED}


def test_each_decision_keeps_its_own_clock() -> None:
    """A rule that counts from a day on flips only the decisions made since then."""
    history = History()
    history.decided(75, days=0)
    history.decided(75, days=10)
    new = OLD + '- {id: strict, metric: coverage.line, pass: ">= 90", enforce_from: 2026-06-05}\n'
    assert turns(tried(history, new)) == [Turn.UNCHANGED, Turn.PASS_TO_FAIL]


def test_a_missing_kind_fails_what_passed() -> None:
    """A rule about evidence that nobody sent then is missing, and missing fails."""
    history = History()
    history.decided(95)
    found = tried(history, OLD + '- {id: no-critical, metric: sast.critical, pass: "== 0"}\n')
    assert turns(found) == [Turn.PASS_TO_FAIL]
    assert "no-critical" in found.decisions[0].rules


def test_a_score_that_is_too_low_is_named_by_its_reason() -> None:
    """No single rule fails it."""
    history = History()
    history.decided(75)
    found = tried(
        history,
        OLD + '- {id: s, metric: coverage.line, pass: ">= 90", mode: score, weight: 3}\n',
        "stages: [develop, test]\nscore: {pass: 90, warn: 80}",
    )
    assert turns(found) == [Turn.PASS_TO_FAIL]
    assert found.decisions[0].rules == ("score-too-low",)


def test_a_baseline_is_recalled_from_what_it_was_made_of() -> None:
    """And a decision whose baseline nobody knows any more is not replayable."""
    first = piece(Kind.TESTS, "unit", {"tests.total": 9, "tests.passed": 9})
    history = History(OLD + "- {id: not-fewer, metric: tests.total, no_worse_than: {by: 0}}\n")
    history.decided(75, baseline=(first,))
    assert turns(tried(history, OLD)) == [Turn.UNCHANGED]
    history.kept[0] = msgspec.structs.replace(history.kept[0], baseline=None)
    found = tried(history, OLD)
    assert turns(found) == [Turn.NOT_REPLAYABLE]
    assert found.reasons == {"replay-baseline-gone": 1}


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("replay-document-gone", lambda history: history.shelf.documents.popitem()),
        ("replay-policy-gone", lambda history: history.shelf.policies.clear()),
        ("replay-semantics", lambda history: of_inputs(history, semantics=SEMANTICS - 1)),
        ("replay-records-gone", lambda history: of_inputs(history, waivers=("sha256:" + "0" * 64,))),
        ("replay-inputs-differ", lambda history: of_inputs(history, tzdata_version="1970a")),
        ("replay-outputs-differ", lambda history: of_outputs(history)),
    ],
)
def test_what_cannot_be_judged_again_says_why(code: str, spoil: Callable[[History], object]) -> None:
    """Under the very policy that decided, too: unknown is never `unchanged`."""
    history = History()
    history.decided(75)
    spoil(history)
    (found,) = tried(history, OLD).decisions
    assert (found.turn, found.after, found.rules) == (Turn.NOT_REPLAYABLE, None, ())
    assert found.reason is not None
    assert (found.reason.code, bool(found.reason.text)) == (code, True)


def of_inputs(history: History, **changed: object) -> None:
    """Other inputs than those that the decision names."""
    one = history.kept[0]
    history.kept[0] = msgspec.structs.replace(one, inputs=msgspec.structs.replace(one.inputs, **changed))


def of_outputs(history: History) -> None:
    """A recorded answer that the policy does not give."""
    one = history.kept[0]
    digests = msgspec.structs.replace(one.decision.digests, outputs="sha256:" + "0" * 64)
    decision = msgspec.structs.replace(one.decision, digests=digests)
    history.kept[0] = msgspec.structs.replace(one, decision=decision)


def test_a_stage_that_the_policy_does_not_have_is_not_replayable() -> None:
    """It is neither a failure nor unchanged: nobody would have asked."""
    history = History()
    history.decided(75, stage="test")
    found = tried(history, OLD, "stages: [develop]")
    assert found.reasons == {"replay-no-such-stage": 1}


def test_a_policy_comes_back_from_its_document() -> None:
    """With the same digest; any other byte, and what is no policy, gives nothing."""
    policy = History().policy
    document = policy_document(policy)
    found = policy_from(document, digest=policy.digest)
    assert found is not None
    assert found.digest == policy.digest
    assert policy_from(document + b" ", digest=policy.digest) is None
    for hostile in (b"{}", b"[" * 100_000, b"\xff", document.replace(b'"stages"', b'"stagez"')):
        assert policy_from(hostile, digest=digest_of_bytes(hostile)) is None


DONE = st.builds(
    Retried,
    id=st.uuids().map(str),
    project=st.sampled_from(["a", "b/c"]),
    stage=st.just("test"),
    as_of=st.just(datetime(2026, 11, 23, tzinfo=UTC)),
    before=st.sampled_from(Outcome),
    after=st.none() | st.sampled_from(Outcome),
    turn=st.sampled_from(Turn),
    rules=st.lists(st.sampled_from("xyz"), unique=True).map(tuple),
)


@given(st.lists(DONE))
def test_every_decision_is_counted_once(done: list[Retried]) -> None:
    """In the turns and in the projects; the order of decisions moves no count."""
    policy = History().policy
    found, other = counted(policy, done), counted(policy, reversed(done))
    assert sum(found.turns.values()) == sum(row.total for row in found.projects) == found.total == len(done)
    assert (found.turns, found.rules, found.projects) == (other.turns, other.rules, other.projects)
    assert sum(sum(row.values()) for row in found.outcomes.values()) == sum(1 for one in done if one.after)
