"""Sense of a policy: what is well-formed but could never do what its author meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gatekeeper.decision import Mode
from gatekeeper.metrics import METRICS, Direction, Metric, Unit
from gatekeeper.policy.condition import MetricRef
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.expression import check_expression
from gatekeeper.policy.lint_conditions import (
    check_band,
    check_condition,
    holds_always,
    holds_never,
    strictness,
)
from gatekeeper.policy.lint_moving import check_moving
from gatekeeper.policy.model import Act, ExpressionRule, Policy, Rule
from gatekeeper.policy.promotion import STANDARD
from gatekeeper.policy.section import Section

PRODUCTION = "production"

_WORSE_OR_EQUAL: Mapping[str, tuple[str, ...]] = {
    "high": ("critical", "unknown"),
    "unknown": ("critical",),
    "medium": ("critical", "high", "unknown"),
    "low": ("critical", "high", "unknown", "medium"),
    "info": ("critical", "high", "unknown", "medium", "low"),
}
"""Severities that a rule on one severity must not leave open; unknown ranks with high."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the parts of the policy stand in the file."""

    root: Section
    rules: Mapping[str, Section]


def check(policy: Policy, places: Places) -> None:
    """Note, in the sections of `places`, everything about `policy` that is nonsense."""
    for rule in policy.rules:
        _check_rule(rule, METRICS[rule.metric.metric], places.rules[rule.id])
    for one in policy.expressions:
        if fault := check_expression(one.expression):
            places.rules[one.id].fault("expr", fault)
    for any_rule in policy.all_rules:
        _check_loosening(any_rule, places.rules[any_rule.id])
        _check_guards(any_rule, places.rules[any_rule.id])
        _check_paths(any_rule, policy, places.rules[any_rule.id])
    _check_score(policy, places.root)
    check_moving(policy, places.root)
    for rule in policy.rules:
        _check_severities(rule, policy, places.rules[rule.id])
    _check_names(policy, places)
    _check_monotone(policy, places)


def notes(policy: Policy) -> tuple[str, ...]:
    """What is not wrong with `policy` but worth knowing, in words."""
    return tuple(
        f"rule {rule.id} is not monotone: {why}, so worse facts can let more through"
        for rule in policy.all_rules
        if rule.mode is Mode.BLOCK and (why := not_monotone(rule))
    )


def not_monotone(rule: Rule | ExpressionRule) -> str:
    """Why worse facts could turn the rule from fail to pass; empty when they cannot.

    A comparison bounds its metric from the bad side. `==` and `!=` are accepted only at the good end of a
    metric that has one (`== 0` for what should be low), where they say the same as `<=` and `>=`.
    """
    if isinstance(rule, ExpressionRule):
        return "it is an expression"
    if rule.only_if:
        return "it is judged only while " + " and ".join(f"{g.metric} {g.condition}" for g in rule.only_if)
    return ""


def _check_rule(rule: Rule, metric: Metric, place: Section) -> None:
    for index, bounds in enumerate(rule.bounds):
        key = "" if index else "pass"
        where = f"at stage {bounds.stage}: " if index else ""
        if bounds.pass_ and not check_condition(bounds.pass_, metric, place, key or "stages", where):
            return
        if bounds.warn and not check_condition(
            bounds.warn, metric, place, "stages" if index else "warn", where
        ):
            return
        if bounds.pass_ and bounds.warn:
            check_band(bounds.pass_, bounds.warn, metric, place, where)
    _check_tightening(rule, metric, place)
    _check_no_worse(rule, metric, place)


def _check_guards(rule: Rule | ExpressionRule, place: Section) -> None:
    for guard in rule.only_if:
        guarded = METRICS[guard.metric.metric]
        if holds_always(guard.condition, guarded) or holds_never(guard.condition, guarded):
            place.fault("only_if", f"{guard.metric} {guard.condition} is always or never true")


def _check_tightening(rule: Rule, metric: Metric, place: Section) -> None:
    for before, after in zip(rule.bounds, rule.bounds[1:], strict=False):
        if metric.better is Direction.NEUTRAL:
            place.fault("stages", f"{metric.name} has no better side: use one rule per stage")
            return
        for old, new in ((before.pass_, after.pass_), (before.warn, after.warn)):
            if old and new and strictness(new, metric) < strictness(old, metric) and not rule.loosen_reason:
                place.fault(
                    "stages",
                    f"`{new}` at {after.stage} is looser than `{old}` before",
                    hint="a later stage may only tighten; write `loosen_reason` when this is meant",
                )


def _check_no_worse(rule: Rule, metric: Metric, place: Section) -> None:
    if rule.no_worse_than is None:
        return
    by, higher = Fraction(rule.no_worse_than.by), metric.better is Direction.HIGHER
    if metric.better is Direction.NEUTRAL:
        place.fault("no_worse_than", f"{metric.name} has no better side to be worse than")
    elif metric.name.partition(".")[2].startswith("new."):
        place.fault("no_worse_than", f"{metric.name} is itself a comparison with the baseline")
    elif by >= 100 and ((rule.no_worse_than.is_relative and higher) or metric.unit is Unit.PERCENT):
        place.fault("no_worse_than", f"by {rule.no_worse_than} always holds: the rule could never fail")


