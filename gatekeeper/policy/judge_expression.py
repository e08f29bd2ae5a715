"""One rule in CEL, applied to the facts."""

from datetime import datetime

from gatekeeper.decision import Reason, Remedy, Status
from gatekeeper.evidence import Kind
from gatekeeper.metrics import METRICS, Unit
from gatekeeper.policy import remedy, said
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.expression import Fact, NoAnswer, breaking, holds
from gatekeeper.policy.facts import ABSENT
from gatekeeper.policy.model import Act, ExpressionRule, Need
from gatekeeper.policy.said import reason
from gatekeeper.policy.shown import exact
from gatekeeper.policy.verdict import Judged, Verdict, guarded, judged, without_facts


def judge_expression(rule: ExpressionRule, book: FactBook, as_of: datetime) -> Judged:
    """The result of `rule`, which is in force at the stage of the question.

    When anything in `needs` is absent the expression is not run, and the rule is `missing`.
    """
    return judged(rule, _verdict(rule, book), as_of, evidence=_digests(rule, book))


def kind_of(need: Need) -> Kind:
    """The kind of evidence that `need` reads."""
    return METRICS[need.metric.metric].kind if need.metric is not None else _findings_of(need)


def _verdict(rule: ExpressionRule, book: FactBook) -> Verdict:
    kept_off = guarded(rule, book)
    if kept_off is not None:
        return kept_off
    values: dict[str, Fact] = {}
    for need in rule.expression.needs:
        value = _read(need, book)
        if isinstance(value, Reason):
            return without_facts(rule, kind_of(need), value)
        values[need.variable] = value
    answer = holds(rule.expression, values)
    words = {"expression": rule.expression.source, "message": rule.expression.message}
    if isinstance(answer, NoAnswer):
        why = reason("expression-error", why=answer.code, **words)
        status = Status.SKIPPED if rule.on_error is Act.SKIP else Status.ERROR
        helps = said.remedy("mend-expression", rule=rule.id)
        return Verdict(status=status, reason=why, act=rule.on_error, remedy=helps, has_read=True)
    if answer:
        return Verdict(status=Status.PASS, reason=reason("expression-true", **words), has_read=True)
    helps = _helps(rule, values)
    return Verdict(
        status=Status.FAIL, reason=reason("expression-false", **words), remedy=helps, has_read=True
    )


def _read(need: Need, book: FactBook) -> Fact | Reason:
    if need.metric is not None:
        value = book.read(need.metric)
        if isinstance(value, Reason):
            return value
        # The nearest double to the exact fraction: it is never on the other side of a threshold.
        is_percent = METRICS[need.metric.metric].unit is Unit.PERCENT
        return float(exact(value)) if is_percent else int(exact(value))
    kind = _findings_of(need)
    if (fault := book.fault(kind)) is not None:
        return fault
    facts, counted = book.facts(kind), f"{kind}.total"
    if counted not in facts.values:
        # A report that counts more findings than it lists, or that lists none at all.
        return reason(facts.absent.get(counted, ABSENT), kind=str(kind), metric=counted)
    return facts.rows


def _helps(rule: ExpressionRule, values: dict[str, Fact]) -> Remedy:
    """The findings that must go where each must fulfil a condition; else only the message is known."""
    found = breaking(rule.expression, values)
    return (
        remedy.for_findings(found)
        if found
        else said.remedy("meet-expression", message=rule.expression.message)
    )


def _findings_of(need: Need) -> Kind:
    if need.findings is None:
        raise AssertionError(f"{need.variable} reads nothing")  # the loader gives each need one of the two
    return need.findings


def _digests(rule: ExpressionRule, book: FactBook) -> tuple[str, ...]:
    read = [(kind_of(need), need.metric.name if need.metric else None) for need in rule.expression.needs]
    read += [(METRICS[guard.metric.metric].kind, guard.metric.name) for guard in rule.only_if]
    return tuple(sorted({digest for kind, name in read for digest in book.digests(kind, name)}))
