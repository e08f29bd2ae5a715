"""Waivers: what they set aside, when, and why not."""

from datetime import UTC, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.decision import as_json
from gatekeeper.evidence import Kind, Ratio
from gatekeeper.finding import Package, Severity
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.replay import KeptDecision, judged_again, judged_by, recalled
from gatekeeper.policy.waivers import covered_by
from gatekeeper.waiver import Covered, Waiver, WaiverScope

SAST = '- {id: s, metric: sast.total, pass: "== 0"}\n- {id: n, metric: sast.new.high, pass: "== 0"}'
COVER = '- {id: c, metric: coverage.line, pass: ">= 80"}'
LIMITS = "stages: [develop, test]\nwaiver_limits: "


def codes(decision):
    """(code, waiver) of each reason of the whole decision."""
    return [(why.code, why.params.get("waiver")) for why in decision.reasons]


def value(decision, rule):
    """What the rule saw."""
    return next(one.actual for one in decision.rules if one.id == rule)


def test_a_waiver_sets_aside_the_finding_that_it_was_granted_for(make):
    """The finding leaves all open counts, and the decision says which waiver was used and until when."""
    policy = make.policy(SAST)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    decision = make.decide(policy, evidence, waivers=[make.waiver("W-1", ("sast", "a", "high"))])
    assert (decision.outcome, decision.waivers.used) == ("pass", ("W-1",))
    assert decision.reasons == ()
    assert not make.decide(policy, evidence).allowed


def test_waived_findings_are_counted_apart(make):
    """`waived` counts them; `suppressed`, `fixed` and the open counts do not."""
    rules = "\n".join(
        f'- {{id: {name}, metric: sast.{metric}, pass: "== 0"}}'
        for name, metric in (("w", "waived"), ("s", "suppressed"), ("t", "total"), ("h", "high"))
    )
    found = [make.finding("a"), make.finding("b"), make.finding("c", suppressed=True)]
    decision = make.decide(
        make.policy(rules),
        make.evidence("sast", findings=found),
        waivers=[make.waiver("W-1", ("sast", "a", "high"))],
    )
    assert [value(decision, rule) for rule in "wsth"] == ["1", "1", "1", "1"]


def test_a_waived_finding_is_not_fixed(make):
    """It is still there: only what is gone from the reports counts as fixed."""
    policy = make.policy('- {id: f, metric: sast.fixed, pass: "== 0"}')
    evidence = make.evidence("sast", findings=[make.finding("a")])
    waiver = make.waiver("W-1", ("sast", "a", "high"))
    decision = make.decide(policy, evidence, baseline=[evidence], waivers=[waiver])
    assert value(decision, "f") == "0"


@pytest.mark.parametrize(
    ("fingerprint", "severity", "is_covered"),
    [
        ("a", "high", True),
        ("a", "unknown", True),
        ("a", "low", True),
        ("a", "critical", False),
        ("b", "low", False),
    ],
)
def test_it_covers_no_more_than_was_granted(make, fingerprint, severity, is_covered):
    """Another finding is open, and so is the same one once it is worse than it was."""
    evidence = make.evidence("sast", findings=[make.finding(fingerprint, severity)])
    waiver = make.waiver("W-1", ("sast", "a", "high"))
    decision = make.decide(make.policy(SAST), evidence, waivers=[waiver])
    assert decision.allowed is is_covered
    assert (decision.waivers.used, decision.waivers.unused) == (
        (("W-1",), ()) if is_covered else ((), ("W-1",))
    )


def test_a_waiver_of_one_kind_does_not_cover_another(make):
    """The same fingerprint in a report of another kind is open."""
    evidence = make.evidence("sast", findings=[make.finding("a")])
    decision = make.decide(
        make.policy(SAST), evidence, waivers=[make.waiver("W-1", ("secrets", "a", "high"))]
    )
    assert (decision.outcome, decision.waivers.unused) == ("fail", ("W-1",))