def _check_loosening(rule: Rule | ExpressionRule, place: Section) -> None:
    for key, act in (("on_missing", rule.on_missing), ("on_error", rule.on_error)):
        if act is Act.SKIP and not rule.loosen_reason:
            place.fault(key, "skip lets missing facts pass", hint="write `loosen_reason` when this is meant")
    if rule.mode is Mode.OBSERVE and rule.enforce_from:
        place.fault(
            "mode", "an observed rule never counts, also after `enforce_from`", hint="write the later mode"
        )


def _check_score(policy: Policy, root: Section) -> None:
    scored = any(rule.mode is Mode.SCORE for rule in policy.all_rules)
    if policy.score is None:
        if scored:
            hint = "add score: {pass: 90, warn: 75}"
            root.fault("rules", "rules of `mode: score` need `score` to say what is enough", hint=hint)
        return
    wanted, warn = Fraction(policy.score.pass_), Fraction(policy.score.warn)
    # A policy that turns the last `score` rule of the extended one into a blocking rule cannot take it out.
    if not scored and not policy.extends:
        root.fault("score", "no rule has `mode: score`, so the score is never computed", hint="remove it")
    if not 0 < wanted <= 100 or not 0 < warn <= 100:
        root.fault("score", "`pass` and `warn` must lie above 0 and at most at 100")
    elif warn > wanted:
        root.fault("score", f"warn ({policy.score.warn}) must not be above pass ({policy.score.pass_})")


def _check_severities(rule: Rule, policy: Policy, place: Section) -> None:
    """A blocking rule on one severity must not leave an equal or worse one open."""
    kind, _, rest = rule.metric.metric.partition(".")
    prefix, _, severity = rest.rpartition(".")
    if rule.mode is not Mode.BLOCK or prefix not in ("", "new") or severity not in _WORSE_OR_EQUAL:
        return
    stem = f"{kind}.{prefix}." if prefix else f"{kind}."
    for worse in _WORSE_OR_EQUAL[severity]:
        enough = {f"{stem}{worse}", f"{stem}total", f"{kind}.{worse}", f"{kind}.total"}
        for bounds in rule.bounds[:1]:
            if any(_covers(other, rule, enough, bounds.stage, policy) for other in policy.rules):
                continue
            because = "unknown ranks with high" if worse == "unknown" else f"{worse} is worse than {severity}"
            line = f'{{id: {rule.id}-{worse}, metric: {stem}{worse}, pass: "== 0", from: {bounds.stage}}}'
            place.fault(
                "metric",
                f"blocks {rule.metric} but nothing blocks {stem}{worse} ({because})",
                hint=f"add the rule {line}",
            )


def _check_paths(rule: Rule | ExpressionRule, policy: Policy, place: Section) -> None:
    """Every path that the rule names is one of the policy, and has a stage at which the rule holds."""
    known = [path.name for path in policy.paths] or [STANDARD]
    for name in rule.paths:
        path = policy.path(name)
        if path is None:
            place.fault("paths", f"unknown path {name!r}", hint=nearest(name, known))
        elif not any(policy.begun(rule, stage) for stage in path.stages):
            place.fault("paths", f"the rule begins after the last stage of the path {name}")


def _covers(other: Rule, rule: Rule, enough: set[str], stage: str, policy: Policy) -> bool:
    return (
        other.mode is Mode.BLOCK
        and other.metric.metric in enough
        and other.metric.name in (None, rule.metric.name)
        and policy.bounds_at(other, stage) is not None
        and other.bounds[0].pass_ is not None
        and not other.only_if
        and (not other.paths or (bool(rule.paths) and set(rule.paths) <= set(other.paths)))
        and (other.enforce_from is None or (rule.enforce_from or other.enforce_from) >= other.enforce_from)
        and not (other.enforce_from is not None and rule.enforce_from is None)
    )


def _check_names(policy: Policy, places: Places) -> None:
    """`metric@name` must be one of the demanded names, where names are demanded."""
    for rule in policy.all_rules:
        for key, ref in _refs(rule):
            demanded = policy.requirement(METRICS[ref.metric].kind).names
            if ref.name and demanded and ref.name not in demanded:
                places.rules[rule.id].fault(
                    key,
                    f"{ref}: `evidence.{METRICS[ref.metric].kind}.names` does not list {ref.name!r}",
                    hint="listed: " + ", ".join(demanded),
                )


def _refs(rule: Rule | ExpressionRule) -> Iterator[tuple[str, MetricRef]]:
    if isinstance(rule, Rule):
        yield "metric", rule.metric
    else:
        yield from (("needs", need.metric) for need in rule.expression.needs if need.metric is not None)
    for guard in rule.only_if:
        yield "only_if", guard.metric


def _check_monotone(policy: Policy, places: Places) -> None:
    """For production, worse facts must not let more through, unless the rule says why."""
    if PRODUCTION not in policy.stages:
        return
    for rule in policy.all_rules:
        why = not_monotone(rule)
        if why and rule.mode is Mode.BLOCK and not rule.loosen_reason and policy.begun(rule, PRODUCTION):
            places.rules[rule.id].fault(
                "expr" if isinstance(rule, ExpressionRule) else "only_if",
                f"not monotone: {why}, so worse facts could let a release into {PRODUCTION}",
                hint="make it a plain comparison, or write `loosen_reason`",
            )
