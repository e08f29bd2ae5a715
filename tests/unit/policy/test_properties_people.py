"""What must hold for all waivers, signatures and thresholds: nobody gains by adding, hiding or reordering."""

from datetime import UTC, timedelta

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from gatekeeper.decision import Mode, Outcome, People, Status, as_json
from gatekeeper.evidence import Ratio
from gatekeeper.finding import Severity
from gatekeeper.policy.approvals import blocking_rules, open_findings
from gatekeeper.policy.condition import Condition, MetricRef, Op
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.model import Bounds, ScoreBounds
from gatekeeper.signoff import Approval, Obligation, Override, PriorDecision, Records, Shown, Verdict

RULES = """
- {id: t, metric: tests.failed, pass: "== 0"}
- {id: s, metric: sast.total, pass: "<= 1"}
- {id: d, metric: sca.total, pass: "<= 2", warn: "<= 3"}
- {id: sn, metric: sast.new.total, pass: "<= 2", mode: warn}
- {id: c, metric: coverage.line, pass: ">= 80", mode: score}
"""
TOP = """
stages: [develop, test]
score: {pass: 90, warn: 60}
time_zone: Europe/Berlin
paths: {standard: {order: true}}
approvals:
  test: [{role: product}, {role: ops, if: {sast.high: "> 0"}}]
separation: {approver_is_not: [author, waiver_owner], distinct_people: true}
waiver_limits: {max_days: 30, max_days_by_severity: {critical: 15}}
revoke_on: high
windows: {test: {open: [{days: [mon, tue], from: "09:00", to: "18:00"}]}}
"""
RANK = {"pass": 0, "warn": 1, "fail": 2}
SEVERITIES = st.sampled_from(list(Severity))
NAMES = st.sampled_from("abcd")
PEOPLE = People(author="eve")

found = st.lists(st.tuples(NAMES, SEVERITIES), max_size=4)
worlds = st.fixed_dictionaries({"sast": found, "sca": found, "covered": st.integers(70, 90)})
covers = st.lists(st.tuples(st.sampled_from(["sast", "sca"]), NAMES, SEVERITIES), max_size=3)
calm = st.fixed_dictionaries(
    {
        "sast": st.lists(st.tuples(NAMES, SEVERITIES), max_size=1),
        "sca": st.lists(st.tuples(NAMES, SEVERITIES), max_size=2),
        "covered": st.integers(80, 90),
    }
)
"""Worlds in which people alone decide."""
exceptions = st.lists(
    st.fixed_dictionaries(
        {
            "covered": covers,
            "days": st.integers(-3, 40),
            "stages": st.sampled_from([(), ("test",), ("develop",)]),
            "owner": st.sampled_from(["ann", "bob", "usr_bob"]),
        }
    ),
    max_size=4,
)
signatures = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.sampled_from(["ann", "bob", "cid", "eve"]),
            "role": st.sampled_from(["product", "ops", "other"]),
            "verdict": st.sampled_from(list(Verdict)),
            "minutes": st.integers(1, 9),
            "is_withdrawn": st.booleans(),
            "knows": st.booleans(),
        }
    ),
    max_size=5,
)


@pytest.fixture(scope="session")
def policy(make):
    """Metric rules, and everything that people add to them."""
    return make.policy(RULES, TOP)


def evidence_of(make, w):
    """Four reports; a fingerprint is one finding, whose worst severity counts."""
    findings = {kind: [make.finding(f, s) for f, s in w[kind]] for kind in ("sast", "sca")}
    return [
        make.evidence("tests", {"tests.failed": 0, "tests.total": 3}),
        make.evidence("coverage", {"coverage.line": Ratio(w["covered"], 100)}),
        make.evidence("sast", findings=findings["sast"]),
        make.evidence("sca", findings=findings["sca"]),
    ]


