"""Approvals: which signatures count, why others do not, and who still has to sign."""

from fractions import Fraction
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing import DEMANDS, NOW, OTHER_ARTIFACT, OTHER_TREE, approval, asked, minutes

from gatekeeper.decision import Approvals, Mode, People, Status
from gatekeeper.finding import Severity
from gatekeeper.policy.approvals import Signed, Standing, blocking_rules, open_findings, signed
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.condition import Condition, Guard, MetricRef, Op
from gatekeeper.policy.current import look_at
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import ApprovalDemand, Party, Separation, Signing
from gatekeeper.policy.separation import Excluded, excluded
from gatekeeper.signoff import Verdict

PRODUCT, OPS = ApprovalDemand(role="product"), ApprovalDemand(role="ops")
NOBODY = Excluded(people={})
HIGH_ONLY = Guard(metric=MetricRef("sast.high"), condition=Condition(Op.MORE, "0"))


@pytest.fixture(scope="module")
def desk(make):
    """Where people sign: `sign` asks production with these records; everything is good by default."""
    plain = make.policy(
        "- {id: t, metric: tests.failed, pass: '== 0', mode: block}", "stages: [test, production]"
    )

    def policy(*demands: ApprovalDemand, separation: Separation | None = None) -> Policy:
        return msgspec.structs.replace(
            plain,
            approvals=(Signing(stage="production", demands=demands),),
            separation=separation or Separation(),
        )

    def sign(
        *records,
        demands: tuple[ApprovalDemand, ...] = (PRODUCT,),
        separation: Separation | None = None,
        score: Fraction | None = None,
        evidence=(),
        question=None,
        rules=None,
        findings=None,
        revoke_on: Severity | None = Severity.HIGH,
        barred: Excluded = NOBODY,
    ) -> Signed:
        rule_book = policy(*demands, separation=separation)
        material = look_at(evidence, rule_book, make.subject, NOW, None)
        standing = Standing(
            demands=DEMANDS, rules=rules or {}, findings=findings or {}, revoke_on=revoke_on, excluded=barred
        )
        book = FactBook(material, rule_book, "production")
        return signed(question or asked(), rule_book, standing, records, book=book, score=score)

    return SimpleNamespace(sign=sign, policy=policy)


def result(found: Signed, role: str = "product"):
    """The result of one role."""
    return next(one.result for one in found.judged if one.result.id == f"approval.{role}")


def code_of(found: Signed) -> str:
    """Why the only approval does not count."""
    (one,) = found.set_aside
    assert result(found).status == "fail"
    assert found.approvals.missing == ("product",)
    return one.why.code


def test_a_signature_in_the_role_is_enough(desk):
    """The lists of the decision and the result agree, and the reason names the person."""
    found = desk.sign(approval("ann", "product"))
    assert found.approvals == Approvals(required=("product",), given=("product",))
    assert result(found).status == "pass"
    assert result(found).message.text == "product: signed by ann"


def test_nobody_signed(desk):
    """The remedy says which role and how many."""
    found = desk.sign(demands=(ApprovalDemand(role="ops", count=2),))
    assert found.approvals.missing == ("ops",)
    assert found.judged[0].effect == "block"
    assert result(found, "ops").message.text == "ops: 0 of 2 signed"
    assert result(found, "ops").remedy.text == "2 more people with the role ops must approve"


def test_a_stage_without_demands_has_no_results(desk):
    """Nothing must be signed at test."""
    assert desk.sign(approval("ann", "product"), question=asked("test")) == Signed()


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (approval("ann", "product", withdrawn=-1), "approval-withdrawn"),
        (approval("ann", "product", withdrawn=0), "approval-withdrawn"),
        (approval("ann", "product", at=1), "approval-not-yet"),
        (approval("ann", "product", stage="test"), "approval-other-stage"),
        (approval("ann", "product", on="hotfix"), "approval-other-path"),
        (approval("ann", "product", tree=OTHER_TREE), "approval-other-source"),
        (approval("ann", "product", artifact=OTHER_ARTIFACT), "approval-other-artifact"),
        (approval("ann", "product", artifact=""), "approval-other-artifact"),
        (approval("ann", "product", demands="sha256:" + "e" * 64), "approval-demands-changed"),
    ],
)
def test_what_does_not_count_is_told_with_its_reason(desk, record, code):
    """A withdrawn, early or foreign approval counts as absent."""
    assert code_of(desk.sign(record)) == code


def test_without_a_source_no_approval_counts(desk):
    """An approval of an empty tree is about nothing."""
    found = desk.sign(approval("ann", "product", tree=""), question=asked(tree=None))
    assert code_of(found) == "approval-other-source"
    assert code_of(desk.sign(approval("ann", "product", tree=""), question=asked(tree=""))) == (
        "approval-other-source"
    )


