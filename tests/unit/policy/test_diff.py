"""The difference of two policies in words: what is new, gone, tighter or looser, and where."""

import string
from datetime import UTC, date, datetime, time
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind, Trust
from gatekeeper.finding import Severity
from gatekeeper.messages.policy_changes import SUBJECTS
from gatekeeper.policy.condition import Condition, Guard, MetricRef, Op
from gatekeeper.policy.diff import SECTIONS, differences
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import (
    Act,
    Ancestor,
    Binding,
    Expression,
    ExpressionRule,
    Need,
    NoWorse,
    Policy,
    ScoreBounds,
)
from gatekeeper.policy.promotion import (
    ApprovalDemand,
    Freeze,
    Inline,
    Opening,
    Owed,
    Party,
    Path,
    Separation,
    Signing,
    WaiverLimits,
    Window,
)
from gatekeeper.policy.statement import Effect, bound, effect_between
from gatekeeper.resources import rules_folder

RULES = """
- {id: t, metric: tests.failed, pass: '== 0', mode: block}
- {id: cov, metric: coverage.line, pass: '>= 80', warn: '>= 70', mode: score, weight: 2}
"""
TOP = """
stages: [test, uat, production]
score: {pass: 90, warn: 80}
"""


@pytest.fixture(scope="module")
def plain(make) -> Policy:
    """A small policy over three stages."""
    return make.policy(RULES, TOP)


def texts(old: Policy, new: Policy) -> list[str]:
    """The differences as the command shows them."""
    return [f"{one.effect}: {one.text}" for one in differences(old, new)]


def test_equal_policies_have_no_difference(make, plain):
    """Comments, layout and the order of rules are none."""
    turned = "# why\n" + "\n".join(reversed(RULES.strip().splitlines()))
    assert differences(plain, make.policy(turned, TOP)) == ()


def test_bounds_are_told_stage_by_stage(make, plain):
    """Stages with the same change stand together, with the old and the new bound."""
    rules = RULES.replace("pass: '>= 80'", "pass: '>= 80', stages: {uat: {pass: '>= 85'}}")
    assert texts(plain, make.policy(rules, TOP)) == [
        "tighter: pass of rule cov at uat, production: >= 85, was >= 80"
    ]
    assert texts(make.policy(rules, TOP), plain) == [
        "looser: pass of rule cov at uat, production: >= 80, was >= 85"
    ]


def test_rules_that_are_new_or_gone_are_told_whole(make, plain):
    """Their parts go without saying."""
    rules = RULES.replace("id: t,", "id: u, from: uat,")
    assert texts(plain, make.policy(rules, TOP)) == [
        "looser: gone: rule t at every stage: tests.failed == 0 (block)",
        "tighter: new: rule u at uat, production: tests.failed == 0 (block)",
    ]


def test_signatures_windows_paths_and_limits_are_told(plain):
    """One line each, in the order of a policy file."""
    window = Window(
        stage="production",
        openings=(Opening(days=(0, 1), opens=time(9), closes=time(16)),),
        holidays=(date(2026, 12, 25),),
    )
    hotfix = Path(
        name="hotfix",
        refs=("hotfix/*",),
        stages=("test", "production"),
        in_order=True,
        without_rules=("cov",),
        loosen_reason="urgent",
        approvals=(Signing(stage="production", demands=(ApprovalDemand(role="ops"),)),),
        obligations=(Owed(id="late", title="Tests", owner_role="qa", within_s=86400),),
    )
    new = msgspec.structs.replace(
        plain,
        approvals=(Signing(stage="production", demands=(ApprovalDemand(role="ops", count=2),)),),
        windows=(window,),
        paths=(Path(name="standard", stages=plain.stages, in_order=True), hotfix),
        revoke_on=Severity.HIGH,
        waiver_limits=WaiverLimits(max_days=30, approved_by_role="security"),
    )
    assert texts(plain, new) == [
        "tighter: a new finding voids approvals from severity: high, was never",
        "tighter: new: approval by ops at production: 2 people",
        "tighter: new: window at production: mon tue 09:00-16:00",
        "changed: new: path hotfix: test > production",
        "looser: new: path hotfix without rule cov",
        "tighter: new: approval by ops on path hotfix at production: 1 person",
        "tighter: new: obligation late of path hotfix: Tests (qa, within 24h)",
        "tighter: path standard in order: yes, was no",
        "tighter: longest waiver in days: 30, was 90",
        "tighter: new: role that grants waivers: security",
    ]


