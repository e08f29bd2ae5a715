"""Drafts of policies, and which policy decides about a project."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gatekeeper.policy_draft import PolicyDraft as StoredDraft
from gatekeeper.service.policy_resolve import Resolution
from gatekeeper_api.schemas.base import Page, Sent, Shape, example

Revision = Annotated[int, Field(ge=1, le=2**31 - 1, description="That the caller saw.")]
Words = Annotated[str, Field(max_length=1_000)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class PolicyCheck(Shape):
    """What reading the draft and running its tests said."""

    digest: str | None = Field(description="Of the policy; null when it cannot decide.")
    faults: list[str] = Field(description="Each with its line and key.")
    tests: int
    failed: list[str] = Field(description="Names of the tests that fail.")


class PolicyDraft(Shape):
    """A version of a policy to be."""

    model_config = example(
        id="pdr_0j4kq2m3v9c1p8r7t5w6x0z2ab",
        policy="base",
        based_on=4,
        revision=2,
        state="submitted",
        check={"digest": "sha256:" + "ab" * 32, "faults": [], "tests": 12, "failed": []},
        reason="coverage 70 to 80, SEC-12",
        in_force_from=None,
        authors=["person:usr_0j4kq2m3v9c1p8r7t5w6x0z2ab"],
        created_at="2026-11-23T02:50:00.123456Z",
        changed_at="2026-11-23T03:10:00.123456Z",
        judged_by=None,
        comment="",
        backtest=None,
        version=None,
        changes=["tighter: rule cov-line: >= 80, was >= 70"],
    )

    id: str
    policy: str
    based_on: int | None
    revision: int = Field(description="One more with every save and step; each step names it.")
    state: str = Field(description="`draft`, `submitted`, `approved`, `rejected` or `withdrawn`.")
    check: PolicyCheck
    reason: str
    in_force_from: datetime | None = Field(description="Null: as soon as it is approved.")
    authors: list[str] = Field(description="Who wrote or submitted it; none of them approves it.")
    created_at: datetime
    changed_at: datetime
    judged_by: str | None
    comment: str
    backtest: str | None = Field(description="SHA-256 of the backtest that the approver was shown.")
    version: int | None = Field(description="The version that it became.")
    changes: list[str] | None = Field(
        None, description="Against the version that it is based on, in words; only where one draft is shown."
    )

    @classmethod
    def of(cls, one: StoredDraft, changes: tuple[str, ...] | None = None) -> "PolicyDraft":
        """The draft as the API writes it."""
        checked = one.checked
        return cls(
            id=one.id,
            policy=one.policy,
            based_on=one.based_on,
            revision=one.revision,
            state=one.state,
            check=PolicyCheck(
                digest=checked.digest,
                faults=list(checked.faults),
                tests=checked.tests,
                failed=list(checked.failed),
            ),
            reason=one.reason,
            in_force_from=one.in_force_from,
            authors=list(one.authors),
            created_at=one.created_at,
            changed_at=one.changed_at,
            judged_by=one.judged_by,
            comment=one.comment,
            backtest=one.backtest,
            version=one.version,
            changes=None if changes is None else list(changes),
        )


class PolicyDraftPage(Page[PolicyDraft]):
    """Drafts, the newest first."""


class DraftStep(Sent):
    """A step of a draft."""

    revision: Revision


class DraftApproval(Sent):
    """What was looked at before the draft was approved."""

    revision: Revision
    digest: Digest = Field(description="Of the policy: `check.digest` of the draft.")
    comment: Words = ""
    backtest: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)] | None = Field(
        None, description="Id of the backtest of this very draft; its digest is kept. Takes `audit:read`."
    )


class DraftRejection(Sent):
    """Why it is not to be."""

    revision: Revision
    comment: Annotated[Words, Field(min_length=1)]


class Rollback(Sent):
    """The version whose content comes back."""

    to: Annotated[int, Field(ge=1, le=2**31 - 1)]
    reason: Annotated[Words, Field(min_length=1)]


class PolicyGlob(Shape):
    """A glob that fits, and whose it is."""

    glob: str
    policy: str


class PolicyResolution(Shape):
    """Which policy decides about a project, and why."""

    project: str
    is_there: bool = Field(description="False: this is what it would get.")
    policy: str
    version: int
    digest: str
    why: str = Field(description="`assigned`, `glob` or `default`.")
    glob: str | None
    fitting: list[PolicyGlob] = Field(description="All that fit the path, the longest first.")
    next_at: datetime | None = Field(description="When another version of the policy takes over.")

    @classmethod
    def of(cls, one: Resolution) -> "PolicyResolution":
        """The resolution as the API writes it."""
        return cls(
            project=one.project,
            is_there=one.is_there,
            policy=one.policy,
            version=one.version,
            digest=one.digest,
            why=one.why,
            glob=one.glob,
            fitting=[PolicyGlob(glob=glob, policy=policy) for glob, policy in one.fitting],
            next_at=one.next_at,
        )
