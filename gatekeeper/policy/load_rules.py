"""One entry of `rules:` as a `Rule` or an `ExpressionRule`."""

from datetime import datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from gatekeeper.decision import Mode
from gatekeeper.policy import spelling
from gatekeeper.policy.condition import Condition, Guard, MetricRef
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.keys import SEVERITIES
from gatekeeper.policy.load_conditions import read_guards, read_metric
from gatekeeper.policy.load_expressions import read_expression
from gatekeeper.policy.model import Act, Bounds, ExpressionRule, NoWorse, Rule
from gatekeeper.policy.section import Section

RESERVED = ("order", "window", "separation")
RESERVED_PREFIXES = ("evidence.", "approval.", "obligation.")
"""Results of these names are not rules of the file."""

_SKIPPABLE = (Act.BLOCK, Act.WARN, Act.SKIP)
_OF_METRICS = ("pass", "warn", "stages", "no_worse_than", "on_no_baseline")
_OF_EXPRESSIONS = ("needs", "message")


class _Shared(TypedDict):
    """What both kinds of rules have."""

    id: str
    title: str
    mode: Mode
    severity: str | None
    weight: int | None
    only_if: tuple[Guard, ...]
    on_too_few: Act
    on_missing: Act
    on_error: Act
    enforce_from: datetime | None
    loosen_reason: str | None
    paths: tuple[str, ...]


def read_rule(
    section: Section, *, stages: tuple[str, ...], zone: ZoneInfo, on_missing: Act, on_error: Act
) -> Rule | ExpressionRule | None:
    """The rule in `section`; None when it has no usable id, or nothing that could be judged (noted)."""
    rule_id = _id(section)
    if "override" in section:
        section.fault("override", "there is nothing to override", hint="name the policy under `extends`")
        return None
    if "metric" in section and "expr" in section:
        section.fault("expr", "a rule has `metric` or `expr`, not both", hint="make two rules of it")
        return None
    shared = _shared(section, rule_id, zone, on_missing, on_error)
    found = (
        _expression_rule(section, stages, shared)
        if "expr" in section
        else _metric_rule(section, stages, shared)
    )
    return found if rule_id else None


def _id(section: Section) -> str:
    rule_id = section.name("id", "")
    if rule_id in RESERVED or rule_id.startswith(RESERVED_PREFIXES):
        what = "demanded evidence" if rule_id.startswith("evidence.") else "results that are not rules"
        section.fault("id", f"{rule_id!r}: names that begin so belong to {what}", hint="take another name")
    return rule_id


def _shared(section: Section, rule_id: str, zone: ZoneInfo, on_missing: Act, on_error: Act) -> _Shared:
    mode = section.choice("mode", tuple(Mode), Mode.BLOCK)
    guards = read_guards(section, "only_if")
    if "on_too_few" in section and "only_if" not in section:
        section.fault("on_too_few", "needs `only_if`")
    return _Shared(
        id=rule_id,
        title=section.text("title", rule_id),
        mode=mode,
        severity=_severity(section),
        weight=_weight(section, mode),
        only_if=guards,
        on_too_few=section.choice("on_too_few", _SKIPPABLE, Act.SKIP),
        on_missing=section.choice("on_missing", _SKIPPABLE, on_missing),
        on_error=section.choice("on_error", _SKIPPABLE, on_error),
        enforce_from=section.spelled(
            "enforce_from", lambda text: spelling.instant(text, begins_in=zone), None
        ),
        loosen_reason=section.text("loosen_reason", "") or None,
        paths=_paths(section),
    )


def _paths(section: Section) -> tuple[str, ...]:
    names = section.names("paths")
    if names == ():
        section.fault("paths", "is empty", hint="leave the key out: then the rule holds on all")
    return tuple(sorted(names or ()))


def _metric_rule(section: Section, stages: tuple[str, ...], shared: _Shared) -> Rule | None:
    for key in _OF_EXPRESSIONS:
        if key in section:
            section.fault(key, "belongs to a rule with `expr`", hint="remove it; `title` is for people")
    metric = _metric(section)
    bounds = _bounds(section, stages)
    no_worse_than = _no_worse(section)
    on_no_baseline = section.choice("on_no_baseline", (Act.SKIP, Act.BLOCK), Act.BLOCK)
    if metric is None or not bounds:
        return None
    return Rule(
        **shared, metric=metric, bounds=bounds, no_worse_than=no_worse_than, on_no_baseline=on_no_baseline
    )