def test_it_holds_until_its_end(make):
    """At the first instant of its end the finding is open again, and the waiver is listed as expired."""
    policy = make.policy(SAST)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    waiver = make.waiver("W-1", ("sast", "a", "high"), expires_at=make.as_of + timedelta(hours=1))
    held = make.decide(policy, evidence, waivers=[waiver])
    assert held.valid_until == waiver.expires_at
    ended = make.decide(policy, evidence, waivers=[waiver], as_of=waiver.expires_at)
    assert (ended.outcome, ended.waivers.expired, ended.waivers.used) == ("fail", ("W-1",), ())


def test_a_revoked_waiver_has_ended(make):
    """Being revoked ends it like its time."""
    waiver = make.waiver("W-1", ("sast", "a", "high"), revoked_at=make.as_of)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    decision = make.decide(make.policy(SAST), evidence, waivers=[waiver])
    assert (decision.outcome, decision.waivers.expired) == ("fail", ("W-1",))


def test_one_that_is_granted_for_later_does_not_hold_yet(make):
    """It is told, and the answer ends where it begins."""
    begins = make.as_of + timedelta(hours=2)
    waiver = make.waiver("W-1", ("sast", "a", "high"), granted_at=begins)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    decision = make.decide(make.policy(SAST), evidence, waivers=[waiver])
    assert (decision.outcome, codes(decision)) == ("fail", [("waiver-not-yet", "W-1")])
    assert decision.valid_until == begins


def test_the_end_of_an_unused_waiver_changes_nothing(make):
    """`valid_until` looks only at those that set something aside."""
    waiver = make.waiver("W-1", ("sast", "gone", "high"), expires_at=make.as_of + timedelta(hours=1))
    decision = make.decide(make.policy(SAST), make.evidence("sast"), waivers=[waiver])
    assert decision.valid_until == make.as_of + timedelta(hours=24)
    assert decision.waivers.unused == ("W-1",)


@pytest.mark.parametrize(
    ("limits", "changes", "code"),
    [
        ("{max_days: 9}", {}, "waiver-too-long"),
        ("{max_days: 10}", {}, None),
        ("{max_days_by_severity: {high: 9}}", {}, "waiver-too-long"),
        ("{max_days_by_severity: {medium: 9}}", {}, "waiver-too-long"),
        ("{max_days_by_severity: {critical: 9}}", {}, None),
        ("{approved_by_role: security}", {}, "waiver-without-role"),
        ("{approved_by_role: security}", {"approver_roles": ("qa", "security")}, None),
        ("{max_days: 90}", {"approver": "usr_ann"}, "waiver-by-its-owner"),
        ("{max_days: 90}", {"project": "pay/other"}, "waiver-of-another-project"),
    ],
)
def test_beyond_the_limits_nothing_is_set_aside(make, limits, changes, code):
    """Whoever granted it: beyond the limits of the policy it is not applied, and the reason stands there."""
    policy = make.policy(SAST, LIMITS + limits)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    waiver = make.waiver("W-1", ("sast", "a", "high"), **changes)
    decision = make.decide(policy, evidence, waivers=[waiver])
    assert decision.allowed is (code is None)
    assert codes(decision) == ([] if code is None else [(code, "W-1")])
    assert decision.waivers.unused == (() if code is None else ("W-1",))


def test_a_waiver_for_another_stage_is_not_listed(make):
    """It is no business of this question."""
    waiver = make.waiver("W-1", ("sast", "a", "high"), stages=("test",))
    evidence = make.evidence("sast", findings=[make.finding("a")])
    decision = make.decide(make.policy(SAST), evidence, waivers=[waiver])
    assert (decision.outcome, decision.waivers) == ("fail", type(decision.waivers)())
    assert make.decide(make.policy(SAST), evidence, stage="test", waivers=[waiver]).allowed


