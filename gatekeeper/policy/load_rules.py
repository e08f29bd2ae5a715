"""One entry of `rules:` as a `Rule`."""

import re
from zoneinfo import ZoneInfo

from gatekeeper.decision import Mode
from gatekeeper.errors import UnknownMetric
from gatekeeper.metrics import metric as registered
from gatekeeper.policy import spelling
from gatekeeper.policy.condition import Condition, Guard, MetricRef
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.keys import NAME, SEVERITIES
from gatekeeper.policy.model import Act, Bounds, NoWorse, Rule
from gatekeeper.policy.section import Section

_SKIPPABLE = (Act.BLOCK, Act.WARN, Act.SKIP)


def read_rule(
    section: Section, *, stages: tuple[str, ...], zone: ZoneInfo, on_missing: Act, on_error: Act
) -> Rule | None:
    """The rule in `section`; None when it has no usable id, metric or bounds (noted)."""
    rule_id = section.text("id", "")
    if rule_id and not re.fullmatch(NAME, rule_id):
        section.fault("id", f"{rule_id!r} is not a name: lowercase letters, digits, `.`, `_` and `-`")
    if rule_id.startswith("evidence."):
        section.fault("id", "names that begin with `evidence.` belong to demanded evidence")
    metric = _metric(section)
    bounds = _bounds(section, stages)
    if not rule_id or metric is None or not bounds:
        return None
    mode = section.choice("mode", tuple(Mode), Mode.BLOCK)
    return Rule(
        id=rule_id,
        title=section.text("title", rule_id),
        metric=metric,
        bounds=bounds,
        no_worse_than=_no_worse(section),
        on_no_baseline=section.choice("on_no_baseline", (Act.SKIP, Act.BLOCK), Act.BLOCK),
        mode=mode,
        severity=_severity(section),
        weight=_weight(section, mode),
        only_if=_guards(section),
        on_too_few=section.choice("on_too_few", _SKIPPABLE, Act.SKIP),
        on_missing=section.choice("on_missing", _SKIPPABLE, on_missing),
        on_error=section.choice("on_error", _SKIPPABLE, on_error),
        enforce_from=section.spelled(
            "enforce_from", lambda text: spelling.instant(text, begins_in=zone), None
        ),
        loosen_reason=section.text("loosen_reason", "") or None,
    )


def _metric(section: Section) -> MetricRef | None:
    if "metric" not in section:
        return None
    found = section.spelled("metric", spelling.metric_ref, None)
    if found is not None and not _is_registered(section, "metric", found):
        return None
    return found


def _is_registered(section: Section, key: str, found: MetricRef) -> bool:
    try:
        registered(found.metric)
    except UnknownMetric as exc:
        section.fault(key, f"unknown metric {found.metric!r}", hint=exc.hint)
        return False
    return True


def _bounds(section: Section, stages: tuple[str, ...]) -> tuple[Bounds, ...]:
    start = section.text("from", stages[0])
    if start not in stages:
        section.fault("from", f"unknown stage {start!r}", hint=nearest(start, stages))
        start = stages[0]
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


def _guards(section: Section) -> tuple[Guard, ...]:
    conditions = section.spelled_entries("only_if", spelling.condition)
    guards = []
    for name, condition in sorted(conditions.items()):
        try:
            ref = spelling.metric_ref(name)
        except ValueError as exc:
            section.fault("only_if", str(exc))
            continue
        if _is_registered(section, "only_if", ref):
            guards.append(Guard(metric=ref, condition=condition))
    if "only_if" in section and not section.entries("only_if"):
        section.fault("only_if", "has no condition", hint="leave the key out")
    if "on_too_few" in section and "only_if" not in section:
        section.fault("on_too_few", "needs `only_if`")
    return tuple(guards)