def _expression_rule(section: Section, stages: tuple[str, ...], shared: _Shared) -> ExpressionRule | None:
    for key in _OF_METRICS:
        if key in section:
            hint = "write the bound into `expr`" if key in ("pass", "warn") else "make it a rule of its own"
            section.fault(key, "belongs to a rule with `metric`", hint=hint)
    expression = read_expression(section)
    start = _from(section, stages)
    return None if expression is None else ExpressionRule(**shared, expression=expression, from_stage=start)


def _metric(section: Section) -> MetricRef | None:
    text = section.text("metric", "")
    return read_metric(section, "metric", text) if text else None


def _from(section: Section, stages: tuple[str, ...]) -> str:
    start = section.text("from", stages[0])
    if start not in stages:
        section.fault("from", f"unknown stage {start!r}", hint=nearest(start, stages))
        return stages[0]
    return start


def _bounds(section: Section, stages: tuple[str, ...]) -> tuple[Bounds, ...]:
    start = _from(section, stages)
    wanted = _condition(section, "pass")
    warn = _condition(section, "warn")
    if wanted is None and "pass" not in section and "no_worse_than" not in section:
        section.fault("", "a rule needs `pass`, `no_worse_than` or both", hint='such as pass: ">= 80"')
    if warn is not None and "pass" not in section:
        section.fault("warn", "needs `pass`", hint="the rule warns between `warn` and `pass`")
    found = {start: Bounds(stage=start, pass_=wanted, warn=warn)}
    found |= _later_bounds(section, stages, start)
    bounds: list[Bounds] = []
    for stage in stages:
        if stage in found:
            bounds.append(_inherit(bounds, found[stage]))
    return tuple(bounds)


def _inherit(before: list[Bounds], bounds: Bounds) -> Bounds:
    if not before:
        return bounds
    last = before[-1]
    return Bounds(stage=bounds.stage, pass_=bounds.pass_ or last.pass_, warn=bounds.warn or last.warn)


def _later_bounds(section: Section, stages: tuple[str, ...], start: str) -> dict[str, Bounds]:
    found = {}
    outer = section.section("stages", None)
    for stage in section.entries("stages"):
        inner = outer.section(stage, "bounds") if outer else None
        if inner is None:
            continue
        if stage not in stages:
            section.fault("stages", f"unknown stage {stage!r}", hint=nearest(stage, stages))
        elif stages.index(stage) <= stages.index(start):
            inner.fault("", f"is never reached: the rule begins at {start}", hint="change `pass` of the rule")
        elif "pass" not in section:
            inner.fault("", "the rule has no `pass` that could change")
        else:
            wanted, warn = _condition(inner, "pass"), _condition(inner, "warn")
            if wanted is None and warn is None:
                inner.fault("", "changes nothing", hint="write `pass`, `warn` or both")
            found[stage] = Bounds(stage=stage, pass_=wanted, warn=warn)
    return found


def _condition(section: Section, key: str) -> Condition | None:
    return section.spelled(key, spelling.condition, None)


def _no_worse(section: Section) -> NoWorse | None:
    inner = section.section("no_worse_than", "no_worse_than")
    if inner is None:
        if "on_no_baseline" in section:
            section.fault("on_no_baseline", "needs `no_worse_than`")
        return None
    return inner.spelled("by", spelling.no_worse_by, None)


def _severity(section: Section) -> str | None:
    severity = section.text("severity", "")
    if severity and severity not in SEVERITIES:
        section.fault("severity", f"unknown severity {severity!r}", hint=nearest(severity, SEVERITIES))
    return severity or None


def _weight(section: Section, mode: Mode) -> int | None:
    if mode is not Mode.SCORE:
        if "weight" in section:
            section.fault("weight", "only rules of `mode: score` have a weight")
        return None
    return section.integer("weight", 1, least=1, most=1000)