def waivers_of(make, items):
    """The waivers; some have ended, some hold too long, some are owned by who granted them."""
    return [
        make.waiver(
            f"W-{number}",
            *item["covered"],
            stages=item["stages"],
            owner=item["owner"],
            granted_at=make.as_of - timedelta(days=5),
            expires_at=make.as_of + timedelta(days=item["days"]),
        )
        for number, item in enumerate(items)
    ]


def approvals_of(make, policy, w, items, waivers=()):
    """Signatures of people who saw what there is, or something else."""
    seen = make.decide(policy, *evidence_of(make, w), stage="test", waivers=waivers, people=PEOPLE)
    path = policy.path("standard")
    shown = Shown(
        demands=policy.signing_digest("test", path),
        rules=blocking_rules(seen.rules),
        findings=open_findings(make.finding(f, s) for kind in ("sast", "sca") for f, s in w[kind]),
    )
    blind = Shown(demands=shown.demands, rules=dict.fromkeys(shown.rules, Status.PASS))
    return tuple(
        Approval(
            id=f"A-{number}",
            person=item["person"],
            role=item["role"],
            verdict=item["verdict"],
            stage="test",
            path="standard",
            tree=make.source.tree,
            artifact=make.subject.artifact,
            shown=shown if item["knows"] else blind,
            given_at=make.as_of - timedelta(minutes=item["minutes"]),
            withdrawn_at=make.as_of if item["is_withdrawn"] else None,
        )
        for number, item in enumerate(items)
    )


def prior(make, *, allowed=True):
    """A decision for the stage before."""
    return PriorDecision(
        stage="develop",
        path="standard",
        decision="dec_1",
        outcome=Outcome.PASS if allowed else Outcome.FAIL,
        allowed=allowed,
        as_of=make.as_of - timedelta(hours=1),
    )


def override(make, **changes):
    """A day's permission of two people."""
    made = Override(
        id="O-1",
        people=("ann", "bob"),
        reason="the shop is down",
        stage="test",
        tree=make.source.tree,
        artifact=make.subject.artifact,
        granted_at=make.as_of - timedelta(hours=1),
        expires_at=make.as_of + timedelta(hours=1),
    )
    return msgspec.structs.replace(made, **changes)


def ask(make, policy, w, *, waivers=(), approvals=(), **records):
    """May it enter `test`?"""
    given_records = Records(approvals=tuple(approvals), **({"prior": (prior(make),)} | records))
    return make.decide(
        policy,
        *evidence_of(make, w),
        stage="test",
        waivers=tuple(waivers),
        records=given_records,
        people=PEOPLE,
    )


@given(worlds, exceptions, signatures, st.randoms())
def test_order_does_not_matter(make, policy, w, excepted, signed, random):
    """Evidence, waivers and signatures in another order give the same bytes, and so does asking again."""
    waivers = waivers_of(make, excepted)
    approvals = list(approvals_of(make, policy, w, signed, waivers))
    evidence = evidence_of(make, w)

    def decision():
        records = Records(approvals=tuple(approvals), prior=(prior(make),), overrides=(override(make),))
        return as_json(
            make.decide(
                policy, *evidence, stage="test", waivers=tuple(waivers), records=records, people=PEOPLE
            )
        )

    one = decision()
    assert decision() == one
    for items in (waivers, approvals, evidence):
        random.shuffle(items)
    assert decision() == one


@given(worlds, exceptions, st.permutations(RULES.strip().splitlines()))
def test_the_order_of_rules_does_not_matter(make, policy, w, excepted, lines):
    """A file with its rules in another order gives the same outputs, waivers included."""
    other = make.policy("\n".join(lines), TOP)
    waivers = waivers_of(make, excepted)
    one, two = (ask(make, p, w, waivers=waivers) for p in (policy, other))
    assert (one.id, one.digests, one.waivers) == (two.id, two.digests, two.waivers)


