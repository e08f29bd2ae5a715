"""Overrides, obligations and deployments, as the API writes and takes them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from gatekeeper.recorded import Deployment as KeptDeployment
from gatekeeper.recorded import StoredObligation, StoredOverride
from gatekeeper_api.schemas.approvals import Text
from gatekeeper_api.schemas.base import Artifact, GitId, Page, ProjectPath, Sent, Shape, Stage


class NewOverride(Sent):
    """What the first of two people asks for."""

    project: ProjectPath
    stage: Stage
    commit: GitId | None = None
    tree: GitId | None = None
    artifact: Artifact | None = None
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    hours: int = Field(default=1, ge=1, le=24, description="How long it holds once somebody agreed.")


class Override(Shape):
    """A break-glass permission for one subject and stage."""

    id: str = Field(examples=["ovr_06b1"])
    stage: str
    tree: str
    artifact: str
    reason: str
    hours: int
    asked_by: str
    asked_at: datetime
    agreed_by: str | None
    granted_at: datetime | None = Field(description="From then on it holds; null before somebody agreed.")
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, one: StoredOverride) -> "Override":
        """The override as the API writes it."""
        held = one.override
        return cls(
            id=one.id,
            stage=one.stage,
            tree=one.tree,
            artifact=one.artifact,
            reason=one.reason,
            hours=one.hours,
            asked_by=one.asked_by,
            asked_at=one.asked_at,
            agreed_by=one.agreed_by,
            granted_at=one.granted_at,
            expires_at=held.expires_at if held is not None else None,
            revoked_at=one.revoked_at,
        )


class Settlement(Sent):
    """How what was owed was done."""

    comment: Text = Field(min_length=1)


class Obligation(Shape):
    """What is owed after an exception; an overdue one blocks."""

    id: str = Field(examples=["obl_06b1"])
    key: str = Field(description="Its id in the policy.", examples=["late-tests"])
    tree: str
    title: str
    owner_role: str
    decision: str
    opened_at: datetime
    due_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    comment: str

    @classmethod
    def of(cls, stored: StoredObligation) -> "Obligation":
        """The obligation as the API writes it."""
        one = stored.obligation
        return cls(
            id=one.id,
            key=stored.key,
            tree=stored.tree,
            title=one.title,
            owner_role=one.owner_role,
            decision=one.decision,
            opened_at=one.opened_at,
            due_at=one.due_at,
            settled_at=one.settled_at,
            settled_by=stored.settled_by,
            comment=stored.comment,
        )


class ObligationPage(Page[Obligation]):
    """Obligations by id."""


class RolloutStatus(StrEnum):
    """How a rollout went."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


class NewDeployment(Sent):
    """What was rolled out where."""

    project: ProjectPath
    stage: Stage
    commit: GitId | None = None
    artifact: Artifact | None = None
    status: RolloutStatus
    at: AwareDatetime | None = Field(default=None, strict=False, description="Left out: now.")


class Deployment(Shape):
    """A rollout, as somebody told of it."""

    id: str = Field(examples=["dpl_06b1"])
    stage: str
    tree: str
    commit: str
    artifact: str
    status: str
    told_by: str
    at: datetime
    received_at: datetime

    @classmethod
    def of(cls, one: KeptDeployment) -> "Deployment":
        """The deployment as the API writes it."""
        return cls(
            id=one.id,
            stage=one.stage,
            tree=one.tree,
            commit=one.commit,
            artifact=one.artifact,
            status=one.status,
            told_by=one.told_by,
            at=one.at,
            received_at=one.received_at,
        )


class DeploymentPage(Page[Deployment]):
    """Deployments, the newest first."""
