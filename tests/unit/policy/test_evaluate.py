"""What the decision says for every kind of rule: passing, failing, and with its facts missing."""

from datetime import timedelta

import msgspec
import pytest
from inline_snapshot import snapshot

from gatekeeper.decision import Outcome, Status, as_json, decision_from
from gatekeeper.evidence import Problem, Ratio, State
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for

TESTS_PASS = '- {id: t, metric: tests.failed, pass: "== 0"}'
COVERAGE = '- {id: c, metric: coverage.line, pass: ">= 80", warn: ">= 70"'
SCORE = "stages: [develop]\nscore: {pass: 90, warn: 50}"


def status(make, decision, rule_id):
    """Status of one rule."""
    return str(make.rule(decision, rule_id).status)


def test_a_passing_rule_passes_the_decision(make):
    """Zero failed tests, asked for zero."""
    decision = make.decide(make.policy(TESTS_PASS), make.evidence("tests", {"tests.failed": 0}))
    assert (decision.outcome, decision.allowed) == (Outcome.PASS, True)
    assert [(r.id, str(r.status)) for r in decision.rules] == [("evidence.tests", "pass"), ("t", "pass")]
    assert make.rule(decision, "t").message.text == snapshot("tests.failed is 0, as it should be (== 0)")


def test_a_failing_rule_fails_the_decision(make):
    """One failed test, asked for zero."""
    decision = make.decide(make.policy(TESTS_PASS), make.evidence("tests", {"tests.failed": 1}))
    assert (decision.outcome, decision.allowed) == (Outcome.FAIL, False)
    rule = make.rule(decision, "t")
    assert (str(rule.status), rule.actual, rule.threshold) == ("fail", "1", "== 0")
    assert rule.message.text == snapshot("tests.failed is 1; it must be == 0")
    assert rule.remedy.text == snapshot("mend 1 test for tests.failed; the report names none")


def test_a_missing_report_fails_the_decision(make):
    """No report is never a pass: rule and evidence are missing, and the command is named."""
    decision = make.decide(make.policy(TESTS_PASS))
    assert decision.outcome is Outcome.FAIL
    assert {r.id: str(r.status) for r in decision.rules} == {"evidence.tests": "missing", "t": "missing"}
    assert [str(m.kind) for m in decision.missing] == ["tests"]
    assert make.rule(decision, "t").message.text == snapshot("there is no tests evidence")
    assert make.rule(decision, "t").remedy.text == snapshot(
        "supply tests evidence: pytest --junitxml=junit.xml"
    )


def test_a_metric_that_the_report_does_not_give_is_missing_not_zero(make):
    """A report without the metric is no proof of zero."""
    decision = make.decide(make.policy(TESTS_PASS), make.evidence("tests", {"tests.total": 3}))
    assert (decision.outcome, status(make, decision, "t")) == (Outcome.FAIL, "missing")
    assert make.rule(decision, "t").message.text == snapshot("the tests evidence does not give tests.failed")


@pytest.mark.parametrize(
    ("mode", "metrics", "outcome", "rule_status", "score"),
    [
        ("block", Ratio(80, 100), "pass", "pass", None),
        ("block", Ratio(75, 100), "warn", "warn", None),
        ("block", Ratio(69, 100), "fail", "fail", None),
        ("block", None, "fail", "missing", None),
        ("warn", Ratio(80, 100), "pass", "pass", None),
        ("warn", Ratio(75, 100), "warn", "warn", None),
        ("warn", Ratio(69, 100), "warn", "fail", None),
        ("warn", None, "fail", "missing", None),
        ("observe", Ratio(80, 100), "pass", "observed", None),
        ("observe", Ratio(69, 100), "pass", "observed", None),
        ("observe", None, "pass", "observed", None),
        ("score", Ratio(80, 100), "pass", "pass", "100.00"),
        ("score", Ratio(75, 100), "warn", "warn", "50.00"),
        ("score", Ratio(69, 100), "fail", "fail", "0.00"),
        ("score", None, "fail", "missing", "0.00"),
    ],
)
def test_modes(make, mode, metrics, outcome, rule_status, score):
    """What each mode does with a value that passes, warns, fails, and with none."""
    top = SCORE if mode == "score" else "stages: [develop]"
    policy = make.policy(TESTS_PASS + "\n" + COVERAGE + f", mode: {mode}}}", top)
    evidence = [make.evidence("tests", {"tests.failed": 0})]
    if metrics is not None:
        evidence.append(make.evidence("coverage", {"coverage.line": metrics}))
    decision = make.decide(policy, *evidence)
    assert (str(decision.outcome), status(make, decision, "c"), decision.score) == (
        outcome,
        rule_status,
        score,
    )


