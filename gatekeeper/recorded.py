"""What the server keeps of policies, decisions and events: records that are never edited."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from gatekeeper.decision import Outcome
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.signoff import Approval, Obligation, Override
from gatekeeper.waiver import Covered, Waiver, WaiverScope


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a policy."""

    name: str
    version: int
    digest: str
    text: bytes
    """The YAML as it was imported."""
    author: str
    reason: str
    created_at: datetime
    approved_by: str | None = None
    """The second person; None for what came in without a review."""
    draft: str | None = None
    """Id of the draft that it was."""
    backtest: str | None = None
    """SHA-256 of the backtest that the second person was shown."""


class StoredDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision: what is looked for by, beside the whole answer and all its inputs."""

    id: str
    project_id: str
    stage: str
    path: str
    tree: str
    """Empty when the artifact is linked to no source."""
    commit: str
    artifact: str
    question: str
    policy_name: str
    policy_version: int
    policy_digest: str
    baseline_digest: str
    revision: str
    """State of the subject that was judged: any write to it makes another one."""
    outcome: Outcome
    allowed: bool
    score: str | None
    is_protected: bool
    """True when everything that it used came from protected refs: only such a one becomes a baseline."""
    as_baseline: str
    """Digest of its evidence as a baseline of later questions."""
    as_of: datetime
    valid_until: datetime
    inputs: bytes
    """The inputs as canonical JSON: with the documents and the policy all that a replay needs."""
    body: bytes
    """The decision as JSON."""
    asked_by: str
    recorded_at: datetime


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that a gate query reads in one row, for one way of naming the subject."""

    project_id: str
    stage: str
    key: str
    """`c:<commit>` or `a:sha256:<artifact>`."""
    tree: str
    artifact: str
    commit: str
    policy_digest: str
    baseline_digest: str
    as_of: datetime
    valid_until: datetime
    decision_id: str | None
    allowed: bool
    body: bytes
    """The answer as the API writes it."""


class StoredApproval(msgspec.Struct, frozen=True, kw_only=True):
    """An approval as it is kept."""

    project_id: str
    approval: Approval
    comment: str
    """For people; no event holds it."""


class StoredWaiver(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that somebody asked for, and that somebody else may have granted."""

    id: str
    project_id: str
    stages: tuple[str, ...]
    scope: WaiverScope
    match: str
    accept: str | None
    reason: str
    ticket: str
    owner: str
    """Id of the person who answers for it."""
    requested_by: str
    """The principal."""
    requested_at: datetime
    expires_at: datetime
    covered: tuple[Covered, ...] = ()
    approver: str | None = None
    approver_roles: tuple[str, ...] = ()
    granted_at: datetime | None = None
    revoked_at: datetime | None = None

    def waiver(self, project: str) -> Waiver | None:
        """The waiver of `project`, by its path; None before it is granted."""
        if self.approver is None or self.granted_at is None:
            return None
        return Waiver(
            id=self.id,
            project=project,
            stages=self.stages,
            scope=self.scope,
            match=self.match,
            covered=self.covered,
            accept=self.accept,
            reason=self.reason,
            ticket=self.ticket,
            owner=self.owner,
            approver=self.approver,
            approver_roles=self.approver_roles,
            granted_at=self.granted_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
        )


class StoredOverride(msgspec.Struct, frozen=True, kw_only=True):
    """A break-glass permission that one person asked for, and to which another may have agreed."""

    id: str
    project_id: str
    stage: str
    tree: str
    artifact: str
    reason: str
    hours: int
    """How long it holds from the second word on; 24 at most."""
    asked_by: str
    """Id of the person."""
    asked_at: datetime
    agreed_by: str | None = None
    granted_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def override(self) -> Override | None:
        """The override; None before the second person agreed."""
        if self.agreed_by is None or self.granted_at is None:
            return None
        first, second = sorted((self.asked_by, self.agreed_by))
        return Override(
            id=self.id,
            people=(first, second),
            reason=self.reason,
            stage=self.stage,
            tree=self.tree,
            artifact=self.artifact,
            granted_at=self.granted_at,
            expires_at=self.granted_at + timedelta(hours=self.hours),
            revoked_at=self.revoked_at,
        )


class StoredObligation(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed, for which source, and who said that it was done."""

    project_id: str
    tree: str
    key: str
    """Its id in the policy."""
    obligation: Obligation
    settled_by: str | None = None
    """Id of the person."""
    comment: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What was rolled out where, and how that went, as somebody told."""

    id: str
    project_id: str
    stage: str
    tree: str
    commit: str
    artifact: str
    status: str
    """`succeeded`, `failed` or `rolled_back`."""
    told_by: str
    """The principal."""
    at: datetime
    received_at: datetime


class Event(StrEnum):
    """What the ledger will hold. The names are part of every entry and never change."""

    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    EVIDENCE_ACCEPTED = "evidence.accepted"
    EVIDENCE_REJECTED = "evidence.rejected"
    EVIDENCE_DELETED = "evidence.deleted"
    SET_CLOSED = "set.closed"
    BUILD_LINKED = "build.linked"
    DECISION = "decision"
    OVERRIDE = "override"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_SUBMITTED = "policy.submitted"
    POLICY_WITHDRAWN = "policy.withdrawn"
    POLICY_REJECTED = "policy.rejected"
    POLICY_APPROVED = "policy.approved"
    POLICY_PUBLISHED = "policy.published"
    POLICY_IN_FORCE = "policy.in_force"
    POLICY_ASSIGNED = "policy.assigned"
    WAIVER_GRANTED = "waiver.granted"
    WAIVER_REVOKED = "waiver.revoked"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    OVERRIDE_REVOKED = "override.revoked"
    OBLIGATION_OPENED = "obligation.opened"
    OBLIGATION_SETTLED = "obligation.settled"
    DEPLOYMENT = "deployment"
    ACCESS_GRANTED = "access.granted"
    ACCESS_REVOKED = "access.revoked"
    PERSON_ADDED = "person.added"
    PERSON_JOINED = "person.joined"
    PERSON_CHANGED = "person.changed"
    KEY_ROTATED = "key.rotated"
    HOLD_PLACED = "hold.placed"
    HOLD_RELEASED = "hold.released"
    EXPORT_CREATED = "export.created"
    LEDGER_OPENED = "ledger.opened"


class LedgerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that matters, waiting for the ledger. Digests and opaque ids only, no text of people."""

    event: Event
    project_id: str | None
    actor: str
    """The principal: a token's public part or a CI identity."""
    at: datetime
    subject: str
    """Id or digest of what it is about."""
    payload_sha256: str
    """Digest of the record that it stands for."""
    payload_size: int


class TrackedFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finding over time on the refs that are released from."""

    project_id: str
    kind: Kind
    name: str
    job: str
    fingerprint: str
    rule: str
    title: str
    severity: Severity
    path: str | None
    line: int | None
    package: str | None
    version: str | None
    advisories: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    fixed_at: datetime | None
