"""The answer of a gate: what stands against the subject, in the order in which to mend it."""

from datetime import UTC, datetime

from gatekeeper.decision import Remedy
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.load import load_policy
from gatekeeper.service.answers import decided
from gatekeeper.subject import Source, Subject

POLICY = b"""
schema: gatekeeper/v1
policy: example
owner: tests
stages: [develop]
rules:
  - {id: a-lines, metric: coverage.line, pass: ">= 80"}
  - {id: b-failed, metric: tests.failed, pass: "== 0"}
approvals:
  develop: [{role: ops}]
"""


def test_what_costs_the_least_comes_first() -> None:
    """A signature before reports; the order of the policy where the work is the same."""
    policy = load_policy(POLICY, file="example.yaml")
    subject = Subject(project="pay/api", source=Source(tree="1" * 40))
    inputs = inputs_for(subject, "develop", policy, (), as_of=datetime(2026, 11, 23, tzinfo=UTC))
    gate = decided(evaluate(inputs, policy, ()), is_recorded=False)
    rules = [reason.rule for reason in gate.reasons if reason.rule]
    assert rules[0] == "approval.ops"
    assert [rule for rule in rules if "." not in rule] == ["a-lines", "b-failed"]
    assert all(isinstance(reason.remedy, Remedy) for reason in gate.reasons if reason.rule)