@pytest.mark.parametrize(
    ("act", "outcome", "rule_status", "score"),
    [
        ("block", "fail", "missing", "50.00"),
        ("warn", "warn", "missing", "50.00"),
        ("skip", "pass", "skipped", "100.00"),
    ],
)
def test_missing_facts_of_a_score_rule(make, act, outcome, rule_status, score):
    """Block fails closed, warn gives no points, skip leaves the weights and needs a reason."""
    rules = (
        '- {id: t, metric: tests.failed, pass: "== 0", mode: score}\n'
        + COVERAGE
        + (f", mode: score, on_missing: {act}, loosen_reason: no coverage here yet}}")
    )
    decision = make.decide(make.policy(rules, SCORE), make.evidence("tests", {"tests.failed": 0}))
    assert (str(decision.outcome), status(make, decision, "c"), decision.score) == (
        outcome,
        rule_status,
        score,
    )


def test_a_failing_blocking_rule_fails_whatever_the_score(make):
    """A full score lets nothing through that a rule blocks."""
    policy = make.policy(TESTS_PASS + "\n" + COVERAGE + ", mode: score}", SCORE)
    decision = make.decide(
        policy,
        make.evidence("tests", {"tests.failed": 1}),
        make.evidence("coverage", {"coverage.line": Ratio(9, 10)}),
    )
    assert (decision.outcome, decision.score) == (Outcome.FAIL, "100.00")


def test_the_score_shows_its_arithmetic_and_the_smallest_set_that_lifts_it(make):
    """A low score names the fewest rules that would be enough."""
    rules = "\n".join(
        f'- {{id: r{i}, metric: tests.failed, pass: "<= {i}", mode: score, weight: {w}}}'
        for i, w in enumerate((1, 5, 2, 3))
    )
    policy = make.policy(rules, "stages: [develop]\nscore: {pass: 90, warn: 60}")
    decision = make.decide(policy, make.evidence("tests", {"tests.failed": 2}))
    assert (decision.score, decision.score_arithmetic) == ("45.45", "5 of 11 points")
    assert [r.text for r in decision.reasons] == snapshot(
        ["the score is 45.45, below 60; it needs 90 to pass. Enough would be: r1"]
    )


@pytest.mark.parametrize(
    ("total", "act", "outcome", "rule_status"),
    [
        (50, "skip", "pass", "pass"),
        (5, "skip", "pass", "skipped"),
        (5, "warn", "warn", "warn"),
        (5, "block", "fail", "fail"),
    ],
)
def test_only_if(make, total, act, outcome, rule_status):
    """A rule with too little to judge is skipped, warns or blocks, as it says; it never passes."""
    rules = (
        TESTS_PASS
        + f"""
- id: s
  metric: tests.skipped
  pass: "<= 3"
  only_if: {{tests.total: ">= 20"}}
  on_too_few: {act}"""
    )
    evidence = make.evidence("tests", {"tests.failed": 0, "tests.skipped": 1, "tests.total": total})
    decision = make.decide(make.policy(rules), evidence)
    assert (str(decision.outcome), status(make, decision, "s")) == (outcome, rule_status)


