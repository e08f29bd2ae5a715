"""The answer to one question: the facts judged by the rules, then by order, window, people and what is owed.

The steps, in order: rules; what entering the stage takes beyond them; the outcome; the override.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from gatekeeper.decision import (
    Approvals,
    Change,
    Inputs,
    Missing,
    Mode,
    Outcome,
    Reason,
    RuleResult,
    Status,
    Waivers,
)
from gatekeeper.policy.approvals import Signed, Standing, blocking_rules, open_findings, signed
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.demands import demanded_results
from gatekeeper.policy.entry import Asked, Held, asked
from gatekeeper.policy.judge import judge
from gatekeeper.policy.judge_expression import judge_expression
from gatekeeper.policy.left_out import left_out
from gatekeeper.policy.model import Act, ExpressionRule, Policy, Rule
from gatekeeper.policy.obligations import owing
from gatekeeper.policy.order import order
from gatekeeper.policy.overrides import Overridden, overridden
from gatekeeper.policy.promotion import Path
from gatekeeper.policy.said import reason
from gatekeeper.policy.score import Score, effect_of, score_of, shown_points
from gatekeeper.policy.separation import excluded
from gatekeeper.policy.spelling import later, utc
from gatekeeper.policy.verdict import Judged
from gatekeeper.policy.waivers import Resolved
from gatekeeper.policy.windows import window_held
from gatekeeper.signoff import Records

_CHECKED = (Status.PASS, Status.WARN, Status.FAIL, Status.WAIVED)
_UNKNOWN = (Status.MISSING, Status.ERROR)
"""Nothing was checked here; these count as a check only where they stop the decision themselves."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a decision says, before it is bound to its question."""

    outcome: Outcome
    score: Score
    reasons: tuple[Reason, ...]
    rules: tuple[RuleResult, ...] = ()
    missing: tuple[Missing, ...] = ()
    waivers: Waivers = field(default_factory=Waivers)
    approvals: Approvals = field(default_factory=Approvals)
    obligations: tuple[str, ...] = ()
    override: str | None = None
    would_change: tuple[Change, ...] = ()
    valid_until: datetime

    @property
    def allowed(self) -> bool:
        """True when it passes, warns, or people broke the glass."""
        return self.outcome in (Outcome.PASS, Outcome.WARN) or self.override is not None


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What entering the stage takes beyond rules."""

    held: tuple[Held, ...]
    approvals: Approvals
    obligations: tuple[str, ...]


def answer_of(
    inputs: Inputs,
    policy: Policy,
    path: Path,
    book: FactBook,
    *,
    waivers: Resolved,
    records: Records,
    faults: Sequence[Reason] = (),
) -> Answer:
    """The answer for a stage that `path` enters; with `faults` of the question it is no, whatever is there.

    People may override a no of the policy, not a question that is wrong in itself.
    """
    question = asked(inputs, path)
    demanded, missing, judged = _judged(policy, path, book, question)
    score = score_of(judged)
    score_act, score_reason = effect_of(score, policy.score, judged)
    results = demanded + tuple(_with_points(one) for one in judged)
    used = book.findings_waived_by().union(*(one.waivers for one in judged))
    entry = _entry(question, inputs, policy, book, records, results, score, _owners(waivers, used))
    held = [one for group in entry.held for one in group.judged]
    nothing = None if _is_something_checked(judged) else reason("nothing-checked", stage=inputs.stage)
    acts = [one.effect for one in (*judged, *held)] + [score_act]
    if missing or nothing or faults:
        acts.append(Act.BLOCK)
    outcome = _outcome(acts)
    over = Overridden()
    if outcome is Outcome.FAIL and not faults:
        over = overridden(records.overrides, question)
    changes = sorted((one.change for one in judged if one.change), key=lambda c: (c.at, c.rule))
    moments = [change.at for change in changes]
    moments += [one.changes_at for one in book.material.looked if one.changes_at is not None]
    moments += [*waivers.changes(used), *over.changes_at]
    moments += [moment for group in entry.held for moment in group.changes_at]
    found = (*faults, nothing, score_reason, *waivers.refused.values(), *over.refused)
    return Answer(
        outcome=outcome,
        score=score,
        reasons=tuple(why for why in found if why),
        rules=results + tuple(one.result for one in held),
        missing=missing,
        waivers=waivers.listed(used),
        approvals=entry.approvals,
        obligations=entry.obligations,
        override=over.override,
        would_change=tuple(changes),
        valid_until=_valid_until(question.as_of, policy, moments),
    )


def no_answer(inputs: Inputs, policy: Policy, why: Reason) -> Answer:
    """No, because nothing can be judged: the question asks for what the policy does not have."""
    as_of = utc(inputs.as_of)
    return Answer(
        outcome=Outcome.FAIL, score=score_of(()), reasons=(why,), valid_until=_valid_until(as_of, policy, ())
    )


def _judged(
    policy: Policy, path: Path, book: FactBook, question: Asked
) -> tuple[tuple[RuleResult, ...], tuple[Missing, ...], list[Judged]]:
    """Demanded evidence, what of it is missing, and the rules in force at the stage."""
    as_of = question.as_of
    judged: list[Judged] = []
    kept: list[Rule | ExpressionRule] = []
    for rule in policy.rules:
        bounds = policy.bounds_at(rule, question.stage) if path.has(rule.paths) else None
        if bounds is not None and rule.id in path.without_rules:
            judged.append(left_out(rule, path))
        elif bounds is not None:
            judged.append(judge(rule, bounds, book, as_of))
            kept.append(rule)
    for one in policy.expressions:
        is_in_force = policy.reaches(question.stage, one.from_stage) and path.has(one.paths)
        if is_in_force and one.id in path.without_rules:
            judged.append(left_out(one, path))
        elif is_in_force:
            judged.append(judge_expression(one, book, as_of))
            kept.append(one)
    demanded, missing = demanded_results(kept, book, as_of)
    return demanded, missing, judged


def _entry(
    question: Asked,
    inputs: Inputs,
    policy: Policy,
    book: FactBook,
    records: Records,
    results: Sequence[RuleResult],
    score: Score,
    owners: Iterable[str],
) -> _Entry:
    window = policy.window(question.stage)
    owed = owing(records.obligations, question.as_of)
    signatures = Signed()
    if policy.signing(question.stage, question.path) is not None:
        standing = Standing(
            demands=policy.signing_digest(question.stage, question.path),
            rules=blocking_rules(results),
            findings=open_findings(finding for _, finding in book.open_findings()),
            revoke_on=policy.revoke_on,
            excluded=excluded(policy.separation, inputs.people, owners),
        )
        signatures = signed(question, policy, standing, records.approvals, book=book, score=score.value)
    held = [order(question, records.prior), signatures, owed]
    if window is not None:
        held.insert(1, window_held(window, policy.time_zone, question.as_of))
    return _Entry(held=tuple(held), approvals=signatures.approvals, obligations=owed.open)


def _owners(waivers: Resolved, used: frozenset[str]) -> frozenset[str]:
    return frozenset(waiver.owner for waiver in waivers.applied if waiver.id in used)


def _outcome(acts: Sequence[Act]) -> Outcome:
    if Act.BLOCK in acts:
        return Outcome.FAIL
    return Outcome.WARN if Act.WARN in acts else Outcome.PASS


def _is_something_checked(judged: Sequence[Judged]) -> bool:
    """Demanded evidence does not count: that a report is there says nothing about what stands in it."""
    return any(
        one.result.mode in (Mode.BLOCK, Mode.SCORE)
        and (one.result.status in _CHECKED or (one.result.status in _UNKNOWN and one.effect is Act.BLOCK))
        for one in judged
    )


def _with_points(one: Judged) -> RuleResult:
    points = one.points
    return one.result if points is None else msgspec.structs.replace(one.result, points=shown_points(points))


def _valid_until(as_of: datetime, policy: Policy, moments: Iterable[datetime]) -> datetime:
    """The first instant after `as_of` at which time alone changes an input; `valid_for` at most."""
    return min([*(one for one in moments if one > as_of), later(as_of, policy.valid_for_s)])
