"""What lint tells beside faults, and how it compares conditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.metrics import METRICS
from gatekeeper.policy.lint import not_monotone, notes
from gatekeeper.policy.lint_conditions import strictness
from gatekeeper.policy.load import PolicyRefused
from gatekeeper.policy.spelling import condition

PLAIN = '- {id: t, metric: tests.failed, pass: "== 0"}\n'
GUARDED = '- {id: g, metric: coverage.line, pass: ">= 80", only_if: {coverage.lines_total: ">= 9"}%s}\n'
EXPRESSION = "- {id: e, expr: a == 0, needs: {a: tests.errors}, message: An error%s}\n"


def test_plain_comparisons_get_no_note(make):
    """Also `== 0` is monotone: it says the same as `<= 0`."""
    policy = make.policy(PLAIN)
    assert notes(policy) == ()
    assert not_monotone(policy.rules[0]) == ""


def test_blocking_rules_that_worse_facts_could_turn_get_a_note(make):
    """A condition beside the rule, or an expression: a person should look twice."""
    found = notes(make.policy(PLAIN + GUARDED % "" + EXPRESSION % ""))
    assert found == (
        "rule g is not monotone: it is judged only while coverage.lines_total >= 9, "
        "so worse facts can let more through",
        "rule e is not monotone: it is an expression, so worse facts can let more through",
    )


def test_rules_that_do_not_block_get_no_note(make):
    """A warning or a point of the score lets nothing in by itself."""
    assert notes(make.policy(PLAIN + GUARDED % ", mode: warn" + EXPRESSION % ", mode: observe")) == ()


@pytest.mark.parametrize("rule", [GUARDED, EXPRESSION])
def test_for_production_such_a_rule_says_why(make, rule):
    """Without a reason it is refused, with one it is noted; before production it is only noted."""
    top = "stages: [test, production]"
    with pytest.raises(PolicyRefused, match="not monotone"):
        make.policy(PLAIN + rule % "", top)
    assert len(notes(make.policy(PLAIN + rule % ", loosen_reason: agreed", top))) == 1
    assert len(notes(make.policy(PLAIN + rule % "", "stages: [develop, test]"))) == 1


def test_an_expression_that_is_always_true_is_refused(make):
    """A rule that can never fail is nonsense in CEL too."""
    with pytest.raises(PolicyRefused, match=r"rules\[1\].expr"):
        make.policy(PLAIN + "- {id: e, expr: 'true', needs: {a: tests.errors}, message: m}")


@given(st.sampled_from([">=", ">"]), st.integers(0, 100), st.sampled_from([">=", ">"]), st.integers(0, 100))
def test_a_stricter_condition_holds_for_less(one_op, one, other_op, other):
    """Of two conditions from the same side, the one with the larger strictness implies the other."""
    metric = METRICS["tests.total"]
    first, second = condition(f"{one_op} {one}"), condition(f"{other_op} {other}")
    if strictness(first, metric) >= strictness(second, metric):
        assert all(second.holds(value) for value in range(103) if first.holds(value))