def test_an_absent_metric_in_only_if_is_missing_not_skipped(make):
    """A condition that cannot be looked at does not let the rule go."""
    rules = TESTS_PASS + '\n- {id: s, metric: tests.skipped, pass: "<= 3", only_if: {tests.total: ">= 20"}}'
    decision = make.decide(
        make.policy(rules), make.evidence("tests", {"tests.failed": 0, "tests.skipped": 1})
    )
    assert (decision.outcome, status(make, decision, "s")) == (Outcome.FAIL, "missing")


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_enforce_from(make, days):
    """Before its day a rule is observed and announced; from that instant on it blocks."""
    day = make.as_of + timedelta(days=days)
    rules = (
        TESTS_PASS + f'\n- {{id: s, metric: tests.skipped, pass: "== 0", enforce_from: "{day.isoformat()}"}}'
    )
    decision = make.decide(
        make.policy(rules), make.evidence("tests", {"tests.failed": 0, "tests.skipped": 1})
    )
    if days <= 0:
        assert (decision.outcome, status(make, decision, "s"), decision.would_change) == (
            Outcome.FAIL,
            "fail",
            (),
        )
    else:
        assert (decision.outcome, status(make, decision, "s")) == (Outcome.PASS, "observed")
        assert [(c.rule, c.at, c.status) for c in decision.would_change] == [("s", day, Status.FAIL)]
        assert decision.valid_until == day


@pytest.mark.parametrize(
    ("now", "before", "by", "outcome"),
    [
        (90, 100, "10%", "pass"), (89, 100, "10%", "fail"), (100, 100, "0", "pass"), (99, 100, "0", "fail"),
        (9, 10, "5%", "fail"), (5, 0, "10%", "pass"), (95, 100, "5", "pass"), (94, 100, "5", "fail"),
    ],
)  # fmt: skip
def test_no_worse_than(make, now, before, by, outcome):
    """The amount may not fall by more than was written, compared exactly with the baseline."""
    policy = make.policy(f"- {{id: n, metric: tests.total, no_worse_than: {{by: {by}}}}}")
    baseline = [make.evidence("tests", {"tests.total": before})]
    decision = make.decide(policy, make.evidence("tests", {"tests.total": now}), baseline=baseline)
    assert str(decision.outcome) == outcome


def test_less_than_before_is_called_shrunk(make):
    """The words say that less was checked, and how much must come back."""
    policy = make.policy("- {id: n, metric: sast.files_scanned, no_worse_than: {by: 10%}}")
    baseline = [make.evidence("sast", {"sast.files_scanned": 41})]
    decision = make.decide(policy, make.evidence("sast", {"sast.files_scanned": 30}), baseline=baseline)
    rule = make.rule(decision, "n")
    assert (rule.message.code, rule.threshold) == ("shrunk", "no worse by 10%")
    assert rule.message.text == snapshot("sast.files_scanned fell from 41 to 30, below 37: less was checked")
    assert rule.remedy.text == snapshot("run as much as before: bring sast.files_scanned from 30 back to 37")


def test_no_worse_for_what_should_be_low_and_for_percentages(make):
    """The direction comes from the registry: more skipped tests and less coverage are worse."""
    policy = make.policy(
        "- {id: s, metric: tests.skipped, no_worse_than: {by: 50%}}\n"
        "- {id: c, metric: coverage.line, no_worse_than: {by: 0.5}}"
    )

    def outcome(skipped, covered):
        return make.decide(
            policy,
            make.evidence("tests", {"tests.skipped": skipped}),
            make.evidence("coverage", {"coverage.line": Ratio(covered, 1000)}),
            baseline=[
                make.evidence("tests", {"tests.skipped": 4}),
                make.evidence("coverage", {"coverage.line": Ratio(800, 1000)}),
            ],
        ).outcome

    assert outcome(6, 795) == "pass"
    assert outcome(7, 795) == "fail"
    assert outcome(6, 794) == "fail"


