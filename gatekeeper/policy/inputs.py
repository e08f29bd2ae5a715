"""The inputs of a question, made from what they name."""

from collections.abc import Iterable
from datetime import datetime

from gatekeeper.canonical import digest
from gatekeeper.decision import EvidenceInput, Inputs, People, SetInput
from gatekeeper.evidence import Baseline, Evidence
from gatekeeper.policy.model import Policy
from gatekeeper.policy.paths import path_of
from gatekeeper.policy.spelling import TZDATA_VERSION, utc
from gatekeeper.signoff import Approval, Obligation, Override, PriorDecision, Records
from gatekeeper.subject import Subject
from gatekeeper.waiver import Waiver

Record = Waiver | Approval | Override | Obligation | PriorDecision


def inputs_for(
    subject: Subject,
    stage: str,
    policy: Policy,
    evidence: Iterable[Evidence],
    *,
    as_of: datetime,
    baseline: Baseline | None = None,
    people: People | None = None,
    sets: Iterable[SetInput] = (),
    waivers: Iterable[Waiver] = (),
    records: Records = Records(),  # noqa: B008  # frozen
    path: str | None = None,
) -> Inputs:
    """The inputs that `evaluate` demands for these arguments, whatever their order.

    Without `path`, the one that the policy chooses; `evaluate` refuses any other.
    """
    items = tuple(evidence)
    databases = {item.document.database.digest for item in items if item.document.database}
    return Inputs(
        policy_digest=policy.digest,
        subject=subject,
        stage=stage,
        path=path if path is not None else path_of(policy, items, subject),
        as_of=utc(as_of),
        evidence=evidence_inputs(items),
        waivers=digests_of(waivers),
        approvals=digests_of(records.approvals),
        overrides=digests_of(records.overrides),
        obligations=digests_of(records.obligations),
        prior_decisions=digests_of(records.prior),
        people=people or People(),
        baseline_digest=baseline.digest if baseline else None,
        feeds=tuple(sorted(databases)),
        tzdata_version=TZDATA_VERSION,
        sets=tuple(sorted(sets, key=lambda one: one.id)),
    )


def digests_of(records: Iterable[Record]) -> tuple[str, ...]:
    """The digests of `records`, sorted."""
    return tuple(sorted(record.digest for record in records))


def evidence_inputs(evidence: Iterable[Evidence]) -> tuple[EvidenceInput, ...]:
    """Each piece by its content and provenance, without database ids, sorted."""
    found = [
        EvidenceInput(
            kind=item.kind,
            name=item.name,
            job=item.job,
            order=item.order,
            digest=item.digest,
            sha256=item.sha256,
            state=item.document.state,
            provenance=item.provenance,
            source=item.source,
            artifact=item.artifact,
            set_id=item.set_id,
            received_at=item.received_at,
            produced_at=item.document.produced_at,
        )
        for item in evidence
    ]
    if len({_place(one) for one in found}) == len(found):
        return tuple(sorted(found, key=_place))
    # Two reports of one slot under one number: only their content can order them.
    return tuple(sorted(found, key=lambda one: (*_place(one), digest(one))))


def _place(one: EvidenceInput) -> tuple[str, str, str, int]:
    return one.kind, one.name, one.job, one.order
