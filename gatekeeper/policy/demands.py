"""Demanded evidence: one result per kind or name that must be there, and the list of what is missing."""

from collections.abc import Iterable
from datetime import datetime

from gatekeeper.decision import Missing, Mode, Reason, Remedy, RuleResult, Status
from gatekeeper.evidence import Kind
from gatekeeper.metrics import METRICS
from gatekeeper.policy import remedy
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.judge_expression import kind_of
from gatekeeper.policy.left_out import why_left_out
from gatekeeper.policy.model import Act, ExpressionRule, Rule
from gatekeeper.policy.promotion import Path
from gatekeeper.policy.said import reason


def demanded_results(
    rules: Iterable[Rule | ExpressionRule], book: FactBook, as_of: datetime
) -> tuple[tuple[RuleResult, ...], tuple[Missing, ...]]:
    """A `block` result for each demanded kind or name, by id, and the missing ones.

    Demanded is what `evidence.<kind>` names from its stage on, and what a rule in force reads, unless the
    rule says that missing facts do not block. What the path does without is listed as skipped.
    """
    wanted: set[tuple[Kind, str | None]] = set()
    for kind in Kind:
        requirement = book.demanded(kind)
        if requirement is not None:
            wanted |= {(kind, name) for name in requirement.names}
            if not requirement.names or requirement.tools:
                wanted.add((kind, None))
    for rule in rules:
        if _demands(rule, as_of):
            wanted |= _by_rule(rule, book)
    gone = {(kind, name) for kind in {kind for kind, _ in wanted} for name in book.gone_names(kind)}
    results, missing = [], []
    for kind, name in sorted(wanted | gone, key=lambda pair: (pair[0], pair[1] or "")):
        fault = _fault(kind, name, book, is_only_gone=(kind, name) not in wanted)
        results.append(_result(kind, name, fault, book, is_only_gone=(kind, name) not in wanted))
        if fault is not None:
            missing.append(Missing(kind=kind, name=name, reason=fault))
    read = {kind for kind, _ in wanted}
    if (path := book.path) is not None:
        results += [_left_out(kind, path) for kind in Kind if book.does_without(kind) and kind not in read]
    return tuple(sorted(results, key=lambda result: result.id)), tuple(missing)


def _demands(rule: Rule | ExpressionRule, as_of: datetime) -> bool:
    return (
        rule.mode is not Mode.OBSERVE
        and rule.on_missing is Act.BLOCK
        and (rule.enforce_from is None or as_of >= rule.enforce_from)
    )


def _by_rule(rule: Rule | ExpressionRule, book: FactBook) -> set[tuple[Kind, str | None]]:
    if isinstance(rule, Rule):
        read = [(METRICS[rule.metric.metric].kind, rule.metric.name)]
    else:
        read = [
            (kind_of(need), need.metric.name if need.metric is not None else None)
            for need in rule.expression.needs
        ]
    return {wanted for kind, name in read for wanted in _read(kind, name, book)}


def _read(kind: Kind, name: str | None, book: FactBook) -> set[tuple[Kind, str | None]]:
    if name is not None:
        return {(kind, name)}
    requirement = book.demanded(kind)
    if requirement is not None and requirement.names:
        return {(kind, name) for name in requirement.names}
    return {(kind, None)}


def _fault(kind: Kind, name: str | None, book: FactBook, *, is_only_gone: bool) -> Reason | None:
    if is_only_gone and book.tolerates_gone(kind):
        return None
    return book.fault(kind, name)


def _result(
    kind: Kind, name: str | None, fault: Reason | None, book: FactBook, *, is_only_gone: bool
) -> RuleResult:
    status, why, helps = Status.PASS, reason("received", kind=str(kind)), None
    if fault is not None:
        status, why, helps = Status.MISSING, fault, remedy.for_missing(kind, fault)
    elif is_only_gone and name:
        status, why = Status.SKIPPED, reason("name-gone-allowed", kind=str(kind), name=name)
    elif name:
        why = reason("received-name", kind=str(kind), name=name)
    evidence = book.digests(kind, name) if status is Status.PASS else ()
    return _made(kind, name, status, why, helps, evidence)


def _left_out(kind: Kind, path: Path) -> RuleResult:
    return _made(kind, None, Status.SKIPPED, why_left_out(path), None, ())


def _made(
    kind: Kind,
    name: str | None,
    status: Status,
    why: Reason,
    helps: Remedy | None,
    evidence: tuple[str, ...],
) -> RuleResult:
    return RuleResult(
        id=f"evidence.{kind}/{name}" if name else f"evidence.{kind}",
        title=f"{kind} evidence" + (f" named {name}" if name else ""),
        status=status,
        mode=Mode.BLOCK,
        severity=None,
        metric=None,
        actual=None,
        threshold=None,
        warn=None,
        points=None,
        weight=None,
        evidence=evidence,
        message=why,
        remedy=helps,
    )
