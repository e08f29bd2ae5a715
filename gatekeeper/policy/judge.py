"""One rule applied to the facts: its status, why, what would help, and what it does to the decision."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from gatekeeper.decision import Change, Mode, Reason, Remedy, RuleResult, Status
from gatekeeper.evidence import Value
from gatekeeper.metrics import METRICS, Direction, Unit
from gatekeeper.policy import remedy, said
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.facts import IMPOSSIBLE
from gatekeeper.policy.model import Act, Bounds, NoWorse, Rule
from gatekeeper.policy.said import reason
from gatekeeper.policy.shown import exact, shown_limit, shown_value
from gatekeeper.policy.spelling import utc

HALF = Fraction(1, 2)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A rule's result and its effect."""

    result: RuleResult
    effect: Act
    """`block` fails the decision, `warn` keeps it from `pass`, `skip` leaves it alone."""
    change: Change | None = None
    waivers: tuple[str, ...] = ()
    """Ids of the waivers that let it fail."""

    @property
    def points(self) -> Fraction | None:
        """Points of a `score` rule that applied; None for all others."""
        result = self.result
        if result.mode is not Mode.SCORE or result.weight is None:
            return None
        match result.status:
            case Status.PASS | Status.WAIVED:
                return Fraction(result.weight)
            case Status.WARN:
                return result.weight * HALF
            case Status.FAIL | Status.MISSING | Status.ERROR:
                return Fraction(0)
            case Status.SKIPPED | Status.OBSERVED:
                return None


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """What the facts say of a rule, before `observe` and `enforce_from` are looked at."""

    status: Status
    reason: Reason
    act: Act | None = None
    """Set when the rule says itself what happens; None: its mode decides."""
    actual: str | None = None
    remedy: Remedy | None = None
    has_read: bool = False
    waivers: tuple[str, ...] = ()


def judge(rule: Rule, bounds: Bounds, book: FactBook, as_of: datetime) -> Judged:
    """The result of `rule` within `bounds`, which hold for the stage of the question."""
    verdict = _waived(rule, bounds, book, _verdict(rule, bounds, book))
    is_observed = rule.mode is Mode.OBSERVE or (rule.enforce_from is not None and as_of < rule.enforce_from)
    status = Status.OBSERVED if is_observed else verdict.status
    change = None
    if rule.enforce_from is not None and as_of < rule.enforce_from and rule.mode is not Mode.OBSERVE:
        change = Change(rule=rule.id, at=rule.enforce_from, status=verdict.status, mode=rule.mode)
    result = RuleResult(
        id=rule.id,
        title=rule.title,
        status=status,
        mode=rule.mode,
        severity=rule.severity,
        metric=str(rule.metric),
        actual=verdict.actual,
        threshold=_threshold(rule, bounds),
        warn=str(bounds.warn) if bounds.warn else None,
        points=None,
        weight=rule.weight,
        evidence=_digests(rule, book) if verdict.has_read else (),
        message=verdict.reason,
        remedy=verdict.remedy,
    )
    return Judged(
        result=result,
        effect=Act.SKIP if is_observed else _effect(rule, verdict),
        change=change,
        waivers=() if is_observed else verdict.waivers,
    )


def _waived(rule: Rule, bounds: Bounds, book: FactBook, verdict: _Verdict) -> _Verdict:
    """`verdict`, or `waived` when it fails and a waiver accepts the value that the metric has."""
    found = book.rule_waivers(rule.id)
    if verdict.status is not Status.FAIL or not found:
        return verdict
    value = book.read(rule.metric)
    accepting = [one for one in found if not isinstance(value, Reason) and one.accept.holds(exact(value))]
    if isinstance(value, Reason) or not accepting:
        return verdict
    first = accepting[0]
    shown = shown_value(rule.metric.metric, exact(value), (bounds.pass_, first.accept))
    why = reason(
        "waived",
        metric=str(rule.metric),
        actual=shown,
        waiver=first.waiver.id,
        accept=str(first.accept),
        time=utc(first.waiver.ends_at()).isoformat(),
        **{"pass": _threshold(rule, bounds) or ""},
    )
    ids = tuple(one.waiver.id for one in accepting)
    return _Verdict(status=Status.WAIVED, reason=why, actual=shown, has_read=True, waivers=ids)


def _threshold(rule: Rule, bounds: Bounds) -> str | None:
    if bounds.pass_ is not None:
        return str(bounds.pass_)
    return f"no worse by {rule.no_worse_than}" if rule.no_worse_than else None


def _digests(rule: Rule, book: FactBook) -> tuple[str, ...]:
    refs = [rule.metric, *(guard.metric for guard in rule.only_if)]
    return tuple(sorted({d for ref in refs for d in book.digests(METRICS[ref.metric].kind, ref.name)}))


def _effect(rule: Rule, verdict: _Verdict) -> Act:
    if verdict.act is not None:
        return verdict.act
    match verdict.status:
        case Status.WARN | Status.FAIL if rule.mode is Mode.SCORE:
            return Act.SKIP  # it speaks through its points
        case Status.FAIL:
            return Act.WARN if rule.mode is Mode.WARN else Act.BLOCK
        case Status.WARN:
            return Act.WARN
        case Status.PASS | Status.SKIPPED | Status.WAIVED | Status.OBSERVED:
            return Act.SKIP
        case Status.MISSING | Status.ERROR:
            return Act.BLOCK


