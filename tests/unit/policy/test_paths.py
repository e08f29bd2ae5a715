"""Paths and trust: which refs choose a path, what a path leaves out, and whose evidence counts."""

import msgspec
import pytest

from gatekeeper.evidence import Trust
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.paths import path_of

RULES = """
- {id: t, metric: tests.failed, pass: "== 0"}
- {id: c, metric: coverage.line, pass: ">= 80"}
"""
TOP = """
stages: [develop, test, production]
evidence: {dast: {from: test}, coverage: {from: develop}}
paths:
  hotfix:
    refs: ["hotfix/*", "urgent"]
    stages: [test, production]
    without: {rules: [c], evidence: [dast, coverage]}
    loosen_reason: the tests follow within three days
  express: {refs: ["hotfix/tiny-*"], stages: [develop, test, production]}
"""


def sent(make, *refs, is_protected=True):
    """One good test report from each ref."""
    return [
        make.evidence("tests", {"tests.failed": 0}, job=f"job {number}", ref=ref, is_protected=is_protected)
        for number, ref in enumerate(refs)
    ]


@pytest.mark.parametrize(
    ("refs", "path"),
    [
        ((), "standard"),
        (("main",), "standard"),
        (("hotfix/1",), "hotfix"),
        (("hotfix/1", "urgent"), "hotfix"),
        (("hotfix/1", "main"), "standard"),
        (("hotfix/1", None), "standard"),
        (("hotfix/tiny-1",), "express"),
        (("hotfix/tiny-1", "hotfix/2"), "hotfix"),
        (("HOTFIX/1",), "standard"),
    ],
)
def test_protected_refs_choose_the_path(make, refs, path):
    """Only when all of them fit one path is it that; the longest glob wins."""
    policy = make.policy(RULES, TOP)
    assert path_of(policy, sent(make, *refs), make.subject) == path
    assert path_of(policy, sent(make, *refs, is_protected=False), make.subject) == "standard"


def test_only_current_evidence_about_the_subject_chooses(make):
    """Neither an older receipt of the slot nor a report about another source speaks for the path."""
    policy = make.policy(RULES, TOP)
    how = {"job": "job 0", "is_protected": True}
    main = make.evidence("tests", order=2, ref="main", **how)
    fix = make.evidence("tests", order=1, ref="hotfix/1", **how)
    assert path_of(policy, [main, fix], make.subject) == "standard"
    other = make.evidence("sast", ref="main", is_protected=True, source=type(make.source)(tree="2" * 40))
    newer = msgspec.structs.replace(fix, order=3)
    assert path_of(policy, [main, newer, other], make.subject) == "hotfix"


def test_nobody_else_chooses_the_path(make):
    """Inputs that name another path than the refs choose are refused."""
    policy = make.policy(RULES, TOP)
    evidence = tuple(sent(make, "main"))
    inputs = inputs_for(make.subject, "test", policy, evidence, as_of=make.as_of, path="hotfix")
    decision = evaluate(inputs, policy, evidence)
    assert (decision.outcome, decision.reasons[0].params) == ("fail", {"what": "path"})
    unknown = msgspec.structs.replace(inputs, path="unheard")
    assert evaluate(unknown, policy, evidence).reasons[0].code == "unknown-path"


def test_a_path_lists_what_it_leaves_out(make):
    """Rules and evidence that it does without are skipped, with the policy's reason."""
    policy = make.policy(RULES, TOP)
    decision = make.decide(policy, *sent(make, "hotfix/1"), stage="test")
    skipped = {rule.id: rule.message for rule in decision.rules if rule.status == "skipped"}
    assert (decision.outcome, decision.path, decision.missing) == ("pass", "hotfix", ())
    assert sorted(skipped) == ["c", "evidence.coverage", "evidence.dast"]
    assert {why.text for why in skipped.values()} == {
        "the path hotfix leaves it out: the tests follow within three days"
    }
    standard = make.decide(policy, *sent(make, "main"), stage="test")
    assert {rule.id for rule in standard.rules if rule.status == "missing"} == {
        "c",
        "evidence.coverage",
        "evidence.dast",
    }


