"""A backtest: what another policy would have said to decisions that were recorded. Pure.

Each decision is judged with its own clock, inputs and evidence; first by the policy that decided. When that
does not give what was recorded, nothing is said about the other policy: unknown is never `unchanged`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.decision import Decision, Mode, Outcome, Reason, RuleResult, Status
from gatekeeper.policy.model import Act, Policy
from gatekeeper.policy.paths import path_of
from gatekeeper.policy.replay import KeptDecision, Library, judged_again, judged_by, recalled
from gatekeeper.policy.said import reason


class Turn(StrEnum):
    """What a policy would have changed about a decision."""

    PASS_TO_FAIL = "pass-to-fail"
    """It passed, perhaps with a warning, and would have failed."""
    FAIL_TO_PASS = "fail-to-pass"
    """It failed, and would have passed, perhaps with a warning."""
    PASS_TO_WARN = "pass-to-warn"
    WARN_TO_PASS = "warn-to-pass"
    UNCHANGED = "unchanged"
    NOT_REPLAYABLE = "not-replayable"
    """Nothing can be said; the reason is given."""


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in a backtest."""

    id: str
    project: str
    stage: str
    as_of: datetime
    before: Outcome
    after: Outcome | None
    """None when it is not replayable."""
    turn: Turn
    rules: tuple[str, ...] = ()
    """What turns it: ids of rules, or the code of a reason such as `score-too-low`; sorted."""
    reason: Reason | None = None
    """Why it is not replayable."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """How often each turn came about for one rule or one project, or for one reason."""

    name: str
    turns: dict[Turn, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.turns.values())


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would have said, counted."""

    policy: str
    digest: str
    """Of the policy that was tried."""
    total: int
    turns: dict[Turn, int]
    """Every turn, also those that did not happen."""
    outcomes: dict[Outcome, dict[Outcome, int]]
    """Before, then after; replayable decisions only."""
    rules: tuple[Row, ...]
    """By what turned them, the most frequent first; one decision may count for several rules."""
    projects: tuple[Row, ...]
    """By path, all projects that had a decision."""
    reasons: dict[str, int]
    """Why decisions are not replayable, by code."""
    decisions: tuple[Retried, ...]
    """In the order that they were given in."""

    @property
    def changed(self) -> int:
        """How many would have another outcome."""
        return self.total - self.turns[Turn.UNCHANGED] - self.turns[Turn.NOT_REPLAYABLE]


def backtest(candidate: Policy, kept: Iterable[KeptDecision], library: Library) -> Backtest:
    """What `candidate` would have said to each of the decisions."""
    return counted(candidate, retried(candidate, kept, library))


def retried(candidate: Policy, kept: Iterable[KeptDecision], library: Library) -> Iterator[Retried]:
    """One answer after the other, so that nobody has to hold all decisions at once."""
    digest = candidate.digest
    for one in kept:
        yield _retried(candidate, digest, one, library)


def counted(candidate: Policy, done: Iterable[Retried]) -> Backtest:
    """The answers, with their counts."""
    decisions = tuple(done)
    outcomes = {before: dict.fromkeys(Outcome, 0) for before in Outcome}
    for one in decisions:
        if one.after is not None:
            outcomes[one.before][one.after] += 1
    happened = Counter(one.turn for one in decisions)
    by_rule = _rows((rule, one.turn) for one in decisions for rule in one.rules)
    return Backtest(
        policy=candidate.name,
        digest=candidate.digest,
        total=len(decisions),
        turns={turn: happened[turn] for turn in Turn},
        outcomes=outcomes,
        rules=tuple(sorted(by_rule, key=lambda row: (-row.total, row.name))),
        projects=_rows((one.project, one.turn) for one in decisions),
        reasons=dict(sorted(Counter(one.reason.code for one in decisions if one.reason).items())),
        decisions=decisions,
    )