@given(worlds, exceptions)
def test_a_waiver_covers_only_what_it_was_granted_for(make, policy, w, excepted):
    """What is open is counted here by hand: all but what a waiver in force covered, as bad as it was then."""
    waivers = waivers_of(make, excepted)
    decision = ask(make, policy, w, waivers=waivers)
    covered = {
        (one.kind, one.fingerprint, one.severity)
        for waiver, item in zip(waivers, excepted, strict=True)
        if 0 < item["days"] <= 25
        and item["stages"] != ("develop",)
        and item["owner"] != "usr_bob"
        and (item["days"] <= 10 or all(severity != "critical" for _, _, severity in item["covered"]))
        for one in waiver.covered
    }
    for kind, rule in (("sast", "s"), ("sca", "d")):
        worst = {}
        for name, severity in w[kind]:
            worst[name] = max(worst.get(name, 0), severity.rank)
        still = [
            name
            for name, rank in worst.items()
            if not any(k == kind and f == name and rank <= s.rank for k, f, s in covered)
        ]
        assert make.rule(decision, rule).actual == str(len(still))


@given(
    worlds, exceptions, st.lists(st.integers(0, 3)), st.tuples(st.sampled_from(["sast", "sca"]), SEVERITIES)
)
def test_a_finding_more_is_never_covered(make, policy, w, excepted, kept, extra):
    """A finding that no waiver was granted for makes nothing better, whatever the waivers are."""
    waivers = [one for i, one in enumerate(waivers_of(make, excepted)) if i in kept]
    before = ask(make, policy, w, waivers=waivers)
    kind, severity = extra
    after = ask(make, policy, w | {kind: [*w[kind], ("new", severity)]}, waivers=waivers)
    assert RANK[after.outcome] >= RANK[before.outcome]
    assert int(make.rule(after, "s").actual) + int(make.rule(after, "d").actual) == 1 + int(
        make.rule(before, "s").actual
    ) + int(make.rule(before, "d").actual)


@given(worlds, exceptions)
def test_what_has_expired_counts_as_absent(make, policy, w, excepted):
    """Waivers that have ended, withdrawn signatures and old overrides change nothing but the lists."""
    ended = waivers_of(make, [item | {"days": -abs(item["days"])} for item in excepted])
    signed = [
        {
            "person": p,
            "role": r,
            "verdict": Verdict.APPROVE,
            "minutes": 1,
            "is_withdrawn": True,
            "knows": True,
        }
        for p, r in (("ann", "product"), ("bob", "ops"))
    ]
    old = override(make, granted_at=make.as_of - timedelta(hours=3), expires_at=make.as_of)
    plain = ask(make, policy, w)
    with_old = ask(
        make,
        policy,
        w,
        waivers=ended,
        approvals=approvals_of(make, policy, w, signed),
        overrides=(old,),
    )
    assert (with_old.outcome, with_old.allowed, with_old.score) == (plain.outcome, plain.allowed, plain.score)
    assert statuses(with_old) == statuses(plain)
    assert (with_old.override, with_old.approvals.given) == (None, plain.approvals.given)
    assert set(with_old.waivers.expired) == {one.id for one in ended if one.enters("test")}


def statuses(decision):
    """Status by rule."""
    return {rule.id: rule.status for rule in decision.rules}


@given(calm, exceptions, signatures, st.integers(0, 4))
def test_a_signature_more_never_harms(make, policy, w, excepted, signed, left_out):
    """Adding an approval, whoever gives it and whatever was seen, never turns allowed into not allowed."""
    waivers = waivers_of(make, excepted)
    everyone = [
        {"person": "ann", "role": "product", "minutes": 5, "is_withdrawn": False, "knows": True},
        {"person": "bob", "role": "ops", "minutes": 4, "is_withdrawn": False, "knows": True},
    ]
    signed = [{"verdict": Verdict.APPROVE} | one for one in (*everyone, *signed)]
    approvals = approvals_of(make, policy, w, signed, waivers)
    less = [one for i, one in enumerate(approvals) if i != left_out or one.verdict is Verdict.DECLINE]
    before = ask(make, policy, w, waivers=waivers, approvals=less)
    after = ask(make, policy, w, waivers=waivers, approvals=approvals)
    assert after.allowed >= before.allowed
    event(f"allowed: {before.allowed} -> {after.allowed}")
    if max(approvals, key=lambda one: (one.given_at, one.id)) not in less:
        # Who signs in two roles counts for the earlier one, so only the last word moves nobody.
        assert {*after.approvals.missing} <= {*before.approvals.missing}


