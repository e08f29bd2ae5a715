"""One rule on one metric, applied to the facts: its status, why, and what would help."""

from datetime import datetime

from gatekeeper.decision import Reason, Status
from gatekeeper.evidence import Value
from gatekeeper.metrics import METRICS, Direction, Unit
from gatekeeper.policy import remedy, said
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.model import Act, Bounds, NoWorse, Rule
from gatekeeper.policy.said import reason
from gatekeeper.policy.shown import exact, shown_limit, shown_value
from gatekeeper.policy.verdict import Judged as Judged
from gatekeeper.policy.verdict import Verdict, guarded, judged, without_facts
from gatekeeper.policy.waivers import ends_at


def judge(rule: Rule, bounds: Bounds, book: FactBook, as_of: datetime) -> Judged:
    """The result of `rule` within `bounds`, which hold for the stage of the question."""
    verdict = _waived(rule, bounds, book, _verdict(rule, bounds, book))
    return judged(
        rule,
        verdict,
        as_of,
        evidence=_digests(rule, book),
        metric=str(rule.metric),
        threshold=_threshold(rule, bounds),
        warn=str(bounds.warn) if bounds.warn else None,
    )


def _waived(rule: Rule, bounds: Bounds, book: FactBook, verdict: Verdict) -> Verdict:
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
        time=ends_at(first.waiver).isoformat(),
        **{"pass": _threshold(rule, bounds) or ""},
    )
    ids = tuple(one.waiver.id for one in accepting)
    return Verdict(status=Status.WAIVED, reason=why, actual=shown, has_read=True, waivers=ids)


def _threshold(rule: Rule, bounds: Bounds) -> str | None:
    if bounds.pass_ is not None:
        return str(bounds.pass_)
    return f"no worse by {rule.no_worse_than}" if rule.no_worse_than else None


def _digests(rule: Rule, book: FactBook) -> tuple[str, ...]:
    refs = [rule.metric, *(guard.metric for guard in rule.only_if)]
    return tuple(sorted({d for ref in refs for d in book.digests(METRICS[ref.metric].kind, ref.name)}))


def _verdict(rule: Rule, bounds: Bounds, book: FactBook) -> Verdict:
    kept_off = guarded(rule, book)
    if kept_off is not None:
        return kept_off
    baseline = book.read_baseline(rule.metric) if rule.no_worse_than else None
    if bounds.pass_ is None and baseline is None and rule.on_no_baseline is Act.SKIP:
        # Looked at before the metric: a metric that never was there cannot get worse, one that was can.
        return Verdict(status=Status.SKIPPED, reason=reason("no-baseline", metric=str(rule.metric)))
    value = book.read(rule.metric)
    if isinstance(value, Reason):
        return without_facts(rule, METRICS[rule.metric.metric].kind, value)
    verdict = _against_bounds(rule, bounds, value, book)
    if rule.no_worse_than is not None and verdict.status is not Status.FAIL:
        return _against_baseline(rule, rule.no_worse_than, bounds, value, baseline, book, verdict)
    return verdict


def _against_bounds(rule: Rule, bounds: Bounds, value: Value, book: FactBook) -> Verdict:
    actual = exact(value)
    shown = shown_value(rule.metric.metric, actual, (bounds.pass_, bounds.warn))
    params = {"metric": str(rule.metric), "actual": shown, "pass": str(bounds.pass_)}
    if bounds.pass_ is None or bounds.pass_.holds(actual):
        return Verdict(status=Status.PASS, reason=reason("holds", **params), actual=shown, has_read=True)
    target = remedy.Target(metric=rule.metric.metric, condition=bounds.pass_)
    helps = remedy.for_value(target, book.facts(METRICS[rule.metric.metric].kind, rule.metric.name), value)
    if bounds.warn is not None and bounds.warn.holds(actual):
        why = reason("in-warn-band", warn=str(bounds.warn), **params)
        return Verdict(status=Status.WARN, reason=why, actual=shown, remedy=helps, has_read=True)
    return Verdict(
        status=Status.FAIL, reason=reason("fails", **params), actual=shown, remedy=helps, has_read=True
    )


def _against_baseline(
    rule: Rule,
    no_worse: NoWorse,
    bounds: Bounds,
    value: Value,
    baseline: Value | None,
    book: FactBook,
    so_far: Verdict,
) -> Verdict:
    name = rule.metric.metric
    if baseline is None:
        if rule.on_no_baseline is Act.SKIP:
            return so_far
        return Verdict(
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
        return Verdict(status=Status.PASS, reason=why, actual=so_far.actual, has_read=True)
    is_amount = higher and METRICS[name].unit is not Unit.PERCENT
    target = remedy.Target(metric=name, condition=bounds.pass_, limit=limit)
    facts = book.facts(METRICS[name].kind, rule.metric.name)
    return Verdict(
        status=Status.FAIL,
        reason=reason("shrunk" if is_amount else "worse-than-baseline", **params),
        actual=so_far.actual,
        remedy=remedy.for_value(target, facts, value, is_shrunk=is_amount),
        has_read=True,
    )