def test_a_rule_waiver_accepts_down_to_its_floor(make):
    """Between floor and threshold the rule is waived; below the floor it fails."""
    policy = make.policy(COVER)
    waiver = make.rule_waiver("c", ">= 70")
    waived = make.decide(
        policy, make.evidence("coverage", {"coverage.line": Ratio(70, 100)}), waivers=[waiver]
    )
    rule = make.rule(waived, "c")
    assert (waived.outcome, rule.status, rule.remedy) == ("pass", "waived", None)
    assert rule.message.text == (
        "coverage.line is 70.00 and must be >= 80; waiver W-9 accepts >= 70 until 2026-12-02T12:00:00+00:00"
    )
    assert waived.waivers.used == ("W-9",)
    low = make.decide(
        policy, make.evidence("coverage", {"coverage.line": Ratio(699, 1000)}), waivers=[waiver]
    )
    assert (make.rule(low, "c").status, low.waivers.unused) == ("fail", ("W-9",))
    good = make.decide(policy, make.evidence("coverage", {"coverage.line": Ratio(80, 100)}), waivers=[waiver])
    assert (make.rule(good, "c").status, good.waivers.unused) == ("pass", ("W-9",))


def test_a_rule_waiver_does_not_replace_evidence(make):
    """A rule that is missing or in error stays so: nothing says that the floor is reached."""
    policy = make.policy(COVER)
    waiver = make.rule_waiver("c", ">= 0")
    missing = make.decide(policy, waivers=[waiver])
    assert (make.rule(missing, "c").status, missing.waivers.unused) == ("missing", ("W-9",))
    wrong = make.decide(policy, make.evidence("coverage", {"coverage.line": Ratio(3, 2)}), waivers=[waiver])
    assert make.rule(wrong, "c").status == "error"


@pytest.mark.parametrize("accept", [None, "", "70", ">= x", ">= 70 || true"])
def test_a_rule_waiver_without_a_floor_is_refused(make, accept):
    """An exception without an end to how bad it may become is none."""
    evidence = make.evidence("coverage", {"coverage.line": Ratio(70, 100)})
    decision = make.decide(make.policy(COVER), evidence, waivers=[make.rule_waiver("c", accept)])
    assert (decision.outcome, codes(decision)) == ("fail", [("waiver-without-floor", "W-9")])


@pytest.mark.parametrize("rule", ["evidence.coverage", "order", "other"])
def test_only_rules_of_the_policy_can_be_waived(make, rule):
    """Demanded evidence, order and rules that are not there stay what they are."""
    decision = make.decide(make.policy(COVER), waivers=[make.rule_waiver(rule, ">= 0")])
    assert (decision.outcome, decision.waivers.unused) == ("fail", ("W-9",))


def test_a_waived_score_rule_keeps_its_points(make):
    """A waived rule scores like one that passes."""
    policy = make.policy(
        '- {id: c, metric: coverage.line, pass: ">= 80", mode: score, weight: 2}',
        "stages: [develop]\nscore: {pass: 90, warn: 50}",
    )
    evidence = make.evidence("coverage", {"coverage.line": Ratio(75, 100)})
    decision = make.decide(policy, evidence, waivers=[make.rule_waiver("c", ">= 70")])
    assert (decision.score, decision.outcome) == ("100.00", "pass")


def test_an_observed_rule_uses_no_waiver(make):
    """What stops nothing needs no exception."""
    policy = make.policy(COVER + "\n" + '- {id: o, metric: coverage.line, pass: ">= 90", mode: observe}')
    evidence = make.evidence("coverage", {"coverage.line": Ratio(80, 100)})
    decision = make.decide(policy, evidence, waivers=[make.rule_waiver("o", ">= 70")])
    assert decision.waivers.unused == ("W-9",)