def test_evidence_that_a_rule_still_reads_is_still_demanded(make):
    """A path that leaves out evidence leaves out no rule that it does not name."""
    top = TOP.replace("rules: [c], ", "")
    decision = make.decide(make.policy(RULES, top), *sent(make, "hotfix/1"), stage="test")
    assert decision.outcome == "fail"
    assert make.rule(decision, "evidence.coverage").status == "missing"
    assert make.rule(decision, "c").status == "missing"


def test_a_stage_that_is_not_on_the_path_cannot_be_entered(make):
    """The answer is no, and names the stages of the path."""
    decision = make.decide(make.policy(RULES, TOP), *sent(make, "hotfix/1"), stage="develop")
    assert [why.text for why in decision.reasons] == [
        "the path hotfix does not enter stage develop; it enters test, production"
    ]
    assert (decision.outcome, decision.allowed, decision.rules) == ("fail", False, ())


TRUST = """
stages: [develop, test, production]
evidence: {tests: {from: develop, trust: {test: bound, production: observed}, protected_ref: production}}
"""


@pytest.mark.parametrize(
    ("stage", "trust", "is_protected", "code"),
    [
        ("develop", "claimed", False, None),
        ("test", "claimed", True, "untrusted"),
        ("test", "bound", False, None),
        ("production", "bound", True, "untrusted"),
        ("production", "observed", False, "ref-unprotected"),
        ("production", "observed", True, None),
    ],
)
def test_evidence_must_be_trusted_as_far_as_the_stage_demands(make, stage, trust, is_protected, code):
    """Below that it is listed as untrusted, and what reads it is missing, with the way to more trust."""
    policy = make.policy('- {id: t, metric: tests.failed, pass: "== 0"}', TRUST)
    evidence = make.evidence(
        "tests", {"tests.failed": 0}, trust=Trust(trust), is_protected=is_protected, ref="main"
    )
    decision = make.decide(policy, evidence, stage=stage)
    rule = make.rule(decision, "t")
    assert decision.allowed is (code is None)
    assert decision.evidence[0].use == ("used" if code is None else "untrusted")
    if code is not None:
        assert (rule.status, rule.message.code) == ("missing", code)


def test_the_way_to_more_trust_is_told(make):
    """Each demand has its own remedy."""
    policy = make.policy('- {id: t, metric: tests.failed, pass: "== 0"}', TRUST)

    def helps(stage, trust):
        evidence = make.evidence("tests", {"tests.failed": 0}, trust=Trust(trust))
        rule = make.rule(make.decide(policy, evidence, stage=stage), "t")
        return rule.message.text, rule.remedy.code

    assert helps("test", "claimed") == (
        "tests evidence named unit is claimed; the policy demands bound for this stage",
        "supply-bound",
    )
    assert helps("production", "bound")[1] == "supply-observed"
    assert helps("production", "observed")[1] == "supply-protected"


def test_untrusted_evidence_neither_helps_nor_harms(make):
    """Beside trusted evidence of another job it is listed and not read, good or bad."""
    policy = make.policy('- {id: t, metric: tests.failed, pass: "== 0"}', TRUST)
    good = make.evidence("tests", {"tests.failed": 0}, trust=Trust.BOUND)
    bad = make.evidence("tests", {"tests.failed": 3}, job="branch", order=2)
    assert make.decide(policy, good, bad, stage="test").allowed
    worse = msgspec.structs.replace(good, document=bad.document, digest=bad.digest)
    better = msgspec.structs.replace(bad, document=good.document, digest=good.digest)
    assert not make.decide(policy, worse, better, stage="test").allowed


def test_a_demanded_name_must_be_trusted_itself(make):
    """A trusted report under one name does not stand for an untrusted one under another."""
    top = TRUST.replace("{from: develop,", "{from: develop, names: [unit, e2e],")
    policy = make.policy('- {id: t, metric: tests.failed, pass: "== 0"}', top)
    unit = make.evidence("tests", {"tests.failed": 0}, trust=Trust.BOUND)
    e2e = make.evidence("tests", {"tests.failed": 0}, name="e2e")
    decision = make.decide(policy, unit, e2e, stage="test")
    assert make.rule(decision, "evidence.tests/e2e").message.code == "untrusted"
    assert make.rule(decision, "evidence.tests/unit").status == "pass"
