"""The order of a decision, and the words that all views share."""

import msgspec
import pytest

from gatekeeper.cli.render.outline import (
    entries,
    headline,
    missing_beyond_rules,
    outline,
    reasons,
    remedy_lines,
    score_words,
    short,
)
from gatekeeper.decision import Decision, Mode, Reason, Remedy, Status


def test_every_rule_is_in_exactly_one_group(failing: Decision) -> None:
    """Nothing is told twice, nothing is left out."""
    grouped = outline(failing)
    groups = [
        grouped.blocking, grouped.costly, grouped.warnings, grouped.waived, grouped.observed,
        grouped.skipped, grouped.passed,
    ]  # fmt: skip
    assert sorted(rule.id for group in groups for rule in group) == sorted(rule.id for rule in failing.rules)
    assert [rule.id for rule in grouped.failing] == ["sast-high", "cov-line"]


def test_what_costs_the_least_work_comes_first(failing: Decision) -> None:
    """A signature before an upgrade, that before lines to cover; a rule without a remedy comes last."""
    codes = {"a": None, "b": "cover-lines", "c": "sign", "d": "upgrade-packages"}
    rules = tuple(
        msgspec.structs.replace(
            failing.rules[0], id=name, status=Status.FAIL, remedy=Remedy(code=code) if code else None
        )
        for name, code in codes.items()
    )
    grouped = outline(msgspec.structs.replace(failing, rules=rules))
    assert [rule.id for rule in grouped.blocking] == ["c", "d", "b", "a"]


@pytest.mark.parametrize("status", [Status.FAIL, Status.MISSING, Status.ERROR])
@pytest.mark.parametrize(
    ("mode", "group"),
    [(Mode.BLOCK, "blocking"), (Mode.SCORE, "costly"), (Mode.WARN, "warnings"), (Mode.OBSERVE, "observed")],
)
def test_what_is_not_proven_counts_by_its_mode(
    status: Status, mode: Mode, group: str, failing: Decision
) -> None:
    """Missing and error stand where fail stands."""
    rule = msgspec.structs.replace(failing.rules[0], status=status, mode=mode)
    grouped = outline(msgspec.structs.replace(failing, rules=(rule,)))
    assert getattr(grouped, group) == (rule,)


def test_a_fact_is_told_once(failing: Decision) -> None:
    """The reason alone, when it names metric and value; else the fact before it."""
    rule = failing.rules[1]
    told = Reason(code="fails", text="sast.high is 2; it must be == 0")
    assert reasons(msgspec.structs.replace(rule, message=told)) == [told.text]
    assert reasons(rule) == ["sast.high is 2, must be == 0", "2 open findings of severity high"]


def test_missing_evidence_is_told_once(failing: Decision) -> None:
    """A rule that misses it in the same words is enough."""
    assert len(missing_beyond_rules(failing)) == 1
    rule = msgspec.structs.replace(failing.rules[2], message=failing.missing[0].reason)
    assert missing_beyond_rules(msgspec.structs.replace(failing, rules=(rule,))) == ()


def test_a_list_of_things_to_do_is_split() -> None:
    """A single thing stays in its sentence; text that does not end with the list stays whole."""
    files = Remedy(
        code="x", params={"files": (("a.py", 3), ("b.py", 1))}, text="cover 4 lines in a.py (3), b.py (1)"
    )
    assert remedy_lines(files) == ["cover 4 lines in", "a.py (3)", "b.py (1)"]
    one = Remedy(code="x", params={"files": ("a.py",)}, text="mend a.py")
    assert remedy_lines(one) == ["mend a.py"]
    inside = Remedy(code="x", params={"files": ("a", "b")}, text="mend a, b and commit")
    assert remedy_lines(inside) == ["mend a, b and commit"]


def test_no_score_is_no_zero(failing: Decision) -> None:
    """A decision without scored rules has none, in words."""
    assert "no score" in score_words(msgspec.structs.replace(failing, score=None))
    assert score_words(failing) == "score 50.00 (1.5 of 3 points)"


def test_the_headline_follows_allowed_alone(failing: Decision) -> None:
    """An override allows what failed."""
    assert headline(failing) == "pay/api may not enter uat"
    assert headline(msgspec.structs.replace(failing, allowed=True)) == "pay/api may enter uat"


def test_a_short_digest_keeps_its_algorithm() -> None:
    """Twelve digits for the eye."""
    assert short("sha256:" + "ab" * 32) == "sha256:abababababab"
    assert short("ab" * 32) == "abababababab"


def test_rules_without_facts_are_told_once_per_cause(failing: Decision) -> None:
    """One missing report takes many rules with it; what is to be done about it is said once."""
    rule = next(rule for rule in failing.rules if rule.status is Status.MISSING)
    blocking = [
        msgspec.structs.replace(rule, id=name, mode=Mode.BLOCK) for name in ("evidence.coverage", "cov-floor")
    ]
    other = msgspec.structs.replace(rule, id="sast", mode=Mode.BLOCK, message=Reason(code="x", text="else"))
    first, second = entries([*blocking, other])
    assert (first.rule.id, [also.id for also in first.also], first.told_at) == (
        "evidence.coverage",
        ["cov-floor"],
        "",
    )
    assert (second.rule.id, second.also) == ("sast", ())
    (costly,) = entries([rule], told=blocking)
    assert costly.told_at == "evidence.coverage"


def test_rules_that_were_judged_are_never_gathered(failing: Decision) -> None:
    """Two rules may fail in the same words and still be two things to mend."""
    rule = next(rule for rule in failing.rules if rule.status is Status.FAIL)
    twins = [rule, msgspec.structs.replace(rule, id="twin")]
    assert [entry.rule.id for entry in entries(twins)] == ["sast-high", "twin"]
    assert [entry.told_at for entry in entries(twins[1:], told=twins[:1])] == [""]