def test_inline_suppressions_can_be_refused(make):
    """With `inline: refuse` a suppressed finding is open, and only a waiver sets it aside."""
    evidence = make.evidence("sast", findings=[make.finding("a", suppressed=True)])
    assert make.decide(make.policy(SAST), evidence).allowed
    refusing = make.policy(SAST, LIMITS + "{inline: refuse}")
    decision = make.decide(refusing, evidence)
    assert (decision.outcome, value(decision, "s")) == ("fail", "1")
    assert make.decide(refusing, evidence, waivers=[make.waiver("W-1", ("sast", "a", "high"))]).allowed
    assert not make.decide(refusing, evidence, waivers=[make.waiver("W-1", ("sast", "a", "low"))]).allowed


def test_suppressions_that_are_only_counted_cannot_be_refused_one_by_one(make):
    """A report that counts suppressed findings without listing them leaves the open count unknown."""
    evidence = make.evidence("sast", {"sast.suppressed": 2}, findings=[make.finding("a", suppressed=True)])
    decision = make.decide(make.policy(SAST, LIMITS + "{inline: refuse}"), evidence)
    assert (make.rule(decision, "s").status, make.rule(decision, "s").message.code) == (
        "missing",
        "cannot-count",
    )


def test_an_old_suppressed_finding_is_not_new(make):
    """Refusing suppressions looks at the baseline with the same eyes."""
    evidence = make.evidence("sast", findings=[make.finding("a", suppressed=True)])
    policy = make.policy('- {id: n, metric: sast.new.total, pass: "== 0"}', LIMITS + "{inline: refuse}")
    assert make.decide(policy, evidence, baseline=[evidence]).allowed
    assert not make.decide(policy, evidence, baseline=[make.evidence("sast")]).allowed


def test_a_waiver_on_evidence_that_cannot_be_used_is_unused(make):
    """Nothing was set aside where nothing could be read."""
    evidence = make.evidence("sast", findings=[make.finding("a")], state="failed")
    decision = make.decide(make.policy(SAST), evidence, waivers=[make.waiver("W-1", ("sast", "a", "high"))])
    assert (decision.outcome, decision.waivers.unused) == ("fail", ("W-1",))


@pytest.mark.parametrize(
    ("scope", "match", "found"),
    [
        ("finding", "f1", {"f1"}),
        ("advisory", "cve-2026-1", {"f2"}),
        ("package", "PyPI/lxml", {"f2"}),
        ("path", "app/*", {"f1"}),
        ("path", "app", set()),
        ("rule", "f1", set()),
    ],
)
def test_what_a_waiver_would_cover_is_listed_when_it_is_granted(make, scope, match, found):
    """Each scope names findings in its own words, and freezes their fingerprints and severities."""
    findings = [
        make.finding("f1", "medium", path="app/pay/db.py"),
        make.finding("f2", package=Package(ecosystem="pypi", name="lxml"), advisory="CVE-2026-1"),
        make.finding("f3", path=None),
    ]
    covered = covered_by(WaiverScope(scope), match, Kind.SCA, findings)
    assert {one.fingerprint for one in covered} == found
    assert all(one.kind is Kind.SCA for one in covered)
    if "f1" in found:
        assert covered[0].severity is Severity.MEDIUM


def test_the_inputs_must_name_the_waivers(make):
    """A waiver that the inputs do not name, or one that was changed since, makes the answer no."""
    policy = make.policy(SAST)
    evidence = (make.evidence("sast", findings=[make.finding("a")]),)
    waiver = make.waiver("W-1", ("sast", "a", "high"))
    inputs = inputs_for(make.subject, "develop", policy, evidence, as_of=make.as_of, waivers=[waiver])
    assert evaluate(inputs, policy, evidence, waivers=[waiver]).allowed
    other = msgspec.structs.replace(waiver, expires_at=waiver.expires_at + timedelta(days=1))
    for held in ([], [other], [waiver, waiver], [waiver, other]):
        decision = evaluate(inputs, policy, evidence, waivers=held)
        assert (decision.allowed, decision.reasons[0].params) == (False, {"what": "waivers"})


