"""What the facts say of a rule, and what that does to the decision."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from gatekeeper.decision import Change, Mode, Reason, Remedy, RuleResult, Status
from gatekeeper.evidence import Kind
from gatekeeper.metrics import METRICS
from gatekeeper.policy import remedy, said
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.condition import Guard
from gatekeeper.policy.facts import IMPOSSIBLE
from gatekeeper.policy.model import Act, ExpressionRule, Rule
from gatekeeper.policy.said import reason
from gatekeeper.policy.shown import exact, shown_value

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
class Verdict:
    """What the facts say of a rule, before `observe` and `enforce_from` are looked at."""

    status: Status
    reason: Reason
    act: Act | None = None
    """Set when the rule says itself what happens; None: its mode decides."""
    actual: str | None = None
    remedy: Remedy | None = None
    has_read: bool = False
    """True when the facts of the rule were there and were looked at."""
    waivers: tuple[str, ...] = ()


def judged(
    rule: Rule | ExpressionRule,
    verdict: Verdict,
    as_of: datetime,
    *,
    evidence: tuple[str, ...],
    metric: str | None = None,
    threshold: str | None = None,
    warn: str | None = None,
) -> Judged:
    """The result of `rule`; while it is only observed it does nothing to the decision."""
    is_observed = rule.mode is Mode.OBSERVE or (rule.enforce_from is not None and as_of < rule.enforce_from)
    change = None
    if rule.enforce_from is not None and as_of < rule.enforce_from and rule.mode is not Mode.OBSERVE:
        change = Change(rule=rule.id, at=rule.enforce_from, status=verdict.status, mode=rule.mode)
    result = RuleResult(
        id=rule.id,
        title=rule.title,
        status=Status.OBSERVED if is_observed else verdict.status,
        mode=rule.mode,
        severity=rule.severity,
        metric=metric,
        actual=verdict.actual,
        threshold=threshold,
        warn=warn,
        points=None,
        weight=rule.weight,
        evidence=evidence if verdict.has_read else (),
        message=verdict.reason,
        remedy=verdict.remedy,
    )
    return Judged(
        result=result,
        effect=Act.SKIP if is_observed else _effect(rule.mode, verdict),
        change=change,
        waivers=() if is_observed else verdict.waivers,
    )


def guarded(rule: Rule | ExpressionRule, book: FactBook) -> Verdict | None:
    """What `only_if` makes of the rule before its own facts are looked at; None: it is to be judged."""
    for guard in rule.only_if:
        found = book.read(guard.metric)
        if isinstance(found, Reason):
            return without_facts(rule, METRICS[guard.metric.metric].kind, found)
        if not guard.condition.holds(exact(found)):
            return _too_few(rule, guard, shown_value(guard.metric.metric, exact(found)))
    return None


def without_facts(rule: Rule | ExpressionRule, kind: Kind, why: Reason) -> Verdict:
    """The rule cannot be judged, because facts of `kind` are missing or impossible."""
    act = rule.on_error if why.code == IMPOSSIBLE else rule.on_missing
    unknown = Status.ERROR if why.code == IMPOSSIBLE else Status.MISSING
    return Verdict(
        status=Status.SKIPPED if act is Act.SKIP else unknown,
        reason=why,
        act=act,
        remedy=remedy.for_missing(kind, why),
    )


def _too_few(rule: Rule | ExpressionRule, guard: Guard, actual: str) -> Verdict:
    status = {Act.SKIP: Status.SKIPPED, Act.WARN: Status.WARN, Act.BLOCK: Status.FAIL}[rule.on_too_few]
    params = {"guard": str(guard.metric), "condition": str(guard.condition)}
    return Verdict(
        status=status,
        reason=reason("too-few", actual=actual, **params),
        act=rule.on_too_few,
        remedy=None if status is Status.SKIPPED else said.remedy("reach-guard", **params),
        has_read=True,
    )


def _effect(mode: Mode, verdict: Verdict) -> Act:
    if verdict.act is not None:
        return verdict.act
    match verdict.status:
        case Status.WARN | Status.FAIL if mode is Mode.SCORE:
            return Act.SKIP  # it speaks through its points
        case Status.FAIL:
            return Act.WARN if mode is Mode.WARN else Act.BLOCK
        case Status.WARN:
            return Act.WARN
        case Status.PASS | Status.SKIPPED | Status.WAIVED | Status.OBSERVED:
            return Act.SKIP
        case Status.MISSING | Status.ERROR:
            return Act.BLOCK
