"""Rules in CEL within a decision: true, false, missing, an error, and what would help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.decision import as_json
from gatekeeper.evidence import Ratio
from gatekeeper.finding import Package, Severity

RULE = """
- id: fixable
  title: Nothing bad has a fix
  expr: 'sca.findings.all(f, !(f.severity == "critical" && f.fixable))'
  needs: [sca.findings]
  message: A critical dependency vulnerability has a fix
"""
SHARE = """
- id: share
  expr: 'e2e.failed * 20 <= e2e.total && line >= 80.5'
  needs: {e2e_failed: tests.failed@e2e, e2e_total: tests.total@e2e, line: coverage.line}
  message: Too many end-to-end tests fail
""".replace("e2e.failed *", "e2e_failed *").replace("<= e2e.total", "<= e2e_total")


def flaw(make, number, severity, *fixed, name="lxml"):
    """A finding in a dependency."""
    package = Package(ecosystem="PyPI", name=name, version="0.5", fixed_versions=fixed)
    return make.finding(
        f"f{number}", severity, rule=f"CVE-{number}", advisory=f"CVE-{number}", package=package
    )


def result(make, rules, *evidence, rule="fixable", **how):
    """The result of one rule, and the decision."""
    decision = make.decide(make.policy(rules), *evidence, **how)
    return make.rule(decision, rule), decision


def test_what_is_so_passes(make):
    """With the documents that were read, and with its words."""
    scan = make.evidence("sca", findings=[flaw(make, 1, "critical"), flaw(make, 2, "high", "5.1")])
    found, decision = result(make, RULE, scan)
    assert (found.status, found.remedy, found.metric) == ("pass", None, None)
    assert found.evidence == (scan.digest,)
    assert decision.outcome == "pass"


def test_what_is_not_so_fails_with_the_words_of_the_policy(make):
    """And names the findings that make it false, and the upgrades that clear them."""
    scan = make.evidence("sca", findings=[flaw(make, 1, "critical", "5.1"), flaw(make, 2, "high", "5.2")])
    found, decision = result(make, RULE, scan)
    assert (found.status, found.message.text) == ("fail", "A critical dependency vulnerability has a fix")
    assert found.remedy.text == snapshot("upgrade lxml 0.5 -> 5.1 (1)")
    assert decision.outcome == "fail"


def test_findings_in_code_are_named(make):
    """Where the condition is on each finding, those that break it are known."""
    rules = RULE.replace("sca", "sast").replace("f.fixable", 'f.path.startsWith("app/")')
    rules = rules.replace("!(", "f.path == null || !(")
    scan = make.evidence(
        "sast",
        findings=[
            make.finding("a", "critical", rule="B608", path="app/pay.py", line=7),
            make.finding("b", "critical", rule="B101", path="tests/test_pay.py"),
        ],
    )
    found, _ = result(make, rules, scan)
    assert found.remedy.text == snapshot("fix 1 finding, the worst first: B608 app/pay.py:7")


def test_several_facts_of_several_kinds(make):
    """Numbers under their own names; only the message is known of what would help."""
    coverage = make.evidence("coverage", {"coverage.line": Ratio(805, 1000)})
    tests = {"tests.failed": 1, "tests.total": 20}
    found, _ = result(make, SHARE, make.evidence("tests", tests, name="e2e"), coverage, rule="share")
    assert found.status == "pass"
    tests = {"tests.failed": 1, "tests.total": 19}
    found, _ = result(make, SHARE, make.evidence("tests", tests, name="e2e"), coverage, rule="share")
    assert found.status == "fail"
    assert found.remedy.text == snapshot(
        "bring about that this is no longer so: Too many end-to-end tests fail"
    )


def test_a_need_that_is_absent_is_missing(make):
    """The expression is not run, and the kinds of its needs are demanded."""
    found, decision = result(make, SHARE, rule="share")
    assert found.status == "missing"
    assert {(m.kind, m.name) for m in decision.missing} == {("tests", "e2e"), ("coverage", None)}
    assert {r.id for r in decision.rules} == {"share", "evidence.tests/e2e", "evidence.coverage"}
    found, decision = result(make, RULE)
    assert (found.status, found.remedy.code, decision.outcome) == ("missing", "supply", "fail")


def test_a_true_or_does_not_save_a_missing_fact(make):
    """Not even where the expression would be true whatever the fact is."""
    rules = SHARE.replace("line >= 80.5", "(line >= 80.5 || line < 80.5)")
    tests = make.evidence("tests", {"tests.failed": 0, "tests.total": 20}, name="e2e")
    found, decision = result(make, rules, tests, rule="share")
    assert (found.status, decision.outcome) == ("missing", "fail")


def test_all_of_nothing_needs_a_scan(make):
    """No findings pass only when a scan says so; a report that counts more than it lists does not."""
    assert result(make, RULE, make.evidence("sca", findings=[]))[0].status == "pass"
    counted = make.evidence("sca", {"sca.total": 3, "sca.critical": 3}, findings=[])
    found, decision = result(make, RULE, counted)
    assert (found.status, decision.outcome) == ("missing", "fail")
    silent = make.evidence("sca", {"sca.dependencies": 4})
    if silent.document.metrics.get("sca.total") is None:
        assert result(make, RULE, silent)[0].status == "missing"


def test_an_error_blocks_unless_the_rule_says_otherwise(make):
    """More findings than the engine looks at are an error, not a pass."""
    rules = RULE.replace('f.severity == "critical" && f.fixable', 'f.rule == "none"')
    scan = make.evidence("sca", findings=[flaw(make, i, "low") for i in range(10_001)])
    found, decision = result(make, rules, scan)
    assert (found.status, found.message.params["why"]) == ("error", "too-many-findings")
    assert (found.remedy.code, decision.outcome) == ("mend-expression", "fail")
    rules = f'{rules.strip()}\n  on_error: warn\n- {{id: t, metric: tests.failed, pass: "== 0"}}'
    found, decision = result(make, rules, scan, make.evidence("tests", {"tests.failed": 0}))
    assert (found.status, decision.outcome) == ("error", "warn")


@pytest.mark.parametrize(
    ("mode", "status", "outcome"),
    [("block", "fail", "fail"), ("warn", "fail", "warn"), ("observe", "observed", "pass")],
)
def test_the_mode_decides_what_it_does(make, mode, status, outcome):
    """As for every rule."""
    rules = f'{RULE.strip()}\n  mode: {mode}\n- {{id: t, metric: tests.failed, pass: "== 0"}}'
    scan = make.evidence("sca", findings=[flaw(make, 1, "critical", "5.1")])
    found, decision = result(make, rules, scan, make.evidence("tests", {"tests.failed": 0}))
    assert (found.status, decision.outcome) == (status, outcome)


def test_a_rule_that_begins_later_is_left_out_before(make):
    """`from` names the first stage."""
    policy = make.policy(RULE.rstrip() + '\n  from: test\n- {id: t, metric: tests.failed, pass: "== 0"}')
    tests = make.evidence("tests", {"tests.failed": 0})
    assert "fixable" not in {rule.id for rule in make.decide(policy, tests).rules}
    later = make.decide(policy, tests, stage="test")
    assert make.rule(later, "fixable").status == "missing"


def test_a_guard_is_looked_at_first(make):
    """`only_if` skips, or is missing when its metric is."""
    rules = (
        RULE.rstrip()
        + '\n  only_if: {sca.dependencies: ">= 5"}\n- {id: t, metric: tests.failed, pass: "== 0"}'
    )
    bad = [flaw(make, 1, "critical", "5.1")]
    scan = make.evidence("sca", {"sca.dependencies": 4}, findings=bad)
    assert result(make, rules, scan)[0].status == "skipped"
    assert result(make, rules, make.evidence("sca", findings=bad))[0].status == "missing"


@given(
    st.lists(st.tuples(st.sampled_from(list(Severity)), st.integers(1, 9), st.booleans()), max_size=9),
)
def test_following_the_remedy_makes_it_pass(make, flaws):
    """The upgrades and findings that it names are all that must go."""
    findings = [
        flaw(make, i, severity, *([f"{fix}.0"] if has_fix else []), name="abc"[i % 3])
        for i, (severity, fix, has_fix) in enumerate(flaws)
    ]
    found, _ = result(make, RULE, make.evidence("sca", findings=findings))
    if found.status == "pass":
        return
    assert found.remedy.code == "upgrade-packages"
    targets = {label.split()[0]: label.split()[-1] for label, _ in found.remedy.params["packages"]}
    left = [
        f
        for f in findings
        if f.package.name not in targets or (f.package.fixed_versions or ("99",))[0] > targets[f.package.name]
    ]
    assert result(make, RULE, make.evidence("sca", findings=left))[0].status == "pass"
    assert sum(n for _, n in found.remedy.params["packages"]) == sum(
        1 for severity, _, has_fix in flaws if severity == "critical" and has_fix
    )


@given(
    st.lists(st.tuples(st.sampled_from(list(Severity)), st.booleans()), max_size=8),
    st.randoms(use_true_random=False),
)
def test_order_changes_no_byte(make, flaws, random):
    """Of findings, of reports and of rules: the same outputs, and twice the same."""
    found = [flaw(make, i, severity, *(["5.1"] if fix else [])) for i, (severity, fix) in enumerate(flaws)]
    more = """
- id: few
  expr: sca.findings.filter(f, f.fixable).size() < 3 && sca.total < 6
  needs: [sca.findings, sca.total]
  message: Too many
"""
    one = make.decide(make.policy(RULE + more), make.evidence("sca", findings=found))
    random.shuffle(found)
    cut = random.randrange(len(found) + 1)
    parts = [
        make.evidence("sca", findings=found[:cut], job="a"),
        make.evidence("sca", findings=found[cut:], job="b"),
    ]
    whole = make.decide(make.policy(more + RULE), make.evidence("sca", findings=found))
    assert (one.id, one.digests) == (whole.id, whole.digests)
    split = make.decide(make.policy(RULE + more), *parts)
    backwards = make.decide(make.policy(RULE + more), *reversed(parts))
    assert as_json(split) == as_json(backwards)
    assert [rule.status for rule in split.rules] == [rule.status for rule in one.rules]
