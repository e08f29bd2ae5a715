"""Rules that hold on some paths only."""

import pytest

from gatekeeper.decision import Status
from gatekeeper.policy.diagnostic import PolicyRefused
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing import run_tests

POLICY = """\
schema: gatekeeper/v1
policy: two-ways
owner: tests
stages: [test, production]
paths:
  standard: {}
  hotfix: {refs: ["hotfix/*"], stages: [production]}
rules:
  - {id: green, metric: tests.failed, pass: "== 0"}
  - {id: ticket, metric: change.tickets, pass: ">= 1", paths: [hotfix]}
tests:
  - {name: standard, stage: production, given: {metrics: {tests.failed: 0}}, expect: {outcome: pass}}
  - name: hotfix
    stage: production
    path: hotfix
    given: {metrics: {tests.failed: 0}}
    expect: {outcome: fail, missing: [ticket]}
"""


def _policy(text: str = POLICY):
    return load_policy(text.encode(), file="policy.yaml")


def test_a_rule_holds_on_the_paths_that_it_names():
    """On the others it is not even listed, and nothing that it reads is demanded."""
    standard, hotfix = run_tests(_policy())
    assert (standard.differences, hotfix.differences) == ((), ())
    assert "ticket" not in {rule.id for rule in standard.decision.rules}
    assert standard.decision.missing == ()
    assert {rule.id: rule.status for rule in hotfix.decision.rules}["ticket"] is Status.MISSING


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ("[fixhot]", "unknown path 'fixhot'"),
        ("[]", "is empty"),
        ("[hotfix, hotfix]", "twice"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused(paths, words):
    """A typo would switch the rule off everywhere."""
    with pytest.raises(PolicyRefused) as caught:
        _policy(POLICY.replace("paths: [hotfix]", f"paths: {paths}"))
    assert words in str(caught.value)


def test_a_path_on_which_nothing_else_is_checked_is_seen():
    """A rule of another path does not check this one."""
    with pytest.raises(PolicyRefused, match="nothing-checked"):
        _policy(POLICY.replace('pass: "== 0"}', 'pass: "== 0", paths: [hotfix]}'))


def test_the_paths_of_a_rule_are_part_of_the_digest():
    """Another path, another policy."""
    elsewhere = _policy(POLICY.replace("paths: [hotfix]", "paths: [hotfix, standard]"))
    assert elsewhere.digest != _policy().digest