@given(worlds, exceptions, signatures, st.sets(st.integers(0, 3), min_size=1))
def test_hiding_a_report_never_helps(make, policy, w, excepted, signed, dropped):
    """With waivers and signatures too, a build that hides a report does not pass."""
    waivers = waivers_of(make, excepted)
    records = Records(approvals=approvals_of(make, policy, w, signed, waivers), prior=(prior(make),))
    kept = [item for i, item in enumerate(evidence_of(make, w)) if i not in dropped]
    after = make.decide(policy, *kept, stage="test", waivers=waivers, records=records, people=PEOPLE)
    assert (after.outcome, after.allowed) == ("fail", False)


BOUNDED = (
    ("tests", "tests.failed", "<=", 1),
    ("tests", "tests.skipped", "<=", 1),
    ("tests", "tests.passed", ">=", -1),
    ("coverage", "coverage.lines_covered", ">=", -1),
    ("coverage", "coverage.branches_covered", ">=", -1),
    ("review", "review.approvals", ">=", -1),
    ("review", "review.changes_requested", "<=", 1),
    ("defects", "defects.blocker", "<=", 1),
    ("defects", "defects.major", "<=", 1),
)
"""Kind, metric, operator, and the sign of worse."""
bounded = st.lists(
    st.tuples(
        st.sampled_from(BOUNDED),
        st.integers(0, 8),
        st.integers(0, 4),
        st.sampled_from(["block", "score", "warn", "observe"]),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=6,
)


@given(
    bounded,
    st.lists(st.integers(0, 9), min_size=9, max_size=9),
    st.integers(0, 8),
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=2),
)
def test_a_worse_metric_never_helps(make, rules, values, which, step, floors):
    """Over rules on metrics without `only_if`, one metric that is worse never makes the outcome better."""
    policy = built(make, rules)
    waivers = [
        make.rule_waiver(f"r{number}", f"{rules[number][0][2]} {floor}", f"W-{i}")
        for i, (number, floor) in enumerate(floors)
        if number < len(rules)
    ]
    before = make.decide(policy, *reports(make, values), waivers=waivers)
    sign = BOUNDED[which][3]
    worse = [max(0, value + sign * step) if i == which else value for i, value in enumerate(values)]
    after = make.decide(policy, *reports(make, worse), waivers=waivers)
    assert RANK[after.outcome] >= RANK[before.outcome]
    if before.score is not None and after.score is not None:
        assert float(after.score) <= float(before.score)


def built(make, rules):
    """A policy of such rules, some of which no loader would accept: the engine must not depend on that."""
    policy = make.policy('- {id: base, metric: tests.total, pass: ">= 1"}', "stages: [develop]")
    base = policy.rules[0]
    made = [
        msgspec.structs.replace(
            base,
            id=f"r{number}",
            metric=MetricRef(metric),
            bounds=(
                Bounds(
                    stage="develop",
                    pass_=Condition(Op(op), str(bound)),
                    warn=Condition(Op(op), str(bound + sign * band)) if band else None,
                ),
            ),
            mode=Mode(mode),
            weight=weight if mode == "score" else None,
        )
        for number, ((_, metric, op, sign), bound, band, mode, weight) in enumerate(rules)
    ]
    bounds = ScoreBounds(pass_="90", warn="50")  # noqa: S106  # a score, not a password
    return msgspec.structs.replace(policy, rules=(base, *made), score=bounds)


def reports(make, values):
    """One report of each kind with these values, and what goes with them."""
    metrics = {"tests": {"tests.total": 99}, "coverage": {}, "review": {}, "defects": {}}
    for (kind, metric, _, _), value in zip(BOUNDED, values, strict=True):
        metrics[kind][metric] = value
    return [make.evidence(kind, facts) for kind, facts in metrics.items()]