def _verdict(rule: Rule, bounds: Bounds, book: FactBook) -> _Verdict:
    for guard in rule.only_if:
        found = book.read(guard.metric)
        if isinstance(found, Reason):
            return _without_facts(rule, found)
        if not guard.condition.holds(exact(found)):
            return _too_few(
                rule, str(guard.metric), shown_value(guard.metric.metric, exact(found)), guard.condition
            )
    baseline = book.read_baseline(rule.metric) if rule.no_worse_than else None
    if bounds.pass_ is None and baseline is None and rule.on_no_baseline is Act.SKIP:
        # Looked at before the metric: a metric that never was there cannot get worse, one that was can.
        return _Verdict(status=Status.SKIPPED, reason=reason("no-baseline", metric=str(rule.metric)))
    value = book.read(rule.metric)
    if isinstance(value, Reason):
        return _without_facts(rule, value)
    verdict = _against_bounds(rule, bounds, value, book)
    if rule.no_worse_than is not None and verdict.status is not Status.FAIL:
        return _against_baseline(rule, rule.no_worse_than, bounds, value, baseline, book, verdict)
    return verdict


def _without_facts(rule: Rule, why: Reason) -> _Verdict:
    act = rule.on_error if why.code == IMPOSSIBLE else rule.on_missing
    unknown = Status.ERROR if why.code == IMPOSSIBLE else Status.MISSING
    return _Verdict(
        status=Status.SKIPPED if act is Act.SKIP else unknown,
        reason=why,
        act=act,
        remedy=remedy.for_missing(METRICS[rule.metric.metric].kind, why),
    )


def _too_few(rule: Rule, guard: str, actual: str, condition: object) -> _Verdict:
    status = {Act.SKIP: Status.SKIPPED, Act.WARN: Status.WARN, Act.BLOCK: Status.FAIL}[rule.on_too_few]
    helps = said.remedy("reach-guard", guard=guard, condition=str(condition))
    return _Verdict(
        status=status,
        reason=reason("too-few", guard=guard, actual=actual, condition=str(condition)),
        act=rule.on_too_few,
        remedy=None if status is Status.SKIPPED else helps,
        has_read=True,
    )


def _against_bounds(rule: Rule, bounds: Bounds, value: Value, book: FactBook) -> _Verdict:
    actual = exact(value)
    shown = shown_value(rule.metric.metric, actual, (bounds.pass_, bounds.warn))
    params = {"metric": str(rule.metric), "actual": shown, "pass": str(bounds.pass_)}
    if bounds.pass_ is None or bounds.pass_.holds(actual):
        return _Verdict(status=Status.PASS, reason=reason("holds", **params), actual=shown, has_read=True)
    target = remedy.Target(metric=rule.metric.metric, condition=bounds.pass_)
    helps = remedy.for_value(target, book.facts(METRICS[rule.metric.metric].kind, rule.metric.name), value)
    if bounds.warn is not None and bounds.warn.holds(actual):
        why = reason("in-warn-band", warn=str(bounds.warn), **params)
        return _Verdict(status=Status.WARN, reason=why, actual=shown, remedy=helps, has_read=True)
    return _Verdict(
        status=Status.FAIL, reason=reason("fails", **params), actual=shown, remedy=helps, has_read=True
    )


def _against_baseline(
    rule: Rule,
    no_worse: NoWorse,
    bounds: Bounds,
    value: Value,
    baseline: Value | None,
    book: FactBook,
    so_far: _Verdict,
) -> _Verdict:
    name = rule.metric.metric
    if baseline is None:
        if rule.on_no_baseline is Act.SKIP:
            return so_far
        return _Verdict(
            status=Status.FAIL,
            reason=reason("no-baseline", metric=str(rule.metric)),
            act=Act.BLOCK,
            actual=so_far.actual,
            remedy=said.remedy("make-baseline", rule=rule.id),
            has_read=True,
        )
    higher = METRICS[name].better is Direction.HIGHER
    limit = no_worse.limit(exact(baseline), higher_is_better=higher)
    actual = exact(value)
    params = {
        "metric": str(rule.metric),
        "actual": so_far.actual or "",
        "baseline": shown_value(name, exact(baseline)),
        "limit": shown_limit(name, limit),
    }
    if actual >= limit if higher else actual <= limit:
        if bounds.pass_ is not None:
            return so_far
        why = reason("no-worse", **params)
        return _Verdict(status=Status.PASS, reason=why, actual=so_far.actual, has_read=True)
    is_amount = higher and METRICS[name].unit is not Unit.PERCENT
    target = remedy.Target(metric=name, condition=bounds.pass_, limit=limit)
    facts = book.facts(METRICS[name].kind, rule.metric.name)
    return _Verdict(
        status=Status.FAIL,
        reason=reason("shrunk" if is_amount else "worse-than-baseline", **params),
        actual=so_far.actual,
        remedy=remedy.for_value(target, facts, value, is_shrunk=is_amount),
        has_read=True,
    )