def test_a_role_that_is_signed_still_tells_whose_word_does_not_count(desk):
    """Bob withdrew; what Ann and Cy signed elsewhere, or earlier, is no news."""
    found = desk.sign(
        approval("ann", "product"),
        approval("ann", "product", at=-40, demands="x"),
        approval("bob", "product", withdrawn=-1),
        approval("cy", "product", stage="test"),
    )
    assert result(found).message.text == "product: signed by ann; bob withdrew"
    assert result(found).message.params["withdrawn"] == ("bob",)
    assert len(found.set_aside) == 3


def test_an_approval_in_another_role_counts_for_nothing_here(desk):
    """Ops cannot stand in for product."""
    found = desk.sign(approval("ann", "ops"))
    assert result(found).status == "fail"
    assert found.set_aside == ()


def test_an_excluded_person_does_not_count_and_is_named(desk):
    """The author signed: the reason says as what the person is excluded."""
    rule = Separation(approver_is_not=(Party.AUTHOR, Party.DEPLOYER))
    barred = excluded(rule, People(author="ann", deployer="dan"), ())
    found = desk.sign(approval("ann", "product"), separation=rule, barred=barred)
    assert code_of(found) == "approval-by-party"
    assert result(found).message.text == "product: 0 of 1 signed; ann does not count, being author"
    assert result(found).message.params["by_party"] == ("author ann",)
    assert [one.result.id for one in found.judged] == ["separation", "approval.product"]


def test_an_unknown_author_fails_although_everybody_signed(desk):
    """Somebody whom nobody knows could be the approver."""
    rule = Separation(approver_is_not=(Party.AUTHOR,))
    found = desk.sign(approval("ann", "product"), separation=rule, barred=excluded(rule, People(), ()))
    assert [(one.result.id, str(one.result.status)) for one in found.judged] == [
        ("separation", "fail"),
        ("approval.product", "pass"),
    ]


@pytest.mark.parametrize(
    ("shown", "now", "counts"),
    [
        ("pass", "pass", True),
        ("pass", "warn", False),
        ("pass", "skipped", False),
        ("pass", "waived", False),
        ("pass", "missing", False),
        ("warn", "waived", False),
        ("warn", "pass", True),
        ("waived", "warn", True),
        ("fail", "pass", True),
        ("missing", "fail", True),
        ("observed", "warn", False),
        (None, "pass", True),
        (None, "warn", False),
    ],
)
def test_a_blocking_rule_may_not_be_worse_than_shown(desk, shown, now, counts):
    """Better or equal is fine; what was not shown may only pass."""
    rules = {} if shown is None else {"cov-line": Status(shown)}
    found = desk.sign(approval("ann", "product", rules=rules), rules={"cov-line": Status(now)})
    if counts:
        assert result(found).status == "pass"
    else:
        assert code_of(found) == "approval-rule-worse"
        assert result(found).message.params["rule_worse"] == ("cov-line ann",)


@pytest.mark.parametrize(
    ("shown", "now", "counts"),
    [
        (None, "critical", False),
        (None, "high", False),
        (None, "unknown", False),
        (None, "medium", True),
        ("medium", "high", False),
        ("high", "critical", False),
        ("unknown", "high", True),
        ("critical", "high", True),
        ("low", "medium", True),
    ],
)
def test_a_grave_finding_that_was_not_shown_voids_the_approval(desk, shown, now, counts):
    """At or above `revoke_on` it must have been shown, and not less severe."""
    findings = {} if shown is None else {"f1": Severity(shown)}
    found = desk.sign(approval("ann", "product", findings=findings), findings={"f1": Severity(now)})
    if counts:
        assert result(found).status == "pass"
    else:
        assert code_of(found) == "approval-finding-appeared"
        assert result(found).message.params["finding_appeared"] == (("ann", 1),)


def test_without_revoke_on_no_finding_voids(desk):
    """The policy says so; the finding is news."""
    found = desk.sign(approval("ann", "product"), findings={"f1": Severity.CRITICAL}, revoke_on=None)
    assert result(found).message.params["new_findings"] == 1


def test_news_since_the_approval_are_told(desk):
    """Rules that changed and findings below `revoke_on`, the worst first, without voiding anything."""
    record = approval(
        "ann", "product", rules={"a": Status.FAIL, "gone": Status.PASS}, findings={"old": Severity.LOW}
    )
    found = desk.sign(
        record,
        rules={"a": Status.PASS, "new": Status.PASS},
        findings={"old": Severity.LOW, "f1": Severity.LOW, "f2": Severity.MEDIUM},
    )
    message = result(found).message
    assert message.params["changed_rules"] == ("a fail pass", "gone pass -", "new - pass")
    assert message.params["worst_findings"] == ("medium f2", "low f1")
    assert message.text == (
        "product: signed by ann; since then these rules changed (was, now): a fail pass, gone pass -, "
        "new - pass; since then 2 findings appeared: medium f2, low f1"
    )