def test_longer_hours_are_looser_and_other_hours_are_neither(plain):
    """Hours are compared minute by minute."""

    def with_hours(*openings: Opening) -> Policy:
        return msgspec.structs.replace(plain, windows=(Window(stage="uat", openings=openings),))

    short = Opening(days=(0, 1), opens=time(9), closes=time(12))
    long = Opening(days=(0, 1, 2), opens=time(8), closes=time(0))
    night = Opening(days=(0,), opens=time(22), closes=time(6))
    assert [one.effect for one in differences(with_hours(short), with_hours(long))] == [Effect.LOOSER]
    assert [one.effect for one in differences(with_hours(long), with_hours(short))] == [Effect.TIGHTER]
    assert [one.effect for one in differences(with_hours(short), with_hours(night))] == [Effect.OTHER]
    assert [one.effect for one in differences(with_hours(night), with_hours())] == [Effect.LOOSER]


SMALL = [Condition(op, str(value)) for op in Op for value in (0, 1, 2)]


@pytest.mark.parametrize("old", SMALL, ids=str)
@pytest.mark.parametrize("new", SMALL, ids=str)
def test_bounds_are_tighter_exactly_when_they_accept_less(old, new):
    """Brute force over values agrees, except for `!=`, of which nothing is said."""
    values = [Fraction(n, 2) for n in range(-4, 9)]
    before, after = ({v for v in values if one.holds(v)} for one in (old, new))
    expected = Effect.TIGHTER if after < before else Effect.LOOSER if before < after else Effect.OTHER
    found = effect_between(bound(old), bound(new))
    assert found is (Effect.OTHER if Op.OTHER in (old.op, new.op) else expected)


RULE_CHANGES = {
    "title": "Other",
    "mode": Mode.WARN,
    "severity": "minor",
    "weight": 7,
    "paths": ("hotfix",),
    "only_if": (Guard(metric=MetricRef("tests.total"), condition=Condition(Op.MORE, "1")),),
    "on_too_few": Act.WARN,
    "on_missing": Act.SKIP,
    "on_error": Act.WARN,
    "enforce_from": datetime(2027, 1, 1, tzinfo=UTC),
    "loosen_reason": "because",
    "metric": MetricRef("coverage.branch"),
    "no_worse_than": NoWorse(by="5", is_relative=True),
    "on_no_baseline": Act.WARN,
}
EVIDENCE_CHANGES = {
    "from_stage": "uat",
    "names": ("unit",),
    "max_age_s": 60,
    "db_max_age_s": 60,
    "tools": ("pytest",),
    "bind": Binding.ARTIFACT,
    "allow": {"unparsed": 2},
    "trust": {"uat": Trust.BOUND},
    "protected_from": "uat",
}
POLICY_CHANGES = {
    "name": "other",
    "owner": "others",
    "time_zone": "Europe/Berlin",
    "stages": ("test", "uat", "staging", "production"),
    "score": ScoreBounds(pass_="91", warn="80"),  # noqa: S106  # a score
    "valid_for_s": 60,
    "on_missing": Act.WARN,
    "on_error": Act.WARN,
    "approvals": (Signing(stage="uat", demands=(ApprovalDemand(role="qa"),)),),
    "windows": (Window(stage="uat", openings=()),),
    "paths": (Path(name="standard", stages=("test", "production")),),
    "revoke_on": Severity.HIGH,
    "is_by_mail": True,
    "separation": Separation(approver_is_not=(Party.AUTHOR,)),
    "waiver_limits": WaiverLimits(inline=Inline.REFUSE),
    "applies_to": ("pay/*",),
    "extends": (Ancestor(name="base", version=7, digest="sha256:" + "a" * 64),),
}


@pytest.mark.parametrize("field", RULE_CHANGES)
def test_no_field_of_a_rule_changes_unnoticed(plain, field):
    """Each has words of its own."""
    changed = msgspec.structs.replace(plain.rules[1], **{field: RULE_CHANGES[field]})
    new = msgspec.structs.replace(plain, rules=(plain.rules[0], changed))
    assert [one.params["rule"] for one in differences(plain, new)] == ["cov"]


@pytest.mark.parametrize("field", EVIDENCE_CHANGES)
def test_no_field_of_evidence_changes_unnoticed(plain, field):
    """Each has words of its own."""
    changed = msgspec.structs.replace(plain.requirement(Kind.TESTS), **{field: EVIDENCE_CHANGES[field]})
    found = differences(plain, msgspec.structs.replace(plain, evidence=(changed,)))
    assert {one.params["kind"] for one in found} == {"tests"}


@pytest.mark.parametrize("field", POLICY_CHANGES)
def test_no_field_of_a_policy_changes_unnoticed(plain, field):
    """Each has words of its own."""
    found = differences(plain, msgspec.structs.replace(plain, **{field: POLICY_CHANGES[field]}))
    assert found
    assert "rest" not in {one.code for one in found}