@pytest.mark.parametrize(
    ("act", "outcome", "rule_status"), [("skip", "pass", "skipped"), ("block", "fail", "fail")]
)
def test_no_baseline(make, act, outcome, rule_status):
    """Without an earlier allowed decision the rule fails unless the file says skip."""
    policy = make.policy(
        TESTS_PASS + f"\n- {{id: n, metric: tests.total, no_worse_than: {{by: 0}}, on_no_baseline: {act}}}"
    )
    decision = make.decide(policy, make.evidence("tests", {"tests.failed": 0, "tests.total": 5}))
    assert (str(decision.outcome), status(make, decision, "n")) == (outcome, rule_status)


def test_an_amount_that_the_baseline_had_and_that_is_gone_is_missing(make):
    """Changing to a report format that does not say how much was scanned hides no shrinking."""
    policy = make.policy(
        '- {id: a, metric: sast.total, pass: "== 0"}\n'
        "- {id: n, metric: sast.files_scanned, no_worse_than: {by: 10%}, on_no_baseline: skip}"
    )
    without = make.evidence("sast")
    assert make.decide(policy, without).outcome == "pass"
    decision = make.decide(policy, without, baseline=[make.evidence("sast", {"sast.files_scanned": 41})])
    assert (decision.outcome, status(make, decision, "n")) == ("fail", "missing")


def test_later_stages_inherit_and_tighten(make):
    """A bound holds from its stage until the next one."""
    policy = make.policy(
        COVERAGE.replace(', warn: ">= 70"', "") + ', stages: {uat: {pass: ">= 90"}}}',
        "stages: [develop, test, uat, production]",
    )
    evidence = make.evidence("coverage", {"coverage.line": Ratio(85, 100)})
    outcomes = [str(make.decide(policy, evidence, stage=stage).outcome) for stage in policy.stages]
    assert outcomes == ["pass", "pass", "fail", "fail"]


def test_a_rule_is_absent_before_its_stage(make):
    """What begins at test is neither judged nor demanded at develop."""
    policy = make.policy(TESTS_PASS + '\n- {id: s, metric: sast.total, pass: "== 0", from: test}')
    evidence = make.evidence("tests", {"tests.failed": 0})
    assert [r.id for r in make.decide(policy, evidence).rules] == ["evidence.tests", "t"]
    at_test = make.decide(policy, evidence, stage="test")
    assert (at_test.outcome, [str(m.kind) for m in at_test.missing]) == ("fail", ["sast"])


def test_an_unknown_stage_is_a_failure_with_a_name(make):
    """A stage that the policy does not have is not "no rules"."""
    decision = make.decide(make.policy(TESTS_PASS), make.evidence("tests", {"tests.failed": 0}), stage="prod")
    assert (decision.outcome, [r.code for r in decision.reasons]) == (Outcome.FAIL, ["unknown-stage"])


def test_nothing_checked_fails(make):
    """When every rule that counts is skipped, nobody has looked: that is no pass."""
    policy = make.policy("- {id: n, metric: tests.total, no_worse_than: {by: 0}, on_no_baseline: skip}")
    decision = make.decide(policy, make.evidence("tests", {"tests.total": 5}))
    assert (decision.outcome, [r.text for r in decision.reasons]) == snapshot(
        (Outcome.FAIL, ["no rule that blocks or scores was judged for stage develop"])
    )


def test_rules_that_only_watch_are_no_check(make):
    """An observed rule and a warning beside skipped blocking rules leave nothing that was checked."""
    policy = make.policy(
        "- {id: n, metric: tests.total, no_worse_than: {by: 0}, on_no_baseline: skip}\n"
        '- {id: w, metric: tests.failed, pass: "== 0", mode: warn}\n'
        '- {id: o, metric: tests.errors, pass: "== 0", mode: observe}'
    )
    evidence = make.evidence("tests", {"tests.total": 5, "tests.failed": 0, "tests.errors": 0})
    decision = make.decide(policy, evidence)
    assert (decision.outcome, [r.code for r in decision.reasons]) == (Outcome.FAIL, ["nothing-checked"])