def test_news_are_those_since_the_newest_signature(desk):
    """Who signed again has seen what came in between."""
    records = (
        approval("ann", "product", at=-30),
        approval("ann", "product", at=-10, findings={"f1": Severity.LOW}),
    )
    found = desk.sign(*records, findings={"f1": Severity.LOW})
    assert "new_findings" not in result(found).message.params


def test_a_decline_counts_against_the_role_until_it_approves_later(desk):
    """Bob's no beats Ann's earlier yes; Cy's later yes clears it."""
    records = [
        approval("ann", "product", at=-30),
        approval("bob", "product", at=-20, verdict=Verdict.DECLINE),
    ]
    found = desk.sign(*records)
    assert found.approvals.missing == ("product",)
    assert result(found).message.text == "product: bob declined, and nobody approved later"
    assert result(found).remedy.text == "1 more person with the role product must approve"
    assert result(desk.sign(*records, approval("cy", "product", at=-10))).status == "pass"
    assert result(desk.sign(*records, approval("cy", "product", at=-20))).status == "fail"


def test_a_withdrawn_or_foreign_decline_is_absent(desk):
    """It says nothing about what is asked now."""
    yes = approval("ann", "product", at=-30)
    for no in (
        approval("bob", "product", at=-20, verdict=Verdict.DECLINE, withdrawn=-5),
        approval("bob", "product", at=-20, verdict=Verdict.DECLINE, tree=OTHER_TREE),
        approval("bob", "ops", at=-20, verdict=Verdict.DECLINE),
        approval("bob", "product", at=5, verdict=Verdict.DECLINE),
    ):
        assert result(desk.sign(yes, no)).status == "pass"


def test_a_decline_holds_although_rules_changed_since(desk):
    """Only an approval is worth no more than what was shown."""
    no = approval("bob", "product", verdict=Verdict.DECLINE, demands="sha256:" + "e" * 64)
    found = desk.sign(approval("ann", "product", at=-40), no)
    assert result(found).message.code == "approval-declined"


def test_a_later_no_takes_back_the_own_yes(desk):
    """Of two that are needed only Cy is left when Ann changed her mind."""
    found = desk.sign(
        approval("ann", "product", at=-30),
        approval("ann", "product", at=-20, verdict=Verdict.DECLINE),
        approval("cy", "product", at=-10),
        demands=(ApprovalDemand(role="product", count=2),),
    )
    assert code_of(found) == "approval-overruled"
    assert result(found).message.text == "product: 1 of 2 signed; ann declined later"


def test_one_person_fills_one_role_only(desk):
    """The second role stays open, and the reason says for which role the person counts."""
    records = (approval("ann", "product", at=-30), approval("ann", "ops", at=-20))
    found = desk.sign(*records, demands=(OPS, PRODUCT))
    assert found.approvals.given == ("product",)
    assert found.approvals.missing == ("ops",)
    assert result(found, "ops").message.text == "ops: 0 of 1 signed; ann counts for product already"
    both = desk.sign(*records, demands=(OPS, PRODUCT), separation=Separation(distinct_people=False))
    assert both.approvals.missing == ()


def test_an_assignment_is_found_when_there_is_one(desk):
    """Ann signed for both, Bob only where Ann was counted first."""
    found = desk.sign(
        approval("ann", "ops", at=-30),
        approval("ann", "product", at=-25),
        approval("bob", "ops", at=-20),
        demands=(OPS, PRODUCT),
    )
    assert found.approvals.missing == ()
    assert result(found, "ops").message.params["people"] == ("bob",)


def test_signing_twice_is_one_person(desk):
    """Two signatures of Ann are not two people, with distinct people or without."""
    records = (approval("ann", "product", at=-30), approval("ann", "product", at=-20))
    for distinct in (True, False):
        found = desk.sign(
            *records,
            demands=(ApprovalDemand(role="product", count=2),),
            separation=Separation(distinct_people=distinct),
        )
        assert found.approvals.missing == ("product",)


@pytest.mark.parametrize(
    ("high", "score", "is_needed"),
    [(0, 90, False), (1, 90, True), (1, 95, False), (None, 90, True), (1, None, True), (None, None, True)],
)
def test_a_condition_that_is_unknown_demands_the_signature(desk, make, high, score, is_needed):
    """All of `if` must hold; a metric or score that is missing counts as holding."""
    demand = ApprovalDemand(role="security", when=(HIGH_ONLY,), score=Condition(Op.LESS, "95"))
    findings = [make.finding(f"f{n}") for n in range(high or 0)]
    evidence = () if high is None else (make.evidence("sast", findings=findings),)
    found = desk.sign(demands=(demand,), evidence=evidence, score=None if score is None else Fraction(score))
    assert found.approvals.required == (("security",) if is_needed else ())


