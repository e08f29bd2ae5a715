"""The examples in a policy file."""

import pytest
from inline_snapshot import snapshot

from gatekeeper.policy.load import PolicyRefused, load_policy
from gatekeeper.policy.testing import never_failed, run_tests

RULES = """
- {id: t, metric: tests.failed, pass: "== 0"}
- {id: c, metric: coverage.line, pass: ">= 80", warn: ">= 70"}
- {id: e, metric: tests.failed@e2e, pass: "== 0", from: test}
- {id: o, metric: tests.skipped, pass: "== 0", mode: observe}
- {id: n, metric: tests.total, no_worse_than: {by: 10%}, on_no_baseline: skip, on_missing: warn}
"""
GOOD = "tests.failed: 0, tests.skipped: 0, tests.total: 9, coverage.line: 90"


def outcomes(make, tests: str):
    """(passed, differences) of each example."""
    policy = load_policy(make.text(RULES) + b"tests:\n" + tests.encode(), file="example.yaml")
    return [
        (o.passed, [(d.key, d.expected, d.actual) for d in o.differences], o.decision)
        for o in run_tests(policy)
    ]


def one(make, given: str, expect: str, stage: str = "develop"):
    """The differences of a single example."""
    return outcomes(make, f"  - {{name: a, stage: {stage}, given: {{{given}}}, expect: {{{expect}}}}}\n")[0][
        1
    ]


def test_given_metrics_imply_fresh_good_evidence(make):
    """Nothing else must be written for the ordinary case."""
    assert (
        one(
            make,
            f"metrics: {{{GOOD}}}",
            "outcome: pass, allowed: true, failed: [], missing: [], skipped: [n]",
        )
        == []
    )


def test_what_is_not_given_is_absent(make):
    """An example without coverage sees the coverage rule missing, and the evidence when it asks."""
    given = "metrics: {tests.failed: 0, tests.skipped: 0, tests.total: 9}"
    assert one(make, given, "outcome: fail, missing: [c], failed: []") == []
    assert one(make, given, "missing: [c, evidence.coverage]") == []


def test_a_difference_names_both_sides(make):
    """A failing example says what was expected and what came out."""
    assert one(
        make, f"metrics: {{{GOOD}}}", "outcome: fail, allowed: false, failed: [t], warned: [c], score: 50"
    ) == snapshot(
        [
            ("outcome", "fail", "pass"),
            ("allowed", "false", "true"),
            ("score", "50", "none"),
            ("failed", "t", "none"),
            ("warned", "c", "none"),
        ]
    )


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        ("{coverage: {state: failed}}", "missing"),
        ("{coverage: {state: incomplete, problems: {unparsed: 3}}}", "missing"),
        ("{coverage: {state: ok, problems: {unparsed: 3}}}", "pass"),
        ("{coverage/other: {state: unreadable}}", "missing"),
        ("{coverage: {age: 300d}}", "pass"),
    ],
)
def test_evidence_can_be_described(make, evidence, status):
    """State, problems and age of the evidence are as in real life."""
    given = f"{{metrics: {{{GOOD}}}, evidence: {evidence}}}"
    example = f"tests:\n  - {{name: a, stage: develop, given: {given}, expect: {{outcome: pass}}}}\n"
    policy = make.text(RULES) + example.encode()
    (outcome,) = run_tests(load_policy(policy, file="x"))
    assert make.rule(outcome.decision, "c").status == status
    assert outcome.passed is (status == "pass")


def test_baseline_and_names(make):
    """The baseline is compared with, and a name has its own metrics."""
    baseline = "baseline: {metrics: {tests.total: 20}}"
    assert one(make, f"metrics: {{{GOOD}}}, {baseline}", "failed: [n], outcome: fail") == []
    both = "metrics: {" + GOOD + ", tests.failed@e2e: 1}"
    assert one(make, both, "failed: [e], outcome: fail", stage="test") == []


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("{name: a, stage: develop, expect: {}}", "expects nothing proves nothing"),
        ("{name: a, stage: develop}", "the key `expect` is missing"),
        ("{name: a, stage: prod, expect: {outcome: pass}}", "unknown stage 'prod'"),
        ("{name: a, stage: develop, expect: {failed: [tt]}}", "no rule is called 'tt'"),
        ("{name: a, stage: develop, expect: {outcome: block}}", "'block' is not valid here"),
        ("{name: a, stage: develop, now: 2026-01-01, expect: {outcome: pass}}", "has no time zone"),
        (
            "{name: a, stage: develop, given: {metrics: {tests.faild: 0}}, expect: {outcome: pass}}",
            "unknown metric",
        ),
        (
            "{name: a, stage: develop, given: {metrics: {tests.failed: -1}}, expect: {outcome: pass}}",
            "no metric is negative",
        ),
        (
            "{name: a, stage: develop, given: {findings: [{kind: tests}]}, expect: {outcome: pass}}",
            "'tests' is not valid here",
        ),
        (
            "{name: a, stage: develop, given: {evidence: {test: {}}}, expect: {outcome: pass}}",
            "did you mean tests?",
        ),
    ],
)
def test_a_senseless_example_is_refused(make, test, words):
    """An example that cannot prove anything is a fault of the file."""
    with pytest.raises(PolicyRefused) as refused:
        load_policy(make.text(RULES) + f"tests:\n  - {test}\n".encode(), file="x")
    assert any(words in str(error) for error in refused.value.errors), refused.value.errors


def test_rules_that_no_example_sees_failing_are_named(make):
    """Nothing shows that they can stop anything."""
    metrics = GOOD.replace("failed: 0", "failed: 1")
    tests = f"  - {{name: a, stage: develop, given: {{metrics: {{{metrics}}}}}, expect: {{failed: [t]}}}}\n"
    policy = load_policy(make.text(RULES) + b"tests:\n" + tests.encode(), file="x")
    assert never_failed(policy) == ("c", "e", "n", "o")
