"""How a rule of a policy is looser than the rule of this id in the policy that it extends, in words."""

from collections.abc import Iterator
from fractions import Fraction

from gatekeeper.decision import Mode
from gatekeeper.metrics import METRICS, Direction, Metric
from gatekeeper.policy.condition import Condition
from gatekeeper.policy.lint_conditions import strictness
from gatekeeper.policy.model import Act, ExpressionRule, NoWorse, Policy, Rule

_MODES = (Mode.BLOCK, Mode.SCORE, Mode.WARN, Mode.OBSERVE)
"""From the strongest to the weakest."""
_ACTS = (Act.BLOCK, Act.WARN, Act.SKIP)


def rule_loosened(old: Rule, new: Rule, parent: Policy, child: Policy) -> Iterator[str]:
    """Every way in which `new` demands less than `old`."""
    yield from _shared(old, new, parent, child)
    metric = METRICS[old.metric.metric]
    told = None
    for stage in child.stages:
        before, after = parent.bounds_at(old, stage), child.bounds_at(new, stage)
        if (before, after) == told or before is None:
            continue
        told = (before, after)
        if after is None:
            yield f"it begins at {new.bounds[0].stage}, not at {stage}"
            continue
        if before.pass_ and _is_looser(after.pass_, before.pass_, metric):
            yield f"pass `{after.pass_}` at {stage}, not `{before.pass_}`"
        if after.warn and before.pass_ and _is_looser(after.warn, before.warn or before.pass_, metric):
            was = f"`{before.warn}`" if before.warn else "a failure"
            yield f"warn `{after.warn}` at {stage}, not {was}"
    if old.no_worse_than is not None:
        if new.no_worse_than is None or _is_wider(new.no_worse_than, old.no_worse_than):
            yield f"no_worse_than by {new.no_worse_than}, not by {old.no_worse_than}"
        if _is_weaker(new.on_no_baseline, old.on_no_baseline):
            yield f"on_no_baseline {new.on_no_baseline}, not {old.on_no_baseline}"


def expression_loosened(
    old: ExpressionRule, new: ExpressionRule, parent: Policy, child: Policy
) -> Iterator[str]:
    """Every way in which `new` may demand less than `old`; two expressions cannot be compared."""
    yield from _shared(old, new, parent, child)
    if (old.expression.source, old.expression.needs) != (new.expression.source, new.expression.needs):
        yield "another expression, and nobody can tell which of two is looser"
    if not child.reaches(old.from_stage, new.from_stage):
        yield f"it begins at {new.from_stage}, not at {old.from_stage}"


def _shared(
    old: Rule | ExpressionRule, new: Rule | ExpressionRule, parent: Policy, child: Policy
) -> Iterator[str]:
    if _is_weaker_mode(old, new):
        yield f"mode {new.mode}, not {old.mode}"
    if old.weight is not None and new.weight is not None and new.weight != old.weight:
        less = "the others count" if new.weight > old.weight else "it counts"
        yield f"weight {new.weight}, not {old.weight}, so {less} for less"
    if new.paths and not (old.paths and set(old.paths) <= set(new.paths)):
        yield f"it holds on {', '.join(new.paths)}, not on {', '.join(old.paths) or 'all paths'}"
    if not set(new.only_if) <= set(old.only_if) or (new.only_if and not old.only_if):
        yield "only_if has other conditions"
    if new.only_if and old.only_if and _is_weaker(new.on_too_few, old.on_too_few):
        yield f"on_too_few {new.on_too_few}, not {old.on_too_few}"
    # What the policy says for all of its rules is told once, at the top.
    if _is_weaker(new.on_missing, old.on_missing) and not (
        old.on_missing is parent.on_missing and new.on_missing is child.on_missing
    ):
        yield f"on_missing {new.on_missing}, not {old.on_missing}"
    if _is_weaker(new.on_error, old.on_error) and not (
        old.on_error is parent.on_error and new.on_error is child.on_error
    ):
        yield f"on_error {new.on_error}, not {old.on_error}"
    if new.enforce_from is not None and (old.enforce_from is None or new.enforce_from > old.enforce_from):
        yield f"enforced from {new.enforce_from.isoformat()} only"


def _is_weaker_mode(old: Rule | ExpressionRule, new: Rule | ExpressionRule) -> bool:
    """True unless every decision is at least as bad under the new mode.

    A failure of a `score` rule may weigh more than the warning that it gave before, or than the one that it
    gives as a blocking rule, or less: what cannot be told counts as weaker.
    """
    match old.mode, new.mode:
        case Mode.WARN, Mode.SCORE:
            return True
        case Mode.SCORE, Mode.BLOCK:
            acts = (new.on_missing, new.on_error, new.on_too_few)
            has_band = isinstance(new, Rule) and any(bounds.warn is not None for bounds in new.bounds)
            return has_band or Act.WARN in acts
        case _:
            return _MODES.index(new.mode) > _MODES.index(old.mode)


def _is_looser(new: Condition | None, old: Condition, metric: Metric) -> bool:
    if new is None:
        return True
    if metric.better is Direction.NEUTRAL:
        return new != old
    return strictness(new, metric) < strictness(old, metric)


def _is_wider(new: NoWorse, old: NoWorse) -> bool:
    """True unless `new` certainly tolerates no more; a part and an amount cannot be compared."""
    return new.is_relative is not old.is_relative or Fraction(new.by) > Fraction(old.by)


def _is_weaker(new: Act, old: Act) -> bool:
    return _ACTS.index(new) > _ACTS.index(old)