def test_an_override_allows_and_changes_no_outcome(make, policy):
    """`allowed` turns, `outcome` and the rules stay; it ends when the override does."""
    w = {"sast": [(name, Severity.HIGH) for name in "abc"], "sca": [], "covered": 90}
    plain, over = ask(make, policy, w), ask(make, policy, w, overrides=(override(make),))
    assert (plain.allowed, over.allowed, over.outcome, over.override) == (False, True, "fail", "O-1")
    assert over.rules == plain.rules
    assert over.valid_until == make.as_of + timedelta(hours=1)
    assert over.digests.outputs != plain.digests.outputs


def test_an_override_that_is_not_needed_is_not_named(make, policy):
    """A decision that passes by itself is no exception, and may become a baseline."""
    w = {"sast": [], "sca": [], "covered": 90}
    decision = make.decide(
        policy, *evidence_of(make, w), records=Records(overrides=(override(make, stage="develop"),))
    )
    assert (decision.outcome, decision.override) == ("pass", None)


def test_an_override_does_not_mend_a_wrong_question(make, policy):
    """Inputs that disagree, an unknown stage or an unlinked artifact are not for people to allow."""
    evidence = tuple(evidence_of(make, {"sast": [], "sca": [], "covered": 90}))
    records = Records(overrides=(override(make),))
    inputs = inputs_for(make.subject, "test", policy, evidence, as_of=make.as_of, records=records)
    assert evaluate(inputs, policy, evidence, records=records).allowed
    for wrong in (
        msgspec.structs.replace(inputs, policy_digest="sha256:" + "0" * 64),
        msgspec.structs.replace(inputs, stage="prod"),
        msgspec.structs.replace(inputs, approvals=("sha256:" + "0" * 64,)),
        msgspec.structs.replace(inputs, path="express"),
    ):
        assert not evaluate(wrong, policy, evidence, records=records).allowed


@pytest.mark.parametrize("what", ["approvals", "overrides", "obligations", "prior_decisions"])
def test_the_inputs_must_name_the_records(make, policy, what):
    """A record that the inputs do not name, or one that they name and nobody gives, makes the answer no."""
    w = {"sast": [], "sca": [], "covered": 90}
    evidence = tuple(evidence_of(make, w))
    item = {"person": "ann", "role": "product", "minutes": 5, "is_withdrawn": False, "knows": True}
    owed = Obligation(
        id="OB-1",
        title="Run the tests",
        owner_role="qa",
        decision="dec_1",
        opened_at=make.as_of,
        due_at=make.as_of + timedelta(hours=2),
    )
    records = Records(
        approvals=approvals_of(make, policy, w, [item | {"verdict": Verdict.APPROVE}]),
        overrides=(override(make),),
        obligations=(owed,),
        prior=(prior(make),),
    )
    inputs = inputs_for(
        make.subject, "test", policy, evidence, as_of=make.as_of, records=records, people=PEOPLE
    )
    good = evaluate(inputs, policy, evidence, records=records)
    assert (good.outcome, good.obligations, good.valid_until) == (
        "pass",
        ("OB-1",),
        make.as_of + timedelta(hours=2),
    )
    without = msgspec.structs.replace(inputs, **{what: ()})
    found = evaluate(without, policy, evidence, records=records)
    assert (found.allowed, found.reasons[0].code) == (False, "inputs-disagree")
    missing = msgspec.structs.replace(records, **{"prior" if what == "prior_decisions" else what: ()})
    assert evaluate(inputs, policy, evidence, records=missing).reasons[0].code == "inputs-disagree"


def test_an_overdue_obligation_blocks(make, policy):
    """From its due date on, whatever the subject is."""
    owed = Obligation(
        id="OB-1",
        title="Run the tests",
        owner_role="qa",
        decision="dec_1",
        opened_at=make.as_of - timedelta(days=3),
        due_at=make.as_of,
    )
    w = {"sast": [], "sca": [], "covered": 90}
    decision = make.decide(policy, *evidence_of(make, w), records=Records(obligations=(owed,)))
    assert (decision.outcome, make.rule(decision, "obligation.OB-1").status) == ("fail", "fail")


