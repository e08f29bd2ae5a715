"""Sense of a policy: what is well-formed but could never do what its author meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gatekeeper.decision import Mode
from gatekeeper.metrics import METRICS, Direction, Metric, Unit
from gatekeeper.policy.condition import Condition, MetricRef, Op
from gatekeeper.policy.model import Act, Policy, Rule
from gatekeeper.policy.section import Section

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
    _check_score(policy, places.root)
    _check_something_is_checked(policy, places.root)
    for rule in policy.rules:
        _check_severities(rule, policy, places.rules[rule.id])
    _check_names(policy, places)


def _check_rule(rule: Rule, metric: Metric, place: Section) -> None:
    for index, bounds in enumerate(rule.bounds):
        key = "" if index else "pass"
        where = f"at stage {bounds.stage}: " if index else ""
        if bounds.pass_ and not _check_condition(bounds.pass_, metric, place, key or "stages", where):
            return
        if bounds.warn and not _check_condition(
            bounds.warn, metric, place, "stages" if index else "warn", where
        ):
            return
        if bounds.pass_ and bounds.warn:
            _check_band(bounds.pass_, bounds.warn, metric, place, where)
    _check_tightening(rule, metric, place)
    _check_no_worse(rule, metric, place)
    _check_loosening(rule, place)
    for guard in rule.only_if:
        guarded = METRICS[guard.metric.metric]
        if _holds_always(guard.condition, guarded) or _holds_never(guard.condition, guarded):
            place.fault("only_if", f"{guard.metric} {guard.condition} is always or never true")


def _check_condition(condition: Condition, metric: Metric, place: Section, key: str, where: str) -> bool:
    """True when the condition makes sense for the metric; else the fault is noted."""
    value = condition.value
    if metric.unit is not Unit.PERCENT and value.denominator != 1:
        place.fault(key, f"{where}{metric.name} is a whole number; {condition.threshold} is not")
    elif metric.unit is Unit.PERCENT and not 0 <= value <= 100:
        place.fault(
            key, f"{where}{metric.name} is a percentage; {condition.threshold} is not within 0 to 100"
        )
    elif _holds_always(condition, metric):
        place.fault(key, f"{where}{metric.name} {condition} always holds: the rule could never fail")
    elif _holds_never(condition, metric):
        place.fault(key, f"{where}{metric.name} {condition} never holds: the rule would always fail")
    elif not _fits(condition, metric):
        sign = ">=" if metric.better is Direction.HIGHER else "<="
        place.fault(
            key,
            f"{where}{metric.name} is better when {metric.better}: `{condition}` bounds the good side",
            hint=f'write "{sign} {condition.threshold}"',
        )
    else:
        return True
    return False


def _fits(condition: Condition, metric: Metric) -> bool:
    value = condition.value
    match metric.better:
        case Direction.HIGHER:
            best = 100 if metric.unit is Unit.PERCENT else None
            return (
                condition.op in (Op.AT_LEAST, Op.MORE)
                or (condition.op is Op.EQUAL and value == best)
                or (condition.op is Op.OTHER and value == 0)
            )
        case Direction.LOWER:
            return condition.op in (Op.AT_MOST, Op.LESS) or (condition.op is Op.EQUAL and value == 0)
        case Direction.NEUTRAL:
            return True


def _holds_always(condition: Condition, metric: Metric) -> bool:
    return all(condition.holds(value) for value in _probes(condition, metric))


def _holds_never(condition: Condition, metric: Metric) -> bool:
    return not any(condition.holds(value) for value in _probes(condition, metric))


def _probes(condition: Condition, metric: Metric) -> Iterator[Fraction]:
    """Values of the metric at which a condition can change: the ends, the threshold and its neighbours."""
    step = Fraction(1, 10**9) if metric.unit is Unit.PERCENT else Fraction(1)
    top = Fraction(100) if metric.unit is Unit.PERCENT else max(condition.value, Fraction(0)) + 1
    for value in (Fraction(0), condition.value - step, condition.value, condition.value + step, top):
        if 0 <= value <= top and (metric.unit is Unit.PERCENT or value.denominator == 1):
            yield value


def strictness(condition: Condition, metric: Metric) -> Fraction:
    """How much a condition demands: of two on the same metric, the stricter has the larger number."""
    step = Fraction(1, 10**10) if metric.unit is Unit.PERCENT else Fraction(1)
    value = condition.value
    if metric.better is Direction.LOWER:
        return -(value - step) if condition.op is Op.LESS else -value
    return value + step if condition.op in (Op.MORE, Op.OTHER) else value


def _check_band(wanted: Condition, warn: Condition, metric: Metric, place: Section, where: str) -> None:
    if metric.better is Direction.NEUTRAL:
        place.fault("warn", f"{metric.name} has no better side, so nothing lies between `pass` and `warn`")
    elif strictness(warn, metric) >= strictness(wanted, metric):
        place.fault(
            "warn",
            f"{where}`{warn}` must be looser than `pass`, which is `{wanted}`",
            hint="between the two the rule warns; beyond `warn` it fails",
        )


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


def _check_loosening(rule: Rule, place: Section) -> None:
    for key, act in (("on_missing", rule.on_missing), ("on_error", rule.on_error)):
        if act is Act.SKIP and not rule.loosen_reason:
            place.fault(key, "skip lets missing facts pass", hint="write `loosen_reason` when this is meant")
    if rule.mode is Mode.OBSERVE and rule.enforce_from:
        place.fault(
            "mode", "an observed rule never counts, also after `enforce_from`", hint="write the later mode"
        )


def _check_score(policy: Policy, root: Section) -> None:
    scored = any(rule.mode is Mode.SCORE for rule in policy.rules)
    if policy.score is None:
        if scored:
            hint = "add score: {pass: 90, warn: 75}"
            root.fault("rules", "rules of `mode: score` need `score` to say what is enough", hint=hint)
        return
    wanted, warn = Fraction(policy.score.pass_), Fraction(policy.score.warn)
    if not scored:
        root.fault("score", "no rule has `mode: score`, so the score is never computed", hint="remove it")
    if not 0 < wanted <= 100 or not 0 < warn <= 100:
        root.fault("score", "`pass` and `warn` must lie above 0 and at most at 100")
    elif warn > wanted:
        root.fault("score", f"warn ({policy.score.warn}) must not be above pass ({policy.score.pass_})")


def _check_something_is_checked(policy: Policy, root: Section) -> None:
    for stage in policy.stages:
        if not any(_counts(rule, policy, stage) and rule.enforce_from is None for rule in policy.rules):
            root.fault(
                "rules",
                f"nothing-checked: no rule of mode block or score holds for stage {stage}",
                hint=f"add one that begins at {stage} or before, or take {stage} out of `stages`",
            )


def _counts(rule: Rule, policy: Policy, stage: str) -> bool:
    return rule.mode in (Mode.BLOCK, Mode.SCORE) and policy.bounds_at(rule, stage) is not None


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


def _covers(other: Rule, rule: Rule, enough: set[str], stage: str, policy: Policy) -> bool:
    return (
        other.mode is Mode.BLOCK
        and other.metric.metric in enough
        and other.metric.name in (None, rule.metric.name)
        and policy.bounds_at(other, stage) is not None
        and other.bounds[0].pass_ is not None
        and not other.only_if
        and (other.enforce_from is None or (rule.enforce_from or other.enforce_from) >= other.enforce_from)
        and not (other.enforce_from is not None and rule.enforce_from is None)
    )


def _check_names(policy: Policy, places: Places) -> None:
    """`metric@name` must be one of the demanded names, where names are demanded."""
    for rule in policy.rules:
        for key, ref in _refs(rule):
            demanded = policy.requirement(METRICS[ref.metric].kind).names
            if ref.name and demanded and ref.name not in demanded:
                places.rules[rule.id].fault(
                    key,
                    f"{ref}: `evidence.{METRICS[ref.metric].kind}.names` does not list {ref.name!r}",
                    hint="listed: " + ", ".join(demanded),
                )


def _refs(rule: Rule) -> Iterator[tuple[str, MetricRef]]:
    yield "metric", rule.metric
    for guard in rule.only_if:
        yield "only_if", guard.metric
