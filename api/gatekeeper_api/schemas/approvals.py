"""Approvals, as the API writes and takes them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gatekeeper.decision import Outcome, Status
from gatekeeper.finding import Severity
from gatekeeper.recorded import StoredApproval
from gatekeeper.service.approvals import Shelf
from gatekeeper.signoff import Verdict
from gatekeeper_api.schemas.base import Artifact, GitId, ProjectPath, Sent, Shape, Stage
from gatekeeper_api.schemas.people import Role

Text = Annotated[str, Field(max_length=2000)]
Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{32}(\.[0-9a-f]{32}){3}$", max_length=131)]


class NewApproval(Sent):
    """A person's word on what `GET /approvals/shown` gave."""

    project: ProjectPath
    stage: Stage
    commit: GitId | None = None
    tree: GitId | None = None
    artifact: Artifact | None = None
    role: Role
    verdict: Verdict = Verdict.APPROVE
    mark: Mark = Field(description="Of what was shown. When that is no longer true, the word is refused.")
    comment: Text = Field(default="", description="Needed to decline.")


class Approval(Shape):
    """A person's word on one subject entering one stage."""

    id: str = Field(examples=["apr_06b1"])
    person: str = Field(examples=["usr_06b1"])
    role: str
    verdict: Verdict
    stage: str
    path: str
    tree: str
    artifact: str
    comment: str
    given_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, stored: StoredApproval) -> "Approval":
        """The approval as the API writes it."""
        one = stored.approval
        return cls(
            id=one.id,
            person=one.person,
            role=one.role,
            verdict=one.verdict,
            stage=one.stage,
            path=one.path,
            tree=one.tree,
            artifact=one.artifact,
            comment=stored.comment,
            given_at=one.given_at,
            withdrawn_at=one.withdrawn_at,
        )


class RoleAsked(Shape):
    """A role that must sign."""

    role: str
    count: int = Field(description="So many people.")


class ToBeSigned(Shape):
    """What signing means now: a person looks at this, and sends `mark` back."""

    project: str
    stage: str
    path: str
    mark: str
    outcome: Outcome = Field(description="Of the answer now, with what was signed already.")
    allowed: bool
    roles: list[RoleAsked] = Field(description="Who signs here, also where a condition may not hold now.")
    missing: list[str] = Field(description="Roles that still have to sign.")
    decision: str | None = Field(description="The recorded decision that says the same.")
    rules: dict[str, Status] = Field(description="The blocking rules.")
    findings: dict[str, Severity] = Field(description="Open findings by fingerprint.")
    approvals: list[Approval] = Field(description="All words on this subject and stage.")

    @classmethod
    def of(cls, shelf: Shelf) -> "ToBeSigned":
        """What is shown, as the API writes it."""
        return cls(
            project=shelf.project,
            stage=shelf.decision.stage,
            path=shelf.path,
            mark=shelf.mark,
            outcome=shelf.decision.outcome,
            allowed=shelf.decision.allowed,
            roles=[RoleAsked(role=one.role, count=one.count) for one in shelf.roles],
            missing=list(shelf.decision.approvals.missing),
            decision=shelf.shown.decision,
            rules=shelf.shown.rules,
            findings=shelf.shown.findings,
            approvals=[Approval.of(one) for one in shelf.approvals],
        )