def _retried(candidate: Policy, digest: str, kept: KeptDecision, library: Library) -> Retried:
    answer = _answers(candidate, digest, kept, library)
    was = kept.decision
    turn, rules = Turn.NOT_REPLAYABLE, frozenset[str]()
    after = None
    if not isinstance(answer, Reason):
        before, policy, now = answer
        turn, after = _turn(before.outcome, now.outcome), now.outcome
        rules = _turning(turn, _Weights(before, policy), _Weights(now, candidate))
    return Retried(
        id=was.id,
        project=was.subject.project,
        stage=was.stage,
        as_of=was.as_of,
        before=was.outcome,
        after=after,
        turn=turn,
        rules=tuple(sorted(rules)),
        reason=answer if isinstance(answer, Reason) else None,
    )


def _answers(
    candidate: Policy, digest: str, kept: KeptDecision, library: Library
) -> tuple[Decision, Policy, Decision] | Reason:
    """What was decided, by which policy, and what `candidate` decides; a reason when one is not known."""
    found = recalled(kept, library)
    if isinstance(found, Reason):
        return found
    before = judged_again(found)
    if isinstance(before, Reason):
        return before
    inputs = kept.inputs
    if inputs.policy_digest == digest:
        return before, found.policy, before
    if inputs.stage not in candidate.stages:
        return reason("replay-no-such-stage", policy=candidate.name, stage=inputs.stage)
    path = path_of(candidate, found.evidence, inputs.subject)
    asked = msgspec.structs.replace(inputs, policy_digest=digest, path=path)
    return before, found.policy, judged_by(found, candidate, asked)


def _turn(before: Outcome, after: Outcome) -> Turn:
    match (before, after):
        case (Outcome.PASS | Outcome.WARN, Outcome.FAIL):
            return Turn.PASS_TO_FAIL
        case (Outcome.FAIL, Outcome.PASS | Outcome.WARN):
            return Turn.FAIL_TO_PASS
        case (Outcome.PASS, Outcome.WARN):
            return Turn.PASS_TO_WARN
        case (Outcome.WARN, Outcome.PASS):
            return Turn.WARN_TO_PASS
        case _:
            return Turn.UNCHANGED


class _Weights:
    """What fails a decision, and what only warns, by name."""

    def __init__(self, decision: Decision, policy: Policy) -> None:
        acts = [(result.id, _act(result, policy)) for result in decision.rules]
        why = {one.code for one in decision.reasons}
        self.failing = {name for name, act in acts if act is Act.BLOCK} | why
        self.warning = {name for name, act in acts if act is Act.WARN} | why


def _turning(turn: Turn, before: _Weights, after: _Weights) -> frozenset[str]:
    match turn:
        case Turn.PASS_TO_FAIL:
            return frozenset(after.failing - before.failing)
        case Turn.FAIL_TO_PASS:
            return frozenset(before.failing - after.failing)
        case Turn.PASS_TO_WARN:
            return frozenset(after.warning - before.warning)
        case Turn.WARN_TO_PASS:
            return frozenset(before.warning - after.warning)
        case Turn.UNCHANGED | Turn.NOT_REPLAYABLE:
            return frozenset()


def _act(result: RuleResult, policy: Policy) -> Act:
    """What a result did to the decision, which a stored one does not say in a word of its own."""
    match result.status:
        case Status.FAIL:
            return {Mode.BLOCK: Act.BLOCK, Mode.WARN: Act.WARN}.get(result.mode, Act.SKIP)
        case Status.WARN:
            return Act.SKIP if result.mode is Mode.SCORE else Act.WARN
        case Status.MISSING | Status.ERROR:
            for rule in (*policy.rules, *policy.expressions):
                if rule.id == result.id:
                    return rule.on_missing if result.status is Status.MISSING else rule.on_error
            return Act.BLOCK
        case Status.PASS | Status.SKIPPED | Status.WAIVED | Status.OBSERVED:
            return Act.SKIP


def _rows(happened: Iterable[tuple[str, Turn]]) -> tuple[Row, ...]:
    """By name."""
    counts: dict[str, Counter[Turn]] = {}
    for name, turn in happened:
        counts.setdefault(name, Counter())[turn] += 1
    return tuple(
        Row(name=name, turns={turn: found[turn] for turn in Turn if found[turn]})
        for name, found in sorted(counts.items())
    )
