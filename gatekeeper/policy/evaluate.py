"""The decision: a pure function of the inputs, the policy, the evidence, the waivers and the records.

Nothing else is looked at: no clock, no settings, no files. Equal arguments give equal bytes, in any order of
evidence, rules, waivers and records, on any machine.
"""

import base64
import hashlib
from collections.abc import Sequence

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import SEMANTICS, Decision, Digests, Inputs, PolicyRef, Reason
from gatekeeper.evidence import Baseline, Evidence, Kind
from gatekeeper.finding import Finding
from gatekeeper.policy.answer import Answer, answer_of, no_answer
from gatekeeper.policy.book import FactBook, Given
from gatekeeper.policy.current import Material, look_at, shown
from gatekeeper.policy.inputs import digests_of, evidence_inputs
from gatekeeper.policy.model import Policy
from gatekeeper.policy.outputs import outputs_of
from gatekeeper.policy.paths import path_of
from gatekeeper.policy.said import reason
from gatekeeper.policy.spelling import utc
from gatekeeper.policy.waivers import resolve
from gatekeeper.policy.zoned import zoned
from gatekeeper.signoff import Records
from gatekeeper.waiver import Waiver


def evaluate(
    inputs: Inputs,
    policy: Policy,
    evidence: Sequence[Evidence],
    *,
    baseline: Baseline | None = None,
    waivers: Sequence[Waiver] = (),
    records: Records = Records(),  # noqa: B008  # frozen
    gate: bool = True,
) -> Decision:
    """May the subject of `inputs` enter the stage? Always an answer, never an exception for any report.

    `inputs` names the policy, the path, the evidence, the baseline, the waivers and the records of people,
    most of them by digest; when they are not those that were given, the decision fails with
    `inputs-disagree`. `gate=False` marks an answer that is not a gate.
    """
    as_of = utc(inputs.as_of)
    material = look_at(evidence, policy, inputs.subject, as_of, baseline, inputs.sets, inputs.stage)
    disagreement = _disagreement(inputs, policy, evidence, baseline, waivers, records)
    return decide(
        inputs, policy, material, waivers=waivers, records=records, disagreement=disagreement, gate=gate
    )


def decide(
    inputs: Inputs,
    policy: Policy,
    material: Material,
    *,
    waivers: Sequence[Waiver] = (),
    records: Records = Records(),  # noqa: B008  # frozen
    given: Given | None = None,
    given_baseline: Given | None = None,
    disagreement: Reason | None = None,
    gate: bool = True,
) -> Decision:
    """The decision over evidence that has been looked at; with `given`, over the metrics of an example."""
    path = policy.path(inputs.path)
    refusal = _refusal(inputs, policy)
    if path is None or refusal is not None:
        answer = no_answer(inputs, policy, refusal or reason("unknown-path", path=inputs.path))
    else:
        resolved = resolve(
            waivers, policy, project=inputs.subject.project, stage=inputs.stage, as_of=utc(inputs.as_of)
        )
        book = FactBook(
            material,
            policy,
            inputs.stage,
            path=path,
            waivers=resolved,
            given=given,
            given_baseline=given_baseline,
        )
        faults = (disagreement, _unlinked(inputs) if gate else None)
        answer = answer_of(
            inputs,
            policy,
            path,
            book,
            waivers=resolved,
            records=zoned(records),
            faults=[why for why in faults if why is not None],
        )
    return _bound(answer, inputs, policy, material, gate=gate)


def open_findings_of(
    inputs: Inputs, policy: Policy, evidence: Sequence[Evidence], waivers: Sequence[Waiver] = ()
) -> tuple[tuple[Kind, Finding], ...]:
    """The findings of the usable current evidence that no waiver sets aside, by kind, the worst first."""
    if inputs.stage not in policy.stages:
        return ()
    as_of = utc(inputs.as_of)
    material = look_at(evidence, policy, inputs.subject, as_of, None, inputs.sets, inputs.stage)
    resolved = resolve(waivers, policy, project=inputs.subject.project, stage=inputs.stage, as_of=as_of)
    return FactBook(material, policy, inputs.stage, waivers=resolved).open_findings()


def _refusal(inputs: Inputs, policy: Policy) -> Reason | None:
    """Why the policy has no answer for this stage; None when it has."""
    if inputs.stage not in policy.stages:
        return reason("unknown-stage", stage=inputs.stage, stages=policy.stages)
    path = policy.path(inputs.path)
    if path is not None and inputs.stage not in path.stages:
        return reason("stage-not-on-path", stage=inputs.stage, path=path.name, stages=path.stages)
    return None


def _bound(answer: Answer, inputs: Inputs, policy: Policy, material: Material, *, gate: bool) -> Decision:
    """The answer with its question and its evidence."""
    digests = Digests(inputs=digest(inputs), outputs=digest(outputs_of(answer)))
    return Decision(
        id=_identity(digests),
        outcome=answer.outcome,
        allowed=answer.allowed,
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
        waivers=answer.waivers,
        approvals=answer.approvals,
        obligations=answer.obligations,
        override=answer.override,
        would_change=answer.would_change,
        digests=digests,
    )


def _disagreement(
    inputs: Inputs,
    policy: Policy,
    evidence: Sequence[Evidence],
    baseline: Baseline | None,
    waivers: Sequence[Waiver],
    records: Records,
) -> Reason | None:
    """Why the arguments are not what `inputs` names; None when they are."""
    named = sorted(msgspec.json.encode(item) for item in inputs.evidence)
    found = sorted(msgspec.json.encode(item) for item in evidence_inputs(evidence))
    checks = (
        ("semantics", inputs.semantics == SEMANTICS),
        ("policy", inputs.policy_digest == policy.digest),
        ("evidence", named == found),
        ("path", inputs.path == path_of(policy, evidence, inputs.subject)),
        ("baseline", inputs.baseline_digest == (baseline.digest if baseline else None)),
        ("waivers", _sorted(inputs.waivers) == digests_of(waivers)),
        ("approvals", _sorted(inputs.approvals) == digests_of(records.approvals)),
        ("overrides", _sorted(inputs.overrides) == digests_of(records.overrides)),
        ("obligations", _sorted(inputs.obligations) == digests_of(records.obligations)),
        ("prior decisions", _sorted(inputs.prior_decisions) == digests_of(records.prior)),
    )
    for what, agrees in checks:
        if not agrees:
            return reason("inputs-disagree", what=what)
    return None


def _sorted(digests: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(digests))


def _unlinked(inputs: Inputs) -> Reason | None:
    """Why nothing can be said of an artifact alone: only its link tells from which source it was built."""
    subject = inputs.subject
    if subject.source is not None or subject.artifact is None:
        return None
    return reason("artifact-unlinked", artifact=subject.artifact)


def _identity(digests: Digests) -> str:
    """`dec_` and 26 characters that follow from the digests: the same answer has the same id."""
    raw = hashlib.sha256(f"{digests.inputs}\n{digests.outputs}".encode()).digest()
    return "dec_" + base64.b32encode(raw).decode().lower()[:26]
