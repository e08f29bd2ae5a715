"""The decision: a pure function of the inputs, the policy, the evidence and the baseline.

Nothing else is looked at: no clock, no settings, no files. Equal arguments give equal bytes, in any order of
evidence and rules, on any machine.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import (
    SEMANTICS,
    Approvals,
    Change,
    Decision,
    Digests,
    Inputs,
    Missing,
    Mode,
    Outcome,
    PolicyRef,
    Reason,
    RuleResult,
    Status,
    Waivers,
)
from gatekeeper.evidence import Baseline, Evidence
from gatekeeper.policy.book import FactBook, Given
from gatekeeper.policy.current import Material, look_at, shown
from gatekeeper.policy.demands import demanded_results
from gatekeeper.policy.inputs import evidence_inputs
from gatekeeper.policy.judge import Judged, judge
from gatekeeper.policy.model import Act, Policy
from gatekeeper.policy.said import reason
from gatekeeper.policy.score import Score, effect_of, score_of, shown_points
from gatekeeper.policy.spelling import later, utc

_CHECKED = (Status.PASS, Status.WARN, Status.FAIL, Status.WAIVED)
_UNKNOWN = (Status.MISSING, Status.ERROR)
"""Nothing was checked here; these count as a check only where they stop the decision themselves."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    outcome: Outcome
    score: Score
    reasons: tuple[Reason, ...]
    rules: tuple[RuleResult, ...]
    missing: tuple[Missing, ...]
    would_change: tuple[Change, ...]
    valid_until: datetime


def evaluate(
    inputs: Inputs,
    policy: Policy,
    evidence: Sequence[Evidence],
    *,
    baseline: Baseline | None = None,
    gate: bool = True,
) -> Decision:
    """May the subject of `inputs` enter the stage? Always an answer, never an exception for any report.

    `inputs` names the policy, the evidence and the baseline by digest; when they are not those that were
    given, the decision fails with `inputs-disagree`. `gate=False` marks an answer that is not a gate.
    """
    as_of = utc(inputs.as_of)
    material = look_at(evidence, policy, inputs.subject, as_of, baseline, inputs.sets)
    disagreement = _disagreement(inputs, policy, evidence, baseline)
    return decide(inputs, policy, material, disagreement=disagreement, gate=gate)


def decide(
    inputs: Inputs,
    policy: Policy,
    material: Material,
    *,
    given: Given | None = None,
    given_baseline: Given | None = None,
    disagreement: Reason | None = None,
    gate: bool = True,
) -> Decision:
    """The decision over evidence that has been looked at; with `given`, over the metrics of an example."""
    if inputs.stage in policy.stages:
        book = FactBook(material, policy, inputs.stage, given=given, given_baseline=given_baseline)
        unlinked = _unlinked(inputs) if gate else None
        answer = _answer(inputs, policy, book, [why for why in (disagreement, unlinked) if why])
    else:
        answer = _no_such_stage(inputs, policy)
    digests = Digests(inputs=digest(inputs), outputs=digest(_outputs(answer)))
    return Decision(
        id=_identity(digests),
        outcome=answer.outcome,
        allowed=answer.outcome in (Outcome.PASS, Outcome.WARN),
        gate=gate,
        score=answer.score.shown,
        score_arithmetic=answer.score.arithmetic,
        question=inputs.question(),
        subject=inputs.subject,
        stage=inputs.stage,
        path=inputs.path,
        policy=PolicyRef(name=policy.name, version=None, digest=policy.digest),
        as_of=inputs.as_of,
        valid_until=answer.valid_until,
        reasons=answer.reasons,
        rules=answer.rules,
        evidence=tuple(shown(one) for one in material.looked),
        missing=answer.missing,
        waivers=Waivers(),
        approvals=Approvals(),
        obligations=(),
        override=None,
        would_change=answer.would_change,
        digests=digests,
    )


def _disagreement(
    inputs: Inputs, policy: Policy, evidence: Sequence[Evidence], baseline: Baseline | None
) -> Reason | None:
    """Why the arguments are not what `inputs` names; None when they are."""
    named = sorted(msgspec.json.encode(item) for item in inputs.evidence)
    found = sorted(msgspec.json.encode(item) for item in evidence_inputs(evidence))
    checks = (
        ("semantics", inputs.semantics == SEMANTICS),
        ("policy", inputs.policy_digest == policy.digest),
        ("evidence", named == found),
        ("baseline", inputs.baseline_digest == (baseline.digest if baseline else None)),
    )
    for what, agrees in checks:
        if not agrees:
            return reason("inputs-disagree", what=what)
    return None