def test_everything_that_entering_takes_is_listed_once(make, policy):
    """Order, window, separation and roles have one result each, beside the rules."""
    decision = ask(make, policy, {"sast": [("a", Severity.HIGH)], "sca": [], "covered": 90})
    ids = [rule.id for rule in decision.rules]
    assert ids[-5:] == ["order", "window", "separation", "approval.ops", "approval.product"]
    assert len(ids) == len(set(ids))
    assert decision.approvals.missing == ("ops", "product")


def test_the_answer_ends_when_the_window_closes(make, policy):
    """Berlin closes at 18:00, which is five hours after the question."""
    decision = ask(make, policy, {"sast": [], "sca": [], "covered": 90})
    assert make.rule(decision, "window").status == "pass"
    assert decision.valid_until == make.as_of + timedelta(hours=5)


moments = st.one_of(st.datetimes(), st.datetimes(timezones=st.just(UTC)))
trees = st.sampled_from(["1" * 40, "2" * 40, ""])
artifacts = st.sampled_from(["sha256:" + "a" * 64, ""])
any_records = st.builds(
    Records,
    approvals=st.lists(
        st.builds(
            Approval,
            id=NAMES,
            person=NAMES,
            role=st.sampled_from(["product", "ops", ""]),
            verdict=st.sampled_from(list(Verdict)),
            stage=st.just("test"),
            path=st.just("standard"),
            tree=trees,
            artifact=artifacts,
            shown=st.builds(
                Shown,
                demands=NAMES,
                decision=st.none(),
                rules=st.dictionaries(NAMES, st.sampled_from(list(Status)), max_size=2),
                findings=st.dictionaries(NAMES, SEVERITIES, max_size=2),
            ),
            given_at=moments,
            withdrawn_at=st.one_of(st.none(), moments),
        ),
        max_size=3,
    ).map(tuple),
    overrides=st.lists(
        st.builds(
            Override,
            id=NAMES,
            people=st.tuples(NAMES, NAMES),
            reason=st.just(""),
            stage=st.just("test"),
            tree=trees,
            artifact=artifacts,
            granted_at=moments,
            expires_at=moments,
            revoked_at=st.one_of(st.none(), moments),
        ),
        max_size=2,
    ).map(tuple),
    obligations=st.lists(
        st.builds(
            Obligation,
            id=NAMES,
            title=NAMES,
            owner_role=NAMES,
            decision=NAMES,
            opened_at=moments,
            due_at=moments,
            settled_at=st.one_of(st.none(), moments),
        ),
        max_size=2,
    ).map(tuple),
    prior=st.lists(
        st.builds(
            PriorDecision,
            stage=st.just("develop"),
            path=st.just("standard"),
            decision=NAMES,
            outcome=st.sampled_from(list(Outcome)),
            allowed=st.booleans(),
            as_of=moments,
        ),
        max_size=2,
    ).map(tuple),
)


@given(any_records, st.datetimes(timezones=st.just(UTC)))
def test_there_is_always_an_answer(make, policy, records, as_of):
    """Whatever people's records hold, and whenever, a decision comes out, the same in any order."""
    evidence = evidence_of(make, {"sast": [("a", Severity.HIGH)], "sca": [], "covered": 90})
    one = make.decide(policy, *evidence, stage="test", records=records, as_of=as_of, people=PEOPLE)
    turned = Records(
        approvals=records.approvals[::-1],
        overrides=records.overrides[::-1],
        obligations=records.obligations[::-1],
        prior=records.prior[::-1],
    )
    two = make.decide(policy, *evidence, stage="test", records=turned, as_of=as_of, people=PEOPLE)
    assert as_json(one) == as_json(two)
    assert one.valid_until >= one.as_of
