"""Entering a stage as a whole: rules, order, window, signatures and what is owed, in one decision."""

from datetime import timedelta

import msgspec
import pytest
from signing import NOW, approval, minutes, obligation, override, prior

from gatekeeper.decision import Decision, Inputs, People
from gatekeeper.policy.approvals import blocking_rules
from gatekeeper.policy.entry import after, asked
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.promotion import STANDARD, Path
from gatekeeper.signoff import Records
from gatekeeper.subject import Subject

RULES = "- {id: t, metric: tests.failed, pass: '== 0', mode: block}"
TOP = """
stages: [test, uat, production]
time_zone: Europe/Berlin
paths: {standard: {order: true}}
approvals: {production: [{role: product}, {role: ops}]}
separation: {approver_is_not: [author, deployer]}
windows: {production: {open: [{days: [mon, tue, wed, thu], from: "09:00", to: "16:00"}]}}
"""
PEOPLE = People(author="eve", committer="eve", deployer="dan")


@pytest.fixture(scope="module")
def ask(make):
    """Asks production, on a Thursday at 13:00 in Berlin, with everything there unless it is left out."""
    policy = make.policy(RULES, TOP)
    path = policy.path(STANDARD)
    tests = make.evidence("tests", {"tests.failed": 0, "tests.passed": 3})
    tests = msgspec.structs.replace(tests, received_at=NOW)
    demands = policy.signing_digest("production", path)
    subject = Subject(project="pay/api", source=make.source, artifact=make.subject.artifact)

    def asking(*, people: People = PEOPLE, as_of=NOW, **records) -> Decision:
        whole = {
            "approvals": tuple(
                approval(person, role, demands=demands, rules={"t": "pass", "evidence.tests": "pass"})
                for person, role in (("ann", "product"), ("bob", "ops"))
            ),
            "prior": (prior(),),
        }
        given = Records(**(whole | records))
        inputs = inputs_for(subject, "production", policy, [tests], as_of=as_of, people=people, records=given)
        return evaluate(inputs, policy, [tests], records=given)

    asking.approvals = lambda **changes: tuple(
        approval(person, role, demands=demands, **changes)
        for person, role in (("ann", "product"), ("bob", "ops"))
    )
    return asking


def failing(decision: Decision) -> list[str]:
    """The results that do not pass, by id."""
    return sorted(one.id for one in decision.rules if one.status != "pass")


def test_all_there_is_allowed_until_the_window_closes(ask):
    """The decision lists the roles, and time alone changes it when the window closes."""
    decision = ask()
    assert (decision.outcome, decision.allowed, failing(decision)) == ("pass", True, [])
    assert decision.approvals.given == ("ops", "product")
    assert decision.valid_until == minutes(3 * 60)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prior": ()}, ["order"]),
        ({"approvals": ()}, ["approval.ops", "approval.product"]),
        ({"obligations": (obligation(due=0),)}, ["obligation.obl_1"]),
        ({"people": People(author="eve")}, ["separation"]),
        ({"people": People(author="ann", deployer="dan")}, ["approval.product"]),
        ({"as_of": NOW + timedelta(days=1)}, ["window"]),
    ],
)
def test_one_thing_that_is_missing_is_named_and_stops_it(ask, changes, expected):
    """Each alone fails the decision, with a remedy."""
    decision = ask(**changes)
    assert (decision.outcome, decision.allowed) == ("fail", False)
    assert failing(decision) == expected
    assert all(one.remedy for one in decision.rules if one.id in expected)


def test_an_override_allows_and_the_outcome_stays(ask):
    """The answer ends with the override when that comes first."""
    decision = ask(prior=(), overrides=(override(ends=30),))
    assert (decision.outcome, decision.allowed, decision.override) == ("fail", True, "ovr_1")
    assert decision.valid_until == minutes(30)


def test_a_refused_override_is_told(ask):
    """One person twice does not open the stage, and the decision says why."""
    decision = ask(prior=(), overrides=(override(people=("ann", "ann")),))
    assert not decision.allowed
    assert [why.code for why in decision.reasons] == ["override-one-person"]


def test_an_open_obligation_is_listed_and_ends_the_answer_when_it_is_due(ask):
    """Before that it stops nothing."""
    decision = ask(obligations=(obligation(due=45),))
    assert (decision.allowed, decision.obligations) == (True, ("obl_1",))
    assert decision.valid_until == minutes(45)


def test_what_a_decision_showed_is_what_an_approval_must_have_seen(ask):
    """Approvals that record the rules of the decision count; the results of people are not among them."""
    shown = blocking_rules(ask(approvals=()).rules)
    assert shown == {"t": "pass", "evidence.tests": "pass"}
    assert ask(approvals=ask.approvals(rules=shown)).allowed


def test_the_question_of_inputs_without_source_or_artifact():
    """Nothing is made up: no tree, and an empty artifact."""
    inputs = Inputs(
        policy_digest="x",
        subject=Subject(project="a"),
        stage="uat",
        as_of=NOW.replace(tzinfo=None),
        evidence=(),
    )
    question = asked(inputs, Path(name="standard", stages=("uat",)))
    assert (question.tree, question.artifact, question.as_of) == (None, "", NOW)
    assert not question.is_subject("", "")


def test_only_what_is_still_to_come_changes_an_answer():
    """Moments are sorted, without repeats, and those of now and before are gone."""
    assert after(NOW, minutes(2), None, minutes(1), NOW, minutes(-1), minutes(2)) == (minutes(1), minutes(2))
