"""The answer of a gate, as the API writes it: short enough to read, with every reason and what to do."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.decision import Decision, Mode, Outcome, PolicyRef, Reason, Remedy, RuleResult, Status
from gatekeeper.evidence import Param
from gatekeeper.policy.effort import effort_of
from gatekeeper.subject import Subject


class Standing(StrEnum):
    """Whether the question can be answered yet."""

    DECIDED = "decided"
    PENDING = "pending"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message: code, parameters, English words."""

    code: str
    params: dict[str, Param] = {}
    text: str = ""


class GateReason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that stands against the subject; `rule` is None for a reason of the whole decision."""

    rule: str | None
    status: Status | None
    mode: Mode | None
    """What the rule does to the decision; None for a reason of the whole decision, which stands alone."""
    code: str
    params: dict[str, Param]
    text: str
    remedy: Remedy | None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """May this subject enter the stage? While `pending` nothing is known, and nothing is allowed."""

    project: str
    stage: str
    state: Standing
    allowed: bool
    outcome: Outcome | None = None
    score: str | None = None
    question: str | None = None
    as_of: datetime | None = None
    valid_until: datetime | None = None
    decision: str | None = None
    """Id of the recorded decision that this is the answer of; None when nothing was recorded."""
    policy: PolicyRef | None = None
    subject: Subject
    reasons: tuple[GateReason, ...] = ()
    pending: tuple[Said, ...] = ()
    retry_after_s: int | None = None


def decided(decision: Decision, *, is_recorded: bool, until: datetime | None = None) -> Gate:
    """The answer that a decision gives; what costs the least work to mend comes first.

    It is valid as long as the decision, and not beyond `until`, when another version takes over.
    """
    return Gate(
        project=decision.subject.project,
        stage=decision.stage,
        state=Standing.DECIDED,
        allowed=decision.allowed,
        outcome=decision.outcome,
        score=decision.score,
        question=decision.question,
        as_of=decision.as_of,
        valid_until=min(decision.valid_until, until) if until else decision.valid_until,
        decision=decision.id if is_recorded else None,
        policy=decision.policy,
        subject=decision.subject,
        reasons=(
            *(_reason(None, why, None) for why in decision.reasons),
            *(
                _reason(rule, rule.message, rule.remedy)
                for rule in sorted(decision.rules, key=lambda rule: effort_of(rule.remedy))
                if rule.status in (Status.WARN, Status.FAIL, Status.MISSING, Status.ERROR)
            ),
        ),
    )


def waiting(subject: Subject, stage: str, pending: tuple[Said, ...], retry_after_s: int) -> Gate:
    """The answer to a question that was asked too early."""
    return Gate(
        project=subject.project,
        stage=stage,
        state=Standing.PENDING,
        allowed=False,
        subject=subject,
        pending=pending,
        retry_after_s=retry_after_s,
    )


def as_bytes(gate: Gate) -> bytes:
    """The answer as JSON."""
    return msgspec.json.encode(gate)


def gate_from(data: bytes) -> Gate:
    """A stored answer read back."""
    return msgspec.json.decode(data, type=Gate)


def _reason(rule: RuleResult | None, why: Reason, remedy: Remedy | None) -> GateReason:
    return GateReason(
        rule=rule.id if rule else None,
        status=rule.status if rule else None,
        mode=rule.mode if rule else None,
        code=why.code,
        params=why.params,
        text=why.text,
        remedy=remedy,
    )