def test_the_order_of_waivers_does_not_matter(make):
    """Whatever order they come in, the whole decision is the same, byte by byte."""
    policy = make.policy(SAST)
    evidence = make.evidence("sast", findings=[make.finding("a"), make.finding("b")])
    waivers = [
        make.waiver("W-1", ("sast", "a", "high"), ("sast", "b", "low")),
        make.waiver("W-2", ("sast", "b", "high")),
        make.waiver("W-3", ("sast", "b", "high"), owner="usr_bob"),
        make.waiver("W-4", ("sast", "c", "high"), expires_at=make.as_of),
    ]
    one = make.decide(policy, evidence, waivers=waivers)
    assert as_json(make.decide(policy, evidence, waivers=waivers[::-1])) == as_json(one)
    assert (one.waivers.used, one.waivers.unused, one.waivers.expired) == (("W-1", "W-2"), ("W-3",), ("W-4",))


class Shelf:
    """A library of one policy and some documents."""

    def __init__(self, policy, *evidence):
        self.policies = {policy.digest: policy}
        self.documents = {item.digest: item.document for item in evidence}

    def policy(self, digest):
        """The policy."""
        return self.policies.get(digest)

    def document(self, digest):
        """The document."""
        return self.documents.get(digest)


def test_a_decision_with_waivers_can_be_replayed(make):
    """With the waivers that were kept it gives the same outputs; another policy is tried with them, too."""
    policy = make.policy(SAST)
    evidence = make.evidence("sast", findings=[make.finding("a")])
    waivers = (make.waiver("W-1", ("sast", "a", "high")),)
    inputs = inputs_for(make.subject, "develop", policy, [evidence], as_of=make.as_of, waivers=waivers)
    decision = evaluate(inputs, policy, [evidence], waivers=waivers)
    kept = KeptDecision(decision=decision, inputs=inputs, waivers=waivers)
    found = recalled(kept, Shelf(policy, evidence))
    again = judged_again(found)
    assert (again.outcome, again.digests) == ("pass", decision.digests)
    strict = make.policy(SAST, LIMITS + "{max_days: 5}")
    other = judged_by(found, strict, msgspec.structs.replace(inputs, policy_digest=strict.digest))
    assert (other.outcome, codes(other)) == ("fail", [("waiver-too-long", "W-1")])


moments = st.one_of(st.datetimes(), st.datetimes(timezones=st.just(UTC)))
words = st.sampled_from(["", "a", "s", "n", "W-1", "pay/api", "\x00", "ü/*", "[", ">= 1"])
any_covered = st.builds(
    Covered,
    kind=st.sampled_from(list(Kind)),
    fingerprint=words,
    severity=st.sampled_from(list(Severity)),
)
any_waiver = st.builds(
    Waiver,
    id=words,
    project=st.sampled_from(["pay/api", ""]),
    stages=st.lists(st.sampled_from(["develop", "nowhere"]), max_size=1).map(tuple),
    scope=st.sampled_from(list(WaiverScope)),
    match=words,
    covered=st.lists(any_covered, max_size=2).map(tuple),
    accept=st.one_of(st.none(), words),
    reason=words,
    ticket=words,
    owner=words,
    approver=words,
    granted_at=moments,
    expires_at=moments,
    revoked_at=st.one_of(st.none(), moments),
)


@given(st.lists(any_waiver, max_size=4), st.datetimes(timezones=st.just(UTC)))
def test_there_is_always_an_answer(make, waivers, as_of):
    """Whatever waivers say, a decision comes out, and each of this stage is listed somewhere."""
    evidence = make.evidence("sast", findings=[make.finding("a", "critical")])
    decision = make.decide(make.policy(SAST), evidence, waivers=waivers, as_of=as_of)
    assert decision.valid_until >= decision.as_of
    listed = {*decision.waivers.used, *decision.waivers.expired, *decision.waivers.unused}
    assert listed == {one.id for one in waivers if one.enters("develop")}
    told = {why.params["waiver"] for why in decision.reasons if why.code.startswith("waiver-")}
    assert told <= listed
