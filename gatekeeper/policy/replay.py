"""A stored decision with all that it was made from, judged again. Pure: a library gives what digests name."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gatekeeper.canonical import canonical_bytes, digest_of_bytes
from gatekeeper.decision import SEMANTICS, Decision, EvidenceInput, Inputs, Reason
from gatekeeper.evidence import Baseline, Evidence, EvidenceDocument
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.model import SCHEMA, Policy
from gatekeeper.policy.said import reason
from gatekeeper.signoff import Records
from gatekeeper.waiver import Waiver


class KeptDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one decision. Its policy and its documents are named by digest, and lie elsewhere."""

    decision: Decision
    inputs: Inputs
    baseline: tuple[EvidenceInput, ...] | None = None
    """The evidence behind its baseline; None when there was none, or when nobody knows it any more."""
    waivers: tuple[Waiver, ...] = ()
    records: Records = Records()


class Library(Protocol):
    """Where policies and documents lie by digest. What it gives has that digest; None when it is gone."""

    def policy(self, digest: str) -> Policy | None:
        """The policy with this digest."""
        ...

    def document(self, digest: str) -> EvidenceDocument | None:
        """The normalised document with this digest."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A kept decision with everything that it names."""

    kept: KeptDecision
    policy: Policy
    evidence: tuple[Evidence, ...]
    baseline: Baseline | None


def recalled(kept: KeptDecision, library: Library) -> Recalled | Reason:
    """The decision with all that it was made from; or why it cannot be judged again.

    What is not there is never left out: a question with less evidence is another question.
    """
    inputs = kept.inputs
    if inputs.semantics != SEMANTICS:
        return reason("replay-semantics", was=inputs.semantics, now=SEMANTICS)
    if not _has_records(kept):
        return reason("replay-records-gone")
    policy = library.policy(inputs.policy_digest)
    if policy is None:
        return reason("replay-policy-gone", digest=inputs.policy_digest)
    evidence = _evidence(inputs.evidence, library)
    if isinstance(evidence, Reason):
        return evidence
    baseline = _baseline(kept, library)
    if isinstance(baseline, Reason):
        return baseline
    return Recalled(kept=kept, policy=policy, evidence=evidence, baseline=baseline)


def judged_again(recalled: Recalled) -> Decision | Reason:
    """The decision as the policy that decided makes it today; a reason when that is not what was recorded."""
    was = recalled.kept.decision
    again = judged_by(recalled, recalled.policy, recalled.kept.inputs)
    if again.digests.inputs != was.digests.inputs:
        return reason("replay-inputs-differ", was=was.digests.inputs, now=again.digests.inputs)
    if again.digests.outputs != was.digests.outputs or again.outcome is not was.outcome:
        return reason("replay-outputs-differ", was=was.digests.outputs, now=again.digests.outputs)
    return again


def judged_by(recalled: Recalled, policy: Policy, inputs: Inputs) -> Decision:
    """What `policy` says to `inputs`, which may differ from the kept ones in what belongs to the policy."""
    return evaluate(
        inputs,
        policy,
        recalled.evidence,
        baseline=recalled.baseline,
        waivers=recalled.kept.waivers,
        records=recalled.kept.records,
        gate=recalled.kept.decision.gate,
    )


def policy_document(policy: Policy) -> bytes:
    """The bytes that the digest of the policy is made of: all that can change a decision."""
    return canonical_bytes(policy.document)


def policy_from(document: bytes, *, digest: str) -> Policy | None:
    """The policy in the bytes of `policy_document`, without owner and tests; None when it has another digest.

    None, too, when this version of Gatekeeper reads it as another policy than the one that was written.
    """
    if digest_of_bytes(document) != digest:
        return None
    try:
        plain: dict[str, Any] = msgspec.json.decode(document, type=dict[str, Any])
        if plain.pop("schema", None) != SCHEMA:
            return None
        policy = msgspec.convert(plain | {"owner": ""}, Policy)
    except (ValueError, RecursionError):
        return None
    return policy if policy.digest == digest else None


def _has_records(kept: KeptDecision) -> bool:
    """True when the people's records are those that the inputs name."""
    inputs, records = kept.inputs, kept.records
    found = (
        (inputs.waivers, [one.digest for one in kept.waivers]),
        (inputs.approvals, [one.digest for one in records.approvals]),
        (inputs.overrides, [one.digest for one in records.overrides]),
        (inputs.obligations, [one.digest for one in records.obligations]),
        (inputs.prior_decisions, [one.digest for one in records.prior]),
    )
    return all(sorted(named) == sorted(held) for named, held in found)


def _baseline(kept: KeptDecision, library: Library) -> Baseline | Reason | None:
    named = kept.inputs.baseline_digest
    if named is None:
        return None
    pieces = None if kept.baseline is None else _evidence(kept.baseline, library)
    if isinstance(pieces, Reason):
        return pieces
    found = None if pieces is None else Baseline(evidence=pieces)
    return (
        found if found is not None and found.digest == named else reason("replay-baseline-gone", digest=named)
    )


def _evidence(named: Iterable[EvidenceInput], library: Library) -> tuple[Evidence, ...] | Reason:
    found: list[Evidence] = []
    for one in named:
        document = library.document(one.digest)
        if document is None:
            return reason("replay-document-gone", kind=one.kind, name=one.name, digest=one.digest)
        found.append(_piece(one, document))
    return tuple(found)


def _piece(named: EvidenceInput, document: EvidenceDocument) -> Evidence:
    return Evidence(
        id=f"ev_{named.order}",
        kind=named.kind,
        name=named.name,
        job=named.job,
        order=named.order,
        sha256=named.sha256,
        digest=named.digest,
        provenance=named.provenance,
        received_at=named.received_at,
        source=named.source,
        artifact=named.artifact,
        document=document,
        set_id=named.set_id,
    )