def test_times_of_records_that_are_still_to_come_change_the_answer(desk):
    """A signature and a withdrawal of the future are instants of change; those of foreign records are not."""
    found = desk.sign(
        approval("ann", "product", withdrawn=7),
        approval("bob", "product", at=5),
        approval("cy", "product", at=3, tree=OTHER_TREE),
    )
    assert result(found).status == "pass"
    assert found.changes_at == (minutes(5), minutes(7))


def test_what_holds_back_for_now_is_not_part_of_what_was_shown(desk, make):
    """A window that closes at night does not void what was signed by day."""
    policy = make.policy("- {id: t, metric: tests.failed, pass: '== 0', mode: block}")
    rules = make.decide(policy).rules
    other = msgspec.structs.replace(rules[-1], id="x", mode=Mode.WARN)
    entry = [
        msgspec.structs.replace(rules[-1], id=name)
        for name in ("window", "order", "separation", "approval.ops", "obligation.a")
    ]
    assert blocking_rules([*rules, *entry, other]) == {
        "evidence.tests": Status.MISSING,
        "t": Status.MISSING,
    }
    found = desk.sign(
        approval("ann", "product", rules={"window": Status.PASS}), rules={"window": Status.FAIL}
    )
    assert result(found).message.text == "product: signed by ann"


def test_of_equal_fingerprints_the_worst_severity_is_shown(make):
    """Two tools may see one problem."""
    findings = [make.finding("f", "low"), make.finding("f", "critical"), make.finding("f", "high")]
    assert open_findings(findings) == {"f": Severity.CRITICAL}


def test_reasons_hold_no_sentences_in_their_parameters(desk):
    """Parameters are hashed and translated, so they are ids, words of the policy and counts only."""
    found = desk.sign(
        approval("ann", "product", withdrawn=-1),
        approval("bob", "product", on="hotfix"),
        approval("cy", "product", demands="x"),
        rules={"r1": Status.PASS},
    )
    assert dict(result(found).message.params) == {
        "role": "product",
        "have": 0,
        "need": 1,
        "people": (),
        "withdrawn": ("ann",),
        "other_path": ("hotfix bob",),
        "demands_changed": ("cy",),
    }


ROLES = ("product", "ops", "security")
good = st.builds(
    approval,
    st.sampled_from(["ann", "bob", "cy", "dan"]),
    st.sampled_from(ROLES),
    at=st.integers(-60, -2),
)
declines = st.builds(
    approval,
    st.sampled_from(["ann", "bob"]),
    st.sampled_from(ROLES),
    at=st.integers(-60, -2),
    verdict=st.just(Verdict.DECLINE),
)
absent = st.builds(
    approval,
    st.sampled_from(["ann", "bob", "eve"]),
    st.sampled_from(ROLES),
    at=st.integers(-60, -2),
    withdrawn=st.just(-1),
    verdict=st.sampled_from(Verdict),
) | st.builds(
    approval,
    st.sampled_from(["ann", "bob", "eve"]),
    st.sampled_from(ROLES),
    at=st.integers(-60, -2),
    tree=st.just(OTHER_TREE),
    verdict=st.sampled_from(Verdict),
)
records = st.lists(good | declines, max_size=8, unique_by=lambda one: one.id)
needed = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1).map(
    lambda counts: tuple(ApprovalDemand(role=role, count=count) for role, count in counts.items())
)


@settings(deadline=None)
@given(records, needed, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(desk, found, demands, distinct, random):
    """Results, lists and reasons are equal for every permutation."""
    separation = Separation(distinct_people=distinct)
    mixed = list(found)
    random.shuffle(mixed)
    first = desk.sign(*found, demands=demands, separation=separation)
    assert desk.sign(*mixed, demands=demands[::-1], separation=separation) == first


@settings(deadline=None)
@given(records, st.lists(absent, max_size=4), needed)
def test_withdrawn_and_foreign_records_count_as_absent(desk, found, others, demands):
    """The lists of the decision are those without them."""
    assert (
        desk.sign(*found, *others, demands=demands).approvals == desk.sign(*found, demands=demands).approvals
    )


@settings(deadline=None)
@given(records, good, needed, st.booleans())
def test_a_later_approval_never_makes_a_role_missing(desk, found, more, demands, distinct):
    """Who signs last helps or changes nothing."""
    more = msgspec.structs.replace(more, id="apr_last", given_at=minutes(-1))
    separation = Separation(distinct_people=distinct)
    before = desk.sign(*found, demands=demands, separation=separation).approvals
    after = desk.sign(*found, more, demands=demands, separation=separation).approvals
    assert set(after.missing) <= set(before.missing)
