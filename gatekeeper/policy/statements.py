"""What a policy says of rules and evidence, statement by statement."""

from collections.abc import Iterator

from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind, Trust
from gatekeeper.policy.model import Act, Bounds, ExpressionRule, Policy, Requirement, Rule
from gatekeeper.policy.spelling import shown_duration
from gatekeeper.policy.statement import Effect, Key, Statement, bound, less, more, rank

ACTS = (Act.SKIP, Act.WARN, Act.BLOCK)
_MODES = (Mode.OBSERVE, Mode.WARN, Mode.BLOCK)
"""Scoring is neither more nor less than warning: it depends on the other rules."""
_AT_ONCE = 10**12


def rule_statements(policy: Policy) -> Iterator[Statement]:
    """All rules, at each stage at which they hold."""
    for rule in policy.rules:
        for stage in policy.stages:
            bounds = policy.bounds_at(rule, stage)
            if bounds is not None:
                yield from _at_stage(rule, bounds, stage)
        yield from _common(rule)
        yield from _own(rule)
    for expression in policy.expressions:
        yield from _expression(expression, policy)


def evidence_statements(policy: Policy) -> Iterator[Statement]:
    """What is demanded of each kind of evidence."""
    for kind in Kind:
        yield from _evidence(policy.requirement(kind), policy)


def _at_stage(rule: Rule, bounds: Bounds, stage: str) -> Iterator[Statement]:
    names = (("rule", rule.id),)
    demand = [f"{rule.metric} {bounds.pass_}"] if bounds.pass_ else [str(rule.metric)]
    demand += [f"warns from {bounds.warn}"] if bounds.warn else []
    demand += [f"no worse by {rule.no_worse_than}"] if rule.no_worse_than else []
    whole = _rule(rule, stage, ", ".join(demand))
    yield whole
    if bounds.pass_:
        yield Statement(
            code="rule-pass",
            names=names,
            stage=stage,
            value=str(bounds.pass_),
            strict=bound(bounds.pass_),
            adds=Effect.TIGHTER,
            parent=whole.key,
        )
    if bounds.warn:
        # Without a warning band a value fails as soon as it does not pass.
        yield Statement(
            code="rule-warn",
            names=names,
            stage=stage,
            value=str(bounds.warn),
            strict=bound(bounds.warn),
            adds=Effect.LOOSER,
            parent=whole.key,
        )


def _rule(rule: Rule | ExpressionRule, stage: str, demand: str) -> Statement:
    """That the rule holds at the stage; what it demands is compared by its parts."""
    return Statement(
        code="rule",
        names=(("rule", rule.id),),
        stage=stage,
        value=f"{demand} ({rule.mode})",
        adds=Effect.OTHER if rule.mode is Mode.OBSERVE else Effect.TIGHTER,
        is_whole=True,
    )


def _own(rule: Rule) -> Iterator[Statement]:
    parent, names = _whole(rule.id), (("rule", rule.id),)
    yield Statement(code="rule-metric", names=names, value=str(rule.metric), parent=parent)
    if rule.no_worse_than is not None:
        by = rule.no_worse_than
        strict = more("relative" if by.is_relative else "absolute", f"-{by.by}" if by.by != "0" else "0")
        yield Statement(
            code="rule-no-worse",
            names=names,
            value=str(by),
            strict=strict,
            adds=Effect.TIGHTER,
            parent=parent,
        )
    yield _act("rule-on-no-baseline", names, rule.on_no_baseline, parent)