@pytest.mark.parametrize(
    ("failed", "outcome", "score"), [(0, "pass", "75.00"), (1, "warn", "50.00"), (2, "fail", "25.00")]
)
def test_a_score_at_its_bound_counts_as_reached(make, failed, outcome, score):
    """Exactly the score that was asked for is enough, for `pass` and for `warn`."""
    rules = (
        "\n".join(f'- {{id: r{i}, metric: tests.failed, pass: "<= {i}", mode: score}}' for i in range(3))
        + '\n- {id: never, metric: tests.errors, pass: "== 0", mode: score}'
    )
    policy = make.policy(rules, "stages: [develop]\nscore: {pass: 75, warn: 50}")
    decision = make.decide(policy, make.evidence("tests", {"tests.failed": failed, "tests.errors": 1}))
    assert (str(decision.outcome), decision.score) == (outcome, score)


@pytest.mark.parametrize("mode", ["block", "warn"])
def test_no_baseline_blocks_in_every_mode_that_counts(make, mode):
    """`on_no_baseline: block` means the decision, whatever the mode of the rule."""
    policy = make.policy(
        TESTS_PASS + f"\n- {{id: n, metric: tests.total, no_worse_than: {{by: 0}}, mode: {mode}}}"
    )
    decision = make.decide(policy, make.evidence("tests", {"tests.failed": 0, "tests.total": 5}))
    assert (decision.outcome, status(make, decision, "n")) == (Outcome.FAIL, "fail")


def test_a_value_that_cannot_be_is_an_error(make):
    """More covered than there is, and fewer than no tests, are errors and not good news."""
    policy = make.policy(TESTS_PASS + "\n" + COVERAGE + "}")
    decision = make.decide(
        policy,
        make.evidence("tests", {"tests.failed": -1}),
        make.evidence("coverage", {"coverage.line": Ratio(11, 10)}),
    )
    assert (decision.outcome, status(make, decision, "t"), status(make, decision, "c")) == (
        "fail",
        "error",
        "error",
    )


@pytest.mark.parametrize(
    ("n", "d", "threshold", "shown"),
    [
        (79996, 100000, "80", "79.99"),
        (7999, 10000, "80", "79.99"),
        (799949, 1000000, "79.995", "79.994"),
        (2, 3, "70", "66.66"),
        (80, 100, "90", "80.00"),
        (99999, 100000, "100", "99.99"),
    ],
)
def test_a_failing_percentage_never_reads_as_its_threshold(make, n, d, threshold, shown):
    """Rounding goes towards the bad side."""
    policy = make.policy(f'- {{id: c, metric: coverage.line, pass: ">= {threshold}"}}')
    decision = make.decide(policy, make.evidence("coverage", {"coverage.line": Ratio(n, d)}))
    assert (decision.outcome, make.rule(decision, "c").actual) == (Outcome.FAIL, shown)


def test_thresholds_are_compared_exactly(make):
    """Thirds, and values that no float can hold, meet their threshold or do not."""
    policy = make.policy('- {id: c, metric: coverage.line, pass: ">= 70.1"}')
    for n, d, outcome in (
        (701, 1000, "pass"),
        (70099999999, 100000000000, "fail"),
        (70100000001, 10**11, "pass"),
    ):
        evidence = make.evidence("coverage", {"coverage.line": Ratio(n, d)})
        assert str(make.decide(policy, evidence).outcome) == outcome


def test_one_name_is_read_alone(make):
    """`metric@name` looks at that name, and demands it."""
    policy = make.policy('- {id: t, metric: tests.failed@e2e, pass: "== 0"}')
    unit, e2e = (
        make.evidence("tests", {"tests.failed": 3}),
        make.evidence("tests", {"tests.failed": 0}, name="e2e"),
    )
    assert make.decide(policy, unit, e2e).outcome == "pass"
    alone = make.decide(policy, unit)
    assert (alone.outcome, [r.id for r in alone.rules]) == ("fail", ["evidence.tests/e2e", "t"])