def test_the_changes_above_are_all_fields(plain):
    """A field that is added to a policy must be added to its differences."""
    known = {*RULE_CHANGES, "id", "bounds"}
    assert {field.name for field in msgspec.structs.fields(plain.rules[0])} == known
    assert set(EVIDENCE_CHANGES) | {"kind"} == {
        field.name for field in msgspec.structs.fields(plain.requirement(Kind.TESTS))
    }
    apart = {"rules", "expressions", "evidence", "tests"}
    assert {field.name for field in msgspec.structs.fields(plain)} == set(POLICY_CHANGES) | apart


def test_expressions_are_compared_by_their_text(plain):
    """Source, message and needs each have words."""
    base = plain.rules[0]
    own = {"id", "metric", "bounds", "no_worse_than", "on_no_baseline"}
    common = {name: getattr(base, name) for name in base.__struct_fields__ if name not in own}
    need = Need(variable="a", metric=MetricRef("tests.failed"))

    def with_expression(source: str, message: str, *needs: Need) -> Policy:
        expression = Expression(source=source, needs=needs, message=message)
        rule = ExpressionRule(id="x", expression=expression, from_stage="uat", **common)
        return msgspec.structs.replace(plain, expressions=(rule,))

    old = with_expression("a == 0", "no")
    assert texts(plain, old) == ["tighter: new: rule x at uat, production: no (block)"]
    assert texts(old, with_expression("a < 1", "not", need)) == [
        "changed: expression of rule x: a < 1, was a == 0",
        "changed: message of rule x: not, was no",
        "changed: new: a in rule x: tests.failed",
    ]


def test_other_parts_of_windows_paths_and_demands_have_words(plain):
    """Holidays, freezes, conditions and obligations are told one by one."""
    freeze = Freeze(
        begins_at=datetime(2026, 12, 20, tzinfo=UTC), ends_at=datetime(2027, 1, 4, tzinfo=UTC), reason="rest"
    )
    guard = Guard(metric=MetricRef("sast.high"), condition=Condition(Op.MORE, "0"))

    def policy(demand: ApprovalDemand, *freezes: Freeze, holidays: tuple[date, ...] = ()) -> Policy:
        return msgspec.structs.replace(
            plain,
            approvals=(Signing(stage="uat", demands=(demand,)),),
            windows=(Window(stage="uat", openings=(), holidays=holidays, freezes=freezes),),
        )

    old = policy(ApprovalDemand(role="qa"))
    new = policy(
        ApprovalDemand(role="qa", count=2, when=(guard,), score=Condition(Op.LESS, "95")),
        freeze,
        holidays=(date(2026, 12, 25),),
    )
    assert texts(old, new) == [
        "tighter: people who approve as qa at uat: 2, was 1",
        "changed: approval by qa if at uat: sast.high > 0 and score < 95, was always",
        "tighter: new: freeze from 2026-12-20T00:00Z to 2027-01-04T00:00Z at uat: rest",
        "tighter: new: holiday on 2026-12-25 at uat",
    ]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Policy]:
    """The policies that ship."""
    files = sorted((rules_folder() / "policies").glob("*.yaml"))
    return {file.stem: load_policy(file.read_bytes(), file=file.name) for file in files}


def test_the_reverse_difference_is_the_opposite(shipped):
    """What is tighter one way is looser the other way, for each pair of shipped policies."""
    flipped = {Effect.TIGHTER: Effect.LOOSER, Effect.LOOSER: Effect.TIGHTER, Effect.OTHER: Effect.OTHER}

    def facts(old: Policy, new: Policy, *, back: bool = False) -> set[tuple[object, ...]]:
        return {
            (
                one.code,
                tuple(one.params.items()),
                frozenset(one.stages),
                flipped[one.effect] if back else one.effect,
                (one.now, one.was) if back else (one.was, one.now),
            )
            for one in differences(old, new)
        }

    for old in shipped.values():
        for new in shipped.values():
            assert facts(old, new) == facts(new, old, back=True)
            assert (not differences(old, new)) is (old is new)


def test_every_statement_has_words_that_it_fills(shipped):
    """No placeholder stays."""
    for policy in shipped.values():
        for one in (one for section in SECTIONS for one in section(policy)):
            if one.is_told:
                wanted = {name for _, name, _, _ in string.Formatter().parse(SUBJECTS[one.code]) if name}
                assert wanted <= {name for name, _ in one.names}


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_higher_floor_is_tighter(plain, old, new):
    """For any two floors of a rule the direction is right."""

    def policy(floor: int) -> Policy:
        rule = plain.rules[1]
        bounds = msgspec.structs.replace(rule.bounds[0], pass_=Condition(Op.AT_LEAST, str(floor)))
        return msgspec.structs.replace(
            plain, rules=(plain.rules[0], msgspec.structs.replace(rule, bounds=(bounds,)))
        )

    effects = [one.effect for one in differences(policy(old), policy(new))]
    assert effects == ([] if old == new else [Effect.TIGHTER if new > old else Effect.LOOSER])