def _unlinked(inputs: Inputs) -> Reason | None:
    """Why nothing can be said of an artifact alone: only its link tells from which source it was built."""
    subject = inputs.subject
    if subject.source is not None or subject.artifact is None:
        return None
    return reason("artifact-unlinked", artifact=subject.artifact)


def _answer(inputs: Inputs, policy: Policy, book: FactBook, faults: Sequence[Reason]) -> _Answer:
    """The answer of the rules; with `faults` of the question itself it is no, whatever they say."""
    as_of = utc(inputs.as_of)
    in_force = [(rule, bounds) for rule in policy.rules if (bounds := policy.bounds_at(rule, inputs.stage))]
    demanded, missing = demanded_results([rule for rule, _ in in_force], book, as_of)
    judged = [judge(rule, bounds, book, as_of) for rule, bounds in in_force]
    score = score_of(judged)
    score_act, score_reason = effect_of(score, policy.score, judged)
    nothing = None if _is_something_checked(judged) else reason("nothing-checked", stage=inputs.stage)
    acts = [one.effect for one in judged] + [score_act]
    if missing or nothing or faults:
        acts.append(Act.BLOCK)
    changes = sorted((one.change for one in judged if one.change), key=lambda c: (c.at, c.rule))
    return _Answer(
        outcome=_outcome(acts),
        score=score,
        reasons=tuple(why for why in (*faults, nothing, score_reason) if why),
        rules=demanded + tuple(_with_points(one) for one in judged),
        missing=missing,
        would_change=tuple(changes),
        valid_until=_valid_until(as_of, policy, book.material, changes),
    )


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


def _no_such_stage(inputs: Inputs, policy: Policy) -> _Answer:
    return _Answer(
        outcome=Outcome.FAIL,
        score=score_of(()),
        reasons=(reason("unknown-stage", stage=inputs.stage, stages=policy.stages),),
        rules=(),
        missing=(),
        would_change=(),
        valid_until=later(utc(inputs.as_of), policy.valid_for_s),
    )


def _with_points(one: Judged) -> RuleResult:
    points = one.points
    return one.result if points is None else msgspec.structs.replace(one.result, points=shown_points(points))


def _valid_until(as_of: datetime, policy: Policy, material: Material, changes: Sequence[Change]) -> datetime:
    """The first instant after `as_of` at which time alone changes an input; `valid_for` at most."""
    # Both lists hold only instants after as_of.
    moments = [one.changes_at for one in material.looked if one.changes_at is not None]
    moments += [change.at for change in changes]
    return min([*moments, later(as_of, policy.valid_for_s)])


def _outputs(answer: _Answer) -> dict[str, Any]:
    """What two evaluations of equal inputs must agree on, without words, ids and ages."""
    plain = msgspec.to_builtins
    return {
        "semantics": SEMANTICS,
        "outcome": answer.outcome,
        "score": answer.score.shown,
        "reasons": [_coded(plain(why)) for why in answer.reasons],
        "rules": sorted((_hashed_rule(rule) for rule in answer.rules), key=lambda rule: str(rule["id"])),
        "missing": [plain(m) | {"reason": _coded(plain(m.reason))} for m in answer.missing],
        "waivers": plain(Waivers()),
        "would_change": [plain(change) for change in answer.would_change],
        "valid_until": plain(answer.valid_until),
    }


def _hashed_rule(rule: RuleResult) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    del plain["title"]
    plain["message"] = _coded(plain["message"])
    plain["remedy"] = _coded(plain["remedy"]) if plain["remedy"] else None
    return plain


def _coded(message: dict[str, Any]) -> dict[str, Any]:
    return {"code": message["code"], "params": message["params"]}


def _identity(digests: Digests) -> str:
    """`dec_` and 26 characters that follow from the digests: the same answer has the same id."""
    raw = hashlib.sha256(f"{digests.inputs}\n{digests.outputs}".encode()).digest()
    return "dec_" + base64.b32encode(raw).decode().lower()[:26]