def test_the_inputs_must_be_those_that_are_given(make):
    """Evidence, policy or baseline other than what the inputs name is a failure, not another question."""
    policy, evidence = make.policy(TESTS_PASS), make.evidence("tests", {"tests.failed": 0})
    inputs = inputs_for(make.subject, "develop", policy, [evidence], as_of=make.as_of)
    other = make.evidence("tests", {"tests.failed": 0, "tests.total": 1})
    for decision in (
        evaluate(inputs, policy, ()),
        evaluate(inputs, policy, (other,)),
        evaluate(inputs, make.policy(TESTS_PASS.replace("== 0", "<= 9")), (evidence,)),
        evaluate(msgspec.structs.replace(inputs, baseline_digest="sha256:" + "0" * 64), policy, (evidence,)),
        evaluate(msgspec.structs.replace(inputs, semantics=0), policy, (evidence,)),
    ):
        assert (decision.outcome, decision.reasons[0].code) == (Outcome.FAIL, "inputs-disagree")
    assert evaluate(inputs, policy, (evidence,)).outcome is Outcome.PASS


def test_a_decision_is_written_and_read_back(make):
    """Nothing is lost between the value and its JSON, and a local answer says that it is no gate."""
    policy, evidence = make.policy(TESTS_PASS), make.evidence("tests", {"tests.failed": 1})
    inputs = inputs_for(make.subject, "develop", policy, [evidence], as_of=make.as_of)
    decision = evaluate(inputs, policy, (evidence,), gate=False)
    assert decision_from(as_json(decision)) == decision
    assert not decision.gate
    assert decision.id.startswith("dec_")
    assert len(decision.id) == 30
    assert decision.question == inputs.question()
    assert decision.digests.outputs == evaluate(inputs, policy, (evidence,)).digests.outputs


def test_outputs_hold_no_words_ids_or_ages(make):
    """Another title, another id and a later question with the same answer have the same outputs."""
    rules, titled = TESTS_PASS, '- {id: t, title: No test fails, metric: tests.failed, pass: "== 0"}'
    evidence = make.evidence("tests", {"tests.failed": 1})
    one = make.decide(make.policy(rules), evidence)
    two = make.decide(make.policy(titled), msgspec.structs.replace(evidence, id="ev_other"))
    assert one.digests.outputs == two.digests.outputs


def test_tolerated_problems_are_listed(make):
    """What `allow` let through is shown beside the evidence."""
    policy = make.policy(
        '- {id: a, metric: sca.total, pass: "== 0"}',
        "evidence: {sca: {allow: {unparsed: 2}}}\nstages: [develop]",
    )

    def decide(count):
        problem = Problem(code="unparsed", params={"count": count})
        return make.decide(policy, make.evidence("sca", state=State.INCOMPLETE, problems=(problem,)))

    assert (decide(2).outcome, decide(2).evidence[0].tolerated) == ("pass", ("unparsed",))
    assert (decide(3).outcome, decide(3).evidence[0].tolerated) == ("fail", ())


def test_a_missing_fact_that_only_warns_is_no_check(make):
    """When nothing is known at all, a warning is not enough to enter; beside a rule that held, it is."""
    rule = '- {id: c, metric: coverage.line, pass: ">= 80", on_missing: warn, loosen_reason: x}\n'
    tests = make.evidence("tests", {"tests.failed": 0})
    decision = make.decide(make.policy(rule), tests)
    assert (decision.outcome, [r.code for r in decision.reasons]) == (Outcome.FAIL, ["nothing-checked"])
    assert make.decide(make.policy(rule + TESTS_PASS), tests).outcome is Outcome.WARN
