"""Projects and policies, as the API writes and takes them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gatekeeper.project import Project as KnownProject
from gatekeeper.recorded import PolicyVersion as StoredVersion
from gatekeeper_api.schemas.base import Glob, Line, Name, ProjectPath, Ref, Sent, Shape, example


class Project(Shape):
    """What is released."""

    model_config = example(
        id="prj_0j4kq2m3v9c1p8r7t5w6x0z2ab",
        path="pay/api",
        policy="base",
        is_assigned=False,
        default_ref="main",
        protected_refs=["main", "release/*"],
        issuer="https://gitlab.example.com",
        provider_id="4711",
        created_at="2026-11-23T02:50:00.123456Z",
    )

    id: str
    path: str
    policy: str
    is_assigned: bool = Field(description="True: somebody chose the policy; else it follows `applies_to`.")
    default_ref: str
    protected_refs: list[str]
    issuer: str | None
    provider_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, one: KnownProject) -> "Project":
        """The project as the API writes it."""
        return cls(
            id=one.id,
            path=one.path,
            policy=one.policy,
            is_assigned=one.is_assigned,
            default_ref=one.default_ref,
            protected_refs=list(one.protected_refs),
            issuer=one.issuer,
            provider_id=one.provider_id,
            created_at=one.created_at,
        )


class NewProject(Sent):
    """A project to be."""

    path: ProjectPath
    policy: Name | None = Field(
        None, description="By default the one that applies to its path.", examples=["base"]
    )
    default_ref: Ref = "main"
    protected_refs: Annotated[tuple[Glob, ...], Field(max_length=100)] = ("main",)
    issuer: Annotated[Line, Field(max_length=300)] | None = Field(
        None, description="The CI provider; with `provider_id`.", examples=["https://gitlab.example.com"]
    )
    provider_id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = Field(
        None, description="The provider's numeric id of the project.", examples=["4711"]
    )


class PolicyChoice(Sent):
    """The policy that decides from now on."""

    policy: Name


class PolicyVersion(Shape):
    """One immutable version of a policy."""

    model_config = example(
        name="base",
        version=1,
        digest="sha256:" + "ab" * 32,
        author="system",
        reason="shipped with Gatekeeper",
        created_at="2026-11-23T02:50:00.123456Z",
        in_force=True,
        approved_by=None,
    )

    name: str
    version: int
    digest: str
    author: str
    reason: str
    created_at: datetime
    in_force: bool = Field(description="True for the newest version whose time has come: it decides.")
    approved_by: str | None = Field(description="The second person; null for what came in without one.")

    @classmethod
    def of(cls, one: StoredVersion, *, in_force: bool) -> "PolicyVersion":
        """The version as the API writes it."""
        return cls(
            name=one.name,
            version=one.version,
            digest=one.digest,
            author=one.author,
            reason=one.reason,
            created_at=one.created_at,
            in_force=in_force,
            approved_by=one.approved_by,
        )