def _common(rule: Rule | ExpressionRule) -> Iterator[Statement]:
    """What rules on metrics and expressions share."""
    parent, names = _whole(rule.id), (("rule", rule.id),)
    yield Statement(code="rule-whole", names=names, is_told=False)
    yield Statement(
        code="rule-mode", names=names, value=rule.mode, strict=rank("mode", rule.mode, _MODES), parent=parent
    )
    yield Statement(code="rule-weight", names=names, value=str(rule.weight or "none"), parent=parent)
    yield Statement(code="rule-severity", names=names, value=rule.severity or "none", parent=parent)
    yield Statement(code="rule-title", names=names, value=rule.title, parent=parent)
    for guard in rule.only_if:
        words = f"{guard.metric} {guard.condition}"
        yield Statement(code="rule-only-if", names=(*names, ("guard", words)), parent=parent)
    yield Statement(code="rule-paths", names=names, value=", ".join(rule.paths) or "all", parent=parent)
    yield _act("rule-on-too-few", names, rule.on_too_few, parent)
    yield _act("rule-on-missing", names, rule.on_missing, parent)
    yield _act("rule-on-error", names, rule.on_error, parent)
    begins = rule.enforce_from
    yield Statement(
        code="rule-enforce-from",
        names=names,
        value=f"{begins:%Y-%m-%dT%H:%M:%SZ}" if begins else "at once",
        strict=less("begins", int(begins.timestamp()) if begins else -_AT_ONCE),
        parent=parent,
    )
    yield Statement(code="rule-loosen-reason", names=names, value=rule.loosen_reason or "none", parent=parent)


def _whole(rule_id: str) -> Key:
    return Statement(code="rule-whole", names=(("rule", rule_id),)).key


def _act(code: str, names: tuple[tuple[str, str], ...], act: Act, parent: Key) -> Statement:
    return Statement(code=code, names=names, value=act, strict=rank("act", act, ACTS), parent=parent)


def _expression(rule: ExpressionRule, policy: Policy) -> Iterator[Statement]:
    names, parent = (("rule", rule.id),), _whole(rule.id)
    for stage in policy.stages:
        if policy.reaches(stage, rule.from_stage):
            yield _rule(rule, stage, rule.expression.message)
    yield from _common(rule)
    yield Statement(code="rule-expr", names=names, value=rule.expression.source, parent=parent)
    yield Statement(code="rule-message", names=names, value=rule.expression.message, parent=parent)
    for need in rule.expression.needs:
        reads = str(need.metric or need.findings)
        yield Statement(
            code="rule-need", names=(*names, ("variable", need.variable)), value=reads, parent=parent
        )


def _evidence(one: Requirement, policy: Policy) -> Iterator[Statement]:
    names = (("kind", str(one.kind)),)
    if one.from_stage is not None:
        for stage in policy.stages:
            if policy.reaches(stage, one.from_stage):
                yield Statement(code="evidence", names=names, stage=stage, adds=Effect.TIGHTER)
    for name in one.names:
        yield Statement(code="evidence-name", names=(*names, ("name", name)), adds=Effect.TIGHTER)
    for tool in one.tools:
        yield Statement(code="evidence-tool", names=(*names, ("tool", tool)), adds=Effect.TIGHTER)
    for code, seconds in (("evidence-max-age", one.max_age_s), ("evidence-db-max-age", one.db_max_age_s)):
        value = "no limit" if seconds is None else shown_duration(seconds)
        yield Statement(code=code, names=names, value=value, strict=less("age", seconds))
    yield Statement(code="evidence-bind", names=names, value=one.bind)
    for problem, most in one.allow.items():
        yield Statement(
            code="evidence-allow",
            names=(*names, ("problem", problem)),
            value="any" if most is None else str(most),
            strict=less("count", most),
            adds=Effect.LOOSER,
        )
    for stage in policy.stages:
        levels = [level for start, level in one.trust.items() if policy.reaches(stage, start)]
        trust = max(levels, key=list(Trust).index, default=Trust.CLAIMED)
        strict = rank("trust", trust, tuple(Trust))
        yield Statement(code="evidence-trust", names=names, stage=stage, value=trust, strict=strict)
        if one.protected_from is not None and policy.reaches(stage, one.protected_from):
            yield Statement(code="evidence-protected", names=names, stage=stage, adds=Effect.TIGHTER)
