"""Questions, and the short form of a decision; `Decision` and `Gate` themselves are msgspec's."""

from datetime import datetime

from pydantic import Field

from gatekeeper.decision import Outcome
from gatekeeper.recorded import StoredDecision
from gatekeeper_api.schemas.base import Artifact, GitId, PolicyOf, ProjectPath, Sent, Shape, Stage


class Question(Sent):
    """May this subject enter the stage? It is named by its commit, its artifact, or both."""

    project: ProjectPath
    stage: Stage
    commit: GitId | None = None
    tree: GitId | None = None
    artifact: Artifact | None = None


class DecisionSummary(Shape):
    """A recorded decision in short."""

    id: str = Field(examples=["dec_0j4kq2m3v9c1p8r7t5w6x0z2ab"])
    project: str
    stage: str
    outcome: Outcome
    allowed: bool
    score: str | None
    commit: str | None
    tree: str | None
    artifact: str | None
    policy: PolicyOf
    as_of: datetime
    valid_until: datetime

    @classmethod
    def of(cls, project: str, one: StoredDecision) -> "DecisionSummary":
        """The decision as lists show it."""
        return cls(
            id=one.id,
            project=project,
            stage=one.stage,
            outcome=one.outcome,
            allowed=one.allowed,
            score=one.score,
            commit=one.commit or None,
            tree=one.tree or None,
            artifact=one.artifact or None,
            policy=PolicyOf(name=one.policy_name, version=one.policy_version, digest=one.policy_digest),
            as_of=one.as_of,
            valid_until=one.valid_until,
        )
